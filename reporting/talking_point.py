"""The organic point: the interest from which buyers agree to talk, for each path (R96).

`point_of` is pure: from counts by band of interest to rows, intervals and one sentence. What the counts are made of
stands in talks.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection

from funnel.intervals import wilson
from funnel.templatetags.dc import percent
from reporting.numbers import FEW_BELOW, HIDDEN_BELOW
from reporting.talks import DAYS

WIDTH: Final = 10  # points of interest
LAST: Final = 100  # the band that has no end
ENOUGH: Final = 100  # leads
ENOUGH_TALKS: Final = 20  # of them, leads whose buyer agreed to talk

Counts = Mapping[int, tuple[int, int]]  # where a band begins -> who agreed to talk, of how many

_COUNTS: Final = """
SELECT grouping(solution) = 1, coalesce(solution, ''), band, count(talked_at), count(*)
FROM (
    SELECT so.name AS solution, t.talked_at,
           least(greatest(floor(round(t.interest::numeric, 6) / %(width)s), 0) * %(width)s, %(last)s)::integer AS band
    FROM reporting_talk t
    JOIN funnel_lead l ON l.id = t.lead_id AND l.exit NOT IN ('void', 'merged')
    LEFT JOIN funnel_solution so ON so.id = l.solution_id
) measured
GROUP BY GROUPING SETS ((band), (band, solution))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Leads of one band of interest: k of n agreed to talk. rate: None below five; few: read the interval instead."""

    start: int
    name: str
    k: int
    n: int
    rate: float | None
    low: float | None
    high: float | None
    few: bool
    stands_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One path's answer. start: the interest from which they talk; None where none stands out or too few are known."""

    k: int
    n: int
    bands: tuple[Band, ...]
    start: int | None
    enough: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A solution, or all of them (solution None); name for people."""

    solution: str | None
    name: str
    point: Point


def talking_points() -> list[Path]:
    """The point of all leads together, then of each solution by name, those without one last. One query."""
    counts: dict[str | None, dict[int, tuple[int, int]]] = {None: {}}
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"width": WIDTH, "last": LAST})
        for together, solution, start, k, n in cursor.fetchall():
            counts.setdefault(None if together else solution, {})[start] = (k, n)
    paths = [Path(solution=solution, name=_name(solution), point=point_of(found)) for solution, found in counts.items()]
    return sorted(paths, key=lambda path: (path.solution is not None, path.solution == "", path.name))


def _name(solution: str | None) -> str:
    return "All leads" if solution is None else solution or "No solution"


def point_of(counts: Counts) -> Point:
    """The lowest band whose rate, and that of all from it on together, lies clearly above the rate of all leads.

    Clearly: the lower end of the 95 % Wilson interval does. One band alone may stand out by chance or because few are
    above it, hence both.
    """
    k, n = (sum(pair[place] for pair in counts.values()) for place in (0, 1))
    enough = n >= ENOUGH and k >= ENOUGH_TALKS
    bands = tuple(_band(start, *counts[start], base=k / n) for start in sorted(counts))
    start = next((band.start for band in bands if enough and band.stands_out and _go_on(bands, band, k / n)), None)
    return Point(k=k, n=n, bands=bands, start=start, enough=enough, sentence=_sentence(bands, start, k, n, enough))


def _band(start: int, k: int, n: int, *, base: float) -> Band:
    low, high = wilson(k, n)
    return Band(
        start=start,
        name=f"{start} and more" if start == LAST else f"{start} to {start + WIDTH - 1}",
        k=k,
        n=n,
        rate=k / n if n >= HIDDEN_BELOW else None,
        low=low,
        high=high,
        few=n < FEW_BELOW,
        stands_out=n >= HIDDEN_BELOW and low is not None and low > base,
    )


def _from(bands: Sequence[Band], start: int) -> tuple[int, int]:
    """Of the band that begins there and those above it together: who agreed to talk, of how many."""
    above = [band for band in bands if band.start >= start]
    return sum(band.k for band in above), sum(band.n for band in above)


def _go_on(bands: Sequence[Band], band: Band, base: float) -> bool:
    low, _high = wilson(*_from(bands, band.start))
    return low is not None and low > base


def _sentence(bands: Sequence[Band], start: int | None, k: int, n: int, enough: bool) -> str:
    if not enough:
        return (
            f"Not enough leads yet: {n:,} have had their {DAYS} days and {k:,} of them agreed to talk; "
            f"{ENOUGH} and {ENOUGH_TALKS} are needed."
        )
    base = f"{k:,} of {n:,} leads ({percent(k / n)}) agreed to talk"
    if start is None:
        return f"No interest stands out: {base}, whatever they had."
    above, of = _from(bands, start)
    here = f"{above:,} of {of:,} leads ({percent(above / of)})"
    return f"They talk from about {start} points on: {here}, while in all {base}."
