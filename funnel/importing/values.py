"""How the text of a cell becomes a typed value. Pure; a text that is no such value raises `Unreadable`.

What the type of a value is in Python: `funnel.ingest.rows.Field`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

TYPES: Final = ("text", "date", "datetime", "number", "boolean")
ISO: Final = "iso"
EPOCH: Final = {"epoch": 1, "epoch_ms": 1000}  # formats: seconds or milliseconds since 1970
AMBIGUOUS: Final = ("error", "earlier", "later")
NONEXISTENT: Final = ("error", "forward")
TRUE: Final = frozenset({"true", "yes", "y", "t", "1"})
FALSE: Final = frozenset({"false", "no", "n", "f", "0"})
SOURCE_PATTERN: Final = r"[^/\x00]{1,60}"  # how a system of record may be called
LARGEST_EXPONENT: Final = 30  # of a number; far beyond any amount, and safe to write out

# ISO as people write it: hours of one digit, a blank before the offset, "UTC". The standard library reads the rest.
_LOOSE_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_GROUPED = {
    ".": re.compile(r"[+-]?\d{1,3}(?:(?P<g>[,'’ \u00a0\u202f])\d{3}(?:(?P=g)\d{3})*)?(?:\.\d+)?|[+-]?\d+(?:\.\d+)?"),
    ",": re.compile(r"[+-]?\d{1,3}(?:(?P<g>[.'’ \u00a0\u202f])\d{3}(?:(?P=g)\d{3})*)?(?:,\d+)?|[+-]?\d+(?:,\d+)?"),
}


class Unreadable(ValueError):
    """The text is no value of the type. The message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read the text of a cell.

    type: one of TYPES. format: for dates a strptime format, `iso`, `epoch` or `epoch_ms`. zone: of times without an
    offset, and of midnight. ambiguous, nonexistent: what a local time that came twice, or never, means. decimal: the
    decimal separator of numbers written with grouped digits; blank for plain numbers only.
    """

    type: str = "text"
    format: str = ISO
    zone: ZoneInfo = ZoneInfo("UTC")
    ambiguous: str = "error"
    nonexistent: str = "error"
    decimal: str = ""


def reader(reading: Reading, target: str) -> Callable[[str], Any]:
    """The function that turns a cell's text into a value of the type `target` (a `Field.type`).

    Raises Unreadable per text. Datetimes come in UTC; a date for a datetime is its midnight in the reading's zone;
    a datetime for a date is its day there.
    """
    if target == "datetime":
        plain = _instant if reading.type == "datetime" else _midnight
        return lru_cache(maxsize=4096)(lambda text: plain(text, reading))
    if target == "date":
        return lru_cache(maxsize=4096)(lambda text: _day(text, reading))
    plain_readers: dict[str, Callable[[str], Any]] = {
        "text": str,
        "number": lambda text: number(text, decimal=reading.decimal),
        "integer": lambda text: _whole(text, decimal=reading.decimal),
        "boolean": boolean,
    }
    return plain_readers[target]


def attribute_reader(reading: Reading) -> Callable[[str], Any]:
    """The same for an attribute, whose values are what JSON can hold: dates and times as ISO text."""
    if reading.type in ("date", "datetime"):
        read = reader(reading, reading.type)
        return lambda text: read(text).isoformat()
    if reading.type == "number":
        return lambda text: _json_number(number(text, decimal=reading.decimal))
    return reader(reading, reading.type)


def boolean(text: str) -> bool:
    """yes, true, 1 ... or no, false, 0 ..., in any case."""
    word = text.strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise Unreadable(f"“{_shown(text)}” is neither yes nor no.")


def number(text: str, *, decimal: str = "") -> Decimal:
    """A number. Digits in groups (1,234.5) are read only where `decimal` says which sign is the decimal one."""
    word = text.strip()
    if _PLAIN.fullmatch(word) and decimal != ",":
        value = Decimal(word)
        if value.adjusted() > LARGEST_EXPONENT:
            raise Unreadable(f"“{_shown(text)}” is too large.")
        return value
    if decimal and _GROUPED[decimal].fullmatch(word):
        digits = "".join(sign for sign in word if sign.isdecimal() or sign in f"+-{decimal}")
        return number(digits.replace(decimal, "."))
    hint = "" if decimal else " If it has grouped digits or a decimal comma, say decimal: in the mapping."
    raise Unreadable(f"“{_shown(text)}” is not a number.{hint}")


def _whole(text: str, *, decimal: str) -> int:
    value = number(text, decimal=decimal)
    if value != value.to_integral_value():
        raise Unreadable(f"“{_shown(text)}” is not a whole number.")
    return int(value)


def _json_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


# --- Times ----------------------------------------------------------------------------------------


def _day(text: str, reading: Reading) -> date:
    if reading.type == "datetime":
        return _instant(text, reading).astimezone(reading.zone).date()
    return _written(text, reading).date()


def _midnight(text: str, reading: Reading) -> datetime:
    """The first instant of the day that is written, in the zone; the time of day is dropped."""
    day = _written(text, reading).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=reading.zone, fold=0)
    return _utc(day, text)


def _instant(text: str, reading: Reading) -> datetime:
    """The moment that is written; without an offset it is local in the zone."""
    written = _written(text, reading)
    if written.tzinfo is not None:
        return _utc(written, text)
    early = written.replace(tzinfo=reading.zone, fold=0)
    late = written.replace(tzinfo=reading.zone, fold=1)
    before, after = early.utcoffset() or timedelta(), late.utcoffset() or timedelta()
    if before > after:
        if reading.ambiguous == "error":
            raise Unreadable(
                f"{written:%Y-%m-%d %H:%M} came twice in {reading.zone} when the clocks went back. Say ambiguous: "
                "earlier or later in the mapping, or write the offset."
            )
        return _utc(late if reading.ambiguous == "later" else early, text)
    if before < after and reading.nonexistent == "error":
        raise Unreadable(
            f"{written:%Y-%m-%d %H:%M} never was in {reading.zone}: the clocks went forward. Say nonexistent: forward "
            "in the mapping, or write the offset."
        )
    return _utc(early, text)  # in a gap this is as far after the jump as it was written after its beginning


def _utc(moment: datetime, text: str) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise Unreadable(f"“{_shown(text)}” lies outside the calendar.") from error


def _written(text: str, reading: Reading) -> datetime:
    """What the text says: with an offset if it has one, a day alone at midnight."""
    word = text.strip()
    try:
        if reading.format == ISO:
            return _iso(word)
        if reading.format in EPOCH:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(word) / EPOCH[reading.format])
        return datetime.strptime(word, reading.format)  # noqa: DTZ007 the zone is the mapping's, put on later
    except (ValueError, OverflowError) as error:
        what = "a date" if reading.type == "date" else "a date and time"
        raise Unreadable(f"“{_shown(text)}” is not {what} ({_format_in_words(reading.format)}).") from error


def _iso(word: str) -> datetime:
    try:
        return datetime.fromisoformat(word)
    except ValueError:
        found = _LOOSE_ISO.fullmatch(word)
        if not found:
            raise
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    micros = int((fraction or "0").ljust(6, "0")[:6])
    zone = _offset(offset) if offset else None
    return datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micros, zone)


def _offset(text: str) -> timezone:
    if text.upper() in ("Z", "UTC"):
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


def _format_in_words(pattern: str) -> str:
    if pattern == ISO:
        return "expected as 2024-03-31 or 2024-03-31T14:05:00+02:00; another format: is said in the mapping"
    if pattern in EPOCH:
        return "expected as a count of " + ("seconds" if pattern == "epoch" else "milliseconds") + " since 1970"
    return f"expected as {pattern}, such as {datetime(2024, 3, 31, 14, 5, tzinfo=UTC):{pattern}}"


def _shown(text: str) -> str:
    """The text as a sentence can hold it."""
    word = " ".join(text.split())
    return word if len(word) <= 60 else f"{word[:57]}…"
