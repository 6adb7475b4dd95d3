"""What every tile starts from: the path's steps with their windows, and the view's questions to the copy."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse

from funnel.models import Stage
from reporting.drill import Drill
from reporting.facts import Copy
from reporting.filters import View
from reporting.metrics import Query
from reporting.periods import DAY, Period, day_range, mature


@dataclass(frozen=True, slots=True)
class Step:
    """An arrow of the path and its default window in days: how long a lead is given to take it (domain.md 3.5)."""

    start: Stage
    end: Stage
    window: int

    @property
    def words(self) -> str:
        return f"{self.start.label} → {self.end.label}"


STEPS = (
    Step(Stage.INQUIRY, Stage.MQL, 90),
    Step(Stage.MQL, Stage.SAL, 14),
    Step(Stage.SAL, Stage.SQL, 45),
    Step(Stage.SQL, Stage.OPPORTUNITY, 30),
    Step(Stage.OPPORTUNITY, Stage.WON, 120),
)
END_TO_END = Step(Stage.INQUIRY, Stage.WON, 270)
FUNNEL_AGE = STEPS[-1].window  # days after which most leads of a cohort have come as far as they will


@dataclass(frozen=True, slots=True)
class Asker:
    """Turns periods into questions to the copy, with the view's filters, the reporting zone and the copy's moment."""

    copy: Copy
    view: View
    zone: str

    @property
    def now(self) -> dt.datetime:
        return self.copy.fresh_at.astimezone(ZoneInfo(self.zone))

    def query(self, period: Period | None = None, **more: Any) -> Query:
        """The question for a period, by default the view's."""
        start, end = (period or self.view.period).bounds(self.zone)
        return Query(start=start, end=end, tz=self.zone, where=self.view.where, **more)

    def mature(self, window: int) -> Period:
        """The last cohort like the view's period of which every lead has had so many days."""
        return mature(self.view.period, window, self.now)

    def drill(self, period: Period, *, name: str = "reporting:drill", **number: Any) -> str:
        """The address of the leads behind a number of this period; name: of the page, or of its CSV."""
        key = "all" if period.start is None and period.end is None else "custom"
        view = View(period=Period(key, period.start, period.end), where=self.view.where)
        return Drill(view=view, **number).url(name)


def short_label(stage: Stage) -> str:
    return "Opp." if stage == Stage.OPPORTUNITY else stage.label


def short_range(period: Period) -> str:
    """18 May–16 Aug, for where there is little room."""
    if period.start is None or period.end is None:
        return str(period)
    return day_range(period.start, period.end - DAY, year=False).replace(" – ", "–")


def glossary(anchor: str) -> tuple[str, str]:
    """The popover's link to where a word is explained."""
    return "Glossary", f"{reverse('reporting:glossary')}#{anchor}"


def share_words(share: float, decimals: int = 1) -> str:
    """0.124 -> 12.4 %, with a space that does not break."""
    return f"{share * 100:.{decimals}f}\u00a0%"
