"""The embedded servers: shared by commands, stopped after the last, recovered after the worst."""

import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from demandcenter import embedded, server_home, server_process
from demandcenter.embedded import Attachment, attach
from demandcenter.local_servers import PostgresServer, RedisServer
from demandcenter.server_home import find_home
from demandcenter.server_process import LOOPBACK, PortTaken, end_processes, hand_over, processes_over, run_as
from demandcenter.server_programs import Account, ServerError, can_reach, server_account
from tests.waiting import PATIENCE, wait_until

# One worker for all: the tests look at the whole machine, its ports and its processes.
pytestmark = pytest.mark.xdist_group("processes")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")


@pytest.fixture
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose path has spaces, quotes and a backslash, and that the servers' user can reach."""
    base = Path("/dev/shm") if Path("/dev/shm").exists() else tmp_path_factory.getbasetemp()
    folder = base / f'demandcenter-tests {os.getpid()} "it\'s\\odd"'
    folder.mkdir(mode=0o755)
    yield folder / "data"
    try:
        assert wait_until(lambda: not find_home(folder / "data").is_kept()), "the servers outlived the test"
    finally:
        shutil.rmtree(folder)


def query(attachment: Attachment, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(attachment.addresses["postgres"])
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def postmaster(data: Path) -> psutil.Process:
    return psutil.Process(int((data / "postgres" / "postmaster.pid").read_text().split()[0]))


def kept_by(data: Path) -> psutil.Process:
    (keeper,) = [p for p in psutil.process_iter(["cmdline"]) if str(data) in (p.info["cmdline"] or [])[3:4]]
    return keeper


@pytest.mark.faults
def test_the_first_starts_the_servers_and_the_last_out_stops_them(data_dir: Path) -> None:
    first = attach(data_dir)
    second = attach(data_dir)
    assert (first.started, second.started) == (True, False)
    assert first.addresses == second.addresses
    server = postmaster(data_dir)

    assert not first.release()
    assert query(second, "SELECT 1") == [(1,)]
    broker = redis.Redis.from_url(second.addresses["redis"])
    broker.rpush("queue", "hint")
    broker.close()

    assert second.release(patience=PATIENCE)
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
    assert not (data_dir / "postgres" / "postmaster.pid").exists()

    third = attach(data_dir)
    broker = redis.Redis.from_url(third.addresses["redis"])
    assert broker.lrange("queue", 0, -1) == [b"hint"]
    broker.close()
    assert third.release(patience=PATIENCE)


@pytest.mark.faults
def test_another_process_keeps_the_servers_up_and_its_death_lets_go(data_dir: Path) -> None:
    ours = attach(data_dir)
    code = (
        "import sys; from demandcenter.embedded import *; a = attach(Path(sys.argv[1])); print('in', flush=1); input()"
    )
    command = [sys.executable, "-c", code, str(data_dir)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        assert not ours.release(), "stopped under another user"
        assert find_home(data_dir).is_kept()
        other.kill()
    assert wait_until(lambda: not find_home(data_dir).is_kept())


@pytest.mark.faults
def test_a_killed_postgresql_comes_back_at_the_same_address_with_all_it_confirmed(data_dir: Path) -> None:
    attachment = attach(data_dir)
    query(attachment, "CREATE TABLE kept (id int); INSERT INTO kept SELECT generate_series(1, 1000)")
    server = postmaster(data_dir)
    server.kill()

    def counts() -> bool:
        try:
            return query(attachment, "SELECT count(*) FROM kept") == [(1000,)]
        except psycopg2.OperationalError:
            return False

    assert wait_until(counts)
    assert postmaster(data_dir).pid != server.pid
    assert attachment.release(patience=PATIENCE)


@pytest.mark.faults
def test_killing_everything_loses_nothing_confirmed(data_dir: Path) -> None:
    attachment = attach(data_dir)
    query(attachment, "CREATE TABLE kept (id int); INSERT INTO kept SELECT generate_series(1, 1000)")
    victims = [kept_by(data_dir), *processes_over(data_dir / "postgres", ["postgres"])]
    victims += processes_over(data_dir / "redis", ["redis-server", "valkey-server"])
    for process in victims:
        with contextlib.suppress(psutil.NoSuchProcess):  # some follow the first
            process.kill()
    assert wait_until(lambda: not find_home(data_dir).is_kept())

    again = attach(data_dir)
    assert again.started
    assert query(again, "SELECT count(*) FROM kept") == [(1000,)]
    attachment.release()
    assert again.release(patience=PATIENCE)


@pytest.mark.faults
def test_a_server_left_by_a_killed_keeper_is_ended_before_a_new_one_starts(data_dir: Path) -> None:
    attachment = attach(data_dir)
    server = postmaster(data_dir)
    kept_by(data_dir).kill()
    assert wait_until(lambda: not find_home(data_dir).is_kept())
    again = attach(data_dir)
    assert postmaster(data_dir).pid != server.pid
    assert query(again, "SELECT 1") == [(1,)]
    attachment.release()
    assert again.release(patience=PATIENCE)


@pytest.mark.faults
def test_a_process_that_its_parent_has_not_noticed_to_be_dead_holds_up_nobody() -> None:
    child = subprocess.Popen(["true"])
    gone = psutil.Process(child.pid)
    assert wait_until(lambda: gone.status() == psutil.STATUS_ZOMBIE)
    started = time.monotonic()
    end_processes([gone], [gone], [signal.SIGTERM, signal.SIGKILL], patience=60)
    assert time.monotonic() - started < 30
    child.wait()


@pytest.mark.faults
def test_a_misleading_pid_file_does_not_stop_the_next_start(data_dir: Path) -> None:
    """The number may by now be a process of somebody else, which must survive."""
    data_dir.mkdir()
    account = server_account(data_dir / "postgres")
    server = PostgresServer(data_dir / "postgres", password="secret", account=account, durable=False)
    server.start()
    server.stop()
    stranger = subprocess.Popen(["sleep", "60"], cwd="/", **run_as(account))  # type: ignore[call-overload]
    lock = data_dir / "postgres" / "postmaster.pid"
    try:
        for content in (f"{stranger.pid}\n/elsewhere\n", "", "not a number\n", "999999999\n"):
            lock.write_text(content)
            hand_over(lock, account)
            server.start()
            server.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def take(server: socket.socket, port: int) -> None:
    """Nobody else can listen there then; whether because we do, or somebody else on this machine, is all the same."""
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with contextlib.suppress(OSError):
        server.bind((LOOPBACK, port))
        server.listen()


@pytest.mark.faults
def test_taken_ports_are_replaced_and_named(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(embedded, "say", said.append)
    with socket.socket() as postgres_port, socket.socket() as redis_port:
        take(postgres_port, 15432)
        take(redis_port, 16379)
        attachment = attach(data_dir)
        let_go = [port for port in (15432, 16379) if server_process.is_free(port)]
    assert attachment.release(patience=PATIENCE)
    if let_go:
        pytest.skip(f"somebody else on this machine let go of {let_go} in the middle of this test")
    assert ":15432/" not in attachment.addresses["postgres"]
    assert ":16379/" not in attachment.addresses["redis"]
    assert [line for line in said if line.startswith("Port 15432 is taken; PostgreSQL listens on ")]
    assert [line for line in said if line.startswith("Port 16379 is taken; Redis listens on ")]


@pytest.mark.faults
def test_a_port_that_is_taken_in_the_last_moment_is_replaced_unless_it_must_be_this_one(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir.mkdir()
    server = RedisServer(data_dir / "redis", password="secret", account=server_account(data_dir / "redis"))
    monkeypatch.setattr(server_process, "is_free", lambda _port: True)  # as it was a moment ago, and is again later
    with socket.socket() as somebody:
        somebody.bind((LOOPBACK, 0))
        somebody.listen()
        server.preferred_port = somebody.getsockname()[1]
        server.start()
        assert server.port != server.preferred_port and server.is_alive()
        server.stop()
        with pytest.raises(PortTaken, match=f":{server.preferred_port}"):
            server.start(port=server.preferred_port)
    assert not list(data_dir.glob("redis.unreadable-*")), "its journal was blamed"
    server.start(port=server.preferred_port)
    assert server.port == server.preferred_port
    server.stop()


@pytest.mark.faults
def test_both_servers_want_the_password_listen_on_loopback_only_and_are_not_root(data_dir: Path) -> None:
    attachment = attach(data_dir)
    password = (data_dir / "password").read_text()
    assert (data_dir / "password").stat().st_mode & 0o077 == 0
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(attachment.addresses["postgres"].replace(password, "guess"))
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(attachment.addresses["redis"].replace(f":{password}@", "")).ping()
    pids = {process.pid for process in processes_over(data_dir / "postgres", ["postgres"])}
    pids |= {process.pid for process in processes_over(data_dir / "redis", ["redis-server", "valkey-server"])}
    listening = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):  # PostgreSQL's own workers come and go
            process = psutil.Process(pid)
            listening += [c for c in process.net_connections() if c.status == psutil.CONN_LISTEN]
            assert 0 not in process.uids()
            assert password not in " ".join(process.cmdline())
    assert {connection.laddr.ip for connection in listening} == {LOOPBACK}
    assert attachment.release(patience=PATIENCE)


@pytest.mark.faults
def test_half_made_data_of_a_killed_first_start_is_made_again(data_dir: Path) -> None:
    (data_dir / "postgres.new").mkdir(parents=True)
    (data_dir / "postgres.new" / "PG_VERSION").write_text("18\n")
    attachment = attach(data_dir)
    assert query(attachment, "SELECT 1") == [(1,)]
    assert not (data_dir / "postgres.new").exists()
    assert attachment.release(patience=PATIENCE)


@pytest.mark.faults
def test_a_journal_that_redis_cannot_read_is_put_aside(data_dir: Path) -> None:
    assert attach(data_dir).release(patience=PATIENCE)
    for journal in (data_dir / "redis").rglob("*.aof*"):
        if journal.is_file():
            journal.write_bytes(b"nonsense\r\n" * 10)
    for manifest in (data_dir / "redis").rglob("*.manifest"):
        manifest.write_bytes(b"nonsense\n")
    attachment = attach(data_dir)
    assert redis.Redis.from_url(attachment.addresses["redis"]).ping()
    assert list(data_dir.glob("redis.unreadable-*"))
    assert attachment.release(patience=PATIENCE)


@as_root
@pytest.mark.faults
def test_under_a_private_folder_the_data_moves_to_where_its_user_reaches_it(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(server_home, "say", said.append)
    monkeypatch.setattr(server_home, "SHARED_STATE", data_dir.parent / "shared")
    attachment = attach(data_dir)
    query(attachment, "CREATE TABLE kept (id int)")
    assert attachment.release(patience=PATIENCE)

    private = data_dir.parent / "private"
    private.mkdir(mode=0o700)
    data_dir.rename(private / "data")
    attachment = attach(private / "data")
    assert attachment.home.folder.parent == data_dir.parent / "shared"
    assert any(str(attachment.home.folder) in line for line in said)
    assert query(attachment, "SELECT count(*) FROM kept") == [(0,)], "the data did not come along"
    assert attachment.release(patience=PATIENCE)
    private.chmod(0o755)
    assert find_home(private / "data") == attachment.home, "data that moved stays where it is"


@as_root
def test_data_moves_to_another_file_system_with_its_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_paths: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    (source / "inner" / "file").write_text("content")
    os.chown(source / "inner" / "file", 12345, 12346)
    partial = tmp_path / "target.partial"
    partial.mkdir()
    (partial / "left by a process that was killed").touch()
    rename = Path.rename
    monkeypatch.setattr(Path, "rename", lambda path, target: refuse() if path == source else rename(path, target))
    server_home._move(source, tmp_path / "target")
    moved = tmp_path / "target" / "inner" / "file"
    assert (moved.read_text(), moved.stat().st_uid, moved.stat().st_gid) == ("content", 12345, 12346)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["target"]
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["inner"]


def test_production_refuses_embedded_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTION", "true")
    monkeypatch.setenv("DATABASE_URL", "")
    with pytest.raises(ServerError, match="DATABASE_URL is not: production runs on servers of its own"):
        embedded.attach_command()


def test_addresses_from_the_environment_are_used_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/demand")
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere/0")
    assert embedded.attach_command() is None
    assert os.environ["DATABASE_URL"] == "postgresql://elsewhere/demand"


def test_reachability_follows_the_folders_on_the_way(tmp_path: Path) -> None:
    stranger = Account("stranger", 54321, 54321)
    outer = tmp_path / "outer"
    inner = outer / "inner"
    inner.mkdir(parents=True)
    outer.chmod(0o700)
    assert not can_reach(inner, stranger)
    assert can_reach(inner, None)
    assert can_reach(Path("/usr/lib"), stranger)
    assert not can_reach(outer / "not yet there", stranger)
