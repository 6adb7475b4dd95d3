"""Leads whose promise ran out long ago: given to somebody else by the rules, or dealt with as the SLA policy says.

Neither happens to a lead that a person has worked since the clock began. The callers hold the leads' locks.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from funnel import stages
from funnel.models import Kind, Rep, Stage
from funnel.stages import Move
from routing.assignment.engine import pass_on
from routing.assignment.writing import Assigned
from routing.messages import notices
from routing.messages.notices import Tell, tell_each
from routing.models import Clock, Notice, SlaPolicy
from routing.sales import attainments
from routing.sales.following import follow_hands

# A call, a mail, a note, or an act by a person after the clock began; the act that began it is none.
_WORKED: Final = """
SELECT c.id FROM routing_clock c JOIN funnel_lead l ON l.id = c.lead_id
WHERE c.id = ANY(%s) AND (
    EXISTS (SELECT FROM funnel_activity t WHERE t.person_id = l.person_id AND t.direction = 'out' AND NOT t.automatic
            AND t.voided_at IS NULL AND t.occurred_at >= c.started_at)
    OR EXISTS (SELECT FROM funnel_note n WHERE n.lead_id = l.id AND n.author_id IS NOT NULL
               AND n.written_at >= c.started_at)
    OR EXISTS (SELECT FROM funnel_stageevent e WHERE e.lead_id = l.id AND e.actor_id IS NOT NULL
               AND e.occurred_at >= c.started_at AND c.cause <> 'stage_event:' || e.id))
"""
# Given away for another promise since this clock began.
_GIVEN: Final = """
SELECT c.id FROM routing_clock c JOIN routing_assignment a ON a.lead_id = c.lead_id AND a.occurred_at >= c.started_at
WHERE c.id = ANY(%s) AND a.cause LIKE 'clock:%%:reassign%%' AND a.rep_id IS DISTINCT FROM a.previous_id
"""
# The last word about whose the lead is: that it stays, for nobody else could be given it.
_STUCK: Final = """
SELECT c.id FROM routing_clock c JOIN funnel_lead l ON l.id = c.lead_id
JOIN LATERAL (SELECT rep_id, explanation FROM routing_assignment
              WHERE lead_id = c.lead_id ORDER BY id DESC LIMIT 1) latest ON latest.rep_id = l.owner_id
WHERE c.id = ANY(%s) AND latest.explanation ->> 'reason' = 'nobody_else'
"""
# A deal is no lead to be dealt out: managers give it to somebody else.
_OWNED: Final = """
SELECT l.id, l.owner_id, r.user_id, CASE
    WHEN l.stage = 'sql' AND EXISTS (
        SELECT FROM routing_handoff h
        WHERE h.lead_id = l.id AND h.to_rep_id = l.owner_id AND h.returned_at IS NULL AND h.withdrawn_at IS NULL)
    THEN 'sql' WHEN l.stage IN ('mql', 'sal', 'sql') THEN 'mql' ELSE '' END
FROM funnel_lead l JOIN funnel_rep r ON r.id = l.owner_id WHERE l.id = ANY(%s) AND l.closed_at IS NULL
"""


def worked(clocks: Collection[Clock]) -> set[int]:
    """The ids of those whose lead a person has worked since they began. One query."""
    return _among(clocks, _WORKED)


def _among(clocks: Collection[Clock], sql: str) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [[clock.pk for clock in clocks]])
        return {row[0] for row in cursor.fetchall()}


# --- to somebody else -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PassedOn:
    """The clocks whose lead went to somebody else, and those whose lead stays because nobody else can be given it."""

    went: list[Clock]
    stayed: list[Clock]


def reassign(clocks: Sequence[Clock], *, again: bool = False, now: datetime) -> PassedOn:
    """Give the lead of each clock to somebody else, by the rules of the routing policy.

    A lead stays where a person has worked it since, and where it came by such a way since the clock began. Where the
    rules find nobody else it stays too; the ledger says why, and the managers are told. A constant number of
    statements.

    again: these stayed for that before. Who has changed hands since is left alone; one that still finds nobody is
    neither written nor told again.
    """
    busy = worked(clocks) | _among(clocks, _GIVEN)
    stuck = _among(clocks, _STUCK) if again else {clock.pk for clock in clocks}
    idle = [clock for clock in clocks if clock.pk in stuck - busy]
    idle.sort(key=lambda one: (one.due_at, one.pk))
    owned = _owned({clock.lead_id for clock in idle})
    chosen: dict[int, Clock] = {}
    for clock in idle:
        if clock.lead_id in owned and owned[clock.lead_id].stage:
            chosen.setdefault(clock.lead_id, clock)
    causes = {lead_id: _cause(clock, again=again) for lead_id, clock in chosen.items()}
    made = _pass_on(causes, owned, again=again, now=now)
    went = {one.lead_id: one for one in made if one.rep_id != owned[one.lead_id].owner_id}
    takers = Rep.objects.select_related("team").in_bulk({one.rep_id for one in went.values() if one.rep_id})
    follow_hands({lead_id: takers[one.rep_id] for lead_id, one in went.items() if one.rep_id}, user=None, now=now)
    _tell_of(went, causes, owned, now=now)
    if not again:
        stuck_leads = {lead_id: clock for lead_id, clock in chosen.items() if lead_id not in went}
        _tell_managers(stuck_leads, causes, now=now)
    stayed = [clock for clock in idle if clock.lead_id in chosen and clock.lead_id not in went]
    return PassedOn([chosen[lead_id] for lead_id in went], stayed)


def _cause(clock: Clock, *, again: bool) -> str:
    return f"clock:{clock.pk}:reassign{':again' if again else ''}"


def _pass_on(causes: Mapping[int, str], owned: Mapping[int, "_Owned"], *, again: bool, now: datetime) -> list[Assigned]:
    """SQLs that were handed over go by the rules for SQLs, all others by those for MQLs."""
    made: list[Assigned] = []
    for stage in (Stage.MQL, Stage.SQL):
        of_stage = {lead_id: cause for lead_id, cause in causes.items() if owned[lead_id].stage == stage}
        if of_stage:
            out = attainments.without_room(now=now) if stage == Stage.SQL else {}
            made += pass_on(list(of_stage), stage=stage, causes=of_stage, out=out, again=again, now=now)
    return made


def _tell_of(went: Collection[int], causes: Mapping[int, str], owned: Mapping[int, "_Owned"], *, now: datetime) -> None:
    """Tell those who had a lead that went. Whoever got it is told by the engine."""
    tells = [
        Tell(user_id=user, kind=Notice.Kind.TAKEN, cause=causes[lead_id], lead_id=lead_id)
        for lead_id in went
        if (user := owned[lead_id].user_id) is not None
    ]
    notices.tell(tells, now=now)


def _tell_managers(stayed: Mapping[int, Clock], causes: Mapping[int, str], *, now: datetime) -> None:
    managers = notices.managers() if stayed else []
    tells: list[Tell] = []
    for lead_id, clock in stayed.items():
        data = {"clock": clock.pk, "stays": True}
        tells += tell_each(managers, kind=Notice.Kind.BREACHED, cause=causes[lead_id], lead_id=lead_id, data=data)
    notices.tell(tells, now=now)


@dataclass(frozen=True, slots=True)
class _Owned:
    """Whose an open lead is. stage: by the rules of which stage somebody else is found; blank: by none."""

    owner_id: int
    user_id: int | None
    stage: str


def _owned(lead_ids: Collection[int]) -> dict[int, _Owned]:
    """Those of the leads that are open and somebody's."""
    with connection.cursor() as cursor:
        cursor.execute(_OWNED, [list(lead_ids)])
        return {lead_id: _Owned(*owned) for lead_id, *owned in cursor.fetchall()}


# --- MQLs that nobody decides ---------------------------------------------------------------------


def expire(clocks: Sequence[Clock], *, now: datetime) -> list[Clock]:
    """Do with the MQLs of these clocks what their policy says. Returns the clocks that managers have to hear of.

    Nothing is recycled that a person has worked since, nor accepted while nobody owns it. What is moved bears the time
    at which it expired.
    """
    busy = worked(clocks)
    owned = _owned({clock.lead_id for clock in clocks})
    wishes: dict[int, Move] = {}
    for clock in clocks:
        kind = _deed(clock, worked=clock.pk in busy, owned=clock.lead_id in owned)
        if kind:
            wishes[clock.pk] = _wish(clock, kind)
    moved = stages.move(list(wishes.values()), now=now)
    done = {one.cause for one in moved if one.done or one.repeated}
    return [clock for clock in clocks if clock.pk not in wishes or wishes[clock.pk].cause not in done]


def _deed(clock: Clock, *, worked: bool, owned: bool) -> str:
    expiry = clock.promise.sla_policy.expiry if clock.promise else SlaPolicy.Expiry.ESCALATE
    if expiry == SlaPolicy.Expiry.RECYCLE and not worked:
        return Kind.RECYCLE.value
    if expiry == SlaPolicy.Expiry.ACCEPT and owned:
        return Kind.ADVANCE.value
    return ""


def _wish(clock: Clock, kind: str) -> Move:
    assert clock.expires_at is not None and clock.promise is not None
    return Move(
        lead_id=clock.lead_id,
        kind=kind,
        to_stage=Stage.SAL.value if kind == Kind.ADVANCE else "",
        expected=Stage.MQL.value,
        occurred_at=clock.expires_at,
        cause=f"clock:{clock.pk}:expiry",
        policy=clock.promise.sla_policy.policy,
    )
