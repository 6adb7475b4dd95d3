"""Changes of hands by people: an assignment is appended and the lead's owner follows, in one transaction.

The pipeline's own decisions are in engine.py; both end in `funnel.owners`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from funnel import staging
from funnel.models import Lead, Rep
from funnel.owners import Ownership, set_owners
from routing.messages.notices import Tell, tell
from routing.models import Assignment, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """One lead to somebody, into a pool, or to nobody. cause: the act; one cause changes hands once.

    policy, rule, decision: where a rule chose, the version, its name and how it came to that (explain.py).
    """

    lead: Lead
    kind: str
    cause: str
    rep_id: int | None = None
    team_id: int | None = None
    policy: str = ""
    rule: str = ""
    decision: Mapping[str, Any] = field(default_factory=dict)


def hand_over(changes: Sequence[HandOver], *, actor: Any, now: datetime) -> None:
    """Append the assignments and set the owners: two statements, however many. The caller holds the leads' locks.

    What was before is kept in the explanation, so that an undo can give it back.
    """
    staging.insert(
        Assignment,
        [
            {
                "lead_id": change.lead.pk,
                "kind": change.kind,
                "rep_id": change.rep_id,
                "team_id": change.team_id,
                "previous_id": change.lead.owner_id,
                "occurred_at": now,
                "recorded_at": now,
                "actor_id": None if change.decision else actor.pk,
                "policy": change.policy,
                "rule": change.rule,
                "explanation": {
                    **by_user(owner_id=change.lead.owner_id, pool_id=change.lead.pool_id),
                    **change.decision,
                },
                "cause": change.cause,
            }
            for change in changes
        ],
    )
    set_owners([Ownership(change.lead.pk, change.rep_id, change.team_id) for change in changes])


def by_user(*, owner_id: int | None, pool_id: int | None) -> dict[str, Any]:
    """The explanation of an assignment that a person made: whose the lead was and in which pool it waited."""
    return {"by": "user", "before": {"owner": owner_id, "pool": pool_id}}


def tell_of(changes: Sequence[HandOver], *, actor: Any, now: datetime) -> None:
    """Tell the new owners and the former ones, once each; nobody is told what they did themselves. Three statements."""
    made = Assignment.objects.filter(
        lead__in=[change.lead.pk for change in changes], cause__in={change.cause for change in changes}
    )
    ids = {(lead_id, cause): pk for pk, lead_id, cause in made.values_list("pk", "lead", "cause")}
    reps = {rep_id for change in changes for rep_id in (change.rep_id, change.lead.owner_id) if rep_id}
    users = dict(Rep.objects.filter(pk__in=reps).values_list("pk", "user"))
    tells = [
        Tell(
            user_id=user,
            kind=kind.value,
            cause=f"assignment:{ids[change.lead.pk, change.cause]}",
            lead_id=change.lead.pk,
        )
        for change in changes
        for kind, rep_id in ((Notice.Kind.ASSIGNED, change.rep_id), (Notice.Kind.TAKEN, change.lead.owner_id))
        if (user := users.get(rep_id or 0)) is not None and user != actor.pk
    ]
    tell(tells, now=now)


def give_back(assignment: Assignment, lead: Lead, *, cause: str) -> HandOver:
    """The hand-over that takes this one back. What nobody could take before is looked for a taker again."""
    before = assignment.explanation["before"]
    kind = Assignment.Kind.REASSIGNED if before["owner"] else Assignment.Kind.RELEASED
    if before["owner"] is None and before["pool"] is None:
        kind = Assignment.Kind.UNROUTED
    return HandOver(lead=lead, kind=kind.value, rep_id=before["owner"], team_id=before["pool"], cause=cause)
