"""All SQL over the columnar copy. Each function answers with plain counts; the arithmetic is in metrics.py.

Every function takes the copy and the question and gives rows: the dimensions of `query.by`, then the named figures.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from funnel.models import Exit, Stage
from funnel.path import MILESTONES, RANK
from reporting import moments
from reporting.facts import Copy, Rows
from reporting.selection import Asked, Selection, utc

# Ways to leave that are counted. Won is a stage of the path, and a void lead never was.
LEAVING = tuple(name for name in Exit.values if name not in (Exit.WON, Exit.VOID))
OPENED = ""  # the stage's place when the opening of a lead or deal is meant


# --- what a lead or a deal reached, and when -------------------------------------------------------------------


def reached_at(stage: str) -> str:
    """When a lead reached a stage of the path: see moments.py."""
    return f"l.{moments.column(stage)}"


def lead_moment(stage: str) -> str:
    """When a lead opened, reached a stage of the path, or left by an exit that still stands."""
    if stage == OPENED:
        return f"l.{moments.OPENED_AT}"
    return reached_at(stage) if stage in RANK else f"CASE WHEN l.exit = '{stage}' THEN l.closed_at END"


def own_moment(stage: str) -> str:
    """The moment of a stage that velocity may use: the stage's own, and not merely passed through."""
    if stage not in RANK:
        return lead_moment(stage)
    own = f"l.{MILESTONES[stage]}"
    return f"CASE WHEN NOT l.passthrough THEN {own} END" if stage == Stage.MQL else own


def deal_moment(state: str) -> str:
    """When a deal was opened, or closed into this state."""
    return "l.opened_at" if state == OPENED else f"CASE WHEN l.state = '{state}' THEN l.closed_at END"


def _moment(selection: Selection, stage: str) -> str:
    return lead_moment(stage) if selection.leads else deal_moment(stage)


def _applies(selection: Selection, from_stage: str) -> list[str]:
    """The stage is one of the lead's own way: it came in there or before. A deal without a date counts as opened."""
    if not selection.leads:
        return []
    if from_stage == OPENED:
        return [f"{lead_moment(OPENED)} IS NOT NULL"]
    return [f"{reached_at(from_stage)} IS NOT NULL", f"l.entry_stage <= '{from_stage}'::stage_name"]


# --- the questions ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arrow:
    """From which stage to which; for a deal from its opening to how it closed."""

    start: str
    end: str


def steps(arrow: Arrow) -> list[Arrow]:
    """The arrow cut at each stage in between, for a path stage at both ends."""
    first, last = RANK.get(arrow.start, 1), RANK.get(arrow.end, len(RANK))
    path = Stage.values[first - 1 : last]
    return [Arrow(here, there) for here, there in pairwise(path)]


def _arrows(selection: Selection, arrow: Arrow) -> list[tuple[Arrow, int]]:
    """The arrows to count: one, or, by stage, each step of it."""
    if not (selection.leads and "stage" in selection.query.by):
        return [(arrow, 0)]
    found = steps(arrow)
    selection.steps = [step.start for step in found]
    return [(step, index) for index, step in enumerate(found)]


def _union(parts: Iterable[str]) -> str:
    return " UNION ALL ".join(parts)


def conversion_by_cohort(copy: Copy, query: Asked, arrow: Arrow, judged_at: datetime) -> Rows:
    """Figures: numerator, denominator, mature, immature.

    judged_at: when a lead must be old enough for the window. Without one, mature are those settled either way.
    """
    selection = Selection(copy, query)
    inner = _union(_cohort(selection, part, step) for part, step in _arrows(selection, arrow))
    tests = _cohort_tests(selection, judged_at)
    figures = {
        "numerator": f"count(*) FILTER (WHERE {tests['numerator']})",
        "denominator": f"count(*) FILTER (WHERE {tests['denominator']})",
        "mature": f"count(*) FILTER (WHERE {tests['mature']})",
        "immature": f"count(*) FILTER (WHERE NOT ({tests['mature']}))",
    }
    return selection.grouped(inner, figures)


def _cohort(selection: Selection, arrow: Arrow, step: int) -> str:
    """The leads or deals that reached the arrow's start in the period, with when they did and when they went on."""
    at = _moment(selection, arrow.start)
    columns = {
        "id": "l.id",
        "from_at": at,
        "to_at": _moment(selection, arrow.end),
        "closed": "l.exit IS NOT NULL" if selection.leads else "l.state <> 'open'",
    }
    conditions = _applies(selection, arrow.start)
    return selection.select(columns, at=at, conditions=conditions, step=step)


def _cohort_tests(selection: Selection, judged_at: datetime) -> dict[str, str]:
    """Conditions over what `_cohort` selects. A lead dated the wrong way round went on within any window."""
    window = selection.query.window
    if window is None:
        hit, counted, mature = "to_at IS NOT NULL", "true", "(to_at IS NOT NULL OR closed)"
    else:
        end = f"from_at + {selection.parameter(timedelta(days=window))}"
        hit = f"coalesce(to_at <= {end}, false)"
        counted = mature = f"({end} <= {selection.parameter(utc(judged_at))})"
    return {
        "numerator": f"{hit} AND {counted}",
        "denominator": counted,
        "rest": f"NOT ({hit}) AND {counted}",
        "mature": mature,
    }


def conversion_by_period(copy: Copy, query: Asked, arrow: Arrow) -> Rows:
    """Figures: numerator (arrivals at the later stage in the period) and denominator (arrivals at the earlier)."""
    selection = Selection(copy, query)
    inner = _union(
        _arrivals(selection, part.start, stage, {"arrived": str(number)}, step)
        for part, step in _arrows(selection, arrow)
        for number, stage in enumerate([part.start, part.end])
    )
    figures = {
        "numerator": "count(*) FILTER (WHERE arrived = 1)",
        "denominator": "count(*) FILTER (WHERE arrived = 0)",
    }
    return selection.grouped(inner, figures)


def _arrivals(selection: Selection, applies: str, stage: str, columns: dict[str, str], step: int | None = None) -> str:
    """What arrived at a stage in the period, of those to which the stage `applies` applies."""
    at = _moment(selection, stage)
    conditions = [*_applies(selection, applies), f"{at} IS NOT NULL"]
    return selection.select(columns, at=at, conditions=conditions, step=step)


def durations(copy: Copy, query: Asked, arrow: Arrow) -> Rows:
    """Figures in days: n, median, p75, p90, mean, min, and excluded (dated the wrong way round)."""
    selection = Selection(copy, query)
    inner = _union(_stay(selection, part, step) for part, step in _arrows(selection, arrow))
    forward = "FILTER (WHERE days >= 0)"
    shares = {"median": 0.5, "p75": 0.75, "p90": 0.9}
    figures = {
        "n": f"count(*) {forward}",
        **{name: f"quantile_cont(days, {share}) {forward}" for name, share in shares.items()},
        "mean": f"avg(days) {forward}",
        "min": f"min(days) {forward}",
        "excluded": "count(*) FILTER (WHERE days < 0)",
    }
    return selection.grouped(inner, figures)


def _stay(selection: Selection, arrow: Arrow, step: int) -> str:
    """Days from one moment to the other, by when the first (cohort) or the last (period) was."""
    moment = own_moment if selection.leads else deal_moment
    from_at, to_at = moment(arrow.start), moment(arrow.end)
    at = from_at if selection.query.basis == "cohort" else to_at
    return selection.select(
        {"days": f"epoch_us({to_at} - {from_at}) / 86400e6"},
        at=at,
        conditions=[f"{from_at} IS NOT NULL", f"{to_at} IS NOT NULL"],
        step=step,
    )


def reach(copy: Copy, query: Asked, stages: Sequence[str]) -> Rows:
    """How many leads reached each stage, or left by each exit. Figures: count, imputed, passthrough.

    By cohort, of the leads opened in the period; by period, whoever arrived in it.
    """
    selection = Selection(copy, query, steps=stages)
    parts = []
    for step, stage in enumerate(stages):
        arrived = lead_moment(stage)
        at = lead_moment(OPENED) if query.basis == "cohort" else arrived
        columns = {
            "imputed": f"l.{MILESTONES[stage]} IS NULL" if stage in RANK else "false",
            "passthrough": "l.passthrough" if stage == Stage.MQL else "false",
        }
        conditions = [f"{arrived} IS NOT NULL", f"{at} IS NOT NULL"]
        parts.append(selection.select(columns, at=at, conditions=conditions, step=step))
    figures = {
        "count": "count(*)",
        "imputed": "count(*) FILTER (WHERE imputed)",
        "passthrough": "count(*) FILTER (WHERE passthrough)",
    }
    return selection.grouped(_union(parts), figures)


def opened(copy: Copy, query: Asked, from_stage: str) -> Rows:
    """Figures: count of the leads that opened, or reached `from_stage`, in the period."""
    selection = Selection(copy, query)
    return selection.grouped(_arrivals(selection, OPENED, from_stage, {}), {"count": "count(*)"})


def deals(copy: Copy, query: Asked, *, open_only: bool = False) -> Rows:
    """Figures: count and amount of deals, without_amount. By cohort those opened in the period, else those closed."""
    selection = Selection(copy, query)
    at = "l.opened_at" if query.basis == "cohort" else "l.closed_at"
    conditions = ["l.state = 'open'"] if open_only else []
    inner = selection.select({"amount": "l.amount"}, at=at, conditions=conditions)
    figures = {
        "count": "count(*)",
        "amount": "sum(amount)::DOUBLE",
        "without_amount": "count(*) FILTER (WHERE amount IS NULL)",
    }
    return selection.grouped(inner, figures)


def closes(copy: Copy, query: Asked) -> Rows:
    """Figures: won, lost, no_decision and won_value of what closed; by cohort, of what was opened in the period."""
    selection = Selection(copy, query)
    state = "l.state" if selection.leads is False else "l.exit"
    opened_at = _moment(selection, OPENED)
    inner = selection.select(
        {"state": state, "amount": "NULL::DECIMAL(16, 2)" if selection.leads else "l.amount"},
        at=opened_at if query.basis == "cohort" else "l.closed_at",
        conditions=[f"{state} IN ('won', 'lost', 'no_decision')"],
    )
    figures = {
        **{name: f"count(*) FILTER (WHERE state = '{name}')" for name in ("won", "lost", "no_decision")},
        "won_value": "sum(amount) FILTER (WHERE state = 'won')::DOUBLE",
    }
    return selection.grouped(inner, figures)


def scores(copy: Copy, query: Asked, arrow: Arrow) -> Rows:
    """The leads of the cohort by the fit of their person under the active scoring model, null where there is none.

    One row a score and combination of the dimensions. Figures: leads, converted (reached the arrow's end).
    """
    copy.need("score")
    selection = Selection(copy, query, joins={"score"})
    at = _moment(selection, arrow.start)
    columns = {"score": "score.fit_total", "hit": f"{_moment(selection, arrow.end)} IS NOT NULL"}
    inner = selection.select(columns, at=at, conditions=_applies(selection, arrow.start))
    return selection.grouped(inner, {"leads": "count(*)", "converted": "count(*) FILTER (WHERE hit)"}, also=("score",))


def ids(
    copy: Copy, query: Asked, arrow: Arrow, *, part: str, judged_at: datetime, after: int | None, limit: int
) -> Rows:
    """The leads or deals behind one figure, newest first: at most `limit` below the id `after`.

    part: numerator, denominator, or rest (counted, and not arrived).
    """
    selection = Selection(copy, query)
    if query.basis == "cohort" or part == "rest":
        inner, test = _cohort(selection, arrow, 0), _cohort_tests(selection, judged_at)[part]
    else:
        stage = arrow.start if part == "denominator" else arrow.end
        inner, test = _arrivals(selection, arrow.start, stage, {"id": "l.id"}), "true"
    below = f"AND id < {selection.parameter(after)}" if after is not None else ""
    return selection.rows(f"SELECT id FROM ({inner}) WHERE {test} {below} ORDER BY id DESC LIMIT {int(limit)}")
