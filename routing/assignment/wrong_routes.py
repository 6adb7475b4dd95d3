"""Wrong routes: a lead that went to the wrong person goes to another one and stays an MQL.

It is no verdict on the lead, so it stays out of lead quality (domain.md 8.2). By rule they tell which one to mend.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count

from funnel.models import Lead, Reason, Rep
from routing.acts.doing import UNDO, Done, rep_of
from routing.assignment.engine import assign_anew
from routing.models import Assignment, WrongRoute, WrongRouteTakenBack

ACT: Final = "wrong_route"  # how the cause of an assignment begins that it made


@dataclass(frozen=True, slots=True, kw_only=True)
class OfRule:
    """How many wrong routes a rule made; rule: blank where no rule had decided."""

    rule: str
    count: int


def again(lead: Lead, *, user: Any, reason_id: int | None) -> Done | None:
    """The answer to the same user saying the same once more, while nothing has happened since."""
    said = WrongRoute.objects.filter(lead=lead).order_by("-id").first()
    if said is None or said.actor_id != user.pk or said.reason_id != reason_id:
        return None
    latest = Assignment.objects.filter(lead=lead).order_by("-id").first()
    return _done(lead, latest) if latest is not None and latest.cause == _cause(said) else None


def reroute(lead: Lead, *, user: Any, reason: Reason, now: datetime) -> Done:
    """Assign the lead anew, to somebody who has not said that it is not theirs. The caller holds its lock."""
    decided = Assignment.objects.filter(lead=lead, explanation__has_key="method").order_by("-id").first()
    had = Rep(pk=lead.owner_id) if lead.owner_id else rep_of(user)
    said = WrongRoute.objects.create(
        lead=lead,
        rep=had,
        rule=decided.rule if decided else "",
        policy=decided.policy if decided else "",
        reason=reason,
        actor=user,
        occurred_at=now,
    )
    assign_anew([lead.pk], now=now, causes={lead.pk: _cause(said)})
    lead.refresh_from_db(fields=["owner", "pool"])
    return _done(lead, Assignment.objects.get(lead=lead, cause=_cause(said)))


def said_by(assignment: Assignment) -> WrongRoute | None:
    """What was said that made this assignment; None where it was something else."""
    act, _colon, number = assignment.cause.partition(":")
    return WrongRoute.objects.filter(pk=int(number)).first() if act == ACT and number.isdigit() else None


def take_back(said: WrongRoute, *, user: Any, now: datetime) -> None:
    """It was theirs after all. The caller holds the lead's lock and gives it back."""
    WrongRouteTakenBack.objects.get_or_create(wrong_route=said, defaults={"actor_id": user.pk, "occurred_at": now})


def by_rule(*, start: datetime, end: datetime) -> Sequence[OfRule]:
    """Wrong routes said in [start, end) by the rule that had decided, most first; without those taken back."""
    found = WrongRoute.objects.filter(occurred_at__gte=start, occurred_at__lt=end, taken_back=None).values("rule")
    counts = found.annotate(count=Count("id")).order_by("-count", "rule")
    return [OfRule(rule=row["rule"], count=row["count"]) for row in counts]


def _cause(said: WrongRoute) -> str:
    return f"{ACT}:{said.pk}"


def _done(lead: Lead, made: Assignment) -> Done:
    if lead.owner:
        where = f"is with {lead.owner} now"
    elif lead.pool:
        where = f"waits in the pool of {lead.pool} now"
    else:
        where = "has nobody now, and managers know"
    return Done(
        lead_id=lead.pk,
        sentence=f"{lead.person} {where}. It stays an MQL.",
        assignment_id=made.pk,
        undo_until=made.occurred_at + UNDO,
    )
