"""`manage.py simulate_floor`: play days of a sales floor over the demo, and count what became of every MQL."""

from argparse import SUPPRESS
from datetime import datetime, time, timedelta
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date

from demandcenter import demo, scratch
from demandcenter.demo_world import build
from demandcenter.floor_simulation import FEWEST_REPS, Floor, Report, opening, report
from demandcenter.floor_simulation.report import Flow

MOST_DAYS, MOST_REPS = 60, 200


class Command(BaseCommand):
    help = (
        "Play days on the sales floor of the demo, in a database that is made for it beside the product's and dropped "
        "afterwards: people come in, the product scores, routes and times, SDRs decide, some too late, and hand over "
        "to account executives. The same seed and start play the same days. Fails when the sums do not agree."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=14, help="how many (default 14)")
        parser.add_argument("--reps", type=int, default=20, help=f"SDRs who receive leads, at least {FEWEST_REPS}")
        parser.add_argument("--leads", type=int, default=5_000, help="of the demo before (default 5,000)")
        parser.add_argument("--touches", type=int, default=250, help="that come in on a working day (default 250)")
        parser.add_argument("--seed", type=int, default=1, help="another seed plays other days (default 1)")
        parser.add_argument("--start", help="the first day, like 2026-11-02; by default they end today")
        parser.add_argument("--inside", action="store_true", help=SUPPRESS)

    def handle(self, *, inside: bool, **options: Any) -> None:
        start = self._start(options)
        if not 1 <= options["days"] <= MOST_DAYS or not FEWEST_REPS <= options["reps"] <= MOST_REPS:
            raise CommandError(f"A floor has {FEWEST_REPS} to {MOST_REPS} reps, for 1 to {MOST_DAYS} days.")
        try:
            if inside:
                scratch.refuse_elsewhere()
                self._play(start, options)
                return
            names = ("days", "reps", "leads", "touches", "seed")
            arguments = [part for name in names for part in (f"--{name}", str(options[name]))]
            with scratch.servers() as environment:
                status = scratch.run(
                    ["simulate_floor", *arguments, "--start", f"{start.date()}", "--inside"],
                    environment,
                    tell=self.stdout.write,
                )
        except scratch.ScratchError as error:
            raise CommandError(str(error)) from error
        if status:
            raise CommandError("The days did not come to their end, or their sums do not agree.", returncode=status)

    def _start(self, options: dict[str, Any]) -> datetime:
        """Midnight of the first day. Raises CommandError for a day that is none."""
        day = timezone.localdate() - timedelta(days=options["days"])
        if options["start"]:
            try:
                said = parse_date(options["start"])
            except ValueError:
                said = None
            if said is None:
                raise CommandError(f"“{options['start']}” is no day; write it like 2026-11-02.")
            day = said
        return datetime.combine(day, time(), timezone.get_default_timezone())

    def _play(self, start: datetime, options: dict[str, Any]) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        self.stdout.write(f"The demo as of {start:%A, %d %B %Y} is being made.")
        self.stdout.flush()
        with transaction.atomic():
            build(leads=options["leads"], now=start, users=demo.create_logins(), seed=options["seed"])
        began = opening()
        floor = Floor(
            start=start, days=options["days"], reps=options["reps"], touches=options["touches"], seed=options["seed"]
        )
        floor.play(tell=self._tell)
        found = report(start=start, end=floor.end, began=began)
        for line in lines(found, refused=floor.refused.total()):
            self._tell(line)
        if problems := list(found.problems()):
            raise CommandError("\n".join(problems))

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def lines(found: Report, *, refused: int) -> list[str]:
    """The report as text."""
    told = [*_flow("MQL", found.mqls), *_flow("SQL", found.sqls), ""]
    hands = found.hand_offs
    told += [
        f"{hands.waited + hands.offered:,} SQLs were offered to account executives, {hands.waited:,} of them before:",
        f"  {hands.taken:,} taken over, {hands.returned:,} returned, {hands.taken_back:,} taken back, "
        f"{hands.waiting:,} waiting",
        "",
        "Promises that began:",
    ]
    for one in found.promises:
        told.append(
            f"  {one.kind}: {one.kept:,} kept, {one.broken:,} broken, {one.overdue:,} overdue now, "
            f"{one.running:,} running, {one.cancelled:,} called off"
        )
    told += ["", "Most that somebody is ahead of their share where leads are dealt out in turn, in leads:"]
    told += [f"  {gap:.2f}  {team}" for team, gap in found.gaps.items()]
    return [*told, "", f"{refused:,} acts came too late and were told so."]


def _flow(noun: str, flow: Flow) -> list[str]:
    return [
        "",
        f"{flow.opening:,} {noun}s were open at the beginning; leads became {noun}s {flow.entered:,} times.",
        *(f"  {count:>6,}  {what}" for what, count in sorted(flow.became.items())),
        f"  {flow.became.total():>6,}  in all",
    ]
