"""From the SDR who made an SQL to the account executive who is to sell: the offer with its note, and whom it goes to.

The lead changes hands when it is offered, as an MQL does when it is routed, so that whoever is asked can see it. Whom
it goes to is said by the rules for SQLs of the routing policy, or by whoever offers it. What becomes of an offer is in
handoff_answers.py.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from funnel.models import Activity, Lead, Rep, Stage
from funnel.owners import set_developer
from routing.acts.doing import (
    REASSIGN,
    UNDO,
    WORK,
    Done,
    Invalid,
    Refused,
    at_moment,
    last_event,
    locked,
    manages,
    refuse_if_elsewhere,
    require,
    require_hand,
)
from routing.acts.ownership import HandOver, hand_over
from routing.assignment.engine import Proposal, propose
from routing.assignment.explain import why_nobody
from routing.messages.notices import Tell, tell
from routing.models import Assignment, HandOff, HandOffNote, Notice
from routing.sales import attainments
from routing.sales.following import PENDING
from routing.sales.meetings import executives, expect
from routing.seats import seats
from routing.sla import clocks
from routing.wording import touch_words

MOST_CONSUMED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What the account executive is told. unanswered: what the prospect asked and nobody answered yet."""

    need: str
    next_step: str
    answered: str = ""
    unanswered: str = ""


# --- Offering -------------------------------------------------------------------------------------


@transaction.atomic
def offer(lead_id: int, *, note: Note, user: Any, now: datetime, rep_id: int | None = None) -> Done:
    """Hand an SQL to an account executive: whom the rules for SQLs say, or `rep_id`. Content consumed is filled in.

    Raises Invalid where the note says nothing, or the one who was chosen cannot take it; Refused, NotAllowed.
    """
    require(user, WORK, REASSIGN, deed="hand over SQLs")
    lead = locked(lead_id)
    pending = _pending(lead, user, now=now)
    if pending is not None and pending.offered_by_id == user.pk and rep_id in (None, pending.to_rep_id):
        return _offered(lead, pending)
    if pending is not None:
        raise Refused(f"This SQL was offered to {pending.to_rep} {at_moment(pending.offered_at, now=now)}.")
    refuse_if_elsewhere(lead, seen=Stage.SQL, last=last_event(lead), deed="handed over", now=now)
    require_hand(lead, user, deed="hand over", now=now)
    for name in ("need", "next_step"):
        if not getattr(note, name).strip():
            raise Invalid(name, "Say it in a sentence: the account executive begins with it.")
    chosen = _chosen(rep_id, user=user, now=now) if rep_id is not None else _by_rule(lead, now=now)
    assert chosen.rep_id is not None
    made = HandOff.objects.create(
        lead=lead,
        from_rep_id=lead.owner_id,
        to_rep_id=chosen.rep_id,
        offered_at=now,
        offered_by=user,
        policy=chosen.policy,
        rule=chosen.rule,
        cause=f"user:{user.pk}:offer:{_latest_id(lead)}",
    )
    _write_note(made, lead, note, now=now)
    if made.from_rep_id is not None:
        set_developer(lead.pk, made.from_rep_id)
    _give(lead, chosen, cause=f"hand_off:{made.pk}", user=user, now=now)
    expect(lead, made.to_rep_id)
    clocks.follow_offers([made.pk], now=now)
    tell_rep(made.to_rep, Notice.Kind.HANDED_OVER, made, user=user, now=now)
    return _offered(lead, made)


def _by_rule(lead: Lead, *, now: datetime) -> Proposal:
    proposal = propose(lead.pk, stage=Stage.SQL, now=now, out=attainments.without_room(now=now))
    if proposal.rep_id is None:
        raise Invalid("rep_id", f"{why_nobody(proposal.explanation)} Choose whom to hand it to.")
    return proposal


def _chosen(rep_id: int, *, user: Any, now: datetime) -> Proposal:
    """Somebody of the account executives. Whoever has no room is left to managers."""
    rep = executives().filter(pk=rep_id).first()
    if rep is None:
        raise Invalid("rep_id", "There is no such active account executive.")
    full = attainments.full_sentence(rep, now=now)
    if full and not manages(user):
        raise Invalid("rep_id", f"{full} A manager can hand it over all the same.")
    return Proposal(rep_id=rep_id)


def _give(lead: Lead, chosen: Proposal, *, cause: str, user: Any, now: datetime) -> None:
    kind = Assignment.Kind.ASSIGNED if chosen.rule else Assignment.Kind.REASSIGNED
    change = HandOver(
        lead=lead,
        kind=kind.value,
        rep_id=chosen.rep_id,
        cause=cause,
        policy=chosen.policy,
        rule=chosen.rule,
        decision=chosen.explanation,
    )
    hand_over([change], actor=user, now=now)
    seats.save(chosen.settled, now=now)
    lead.refresh_from_db(fields=["owner", "pool"])


def _write_note(hand_off: HandOff, lead: Lead, note: Note, *, now: datetime) -> None:
    HandOffNote.objects.create(
        hand_off=hand_off,
        person_id=lead.person_id,
        need=note.need.strip(),
        next_step=note.next_step.strip(),
        answered=note.answered.strip(),
        unanswered=note.unanswered.strip(),
        consumed=consumed_by(lead, now=now),
    )


def consumed_by(lead: Lead, *, now: datetime) -> list[dict[str, Any]]:
    """What the lead's person has read, seen and visited on this trip and before, the latest first. One query."""
    touches = (
        Activity.objects.filter(person=lead.person_id, direction="in", voided_at=None, occurred_at__lte=now)
        .select_related("content")
        .order_by("-occurred_at", "-id")[:MOST_CONSUMED]
    )
    return [
        {
            "touch": touch.pk,
            "what": touch_words(touch.type),
            "content": touch.content.name if touch.content else "",
            "at": touch.occurred_at.isoformat(),
        }
        for touch in touches
    ]


# --- Reading --------------------------------------------------------------------------------------


def of_lead(lead: Lead) -> list[HandOff]:
    """Every hand-off of the lead, the latest first, with notes and names. One query; none before it was an SQL."""
    if lead.sql_at is None:
        return []
    return list(
        HandOff.objects.filter(lead=lead)
        .select_related(
            "note", "from_rep", "to_rep", "reason", "offered_by", "accepted_by", "returned_by", "withdrawn_by"
        )
        .order_by("-offered_at", "-id")
    )


# --- What answers have of it too ------------------------------------------------------------------


def latest_of(lead: Lead) -> HandOff | None:
    """The newest one, as it is under the lead's lock."""
    found = HandOff.objects.filter(lead=lead).select_related(
        "from_rep", "to_rep", "accepted_by", "returned_by", "withdrawn_by", "reason"
    )
    return found.order_by("-id").first()


def tell_rep(rep: Rep | None, kind: str, hand_off: HandOff, *, user: Any, now: datetime) -> None:
    """Tell somebody of ours, unless they did it themselves."""
    if rep is None or rep.user_id is None or rep.user_id == user.pk:
        return
    cause = f"hand_off:{hand_off.pk}:{now.timestamp():.0f}"
    tell([Tell(user_id=rep.user_id, kind=kind, cause=cause, lead_id=hand_off.lead_id)], now=now)


def done_with(lead: Lead, hand_off: HandOff, at: datetime | None, sentence: str) -> Done:
    """The answer of a step that was taken at this moment, with what takes it back."""
    assert at is not None
    return Done(lead_id=lead.pk, hand_off_id=hand_off.pk, undo_until=at + UNDO, sentence=sentence)


# --- Their parts ----------------------------------------------------------------------------------


def _pending(lead: Lead, user: Any, *, now: datetime) -> HandOff | None:
    """The offer that waits for an answer. One to somebody who does not have the lead any more has ended."""
    found = HandOff.objects.filter(lead=lead, **PENDING).select_related("to_rep").first()
    if found is not None and found.to_rep_id != lead.owner_id:
        HandOff.objects.filter(pk=found.pk).update(withdrawn_at=now, withdrawn_by=user)
        return None
    return found


def _latest_id(lead: Lead) -> int:
    return HandOff.objects.filter(lead=lead).order_by("-id").values_list("pk", flat=True).first() or 0


def _offered(lead: Lead, hand_off: HandOff) -> Done:
    return done_with(lead, hand_off, hand_off.offered_at, f"{lead.person} is handed to {hand_off.to_rep}.")
