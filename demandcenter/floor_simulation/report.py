"""What became of every MQL, SQL and hand-off of a span of time, and whether the sums agree: counted from the facts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection

from funnel.models import Stage
from routing.models import Assignment, RoutingRule, Seat

UNEXPLAINED: Final = "unexplained"

_ENTERED: Final = """
WITH entered AS (
    SELECT e.lead_id, count(*) AS times FROM funnel_stageevent e
    WHERE e.to_stage = %(stage)s AND e.kind IN ('advance', 'regress', 'reopen')
      AND e.occurred_at >= %(start)s AND e.occurred_at < %(end)s
      AND NOT EXISTS (SELECT FROM funnel_stageevent v WHERE v.supersedes_id = e.id)
    GROUP BY e.lead_id
)
"""
# Leads that were MQLs at some time of the span: open as such when it began, or become one meanwhile.
_LEADS: Final = f"""{_ENTERED}
SELECT l.id, l.stage, l.exit, l.closed_at IS NOT NULL, l.owner_id IS NOT NULL, l.pool_id IS NOT NULL,
       coalesce(last.kind, ''), coalesce(last.explanation ->> 'reason', ''), running.due_at < %(end)s,
       l.id = ANY(%(open)s), coalesce(entered.times, 0)
FROM funnel_lead l
LEFT JOIN entered ON entered.lead_id = l.id
LEFT JOIN LATERAL (
    SELECT kind, explanation FROM routing_assignment WHERE lead_id = l.id ORDER BY id DESC LIMIT 1
) last ON true
LEFT JOIN routing_clock running ON running.lead_id = l.id AND running.kind = 'accept' AND running.stopped_at IS NULL
WHERE entered.lead_id IS NOT NULL OR l.id = ANY(%(open)s)
ORDER BY l.id
"""
# The same of SQLs, with how far their way to an account executive has come.
_SQLS: Final = f"""{_ENTERED}
SELECT l.stage, l.exit, l.closed_at IS NOT NULL, coalesce(t.kind, ''),
       h.accepted_at IS NOT NULL, h.id IS NOT NULL AND h.accepted_at IS NULL,
       l.id = ANY(%(open)s), coalesce(entered.times, 0)
FROM funnel_lead l
LEFT JOIN entered ON entered.lead_id = l.id
LEFT JOIN funnel_rep r ON r.id = l.owner_id
LEFT JOIN funnel_team t ON t.id = r.team_id
LEFT JOIN routing_handoff h ON h.id = (
    SELECT max(x.id) FROM routing_handoff x
    WHERE x.lead_id = l.id AND x.to_rep_id = l.owner_id AND x.returned_at IS NULL AND x.withdrawn_at IS NULL)
WHERE entered.lead_id IS NOT NULL OR l.id = ANY(%(open)s)
ORDER BY l.id
"""
_HAND_OFFS: Final = """
SELECT count(*) FILTER (WHERE h.offered_at >= %(start)s), count(*) FILTER (WHERE h.offered_at < %(start)s),
       count(*) FILTER (WHERE h.accepted_at IS NOT NULL AND h.returned_at IS NULL),
       count(*) FILTER (WHERE h.returned_at IS NOT NULL), count(*) FILTER (WHERE h.withdrawn_at IS NOT NULL),
       count(*) FILTER (WHERE h.accepted_at IS NULL AND h.returned_at IS NULL AND h.withdrawn_at IS NULL
                        AND l.stage = 'sql' AND l.closed_at IS NULL AND l.owner_id = h.to_rep_id)
FROM routing_handoff h JOIN funnel_lead l ON l.id = h.lead_id
WHERE h.offered_at >= %(start)s AND h.offered_at < %(end)s OR h.id = ANY(%(waiting)s)
"""
# What the stage events say of the same returns.
_RETURNS: Final = """
SELECT count(*) FROM funnel_stageevent e
WHERE e.kind = 'regress' AND e.from_stage = 'sql' AND e.occurred_at >= %(start)s AND e.occurred_at < %(end)s
"""
_RETURNED: Final = """
SELECT count(*) FROM routing_handoff WHERE returned_at >= %(start)s AND returned_at < %(end)s
"""
_PROMISES: Final = """
SELECT kind,
       count(*) FILTER (WHERE stopped_at <= due_at AND NOT cancelled),
       count(*) FILTER (WHERE stopped_at > due_at AND NOT cancelled),
       count(*) FILTER (WHERE stopped_at IS NULL AND due_at < %(end)s),
       count(*) FILTER (WHERE stopped_at IS NULL AND due_at >= %(end)s),
       count(*) FILTER (WHERE cancelled)
FROM routing_clock WHERE started_at >= %(start)s AND started_at < %(end)s GROUP BY kind ORDER BY kind
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Clocks of a kind that started in the span, by what they came to."""

    kind: str
    kept: int
    broken: int
    overdue: int
    running: int
    cancelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is open as a span begins: the leads at MQL and at SQL, and the hand-offs that wait for an answer."""

    mqls: list[int]
    sqls: list[int]
    hand_offs: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The leads at a stage. opening: open there when the span began; entered: entries meanwhile; again: those of them
    of a lead that was counted before. became: how many leads by what became of them.
    """

    opening: int
    entered: int
    again: int
    became: Counter[str]

    def problems(self, noun: str) -> Iterator[str]:
        """What does not agree, a sentence each."""
        leads = self.became.total()
        if leads != self.opening + self.entered - self.again:
            yield f"{leads:,} {noun} were counted, but {self.opening:,} were open and {self.entered:,} came in."


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOffs:
    """SQLs on their way to account executives. waited: offered before the span and not answered when it began.

    said: how many of the returns within the span the stage events tell of as well.
    """

    waited: int
    offered: int
    taken: int
    returned: int
    taken_back: int
    waiting: int
    returns: int
    said: int

    def problems(self) -> Iterator[str]:
        """What does not agree, a sentence each."""
        answered = self.taken + self.returned + self.taken_back + self.waiting
        if answered != self.waited + self.offered:
            yield f"{self.waited + self.offered:,} SQLs were offered, and {answered:,} of them are accounted for."
        if self.returns != self.said:
            yield f"{self.returns:,} SQLs were returned, and the stage events tell of {self.said:,}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """gaps: by team, by how many leads somebody is ahead of their share."""

    mqls: Flow
    sqls: Flow
    hand_offs: HandOffs
    promises: list[Promise]
    gaps: dict[str, float]

    def problems(self) -> Iterator[str]:
        """What does not agree, a sentence each; nothing when all is well."""
        yield from self.mqls.problems("MQLs")
        yield from self.sqls.problems("SQLs")
        yield from self.hand_offs.problems()
        if nobodys := self.mqls.became[UNEXPLAINED]:
            yield f"{nobodys:,} MQLs are with nobody, and no reason says why."
        for team, gap in self.gaps.items():
            if gap > 1 + 1e-9:
                yield f"In the team {team} somebody is {gap:.2f} leads ahead of their share."


def opening() -> Opening:
    """What is open now: what a report counts as open when its span began."""
    at_stage = "SELECT id FROM funnel_lead WHERE stage = %s AND closed_at IS NULL ORDER BY id"
    waiting = """
        SELECT id FROM routing_handoff
        WHERE accepted_at IS NULL AND returned_at IS NULL AND withdrawn_at IS NULL ORDER BY id
    """
    mqls, sqls, hand_offs = (
        [pk for (pk,) in _rows(sql, params)]
        for sql, params in ((at_stage, ["mql"]), (at_stage, ["sql"]), (waiting, None))
    )
    return Opening(mqls=mqls, sqls=sqls, hand_offs=hand_offs)


def report(*, start: datetime, end: datetime, began: Opening) -> Report:
    """Count what became of everything of a span that has just ended. began: `opening()` as it began."""
    span: dict[str, Any] = {"start": start, "end": end, "waiting": began.hand_offs}
    mqls = [(row[-2], row[-1], _became(_Fate(*row[1:9]))) for row in _rows(_LEADS, span | _at(Stage.MQL, began.mqls))]
    sqls = [(row[-2], row[-1], _sold(_Way(*row[:-2]))) for row in _rows(_SQLS, span | _at(Stage.SQL, began.sqls))]
    names = ("kind", "kept", "broken", "overdue", "running", "cancelled")
    return Report(
        mqls=_flow(began.mqls, mqls),
        sqls=_flow(began.sqls, sqls),
        hand_offs=_hand_offs(span),
        promises=[Promise(**dict(zip(names, row, strict=True))) for row in _rows(_PROMISES, span)],
        gaps=gaps(start),
    )


def _at(stage: str, opening: list[int]) -> dict[str, Any]:
    return {"stage": str(stage), "open": opening}


def _flow(opening: list[int], leads: list[tuple[bool, int, str]]) -> Flow:
    """leads: of each whether it was open as the span began, how often it entered, and what became of it."""
    return Flow(
        opening=len(opening),
        entered=sum(times for _open, times, _became in leads),
        again=sum(times - (not open_) for open_, times, _became in leads if times),
        became=Counter(became for _open, _times, became in leads),
    )


def _hand_offs(span: dict[str, Any]) -> HandOffs:
    ((offered, waited, taken, returned, taken_back, waiting),) = _rows(_HAND_OFFS, span)
    ((said,),), ((returns,),) = _rows(_RETURNS, span), _rows(_RETURNED, span)
    return HandOffs(
        waited=waited,
        offered=offered,
        taken=taken,
        returned=returned,
        taken_back=taken_back,
        waiting=waiting,
        returns=returns,
        said=said,
    )


def _rows(sql: str, params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


class _Fate(NamedTuple):
    """Where a lead stands. last, reason: its latest assignment; late: its running promise, None without one."""

    stage: str
    exit: str
    closed: bool
    owned: bool
    pooled: bool
    last: str
    reason: str
    late: bool | None


def _became(fate: _Fate) -> str:
    if fate.closed:
        return f"closed: {fate.exit}"
    if fate.stage != Stage.MQL:
        return f"went on: {fate.stage}"
    if fate.owned or fate.pooled:
        where = "with an owner" if fate.owned else "in a pool"
        how = "without a promise" if fate.late is None else "overdue" if fate.late else "in time"
        return f"{where}, {how}"
    return f"unrouted: {fate.reason}" if fate.last == "unrouted" and fate.reason else UNEXPLAINED


class _Way(NamedTuple):
    """Where a lead that was an SQL stands. owned_by: the kind of its owner's team; taken, offered: by that owner."""

    stage: str
    exit: str
    closed: bool
    owned_by: str
    taken: bool
    offered: bool


def _sold(way: _Way) -> str:
    if way.closed:
        return f"closed: {way.exit}"
    if way.stage != Stage.SQL:
        return f"back at {way.stage}" if way.stage in (Stage.MQL, Stage.SAL) else f"went on: {way.stage}"
    if way.offered:
        return "offered, waits for an answer"
    if way.taken:
        return "taken over, not decided yet"
    return "with its account executive, by hand" if way.owned_by == "ae" else "not handed over yet"


def gaps(since: datetime) -> dict[str, float]:
    """By team, the most leads that somebody who can receive is ahead of the share of another who can.

    Of teams whose leads were all dealt out in turn: other methods do not aim at equal shares.
    """
    teams: dict[str, list[Any]] = {}
    in_turn = _in_turn(since)
    seats = Seat.objects.filter(receiving=True, rep__active=True, rep__team__isnull=False)
    for seat in seats.select_related("rep__team").order_by("rep__team__name", "pk"):
        levelled = seat.levelled_team_id == seat.rep.team_id and seat.levelled_weight == seat.weight
        if levelled and seat.rep.team_id in in_turn:
            level = (seat.calibration + seat.assigned) / seat.weight
            teams.setdefault(str(seat.rep.team), []).append((level, seat.weight))
    return {
        team: max((level - least) * weight for level, weight in seats for least, _ in [min(seats)])
        for team, seats in teams.items()
    }


def _in_turn(since: datetime) -> set[int]:
    """The teams to whose reps leads were dealt out since then, all of them in turn."""
    dealt = Assignment.objects.filter(kind=Assignment.Kind.ASSIGNED, occurred_at__gte=since)
    methods: dict[int, set[str]] = {}
    for team, method in dealt.values_list("rep__team", "explanation__method").distinct():
        if method != "kept" and team is not None:
            methods.setdefault(team, set()).add(method)
    return {team for team, found in methods.items() if found == {RoutingRule.Method.ROUND_ROBIN.value}}
