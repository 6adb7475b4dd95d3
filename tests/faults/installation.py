"""A whole installation for tests that break it: servers, web, worker and two beats, supervised as `up` does."""

import http.client
import http.server
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

import psycopg2
import redis
from django.conf import settings
from django.db import connection

from demandcenter.local_servers import PostgresServer, RedisServer
from demandcenter.processes import children
from demandcenter.server_process import LOOPBACK, PortTaken, Server, free_port
from demandcenter.server_programs import server_account
from demandcenter.supervisor import Child, Supervisor
from tests.waiting import PATIENCE, wait_until

# Where somebody can be held up: in the transaction that writes such a row.
PLACES = {
    "ingest": ("funnel_inbox", "NEW.cause = 'activity'"),
    "drain": ("scoring_score", "true"),
    "assignment": ("routing_assignment", "NEW.kind = 'assigned'"),
    "sweep": ("routing_clockevent", "NEW.kind = 'breached'"),
    "ladder": ("routing_assignment", "NEW.cause LIKE 'clock:%'"),
    "cadence": ("routing_task", "NEW.kind = 'step'"),
    "reminder": ("routing_notice", "NEW.kind = 'steps'"),
    "delivery": ("routing_delivery", "NEW.sent_at IS NOT NULL"),  # it has gone out, and nobody has noted so
}
_HOLD_UP = """
CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock_shared(TG_ARGV[0]::int); RETURN NEW; END $$
"""
_AT = """
CREATE TRIGGER hold_up_{number} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW WHEN ({condition})
EXECUTE FUNCTION hold_up('{number}')
"""
_HELD_UP = "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"


class Listener:
    """Another system that takes what webhooks post. keys: which deliveries came, in order, as often as they came."""

    def __init__(self) -> None:
        self.keys: list[str] = []

        class Taker(http.server.BaseHTTPRequestHandler):
            def do_POST(taker) -> None:  # noqa: N802, N805 the library's name; self is the listener
                self.keys.append(taker.headers["X-Demand-Delivery"])
                taker.send_response(http.client.NO_CONTENT)
                taker.end_headers()

            def log_message(taker, *_words: object) -> None:  # noqa: N805
                pass

        self._server = http.server.ThreadingHTTPServer((LOOPBACK, 0), Taker)
        self.url = f"http://{LOOPBACK}:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Installation:
    """Servers of its own and the product's processes over them, until the end of a `with`."""

    def __enter__(self) -> Self:
        # Within the folder of the run, which is removed even after a run that was killed.
        self.folder = Path(tempfile.mkdtemp(prefix="faults-", dir=settings.DATA_DIR.parent))
        self.folder.chmod(0o711)
        account = server_account(self.folder / "postgres")
        password = secrets.token_hex(16)
        # Durable: what has been acknowledged must outlive a kill.
        self.postgres = PostgresServer(self.folder / "postgres", password=password, account=account)
        self.redis = RedisServer(self.folder / "redis", password=password, account=account)
        self.listener = Listener()
        self._servers: list[Server] = []
        self._watching: threading.Thread | None = None
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        for server in (self.postgres, self.redis):
            self._servers.append(server)
            server.start()
        self.environment = os.environ | {
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "DEMAND_DATA_DIR": str(self.folder / "data"),
            "LOG_LEVEL": "WARNING",
            "WEBHOOKS_WITHIN": "true",
            "WEBHOOK": self.listener.url,
            "PYTHONWARNINGS": "ignore",
        }
        (self.folder / "data" / "static").mkdir(parents=True)
        self._copy_tables(connection.settings_dict)
        self.prepared = json.loads(self.run("-m", "tests.faults.prepare"))
        self.execute(_HOLD_UP)
        for number, (table, condition) in enumerate(PLACES.values()):
            self.execute(_AT.format(table=table, condition=condition, number=number))
        self.port = free_port()
        web, worker, beat = children(self.port)
        beats = [_with_schedule(beat, self.folder / name) for name in ("beat", "second beat")]
        self.processes = {child.name: child for child in (web, worker, *beats)}
        self._supervisor = Supervisor(folder=settings.BASE_DIR, environment=self.environment)
        self._watching = threading.Thread(
            target=self._supervisor.watch, args=[list(self.processes.values())], kwargs={"each_tick": lambda: None}
        )
        self._watching.start()
        assert wait_until(self.answers), "the web process did not come up"

    def _copy_tables(self, test_database: dict[str, Any]) -> None:
        """Take the tables from the suite's database, which is migrated already: that takes longer than all the rest."""
        source = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**test_database)
        programs = self.postgres.programs
        dump = [programs / "pg_dump", "--no-owner", "--no-privileges", "--no-comments", source]
        restore = [programs / "psql", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", self.postgres.url]
        with subprocess.Popen(dump, stdout=subprocess.PIPE) as dumping:
            subprocess.run(restore, stdin=dumping.stdout, check=True)
        assert dumping.returncode == 0, "the suite's database could not be copied"

    def __exit__(self, *_error: object) -> None:
        if self._watching is not None:
            self._supervisor.stopping = True
            self._watching.join()
            self._supervisor.stop(list(self.processes.values()), patience=5.0)
        for server in reversed(self._servers):
            server.stop()
        self.listener.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- asking ---

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=settings.BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def answers(self) -> bool:
        try:
            return self.request("GET", "/healthz")[0] == http.client.OK
        except OSError:
            return False

    def request(self, method: str, address: str, body: Any = None) -> tuple[int, Any]:
        """One request with the token. Raises OSError or HTTPException when no whole answer came."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=30)
        try:
            connection.request(
                method,
                address,
                body=None if body is None else json.dumps(body),
                headers={"Authorization": f"Bearer {self.prepared['secret']}", "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def query(self, sql: str, *parameters: Any) -> list[tuple]:
        """The rows, asked for again while the database comes back."""
        return self._patiently(sql, parameters, lambda cursor: cursor.fetchall())

    def execute(self, sql: str, *parameters: Any) -> int:
        """Change rows; returns how many."""
        return self._patiently(sql, parameters, lambda cursor: cursor.rowcount)

    def _patiently(self, sql: str, parameters: Sequence[Any], answer: Callable[[Any], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with closing(psycopg2.connect(self.postgres.url, connect_timeout=5)) as session, session:
                    cursor = session.cursor()
                    cursor.execute(sql, parameters or None)
                    return answer(cursor)
            except (psycopg2.OperationalError, psycopg2.InterfaceError):  # refused, or cut off in the middle
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    # --- breaking ---

    def kill(self, name: str) -> None:
        """kill -9 of a process and all it has forked; the supervisor starts it again."""
        child = self.processes[name]
        assert child.process is not None, f"{name} does not run"
        child.failures = 0  # the pauses after death upon death are not what is tested here
        os.killpg(child.process.pid, signal.SIGKILL)

    @contextmanager
    def standing_still(self, name: str) -> Iterator[None]:
        process = self.processes[name].process
        assert process is not None, f"{name} does not run"
        os.killpg(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGCONT)

    @contextmanager
    def in_the_middle_of(self, place: str, *, begin: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Begins once somebody is in the middle of this, in a transaction that does not go on until the end.

        begin: what makes them come, done when nobody gets past it any more.
        """
        number = list(PLACES).index(place)
        with closing(psycopg2.connect(self.postgres.url)) as holder:
            with holder.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", [number])
            begin()
            assert wait_until(lambda: self.query(_HELD_UP, number) == [(True,)]), f"nobody came to the {place}"
            yield

    def kill_server(self, server: Server) -> None:
        """kill -9 of a server with all its processes, and another start a moment later at the same address."""
        assert server.process is not None
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
        time.sleep(0.5)

        def starts() -> bool:
            try:
                server.start(port=server.port)
            except PortTaken:  # by somebody on their way out, who got this number from the system meanwhile
                return False
            return True

        assert wait_until(starts), f"the port of {server.title} stayed taken"

    def empty_redis(self) -> None:
        client = redis.Redis.from_url(self.redis.url)
        client.flushall()
        client.close()


def _with_schedule(beat: Child, file: Path) -> Child:
    """The same program over a schedule file of its own, named after it."""
    place = beat.command.index("--schedule") + 1
    return Child(file.name, [*beat.command[:place], file, *beat.command[place + 1 :]])
