"""What a page shows, as it stands in its address: period, comparison, basis and filters. Pure.

`read()` understands an address, `View.query()` writes it again, so that every view can be shared. What it does not
understand is said in `View.problems`, never silently dropped.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from django.http import QueryDict

from funnel.models import Function
from reporting.periods import COMPARISONS, DAY, PRESETS, Period, compared, day_words, preset

DEFAULT_PERIOD = "13w"
DEFAULT_COMPARISON = "before"
BASES = {"cohort": "Cohort", "period": "Period"}
NOT_SET = "Not set"  # how a blank dimension is called; in the address it is an empty value


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something a page is filtered by. labels: words for values that are codes; all others are words already."""

    name: str
    label: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def words(self, value: str | None) -> str:
        return self.labels.get(value, value) if value else NOT_SET


DIMENSIONS = {
    dimension.name: dimension
    for dimension in (
        Dimension("region", "Region"),
        Dimension("channel", "Channel"),
        Dimension("campaign", "Campaign"),
        Dimension("function", "Source", dict(Function.choices)),
        Dimension("segment", "Segment"),
        Dimension("solution", "Solution"),
        Dimension("owner", "Owner"),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One view of a page. where: dimension -> its chosen values, None for those that are not set.

    usual: the period that the page shows unless told otherwise, and that its address leaves out.
    """

    period: Period
    compare: str = DEFAULT_COMPARISON
    basis: str = "cohort"
    where: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    usual: str = DEFAULT_PERIOD

    @property
    def before(self) -> Period | None:
        """The period that this one is compared with."""
        return compared(self.period, self.compare)

    @property
    def is_narrowed(self) -> bool:
        return bool(self.where)

    def without_filters(self) -> "View":
        return replace(self, where={})

    def choosing(self, dimension: str, values: Iterable[str | None]) -> "View":
        """The same view with other values of one dimension; none of them takes the filter away."""
        where = {name: chosen for name, chosen in self.where.items() if name != dimension}
        if chosen := tuple(values):
            where[dimension] = chosen
        return replace(self, where=where)

    def pairs(self) -> list[tuple[str, str]]:
        """Its address as (parameter, value), without what is the default."""
        pairs: list[tuple[str, str]] = []
        if self.period.key != "custom":
            if self.period.key != self.usual:
                pairs.append(("period", self.period.key))
        else:
            if self.period.start:
                pairs.append(("from", self.period.start.isoformat()))
            if self.period.end:
                pairs.append(("to", (self.period.end - DAY).isoformat()))
        if self.compare != DEFAULT_COMPARISON:
            pairs.append(("compare", self.compare))
        if self.basis != "cohort":
            pairs.append(("basis", self.basis))
        for name in DIMENSIONS:
            pairs.extend((name, value or "") for value in self.where.get(name, ()))
        return pairs

    def query(self, **extra: str | int) -> str:
        """Its address as a query string, "?" included, with parameters of the page added."""
        return "?" + urlencode([*self.pairs(), *((name, str(value)) for name, value in extra.items())])

    def chosen_words(self, dimension: str) -> str:
        """What a filter's button says: All, the one value, or how many."""
        values = self.where.get(dimension, ())
        if not values:
            return "All"
        return DIMENSIONS[dimension].words(values[0]) if len(values) == 1 else f"{len(values)} chosen"

    def filter_words(self) -> str:
        """The filters as part of a sentence: region DACH or Nordics, owner not set."""
        parts = []
        for name, values in self.where.items():
            dimension = DIMENSIONS[name]
            said = " or ".join(dimension.words(value) if value else "not set" for value in values)
            parts.append(f"{dimension.label.lower()} {said}")
        return ", ".join(parts)


def read(parameters: QueryDict, *, today: dt.date, usual: str = DEFAULT_PERIOD) -> View:
    """The view that an address asks for. today: the day in the reporting zone; usual: the page's own period."""
    problems: list[str] = []
    period = _period(parameters, today, usual, problems)
    where = {
        name: tuple(dict.fromkeys(value or None for value in parameters.getlist(name)))
        for name in DIMENSIONS
        if name in parameters
    }
    return View(
        period=period,
        compare=_one_of(parameters, "compare", COMPARISONS, DEFAULT_COMPARISON, problems),
        basis=_one_of(parameters, "basis", BASES, "cohort", problems),
        where=where,
        problems=tuple(problems),
        usual=usual,
    )


def _one_of(parameters: QueryDict, name: str, known: Mapping[str, str], default: str, problems: list[str]) -> str:
    asked = parameters.get(name, "")
    if asked and asked not in known:
        problems.append(f"There is no {name} “{asked}”; shown is “{known[default]}”.")
    return asked if asked in known else default


def _period(parameters: QueryDict, today: dt.date, usual: str, problems: list[str]) -> Period:
    if not parameters.get("from", "") and not parameters.get("to", ""):
        return preset(_one_of(parameters, "period", PRESETS, usual, problems), today)
    first, last = (_day(parameters, name, PRESETS[usual], problems) for name in ("from", "to"))
    if problems:
        return preset(usual, today)
    if first and last and last < first:
        problems.append(f"The period ended before it began; shown is {day_words(last)} to {day_words(first)}.")
        first, last = last, first
    return Period("custom", first, last + DAY if last else None)


def _day(parameters: QueryDict, name: str, instead: str, problems: list[str]) -> dt.date | None:
    asked = parameters.get(name, "")
    try:
        day = dt.date.fromisoformat(asked) if asked else None
    except ValueError:
        day, problem = None, f"“{asked}” is no date like 2026-11-15; shown is “{instead}”."
        problems.append(problem)
    if day and not 1900 <= day.year <= 2200:
        problems.append(f"{asked} is out of range; shown is “{instead}”.")
    return day
