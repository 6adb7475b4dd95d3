"""What every act of a person on a lead has in common: its answer, its refusals, the lock, and who was faster."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from funnel import stages
from funnel.access import name_of, sight_of, visible_to
from funnel.models import Kind, Lead, Reason, Rep, Stage, StageEvent
from routing.hours.covering import covered_by
from routing.models import Assignment
from routing.sla import clocks

UNDO: Final = timedelta(minutes=10)
WORK, REASSIGN, DEAL = "routing.work_lead", "routing.reassign_lead", "routing.work_deal"
_ONE_OPEN: Final = "one_open_lead_a_person_and_solution"


class Refused(Exception):
    """The act cannot be done as things stand now. `sentence` says why, and who was faster, when and with what."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NotAllowed(Refused):
    """This user may not do this, whatever the lead's state."""


class Invalid(Refused):
    """What was given with the act cannot be; `field` names it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an act came to. undo_until: how long it can be taken back; None where it cannot.

    What takes it back: `hands_back.undo` by assignment_id, `handoff_answers.undo` by hand_off_id,
    `attempts.take_back` by attempt_id, `snoozes.wake` by snooze_id, `agenda.take_back` by the cause `work`, else
    `services.undo` by event_id. stays: the lead stays where it was on a list.
    """

    lead_id: int | None
    sentence: str
    event_id: int | None = None
    undo_until: datetime | None = None
    meeting_id: int | None = None
    opportunity_id: int | None = None
    hand_off_id: int | None = None
    assignment_id: int | None = None
    attempt_id: int | None = None
    snooze_id: int | None = None
    work: str = ""
    stays: bool = False


# --- Who ------------------------------------------------------------------------------------------


def manages(user: Any) -> bool:
    """Whether the user may act on everybody's leads."""
    return user.has_perm(REASSIGN)


def rep_of(user: Any) -> Rep | None:
    """The user as somebody who may own leads."""
    return Rep.objects.active().filter(user=user).first()


def within_reach(lead_id: int, *, user: Any, now: datetime) -> bool:
    """Whether the user may try an act on the lead: it is visible, or was a moment ago, until somebody claimed it.

    Whoever loses that race is told who won, rather than that there is no such lead.
    """
    found = Lead.objects.filter(pk=lead_id)
    if visible_to(found, user).exists():
        return True
    lately = found.filter(assignments__kind=Assignment.Kind.CLAIMED, assignments__occurred_at__gte=now - UNDO)
    return sight_of(user).unowned and lately.exists()


def require(user: Any, *permissions: str, deed: str) -> None:
    """Raises NotAllowed unless the user holds one of the permissions. deed: "accept leads"."""
    if not any(user.has_perm(permission) for permission in permissions):
        raise NotAllowed(f"Your role does not let you {deed}; an administrator can change that.")


def require_hand(lead: Lead, user: Any, *, deed: str, now: datetime) -> Rep | None:
    """The lead's owner may, whoever covers for them, and a manager; where nobody owns it, whoever may claim it. Returns
    the user as a rep.

    deed: the verb, as in "accept". Raises NotAllowed or Refused.
    """
    require(user, WORK, REASSIGN, deed=f"{deed} leads")
    rep = rep_of(user)
    if manages(user):
        return rep
    if rep is None:
        raise NotAllowed(f"Only a rep can {deed} leads, and your log-in is no rep's; an administrator can link them.")
    if lead.owner_id is None:
        require_pool(lead, rep, deed=deed)
    elif lead.owner_id != rep.pk and lead.owner_id not in covered_by(rep.pk, now=now):
        raise Refused(f"This lead is {owner_since(lead, now=now)}. Only its owner or a manager can {deed} it.")
    return rep


def require_work(lead: Lead, user: Any, *, now: datetime) -> None:
    """The lead's owner or a manager; whoever works deals only does it on leads of their own."""
    if user.has_perm(WORK) or user.has_perm(REASSIGN):
        require_hand(lead, user, deed="work", now=now)
        return
    rep = rep_of(user)
    if rep is None or lead.owner_id != rep.pk:
        raise Refused("This lead is not yours. Only its owner or a manager can work it.")


def require_doer(actor_id: int | None, user: Any, *, did: str = "did this", deed: str = "take it back") -> None:
    """Raises NotAllowed unless the user did it, or is a manager."""
    if actor_id != user.pk and not manages(user):
        raise NotAllowed(f"Only whoever {did}, or a manager, can {deed}.")


def require_pool(lead: Lead, rep: Rep, *, deed: str) -> None:
    """A pool is for the reps of its team; a lead that nobody owns and that waits in no pool is for every rep."""
    if lead.pool_id is not None and lead.pool_id != rep.team_id:
        raise Refused(f"This lead waits in the pool of {lead.pool}. Only that team or a manager can {deed} it.")


def owner_since(lead: Lead, *, now: datetime) -> str:
    """Whose it is and since when: "with Jonas Petersen since 10:41"."""
    latest = lead.assignments.order_by("-id").first()
    since = f" since {moment(latest.occurred_at, now=now)}" if latest and latest.rep_id == lead.owner_id else ""
    return f"with {lead.owner}{since}"


# --- When, and who was faster ---------------------------------------------------------------------


def moment(at: datetime, *, now: datetime) -> str:
    """In the viewer's zone: "10:41" of today, "12 June 2026, 10:41" of another day."""
    here, today = timezone.localtime(at), timezone.localtime(now).date()
    return f"{here:%H:%M}" if here.date() == today else f"{here.day} {here:%B %Y, %H:%M}"


def at_moment(at: datetime, *, now: datetime) -> str:
    """The same after a verb: "at 10:41", "on 12 June 2026, 10:41"."""
    said = moment(at, now=now)
    return f"on {said}" if " " in said else f"at {said}"


_DEEDS: dict[str, str] = {
    Kind.DISQUALIFY: "disqualified",
    Kind.RECYCLE: "recycled",
    Kind.EXPIRE: "let expire",
    Kind.REOPEN: "reopened",
    Kind.WON: "marked as won",
    Kind.LOST: "marked as lost",
    Kind.NO_DECISION: "marked as not decided",
    Kind.MERGED: "merged into another",
}


def what_happened(event: StageEvent, *, now: datetime) -> str:
    """The event as the answer to somebody slower: "Jonas Petersen accepted this lead at 10:41."."""
    when = at_moment(event.recorded_at, now=now)
    if event.kind == Kind.VOID:
        said = "what happened to this lead before", "taken back", "took back"
    elif event.kind == Kind.ADVANCE and event.to_stage == Stage.SAL:
        said = "this lead", "accepted", "accepted"
    elif event.kind == Kind.DISQUALIFY and event.from_stage == Stage.MQL:
        said = "this lead", "rejected", "rejected"
    elif event.kind in _DEEDS:
        said = "this lead", _DEEDS[event.kind], _DEEDS[event.kind]
    else:
        said = "this lead", "moved", "moved"
        when = f"to {Stage(event.to_stage).label} {when}"
    what, passive, active = said
    if event.actor is None:
        return f"{what[:1].upper()}{what[1:]} was {passive} {when}."
    return f"{name_of(event.actor)} {active} {what} {when}."


# --- The lead under its lock ----------------------------------------------------------------------


def locked(lead_id: int) -> Lead:
    """The lead, held until the transaction ends. What hangs on it is read afterwards, as it is under the lock.

    Raises Refused for one that is not there.
    """
    lead = Lead.objects.select_for_update(no_key=True).filter(pk=lead_id).first()
    if lead is None:
        raise Refused("There is no such lead.")
    return lead


def to_decide(lead_id: int, *, user: Any, deed: str) -> Lead:
    """The lead under its lock, for a user whose role lets them decide about leads. deed: "accept leads".

    Raises NotAllowed; Refused for one that is not there.
    """
    require(user, WORK, REASSIGN, deed=deed)
    return locked(lead_id)


def to_work(lead_id: int, *, user: Any, deed: str, now: datetime, closed: bool = False) -> Lead:
    """The lead under its lock, open and the user's to work. closed: it may be closed as well.

    Raises NotAllowed, Refused.
    """
    require(user, WORK, REASSIGN, DEAL, deed=deed)
    lead = locked(lead_id)
    if not closed:
        refuse_if_closed(lead, now=now)
    require_work(lead, user, now=now)
    return lead


def last_event(lead: Lead) -> StageEvent | None:
    """The newest event of the lead by when it was learnt, with who did it."""
    return StageEvent.objects.filter(lead=lead).select_related("actor").order_by("-id").first()


def cause_of(act: str, user: Any, after: StageEvent | None) -> str:
    """One act of one user from one standing of the lead; the same from a later standing is another act."""
    return f"user:{user.pk}:{act}:{after.pk if after else 0}"


def is_act(event: StageEvent | None, act: str, user: Any) -> bool:
    """Whether the newest thing that happened is this act of this user: a second click, or a repeated request."""
    return event is not None and event.cause.startswith(f"user:{user.pk}:{act}:")


def refuse_if_elsewhere(lead: Lead, *, seen: str, last: StageEvent | None, deed: str, now: datetime) -> None:
    """Raises Refused, with who was faster, unless the lead is open at the stage at which the user saw it."""
    if lead.closed_at is None and lead.stage == seen:
        return
    happened = what_happened(last, now=now) if last else ""
    if lead.closed_at is None and Stage.values.index(lead.stage) < Stage.values.index(seen):
        happened = f"This lead is at {Stage(lead.stage).label}."
    raise Refused(happened or f"This lead is not at {Stage(seen).label}, so it cannot be {deed}.")


def refuse_if_closed(lead: Lead, *, now: datetime) -> None:
    """Raises Refused, with who closed it."""
    if lead.closed_at is not None:
        last = last_event(lead)
        raise Refused(what_happened(last, now=now) if last else "This lead is closed.")


def refuse_if_late(at: datetime, *, now: datetime) -> None:
    """Raises Refused for an act that was done too long ago to be taken back."""
    if now > at + UNDO:
        raise Refused(f"Taking back is possible for 10 minutes, and this was {at_moment(at, now=now)}.")


def move(wishes: Sequence[stages.Move], *, now: datetime) -> list[int]:
    """Move one lead by these steps, all or none; returns the ids of the events. Raises Refused in the path's words.

    The pipeline hears of it and will let the clocks follow; they do so here too, so that the next page is right.
    """
    try:
        with transaction.atomic():
            moved = stages.move(wishes, now=now)
    except IntegrityError as error:
        if _ONE_OPEN not in str(error):
            raise
        raise Refused(
            "This person has another open lead of the same solution; close that one first, or work there."
        ) from error
    problem = next((one.problem for one in moved if one.problem), "")
    if problem:
        raise Refused(problem)
    event_ids = [one.event_id for one in moved if one.event_id is not None]
    clocks.follow(event_ids, now=now)
    return event_ids


def reason_for(reason_id: int | None, *, kinds: Sequence[str], stage: str, text: str) -> Reason:
    """The reason that was picked. Raises Invalid where it is missing, does not apply here, or lacks its sentence."""
    if reason_id is None:
        raise Invalid("reason_id", "Pick a reason.")
    reason = Reason.objects.filter(pk=reason_id).first()
    if reason is None or reason.kind not in kinds or not reason.active or reason.stage not in ("", stage):
        offered = Reason.objects.filter(kind__in=kinds, active=True, stage__in=("", stage)).values_list(
            "name", flat=True
        )
        listed = ", ".join(f"“{name}”" for name in offered)
        raise Invalid("reason_id", f"This reason is not offered here. There are: {listed or 'none yet'}.")
    if reason.needs_text and not text.strip():
        raise Invalid("text", f"“{reason}” needs a sentence: say what it is.")
    return reason
