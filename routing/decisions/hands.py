"""Whose a lead is, changed by people: given back, given to somebody else. Claiming is in claiming.py."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from funnel.models import Lead, Rep, Stage
from routing.acts.doing import (
    REASSIGN,
    UNDO,
    Done,
    Invalid,
    Refused,
    last_event,
    owner_since,
    require,
    require_hand,
    to_decide,
    what_happened,
)
from routing.acts.ownership import HandOver, hand_over, tell_of
from routing.models import Assignment
from routing.sales.following import follow_hands
from routing.sla import clocks

MOST_NAMED: Final = 5  # leads in one sentence


@transaction.atomic
def release(lead_id: int, *, user: Any, now: datetime) -> Done:
    """Give an open lead back: into the pool it was claimed from, else that of its owner's team, else to nobody."""
    lead = to_decide(lead_id, user=user, deed="give leads back")
    latest = latest_assignment(lead)
    if lead.owner_id is None:
        if latest is not None and latest.kind == Assignment.Kind.RELEASED and latest.actor_id == user.pk:
            return Done(lead_id=lead.pk, sentence=_released(lead))
        raise Refused("Nobody owns this lead, so there is nobody to give it back.")
    require_hand(lead, user, deed="give back", now=now)
    if lead.closed_at is not None:
        raise Refused("This lead is closed; only open leads are given back.")
    if lead.stage == Stage.OPPORTUNITY:
        raise Refused("This lead has become a deal; a manager can give it to somebody else.")
    back = HandOver(
        lead=lead,
        kind=Assignment.Kind.RELEASED.value,
        team_id=_pool_before(lead, latest),
        cause=_hand_cause("release", user, lead),
    )
    hand_over([back], actor=user, now=now)
    lead.refresh_from_db(fields=["owner", "pool"])
    return Done(lead_id=lead.pk, sentence=_released(lead))


@transaction.atomic
def reassign(
    lead_ids: Sequence[int],
    *,
    rep_id: int,
    user: Any,
    now: datetime,
    seen: Mapping[int, int | None] | None = None,
) -> list[Done]:
    """Give open leads to a rep, all or none; one `Done` a lead, by id. A constant number of statements.

    seen: whose each lead was when the user looked (rep id, None for nobody); where that has changed, nothing is.
    Raises NotAllowed; Invalid for a rep who is not active; Refused where a lead is closed, not there, or changed hands.
    `hands_back.undo` takes back all of them at once.
    """
    require(user, REASSIGN, deed="give leads to somebody else")
    rep = Rep.objects.active().select_related("team").filter(pk=rep_id).first()
    if rep is None:
        raise Invalid("rep_id", "There is no such active rep.")
    wanted = sorted(set(lead_ids))
    leads = list(Lead.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk"))
    if len(leads) != len(wanted):
        raise Refused(f"{len(wanted) - len(leads)} of these leads are not there; nothing was changed.")
    _refuse_what_is_closed([one for one in leads if one.closed_at is not None], now=now)
    if seen is not None:
        _refuse_what_changed_hands([one for one in leads if one.owner_id != seen.get(one.pk, one.owner_id)], now=now)
    latest = dict(
        Assignment.objects.filter(lead__in=wanted).order_by("lead", "-id").distinct("lead").values_list("lead", "pk")
    )
    changes = [
        HandOver(
            lead=lead,
            kind=Assignment.Kind.REASSIGNED.value,
            rep_id=rep.pk,
            cause=f"user:{user.pk}:reassign:{latest.get(lead.pk, 0)}",
        )
        for lead in leads
        if lead.owner_id != rep.pk
    ]
    hand_over(changes, actor=user, now=now)
    made = _made_by(changes)
    offers = follow_hands({change.lead.pk: rep for change in changes}, user=user, now=now)
    clocks.follow_offers(offers, now=now)
    tell_of(changes, actor=user, now=now)
    return [
        Done(
            lead_id=lead.pk,
            sentence=f"Given to {rep}.",
            assignment_id=made.get(lead.pk),
            undo_until=now + UNDO if lead.pk in made else None,
        )
        for lead in leads
    ]


# --- Their parts ----------------------------------------------------------------------------------


def _made_by(changes: Sequence[HandOver]) -> dict[int, int]:
    """The assignments of these changes, by lead. One query."""
    causes = {change.lead.pk: change.cause for change in changes}
    found = Assignment.objects.filter(lead__in=causes, cause__in=set(causes.values()))
    return {lead: pk for pk, lead, cause in found.values_list("pk", "lead", "cause") if causes[lead] == cause}


def _refuse_what_changed_hands(moved: Sequence[Lead], *, now: datetime) -> None:
    """Raises Refused, with who has each by now, for leads that are no longer whose the user saw them to be."""
    if not moved:
        return
    said = [f"{one.person} is {owner_since(one, now=now) if one.owner_id else 'with nobody'}" for one in _named(moved)]
    if len(moved) == 1:
        raise Refused(f"{said[0]} by now. Nothing was changed; look again.")
    changed = f"{len(moved)} of these leads changed hands since you looked"
    raise Refused(f"{changed}: {'; '.join(said)}{_more(moved)}. Nothing was changed.")


def _refuse_what_is_closed(closed: Sequence[Lead], *, now: datetime) -> None:
    """Raises Refused, with who closed each and when."""
    if not closed:
        return
    said = []
    for one in _named(closed):
        last = last_event(one)
        said.append(f"{one.person} ({what_happened(last, now=now).rstrip('.')})" if last else str(one.person))
    are = "is" if len(closed) == 1 else "are"
    listed = f"{'; '.join(said)}{_more(closed)}"
    raise Refused(
        f"{len(closed)} of these leads {are} closed: {listed}. Reopen them or leave them out. Nothing was changed."
    )


def _named(leads: Sequence[Lead]) -> Sequence[Lead]:
    return leads[:MOST_NAMED]


def _more(leads: Sequence[Lead]) -> str:
    return f"; and {len(leads) - MOST_NAMED} more" if len(leads) > MOST_NAMED else ""


def latest_assignment(lead: Lead) -> Assignment | None:
    """The newest entry of the ledger, with who made it."""
    return Assignment.objects.filter(lead=lead).select_related("actor").order_by("-id").first()


def _hand_cause(act: str, user: Any, lead: Lead) -> str:
    latest = latest_assignment(lead)
    return f"user:{user.pk}:{act}:{latest.pk if latest else 0}"


def _pool_before(lead: Lead, latest: Assignment | None) -> int | None:
    """Where a lead goes back to: the pool that its owner claimed it from, else that of the owner's team."""
    if latest is not None and latest.kind == Assignment.Kind.CLAIMED and latest.rep_id == lead.owner_id:
        return latest.explanation["before"]["pool"]
    return lead.owner.team_id if lead.owner else None


def _released(lead: Lead) -> str:
    where = f"in the pool of {lead.pool}" if lead.pool else "with nobody now"
    return f"{lead.person} is {where}."
