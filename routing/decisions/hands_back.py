"""Changes of hands taken back within ten minutes: leads given to somebody else, and wrong routes.

Many that were given at once are taken back at once: all of them, or none where one of them has moved since.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from funnel.models import Lead, Rep
from routing.acts.doing import (
    UNDO,
    Done,
    NotAllowed,
    Refused,
    at_moment,
    last_event,
    manages,
    owner_since,
    what_happened,
)
from routing.acts.ownership import HandOver, hand_over, tell_of
from routing.assignment import wrong_routes
from routing.models import Assignment, WrongRoute
from routing.sales.following import follow_hands
from routing.seats import levels
from routing.sla import clocks

_REASSIGNED: Final = re.compile(r"^user:\d+:reassign:")
_WHY: Final = "A wrong route was taken back"


@transaction.atomic
def undo(assignment_id: int, *, user: Any, now: datetime) -> Done:
    """Take back the act that made this assignment, if nothing has happened to its leads since.

    By whoever did it, or a manager. Raises Refused, NotAllowed.
    """
    made = Assignment.objects.filter(pk=assignment_id).first()
    said = wrong_routes.said_by(made) if made else None
    if made is None or not (said or _REASSIGNED.match(made.cause)):
        raise Refused("This cannot be taken back; give the lead to somebody else.")
    together = [made] if said else _together(made)
    leads = _locked(together)
    latest = Assignment.objects.filter(lead__in=leads).order_by("lead", "-id").distinct("lead")
    newest = {one.lead_id: one for one in latest}
    if all(newest[one.lead_id].cause == _cause(one) and newest[one.lead_id].actor_id == user.pk for one in together):
        return _taken_back(together, leads)
    if user.pk not in {said.actor_id if said else made.actor_id} and not manages(user):
        raise NotAllowed("Only whoever did this, or a manager, can take it back.")
    if now > made.occurred_at + UNDO:
        raise Refused(f"Taking back is possible for 10 minutes, and this was {at_moment(made.occurred_at, now=now)}.")
    for one in together:
        _refuse_what_came_since(one, newest[one.lead_id], leads[one.lead_id], now=now)
    _give_back(together, leads, said, user=user, now=now)
    return _taken_back(together, leads)


def _together(made: Assignment) -> list[Assignment]:
    """What was given in the same act: one user, one moment, one rep."""
    found = Assignment.objects.filter(
        actor=made.actor_id, occurred_at=made.occurred_at, kind=made.kind, rep=made.rep_id, cause__contains=":reassign:"
    )
    return list(found.order_by("lead"))


def _locked(together: Sequence[Assignment]) -> dict[int, Lead]:
    wanted = [one.lead_id for one in together]
    found = Lead.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    return {lead.pk: lead for lead in found}


def _refuse_what_came_since(made: Assignment, newest: Assignment, lead: Lead, *, now: datetime) -> None:
    event = last_event(lead)
    if event is not None and event.occurred_at > made.occurred_at:
        raise Refused(f"{what_happened(event, now=now)} Nothing was taken back.")
    if newest.pk != made.pk or (lead.owner_id, lead.pool_id) != (made.rep_id, made.team_id):
        whose = owner_since(lead, now=now) if lead.owner_id else "with nobody now"
        raise Refused(f"{lead.person} is {whose}. Nothing was taken back.")


def _give_back(
    together: Sequence[Assignment], leads: dict[int, Lead], said: WrongRoute | None, *, user: Any, now: datetime
) -> None:
    changes = [_back(one, leads[one.lead_id]) for one in together]
    reps = Rep.objects.select_related("team").in_bulk({change.rep_id for change in changes if change.rep_id})
    if gone := next((rep for rep in reps.values() if not rep.active), None):
        raise Refused(f"{gone} is no longer active. Nothing was taken back; give the leads to somebody else.")
    hand_over(changes, actor=user, now=now)
    offers = follow_hands(
        {change.lead.pk: reps[change.rep_id] for change in changes if change.rep_id}, user=user, now=now
    )
    clocks.follow_offers(offers, now=now)
    if said is not None:
        wrong_routes.take_back(said, user=user, now=now)
        if together[0].rep_id is not None:
            levels.give_turn_back(together[0].rep_id, reason=_WHY, user=user, now=now)
    tell_of(changes, actor=user, now=now)


def _back(made: Assignment, lead: Lead) -> HandOver:
    """To whom it was with before: the owner, the pool, or nobody."""
    before = Assignment.objects.filter(lead=lead, pk__lt=made.pk).order_by("-pk").first()
    kept = made.explanation.get("before") or {}
    owner = kept["owner"] if kept else made.previous_id
    pool = kept["pool"] if kept else (before.team_id if before and owner is None else None)
    kind = Assignment.Kind.REASSIGNED if owner else Assignment.Kind.RELEASED
    if owner is None and pool is None:
        kind = Assignment.Kind.UNROUTED
    return HandOver(lead=lead, kind=kind.value, rep_id=owner, team_id=pool, cause=_cause(made))


def _cause(made: Assignment) -> str:
    return f"undo:assignment:{made.pk}"


def _taken_back(together: Sequence[Assignment], leads: dict[int, Lead]) -> Done:
    if len(together) > 1:
        return Done(lead_id=None, sentence=f"Taken back: {len(together)} leads are with whom they were.")
    lead = leads[together[0].lead_id]
    lead.refresh_from_db(fields=["owner", "pool"])
    where = f"with {lead.owner}" if lead.owner else f"in the pool of {lead.pool}" if lead.pool else "with nobody"
    return Done(lead_id=lead.pk, sentence=f"Taken back: {lead.person} is {where} again.")
