"""What was decided about leads, written: the ledger, their owners, the seats, and who is told. Five statements or so,
however many leads; the caller holds the locks of the leads and of the seats.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from funnel import staging
from funnel.owners import Ownership, set_owners
from routing.messages import notices
from routing.messages.notices import Tell
from routing.models import Assignment, Notice
from routing.seats import seats
from routing.seats.places import Settled

ASSIGNED, POOLED, UNROUTED = (
    kind.value for kind in (Assignment.Kind.ASSIGNED, Assignment.Kind.POOLED, Assignment.Kind.UNROUTED)
)
KEPT: Final = "kept"  # the method of a decision that leaves the lead with its owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """What became of one lead.

    kind: assigned, pooled or unrouted; blank for a closed lead, which is left alone. reason: the code of why it has no
    owner; "kept" where an active owner kept it, "nobody_else" where nobody else could be given it, "empty_pool" where
    its pool has nobody to claim it. repeated: this cause was answered before; this is that answer.
    """

    lead_id: int
    kind: str
    rep_id: int | None = None
    team_id: int | None = None
    rule: str = ""
    reason: str = ""
    assignment_id: int | None = None
    repeated: bool = False


@dataclass(slots=True)
class Decision:
    """One lead on its way to an assignment. had: who is not to get it again, having let a promise run out."""

    lead_id: int
    kind: str
    previous_id: int | None
    rep_id: int | None = None
    team_id: int | None = None
    rule: str = ""
    reason: str = ""
    explanation: dict[str, Any] = field(default_factory=dict)
    had: int | None = None

    @property
    def moves(self) -> bool:
        """Whether it changes whose the lead is."""
        return self.explanation.get("method") != KEPT


@dataclass(slots=True)
class Dealt:
    """What a batch did to the seats. users: the log-in of each rep who could be given a lead."""

    settled: Sequence[Settled] = ()
    users: Mapping[int, int | None] = field(default_factory=dict)


def write(
    decisions: Sequence[Decision], *, policy: str, dealt: Dealt, causes: Mapping[int, str], now: datetime
) -> list[Assigned]:
    """Append the assignments, and let owners and seats follow. policy: the version that decided."""
    ids = staging.new_ids(Assignment, len(decisions))
    staging.insert(
        Assignment,
        [
            {
                "id": pk,
                "lead_id": one.lead_id,
                "kind": one.kind,
                "rep_id": one.rep_id,
                "team_id": one.team_id,
                "previous_id": one.previous_id,
                "occurred_at": now,
                "recorded_at": now,
                "policy": policy,
                "rule": one.rule,
                "explanation": one.explanation,
                "cause": causes[one.lead_id],
            }
            for pk, one in zip(ids, decisions, strict=True)
        ],
    )
    moved = [one for one in decisions if one.moves]
    if moved:
        set_owners([Ownership(one.lead_id, one.rep_id, one.team_id) for one in moved])
    seats.save(dealt.settled, now=now)
    made = [
        Assigned(
            lead_id=one.lead_id, assignment_id=pk, kind=one.kind, rep_id=one.rep_id, team_id=one.team_id, rule=one.rule,
            reason=one.reason,
        )
        for pk, one in zip(ids, decisions, strict=True)
    ]  # fmt: skip
    _tell([told for told, one in zip(made, decisions, strict=True) if one.moves], dealt.users, now=now)
    return made


def _tell(made: Sequence[Assigned], users: Mapping[int, int | None], *, now: datetime) -> None:
    """New owners of their leads, managers of leads that nobody could take: one notice a reason, not one a lead."""
    tells = [
        Tell(user_id=user, kind=Notice.Kind.ASSIGNED, cause=f"assignment:{one.assignment_id}", lead_id=one.lead_id)
        for one in made
        if one.kind == ASSIGNED and (user := users.get(one.rep_id or 0))
    ]
    stuck = defaultdict(list)
    for one in made:
        if one.kind in (UNROUTED, POOLED) and one.reason:
            stuck[one.reason].append(one)
    managers = notices.managers() if stuck else []
    for reason, leads in stuck.items():
        tells += notices.tell_each(
            managers,
            kind=Notice.Kind.UNROUTED,
            cause=f"assignment:{leads[0].assignment_id}",
            lead_id=leads[0].lead_id if len(leads) == 1 else None,
            data={"reason": reason, "count": len(leads)},
        )
    notices.tell(tells, now=now)
