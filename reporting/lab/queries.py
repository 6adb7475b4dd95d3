"""The SQL of the lab, over stored simulations. Every statement's cost goes with the leads of two simulations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from funnel.models import Stage
from reporting import moments
from reporting.lab.sets import ALL, PARTS, SIDES, Drill, People
from reporting.lab.view import FILTERS
from scoring.scopes import Scope

_TABLES = {"solution": "funnel_solution", "region": "funnel_region"}
# Where a lead stands that a version made an MQL at `{at}`.
_STATE = """
CASE WHEN {at} IS NULL THEN 'none' WHEN {at} > %(until)s THEN 'young' WHEN real_at IS NULL THEN 'unknown'
     WHEN real_at > %(until)s THEN 'young' ELSE 'known' END
"""
_HAND = "(s.by = 'hand' AND s.mql_at >= %(start)s AND s.mql_at < %(end)s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Two simulations of one history. start, end: its bounds; until: outcomes of MQLs up to then are old enough.

    split: the first moment of the holdout. first: the history's first day, from which weeks are counted, in `zone`.
    scope: the leads that the draft is meant for, None for all.
    """

    live: int
    draft: int
    start: datetime
    end: datetime
    until: datetime
    split: datetime
    first: date
    zone: str
    stage: Stage
    within: int
    live_threshold: float
    draft_threshold: float
    where: Mapping[str, str | None]
    scope: Scope | None = None

    def parameters(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "live",
                "draft",
                "start",
                "end",
                "until",
                "split",
                "first",
                "zone",
                "within",
                "live_threshold",
                "draft_threshold",
            )  # fmt: skip
        }
        return found | {f"where_{name}": value for name, value in self.where.items()}

    @property
    def narrowing(self) -> str:
        """The filters and the scope, on a lead called l."""
        found = []
        if self.scope and self.scope.solution_id is not None:
            found.append(f"AND l.solution_id = {self.scope.solution_id:d}")
        if self.scope and self.scope.regions is not None:
            found.append(f"AND l.region_id IN ({', '.join(f'{pk:d}' for pk in sorted(self.scope.regions))})")
        for name in FILTERS:
            if name in self.where:
                of = f"(SELECT id FROM {_TABLES[name]} WHERE name = %(where_{name})s)"
                found.append(f"AND l.{name}_id IS NULL" if self.where[name] is None else f"AND l.{name}_id = {of}")
        return " ".join(found)


# --- Where sets are looked for -------------------------------------------------------------------------------------


def _judged(question: Question) -> str:
    """Joins to a lead called l: real_at, when it really became an MQL, and whether it then came to the outcome."""
    real, good = moments.reached(Stage.MQL, "l"), moments.reached(question.stage, "l")
    return f"""
        CROSS JOIN LATERAL (SELECT {real} AS real_at, {good} AS good_at) f
        CROSS JOIN LATERAL (
            SELECT coalesce(f.good_at <= f.real_at + %(within)s * interval '1 day', false) AS good
        ) g
        WHERE l.exit <> 'void' {question.narrowing}
    """


def _made(question: Question) -> str:
    """What either version made an MQL within the history; *_before: one that it made an MQL before that already."""
    sides = ", ".join(
        f"""max(s.mql_at) FILTER (WHERE s.simulation_id = %({side})s AND s.mql_at >= %(start)s) AS {side}_at,
            bool_or(s.simulation_id = %({side})s AND s.mql_at < %(start)s) AS {side}_before"""
        for side in SIDES
    )
    return f"""
        SELECT *, {_STATE.format(at="live_at")} AS live_state, {_STATE.format(at="draft_at")} AS draft_state
        FROM (
            SELECT l.id, m.live_at, m.live_before, m.draft_at, m.draft_before, f.real_at, g.good
            FROM (
                SELECT s.lead_id, {sides}
                FROM scoring_simulatedlead s
                WHERE s.simulation_id IN (%(live)s, %(draft)s) AND s.mql_at IS NOT NULL AND s.mql_at < %(end)s
                GROUP BY s.lead_id
                HAVING max(s.mql_at) >= %(start)s
            ) m
            JOIN funnel_lead l ON l.id = m.lead_id {_judged(question)}
        ) made
    """


def _inquiry(question: Question) -> str:
    opened = moments.reached(Stage.INQUIRY, "l")
    return f"""
        SELECT l.id, o.at, g.good FROM funnel_lead l CROSS JOIN LATERAL (SELECT {opened} AS at) o {_judged(question)}
            AND o.at >= %(start)s AND o.at < %(end)s AND o.at <= %(until)s
            AND (f.real_at IS NULL OR f.real_at <= %(until)s)
    """


def _real(question: Question) -> str:
    """MQLs that were made; whom sales passed through the stage was made one by nobody."""
    return f"""
        SELECT l.id, l.mql_at AS at FROM funnel_lead l
        WHERE l.mql_at >= %(start)s AND l.mql_at < %(end)s AND NOT l.passthrough AND l.exit <> 'void'
              {question.narrowing}
    """


def _open(question: Question) -> str:
    return f"""
        SELECT l.id, l.stage, a.mql_at AS live_at, b.mql_at AS draft_at
        FROM funnel_lead l
        JOIN scoring_simulatedlead b ON b.lead_id = l.id AND b.simulation_id = %(draft)s
        LEFT JOIN scoring_simulatedlead a ON a.lead_id = l.id AND a.simulation_id = %(live)s
        WHERE l.closed_at IS NULL AND l.stage IN ('inquiry', 'mql') {question.narrowing}
    """


def _peak(question: Question, side: str) -> str:
    state = _STATE.format(at="mql_at").replace("WHEN mql_at IS NULL THEN 'none'", "")
    return f"""
        SELECT *, {state} AS state FROM (
            SELECT l.id, s.peak, {_HAND} AS hand, s.mql_at, f.real_at, g.good
            FROM scoring_simulatedlead s JOIN funnel_lead l ON l.id = s.lead_id {_judged(question)}
                AND s.simulation_id = %({side})s AND (s.peak IS NOT NULL OR {_HAND})
                AND (s.mql_at >= %(start)s OR s.mql_at IS NULL AND round(s.peak::numeric, 6) < %({side}_threshold)s)
        ) peaks
    """


def _source(question: Question, name: str) -> str:
    if name.startswith("peak-"):
        return _peak(question, name.removeprefix("peak-"))
    return {"made": _made, "inquiry": _inquiry, "real": _real, "open": _open}[name](question)


# --- Counts --------------------------------------------------------------------------------------------------------


def _rows(sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def counts(question: Question, sources: Sequence[str]) -> dict[tuple[str, str], int]:
    """How many people each set of these sources has, by (set, part). One statement a source."""
    found: dict[tuple[str, str], int] = {}
    for source in sources:
        asked = [
            (people, part)
            for people in ALL.values()
            if people.source == source
            for part in PARTS
            if part == "all" or people.at
        ]
        tests = ", ".join(f"count(*) FILTER (WHERE {_test(people, part=part)})" for people, part in asked)
        (row,) = _rows(f"SELECT {tests} FROM ({_source(question, source)}) x", question.parameters())
        found |= {(people.name, part): leads for (people, part), leads in zip(asked, row, strict=True)}
    return found


def _test(people: People, *, part: str = "all", week: int | None = None) -> str:
    tests = [f"({people.test})"]
    if part != "all":
        tests.append(f"{people.at} {'<' if part == 'before' else '>='} %(split)s")
    if week is not None:
        tests.append(f"{_WEEK.format(at=people.at)} = %(week)s")
    return " AND ".join(tests)


_WEEK = "((({at} AT TIME ZONE %(zone)s)::date - %(first)s) / 7)"


def weekly(question: Question, name: str) -> dict[int, int]:
    """People of a set by week of the history."""
    people = ALL[name]
    week = _WEEK.format(at=people.at)
    sql = f"SELECT {week}, count(*) FROM ({_source(question, people.source)}) x WHERE {people.test} GROUP BY 1"
    return dict(_rows(sql, question.parameters()))


def arrivals(question: Question) -> dict[str, list[datetime]]:
    """When each version made its MQLs, in order. One statement."""
    rows = _rows(f"SELECT live_at, draft_at FROM ({_made(question)}) x", question.parameters())
    return {side: sorted(row[place] for row in rows if row[place]) for place, side in enumerate(SIDES)}


def peaks(question: Question, side: str) -> list[tuple[float | None, str, bool, int]]:
    """Whom a version came near to making MQL: whole points reached (None: by hand, so at any), state, good, leads."""
    sql = f"""
        SELECT CASE WHEN hand THEN NULL ELSE floor(round(peak::numeric, 6))::float8 END, state, good, count(*)
        FROM ({_peak(question, side)}) x GROUP BY 1, 2, 3
    """
    return _rows(sql, question.parameters())


def least_scored(simulation: int) -> float | None:
    """The least interest that ever made an MQL in a simulation: its threshold, as near as can be told afterwards."""
    sql = """
        SELECT min(peak) FROM scoring_simulatedlead s
        WHERE s.simulation_id = %(simulation)s AND s.mql_at IS NOT NULL AND s.by = 'score'
    """
    ((found,),) = _rows(sql, {"simulation": simulation})
    return found


def made_by(question: Question, simulations: Sequence[int]) -> dict[int, int]:
    """MQLs of each of these simulations within the history and the filters. One statement."""
    sql = f"""
        SELECT s.simulation_id, count(*)
        FROM scoring_simulatedlead s JOIN funnel_lead l ON l.id = s.lead_id
        WHERE s.simulation_id = ANY(%(simulations)s)
              AND s.mql_at IS NOT NULL AND s.mql_at >= %(start)s AND s.mql_at < %(end)s
              AND l.exit <> 'void' {question.narrowing}
        GROUP BY 1
    """
    found = dict(_rows(sql, question.parameters() | {"simulations": list(simulations)}))
    return {simulation: found.get(simulation, 0) for simulation in simulations}


# --- People --------------------------------------------------------------------------------------------------------


def count(question: Question, drill: Drill) -> int:
    sql = f"SELECT count(*) FROM ({_source(question, drill.people.source)}) x WHERE {_of(drill)}"
    ((found,),) = _rows(sql, _parameters(question, drill))
    return int(found)


def ids(
    question: Question,
    drill: Drill,
    *,
    became: str = "",
    below: int | None = None,
    above: int | None = None,
    limit: int,
) -> list[int]:
    """Leads of a set, highest id first below one, lowest first above one. became: SQL on x and on a lead called l."""
    tests = [_of(drill)]
    if below is not None:
        tests.append("x.id < %(below)s")
    if above is not None:
        tests.append("x.id > %(above)s")
    join = f"JOIN funnel_lead l ON l.id = x.id AND ({became})" if became else ""
    sql = f"""
        SELECT x.id FROM ({_source(question, drill.people.source)}) x {join} WHERE {" AND ".join(tests)}
        ORDER BY x.id {"ASC" if above is not None else "DESC"} LIMIT %(limit)s
    """
    parameters = _parameters(question, drill) | {"below": below, "above": above, "limit": limit}
    return [pk for (pk,) in _rows(sql, parameters)]


def _of(drill: Drill) -> str:
    return _test(drill.people, part=drill.part, week=drill.week)


def _parameters(question: Question, drill: Drill) -> dict[str, Any]:
    return question.parameters() | {"week": drill.week, "points": drill.points}


def became(question: Question, drill: Drill, tests: Mapping[str, str]) -> dict[str, int]:
    """How many people of a set each test (SQL on l and on good) holds for. One statement."""
    columns = ", ".join(f"count(*) FILTER (WHERE {test})" for test in tests.values())
    sql = f"""
        SELECT {columns} FROM ({_source(question, drill.people.source)}) x JOIN funnel_lead l ON l.id = x.id
        WHERE {_of(drill)}
    """
    (row,) = _rows(sql, _parameters(question, drill))
    return dict(zip(tests, row, strict=True))


def good_ones(question: Question, leads: Sequence[int]) -> set[int]:
    """Which of these leads came to the outcome. One statement."""
    sql = f"SELECT l.id FROM funnel_lead l {_judged(question)} AND g.good AND l.id = ANY(%(leads)s)"
    return {pk for (pk,) in _rows(sql, question.parameters() | {"leads": list(leads)})}


def made_alone(leads: Sequence[int], simulations: Sequence[int]) -> set[tuple[int, int]]:
    """(lead, simulation) wherever one of these simulations makes one of these leads an MQL."""
    sql = """
        SELECT lead_id, simulation_id FROM scoring_simulatedlead
        WHERE lead_id = ANY(%(leads)s) AND simulation_id = ANY(%(simulations)s) AND mql_at IS NOT NULL
    """
    return set(_rows(sql, {"leads": list(leads), "simulations": list(simulations)}))
