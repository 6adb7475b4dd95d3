"""What entered each stage, a day, a week or a month at a time, beside the period before."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from funnel.models import Stage
from reporting import charts
from reporting.overview import queries
from reporting.overview.asking import Asker
from reporting.periods import DAY, WEEK, Period, monday_of, shift_months
from reporting.selection import bounds

STAGES = (Stage.MQL, Stage.SAL, Stage.SQL)
LEAD = Stage.MQL  # the stage whose period before is drawn too
MOST_DAYS, MOST_WEEKS = 21, 57  # up to which a period is cut into days, into weeks
GRAINS = {"day": "days", "week": "weeks from Monday", "month": "months"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The figure, its words, and the frame behind it: bucket, whole, and a count a stage."""

    grain: str
    basis: str
    said: str
    figure: go.Figure | None
    frame: pd.DataFrame
    stages: Sequence[Stage] = STAGES
    lead: Stage = LEAD
    has_before: bool = False
    note: str = ""

    @property
    def title(self) -> str:
        return f"Entered each {self.grain}"


def trend(ask: Asker) -> Trend:
    """Leads that entered MQL, SAL and SQL in the period, with the MQLs of the period before dotted."""
    period = _closed(ask)
    grain = _grain(period)
    frame = _frame(ask, period, grain)
    before = _before(ask, grain, frame)
    drawn = len(frame) and frame[list(STAGES)].to_numpy().any()
    partial = not frame["whole"].all() if len(frame) else False
    return Trend(
        grain=grain,
        basis=f"leads, period basis, {GRAINS[grain]}",
        said=f"{', '.join(stage.label for stage in STAGES)} a {grain} over {len(frame)} {grain}s",
        figure=charts.trend(frame, before, stages=STAGES, lead=LEAD, monthly=grain == "month") if drawn else None,
        frame=frame,
        has_before=before is not None,
        note=f"Hollow: a {grain} that is not over, or lies only partly in the period" if partial else "",
    )


def _closed(ask: Asker) -> Period:
    """The view's period with both ends: those of the facts where it is open."""
    period = ask.view.period
    first, last = bounds(ask.copy, "leads")
    return Period(period.key, period.start or first, period.end or min(last, ask.now.date()) + DAY)


def _grain(period: Period) -> str:
    days = period.days or 0
    return "day" if days <= MOST_DAYS else "week" if days <= MOST_WEEKS * 7 else "month"


def _buckets(period: Period, grain: str) -> list[tuple[dt.date, dt.date]]:
    """First day and the day after the last, of each bucket that the period touches."""
    if period.start is None or period.end is None:
        return []
    first = {"day": period.start, "week": monday_of(period.start), "month": period.start.replace(day=1)}[grain]
    found = []
    while first < period.end:
        after = shift_months(first, 1) if grain == "month" else first + (WEEK if grain == "week" else DAY)
        found.append((first, after))
        first = after
    return found


def _frame(ask: Asker, period: Period, grain: str) -> pd.DataFrame:
    counts = queries.entered(ask.copy, ask.query(period), STAGES, grain=grain)
    rows, today = [], ask.now.date()
    for first, after in _buckets(period, grain):
        start, end = max(first, period.start or first), min(after, period.end or after)
        part = Period("custom", start, end)
        row: dict = {"bucket": first, "whole": (start, end) == (first, after) and after <= today}
        for stage in STAGES:
            row[stage] = counts[stage].get(first, 0)
            row[f"{stage}_url"] = ask.drill(part, show="reached", stage=stage)
        rows.append(row)
    columns = ["bucket", "whole", *STAGES, *(f"{stage}_url" for stage in STAGES)]
    return pd.DataFrame(rows, columns=columns)


def _before(ask: Asker, grain: str, frame: pd.DataFrame) -> pd.DataFrame | None:
    """The period before, its buckets laid over the present ones in their order."""
    before = ask.view.before
    if before is None or not len(frame):
        return None
    counts = queries.entered(ask.copy, ask.query(before), [LEAD], grain=grain)[LEAD]
    earlier = [counts.get(first, 0) for first, _ in _buckets(before, grain)][: len(frame)]
    return pd.DataFrame({"bucket": frame["bucket"].tolist()[: len(earlier)], LEAD: earlier})
