"""How an agreement is kept: each promise against what its measure came to, period by period."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings

from reporting.agreements import stretches
from reporting.agreements.judging import WORDS, Actual, Verdict, judge
from reporting.agreements.measures import MEASURES, Measure
from reporting.agreements.source import Source
from reporting.facts import Copy
from reporting.models.agreements import Agreement, Side, Target
from reporting.periods import DAY, Period

SHOWN: Final = 5  # periods on the page: the one that runs, and four before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A promise in one period. final_on: the day from which its figure is final; None where it is.

    judged: this version judges the period; for other periods the verdict says what it would have been.
    """

    period: Period
    words: str
    actual: Actual
    verdict: Verdict
    final_on: dt.date | None
    judged: bool

    @property
    def said(self) -> str:
        return WORDS[self.verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A promise with its periods, the latest first."""

    target: Target
    measure: Measure
    cells: Sequence[Cell]

    @property
    def promise(self) -> str:
        return self.measure.promise(self.target.direction, self.target.value)

    @property
    def each(self) -> str:
        return f"each {self.target.get_every_display().lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """What one side promises."""

    side: Side
    rows: Sequence[Row]

    @property
    def met(self) -> int:
        return self._judged(Verdict.MET)

    @property
    def decided(self) -> int:
        return self._judged(Verdict.MET) + self._judged(Verdict.MISSED)

    def _judged(self, verdict: Verdict) -> int:
        return sum(cell.judged and cell.verdict == verdict for row in self.rows for cell in row.cells)


Periods = Callable[[str], list[Period]]


def attainment(agreement: Agreement, targets: Iterable[Target], copy: Copy, *, now: dt.datetime) -> list[Half]:
    """The latest periods of each promise, by side."""
    today = now.astimezone(ZoneInfo(settings.REPORTING_ZONE)).date()
    return _halves(agreement, targets, copy, lambda every: stretches.latest(every, today, SHOWN), now=now)


def attainment_of(
    agreement: Agreement, targets: Iterable[Target], copy: Copy, *, first: dt.date, last: dt.date, now: dt.datetime
) -> list[Half]:
    """The periods of each promise that have a day of the time from first to last, by side."""
    return _halves(agreement, targets, copy, lambda every: stretches.within(every, first, last), now=now)


def _halves(
    agreement: Agreement, targets: Iterable[Target], copy: Copy, periods: Periods, *, now: dt.datetime
) -> list[Half]:
    promised = sorted(targets, key=lambda one: (list(Side).index(Side(one.side)), one.position, one.pk or 0))
    asked = {period for one in promised for period in periods(one.every)}
    source = Source(copy, asked, zone=settings.REPORTING_ZONE, now=now)
    rows = [
        Row(
            target=one,
            measure=MEASURES[one.measure],
            cells=[_cell(agreement, one, source, period) for period in periods(one.every)],
        )
        for one in promised
    ]
    return [Half(side=Side(side), rows=list(found)) for side, found in groupby(rows, key=lambda row: row.target.side)]


def _cell(agreement: Agreement, target: Target, source: Source, period: Period) -> Cell:
    measure = MEASURES[target.measure]
    actual = measure.read(source, period)
    _start, ends = period.bounds(source.zone)
    assert period.end is not None and ends is not None  # months and quarters have both ends
    final_on = period.end + DAY * measure.ripens
    final = final_on <= source.now.astimezone(ends.tzinfo).date()
    return Cell(
        period=period,
        words=stretches.words(period),
        actual=actual,
        verdict=judge(target.direction, target.value, actual, final=final),
        final_on=None if final else final_on,
        judged=stretches.judges(agreement.in_force_at, agreement.retired_at, ends, now=source.now),
    )
