"""A pytest plugin: PostgreSQL and Redis of the suite's own, in memory, gone when the run ends.

Loaded by `-p tests.servers`, because pytest-django reads the settings before any conftest runs. Under xdist the
controller starts them and the workers inherit the addresses; each worker has its own database and Redis number.

DEMAND_TEST_DATABASE_URL and DEMAND_TEST_REDIS_URL name servers to use instead (the database's user needs CREATEDB);
DEMAND_TEST_POSTGRES picks the major version, by default the oldest that the product supports.
"""

import fcntl
import gc
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from demandcenter.local_servers import SHARED_MEMORY, SHARED_MEMORY_NEEDED, PostgresServer, RedisServer
from demandcenter.server_process import Server
from demandcenter.server_programs import can_reach, server_account
from tests import template_database

OLDEST_SUPPORTED = "16"
REDIS_NUMBERS = 64  # one for each xdist worker
PREFIX = "demandcenter-tests-"


class TestServers:
    """The servers of one run in a folder of their own, which a lock marks as in use."""

    __test__ = False

    def __init__(self) -> None:
        parent = _roomiest_place()
        _remove_abandoned(parent)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self.folder.chmod(0o711)  # the servers' user passes through
        self._lock = (self.folder / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.running: list[Server] = []
        self._programs: Path | None = None

    def start(self) -> None:
        account = server_account(self.folder / "postgres")
        password = secrets.token_hex(16)
        if url := os.environ.get("DEMAND_TEST_DATABASE_URL"):
            os.environ["DATABASE_URL"] = url
        else:
            version = int(os.environ.get("DEMAND_TEST_POSTGRES", OLDEST_SUPPORTED))
            postgres = PostgresServer(
                self.folder / "postgres",
                password=password,
                account=account,
                durable=False,
                version=version,
                settings={"max_connections": "200"},
            )
            os.environ["DATABASE_URL"] = self._started(postgres)
            _grant(postgres)
            self._programs = postgres.programs
        if url := os.environ.get("DEMAND_TEST_REDIS_URL"):
            os.environ["REDIS_URL"] = url
        else:
            redis = RedisServer(
                self.folder / "redis", password=password, account=account, durable=False, databases=REDIS_NUMBERS
            )
            os.environ["REDIS_URL"] = self._started(redis)

    def prepare(self) -> None:
        """Migrate once; on a PostgreSQL given from outside every worker migrates its own database."""
        if self._programs is not None:
            template_database.make(os.environ["DATABASE_URL"], programs=self._programs)
            os.environ["DEMAND_TEST_TEMPLATE"] = template_database.NAME

    def _started(self, server: Server) -> str:
        self.running.append(server)
        server.start()
        return server.url

    def stop(self) -> None:
        for server in reversed(self.running):
            server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def _grant(server: PostgresServer) -> None:
    """Let the tests' role pass by triggers, which `emptying` does and only an administrator can allow."""
    administrator = server.url.replace(f"//{server.owner}:", f"//{server.administrator}:")
    with closing(psycopg2.connect(administrator)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"GRANT SET ON PARAMETER session_replication_role TO {server.owner}")


def redis_url_of_worker(url: str, worker: str | None) -> str:
    """Give each xdist worker (`gw3`) its own Redis number, so that caches and queues do not mix."""
    if worker is None:
        return url
    number = (int(worker.removeprefix("gw")) + 1) % REDIS_NUMBERS
    server = re.sub(r"/\d*$", "", url)
    return f"{server}/{number}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        os.environ["REDIS_URL"] = redis_url_of_worker(os.environ["REDIS_URL"], worker)
        return (yield)
    servers = TestServers()
    early_config.add_cleanup(servers.stop)
    servers.start()
    # No test may touch the installation that lives in the checkout.
    os.environ["DEMAND_DATA_DIR"] = str(servers.folder / "data")
    (servers.folder / "data" / "static").mkdir(parents=True)
    servers.prepare()
    return (yield)


def pytest_configure() -> None:
    """Make test databases as copies of the migrated one. In every worker, after the settings have been read."""
    from django.conf import settings
    from django.db import connection

    from tests import emptying

    if template := os.environ.get("DEMAND_TEST_TEMPLATE"):
        connection.settings_dict["TEST"]["TEMPLATE"] = template
        emptying.instead_of_djangos_way()
    # The product's own is slow on purpose: half a second for every log-in of a demo.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # How fast an example is says nothing on a machine that does much else.
    hypothesis_settings.register_profile(
        "suite", hypothesis_settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    hypothesis_settings.load_profile("suite")


def pytest_collection_finish() -> None:
    """All that was loaded for the tests stays; the garbage collector need not look through it over and over."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    gc.unfreeze()  # or libraries complain at the end of what they find alive


def _roomiest_place() -> Path:
    """Memory where there is enough of it, else the folder for temporary files."""
    if SHARED_MEMORY.exists() and shutil.disk_usage(SHARED_MEMORY).free > SHARED_MEMORY_NEEDED:
        return SHARED_MEMORY
    temporary = Path(tempfile.gettempdir())
    return temporary if can_reach(temporary, server_account(temporary)) else Path("/var/tmp")


def _remove_abandoned(parent: Path) -> None:
    """Remove what runs killed with -9 left behind: folders of ours that nobody holds the lock of."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            with (folder / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # in use, being made, or another user's
            continue
