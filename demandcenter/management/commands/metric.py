"""`manage.py metric`: one figure, split and filtered as asked, as JSON, CSV or a table."""

import csv
import io
import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from reporting import facts
from reporting.definitions import DEFINITIONS, Definition
from reporting.exports import cell
from reporting.metrics import METRICS, OBJECTS, Query, QueryError
from reporting.zones import day_start

STAGES = {"conversion": {"from_stage", "to_stage"}, "velocity": {"from_stage", "to_stage"}, "volume": {"from_stage"}}
OF_DEALS = {"win-rate", "pipeline"}  # metrics that are about opportunities unless told otherwise


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
        "Metrics: " + "; ".join(f"{name}: {found.formula}" for name, found in DEFINITIONS.items()) + "."
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
        parser.add_argument("--by", action="append", default=[], metavar="DIM", help="Split by; may be repeated.")
        parser.add_argument("--where", type=_object, default={}, metavar="JSON", help='{"channel": ["email", null]}')
        parser.add_argument("--tz", default=settings.REPORTING_ZONE, metavar="ZONE", help="Default: %(default)s.")
        parser.add_argument("--as-of", type=_moment, metavar="MOMENT", help="Only what was recorded by then.")
        parser.add_argument("--format", choices=("json", "csv", "table"), default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        definition = DEFINITIONS[options["name"]]
        try:
            query = _query(definition, options)
            copy = facts.shared()
            frame = METRICS[definition.name](copy, query, **_stages(definition, options))
        except QueryError as error:
            raise CommandError(str(error), returncode=2) from None
        records = [_plain(record) for record in frame.to_dict("records")]
        about = {
            "metric": definition.name,
            "object": query.object,
            "definition": definition.sentence,
            "formula": definition.formula,
            "unit": definition.unit,
            "basis": query.basis,
            "zone": query.tz,
            "fresh_at": copy.fresh_at.isoformat(),
        }
        show = {"json": _as_json, "csv": _as_csv, "table": _as_table}[options["format"]]
        self.stdout.write(show(about, list(frame.columns), records))


def _query(definition: Definition, options: Mapping[str, Any]) -> Query:
    kind = options["object"] or ("opportunities" if definition.name in OF_DEALS else "leads")
    query = Query(
        object=kind,
        basis=options["basis"] or definition.bases[0],
        tz=options["tz"],
        where=options["where"],
        by=tuple(options["by"]),
        window=options["window"],
        as_of=_aware(options["as_of"], options["tz"]),
    )
    start = day_start(options["first"], query.tz) if options["first"] else None
    end = day_start(options["last"] + timedelta(days=1), query.tz) if options["last"] else None
    return replace(query, start=start, end=end)


def _aware(moment: datetime | None, zone: str) -> datetime | None:
    return moment.replace(tzinfo=ZoneInfo(zone)) if moment is not None and moment.tzinfo is None else moment


def _stages(definition: Definition, options: Mapping[str, Any]) -> dict[str, str]:
    given = {name: options[name] for name in ("from_stage", "to_stage") if options[name] is not None}
    for name in given.keys() - STAGES.get(definition.name, set()):
        raise QueryError(f"--{name.replace('_', '-')} has no meaning for {definition.name}.")
    return given


def _plain(record: Mapping[Any, Any]) -> dict[str, Any]:
    """A row without NaN, which is not JSON: no data is null."""
    return {str(name): None if pd.isna(value) else value for name, value in record.items()}


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
