"""`manage.py metric`: one figure, split and filtered as asked, as JSON, CSV or a table."""

import csv
import io
import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from funnel.downloads import cell
from reporting import facts
from reporting.definitions import DEFINITIONS
from reporting.metrics import METRICS, OBJECTS, QueryError
from reporting.questions import Question, answer


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is no day; write it like 2026-03-31.") from None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is no moment; write it like 2026-03-31T18:00+02:00.") from None


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ArgumentTypeError('write the filters as a JSON object, like {"channel": ["email", null]}.')
    return found


class Command(BaseCommand):
    help = (
        "Print a figure of the funnel. Days are those of the zone; --from and --to are both included. "
        "Metrics: " + "; ".join(f"{name}: {DEFINITIONS[name].formula}" for name in METRICS) + "."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", choices=METRICS, help=", ".join(METRICS))
        parser.add_argument("--object", choices=OBJECTS, help="Default: leads; opportunities for win-rate, pipeline.")
        parser.add_argument("--from", dest="first", type=_day, metavar="DAY", help="First day of the period.")
        parser.add_argument("--to", dest="last", type=_day, metavar="DAY", help="Last day of the period, included.")
        parser.add_argument("--basis", choices=("cohort", "period"), help="Default: cohort; period for win-rate.")
        parser.add_argument("--from-stage", metavar="STAGE", help="Default: inquiry.")
        parser.add_argument("--to-stage", metavar="STAGE", help="A stage or an exit. Default: won.")
        parser.add_argument("--window", type=int, metavar="DAYS", help="Most days from stage to stage, included.")
        parser.add_argument(
            "--threshold",
            action="append",
            default=[],
            type=float,
            metavar="POINTS",
            help="For score-quality: how many at least; may be repeated.",
        )
        parser.add_argument("--by", action="append", default=[], metavar="DIM", help="Split by; may be repeated.")
        parser.add_argument("--where", type=_object, default={}, metavar="JSON", help='{"channel": ["email", null]}')
        parser.add_argument("--tz", default=settings.REPORTING_ZONE, metavar="ZONE", help="Default: %(default)s.")
        parser.add_argument("--as-of", type=_moment, metavar="MOMENT", help="Only what was recorded by then.")
        parser.add_argument("--format", choices=("json", "csv", "table"), default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = answer(facts.shared(), _question(options))
        except QueryError as error:
            raise CommandError(str(error), returncode=2) from None
        show = {"json": _as_json, "csv": _as_csv, "table": _as_table}[options["format"]]
        self.stdout.write(show(found.about, found.columns, found.rows))


def _question(options: Mapping[str, Any]) -> Question:
    asked = {name: options[name] for name in ("object", "basis", "first", "last", "from_stage", "to_stage", "window")}
    same = {name: options[name] for name in ("tz", "where", "as_of")}
    by, thresholds = tuple(options["by"]), tuple(options["threshold"])
    return Question(metric=options["name"], by=by, thresholds=thresholds, **asked, **same)


def _as_json(about: dict[str, str], columns: list[str], records: list[dict[str, Any]]) -> str:
    return json.dumps({**about, "rows": records}, ensure_ascii=False, indent=2, allow_nan=False)


def _as_csv(about: dict[str, str], columns: list[str], records: list[dict[str, Any]]) -> str:
    """One table that stands for itself: what it is about goes with every row."""
    told = ("metric", "definition", "basis", "fresh_at")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*columns, *told])
    writer.writerows([*map(cell, record.values()), *(about[name] for name in told)] for record in records)
    return out.getvalue().rstrip("\n")


def _as_table(about: dict[str, str], columns: list[str], records: list[dict[str, Any]]) -> str:
    cells = [columns, *([_cell(record[name]) for name in columns] for record in records)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    numeric = [all(not isinstance(record[name], str) for record in records) for name in columns]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    note = f"{about['metric']} of {about['object']}, by {about['basis']}, {about['zone']}, fresh at {about['fresh_at']}"
    return "\n".join([*lines, "", note, about["definition"]])


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
