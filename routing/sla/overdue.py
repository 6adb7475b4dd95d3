"""Leads whose promise ran out long ago: given to a colleague of their owner, or dealt with as the SLA policy says.

Neither happens to a lead that a person has worked since the clock began. The callers hold the leads' locks.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from funnel import stages, staging
from funnel.models import Kind, Rep, Stage
from funnel.owners import Ownership, set_owners
from funnel.stages import Move
from routing.hours.covering import absent
from routing.messages.notices import Tell, tell
from routing.models import Assignment, Clock, Notice, SlaPolicy

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
WHERE c.id = ANY(%s) AND a.cause LIKE 'clock:%%:reassign'
"""
_OWNED: Final = """
SELECT l.id, l.owner_id, r.team_id FROM funnel_lead l JOIN funnel_rep r ON r.id = l.owner_id
WHERE l.id = ANY(%s) AND l.closed_at IS NULL AND r.team_id IS NOT NULL
"""


def worked(clocks: Collection[Clock]) -> set[int]:
    """The ids of those whose lead a person has worked since they began. One query."""
    return _among(clocks, _WORKED)


def _among(clocks: Collection[Clock], sql: str) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [[clock.pk for clock in clocks]])
        return {row[0] for row in cursor.fetchall()}


# --- to somebody else -----------------------------------------------------------------------------

# Locked in id order, as whoever deals leads does: two sweeps see each other's.
_COLLEAGUES: Final = """
SELECT s.rep_id, r.team_id, r.user_id, s.weight, s.capacity FROM routing_seat s JOIN funnel_rep r ON r.id = s.rep_id
WHERE r.team_id = ANY(%s) AND r.active AND s.receiving ORDER BY s.id FOR NO KEY UPDATE OF s
"""
_OPEN: Final = """
SELECT owner_id, count(*) FROM funnel_lead WHERE owner_id = ANY(%s) AND stage = 'mql' AND closed_at IS NULL GROUP BY 1
"""


@dataclass(slots=True, kw_only=True)
class _Colleague:
    """Somebody of the team who is here and receives leads. open: undecided MQLs, with what is given here."""

    rep_id: int
    team_id: int
    user_id: int | None
    weight: float
    capacity: int | None
    open: int

    @property
    def has_room(self) -> bool:
        return self.capacity is None or self.open < self.capacity

    @property
    def load(self) -> tuple[float, int]:
        return self.open / self.weight, self.rep_id

    def told(self) -> dict[str, Any]:
        return {"rep": self.rep_id, "open": self.open, "weight": self.weight, "eligible": self.has_room}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """One lead on its way from one rep to another of the team. among: who could have got it."""

    clock: Clock
    previous_id: int
    colleague: _Colleague
    among: list[dict[str, Any]]


def reassign(clocks: Sequence[Clock], *, now: datetime) -> list[Clock]:
    """Give the lead of each clock to the colleague of its owner with the fewest undecided MQLs for their weight.

    A lead stays where a person has worked it since, where it came by such a way since the clock began, and where nobody
    else of the team is here, receives leads and has room. Returns the clocks whose lead went.
    """
    busy = worked(clocks) | _among(clocks, _GIVEN)
    idle = sorted((clock for clock in clocks if clock.pk not in busy), key=lambda one: (one.due_at, one.pk))
    owned = _owned({clock.lead_id for clock in idle})
    colleagues = _colleagues({team_id for _owner, team_id in owned.values()}, now=now)
    given: dict[int, _Given] = {}
    for clock in idle:
        if clock.lead_id not in owned or clock.lead_id in given:
            continue
        owner_id, team_id = owned[clock.lead_id]
        others = [one for one in colleagues if one.team_id == team_id and one.rep_id != owner_id]
        chosen = min((one for one in others if one.has_room), key=lambda one: one.load, default=None)
        if chosen is not None:
            among = [one.told() for one in others]
            given[clock.lead_id] = _Given(clock=clock, previous_id=owner_id, colleague=chosen, among=among)
            chosen.open += 1
    _write(list(given.values()), now=now)
    return [one.clock for one in given.values()]


def _owned(lead_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """The owner of each open lead, and their team."""
    with connection.cursor() as cursor:
        cursor.execute(_OWNED, [list(lead_ids)])
        return {lead_id: (owner_id, team_id) for lead_id, owner_id, team_id in cursor.fetchall()}


def _colleagues(team_ids: Collection[int], *, now: datetime) -> list[_Colleague]:
    away = absent(now=now)
    with connection.cursor() as cursor:
        cursor.execute(_COLLEAGUES, [list(team_ids)])
        rows = [row for row in cursor.fetchall() if row[0] not in away]
        cursor.execute(_OPEN, [[row[0] for row in rows]])
        open_ = dict(cursor.fetchall())
    return [
        _Colleague(
            rep_id=rep_id, team_id=team_id, user_id=user_id, weight=weight, capacity=capacity, open=open_.get(rep_id, 0)
        )
        for rep_id, team_id, user_id, weight, capacity in rows
    ]


def _write(given: Sequence[_Given], *, now: datetime) -> None:
    if not given:
        return
    staging.insert(
        Assignment,
        [
            {
                "lead_id": one.clock.lead_id,
                "kind": Assignment.Kind.REASSIGNED.value,
                "rep_id": one.colleague.rep_id,
                "previous_id": one.previous_id,
                "occurred_at": now,
                "recorded_at": now,
                "policy": one.clock.promise.sla_policy.policy if one.clock.promise else "",
                "explanation": {
                    "method": "overdue",
                    "clock": one.clock.kind,
                    "promise": one.clock.promise.name if one.clock.promise else "",
                    "team": one.colleague.team_id,
                    "among": one.among,
                    "before": {"owner": one.previous_id, "pool": None},
                },
                "cause": f"clock:{one.clock.pk}:reassign",
            }
            for one in given
        ],
    )
    set_owners([Ownership(one.clock.lead_id, one.colleague.rep_id, None) for one in given])
    users = dict(Rep.objects.filter(pk__in=[one.previous_id for one in given]).values_list("pk", "user"))
    tells = []
    for one in given:
        whom = ((Notice.Kind.ASSIGNED, one.colleague.user_id), (Notice.Kind.TAKEN, users.get(one.previous_id)))
        cause = f"clock:{one.clock.pk}:reassign"
        tells += [
            Tell(user_id=user, kind=kind.value, cause=cause, lead_id=one.clock.lead_id) for kind, user in whom if user
        ]
    tell(tells, now=now)


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
