"""`manage.py seed_demo`: fill an empty database with the demo's world and its log-ins, or let it go on (`--live`)."""

import random
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone

from demandcenter import demo
from demandcenter.demo_world import build
from demandcenter.demo_world.live import Live
from funnel.models import Lead

TELL_EVERY = 1.0  # seconds on a terminal
FASTEST = 6_000
TELL_LINES = 10  # in a log
LOCK = 7_310_551  # an advisory one: of two at once, the second finds the first one's leads


class Command(BaseCommand):
    help = (
        "Fill an empty database with the demo: companies, people, campaigns, touches, leads, deals and log-ins. "
        "The same seed on the same day makes the same demo; times are relative to today. With --live, touches go on "
        "coming in and reps go on deciding, beside a product that runs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--leads", type=int, default=20_000, help="over eighteen months (default 20,000)")
        parser.add_argument("--seed", type=int, default=1, help="another seed plays another world (default 1)")
        parser.add_argument("--live", action="store_true", help="let the demo go on until Ctrl-C")
        parser.add_argument("--rate", type=float, default=24, help="with --live: deeds a minute (default 24)")
        parser.add_argument("--minutes", type=float, help="with --live: end after so many minutes")

    def handle(self, *, leads: int, seed: int, live: bool, rate: float, minutes: float | None, **_options: Any) -> None:
        if live:
            self._live(rate, minutes)
        else:
            self._seed(leads, seed)

    def _live(self, rate: float, minutes: float | None) -> None:
        if not 0 < rate <= FASTEST:
            raise CommandError(f"A rate is up to {FASTEST:,} deeds a minute.")
        if not demo.demo_users().exists():
            raise CommandError("There is no demo here to go on with; `manage.py seed_demo` makes one.")
        going = Live(random.Random(), now=timezone.now)
        ends = time.monotonic() + minutes * 60 if minutes is not None else float("inf")
        self.stdout.write(f"About {rate:g} deeds a minute. Ctrl-C ends it.")
        done = 0
        try:
            while time.monotonic() < ends:
                for line in going.step():
                    self.stdout.write(f"{timezone.localtime():%H:%M:%S}  {line}")
                self.stdout.flush()
                done += 1
                time.sleep(min(60 / rate * random.uniform(0.6, 1.4), max(0.0, ends - time.monotonic())))
        except KeyboardInterrupt:
            self.stdout.write("")
        self.stdout.write(f"The demo stands still again after {done:,} deeds.")

    def _seed(self, leads: int, seed: int) -> None:
        started = time.monotonic()
        self._leads, self._told = leads, 0.0
        try:
            with transaction.atomic():  # whole or not at all, so a killed run leaves nothing behind
                if not self._is_empty():
                    self.stdout.write("The demo is there already, and whole.")
                    return
                users = demo.create_logins()
                made = build(leads=leads, now=timezone.now(), users=users, seed=seed, progress=self._tell)
        except ValueError as error:
            raise CommandError(str(error)) from error
        self._tidy()
        if self.stdout.isatty():
            self.stdout.write("\r", ending="")
        self.stdout.write(
            f"The demo is there: {made.leads:,} leads of {made.people:,} people in {made.companies:,} companies, "
            f"{made.touches:,} touches, {made.deals:,} deals, in {time.monotonic() - started:.0f} s."
        )

    def _is_empty(self) -> bool:
        """Whether the demo can be made. False: `up` was killed after it was made, before it could note that.

        Raises CommandError where the database holds leads otherwise.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if not Lead.objects.exists():
            return True
        what = "the demo" if demo.demo_users().exists() else "leads"
        mark = settings.DATA_DIR / demo.MARK
        if what == "leads" or not mark.exists() or mark.read_text().strip() != "filling":
            raise CommandError(
                f"This database holds {what} already; the demo needs an empty one. "
                "`manage.py remove_demo` removes an older demo. Nothing was changed."
            )
        return False

    def _tell(self, done: int) -> None:
        now = time.monotonic()
        if self.stdout.isatty():
            if now - self._told > TELL_EVERY or done == self._leads:
                self._told = now
                self.stdout.write(f"\r{done:,} of {self._leads:,} leads ", ending="")
                self.stdout.flush()
        elif done * TELL_LINES // self._leads > self._told:
            self._told = done * TELL_LINES // self._leads
            self.stdout.write(f"{done:,} of {self._leads:,} leads")

    def _tidy(self) -> None:
        """Let the planner know the tables; each lead was written twice, so clean up too where one may."""
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE" if connection.in_atomic_block else "VACUUM (ANALYZE)")
