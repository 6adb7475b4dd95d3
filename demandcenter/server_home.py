"""The folder where the embedded servers keep their data: DATA_DIR, or where their system user can reach it.

postgres/ redis/    the data, with the logs beside
password            of both, made once
servers.json        the addresses, while they run
start.lock          held while somebody joins or starts: one at a time
users.lock          shared by users; exclusive to the keeper while it stops the servers
keeper.lock         held by the keeper for its whole life
"""

import errno
import fcntl
import json
import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from demandcenter.server_process import private_opener
from demandcenter.server_programs import SHARED_STATE, Account, can_reach, server_account

MOVED = "servers-moved-to"
CONTENTS = ("postgres", "redis", "password")


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


def find_home(data_dir: Path) -> Home:
    """Return where the servers of `data_dir` live, moving their data where their user could not reach it."""
    data_dir = data_dir.resolve()
    if not data_dir.exists():
        data_dir.mkdir(parents=True)
        if os.geteuid() == 0:
            data_dir.chmod(0o711)  # the servers' user passes through
    pointer = data_dir / MOVED
    account = server_account(data_dir / "postgres")
    if not pointer.exists() and can_reach(data_dir, account):
        return Home(data_dir, account)
    with open(data_dir / "moving.lock", "a", opener=private_opener) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        moved = Path(pointer.read_text().strip()) if pointer.exists() else None
        if moved is None or not moved.exists():
            moved = _make_shared_home()
            # Written before anything moves: a process killed in between is carried on from here.
            pointer.write_text(f"{moved}\n")
            say(f"The servers' user cannot reach {data_dir}, so PostgreSQL and Redis keep their data in {moved}.")
        for name in CONTENTS:
            if (data_dir / name).exists() and not (moved / name).exists():
                _move(data_dir / name, moved / name)
    return Home(moved, server_account(moved / "postgres"))


def say(message: str) -> None:
    """Tell the person at the terminal; not on standard output, which belongs to the command's result."""
    print(message, file=sys.stderr, flush=True)


def _make_shared_home() -> Path:
    """Make an empty home that every user can pass through; its name is new, so that no old data comes back."""
    home = SHARED_STATE / f"demandcenter-{secrets.token_hex(6)}"
    home.mkdir(parents=True)
    home.chmod(0o711)
    return home


def _move(source: Path, target: Path) -> None:
    """Move a file or folder with its owners, whole or not at all, also to another file system."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    else:
        return
    partial = target.with_name(f"{target.name}.partial")
    if source.is_file():
        shutil.copy2(source, partial)
    else:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(source, partial, symlinks=True)
    originals = (source, *source.rglob("*"))
    for original in originals:
        owner = original.lstat()
        os.chown(partial / original.relative_to(source), owner.st_uid, owner.st_gid, follow_symlinks=False)
    partial.rename(target)
    if source.is_file():
        source.unlink()
    else:
        shutil.rmtree(source)
