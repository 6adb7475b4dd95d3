"""The figures that promises are held against, asked once a period: of the copy, of the clocks, of the ratings.

They are everybody's, as on the Overview, whoever looks; the leads behind them stay those of one's own sight.
"""

import datetime as dt
from functools import cached_property
from typing import Any

from funnel.intervals import wilson
from funnel.models import Stage
from reporting import metrics, ratings
from reporting.agreements.judging import Actual
from reporting.facts import Copy
from reporting.filters import View
from reporting.overview import queries
from reporting.overview.asking import Asker, Step
from reporting.periods import Period
from reporting.quality.queries import Facts, overall
from reporting.quality.slices import Slice
from reporting.quality.tallies import Tally
from reporting.sla import figures
from reporting.sla.asking import Asked
from reporting.sla.figures import Figure


class Source:
    """One reading of the figures of some periods. now: the moment at which clocks are overdue or not."""

    def __init__(self, copy: Copy, periods: set[Period], *, zone: str, now: dt.datetime) -> None:
        self.copy, self.zone, self.now = copy, zone, now
        self.ask = Asker(copy, View(period=Period("all", None, None)), zone)
        self._periods = sorted(periods, key=lambda one: (one.start or dt.date.min, one.end or dt.date.max))
        self._asked: dict[tuple[str, Period], Any] = {}

    def volume(self, stage: Stage, period: Period) -> int:
        """Leads that reached a stage in the period."""
        return self._volumes[period][stage]

    @cached_property
    def _volumes(self) -> dict[Period, dict[str, int]]:
        first, *others = [self.ask.query(period) for period in self._periods]
        found = queries.volumes(self.copy, first, others)
        return dict(zip(self._periods, found, strict=True))

    def step(self, step: Step, period: Period) -> Actual:
        """Of the leads that reached a stage, those that took the step within its days."""
        asked = self.ask.query(period, window=step.window)
        row = metrics.conversion(self.copy, asked, from_stage=step.start, to_stage=step.end).iloc[0]
        return _rate(int(row["numerator"]), int(row["denominator"]))

    def quality(self, k: str, n: str, period: Period) -> Actual:
        """Two counts of `Tally`, of the MQLs of the period."""
        tally: Tally = self._once(
            "quality", period, lambda: overall(Facts(self.copy, self.zone), Slice(view=View(period=period)))
        )
        return _rate(getattr(tally, k), getattr(tally, n))

    def kept(self, kind: str, period: Period) -> Actual:
        """Promises of a kind that were due in the period."""
        rows: list[Figure] = self._once(
            "kept", period, lambda: figures.by_kind(Asked(period=period), None, now=self.now)
        )
        return next((_rate(row.kept, row.n) for row in rows if row.key == kind), _rate(0, 0))

    def rating(self, period: Period) -> Actual:
        """The mean of the stars that were given in the period."""
        start, end = period.bounds(self.zone)
        found = self._once("rating", period, lambda: ratings.overall(since=start, until=end))
        return Actual(value=found.mean, n=found.ratings) if found else Actual(value=None, n=0)

    def _once(self, what: str, period: Period, ask: Any) -> Any:
        if (what, period) not in self._asked:
            self._asked[what, period] = ask()
        return self._asked[what, period]


def _rate(k: int, n: int) -> Actual:
    low, high = wilson(k, n)
    return Actual(value=k / n if n else None, k=k, n=n, low=low, high=high)
