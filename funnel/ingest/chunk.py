"""One chunk on its way in: the rows that are still good, and what has become of the others."""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from funnel.ingest.rows import Field, Kind, Outcome, Row, Status

# Clocks of other systems differ a little from ours.
FUTURE = timedelta(minutes=5)
LONG_AGO = timedelta(days=20 * 365)
LARGEST_INTEGER = 2_147_483_647
LARGEST_AMOUNT = 10**12  # the narrowest column holds 12 digits before the point
_ATTRIBUTE = Field("attribute")


class Refused(Exception):
    """Rows that turned out bad after writing had begun: the chunk is taken back and tried again without them."""

    def __init__(self, problems: dict[int, tuple[str, str]]) -> None:
        super().__init__(f"{len(problems)} rows refused")
        self.problems = problems  # by the row's place in the chunk: (field, sentence)


class Overtaken(Exception):
    """Somebody else landed rows of the chunk after it was looked up: it is taken back and looked up anew."""


@dataclass(slots=True, eq=False)
class Entry:
    """A row in work. `ids` holds the references of its fields, once they are looked up; `pk` is the record it is."""

    place: int
    number: int
    values: dict[str, Any]
    attributes: dict[str, Any]
    ids: dict[str, int | None] = dataclasses.field(default_factory=dict)
    pk: int | None = None
    status: Status | None = None
    field: str = ""
    problem: str = ""
    warnings: list[str] = dataclasses.field(default_factory=list)

    @property
    def key(self) -> str:
        return self.values["external_id"]

    def text(self, name: str) -> str:
        """The text of a field; empty when it is blank or absent."""
        return self.values.get(name) or ""

    def given(self, names: Iterable[str]) -> dict[str, Any]:
        """The fields among `names` that the row speaks of, blanks included."""
        return {name: self.values[name] for name in names if name in self.values}


class Chunk:
    """The rows of one call, as far as they are good.

    source: the system they come from. now: when this is recorded. live: it happens now, and the pipeline hears of it.
    create_missing: reference data that a row names and nobody knows is created.
    """

    def __init__(
        self, kind: Kind, rows: Sequence[Row], *, source: str, now: datetime, live: bool, create_missing: bool
    ) -> None:
        self.kind, self.source, self.now = kind, source, now
        self.live, self.create_missing = live, create_missing
        self.news: dict[str, list[tuple[int, int | None]]] = defaultdict(list)
        self.all = [Entry(place, row.number, dict(row.values), dict(row.attributes)) for place, row in enumerate(rows)]
        self.entries = self.all
        self._check()

    def fail(self, entry: Entry, problem: str, field: str = "") -> None:
        """The row does not land, for this reason. The first reason stands."""
        if not entry.problem:
            entry.status, entry.problem, entry.field = "error", problem, field

    def settle(self, entry: Entry, status: Status) -> None:
        """The row needs no more work."""
        entry.status = status

    def sift(self) -> list[Entry]:
        """Leave failed and settled rows behind; returns the rest."""
        self.entries = [entry for entry in self.entries if entry.status is None]
        return self.entries

    def tell(self, cause: str, rows: Iterable[tuple[int, int | None]]) -> None:
        """What the pipeline shall hear of once everything is written, as in `inbox.add_all`."""
        self.news[cause] += rows

    def outcomes(self) -> list[Outcome]:
        return [
            Outcome(
                entry.number, entry.status or "unchanged", entry.field, entry.problem, tuple(entry.warnings), entry.pk
            )
            for entry in self.all
        ]

    def uses(self, name: str) -> bool:
        """Whether any row speaks of this field."""
        return any(name in entry.values for entry in self.entries)

    def fold_repeats(self, key: Callable[[Entry], Any], *, kept: frozenset[str] = frozenset()) -> None:
        """Rows of one key become one, the last: it says again what the earlier ones said and it does not mention.

        kept: fields whose blank does not take back what an earlier row said.
        """
        by_key: dict[Any, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            by_key[key(entry)].append(entry)
        for same in by_key.values():
            *earlier, last = same
            for entry in reversed(earlier):
                said = {name: value for name, value in last.values.items() if name not in kept or value is not None}
                last.values = entry.values | said
                last.attributes = entry.attributes | last.attributes
                entry.warnings.append(
                    f"Row {last.number} has the same key; it counts, together with what only this says."
                )
                self.settle(entry, "skipped")
        self.sift()

    def refuse_future(self, entry: Entry, name: str) -> None:
        """History cannot lie ahead; what happens live may come from a clock that is."""
        value = entry.values.get(name)
        if value is not None and value > self.now + FUTURE:
            self.fail(entry, f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC lies in the future.", name)

    def doubt_moment(self, entry: Entry, name: str) -> None:
        """What happens live is kept as it was told; a moment that is hardly meant is worth a word to the sender."""
        value = entry.values.get(name)
        if value is not None and value > self.now + FUTURE:
            entry.warnings.append(
                f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC lies in the future; it is kept, and counts from now."
            )
        elif value is not None and value < self.now - LONG_AGO:
            entry.warnings.append(f"The year {value.year:04} is long ago; it is kept, and hardly counts. Is it meant?")

    def _check(self) -> None:
        for entry in self.entries:
            self._check_values(entry)
            self._check_attributes(entry)
        self.sift()

    def _check_values(self, entry: Entry) -> None:
        fields = self.kind.fields
        for name, value in entry.values.items():
            known = fields.get(name)
            if known is None:
                self.fail(entry, f"{self.kind.title} have no field “{name}”.", name)
            elif value is not None:
                try:
                    entry.values[name] = _CHECKS[known.type](known, value)
                except ValueError as error:
                    self.fail(entry, str(error), name)
        for known in fields.values():
            if known.required and entry.values.get(known.name) is None and not entry.problem:
                self.fail(entry, f"“{known.name}” is missing.", known.name)

    def _check_attributes(self, entry: Entry) -> None:
        for name, value in entry.attributes.items():
            try:
                _text(_ATTRIBUTE, name)
                entry.attributes[name] = _json_value(value)
            except ValueError as error:
                self.fail(entry, str(error), name)


def _json_value(value: Any) -> Any:
    """A custom attribute as JSON holds it."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _text(_ATTRIBUTE, value)
    if isinstance(value, float | Decimal):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a number.")
        return int(value) if value == int(value) else float(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    if isinstance(value, dict):
        return {str(_text(_ATTRIBUTE, name)): _json_value(item) for name, item in value.items()}
    raise ValueError(f"“{value!s:.60}” cannot be stored.")


def _unstorable(text: str) -> str:
    """What PostgreSQL's text cannot hold."""
    if "\x00" in text:
        return "The text holds a NUL character; remove it."
    try:
        text.encode()
    except UnicodeEncodeError:
        return "The text holds half of a character (a lone surrogate); save the file as UTF-8."
    return ""


def _text(known: Field, value: Any) -> str | None:
    text = value if isinstance(value, str) else str(value)
    if not text.isprintable() and (problem := _unstorable(text)):
        raise ValueError(problem)
    if not text or text.isspace():
        return None
    if known.choices and text not in known.choices:
        text = text.strip().lower()
        if text not in known.choices:
            raise ValueError(f"“{value!s:.60}” is not one of: {', '.join(known.choices)}.")
    if known.limit and len(text) > known.limit:
        raise ValueError(f"The text has {len(text):,} characters; at most {known.limit} fit.")
    return text


def _boolean(known: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"“{value!s:.60}” is not yes or no.")
    return value


def _integer(known: Field, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        raise ValueError(f"“{value!s:.60}” is not a whole number.")
    if value != int(value) or not 0 <= value <= LARGEST_INTEGER:
        raise ValueError(f"{value} is not a whole number from 0 to {LARGEST_INTEGER:,}.")
    return int(value)


def _number(known: Field, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        raise ValueError(f"“{value!s:.60}” is not a number.")
    number = Decimal(str(value))
    if abs(number) >= LARGEST_AMOUNT:
        raise ValueError(f"{number:,} is too large.")
    return number.quantize(Decimal("0.01"))


def _date(known: Field, value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError(f"“{value!s:.60}” is not a date.")
    return value


def _datetime(known: Field, value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"“{value!s:.60}” is not a moment with a time zone.")
    return value


_CHECKS: dict[str, Callable[[Field, Any], Any]] = {
    "text": _text,
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "date": _date,
    "datetime": _datetime,
}
