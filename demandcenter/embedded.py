"""PostgreSQL and Redis for a machine that has none: started by whoever needs them first, stopped after the last.

Every command that needs them holds a shared lock for as long as it lives, and a keeper process (`keeper.py`) runs the
servers until it gets that lock for itself. The kernel drops the lock of a process that dies, however it dies, so
nobody counts users and nobody is forgotten. Production sets DATABASE_URL and REDIS_URL and never comes here.

The locks and the data lie in the servers' home (`server_home.py`).
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import IO

import environ

from demandcenter.server_home import Home, find_home, say
from demandcenter.server_process import private_opener
from demandcenter.server_programs import ServerError

BASE_DIR = Path(__file__).resolve().parent.parent
ADDRESSES = {"postgres": "DATABASE_URL", "redis": "REDIS_URL"}
TITLES = {"postgres": "PostgreSQL", "redis": "Redis"}

_of_this_process: list["Attachment"] = []  # keeps the lock's file open: collected as garbage, it would let go


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
