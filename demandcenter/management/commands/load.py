"""`manage.py load`: bring a CSV file in, as a mapping says."""

import json
import re
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final, NoReturn, TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone

from funnel.importing import documents
from funnel.importing.mapping import MappingProblem
from funnel.importing.reading import FileProblem
from funnel.importing.running import load_file
from funnel.importing.values import SOURCE_PATTERN
from funnel.ingest import KINDS
from funnel.models import ImportRun, Rep
from routing.seats import callsheets

COUNTS = ("rows", "created", "updated", "unchanged", "skipped", "warnings", "errors")
CALLS: Final = "calls"  # whom reps are to meet; routing reads it
ROWS_FAILED = 1
UNUSABLE = 2


class Command(BaseCommand):
    help = (
        "Load a CSV file (.gz too) into the funnel. The key of a row is its source with its external id; the same file "
        "twice changes nothing. Exit status: 0 without an error, 1 when rows failed (they stand in the error file, "
        "every other row is in), 2 when the file or the mapping cannot be used (nothing is in)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = [*KINDS, CALLS]
        parser.add_argument("kind", choices=kinds, metavar="KIND", help=", ".join(kinds))
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--mapping", type=Path, metavar="MAP.yaml", help="Which column is what; not for calls.")
        parser.add_argument("--rep", default="", help="Of calls: whose calendar (.ics) it is, by e-mail or name.")
        parser.add_argument("--zone", default="UTC", help="Of calls: where times without a zone are meant.")
        parser.add_argument(
            "--source",
            default="",
            help="The system of record; by default what the mapping says, else the file name.",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Do everything and take it back. One long transaction: not for a million rows on a busy day.",
        )
        parser.add_argument(
            "--live", action="store_true", help="It happens now: moves, clocks and notices follow. Else it is history."
        )
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, **options: Any) -> None:
        if options["kind"] == CALLS:
            self._calls(options)
            return
        if options["mapping"] is None:
            self._unusable("Name the mapping by --mapping: it says which column is what.")
        document = self._document(options["mapping"])
        path: Path = options["file"]
        source = options["source"] or document.get("source") or path.name.partition(".")[0][:60]
        if not isinstance(source, str) or not re.fullmatch(SOURCE_PATTERN, source):
            self._unusable("The source is a name of 1 to 60 characters without a slash.")
        bar = ProgressBar(sys.stderr) if sys.stderr.isatty() and options["format"] == "text" else None
        try:
            size = path.stat().st_size
            run = load_file(
                path,
                kind=options["kind"],
                source=source,
                mapping=document,
                live=options["live"],
                dry_run=options["dry_run"],
                progress=(lambda rows, read: bar.show(rows, read / size)) if bar else None,
            )
        except OSError as error:
            self._unusable(f"{path} cannot be read: {error.strerror or error}.")
        except FileProblem as problem:
            self._unusable(f"{path}: {problem}")
        except MappingProblem as problem:
            self._unusable(f"{options['mapping']} does not fit {path.name}:\n{problem}")
        finally:
            if bar:
                bar.clear()
        self._report(run, dry_run=options["dry_run"], as_json=options["format"] == "json")
        if run.status != ImportRun.Status.DONE:
            self._unusable(run.message)
        if run.errors:
            sys.exit(ROWS_FAILED)

    def _calls(self, options: dict[str, Any]) -> None:
        """Whom reps are to meet: a calendar of one rep, or a call sheet of several."""
        path: Path = options["file"]
        try:
            text, zone = path.read_text(encoding="utf-8-sig"), ZoneInfo(options["zone"])
            now = timezone.now()
            if path.suffix.lower() == ".ics":
                rep = self._rep(options["rep"])
                sheet = callsheets.read_calendar(rep, text, zone=zone, origin=path.name, now=now)
            else:
                sheet = callsheets.read_call_sheet(text, zone=zone, origin=path.name, now=now)
        except OSError as error:
            self._unusable(f"{path} cannot be read: {error.strerror or error}.")
        except UnicodeDecodeError:
            self._unusable(f"{path} is not UTF-8.")
        except (ZoneInfoNotFoundError, callsheets.SheetProblem) as problem:
            self._unusable(f"{path}: {problem}")
        self.stdout.write(sheet.sentence())
        for told in sheet.problems:
            self.stderr.write(told)
        if sheet.problems:
            sys.exit(ROWS_FAILED)

    def _rep(self, named: str) -> Rep:
        found = list(Rep.objects.active().filter(Q(email__iexact=named) | Q(name=named)) if named else [])
        if len(found) != 1:
            self._unusable("Say by --rep whose calendar it is: an active rep's e-mail or name, of just one.")
        return found[0]

    def _document(self, path: Path) -> dict[str, Any]:
        try:
            document = documents.load(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            self._unusable(f"{path} cannot be read: {error.strerror or error}.")
        except UnicodeDecodeError:
            self._unusable(f"{path} is not UTF-8.")
        except documents.DocumentProblem as problem:
            self._unusable(f"{path}: {problem}")
        if not isinstance(document, dict):
            self._unusable(f"{path}: a mapping says which column each field comes from, under fields:.")
        return document

    def _unusable(self, message: str) -> NoReturn:
        raise CommandError(message, returncode=UNUSABLE)

    def _report(self, run: ImportRun, *, dry_run: bool, as_json: bool) -> None:
        error_file = run.problems.path if run.problems else None
        if as_json:
            said = {"kind": run.kind, "source": run.source, "dry_run": dry_run, "live": run.live}
            counts = {name: getattr(run, name) for name in COUNTS}
            self.stdout.write(json.dumps(said | counts | {"error_file": error_file, "message": run.message}))
            return
        if dry_run:
            self.stdout.write("Dry run: nothing was stored.")
        for name in COUNTS:
            self.stdout.write(f"{name:<10}{getattr(run, name):>12,}")
        if error_file:
            self.stdout.write(f"error file  {error_file}")
        if run.message:
            self.stdout.write(run.message)


class ProgressBar:
    """One line on a terminal that says how far the file is read, and how fast."""

    WIDTH = 30

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._started = time.monotonic()

    def show(self, rows: int, share: float) -> None:
        done = round(min(share, 1.0) * self.WIDTH)
        speed = rows / max(time.monotonic() - self._started, 0.001)
        bar = "█" * done + "░" * (self.WIDTH - done)
        self._terminal.write(f"\r{bar} {min(share, 1.0):>4.0%}  {rows:,} rows, {speed:,.0f} a second ")
        self._terminal.flush()

    def clear(self) -> None:
        self._terminal.write("\r\033[K")
        self._terminal.flush()
