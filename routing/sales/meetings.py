"""Meetings with a lead: booked, then held or not, and by whom it was missed. What makes an SQL is a setting.

No meeting ever makes an opportunity, and none is inferred from one.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from funnel.access import name_of
from funnel.models import Kind, Lead, Rep, Stage, Team
from funnel.path import RANK
from funnel.stages import Move
from routing.acts.doing import (
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
    owner_since,
    refuse_if_closed,
    rep_of,
    require,
)
from routing.hours.covering import hands_of
from routing.models import Attendee, Meeting
from routing.sales import sql_definitions
from routing.sla import clocks

FARTHEST: Final = timedelta(days=730)  # a year that was typed wrong lies beyond
OLDEST: Final = timedelta(days=90)  # a meeting may be entered afterwards
_AHEAD_TOO: Final = (Meeting.Outcome.CANCELLED, Meeting.Outcome.MOVED)  # may be said before it was to begin


@transaction.atomic
def book(
    lead_id: int,
    *,
    starts_at: datetime,
    user: Any,
    now: datetime,
    executive_id: int | None = None,
) -> Done:
    """Book a meeting for a lead at SAL or beyond; one lies ahead at a time. Returns the meeting's id in the answer.

    starts_at: aware; at most 90 days back and two years ahead. executive_id: the account executive who is expected
    beside the lead's owner, by default the account's. Where a booked meeting makes SQLs, the lead is one from now on.
    Raises Invalid, Refused, NotAllowed.
    """
    require(user, WORK, REASSIGN, DEAL, deed="book meetings")
    lead = locked(lead_id)
    _require_hand(lead, user, now=now)
    refuse_if_closed(lead, now=now)
    if RANK[lead.stage] < RANK[Stage.SAL]:
        raise Refused(f"This lead is at {Stage(lead.stage).label}; accept it first, then book the meeting.")
    ahead = lead.meetings.filter(outcome="").select_related("booked_by").first()
    if ahead is not None and ahead.starts_at == starts_at and ahead.booked_by_id == user.pk:
        return _booked(ahead, lead, now=now)
    if ahead is not None:
        when = moment(ahead.starts_at, now=now)
        raise Refused(f"A meeting is booked already, for {when}. Say how it went, move it, or cancel it.")
    return _book(lead, starts_at, _executive(lead, executive_id), user=user, now=now)


@transaction.atomic
def record_outcome(
    meeting_id: int,
    *,
    outcome: str,
    user: Any,
    now: datetime,
    came: Collection[int] | None = None,
    rebook_for: datetime | None = None,
) -> Done:
    """Say what came of a meeting. Held makes a lead at SAL an SQL; otherwise its stage stays.

    outcome: held, no_show, ae_no_show, moved or cancelled. came: the ids of the attendees who did; by default whoever
    the outcome does not say was missing. rebook_for: when the next one is, if this one did not take place; a moved one
    needs it. Raises Invalid, Refused (somebody has said it already), NotAllowed.
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
    _refuse_what_cannot_be(meeting, outcome, rebook_for, now=now)
    meeting.outcome, meeting.outcome_at, meeting.outcome_by_id = outcome, now, user.pk
    meeting.save(update_fields=["outcome", "outcome_at", "outcome_by"])
    _note_who_came(meeting, came)
    if outcome == Meeting.Outcome.HELD and lead.closed_at is None and lead.stage == Stage.SAL:
        _advance(lead, user, act="held", now=now)
    clocks.follow_meetings([meeting.pk], now=now)
    if rebook_for is not None:
        refuse_if_closed(lead, now=now)
        _book(lead, rebook_for, _expected_executive(meeting), user=user, now=now)
    return _recorded(meeting, lead, now=now)


def take_back_held(lead: Lead, *, at: datetime, now: datetime) -> None:
    """The meeting that was said to be held at this moment lies ahead again. The caller holds the lead's lock."""
    if lead.meetings.filter(outcome="").exists():
        raise Refused("Another meeting was booked since; cancel it first.")
    held = lead.meetings.filter(outcome=Meeting.Outcome.HELD, outcome_at=at)
    Attendee.objects.filter(meeting__in=held).update(came=None)
    held.update(outcome="", outcome_at=None, outcome_by=None)
    clocks.follow_leads([lead.pk], now=now)


def take_back_booked(lead: Lead, *, at: datetime, user: Any, now: datetime) -> None:
    """The meeting that was booked at this moment is called off. The caller holds the lead's lock."""
    booked = lead.meetings.filter(booked_at=at)
    if booked.exclude(outcome="").exists():
        raise Refused("Somebody has said how the meeting went; the lead stays what that made it.")
    booked.update(outcome=Meeting.Outcome.CANCELLED, outcome_at=now, outcome_by=user.pk)
    clocks.follow_leads([lead.pk], now=now)


def expect(lead: Lead, rep_id: int) -> None:
    """Let the rep be expected at the lead's meeting that lies ahead, if there is one. The caller holds its lock."""
    ahead = lead.meetings.filter(outcome="").first()
    if ahead is not None:
        Attendee.objects.get_or_create(meeting=ahead, rep_id=rep_id)


# --- Who ------------------------------------------------------------------------------------------


def _require_hand(lead: Lead, user: Any, *, now: datetime) -> None:
    """Its owner, who made it an SQL, a manager, or somebody who sells: at a meeting one hands over to the other."""
    if user.has_perm(REASSIGN) or user.has_perm(DEAL):
        return
    rep = rep_of(user)
    if rep is None or not {lead.owner_id, lead.developed_by_id} & set(hands_of(rep.pk, now=now)):
        whose = owner_since(lead, now=now) if lead.owner_id else "nobody's yet"
        raise Refused(f"This lead is {whose}. Only its owner, an account executive or a manager can do this.")


def executives() -> Any:
    """The reps who may sell: active ones of the teams of account executives."""
    return Rep.objects.active().filter(team__kind=Team.Kind.AE)


def usual_executive(lead: Lead) -> Rep | None:
    """Who is expected beside the owner unless somebody else is named: the owner of the lead's account."""
    owner_id = lead.account.owner_id if lead.account else None
    return executives().filter(pk=owner_id).first() if owner_id else None


def _executive(lead: Lead, executive_id: int | None) -> int | None:
    if executive_id is None:
        usual = usual_executive(lead)
        return usual.pk if usual else None
    if not executives().filter(pk=executive_id).exists():
        raise Invalid("executive_id", "There is no such active account executive.")
    return executive_id


def _expected_executive(meeting: Meeting) -> int | None:
    found = meeting.attendees.filter(rep__in=executives()).exclude(rep=meeting.rep_id)
    return found.values_list("rep_id", flat=True).first()


def _invite(meeting: Meeting, lead: Lead, executive_id: int | None) -> None:
    """The owner and the account executive by default, and the lead's person."""
    reps = dict.fromkeys(rep_id for rep_id in (lead.owner_id, executive_id) if rep_id is not None)
    Attendee.objects.bulk_create(
        [Attendee(meeting=meeting, person_id=lead.person_id), *(Attendee(meeting=meeting, rep_id=pk) for pk in reps)]
    )


def _note_who_came(meeting: Meeting, came: Collection[int] | None) -> None:
    """Write who came, as said, else as the outcome says: where nobody met, nothing is known of anybody."""
    attendees = list(meeting.attendees.select_related("rep__team"))
    if meeting.outcome in _AHEAD_TOO:
        return
    there = set(came) if came is not None else _came_by(meeting.outcome, attendees)
    for attendee in attendees:
        attendee.came = attendee.pk in there
    Attendee.objects.bulk_update(attendees, ["came"])


def _came_by(outcome: str, attendees: Iterable[Attendee]) -> set[int]:
    missing = {
        Meeting.Outcome.NO_SHOW.value: lambda one: one.person_id is not None,
        Meeting.Outcome.AE_NO_SHOW.value: lambda one: one.rep is not None and _sells(one.rep),
    }.get(outcome, lambda one: False)
    return {attendee.pk for attendee in attendees if not missing(attendee)}


def _sells(rep: Rep) -> bool:
    return rep.team is not None and rep.team.kind == Team.Kind.AE


# --- Its parts ------------------------------------------------------------------------------------


def _book(lead: Lead, starts_at: datetime, executive_id: int | None, *, user: Any, now: datetime) -> Done:
    if not now - OLDEST <= starts_at <= now + FARTHEST:
        raise Invalid("starts_at", "A meeting is at most 90 days back and two years ahead.")
    missed = lead.meetings.filter(replacement=None).exclude(Q(outcome="") | Q(outcome="held")).order_by("-id").first()
    made = Meeting.objects.create(
        lead=lead, rep_id=lead.owner_id, starts_at=starts_at, booked_at=now, booked_by_id=user.pk, instead_of=missed
    )
    _invite(made, lead, executive_id)
    clocks.follow_meetings([made.pk], now=now)
    if lead.stage == Stage.SAL and sql_definitions.makes_sql("booked", sql_definitions.in_force(now)):
        _advance(lead, user, act="booked", now=now)
    return _booked(made, lead, now=now)


def _refuse_what_cannot_be(meeting: Meeting, outcome: str, rebook_for: datetime | None, *, now: datetime) -> None:
    if outcome not in _AHEAD_TOO and meeting.starts_at > now:
        when = moment(meeting.starts_at, now=now)
        raise Invalid(
            "outcome", f"The meeting is still ahead ({when}). Say afterwards how it went, move it, or cancel it."
        )
    if outcome == Meeting.Outcome.MOVED and rebook_for is None:
        raise Invalid("starts_at", "Say when the meeting is now.")
    if outcome == Meeting.Outcome.HELD and rebook_for is not None:
        raise Invalid("starts_at", "A meeting that was held is not booked again; book the next one afterwards.")


def _advance(lead: Lead, user: Any, *, act: str, now: datetime) -> None:
    """SAL to SQL, under the definition in force. act: booked or held."""
    definition = sql_definitions.in_force(now)
    wish = Move(
        lead_id=lead.pk,
        kind=Kind.ADVANCE.value,
        to_stage=Stage.SQL.value,
        expected=Stage.SAL.value,
        occurred_at=now,
        cause=cause_of(act, user, last_event(lead)),
        actor_id=user.pk,
        policy=definition.policy if definition else "",
    )
    move([wish], now=now)
    lead.refresh_from_db(fields=["stage", "stage_since"])


# --- Answers --------------------------------------------------------------------------------------


def _booked(meeting: Meeting, lead: Lead, *, now: datetime) -> Done:
    said = f"The meeting with {lead.person} is booked for {moment(meeting.starts_at, now=now)}"
    return _with_event(meeting, lead, meeting.booked_at, said=f"{said}.", as_sql=f"{said}: an SQL.")


def _recorded(meeting: Meeting, lead: Lead, *, now: datetime) -> Done:
    """The answer; with the event that made the lead an SQL, if this meeting did."""
    assert meeting.outcome_at is not None
    if meeting.outcome == Meeting.Outcome.HELD:
        said = "Noted: the meeting was held."
        return _with_event(
            meeting, lead, meeting.outcome_at, said=said, as_sql=f"The meeting was held: {lead.person} is an SQL."
        )
    word = meeting.get_outcome_display()
    following = Meeting.objects.filter(instead_of=meeting).first()
    if following is None:
        said = f"Noted: {word[:1].lower()}{word[1:]}. Another meeting can be booked."
        return Done(lead_id=lead.pk, meeting_id=meeting.pk, sentence=said)
    said = f"Noted: {word[:1].lower()}{word[1:]}. The next one is {at_moment(following.starts_at, now=now)}"
    return _with_event(following, lead, following.booked_at, said=f"{said}.", as_sql=f"{said}: an SQL.")


def _with_event(meeting: Meeting, lead: Lead, at: datetime, *, said: str, as_sql: str) -> Done:
    """With what takes it back, where this moment made the lead an SQL."""
    event = lead.events.filter(occurred_at=at, to_stage=Stage.SQL).order_by("-id").first()
    if event is None:
        return Done(lead_id=lead.pk, meeting_id=meeting.pk, sentence=said)
    return Done(
        lead_id=lead.pk,
        event_id=event.pk,
        undo_until=event.recorded_at + UNDO,
        meeting_id=meeting.pk,
        sentence=as_sql,
    )


def _said_already(meeting: Meeting, *, now: datetime) -> str:
    assert meeting.outcome_at is not None
    who = name_of(meeting.outcome_by) if meeting.outcome_by else "Somebody"
    when = at_moment(meeting.outcome_at, now=now)
    word = meeting.get_outcome_display()
    return f"{who} said {when} how this meeting went: {word[:1].lower()}{word[1:]}."
