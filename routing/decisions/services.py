"""What people decide about leads: accept, reject, recycle, reopen, claim, release, reassign, and undo.

Every act locks the lead, takes one decision on what stands under the lock, and answers with `Done` or raises
`Refused` with a sentence. The same act by the same user again (a double click, a repeated request) is told as done.
"""

import re
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from funnel.access import name_of
from funnel.leads import set_revisit
from funnel.models import Exit, Kind, Lead, Reason, Rep, Stage, StageEvent
from funnel.notes import write_note
from funnel.stages import Move
from routing.acts.doing import (
    UNDO,
    Done,
    Invalid,
    NotAllowed,
    Refused,
    at_moment,
    cause_of,
    is_act,
    last_event,
    locked,
    move,
    reason_for,
    refuse_if_elsewhere,
    refuse_if_late,
    require_doer,
    require_hand,
    to_decide,
    what_happened,
)
from routing.acts.ownership import HandOver, give_back, hand_over
from routing.assignment import wrong_routes
from routing.decisions.claiming import claim
from routing.decisions.hands import latest_assignment, reassign, release
from routing.models import Assignment
from routing.sales.meetings import take_back_booked, take_back_held

__all__ = [
    "Done", "Invalid", "NotAllowed", "Refused", "accept", "claim", "reassign", "recycle", "reject", "release", "reopen",
    "undo",
]  # fmt: skip

UNDOABLE = ("accept", "reject", "recycle", "reopen", "held", "booked")
_INSTEAD = re.compile(r":instead-of-(\d{4}-\d{2}-\d{2})$")

# --- Decisions ------------------------------------------------------------------------------------


@transaction.atomic
def accept(lead_id: int, *, user: Any, now: datetime) -> Done:
    """MQL to SAL: the lead meets the definition and will be worked. Accepting an unowned lead takes it.

    Raises Refused: somebody else decided, owns or claimed it; NotAllowed.
    """
    lead = to_decide(lead_id, user=user, deed="accept leads")
    last = last_event(lead)
    if is_act(last, "accept", user):
        return _done(lead, last, f"{lead.person} is accepted.")
    refuse_if_elsewhere(lead, seen=Stage.MQL, last=last, deed="accepted", now=now)
    rep = require_hand(lead, user, deed="accept", now=now)
    cause = cause_of("accept", user, last)
    if lead.owner_id is None:
        hand_over([_taking(lead, _some(rep, deed="take"), cause=cause)], actor=user, now=now)
    wish = _wish(lead, user, Kind.ADVANCE, cause=cause, now=now, to_stage=Stage.SAL)
    return _moved(lead, wish, f"{lead.person} is accepted.", now=now)


@transaction.atomic
def reject(
    lead_id: int, *, user: Any, reason_id: int | None, text: str = "", now: datetime, seen: str = Stage.MQL
) -> Done:
    """Close the lead as disqualified: at MQL for a reason to reject or to disqualify, later for one to disqualify.
    For a reason that reroutes it stays an MQL and goes to somebody else.

    text: a sentence, kept as a note; some reasons demand it. seen: the stage at which the user saw the lead.
    Raises Invalid for the reason or its text; Refused, NotAllowed.
    """
    lead = to_decide(lead_id, user=user, deed="reject leads")
    if done := wrong_routes.again(lead, user=user, reason_id=reason_id):
        return done
    last = last_event(lead)
    word = "rejected" if seen == Stage.MQL else "disqualified"
    if is_act(last, "reject", user) and last is not None and last.reason_id == reason_id:
        return _done(lead, last, f"{lead.person} is {word}: {last.reason}.")
    refuse_if_elsewhere(lead, seen=seen, last=last, deed=word, now=now)
    require_hand(lead, user, deed="reject", now=now)
    kinds = (Reason.For.REJECT, Reason.For.DISQUALIFY) if seen == Stage.MQL else (Reason.For.DISQUALIFY,)
    reason = reason_for(reason_id, kinds=kinds, stage=seen, text=text)
    if reason.reroutes:
        _keep(lead, user, text)
        return wrong_routes.reroute(lead, user=user, reason=reason, now=now)
    cause = cause_of("reject", user, last)
    wish = _wish(lead, user, Kind.DISQUALIFY, cause=cause, now=now, reason_id=reason.pk)
    done = _moved(lead, wish, f"{lead.person} is {word}: {reason}.", now=now)
    _keep(lead, user, text)
    return done


@transaction.atomic
def recycle(
    lead_id: int,
    *,
    user: Any,
    reason_id: int | None,
    revisit_on: date | None = None,
    text: str = "",
    now: datetime,
    seen: str = "",
) -> Done:
    """Close the lead as recycled: the person may return. Looked at again on `revisit_on`, else by the reason's days.

    seen: the stage at which the user saw the lead; blank takes it wherever it stands.
    Raises Invalid for the reason, its text or a day that is not ahead; Refused, NotAllowed.
    """
    lead = to_decide(lead_id, user=user, deed="recycle leads")
    last = last_event(lead)
    if is_act(last, "recycle", user) and last is not None and last.reason_id == reason_id:
        return _done(lead, last, _recycled(lead))
    refuse_if_elsewhere(lead, seen=seen or lead.stage, last=last, deed="recycled", now=now)
    require_hand(lead, user, deed="recycle", now=now)
    if lead.stage == Stage.OPPORTUNITY and lead.opportunities.filter(state="open").exists():
        raise Refused("This lead has an open deal. Close the deal as lost or not decided, and the lead follows.")
    reason = reason_for(reason_id, kinds=(Reason.For.RECYCLE,), stage=lead.stage, text=text)
    today = timezone.localdate(now)
    if revisit_on is not None and revisit_on <= today:
        raise Invalid("revisit_on", f"The day to look again lies ahead of today, {today:%Y-%m-%d}, or stays blank.")
    cause = cause_of("recycle", user, last)
    if lead.revisit_on is not None:
        cause += f":instead-of-{lead.revisit_on}"
    wish = _wish(lead, user, Kind.RECYCLE, cause=cause, now=now, reason_id=reason.pk)
    lead.revisit_on = revisit_on or (today + timedelta(days=reason.revisit_days) if reason.revisit_days else None)
    set_revisit(lead.pk, lead.revisit_on)
    done = _moved(lead, wish, _recycled(lead), now=now)
    _keep(lead, user, text)
    return done


@transaction.atomic
def reopen(lead_id: int, *, user: Any, reason_id: int | None = None, now: datetime) -> Done:
    """Open a closed lead again at the stage where it stood. Raises Refused, NotAllowed, Invalid for the reason."""
    lead = to_decide(lead_id, user=user, deed="reopen leads")
    last = last_event(lead)
    if is_act(last, "reopen", user):
        return _done(lead, last, _reopened(lead))
    if lead.closed_at is None:
        faster = last is not None and last.kind in (Kind.REOPEN, Kind.VOID)
        raise Refused(what_happened(last, now=now) if faster and last else "This lead is open already.")
    require_hand(lead, user, deed="reopen", now=now)
    if lead.exit in (Exit.WON, Exit.LOST, Exit.NO_DECISION) and lead.opportunities.exists():
        raise Refused("This lead closed with its deal. Reopen the deal, and the lead follows.")
    if reason_id is not None:
        reason_for(reason_id, kinds=(Reason.For.REOPEN,), stage=lead.stage, text="-")
    cause = cause_of("reopen", user, last)
    wish = _wish(lead, user, Kind.REOPEN, cause=cause, now=now, to_stage=lead.stage, reason_id=reason_id)
    return _moved(lead, wish, _reopened(lead), now=now)


@transaction.atomic
def undo(event_id: int, *, user: Any, now: datetime) -> Done:
    """Take an act back within ten minutes, if nothing has happened to the lead since: stage, owner and revisit date.

    By whoever did it, or a manager. Raises Refused, NotAllowed.
    """
    event = StageEvent.objects.select_related("actor").filter(pk=event_id).first()
    act = _act_of(event)
    if event is None or act not in UNDOABLE:
        raise Refused("This cannot be taken back; move the lead by another act.")
    lead = locked(event.lead_id)
    last = last_event(lead)
    cause = f"undo:{event.pk}"
    if last is not None and last.cause == cause and last.actor_id == user.pk:
        return Done(lead_id=lead.pk, event_id=last.pk, sentence=_taken_back(lead))
    require_doer(event.actor_id, user)
    if last is not None and last.pk != event.pk:
        raise Refused(what_happened(last, now=now))
    _refuse_what_came_since(lead, event, now=now)
    refuse_if_late(event.recorded_at, now=now)
    wish = Move(
        lead_id=lead.pk,
        kind=Kind.VOID.value,
        occurred_at=now,
        cause=cause,
        actor_id=user.pk,
        supersedes_id=event.pk,
    )
    (void_id,) = move([wish], now=now)
    taken = Assignment.objects.filter(lead=lead, cause=event.cause).first()
    if taken is not None:
        hand_over([give_back(taken, lead, cause=cause)], actor=user, now=now)
    if act == "recycle":
        set_revisit(lead.pk, _revisit_before(event))
    if act == "held":
        take_back_held(lead, at=event.occurred_at, now=now)
    if act == "booked":
        take_back_booked(lead, at=event.occurred_at, user=user, now=now)
    return Done(lead_id=lead.pk, event_id=void_id, sentence=_taken_back(lead))


# --- Their parts ----------------------------------------------------------------------------------


def _wish(
    lead: Lead, user: Any, kind: str, *, cause: str, now: datetime, to_stage: str = "", reason_id: int | None = None
) -> Move:
    return Move(
        lead_id=lead.pk,
        kind=Kind(kind).value,
        to_stage=to_stage,
        expected="" if kind == Kind.REOPEN else lead.stage,
        occurred_at=now,
        cause=cause,
        actor_id=user.pk,
        reason_id=reason_id,
    )


def _moved(lead: Lead, wish: Move, sentence: str, *, now: datetime) -> Done:
    (event_id,) = move([wish], now=now)
    return Done(lead_id=lead.pk, event_id=event_id, sentence=sentence, undo_until=now + UNDO)


def _done(lead: Lead, event: StageEvent | None, sentence: str) -> Done:
    """The answer of an act that was done before."""
    assert event is not None
    return Done(lead_id=lead.pk, event_id=event.pk, sentence=sentence, undo_until=event.recorded_at + UNDO)


def _some(rep: Rep | None, *, deed: str) -> Rep:
    """The rep whose the lead will be. Raises NotAllowed where the user is none."""
    if rep is None:
        raise NotAllowed(f"Only a rep can {deed} leads, and your log-in is no rep's; give it to somebody instead.")
    return rep


def _taking(lead: Lead, rep: Rep, *, cause: str) -> HandOver:
    return HandOver(lead=lead, kind=Assignment.Kind.CLAIMED.value, rep_id=rep.pk, cause=cause)


def _keep(lead: Lead, user: Any, text: str) -> None:
    """Keep the sentence as a note; an act that is done again after it was taken back does not say it twice."""
    said = text.strip()
    last = lead.notes.filter(author=user).order_by("-written_at", "-id").first() if said else None
    if said and (last is None or last.text != said):
        write_note(lead=lead, author=user, text=text)


def _act_of(event: StageEvent | None) -> str:
    """accept, reject ... of an event that a user's act has made; blank of any other."""
    parts = event.cause.split(":") if event else []
    return parts[2] if len(parts) > 3 and parts[0] == "user" else ""


def _refuse_what_came_since(lead: Lead, event: StageEvent, *, now: datetime) -> None:
    """A meeting lies ahead of an accepted lead, or the lead changed hands after the act."""
    if _act_of(event) == "accept" and lead.meetings.filter(outcome="").exists():
        raise Refused("A meeting was booked since; cancel it first.")
    latest = latest_assignment(lead)
    if latest is None or latest.cause == event.cause or latest.recorded_at <= event.recorded_at:
        return
    if latest.rep_id is not None and latest.rep_id == latest.previous_id:
        return  # it stayed where it was
    who = f"{name_of(latest.actor)} gave" if latest.actor else "Routing gave"
    raise Refused(f"{who} this lead to somebody else {at_moment(latest.recorded_at, now=now)}; it stays as it is.")


def _revisit_before(event: StageEvent) -> date | None:
    found = _INSTEAD.search(event.cause)
    return date.fromisoformat(found[1]) if found else None


def _recycled(lead: Lead) -> str:
    again = f"; looked at again on {lead.revisit_on:%Y-%m-%d}" if lead.revisit_on else ""
    return f"{lead.person} is recycled{again}."


def _reopened(lead: Lead) -> str:
    return f"{lead.person} is open again at {Stage(lead.stage).label}."


def _taken_back(lead: Lead) -> str:
    return f"Taken back: {lead.person} is as before."
