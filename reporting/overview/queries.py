"""The SQL of the Overview's tiles and of the records behind them, put together by `Selection`.

What a lead reached and when is said in queries.py; tests hold these figures against metrics.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from funnel.models import Exit, Stage
from funnel.path import MILESTONES, RANK
from reporting.facts import Copy
from reporting.metrics import Query
from reporting.queries import LEAVING, OPENED, lead_moment, own_moment, reached_at
from reporting.selection import Listed, Selection

CONVERTED, LATE, OPEN = "converted", "late", "open"  # outcomes of a step; the others are exits
PERCENTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_DAYS = "epoch_us(own_to - own_from) / 86400e6"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """How long a step took n leads: p10 p25 p50 p75 p90 in days, empty without leads.

    excluded: left out because their dates are the wrong way round.
    """

    n: int = 0
    excluded: int = 0
    percentiles: tuple[float, ...] = ()

    @property
    def median(self) -> float | None:
        return self.percentiles[2] if self.percentiles else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What became of a cohort within a step's window: leads by converted, late, open, or the exit they took.

    stays: of all who took the step by now, late or not.
    """

    leads: Mapping[str, int] = field(default_factory=dict)
    stays: Stays = Stays()

    @property
    def n(self) -> int:
        return sum(self.leads.values())

    @property
    def k(self) -> int:
        return self.leads.get(CONVERTED, 0)


def has_leads(copy: Copy) -> bool:
    """There is a lead that counts."""

    def ask() -> bool:
        return bool(copy.rows(f"SELECT 1 FROM lead WHERE exit IS DISTINCT FROM '{Exit.VOID}' LIMIT 1").rows)

    found: bool = copy.answer("has leads", ask)
    return found


def volumes(copy: Copy, query: Query, others: Sequence[Query] = ()) -> list[dict[str, int]]:
    """How many leads reached each stage in the period of the query, and of each other one, in one statement."""
    asked = [query, *others]
    starts, ends = [one.start for one in asked], [one.end for one in asked]
    whole = replace(
        query,
        start=None if None in starts else min(start for start in starts if start),
        end=None if None in ends else max(end for end in ends if end),
    )
    selection = Selection(copy, whole)
    tests = []
    for one in asked:
        within = Selection(copy, one, parameters=selection.parameters).within("arrived")
        tests.append(" AND ".join(["arrived IS NOT NULL", *within]))
    counts = ", ".join(f"count(*) FILTER (WHERE {test})" for test in tests)
    parts = []
    for stage in Stage.values:
        at = reached_at(stage)
        parts.append(f"SELECT '{stage}', {counts} FROM ({selection.select({'arrived': at}, at=at)})")
    rows = {stage: found for stage, *found in selection.rows(" UNION ALL ".join(parts)).rows}
    return [{stage: rows[stage][number] for stage in Stage.values} for number in range(len(asked))]


def outcomes(copy: Copy, query: Query, from_stage: str, to_stage: str) -> Outcomes:
    """What became of the leads that reached `from_stage` in the query's period, within its window."""
    selection = Selection(copy, query)
    columns = {
        "from_at": lead_moment(from_stage),
        "to_at": lead_moment(to_stage),
        "own_from": own_moment(from_stage),
        "own_to": own_moment(to_stage),
        "exit": "l.exit",
    }
    inner = selection.select(columns, at=lead_moment(from_stage), conditions=_came_by(from_stage))
    hit = f"coalesce({_hit(selection, 'from_at', 'to_at')}, false)"
    rows = selection.rows(
        f"""
        SELECT taken, way, count(*), count(*) FILTER (WHERE hit), {_stays()}
        FROM (SELECT to_at IS NOT NULL AS taken, CASE WHEN to_at IS NULL THEN exit END AS way, {hit} AS hit,
                     {_DAYS} AS days FROM ({inner}))
        GROUP BY taken, way
        """
    ).rows
    leads: dict[str, int] = {}
    stays = Stays()
    for taken, way, total, hits, *times in rows:
        if taken:
            leads |= {CONVERTED: hits, LATE: total - hits}
            stays = _read_stays(times)
        else:
            leads[way or OPEN] = total
    return Outcomes(leads={name: count for name, count in leads.items() if count}, stays=stays)


def stays(copy: Copy, query: Query, from_stage: str, to_stage: str) -> Stays:
    """How long the leads that reached `to_stage` in the query's period had taken from `from_stage`."""
    selection = Selection(copy, query)
    columns = {"own_from": own_moment(from_stage), "own_to": own_moment(to_stage)}
    inner = selection.select(columns, at=own_moment(to_stage))
    sql = f"SELECT {_stays()} FROM (SELECT {_DAYS} AS days FROM ({inner}))"
    [row] = selection.rows(sql).rows
    return _read_stays(row)


def _stays() -> str:
    """n, excluded and the percentiles of `days`."""
    forward = "FILTER (WHERE days >= 0)"
    return f"""count(*) {forward}, count(*) FILTER (WHERE days < 0),
               quantile_cont(days, {list(PERCENTILES)}) {forward}"""


def _read_stays(row: Sequence) -> Stays:
    n, excluded, percentiles = row
    return Stays(n=n, excluded=excluded, percentiles=tuple(percentiles or ()))


def entered(copy: Copy, query: Query, stages: Sequence[str], *, grain: str) -> dict[str, dict[date, int]]:
    """How many leads reached each stage in each day, week (from Monday) or month of the query's period and zone."""
    found: dict[str, dict[date, int]] = {}
    for stage in stages:
        selection = Selection(copy, query)
        inner = selection.select({"arrived": reached_at(stage)}, at=reached_at(stage), conditions=_reached(stage))
        bucket = f"date_trunc('{grain}', {selection.local('arrived')})::DATE"
        found[stage] = dict(selection.rows(f"SELECT {bucket}, count(*) FROM ({inner}) GROUP BY 1").rows)
    return found


def furthest(copy: Copy, query: Query) -> dict[tuple[int, bool], int]:
    """The leads whose inquiry lies in the query's period, by the rank they came to and whether they are open still."""
    selection = Selection(copy, query)
    columns = {"rank": _furthest(), "open": "l.exit IS NULL"}
    inner = selection.select(columns, at=reached_at(Stage.INQUIRY), conditions=_came_by(Stage.INQUIRY))
    rows = selection.rows(f"SELECT rank, open, count(*) FROM ({inner}) GROUP BY 1, 2").rows
    return {(rank, still_open): leads for rank, still_open, leads in rows}


def _furthest() -> str:
    cases = [f"WHEN l.{MILESTONES[stage]} IS NOT NULL THEN {RANK[stage]}" for stage in reversed(Stage.values)]
    return f"CASE {' '.join(cases)} END"


def left(copy: Copy, query: Query) -> list[tuple[str, str, str | None, int]]:
    """Who left in the query's period: stage, exit, reason and how many, the most frequent first."""
    selection = Selection(copy, query)
    columns = {"stage": "l.stage", "exit": "l.exit"}
    inner = selection.select(columns, at="l.closed_at", conditions=[_leaving()], by=["reason"])
    rows = selection.rows(f"""SELECT stage::VARCHAR, exit::VARCHAR, d0, count(*) AS leads FROM ({inner})
            GROUP BY 1, 2, 3 ORDER BY leads DESC, 1, 2, 3""").rows
    return [(stage, exit_, reason, leads) for stage, exit_, reason, leads in rows]


def values(copy: Copy, query: Query, dimension: str, *, limit: int) -> tuple[list[tuple[str | None, int]], int]:
    """The values of a dimension among leads that reached any stage in the period, the most frequent first.

    Returns (value, leads) up to the limit, and how many more values there are.
    """
    selection = Selection(copy, replace(query, start=None, end=None))
    tests = Selection(copy, query, parameters=selection.parameters)
    moved = [
        f"({' AND '.join([f'l.{column} IS NOT NULL', *tests.within(f'l.{column}')])})" for column in MILESTONES.values()
    ]
    inner = selection.select({}, at=lead_moment(OPENED), conditions=[f"({' OR '.join(moved)})"], by=[dimension])
    rows = selection.rows(f"SELECT d0, count(*) AS leads FROM ({inner}) GROUP BY d0 ORDER BY leads DESC, d0").rows
    return [(value, leads) for value, leads in rows[:limit]], max(len(rows) - limit, 0)


def brought(copy: Copy, query: Query, dimension: str) -> dict[str | None, dict[str, int]]:
    """Of the leads opened in the period, for each value of a dimension: how many (OPENED), and by now at each stage."""
    selection = Selection(copy, query)
    columns = {f"{stage}_r": reached_at(stage) for stage in Stage.values}
    at = lead_moment(OPENED)
    inner = selection.select(columns, at=at, conditions=[f"{at} IS NOT NULL"], by=[dimension])
    figures = {OPENED: "count(*)", **{stage: f"count({stage}_r)" for stage in Stage.values}}
    rows = selection.rows(f"SELECT d0, {', '.join(figures.values())} FROM ({inner}) GROUP BY d0").rows
    return {value: dict(zip(figures, counts, strict=True)) for value, *counts in rows}


def _hit(selection: Selection, from_at: str, to_at: str) -> str:
    """The step was taken, within the window where there is one (inclusive)."""
    window = selection.query.window
    if window is None:
        return f"{to_at} IS NOT NULL"
    return f"{to_at} <= {from_at} + {selection.parameter(timedelta(days=window))}"


def _reached(stage: str) -> list[str]:
    return [f"{reached_at(stage)} IS NOT NULL"]


def _came_by(stage: str) -> list[str]:
    """The lead reached the stage and came in there or before; what was only passed through says nothing of quality."""
    return [*_reached(stage), f"l.entry_stage <= '{stage}'::stage_name"]


def _leaving(names: Iterable[str] = LEAVING) -> str:
    return f"l.exit IN ({', '.join(repr(str(name)) for name in names)})"


# --- the records behind a number -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Records(Listed):
    """The leads behind a number, as SQL that waits for a copy.

    step: two moments. converted: the step from one to the other was taken within the query's window, or was not.
    """

    query: Query
    at: str
    conditions: tuple[str, ...] = ()
    step: tuple[str, str] | None = None
    converted: bool | None = None

    def _select(self, copy: Copy) -> tuple[Selection, str]:
        selection = Selection(copy, self.query)
        conditions = list(self.conditions)
        if self.step and self.converted is not None:
            hit = f"coalesce({_hit(selection, *self.step)}, false)"
            conditions.append(hit if self.converted else f"NOT {hit}")
        return selection, selection.select({"id": "l.id"}, at=self.at, conditions=conditions)


def reached_records(query: Query, stage: str, *, since: str | None = None) -> Records:
    """Leads that reached a stage in the period; since: only those that came in at this stage or before."""
    conditions = [*_reached(stage), *([f"l.entry_stage <= '{since}'::stage_name"] if since else ())]
    return Records(query=query, at=reached_at(stage), conditions=tuple(conditions))


def opened_records(query: Query, stage: str | None) -> Records:
    """Leads that opened in the period, or those of them that reached a stage by now."""
    conditions = [f"{lead_moment(OPENED)} IS NOT NULL", *(_reached(stage) if stage else ())]
    return Records(query=query, at=lead_moment(OPENED), conditions=tuple(conditions))


def step_records(query: Query, from_stage: str, to_stage: str, *, converted: bool | None) -> Records:
    """A step's cohort, those of it that took the step within the window, or those that did not."""
    return Records(
        query=query,
        at=lead_moment(from_stage),
        conditions=tuple(_came_by(from_stage)),
        step=(lead_moment(from_stage), lead_moment(to_stage)),
        converted=converted,
    )


def funnel_records(query: Query, stage: str, part: str) -> Records:
    """Of the leads whose inquiry lies in the period: who reached a stage, went on, is open there or left there."""
    rank, at = RANK[stage], _furthest()
    tests = {
        "reached": f"{at} >= {rank}",
        "on": f"{at} > {rank}",
        "open": f"{at} = {rank} AND l.exit IS NULL",
        "left": f"{at} = {rank} AND l.exit IS NOT NULL AND l.exit <> '{Exit.WON}'",
    }
    conditions = (*_came_by(Stage.INQUIRY), f"({tests[part]})")
    return Records(query=query, at=reached_at(Stage.INQUIRY), conditions=conditions)


def left_records(query: Query, stage: str, exit_: str) -> Records:
    """Leads that left in the period, from a stage and by an exit; the reason is a filter of the query."""
    return Records(query=query, at="l.closed_at", conditions=(_leaving([exit_]), f"l.stage = '{stage}'"))


# --- money -----------------------------------------------------------------------------------------------------


def costs(copy: Copy, start: date | None, end: date | None) -> list[tuple[int | None, str, Decimal]]:
    """What was spent on each campaign on the days of a period: campaign id, currency, amount."""
    tests = ["incurred_on >= $start"] if start else []
    tests += ["incurred_on < $end"] if end else []
    where = f"WHERE {' AND '.join(tests)}" if tests else ""
    given = {name: day for name, day in (("start", start), ("end", end)) if day}
    sql = f"SELECT campaign_id, currency, sum(amount) FROM cost {where} GROUP BY 1, 2 ORDER BY 1, 2"
    return [(campaign, currency, amount) for campaign, currency, amount in copy.rows(sql, given).rows]
