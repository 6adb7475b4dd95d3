"""Meetings with a lead: booked, and later held or not. The first one that is held makes the lead an SQL."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from funnel.models import Kind, Lead, Stage
from funnel.path import RANK
from funnel.stages import Move
from routing.acts import (
    DEAL,
    REASSIGN,
    UNDO,
    WORK,
    Done,
    Invalid,
    Refused,
    at_moment,
    cause_of,
    last_event,
    locked,
    moment,
    move,
    name_of,
    owner_since,
    refuse_if_closed,
    rep_of,
    require,
)
from routing.models import Meeting

FARTHEST: Final = timedelta(days=730)  # a year that was typed wrong lies beyond
OLDEST: Final = timedelta(days=90)  # a meeting may be entered afterwards


@transaction.atomic
def book(lead_id: int, *, starts_at: datetime, user: Any, now: datetime) -> Done:
    """Book a meeting for a lead at SAL or beyond; one lies ahead at a time. Returns the meeting's id in the answer.

    starts_at: aware; at most 90 days back and two years ahead. Raises Invalid, Refused, NotAllowed.
    """
    require(user, WORK, REASSIGN, DEAL, deed="book meetings")
    lead = locked(lead_id)
    _require_hand(lead, user, now=now)
    refuse_if_closed(lead, now=now)
    if RANK[lead.stage] < RANK[Stage.SAL]:
        raise Refused(f"This lead is at {Stage(lead.stage).label}; accept it first, then book the meeting.")
    if not now - OLDEST <= starts_at <= now + FARTHEST:
        raise Invalid("starts_at", "A meeting is at most 90 days back and two years ahead.")
    ahead = lead.meetings.filter(outcome="").select_related("booked_by").first()
    if ahead is not None and ahead.starts_at == starts_at and ahead.booked_by_id == user.pk:
        return _booked(ahead, lead, now=now)
    if ahead is not None:
        when = moment(ahead.starts_at, now=now)
        raise Refused(f"A meeting is booked already, for {when}. Say how it went, or cancel it.")
    made = Meeting.objects.create(
        lead=lead, rep_id=lead.owner_id, starts_at=starts_at, booked_at=now, booked_by_id=user.pk
    )
    return _booked(made, lead, now=now)


@transaction.atomic
def record_outcome(meeting_id: int, *, outcome: str, user: Any, now: datetime) -> Done:
    """Say what came of a meeting. Held makes a lead at SAL an SQL; otherwise its stage stays and another may be booked.

    outcome: held, no_show or cancelled. Raises Invalid, Refused (somebody has said it already), NotAllowed.
    """
    require(user, WORK, REASSIGN, DEAL, deed="say how meetings went")
    if outcome not in Meeting.Outcome.values:
        raise Invalid("outcome", f"Say one of: {', '.join(Meeting.Outcome.values)}.")
    lead_id = Meeting.objects.filter(pk=meeting_id).values_list("lead_id", flat=True).first()
    if lead_id is None:
        raise Refused("There is no such meeting.")
    lead = locked(lead_id)
    meeting = Meeting.objects.select_related("outcome_by").get(pk=meeting_id)
    if meeting.outcome == outcome and meeting.outcome_by_id == user.pk:
        return _recorded(meeting, lead, now=now)
    if meeting.outcome:
        raise Refused(_said_already(meeting, now=now))
    _require_hand(lead, user, now=now)
    if outcome != Meeting.Outcome.CANCELLED and meeting.starts_at > now:
        when = moment(meeting.starts_at, now=now)
        raise Invalid("outcome", f"The meeting is still ahead ({when}). Say afterwards how it went, or cancel it.")
    meeting.outcome, meeting.outcome_at, meeting.outcome_by_id = outcome, now, user.pk
    meeting.save(update_fields=["outcome", "outcome_at", "outcome_by"])
    if outcome == Meeting.Outcome.HELD and lead.closed_at is None and lead.stage == Stage.SAL:
        _advance(lead, user, now=now)
    return _recorded(meeting, lead, now=now)


def take_back_held(lead: Lead, *, at: datetime) -> None:
    """The meeting that was said to be held at this moment lies ahead again. The caller holds the lead's lock."""
    if lead.meetings.filter(outcome="").exists():
        raise Refused("Another meeting was booked since; cancel it first.")
    lead.meetings.filter(outcome=Meeting.Outcome.HELD, outcome_at=at).update(
        outcome="", outcome_at=None, outcome_by=None
    )


def _require_hand(lead: Lead, user: Any, *, now: datetime) -> None:
    """The lead's owner, a manager, or somebody who works deals: a meeting is where one hands over to the other."""
    if user.has_perm(REASSIGN) or user.has_perm(DEAL):
        return
    rep = rep_of(user)
    if rep is None or lead.owner_id != rep.pk:
        whose = owner_since(lead, now=now) if lead.owner_id else "nobody's yet"
        raise Refused(f"This lead is {whose}. Only its owner, an account executive or a manager can do this.")


def _advance(lead: Lead, user: Any, *, now: datetime) -> None:
    wish = Move(
        lead_id=lead.pk,
        kind=Kind.ADVANCE.value,
        to_stage=Stage.SQL.value,
        expected=Stage.SAL.value,
        occurred_at=now,
        cause=cause_of("held", user, last_event(lead)),
        actor_id=user.pk,
    )
    move([wish], now=now)


def _booked(meeting: Meeting, lead: Lead, *, now: datetime) -> Done:
    said = f"The meeting with {lead.person} is booked for {moment(meeting.starts_at, now=now)}."
    return Done(lead_id=lead.pk, meeting_id=meeting.pk, sentence=said)


def _recorded(meeting: Meeting, lead: Lead, *, now: datetime) -> Done:
    """The answer; with the event that made the lead an SQL, if this meeting did."""
    if meeting.outcome != Meeting.Outcome.HELD:
        word = meeting.get_outcome_display().lower()
        return Done(lead_id=lead.pk, meeting_id=meeting.pk, sentence=f"Noted: {word}. Another meeting can be booked.")
    assert meeting.outcome_at is not None
    event = lead.events.filter(occurred_at=meeting.outcome_at, to_stage=Stage.SQL).order_by("-id").first()
    if event is None:
        return Done(lead_id=lead.pk, meeting_id=meeting.pk, sentence="Noted: the meeting was held.")
    return Done(
        lead_id=lead.pk,
        event_id=event.pk,
        undo_until=event.recorded_at + UNDO,
        meeting_id=meeting.pk,
        sentence=f"The meeting was held: {lead.person} is an SQL.",
    )


def _said_already(meeting: Meeting, *, now: datetime) -> str:
    assert meeting.outcome_at is not None
    who = name_of(meeting.outcome_by) if meeting.outcome_by else "Somebody"
    when = at_moment(meeting.outcome_at, now=now)
    return f"{who} said {when} how this meeting went: {meeting.get_outcome_display().lower()}."
