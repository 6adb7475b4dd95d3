"""`manage.py benchmark`: how fast the product is, against other ways of doing the same on the same rows."""

import json
import sys
from argparse import SUPPRESS
from collections.abc import Callable, Iterator
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from demandcenter import scratch
from demandcenter.benchmark import ingest, queue, routing, scoring, simulation
from demandcenter.benchmark.measuring import Finding

AREAS: dict[str, Callable[[int], Iterator[Finding]]] = {
    "ingest": ingest.measure,
    "scoring": scoring.measure,
    "queue": queue.measure,
    "routing": routing.measure,
    "simulation": simulation.measure,
}
FEWEST, MOST = 200, 5_000_000


class Command(BaseCommand):
    help = (
        "Measure an area on data of its own, in a database that is made for it beside the product's and dropped "
        "afterwards. Each row compares ours with another way of doing the same work, measured in the same run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("area", choices=list(AREAS))
        parser.add_argument("--leads", type=int, default=10_000, help="how many there are (default 10,000)")
        parser.add_argument("--format", choices=("text", "json"), default="text")
        parser.add_argument("--inside", action="store_true", help=SUPPRESS)

    def handle(self, *, area: str, leads: int, inside: bool, **options: Any) -> None:
        if not FEWEST <= leads <= MOST:
            raise CommandError(f"A benchmark takes {FEWEST:,} to {MOST:,} leads.")
        try:
            if inside:
                scratch.refuse_elsewhere()
                self._measure(area, leads, options["format"])
                return
            with scratch.servers() as environment:
                arguments = [area, "--leads", str(leads), "--format", options["format"], "--inside"]
                status = scratch.run(["benchmark", *arguments], environment, tell=self.stdout.write)
        except scratch.ScratchError as error:
            raise CommandError(str(error)) from error
        if status:
            raise CommandError("The benchmark did not come to its end.", returncode=status)

    def _measure(self, area: str, leads: int, form: str) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        rows = []
        for finding in AREAS[area](leads):
            rows.append(finding.as_row())
            if form == "text":
                self.stdout.write(_line(rows[-1]))
                self.stdout.flush()
            else:
                print(_line(rows[-1]), file=sys.stderr, flush=True)
        if form == "json":
            self.stdout.write(json.dumps(rows, indent=2))


def _line(row: dict[str, Any]) -> str:
    verdict = {True: "met", False: "MISSED", None: ""}[row["met"]]
    numbers = f"{_number(row['ours'])} against {_number(row['comparison'])} {row['unit']}"
    ratio = f"{row['ratio']:.3g}x" + (f", target {row['target']}" if row["target"] else "")
    return f"{row['name']}: {numbers} ({row['against']}); {ratio} {verdict}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
