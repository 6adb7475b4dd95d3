"""The stage strip: volume in the period, conversion of the last mature cohort, median time."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from funnel.intervals import wilson
from funnel.models import Exit, Stage
from funnel.templatetags.dc import money_short
from reporting import metrics, numbers
from reporting.dimensions import OPPORTUNITY_DIMENSIONS
from reporting.drill import DID
from reporting.numbers import Number
from reporting.overview import queries
from reporting.overview.asking import END_TO_END, STEPS, Asker, Step, glossary, short_label, short_range
from reporting.overview.queries import CONVERTED, LATE, OPEN, Outcomes, Stays
from reporting.periods import DAY, Period, day_words, monday_of

IN_WORDS = {Stage.MQL: "Marketing qualified", Stage.SAL: "Sales accepted", Stage.SQL: "Sales qualified"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One stage of the strip. k and n: the conversion, by period of different leads; stays: the stage's times.

    since: how many more have come since the period ended, where that is this week, and the address of their list.
    """

    stage: Stage
    step: Step
    words: str
    volume: Number
    count: int
    before: int | None
    since: tuple[int, str] | None
    to: str
    k: int
    n: int
    rate: Number
    cohort: str
    time: Number
    stays: Stays

    @property
    def label(self) -> str:
        return self.stage.label


def strip(ask: Asker) -> tuple[Tile, ...]:
    """A tile a stage; the last one, Won, has the conversion from end to end."""
    before, since = ask.view.before, _this_week(ask)
    others = [ask.query(period) for period in (before, since) if period]
    now, *found = queries.volumes(ask.copy, ask.query(), others)
    then = found[0] if before else {}
    tiles = []
    for step in (*STEPS, END_TO_END):
        last = step is END_TO_END
        stage = Stage.WON if last else step.start
        tile = _by_period(ask, step) if ask.view.basis == "period" else _by_cohort(ask, step)
        tiles.append(
            Tile(
                stage=stage,
                step=step,
                words=_won_value(ask) if last else IN_WORDS.get(stage, ""),
                volume=_volume(ask, stage, now[stage]),
                count=now[stage],
                before=then.get(stage),
                since=(found[-1][stage], ask.drill(since, show="reached", stage=stage)) if since else None,
                to="Inquiry to Won" if last else f"to {short_label(step.end)}",
                **tile,
            )
        )
    return tuple(tiles)


def _this_week(ask: Asker) -> Period | None:
    """From the end of whole weeks to now: what comes in while one looks is to be seen too."""
    end = ask.view.period.end
    return Period("custom", end, ask.now.date() + DAY) if end == monday_of(ask.now.date()) else None


def _won_value(ask: Asker) -> str:
    """What the deals won in the period are worth, where the filters apply to deals and there is one currency."""
    if set(ask.view.where) - set(OPPORTUNITY_DIMENSIONS):
        return ""
    won = metrics.win_rate(ask.copy, ask.query(object="opportunities", basis="period", by=("currency",)))
    won = won[won["won_value"] > 0]
    return money_short(won["won_value"].iloc[0], won["currency"].iloc[0]) if len(won) == 1 else ""


def _volume(ask: Asker, stage: Stage, leads: int) -> Number:
    period = ask.view.period
    return numbers.amount(
        id=f"volume-{stage}",
        title=f"{stage.label}, volume in the period",
        definition=f"Leads that {DID[stage]} in the period, by when they did. Who skipped a stage counts as having "
        "reached it with the next one.",
        count=leads,
        cohort=str(period),
        rows=[("Basis", "Period")],
        links=[(f"Open {leads:,}", ask.drill(period, show="reached", stage=stage)), glossary("volume")],
    )


# --- by cohort -------------------------------------------------------------------------------------------------


def _by_cohort(ask: Asker, step: Step) -> dict[str, Any]:
    cohort = ask.mature(step.window)
    outcomes = queries.outcomes(ask.copy, ask.query(cohort, window=step.window), step.start, step.end)
    return {
        "k": outcomes.k,
        "n": outcomes.n,
        "rate": _cohort_rate(ask, step, cohort, outcomes),
        "cohort": f"{short_range(cohort)}, {step.window} d",
        "time": _time(step, outcomes.stays, cohort=f"{DID[step.start]} {cohort.when}", basis="Cohort, to date"),
        "stays": outcomes.stays,
    }


def _cohort_rate(ask: Asker, step: Step, cohort: Period, outcomes: Outcomes) -> Number:
    k, n = outcomes.k, outcomes.n
    low, high = wilson(k, n)
    leads: dict[str, Any] = {"show": "step", "stage": step.start, "to": step.end, "window": step.window}
    return numbers.rate(
        id=f"rate-{step.start}-{step.end}",
        title=f"{step.words} conversion, cohort, {step.window} days",
        definition=f"Of the leads that {DID[step.start]} in the cohort, those that {DID[step.end]} within "
        f"{step.window} days, as a share. Skipped stages count as reached.",
        k=k,
        n=n,
        low=low,
        high=high,
        cohort=f"{DID[step.start]} {cohort.when}",
        maturity=_maturity(ask, step.window, cohort),
        rows=[(f"Not {step.end.label}", _rest_words(outcomes, step.window))],
        links=[
            (f"Open {k:,}", ask.drill(cohort, **leads, part="yes")),
            (f"Open the other {n - k:,}", ask.drill(cohort, **leads, part="no")),
            glossary("conversion"),
            ("CSV", ask.drill(cohort, **leads, part="all", name="reporting:drill-csv")),
        ],
    )


def _maturity(ask: Asker, window: int, cohort: Period) -> str:
    said = f"100 %: every lead has had its {window} days"
    if cohort == ask.view.period or ask.view.period.end is None:
        return said
    return f"{said}. The period itself is mature from {day_words(ask.view.period.end + dt.timedelta(days=window))}"


def _rest_words(outcomes: Outcomes, window: int) -> str:
    """343: disqualified 214, later than 14 d 52, still open 36."""
    words = {LATE: f"later than {window} d", OPEN: "still open"}
    rest = sorted(((leads, name) for name, leads in outcomes.leads.items() if name != CONVERTED), reverse=True)
    said = [f"{words.get(name) or Exit(name).label.lower()} {leads:,}" for leads, name in rest]
    return f"{outcomes.n - outcomes.k:,}" + (f": {', '.join(said)}" if said else "")


# --- by period -------------------------------------------------------------------------------------------------


def _by_period(ask: Asker, step: Step) -> dict[str, Any]:
    query = ask.query(basis="period")
    arrivals = metrics.conversion(ask.copy, query, from_stage=step.start, to_stage=step.end)
    k, n = int(arrivals["numerator"].iloc[0]), int(arrivals["denominator"].iloc[0])
    stays = queries.stays(ask.copy, query, step.start, step.end)
    return {
        "k": k,
        "n": n,
        "rate": _period_rate(ask, step, k, n),
        "cohort": "arrivals in the period",
        "time": _time(step, stays, cohort=f"{DID[step.end]} {ask.view.period.when}", basis="Period"),
        "stays": stays,
    }


def _period_rate(ask: Asker, step: Step, k: int, n: int) -> Number:
    low, high = wilson(k, n)
    period = ask.view.period
    later = ask.drill(period, show="reached", stage=step.end, since=step.start)
    return numbers.rate(
        id=f"rate-{step.start}-{step.end}",
        title=f"{step.words} rate, period",
        definition=f"Leads that {DID[step.end]} in the period, divided by the leads that {DID[step.start]} in it, "
        f"whoever they are. Who came in later than as {step.start.label} is left out. It mixes generations and can "
        "exceed 100 %.",
        k=k,
        n=n,
        low=low,
        high=high,
        cohort=str(period),
        maturity="does not apply to a period rate",
        links=[
            (f"Open {k:,} {short_label(step.end)}", later),
            (f"Open {n:,} {short_label(step.start)}", ask.drill(period, show="reached", stage=step.start)),
            glossary("conversion"),
        ],
    )


# --- both ------------------------------------------------------------------------------------------------------


def _time(step: Step, stays: Stays, *, cohort: str, basis: str) -> Number:
    return numbers.median(
        id=f"time-{step.start}-{step.end}",
        title=f"{step.words}, median time",
        definition=f"Half of the leads that went from {step.start.label} to {step.end.label} took less, half took "
        "longer. Timed are those that entered both stages themselves.",
        days=stays.median,
        n=stays.n,
        excluded=stays.excluded,
        percentiles=stays.percentiles,
        cohort=cohort,
        rows=[("Basis", basis)],
        links=[glossary("velocity")],
    )
