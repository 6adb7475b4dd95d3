"""`manage.py up`: the whole product on one machine, from an empty folder to an address to open."""

import fcntl
import importlib.util
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from demandcenter import demo
from demandcenter.embedded import Attachment, attached
from demandcenter.processes import ENVIRONMENT, children
from demandcenter.server_process import LOOPBACK, free_port, is_free
from demandcenter.supervisor import Child, Supervisor
from funnel.models import Lead
from scoring import services

PORTS_TRIED = 20
FOLLOWING = 5.0  # seconds that the processes of a killed `up` may take to end


class Command(BaseCommand):
    help = "Run the whole product: servers where none are given, migrations, demo data at first, web, worker and beat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the web pages (default 8000)")
        parser.add_argument("--no-demo", action="store_true", help="start empty, without demo data and log-ins")

    def handle(self, *, port: int, no_demo: bool, **_options: Any) -> None:
        supervisor = Supervisor(folder=settings.BASE_DIR, environment=os.environ | ENVIRONMENT)
        supervisor.listen_for_signals()
        servers = attached()
        for folder in (settings.DATA_DIR, settings.STATIC_ROOT, settings.MEDIA_ROOT):
            folder.mkdir(parents=True, exist_ok=True)
        with OnlyOne(settings.DATA_DIR / "up.lock") as only_one:
            self._run(supervisor, servers, only_one, port=port, no_demo=no_demo)
        if servers:
            leave(supervisor, servers)

    def _run(
        self, supervisor: Supervisor, servers: Attachment | None, only_one: "OnlyOne", *, port: int, no_demo: bool
    ) -> None:
        migrate(supervisor)
        if servers and "postgres" in servers.addresses and not no_demo:
            offer_demo(supervisor)
        services.ship(now=timezone.now())  # a first scoring model, where there is none
        connections.close_all()
        chosen = port if is_free(port) or only_one.port_of_the_killed(port) else next_free(port)
        if chosen != port:
            supervisor.say(f"Port {port} is taken; the pages are on {chosen}.")
        web, worker, beat = children(chosen)
        address = f"http://{LOOPBACK}:{chosen}/"
        only_one.write(address)
        welcome = Welcome(supervisor, address, web)
        if not supervisor.stopping:
            supervisor.watch([web, worker, beat], each_tick=welcome.once_it_answers)
        supervisor.say("Stopping")
        supervisor.stop([web, beat], patience=1.5)
        supervisor.stop([worker], patience=3.5)  # an idle one takes 2.5; what it leaves is found by the next


class OnlyOne:
    """A lock on the data folder that holds the address of the product running there."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> Self:
        self._handle = self.file.open("a+")
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandError(
                f"Demand Center already runs from this folder: {self.file.read_text() or 'it is just starting'}\n"
                "Stop it first, or give the second one a folder of its own with DEMAND_DATA_DIR."
            ) from error
        self._of_the_killed = self.file.read_text()
        return self

    def __exit__(self, *_error: object) -> None:
        self._handle.truncate(0)
        self._handle.close()

    def write(self, address: str) -> None:
        self._handle.truncate(0)
        self._handle.write(address)
        self._handle.flush()

    def port_of_the_killed(self, port: int) -> bool:
        """Wait for `port` where the last run had it and was killed: its web process needs a moment to follow."""
        if not self._of_the_killed.endswith(f":{port}/"):
            return False
        deadline = time.monotonic() + FOLLOWING
        while not is_free(port) and time.monotonic() < deadline:
            time.sleep(0.1)
        return is_free(port)


class Welcome:
    """Tells the address and the log-ins once the pages can be opened, and not before."""

    def __init__(self, supervisor: Supervisor, address: str, web: Child) -> None:
        self.supervisor = supervisor
        self.address = address
        self.web = web
        self._told = False

    def once_it_answers(self) -> None:
        if self._told or not self.web.is_alive() or not answers(f"{self.address}healthz"):
            return
        self._told = True
        self.supervisor.say(f"Demand Center is ready: {self.address}")
        if self.supervisor.environment.get("DEMO") == "true":
            for login in demo.logins():
                self.supervisor.say(str(login))
        elif not get_user_model().objects.exists():
            self.supervisor.say("Nobody can log in yet: run `.venv/bin/python manage.py createsuperuser`.")
        connections.close_all()
        self.supervisor.say("Ctrl-C stops it.")


def migrate(supervisor: Supervisor) -> None:
    """Bring the database to this version; raises CommandError if it cannot be reached."""
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except OperationalError as error:
        raise CommandError(f"The database does not answer: {str(error).strip()}\nCheck DATABASE_URL.") from error
    if plan:
        supervisor.say(f"Applying {len(plan)} migrations")
        call_command("migrate", interactive=False, verbosity=0)


def offer_demo(supervisor: Supervisor) -> None:
    """Fill an empty database with the demo, finish one that was interrupted, and open the demo's log-ins."""
    mark = settings.DATA_DIR / demo.MARK
    interrupted = mark.exists() and mark.read_text().strip() == "filling"
    if interrupted or not (Lead.objects.exists() or get_user_model().objects.exists()):
        if importlib.util.find_spec("demandcenter.management.commands.seed_demo") is None:
            supervisor.say("This version carries no demo; starting empty.")
            return
        mark.write_text("filling\n")
        supervisor.say("Making the demo data, which takes about a minute")
        if not supervisor.run_once(Child("demo", [sys.executable, "manage.py", "seed_demo"])):
            if not supervisor.stopping:
                supervisor.say("The demo could not be made; starting without it. `manage.py seed_demo` tries again.")
            return
        mark.write_text("ready\n")
    if mark.exists():
        supervisor.environment.setdefault("DEMO", "true")


def leave(supervisor: Supervisor, servers: Attachment) -> None:
    """Stop the embedded servers, Redis before PostgreSQL, unless another command still works with them."""
    connections.close_all()
    if not servers.release():
        supervisor.say("PostgreSQL and Redis stay up until the other commands that use them have ended.")


def next_free(port: int) -> int:
    candidates = range(port + 1, port + PORTS_TRIED)
    return next((candidate for candidate in candidates if is_free(candidate)), None) or free_port()


def answers(address: str) -> bool:
    """Tell whether a server answers at all; an error page is an answer."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=0.5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
