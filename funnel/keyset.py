"""Paging by key: a page starts after the last row of the one before, so page 10,000 costs what page 1 costs.

A cursor is the order's values of one row as text ("1764000000000000-1873": microseconds since 1970, and the id). A
number with a fraction stands in it by its bits, so that it comes back as exactly what the row holds.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Generic, TypeVar

from django.db.models import F, Model, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

M = TypeVar("M", bound=Model)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadCursor(ValueError):
    """The text is no cursor of this list."""


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Rows in the list's order; `newer` and `older` are cursors of the pages beside it, empty at either end."""

    rows: list[M] = field(default_factory=list)
    newer: str = ""
    older: str = ""


def encode(values: Sequence[datetime | float]) -> str:
    """Numbers with a fraction must not be negative."""
    return "-".join(str(_as_whole(value)) for value in values)


def _as_whole(value: datetime | float) -> int:
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(microseconds=1)
    return value if isinstance(value, int) else int(struct.unpack(">q", struct.pack(">d", value))[0])


def _moment(number: int) -> datetime:
    return EPOCH + timedelta(microseconds=number)


def _fraction(number: int) -> float:
    value = float(struct.unpack(">d", struct.pack(">q", number))[0])
    if not isfinite(value):
        raise ValueError(number)
    return value


def decode(
    cursor: str, order: Sequence[str], *, moments: int = 1, floats: bool = False
) -> list[datetime | int | float]:
    """The values of a cursor, the first `moments` of them as times, or with `floats` as numbers with a fraction.

    Raises BadCursor for anything that `encode` did not write for an order of this length.
    """
    first = _fraction if floats else _moment
    try:
        numbers = [int(part) for part in cursor.split("-")]
        values = [first(n) if i < moments else n for i, n in enumerate(numbers)]
    except (ValueError, OverflowError, struct.error) as error:
        raise BadCursor(cursor) from error
    if len(values) != len(order) or any(number >= 1 << 63 for number in numbers):
        raise BadCursor(cursor)
    return values


def page(
    queryset: QuerySet[M],
    *,
    order: Sequence[str] = ("stage_since", "id"),
    size: int,
    older: str = "",
    newer: str = "",
    floats: bool = False,
    dress: Callable[[QuerySet[M]], QuerySet[M]] = lambda rows: rows,
) -> Page[M]:
    """One page of `queryset`, greatest first by the columns of `order` (times or, with `floats`, numbers; then the id).

    older, newer: a cursor to go on from in that direction. dress: adds what a row shows (joins, annotations) to the
    query that fetches the page. Raises BadCursor. Two queries; twice that for `newer` at the newest end.
    """
    if newer:
        after = TupleGreaterThan(_columns(order), _values(newer, order, floats=floats))
        ids = _ids(queryset.filter(after).order_by(*order), size)
        if len(ids) <= size:  # the newest page: show it full rather than its beginning only
            return page(queryset, order=order, size=size, floats=floats, dress=dress)
        more = True
    elif older:
        before = TupleLessThan(_columns(order), _values(older, order, floats=floats))
        ids = _ids(queryset.filter(before).order_by(*_down(order)), size)
        more = len(ids) > size
    else:
        ids = _ids(queryset.order_by(*_down(order)), size)
        more = len(ids) > size
    # By ids already known: with its joins in one query PostgreSQL may join a million rows before it takes fifty.
    rows = list(dress(queryset.model._default_manager.filter(pk__in=ids[:size])).order_by(*_down(order)))
    return Page(
        rows,
        newer=_cursor(rows[0], order) if rows and (newer or older) else "",
        older=_cursor(rows[-1], order) if rows and more else "",
    )


def _ids(queryset: QuerySet, size: int) -> list[int]:
    return list(queryset.values_list("pk", flat=True)[: size + 1])


def _down(order: Sequence[str]) -> list[str]:
    return [f"-{name}" for name in order]


def _columns(order: Sequence[str]) -> Tuple:
    return Tuple(*(F(name) for name in order))


def _values(cursor: str, order: Sequence[str], *, floats: bool) -> list[datetime | int | float]:
    return decode(cursor, order, moments=len(order) - 1, floats=floats)


def _cursor(row: Any, order: Sequence[str]) -> str:
    return encode([getattr(row, name) for name in order])
