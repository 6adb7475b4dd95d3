"""`manage.py up` as a person meets it: started, interrupted, killed, started again."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from demandcenter.server_home import find_home
from demandcenter.server_process import LOOPBACK, free_port
from tests.waiting import PATIENCE, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("processes")]


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    base = "/dev/shm" if Path("/dev/shm").exists() else None
    folder = Path(tempfile.mkdtemp(prefix="demandcenter up ", dir=base))
    folder.chmod(0o755)
    yield folder / "data"
    wait_until(lambda: not find_home(folder / "data").is_kept())
    shutil.rmtree(folder)


def environment(data_dir: Path) -> dict[str, str]:
    """The environment of a person who has set nothing."""
    ours = ("DATABASE_URL", "REDIS_URL", "DEMO", "DJANGO_", "DEMAND_", "PYTEST_")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)} | {"DEMAND_DATA_DIR": str(data_dir)}


def manage(data_dir: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=environment(data_dir) | extra,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class Up:
    """A running `manage.py up` in a process group of its own, like the job of a terminal."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir
        self.port = port
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--no-demo", "--port", str(port)],
            cwd=settings.BASE_DIR,
            env=environment(data_dir),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def wait_for(self, words: str, *, seconds: float = PATIENCE) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if words in line:
                    return line
            if self.process.poll() is not None and not self._reader.is_alive():
                break
            time.sleep(0.05)
        raise AssertionError(f"{words!r} did not come:\n" + "\n".join(self.lines))

    def children(self) -> dict[str, psutil.Process]:
        """The processes by name; of several, the first."""
        found: dict[str, psutil.Process] = {}
        marks = {"web": "gunicorn", "worker": "worker", "beat": "beat", "keeper": "demandcenter.keeper"}
        marks |= {"postgres": "-D", "redis": "redis.conf"}
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                command = process.cmdline()
            except psutil.NoSuchProcess:
                continue
            name = next((name for name, mark in marks.items() if mark in command), None)
            if name is None and command and "server" in command[0] and "127.0.0.1" in command[0]:
                name = "redis"  # which names itself by its address
            if name:
                found.setdefault(name, process)
        return found

    def stop(self, number: int = signal.SIGINT) -> None:
        """Send a signal as the terminal does, to the whole group, and wait for the end."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)


@pytest.fixture
def start_up(data_dir: Path) -> Iterator[Callable[[int], Up]]:
    """Start `up` on a port; what still runs at the end is stopped."""
    started: list[Up] = []

    def start(port: int) -> Up:
        started.append(Up(data_dir, port))
        return started[-1]

    yield start
    for running in started:
        running.stop()


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def health(port: int) -> dict[str, str]:
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/healthz", timeout=PATIENCE) as answer:
        return dict(json.load(answer))


def test_it_serves_commands_join_it_and_ctrl_c_stops_it_in_order(start_up: Callable[[int], Up], data_dir: Path) -> None:
    up = start_up(free_port())
    up.wait_for("Demand Center is ready")
    assert health(up.port) == {"status": "ok", "database": "ok", "redis": "ok"}
    children = up.children()
    assert set(children) == {"web", "worker", "beat", "keeper", "postgres", "redis"}
    sessions = {os.getsid(process.pid) for process in children.values()}
    assert len(sessions) == len(children), "Ctrl-C in the terminal would reach a child directly"
    assert os.getsid(up.process.pid) not in sessions

    commands_join_it_and_a_second_one_is_refused(up, data_dir)
    ctrl_c_stops_it_in_order(up, children)


def commands_join_it_and_a_second_one_is_refused(up: Up, data_dir: Path) -> None:
    made = manage(
        data_dir,
        *("createsuperuser", "--noinput", "--username", "first", "--email", "first@example.com"),
        DJANGO_SUPERUSER_PASSWORD="correct horse battery",
    )
    assert made.returncode == 0, made.stderr
    assert "Starting" not in made.stderr, "the command started servers of its own"
    assert health(up.port)["database"] == "ok", "the command took the servers with it"

    second = manage(data_dir, "up", "--no-demo")
    assert second.returncode != 0
    assert f"already runs from this folder: http://{LOOPBACK}:{up.port}/" in second.stderr
    assert health(up.port)["database"] == "ok"


def ctrl_c_stops_it_in_order(up: Up, children: dict[str, psutil.Process]) -> None:
    gone: dict[str, float] = {}
    watching = threading.Event()

    def watch() -> None:
        while len(gone) < len(children):
            for name, process in children.items():
                if name not in gone and not alive(process):
                    gone[name] = time.monotonic()
            watching.set()
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    watching.wait()
    up.stop()
    watcher.join(PATIENCE)
    assert up.process.returncode == 0, up.lines
    assert max(gone["web"], gone["beat"]) <= gone["worker"] <= gone["redis"] <= gone["postgres"]
    assert not any("Traceback" in line for line in up.lines), up.lines


def test_it_survives_a_taken_port_a_dead_child_and_its_own_end(start_up: Callable[[int], Up], data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        first = start_up(taken.getsockname()[1])
        line = first.wait_for(f"Port {first.port} is taken; the pages are on ")
        port = int(line.rstrip(".").rpartition(" ")[2])
        first.wait_for(f"Demand Center is ready: http://{LOOPBACK}:{port}/")

    web = first.children()["web"]
    web.kill()
    first.wait_for("web ended with status -9; starting again in 1 s")
    assert wait_until(lambda: first.children().get("web", web).pid != web.pid)

    children = first.children()
    assert manage(data_dir, "shell", "-v0", "-c", CREATE_USER).returncode == 0
    first.stop(signal.SIGKILL)
    again = start_up(port)
    again.wait_for(f"Demand Center is ready: http://{LOOPBACK}:{port}/")
    assert not [name for name, process in children.items() if alive(process)]
    counted = manage(data_dir, "shell", "-v0", "-c", COUNT_USERS)
    assert counted.stdout.strip() == "1", counted.stderr
    again.stop(signal.SIGTERM)
    assert again.process.returncode == 0, again.lines


CREATE_USER = "from django.contrib.auth.models import User; User.objects.create_user('survivor')"
COUNT_USERS = "from django.contrib.auth.models import User; print(User.objects.filter(username='survivor').count())"
