"""A server as a child process over a data folder: started, greeted, stopped, and what is left of a dead one ended."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import psutil

from demandcenter.server_programs import Account, ServerError

LOOPBACK = "127.0.0.1"
START_PATIENCE = 60.0  # seconds; recovery after a crash replays the log before it answers
PORTS = 5  # free ones tried before giving up: somebody else may be faster
TAKEN = "Address already in use"  # in the words of the C locale, which every server speaks here
LOG_LIMIT = 10 * 1024 * 1024  # bytes; a longer log starts anew
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: a child between fork and exec may not


class PortTaken(ServerError):
    """A server could not listen where it should, because somebody else does."""


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def follow_parent(death_signal: int) -> None:
    """Ask Linux to send this process `death_signal` when its parent dies; called between fork and exec."""
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, death_signal)


def private_opener(path: str, flags: int) -> int:
    """Open or create a file for its owner alone; an `opener` for open()."""
    return os.open(path, flags, 0o600)


def run_as(account: Account | None) -> dict[str, object]:
    """Return the arguments of subprocess that run a program as `account`."""
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


def hand_over(path: Path, account: Account | None) -> None:
    if account:
        os.chown(path, account.uid, account.gid)


def server_environment() -> dict[str, str]:
    """Return the environment without what would change a server: PGPORT, PGDATA and the locale of the terminal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


class Server(ABC):
    """A server process over one data folder; the subclasses say how to prepare, start, greet and stop theirs."""

    title: ClassVar[str]
    gentle_stop: ClassVar[int]
    firm_stop: ClassVar[int]
    stop_patience: ClassVar[float]  # seconds for each of the two

    def __init__(
        self, folder: Path, *, password: str, account: Account | None, port: int | None = None, durable: bool = True
    ) -> None:
        """Describe a server over `folder`.

        `port` is preferred, another is taken where it is in use. Without `durable` nothing survives a loss of power
        (tests). The server is told to stop when the process that started it dies, however it dies (Linux).
        """
        self.folder = folder
        self.password = password
        self.account = account
        self.preferred_port = port
        self.port = port or 0
        self.durable = durable
        self.log = folder.with_name(f"{folder.name}.log")
        self.process: subprocess.Popen[bytes] | None = None
        self._log_before = 0  # bytes of the log that stood there before this start

    def start(self, *, port: int | None = None) -> None:
        """Prepare the data where needed, start, and return when the server answers; raises ServerError.

        With a `port` it listens there or raises PortTaken: for a server whose users know where it was.
        """
        self.prepare()
        self.settle_leftovers()
        for number in [port] if port else self._ports():
            self.port = number
            self._launch()
            if self._answers_in_time():
                return
            if not self._found_its_port_taken():
                break
        problem = PortTaken if self._found_its_port_taken() else ServerError
        tail = self._said().splitlines()[-8:]
        self.stop()
        raise problem(f"{self.title} did not start. The end of {self.log}:\n  " + "\n  ".join(tail))

    def _ports(self) -> Iterator[int]:
        if self.preferred_port and is_free(self.preferred_port):
            yield self.preferred_port
        for _ in range(PORTS):
            yield free_port()

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Stop in order, then firmly, then for good; returns when the process is gone."""
        if self.process is None:
            return
        for stop_signal in (self.gentle_stop, self.firm_stop):
            if self.process.poll() is None:
                self.process.send_signal(stop_signal)
            try:
                self.process.wait(self.stop_patience)
                return
            except subprocess.TimeoutExpired:
                continue
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _launch(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.unlink()
        self._log_before = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab", opener=private_opener) as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=server_environment(),
                start_new_session=True,
                preexec_fn=lambda: follow_parent(self.gentle_stop),  # noqa: PLW1509 one system call, no lock
                **run_as(self.account),  # type: ignore[call-overload]
            )

    def _answers_in_time(self) -> bool:
        deadline = time.monotonic() + START_PATIENCE
        while self.is_alive() and time.monotonic() < deadline:
            if self.greets():
                return True
            time.sleep(0.02)
        return False

    def _said(self) -> str:
        """What the server wrote into its log since it was started."""
        return self.log.read_bytes()[self._log_before :].decode(errors="replace")

    def _found_its_port_taken(self) -> bool:
        """From its own words: whoever had the port may have let go of it by now."""
        return not self.is_alive() and TAKEN in self._said()

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def prepare(self) -> None: ...

    @abstractmethod
    def settle_leftovers(self) -> None: ...

    @abstractmethod
    def command(self) -> Sequence[str | Path]: ...

    @abstractmethod
    def greets(self) -> bool: ...


def processes_over(folder: Path, names: Collection[str]) -> list[psutil.Process]:
    """Return the live processes called one of `names` that work in `folder`, as both servers do in their data."""
    return [
        process
        for process in psutil.process_iter(["name"])
        if process.info["name"] in names and _works_in(process, folder)
    ]


def end_processes(
    leaders: Sequence[psutil.Process], everyone: Sequence[psutil.Process], signals: Sequence[int], patience: float
) -> None:
    """Send each of `signals` in turn to `leaders`, the last to all, until `everyone` has gone; seconds for each."""
    for stop_signal in signals:
        for process in everyone if stop_signal == signals[-1] else leaders:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(stop_signal)
        everyone = _still_alive(everyone, patience)
        if not everyone:
            return


def _still_alive(processes: Sequence[psutil.Process], patience: float) -> list[psutil.Process]:
    """Those that live after `patience` seconds; a zombie does not, however long its parent takes to notice."""
    deadline = time.monotonic() + patience
    while alive := [process for process in processes if _lives(process)]:
        if time.monotonic() >= deadline:
            break
        time.sleep(0.05)
    return alive


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder.resolve()
    except (psutil.AccessDenied, psutil.NoSuchProcess):  # another user's, ended or a zombie
        return False
