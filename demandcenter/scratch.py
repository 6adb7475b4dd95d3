"""A database for benchmarks and simulations: made beside the product's own on the same server, dropped afterwards.

The work runs in a process of its own, whose DATABASE_URL and REDIS_URL name the scratch servers: nothing that is
done there, and no process that it starts, can reach the product's data.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import psycopg2
import redis
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import errors, sql

from demandcenter.server_process import follow_parent

SUFFIX = "_benchmark"
TWIN = "_twin"  # what the name of a copy ends in
QUIET = {"LOG_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore:No directory at"}  # static files are not looked for here
MARK = "demand-center-benchmark"  # the key by which we know a Redis database again
NUMBERS = 16  # as Redis comes
TEMPLATE = "template0"  # with nothing of ours in it


class ScratchError(Exception):
    """There can be no scratch database; the message says why and what to do."""


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Make the scratch database and find an empty Redis number; yields the environment that names them.

    Both are emptied at the end, however it comes. Raises ScratchError.
    """
    parameters = connection.get_connection_params()
    name = f"{connection.settings_dict['NAME']}{SUFFIX}"
    if len(f"{name}{TWIN}".encode()) > 63:
        raise ScratchError(f"The name {name} is too long for a database; PostgreSQL takes 63 characters.")
    cache = _redis_address()
    _create(parameters, name)
    try:
        yield {"DATABASE_URL": _database_address(name), "REDIS_URL": cache} | QUIET
    finally:
        _drop(parameters, f"{name}{TWIN}")
        _drop(parameters, name)
        with redis.Redis.from_url(cache) as client:
            client.flushdb()


def run(arguments: Sequence[str], environment: Mapping[str, str], *, tell: Callable[[str], object]) -> int:
    """Run `manage.py` with these arguments in the scratch environment; tells each line, returns the exit status."""
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
    with subprocess.Popen(
        manage,
        env=os.environ | dict(environment),
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: follow_parent(signal.SIGTERM),  # noqa: PLW1509 one system call, no lock
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            tell(line.rstrip("\n"))
    return child.returncode


def refuse_elsewhere() -> None:
    """Raise ScratchError unless this process works in a scratch database: what follows fills and empties tables."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (name,) = cursor.fetchone()
    if not name.endswith(SUFFIX):
        raise ScratchError(f"{name} is no scratch database. Run `manage.py benchmark` without --inside; it makes one.")


@contextmanager
def twin() -> Iterator[BaseDatabaseWrapper]:
    """Copy the scratch database as it is now; yields a connection to the copy, for `connected_to`. Dropped afterwards.

    Closes this process's connections; nobody else may work in the scratch database meanwhile.
    """
    refuse_elsewhere()
    connections.close_all()
    name = connection.settings_dict["NAME"]
    beside = connection.get_connection_params() | {"dbname": name.removesuffix(SUFFIX)}
    with _server(beside) as cursor:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        cursor.execute(copy.format(sql.Identifier(f"{name}{TWIN}"), sql.Identifier(name)))
    other = connections[DEFAULT_DB_ALIAS].copy()
    other.settings_dict["NAME"] = f"{name}{TWIN}"
    try:
        yield other
    finally:
        other.close()
        _drop(beside, f"{name}{TWIN}")


@contextmanager
def connected_to(other: BaseDatabaseWrapper) -> Iterator[None]:
    """Everything within works in the database of this connection."""
    own = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = other
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = own


def _database_address(name: str) -> str:
    found = connection.settings_dict
    user = quote(found["USER"], safe="")
    password = f":{quote(found['PASSWORD'], safe='')}" if found["PASSWORD"] else ""
    port = f":{found['PORT']}" if found["PORT"] else ""
    options = {key: value for key, value in found["OPTIONS"].items() if isinstance(value, str)}
    query = f"?{urlencode(options)}" if options else ""
    return f"postgresql://{user}{password}@{quote(found['HOST'], safe='')}{port}/{quote(name, safe='')}{query}"


def _redis_address() -> str:
    """The product's Redis, at a number that nobody uses. Raises ScratchError."""
    parts = urlsplit(settings.REDIS_URL)
    own = int(parts.path.strip("/") or 0)
    try:
        for step in range(1, NUMBERS):
            address = urlunsplit(parts._replace(path=f"/{(own - step) % NUMBERS}"))
            with redis.Redis.from_url(address, socket_connect_timeout=2, socket_timeout=5) as client:
                if not client.dbsize() or client.exists(MARK):
                    client.set(MARK, "in use")
                    return address
    except redis.RedisError as error:
        raise ScratchError(f"Redis does not answer: {error}. Check REDIS_URL.") from error
    raise ScratchError(f"All {NUMBERS} numbers of this Redis are in use; this needs an empty one.")


@contextmanager
def _server(parameters: Mapping[str, Any]) -> Iterator[Any]:
    """A cursor outside any transaction: databases are made and dropped only there."""
    known = {key: value for key, value in parameters.items() if key not in ("cursor_factory", "context")}
    session = psycopg2.connect(**known)
    session.autocommit = True
    try:
        with session.cursor() as cursor:
            yield cursor
    finally:
        session.close()


def _create(parameters: Mapping[str, Any], name: str) -> None:
    try:
        with _server(parameters) as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [name])
            if cursor.fetchone()[0]:
                raise ScratchError(f"Somebody works in {name}: a benchmark or a simulation runs. Wait for it to end.")
            for left in (f"{name}{TWIN}", name):
                cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(left)))
            cursor.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'").format(
                    sql.Identifier(name), sql.Identifier(TEMPLATE)
                )
            )
    except errors.InsufficientPrivilege as error:
        user = connection.settings_dict["USER"]
        raise ScratchError(
            f"This needs a database of its own, {name}, and {user} may not create one. "
            f"As an administrator of the server: ALTER ROLE {user} CREATEDB"
        ) from error
    except (psycopg2.OperationalError, OperationalError) as error:
        raise ScratchError(f"The database does not answer: {str(error).strip()}") from error


def _drop(parameters: Mapping[str, Any], name: str) -> None:
    with _server(parameters) as cursor:
        # FORCE would ask for the right to end the server's own autovacuum, which a plain DROP sends away by itself.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = current_user",
            [name],
        )
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
