"""Child processes of `manage.py up`: their output under their names, started again when they die, stopped in order.

One thread: output, deaths and signals are looked at in turn, so that forking is safe and nothing is half-written.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demandcenter.server_process import follow_parent

TICK = 0.1  # seconds
LONGEST_PAUSE = 30.0  # seconds before a child that keeps dying is started again
STEADY = 60.0  # seconds after which a start counts as a success


@dataclass
class Child:
    """A program to run, and what is known of its process."""

    name: str
    command: Sequence[str | Path]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    start_at: float = 0.0
    rest: bytes = field(default=b"", repr=False)  # the beginning of a line whose end has not come yet

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Runs children until SIGINT, SIGTERM or SIGHUP; a second signal stops without patience."""

    def __init__(self, *, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.stopping = False
        self.hurried = False
        self._selector = selectors.DefaultSelector()
        self._clock = time.monotonic

    def listen_for_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)

    def run_once(self, child: Child) -> bool:
        """Run `child` to its end; returns whether it succeeded. A signal ends it and is a failure."""
        self._start(child)
        while child.is_alive() and not self.stopping:
            self._pump()
        if self.stopping:
            self.stop([child], patience=2.0)
        self._pump()
        return not self.stopping and child.process is not None and child.process.returncode == 0

    def watch(self, children: Sequence[Child], *, each_tick: Callable[[], None]) -> None:
        """Start `children` and start again those that die, calling `each_tick` in between, until told to stop."""
        while not self.stopping:
            for child in children:
                if not child.is_alive():
                    self._see_to(child)
            self._pump()
            each_tick()

    def stop(self, children: Sequence[Child], *, patience: float) -> None:
        """Ask `children` to finish; after `patience` seconds, or at a second signal, end them with all they started."""
        for child in children:
            if child.process is not None and child.is_alive():
                child.process.terminate()
        deadline = self._clock() + patience
        while any(child.is_alive() for child in children) and self._clock() < deadline and not self.hurried:
            self._pump()
        for child in children:
            if child.process is None:
                continue
            if child.is_alive():
                self.say(f"{child.name} did not finish in {patience:g} s and was ended")
            end_group(child.process)
            child.process.wait()
        self._pump()

    def say(self, message: str, *, name: str = "up") -> None:
        """Print a line under a name; a terminal that has gone away is a reason to stop."""
        try:
            print(f"{name:<7}| {message}", flush=True)
        except OSError:
            self.stopping = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _see_to(self, child: Child) -> None:
        now = self._clock()
        if child.process is not None:
            child.failures = 1 if now - child.started_at > STEADY else child.failures + 1
            pause = min(2.0 ** (child.failures - 1), LONGEST_PAUSE)
            self.say(f"{child.name} ended with status {child.process.returncode}; starting again in {pause:.0f} s")
            end_group(child.process)
            child.process = None
            child.start_at = now + pause
        if now >= child.start_at:
            self._start(child)

    def _start(self, child: Child) -> None:
        child.started_at = self._clock()
        child.process = subprocess.Popen(
            child.command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches the whole group of the terminal; the order of stopping is ours to keep.
            start_new_session=True,
            preexec_fn=lambda: follow_parent(signal.SIGTERM),  # noqa: PLW1509 one system call, no lock
        )
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _pump(self) -> None:
        """Pass on what the children wrote, waiting up to a tick for it."""
        for key, _ in self._selector.select(TICK):
            child: Child = key.data
            chunk = os.read(key.fd, 1 << 16)
            *lines, child.rest = (child.rest + chunk).split(b"\n")
            if not chunk:
                lines, child.rest = [child.rest] if child.rest else [], b""
                self._selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
            for line in lines:
                self.say(line.decode(errors="replace"), name=child.name)

    def _ask_to_stop(self, *_signal: object) -> None:
        self.hurried = self.stopping
        self.stopping = True


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the session of `process`: the workers of a dead master would keep its port."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
