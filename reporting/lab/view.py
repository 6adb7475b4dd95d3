"""What the scoring lab shows, as it stands in its address. Pure."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from funnel.models import Stage
from reporting.filters import DIMENSIONS
from reporting.periods import DAY, day_range
from reporting.zones import day_start

WEEKS = (13, 26, 52, 104)
DEFAULT_WEEKS = 26
LONGEST = 1100  # days of history that may be asked for
LONGEST_WITHIN = 730
FILTERS = ("solution", "region")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A good outcome: that a lead reached `stage` within some days of becoming an MQL. usual: of them, the choices."""

    name: str
    stage: Stage
    words: str
    plural: str
    usual: tuple[int, ...]


OUTCOMES = {
    outcome.name: outcome
    for outcome in (
        Outcome("accepted", Stage.SAL, "Accepted", "accepted", (7, 14, 30)),
        Outcome("sql", Stage.SQL, "SQL", "SQLs", (30, 60, 90)),
        Outcome("won", Stage.WON, "Won", "won", (120, 180, 270)),
    )
}
DEFAULT_OUTCOME, DEFAULT_WITHIN = "sql", 60


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A comparison. draft and live: numbers of versions, None for the usual ones. first, end: days, the end excluded.

    weeks: None where the days were chosen one by one. where: filter -> the value, None for those not set. holdout: the
    day from which the figures are told apart, None for the usual one.
    """

    draft: int | None = None
    live: int | None = None
    weeks: int | None = DEFAULT_WEEKS
    first: dt.date
    end: dt.date
    where: Mapping[str, str | None] = field(default_factory=dict)
    outcome: Outcome = OUTCOMES[DEFAULT_OUTCOME]
    within: int = DEFAULT_WITHIN
    holdout: dt.date | None = None
    problems: tuple[str, ...] = ()

    @property
    def weeks_long(self) -> float:
        return (self.end - self.first).days / 7

    @property
    def words(self) -> str:
        return day_range(self.first, self.end - DAY, year=False)

    @property
    def outcome_words(self) -> str:
        return f"{self.outcome.words} within {self.within} days"

    def bounds(self, zone: str) -> tuple[dt.datetime, dt.datetime]:
        return day_start(self.first, zone), day_start(self.end, zone)

    def pairs(self) -> list[tuple[str, str]]:
        """Its address as (parameter, value), without what is the default."""
        found: list[tuple[str, Any]] = [("draft", self.draft), ("live", self.live)]
        if self.weeks is None:
            found += [("from", self.first), ("to", self.end - DAY)]
        elif self.weeks != DEFAULT_WEEKS:
            found.append(("weeks", self.weeks))
        if (self.outcome.name, self.within) != (DEFAULT_OUTCOME, DEFAULT_WITHIN):
            found += [("outcome", self.outcome.name), ("within", self.within)]
        found.append(("holdout", self.holdout))
        return [(name, str(value)) for name, value in found if value is not None] + [
            (name, value or "") for name, value in self.where.items()
        ]

    def query(self, **extra: Any) -> str:
        """Its address as a query string, "?" included, with parameters of the page's own added."""
        more = [(name, str(value)) for name, value in extra.items() if value not in (None, "")]
        return "?" + urlencode([*self.pairs(), *more])

    def choosing(self, name: str, *value: str | None) -> "View":
        """The same view narrowed to one value of a filter; without a value the filter is taken away."""
        where = {other: chosen for other, chosen in self.where.items() if other != name}
        return replace(self, where=where | {name: value[0]} if value else where)

    def since(self, *, weeks: int, today: dt.date) -> "View":
        first, end = last_weeks(weeks, today)
        return replace(self, weeks=weeks, first=first, end=end)

    def filter_words(self) -> str:
        return ", ".join(f"{DIMENSIONS[name].label.lower()} {value or 'not set'}" for name, value in self.where.items())


def last_weeks(weeks: int, today: dt.date) -> tuple[dt.date, dt.date]:
    """So many whole weeks, the last one before this: what was simulated stays of use until Monday."""
    end = today - today.weekday() * DAY
    return end - 7 * weeks * DAY, end


def read(parameters: QueryDict, *, today: dt.date) -> View:
    """The view that an address asks for; what it does not understand is said in `problems`."""
    problems: list[str] = []
    weeks, first, end = _history(parameters, today, problems)
    outcome, within = _outcome(parameters, problems)
    return View(
        draft=_number(parameters, "draft", problems),
        live=_number(parameters, "live", problems),
        weeks=weeks,
        first=first,
        end=end,
        where={name: parameters.get(name, "") or None for name in FILTERS if name in parameters},
        outcome=outcome,
        within=within,
        holdout=_holdout(parameters, first, end, problems),
        problems=tuple(problems),
    )


def _number(parameters: Mapping[str, str], name: str, problems: list[str], *, most: int = 1_000_000) -> int | None:
    asked = parameters.get(name, "").strip()
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) < 8 and 0 < int(asked) <= most):
        problems.append(f"In the address {name} is “{asked[:40]}”; it is a number from 1 to {most:,}.")
        return None
    return int(asked)


def _history(parameters: Mapping[str, str], today: dt.date, problems: list[str]) -> tuple[int | None, dt.date, dt.date]:
    usual = DEFAULT_WEEKS, *last_weeks(DEFAULT_WEEKS, today)
    said = f"shown are the last {DEFAULT_WEEKS} weeks."
    first, last = (_day(parameters, name, problems, said) for name in ("from", "to"))
    if problems:
        return usual
    if first and last:
        if last < first:
            problems.append(f"The history ended before it began; {said}")
        elif (last - first).days >= LONGEST:
            problems.append(f"A history has at most {LONGEST} days; {said}")
        elif first >= today:
            problems.append(f"A history ends yesterday at the latest; {said}")
        return usual if problems else (None, first, min(last, today - DAY) + DAY)
    if first or last:
        problems.append(f"A history needs a first and a last day; {said}")
        return usual
    weeks = _number(parameters, "weeks", problems, most=LONGEST // 7) or DEFAULT_WEEKS
    return weeks, *last_weeks(weeks, today)


def _day(parameters: Mapping[str, str], name: str, problems: list[str], said: str) -> dt.date | None:
    asked = parameters.get(name, "").strip()
    try:
        day = dt.date.fromisoformat(asked) if asked else None
    except ValueError:
        day = None
        problems.append(f"“{asked[:40]}” is no date like 2026-11-15; {said}")
    if day and not 1990 <= day.year <= 2200:
        problems.append(f"{asked} is out of range; {said}")
        return None
    return day


def _outcome(parameters: Mapping[str, str], problems: list[str]) -> tuple[Outcome, int]:
    asked = parameters.get("outcome", "") or DEFAULT_OUTCOME
    if asked not in OUTCOMES:
        problems.append(f"There is no outcome “{asked[:40]}”; shown is “{OUTCOMES[DEFAULT_OUTCOME].words}”.")
    outcome = OUTCOMES.get(asked, OUTCOMES[DEFAULT_OUTCOME])
    usual = DEFAULT_WITHIN if outcome.name == DEFAULT_OUTCOME else outcome.usual[1]
    return outcome, _number(parameters, "within", problems, most=LONGEST_WITHIN) or usual


def _holdout(parameters: Mapping[str, str], first: dt.date, end: dt.date, problems: list[str]) -> dt.date | None:
    day = _day(parameters, "holdout", problems, "the last third of the outcomes is held out.")
    if day and not first < day < end:
        problems.append(f"The holdout begins within the history, {day_range(first, end - DAY)}; not on {day}.")
        return None
    return day
