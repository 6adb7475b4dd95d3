"""What the agreement can promise: figures that the product computes anyway, each asked of the one place it lives in.

Nothing is counted here. A measure names its figure, says in which unit a promise about it is given, and after how many
days a period is final: a lead that became an MQL yesterday had no time to be accepted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from funnel.models import Stage
from funnel.templatetags.dc import percent
from reporting.agreements.judging import Actual
from reporting.agreements.source import Source
from reporting.definitions import DEFINITIONS
from reporting.drill import DID
from reporting.filters import View
from reporting.models.agreements import Side, Target
from reporting.overview.asking import STEPS, Step
from reporting.periods import Period
from reporting.quality.shown import RATES, SENTENCES
from reporting.quality.slices import Slice
from reporting.quality.tallies import DECIDED_AFTER, SQL_WITHIN
from reporting.sla.asking import Asked
from routing.models import SlaPromise

COUNT, SHARE, STARS = "count", "share", "stars"
UNITS: Final = {COUNT: "leads", SHARE: "%", STARS: "of 5 stars"}
GROUPS: Final = {COUNT: "Volume", SHARE: "Rates", STARS: "Ratings"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure. side: who usually promises it. ripens: days after the end of a period until it is final.

    key: is stored with promises that were signed, so it never changes. read: what it came to in a period. drill: the
    address of the leads behind it; None where it has none.
    """

    key: str
    title: str
    sentence: str
    side: Side
    unit: str
    read: Callable[[Source, Period], Actual]
    drill: Callable[[Source, Period], str] | None = None
    ripens: int = 0

    def amount(self, value: float | None) -> str:
        """A value of it in words: 120, 82.5 %, 3.4 stars."""
        if value is None:
            return "no data"
        if self.unit == SHARE:
            return percent(value, 0 if round(value * 100, 1) % 1 == 0 else 1)
        return f"{value:,.0f}" if self.unit == COUNT else f"{value:.1f} stars"

    def promise(self, direction: str, value: float) -> str:
        """At least 120, at most 20 %."""
        return f"{Target.Direction(direction).label.lower()} {self.amount(value)}"


def _volume(stage: Stage, title: str, side: Side) -> Measure:
    return Measure(
        key=f"volume:{stage}",
        title=title,
        sentence=f"Leads that {DID[stage]} in the period. {DEFINITIONS['volume'].sentence}",
        side=side,
        unit=COUNT,
        read=lambda source, period: Actual(value=source.volume(stage, period)),
        drill=lambda source, period: source.ask.drill(period, show="reached", stage=stage),
    )


def _step(step: Step) -> Measure:
    return Measure(
        key=f"step:{step.start}-{step.end}",
        title=f"{step.words} within {step.window} days",
        sentence=f"Of the leads that {DID[step.start]} in the period, those that {DID[step.end]} within {step.window} "
        "days. Counted are the leads that have had that time.",
        side=Side.MARKETING if step.start in (Stage.INQUIRY, Stage.MQL) else Side.SALES,
        unit=SHARE,
        ripens=step.window,
        read=lambda source, period: source.step(step, period),
        drill=lambda source, period: source.ask.drill(
            period, show="step", stage=step.start, to=step.end, window=step.window, part="all"
        ),
    )


def _quality(rate: str, title: str, days: int) -> Measure:
    _title, k_name, n_name, _hits, _rest = RATES[rate]
    behind = {"accepted": "decided", "sql": "sql_of"}[rate]
    return Measure(
        key=f"quality:{rate}",
        title=title,
        sentence=f"{SENTENCES[rate]} Counted are MQLs of {days} days or more.",
        side=Side.MARKETING,
        unit=SHARE,
        ripens=days,
        read=lambda source, period: source.quality(k_name, n_name, period),
        drill=lambda _source, period: Slice(view=View(period=period), outcome=behind).url(),
    )


def _kept(kind: SlaPromise.Kind) -> Measure:
    return Measure(
        key=f"kept:{kind}",
        title=f"{kind.label}, in time",
        sentence=DEFINITIONS["sla-attainment"].sentence,
        side=Side.SALES,
        unit=SHARE,
        read=lambda source, period: source.kept(kind, period),
        drill=lambda _source, period: reverse("reporting:promises-leads") + Asked(period=period).query(kind=kind.value),
    )


_RATING = Measure(
    key="rating",
    title="Rating of leads by sales",
    sentence="The mean of the stars, 1 to 5, that sales gave to leads in the period; of each user the latest rating of "
    "a lead counts.",
    side=Side.MARKETING,
    unit=STARS,
    read=lambda source, period: source.rating(period),
)

MEASURES: Final[Mapping[str, Measure]] = {
    measure.key: measure
    for measure in (
        _volume(Stage.INQUIRY, "Inquiries", Side.MARKETING),
        _volume(Stage.MQL, "MQLs", Side.MARKETING),
        _volume(Stage.SAL, "SALs", Side.SALES),
        _volume(Stage.SQL, "SQLs", Side.SALES),
        _volume(Stage.OPPORTUNITY, "Opportunities", Side.SALES),
        _volume(Stage.WON, "Won", Side.SALES),
        _quality("accepted", "Acceptance of decided MQLs", DECIDED_AFTER),
        _quality("sql", f"MQLs that become SQLs within {SQL_WITHIN} days", SQL_WITHIN),
        *map(_step, STEPS),
        *map(_kept, SlaPromise.Kind),
        _RATING,
    )
}
