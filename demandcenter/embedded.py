"""PostgreSQL and Redis for a machine that has none: started by whoever needs them first, stopped after the last.

Every command that needs them holds a shared lock for as long as it lives, and a keeper process (`keeper.py`) runs the
servers until it gets that lock for itself. The kernel drops the lock of a process that dies, however it dies, so
nobody counts users and nobody is forgotten. Production sets DATABASE_URL and REDIS_URL and never comes here.

In the servers' home (DATA_DIR, or where their user can reach it):

    postgres/ redis/    the data, with the logs beside
    password            of both, made once
    servers.json        the addresses, while they run
    start.lock          held while somebody joins or starts: one at a time
    users.lock          shared by users; exclusive to the keeper while it stops the servers
    keeper.lock         held by the keeper for its whole life
"""

import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import environ

from demandcenter.local_servers import private_opener
from demandcenter.server_programs import Account, ServerError, can_reach, server_account, shared_home

BASE_DIR = Path(__file__).resolve().parent.parent
ADDRESSES = {"postgres": "DATABASE_URL", "redis": "REDIS_URL"}
TITLES = {"postgres": "PostgreSQL", "redis": "Redis"}
MOVED = "servers-moved-to"

_of_this_process: list["Attachment"] = []  # keeps the lock's file open: collected as garbage, it would let go


@dataclass(frozen=True)
class Home:
    """The folder where the servers keep their data, and the system user they run as."""

    folder: Path
    account: Account | None

    def password(self) -> str:
        """Return the password of both servers, made on first use."""
        file = self.folder / "password"
        if not file.exists():
            draft = file.with_suffix(".new")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(24))
            draft.rename(file)
        return file.read_text()

    def lock(self, name: str, operation: int) -> IO[str] | None:
        """Take the lock `name`; None if `operation` does not wait and somebody else holds it."""
        handle = open(self.folder / f"{name}.lock", "a", opener=private_opener)  # noqa: SIM115 the lock lives as long
        try:
            fcntl.flock(handle, operation)
        except BlockingIOError:
            handle.close()
            return None
        return handle

    def is_kept(self) -> bool:
        """Tell whether a keeper is alive."""
        free = self.lock("keeper", fcntl.LOCK_EX | fcntl.LOCK_NB)
        if free:
            free.close()
        return free is None

    def read_state(self) -> dict[str, str] | None:
        """Return the addresses by server name, or None if the servers are not up."""
        try:
            return dict(json.loads((self.folder / "servers.json").read_text()))
        except FileNotFoundError:
            return None

    def write_state(self, addresses: dict[str, str] | None) -> None:
        state = self.folder / "servers.json"
        if addresses is None:
            state.unlink(missing_ok=True)
            return
        draft = state.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(addresses))
        draft.rename(state)


class Attachment:
    """One process's use of the embedded servers; ends with `release()` or with the process."""

    def __init__(self, home: Home, users: IO[str], addresses: dict[str, str], *, started: bool) -> None:
        self.home = home
        self.addresses = addresses
        self.started = started
        self._users = users

    def release(self, *, patience: float = 12.0) -> bool:
        """Let go and, if nobody else uses the servers, wait up to `patience` seconds until they have stopped.

        Returns whether they have stopped.
        """
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except BlockingIOError:
            alone = False
        self._users.close()
        deadline = time.monotonic() + patience
        while alone and time.monotonic() < deadline:
            if not self.home.is_kept():
                return True
            time.sleep(0.05)
        return False


def attach_command() -> Attachment | None:
    """Put the addresses that the environment (or `.env`) lacks into it, joining or starting the embedded servers.

    Called before the settings are read. Returns None where both addresses are given; raises ServerError.
    """
    environ.Env.read_env(BASE_DIR / ".env")
    wanted = [name for name, variable in ADDRESSES.items() if not os.environ.get(variable)]
    if not wanted:
        return None
    if environ.Env().bool("PRODUCTION", default=False):
        missing = " and ".join(ADDRESSES[name] for name in wanted)
        raise ServerError(f"PRODUCTION is set, but {missing} is not: production runs on servers of its own.")
    data_dir = Path(os.environ.get("DEMAND_DATA_DIR") or BASE_DIR / ".data")
    attachment = attach(data_dir, wanted=wanted)
    _of_this_process.append(attachment)
    os.environ.update({ADDRESSES[name]: attachment.addresses[name] for name in wanted})
    return attachment


def attached() -> Attachment | None:
    """Return what `attach_command` returned to this process."""
    return _of_this_process[-1] if _of_this_process else None


def attach(data_dir: Path, *, wanted: Collection[str] = tuple(ADDRESSES)) -> Attachment:
    """Join the servers of `data_dir`, or start them; returns when they answer, raises ServerError if they do not."""
    home = find_home(data_dir)
    try:
        starting = home.lock("start", fcntl.LOCK_EX)
    except PermissionError as error:
        raise ServerError(
            f"{home.folder} belongs to another user. Run the command as that user, or set DEMAND_DATA_DIR to a folder "
            "of your own."
        ) from error
    assert starting is not None
    with starting:
        users = home.lock("users", fcntl.LOCK_SH)  # waits while a keeper stops the servers
        assert users is not None
        try:
            addresses = _running_servers(home)
            started = addresses is None
            if addresses is None:
                _start_keeper(home, wanted)
                addresses = home.read_state() or {}
            if missing := set(wanted) - set(addresses):
                raise ServerError(
                    f"The servers of {home.folder} run without {' and '.join(sorted(missing))}, for a command that has "
                    "another address for it. Wait for that command to end, or give both the same settings."
                )
        except BaseException:
            users.close()
            raise
    return Attachment(home, users, addresses, started=started)


def find_home(data_dir: Path) -> Home:
    """Return where the servers of `data_dir` live, moving their data where their user could not reach it."""
    data_dir = data_dir.resolve()
    if not data_dir.exists():
        data_dir.mkdir(parents=True)
        if os.geteuid() == 0:
            data_dir.chmod(0o711)  # the servers' user passes through
    pointer = data_dir / MOVED
    if pointer.exists() and (moved := Path(pointer.read_text().strip())).exists():
        return Home(moved, server_account(moved / "postgres"))
    account = server_account(data_dir / "postgres")
    if can_reach(data_dir, account):
        return Home(data_dir, account)
    moved = shared_home(data_dir)
    moved.mkdir(parents=True, exist_ok=True)
    moved.chmod(0o711)
    for name in ("postgres", "redis", "password"):
        if (data_dir / name).exists() and not (moved / name).exists():
            shutil.move(data_dir / name, moved / name)
    pointer.write_text(f"{moved}\n")
    say(f"The servers' user cannot reach {data_dir}, so PostgreSQL and Redis keep their data in {moved}.")
    return Home(moved, server_account(moved / "postgres"))


def say(message: str) -> None:
    """Tell the person at the terminal; not on standard output, which belongs to the command's result."""
    print(message, file=sys.stderr, flush=True)


def _running_servers(home: Home) -> dict[str, str] | None:
    """Return the addresses of servers that a living keeper runs, waiting for one that is just starting them."""
    while home.is_kept():
        if addresses := home.read_state():
            return addresses
        time.sleep(0.05)
    return None


def _start_keeper(home: Home, wanted: Collection[str]) -> None:
    say(f"Starting {' and '.join(TITLES[name] for name in wanted)} in {home.folder}")
    home.write_state(None)  # of a keeper that was killed
    log_file = home.folder / "keeper.log"
    with open(log_file, "a", opener=private_opener) as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "demandcenter.keeper", str(home.folder), *wanted],
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C in the terminal is for the command, not for the servers of others
        )
    assert keeper.stdout is not None
    with keeper.stdout:
        report = json.loads(keeper.stdout.readline() or "{}")
    for note in report.get("notes", []):
        say(note)
    if error := report.get("error"):
        raise ServerError(error)
    if not report:
        raise ServerError(f"The embedded servers did not start; {log_file} says why.")
