"""Rows of JSON in, as the API brings them: read into typed values, keyed, and written in one go (`funnel.ingest`).

A bad row says why and keeps no other out. The same rows sent again change nothing, so that whoever is unsure whether
they arrived sends them once more.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from funnel import staging
from funnel.importing.mapping import did_you_mean
from funnel.importing.values import SOURCE_PATTERN, Reading, Unreadable, boolean, number, reader
from funnel.ingest import KINDS, Field, Outcome, Row, write
from funnel.models import Activity, Lead

MOST_ROWS: Final = 1_000
DEEPEST: Final = 12  # levels of a nested payload
_TABLES: Final = {"activities": Activity._meta.db_table, "leads": Lead._meta.db_table}
EXTRA: Final = {"activities": "payload", "leads": "attributes"}  # where fields go that no kind of rows knows
_KEY_LIMIT: Final = 200


class NotRows(ValueError):
    """The body as a whole cannot be taken. The message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row; field blank: the row as a whole."""

    field: str
    words: str


@dataclass(slots=True)
class Answer:
    """What became of the row at this place. status: created, updated, unchanged, skipped or error; id: its record's."""

    index: int
    status: str = "error"
    id: int | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


def take_in(kind: str, bodies: Sequence[Any], *, source: str, idempotency_key: str = "", now: datetime) -> list[Answer]:
    """Write up to a thousand rows of JSON (activities or leads) as they happen; the pipeline hears of them.

    source: the system they come from, where a row does not name its own. idempotency_key: the request's; it gives keys
    to rows that have none. now: when this is being recorded. Returns one answer a row, in their order.
    Raises NotRows for too many rows or none. A constant number of statements for the rows of one source.
    """
    if not bodies:
        raise NotRows("There is no row in the body.")
    if len(bodies) > MOST_ROWS:
        raise NotRows(f"At most {MOST_ROWS:,} rows a request, not {len(bodies):,}; send the rest in another.")
    answers = [Answer(index) for index in range(len(bodies))]
    by_source: dict[str, list[Row]] = defaultdict(list)
    for answer, body in zip(answers, bodies, strict=True):
        origin, row, problems = _read(kind, body, answer.index, source=source, request_key=idempotency_key)
        if row is None:
            answer.problems = tuple(problems)
        else:
            by_source[origin].append(row)
    for origin, rows in sorted(by_source.items()):
        outcomes = write(kind, rows, source=origin, now=now, live=True)
        ids = _ids(kind, rows, outcomes, source=origin)
        for row, outcome in zip(rows, outcomes, strict=True):
            _tell(answers[row.number], outcome, ids.get(row.values["external_id"]))
    return answers


def _ids(kind: str, rows: Sequence[Row], outcomes: Sequence[Outcome], *, source: str) -> dict[str, int]:
    """The records by their keys; those that writing has not shown are looked up."""
    by_key = [(row.values["external_id"], outcome) for row, outcome in zip(rows, outcomes, strict=True)]
    ids = {key: outcome.id for key, outcome in by_key if outcome.id is not None}
    unseen = {key for key, outcome in by_key if not outcome.problem} - ids.keys()
    return ids | staging.find_keys(_TABLES[kind], unseen, source=source)


def _tell(answer: Answer, outcome: Outcome, pk: int | None) -> None:
    answer.status, answer.warnings = outcome.status, outcome.warnings
    if outcome.problem:
        answer.problems = (Problem(outcome.field, outcome.problem),)
    else:
        answer.id = pk


# --- From JSON to typed values --------------------------------------------------------------------


def _read(kind: str, body: Any, index: int, *, source: str, request_key: str) -> tuple[str, Row | None, list[Problem]]:
    """The row's source and the row itself; or the problems that keep it out."""
    if not isinstance(body, dict):
        return source, None, [Problem("", "A row is an object with names and values.")]
    problems: list[Problem] = []
    fields, extra = KINDS[kind].fields, EXTRA[kind]
    values: dict[str, Any] = {}
    for name, value in body.items():
        if name in fields:
            _put(values, fields[name], name, value, problems)
        elif name not in ("source", extra):
            problems.append(Problem(name, _no_such_field(name, [*fields, "source", extra], extra)))
    attributes = body.get(extra) or {}
    if not isinstance(attributes, dict) or _depth(attributes) > DEEPEST:
        problems.append(Problem(extra, f"“{extra}” is an object of at most {DEEPEST} levels."))
    origin = body.get("source") or source
    if not isinstance(origin, str) or not re.fullmatch(SOURCE_PATTERN, origin):
        problems.append(Problem("source", "Say the source, the system it comes from: 1 to 60 characters, no slash."))
    _give_key(values, index, request_key=request_key, problems=problems)
    return (origin, Row(index, values, attributes), []) if not problems else (source, None, problems)


def _no_such_field(name: str, known: Sequence[str], extra: str) -> str:
    guess = did_you_mean(name[:100], known)
    return f"There is no field “{name:.60}”.{guess} What else is known goes into the object “{extra}”."


def _put(values: dict[str, Any], known: Field, name: str, value: Any, problems: list[Problem]) -> None:
    if value is None or value == "":
        values[name] = None
    else:
        try:
            values[name] = _READ[known.type](value)
        except Unreadable as error:
            problems.append(Problem(name, str(error)))


def _give_key(values: dict[str, Any], index: int, *, request_key: str, problems: list[Problem]) -> None:
    """Without a key of its own a row has the request's with its place, so that the same request makes it once."""
    if values.get("external_id") is None and request_key:
        values["external_id"] = f"{request_key[: _KEY_LIMIT - 6]}/{index}"
    if values.get("external_id") is None and not any(problem.field == "external_id" for problem in problems):
        problems.append(
            Problem(
                "external_id",
                "Give it an external_id, or the request an Idempotency-Key, so that sending it twice counts it once.",
            )
        )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Unreadable(f"{_shown(value)} is not a text.")


def _number(value: Any) -> Any:
    if isinstance(value, str):
        return number(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unreadable(f"{_shown(value)} is not a number.")
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return boolean(value)
    raise Unreadable(f"{_shown(value)} is neither true nor false.")


def _moment(read: Callable[[str], Any], what: str) -> Callable[[Any], Any]:
    def moment(value: Any) -> Any:
        if not isinstance(value, str):
            raise Unreadable(f"{_shown(value)} is not {what}; write it as text, such as 2026-03-31T14:05:00Z.")
        return read(value)

    return moment


# Times without an offset are UTC, as everything that the API says.
_READ: Mapping[str, Callable[[Any], Any]] = {
    "text": _text,
    "number": _number,
    "integer": _number,
    "boolean": _boolean,
    "date": _moment(reader(Reading(type="date"), "date"), "a day"),
    "datetime": _moment(reader(Reading(type="datetime"), "datetime"), "a moment"),
}


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "An object" if isinstance(value, dict) else "A list"
    return f"“{value!s:.60}”"


def _depth(value: Any, level: int = 1) -> int:
    """How deep a JSON value is nested, as far as it matters."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    nested = [item for item in inner if isinstance(item, dict | list)]
    if not nested or level > DEEPEST:
        return level
    return max(_depth(item, level + 1) for item in nested)
