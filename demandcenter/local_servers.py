"""The PostgreSQL and the Redis that the product brings along: on loopback, with passwords, under a user without rights.

The embedded servers of a laptop (`keeper.py`) and the servers of the test suite (`tests/servers.py`) are these.
"""

import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import psycopg2
import redis
from psycopg2 import sql

from demandcenter.server_process import (
    LOOPBACK,
    PortTaken,
    Server,
    end_processes,
    hand_over,
    processes_over,
    run_as,
    server_environment,
)
from demandcenter.server_programs import (
    REDIS_PROGRAMS,
    Account,
    ServerError,
    newest_postgres,
    postgres_programs,
    redis_program,
)

SHARED_MEMORY = Path("/dev/shm")
MEGABYTE = 1024 * 1024
SHARED_MEMORY_NEEDED = 512 * MEGABYTE  # bytes; containers often have 64 MB, too little for a parallel hash join


class PostgresServer(Server):
    title = "PostgreSQL"
    gentle_stop = signal.SIGINT  # ends sessions, writes a checkpoint
    firm_stop = signal.SIGQUIT  # leaves recovery to the next start
    stop_patience = 5.0
    administrator = "postgres"
    owner = "demand"  # owns the database, may create others, is no superuser: as in production

    def __init__(
        self,
        folder: Path,
        *,
        password: str,
        account: Account | None,
        port: int | None = None,
        durable: bool = True,
        version: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """As Server; `version` is for new data (old data keeps its own), `settings` go on top of ours."""
        super().__init__(folder, password=password, account=account, port=port, durable=durable)
        written = folder / "PG_VERSION"
        self.version = int(written.read_text()) if written.exists() else version or newest_postgres()
        self.settings = dict(settings or {})
        self.programs = postgres_programs(account, version=self.version)

    @property
    def url(self) -> str:
        return f"postgresql://{self.owner}:{self.password}@{LOOPBACK}:{self.port}/{self.owner}"

    def prepare(self) -> None:
        if (self.folder / "PG_VERSION").exists():
            return
        # Made beside its place and renamed, so that a process killed in here leaves nothing half-made behind.
        partial = self.folder.with_name(f"{self.folder.name}.new")
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(mode=0o700)
        hand_over(partial, self.account)
        secret = self.folder.with_name(f"{self.folder.name}.{secrets.token_hex(4)}")
        try:
            secret.touch(mode=0o600)
            secret.write_text(self.password)
            hand_over(secret, self.account)
            self._initdb(partial, secret)
        finally:
            secret.unlink(missing_ok=True)
        partial.rename(self.folder)

    def _initdb(self, folder: Path, password_file: Path) -> None:
        options = ["--encoding=UTF8", "--auth=scram-sha-256", f"--username={self.administrator}", "--no-instructions"]
        if self.version >= 17:  # these carry a collation that is the same on every system
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        else:
            options += ["--locale=C.UTF-8"]
        done = subprocess.run(
            [
                self.programs / "initdb",
                f"--pgdata={folder}",
                f"--pwfile={password_file}",
                *options,
                *([] if self.durable else ["--no-sync"]),
            ],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=server_environment(),
            **run_as(self.account),  # type: ignore[call-overload]
        )
        if done.returncode:
            raise ServerError(f"PostgreSQL could not create its data in {folder}:\n{done.stdout}{done.stderr}")

    def settle_leftovers(self) -> None:
        """End what is left of a server that was not stopped in order, and its `postmaster.pid` if it would mislead.

        PostgreSQL takes any live process of that number for its own, a zombie or a stranger included. A number that
        nobody has any more it deals with itself.
        """
        lock = self.folder / "postmaster.pid"
        if not lock.exists():
            return
        first_line = lock.read_text(errors="replace").partition("\n")[0].strip()
        postmaster = int(first_line) if first_line.isdecimal() else 0
        orphans = processes_over(self.folder, ["postgres"])
        leader = [process for process in orphans if process.pid == postmaster] or orphans
        end_processes(leader, orphans, [self.gentle_stop, self.firm_stop, signal.SIGKILL], self.stop_patience)
        if not postmaster or psutil.pid_exists(postmaster):
            lock.unlink(missing_ok=True)

    def command(self) -> Sequence[str | Path]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "100",
            "shared_buffers": f"{_shared_buffers() // MEGABYTE}MB" if self.durable else "256MB",
            "work_mem": "32MB",
            "maintenance_work_mem": "256MB",
            "max_wal_size": "2GB",
            "random_page_cost": "1.1",
            "jit": "off",
            "timezone": "UTC",
        }
        if SHARED_MEMORY.exists() and shutil.disk_usage(SHARED_MEMORY).free < SHARED_MEMORY_NEEDED:
            settings["dynamic_shared_memory_type"] = "mmap"
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        arguments = [f"--{name}={value}" for name, value in (settings | self.settings).items()]
        return [self.programs / "postgres", "-D", self.folder, *arguments]

    def greets(self) -> bool:
        try:
            connection = psycopg2.connect(
                host=LOOPBACK,
                port=self.port,
                user=self.administrator,
                password=self.password,
                dbname="postgres",
                connect_timeout=5,
            )
        except psycopg2.OperationalError:
            return False
        connection.autocommit = True
        try:
            self._create_database(connection)
        finally:
            connection.close()
        return True

    def _create_database(self, connection: psycopg2.extensions.connection) -> None:
        owner = sql.Identifier(self.owner)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [self.owner])
            if not cursor.fetchone():
                cursor.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD %s").format(owner), [self.password])
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.owner])
            if not cursor.fetchone():
                cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(owner, owner))


class RedisServer(Server):
    title = "Redis"
    gentle_stop = signal.SIGTERM  # writes what it holds, then ends
    firm_stop = signal.SIGKILL
    stop_patience = 3.0

    def __init__(
        self,
        folder: Path,
        *,
        password: str,
        account: Account | None,
        port: int | None = None,
        durable: bool = True,
        databases: int = 16,
    ) -> None:
        """As Server; `databases` is how many numbered ones there are."""
        super().__init__(folder, password=password, account=account, port=port, durable=durable)
        self.databases = databases
        self.program = redis_program(account)

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def start(self, *, port: int | None = None) -> None:
        """As Server; a journal that Redis cannot read is put aside, since nothing depends on what Redis holds."""
        try:
            super().start(port=port)
        except PortTaken:
            raise
        except ServerError:
            if not self.durable or not any(self.folder.glob("appendonly*")):
                raise
            self.folder.rename(self.folder.with_name(f"{self.folder.name}.unreadable-{int(time.time())}"))
            super().start(port=port)

    def prepare(self) -> None:
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700)
            hand_over(self.folder, self.account)

    def settle_leftovers(self) -> None:
        """Stop a Redis that was left running over this folder: two would write one journal."""
        orphans = processes_over(self.folder, REDIS_PROGRAMS)
        end_processes(orphans, orphans, [self.gentle_stop, self.firm_stop], self.stop_patience)

    def command(self) -> Sequence[str | Path]:
        """Return the command; the password goes into a file of the server's user, not into the process list."""
        configuration = self.folder / "redis.conf"
        lines = [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self.password}",
            f"dir {_quoted(self.folder)}",
            f"databases {self.databases}",
            'save ""',
            f"appendonly {'yes' if self.durable else 'no'}",
            "maxmemory 256mb",
            # Cache entries expire and may go; the broker's lists do not expire and stay.
            "maxmemory-policy volatile-lru",
        ]
        configuration.touch(mode=0o600)
        configuration.write_text("\n".join(lines) + "\n")
        hand_over(configuration, self.account)
        return [self.program, configuration]

    def greets(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_connect_timeout=2, socket_timeout=2)
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):  # also raised while the journal is read
            return False
        finally:
            client.close()


def _shared_buffers() -> int:
    """Bytes of PostgreSQL's own cache: an eighth of the machine's memory, taken as it is used."""
    return min(max(psutil.virtual_memory().total // 8, 128 * MEGABYTE), 4096 * MEGABYTE)


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
