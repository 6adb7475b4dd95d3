"""The SQL of the lab, over the copy of the facts with the replays of a comparison in it (`facts.Copy.reading`)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from funnel.models import Stage
from reporting import moments
from reporting.facts import Reading
from reporting.lab.sets import ALL, PARTS, SIDES, Drill, People
from reporting.lab.view import FILTERS
from reporting.periods import DAY
from reporting.selection import utc
from reporting.sources import mqls_table, replay_table
from reporting.zones import day_start
from routing.seats.serving import Minutes
from scoring.models import SimulatedLead
from scoring.scopes import Scope

# Where a lead stands that a version made an MQL at `{at}`.
_STATE = """
CASE WHEN {at} IS NULL THEN 'none' WHEN {at} > $until THEN 'young' WHEN real_at IS NULL THEN 'unknown'
     WHEN real_at > $until THEN 'young' ELSE 'known' END
"""
_NOT_VOID = "l.exit IS DISTINCT FROM 'void'"


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

    def replay(self, side: str) -> str:
        """The table of what a side made of every lead."""
        return replay_table(self.live if side == "live" else self.draft)

    def parameters(self) -> dict[str, Any]:
        found: dict[str, Any] = {name: utc(getattr(self, name)) for name in ("start", "end", "until", "split")}
        found |= {name: getattr(self, name) for name in ("first", "live_threshold", "draft_threshold")}
        found["within"] = timedelta(days=self.within)
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
                of = f"(SELECT id FROM {name} WHERE name = $where_{name})"
                found.append(f"AND l.{name}_id IS NULL" if self.where[name] is None else f"AND l.{name}_id = {of}")
        return " ".join(found)

    def week_start(self, number: int) -> datetime:
        """The first moment of a week of the history; the first week is 0."""
        return day_start(self.first + 7 * number * DAY, self.zone)


# --- Where sets are looked for -------------------------------------------------------------------------------------


def _judged(question: Question) -> str:
    """Columns on a lead called l: real_at, when it really became an MQL, and whether it then came to the outcome."""
    real, good = (f"l.{moments.column(stage)}" for stage in (Stage.MQL, question.stage))
    return f"{real} AS real_at, coalesce({good} <= {real} + $within, false) AS good"


def _counted(question: Question) -> str:
    """Which leads are counted at all, on a lead called l."""
    return f"{_NOT_VOID} {question.narrowing}"


def _made(question: Question) -> str:
    """What either version made an MQL within the history; *_before: one that it made an MQL before that already."""
    live, draft = (
        f"(SELECT lead_id, mql_at FROM {question.replay(side)} WHERE mql_at < $end) {side}" for side in SIDES
    )
    sides = ", ".join(
        f"""CASE WHEN {side}.mql_at >= $start THEN {side}.mql_at END AS {side}_at,
            coalesce({side}.mql_at < $start, false) AS {side}_before"""
        for side in SIDES
    )
    return f"""
        SELECT *, {_STATE.format(at="live_at")} AS live_state, {_STATE.format(at="draft_at")} AS draft_state
        FROM (
            SELECT l.id, m.*, {_judged(question)}
            FROM (
                SELECT coalesce(live.lead_id, draft.lead_id) AS lead_id, {sides}
                FROM {live} FULL JOIN {draft} ON draft.lead_id = live.lead_id
            ) m
            JOIN lead l ON l.id = m.lead_id
            WHERE (m.live_at IS NOT NULL OR m.draft_at IS NOT NULL) AND {_counted(question)}
        ) made
    """


def _inquiry(question: Question) -> str:
    return f"""
        SELECT * FROM (
            SELECT l.id, l.{moments.column(Stage.INQUIRY)} AS came_at, {_judged(question)} FROM lead l
            WHERE {_counted(question)}
        ) inquiries
        WHERE came_at >= $start AND came_at < $end AND came_at <= $until AND (real_at IS NULL OR real_at <= $until)
    """


def _real(question: Question) -> str:
    """MQLs that were made; whom sales passed through the stage was made one by nobody."""
    return f"""
        SELECT l.id, l.mql_at AS made_at FROM lead l
        WHERE l.mql_at >= $start AND l.mql_at < $end AND NOT l.passthrough AND {_counted(question)}
    """


def _open(question: Question) -> str:
    return f"""
        SELECT l.id, l.stage, live.mql_at AS live_at, draft.mql_at AS draft_at
        FROM lead l
        JOIN {question.replay("draft")} draft ON draft.lead_id = l.id
        LEFT JOIN {question.replay("live")} live ON live.lead_id = l.id
        WHERE l.closed_at IS NULL AND l.stage IN ('inquiry', 'mql') {question.narrowing}
    """


def _peak(question: Question, side: str) -> str:
    state = _STATE.format(at="mql_at").replace("WHEN mql_at IS NULL THEN 'none'", "")
    return f"""
        SELECT *, {state} AS state FROM (
            SELECT l.id, s.peak, s.hand, s.mql_at, {_judged(question)}
            FROM (
                SELECT *, by_hand AND mql_at >= $start AND mql_at < $end AS hand FROM {question.replay(side)}
                WHERE mql_at >= $start OR mql_at IS NULL AND peak < ${side}_threshold
            ) s
            JOIN lead l ON l.id = s.lead_id
            WHERE (s.peak IS NOT NULL OR s.hand) AND {_counted(question)}
        ) peaks
    """


def _source(question: Question, name: str) -> str:
    if name.startswith("peak-"):
        return _peak(question, name.removeprefix("peak-"))
    return {"made": _made, "inquiry": _inquiry, "real": _real, "open": _open}[name](question)


# --- Counts --------------------------------------------------------------------------------------------------------


def _rows(facts: Reading, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return facts.rows(*_named(sql, parameters)).rows


def _named(sql: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A statement with those of the parameters that it names: DuckDB refuses others."""
    named = set(re.findall(r"\$(\w+)", sql))
    return sql, {name: value for name, value in parameters.items() if name in named}


def counts(facts: Reading, question: Question, sources: Sequence[str]) -> dict[tuple[str, str], int]:
    """How many people each set of these sources has, by (set, part). One statement a source."""
    found: dict[tuple[str, str], int] = {}
    for source in sources:
        found |= _counts(facts, question, source)
    return found


def _counts(facts: Reading, question: Question, source: str) -> dict[tuple[str, str], int]:
    """One pass, whatever the number of sets: people who belong to the same sets and parts come as one row."""
    sets = [people for people in ALL.values() if people.source == source]
    asked = [(people, part) for people in sets for part in PARTS if part == "all" or people.at]
    tests = list(dict.fromkeys([people.test for people in sets] + [_falls(*one) for one in asked if one[1] != "all"]))
    sql = f"SELECT {', '.join(tests)}, count(*) FROM ({_source(question, source)}) x GROUP BY ALL"
    found = dict.fromkeys(((people.name, part) for people, part in asked), 0)
    for *values, leads in _rows(facts, sql, question.parameters()):
        holds = dict(zip(tests, values, strict=True))
        for people, part in asked:
            if holds[people.test] and (part == "all" or holds[_falls(people, part)]):
                found[people.name, part] += leads
    return found


def _falls(people: People, part: str) -> str:
    return f"{people.at} {'<' if part == 'before' else '>='} $split"


def arrivals(facts: Reading, question: Question, *names: str) -> dict[str, Minutes]:
    """When people came into these sets of one source, in order, as minutes since 1970. One statement."""
    sets = [ALL[name] for name in names]
    columns = ", ".join(f'CASE WHEN {one.test} THEN epoch_us({one.at}) / 60e6 END AS "{one.name}"' for one in sets)
    sql = f"SELECT {columns} FROM ({_source(question, sets[0].source)}) x"
    found = facts.columns(*_named(sql, question.parameters()))
    return {name: np.sort(np.ma.compressed(found[name])) for name in names}


def peaks(facts: Reading, question: Question, side: str) -> list[tuple[float | None, str, bool, int]]:
    """Whom a version came near to making MQL: whole points reached (None: by hand, so at any), state, good, leads."""
    sql = f"""
        SELECT CASE WHEN NOT hand THEN floor(peak) END, state, good, count(*)
        FROM ({_peak(question, side)}) x GROUP BY 1, 2, 3
    """
    return _rows(facts, sql, question.parameters())


def least_scored(facts: Reading, simulation: int) -> float | None:
    """The least interest that ever made an MQL in a simulation: its threshold, as near as can be told afterwards."""
    sql = f"SELECT min(peak) FROM {replay_table(simulation)} WHERE mql_at IS NOT NULL AND NOT by_hand"
    ((found,),) = facts.rows(sql).rows
    return found


def made_by(facts: Reading, question: Question, simulations: Sequence[int]) -> dict[int, int]:
    """MQLs of each of these simulations within the history and the filters. One statement."""
    within = dict.fromkeys(simulations, (question.start, question.end))
    return volumes(facts, within, _counted(question), question.parameters())


def volumes(
    facts: Reading,
    simulations: Mapping[int, tuple[datetime, datetime]],
    counted: str = _NOT_VOID,
    parameters: Mapping[str, Any] | None = None,
) -> dict[int, int]:
    """MQLs of each of these simulations between its two moments, of leads called l that are counted. One statement."""
    if not simulations:
        return {}
    made = " UNION ALL ".join(
        f"SELECT {pk:d} AS pk, lead_id FROM {mqls_table(pk)} WHERE mql_at >= $from_{pk:d} AND mql_at < $to_{pk:d}"
        for pk in simulations
    )
    bounds = {f"from_{pk}": utc(start) for pk, (start, _end) in simulations.items()}
    bounds |= {f"to_{pk}": utc(end) for pk, (_start, end) in simulations.items()}
    sql = f"SELECT m.pk, count(*) FROM ({made}) m JOIN lead l ON l.id = m.lead_id WHERE {counted} GROUP BY 1"
    found = dict(_rows(facts, sql, {**(parameters or {}), **bounds}))
    return {pk: found.get(pk, 0) for pk in simulations}


# --- People --------------------------------------------------------------------------------------------------------


def count(facts: Reading, question: Question, drill: Drill) -> int:
    sql = f"SELECT count(*) FROM ({_source(question, drill.people.source)}) x WHERE {_of(drill)}"
    ((found,),) = _rows(facts, sql, _parameters(question, drill))
    return int(found)


def ids(
    facts: Reading,
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
        tests.append("x.id < $below")
    if above is not None:
        tests.append("x.id > $above")
    join = f"JOIN lead l ON l.id = x.id AND ({became})" if became else ""
    sql = f"""
        SELECT x.id FROM ({_source(question, drill.people.source)}) x {join} WHERE {" AND ".join(tests)}
        ORDER BY x.id {"ASC" if above is not None else "DESC"} LIMIT {limit:d}
    """
    return [pk for (pk,) in _rows(facts, sql, _parameters(question, drill) | {"below": below, "above": above})]


def _of(drill: Drill) -> str:
    people = drill.people
    tests = [f"({people.test})"]
    if drill.part != "all":
        tests.append(_falls(people, drill.part))
    if drill.week is not None:
        tests.append(f"{people.at} >= $week_from AND {people.at} < $week_to")
    return " AND ".join(tests)


def _parameters(question: Question, drill: Drill) -> dict[str, Any]:
    found = question.parameters() | {"points": drill.points}
    if drill.week is None:
        return found
    start, end = (question.week_start(week) for week in (drill.week, drill.week + 1))
    return found | {"week_from": utc(start), "week_to": utc(end)}


def became(facts: Reading, question: Question, drill: Drill, tests: Mapping[str, str]) -> dict[str, int]:
    """How many people of a set each test (SQL on l and on x) holds for. One statement."""
    columns = ", ".join(f"count(*) FILTER (WHERE {test})" for test in tests.values())
    sql = f"""
        SELECT {columns} FROM ({_source(question, drill.people.source)}) x JOIN lead l ON l.id = x.id
        WHERE {_of(drill)}
    """
    (row,) = _rows(facts, sql, _parameters(question, drill))
    return dict(zip(tests, row, strict=True))


def good_ones(facts: Reading, question: Question, leads: Sequence[int]) -> set[int]:
    """Which of these leads came to the outcome. One statement."""
    of_leads = f"SELECT l.id, {_judged(question)} FROM lead l WHERE l.id IN (SELECT unnest($leads))"
    rows = _rows(facts, f"SELECT id FROM ({of_leads}) WHERE good", question.parameters() | {"leads": list(leads)})
    return {pk for (pk,) in rows}


def made_alone(leads: Sequence[int], simulations: Sequence[int]) -> set[tuple[int, int]]:
    """(lead, simulation) wherever one of these simulations makes one of these leads an MQL; of few leads, by index."""
    made = SimulatedLead.objects.filter(lead__in=leads, simulation__in=simulations, mql_at__isnull=False)
    return set(made.values_list("lead_id", "simulation_id"))
