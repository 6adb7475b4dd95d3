"""The call log: attempts of ours to reach somebody, by phone, e-mail or social network.

One act writes the touch that scoring and clocks see, the note, and the next date; it does what was due, and accepts a
lead that nobody has decided about. Taking it back takes all of that back.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from funnel import touches
from funnel.models import Lead, Stage
from funnel.notes import write_note
from routing.acts.doing import (
    UNDO,
    Done,
    Invalid,
    Refused,
    last_event,
    locked,
    moment,
    refuse_if_late,
    rep_of,
    require_doer,
    to_work,
)
from routing.day import work
from routing.day.agenda import end_of_day, refuse_unless_ahead, set_next
from routing.day.work import DONE, DROPPED
from routing.decisions import services
from routing.models import Attempt, Medium, Task
from routing.sla import clocks

Outcome = Attempt.Outcome
SAME: Final = timedelta(seconds=3)  # the same again so soon is a second click
OF_MEDIUM: Final[dict[str, tuple[str, ...]]] = {
    Medium.CALL: (Outcome.CONNECTED, Outcome.VOICEMAIL, Outcome.NO_ANSWER, Outcome.WRONG_NUMBER),
    Medium.EMAIL: (Outcome.SENT,),
    Medium.SOCIAL: (Outcome.SENT,),
}
TOUCHES: Final[dict[str, str]] = {Medium.CALL: "call", Medium.EMAIL: "email_sent", Medium.SOCIAL: "social_message_sent"}


@transaction.atomic
def log(
    lead_id: int,
    *,
    medium: str,
    outcome: str,
    text: str = "",
    next_at: datetime | None = None,
    user: Any,
    now: datetime,
) -> Done:
    """Log one attempt. At MQL it accepts the lead; it does the step of a cadence and the next date that are due.

    text: kept as a note. next_at: when to try again; aware, ahead, at most two years. Raises Invalid for the outcome or
    the next date; Refused, NotAllowed.
    """
    if outcome not in OF_MEDIUM.get(medium, ()):
        raise Invalid("outcome", f"Say one of: {', '.join(OF_MEDIUM.get(medium, Medium.values))}.")
    lead = to_work(lead_id, user=user, deed="log calls", now=now)
    if (before := _just_now(lead, user, medium, outcome, now=now)) is not None:
        return _logged(before, lead, next_at=None, now=now)
    refuse_unless_ahead(next_at, now=now)
    attempt = record(lead, medium=medium, outcome=outcome, text=text, next_at=next_at, user=user, now=now)
    return _logged(attempt, lead, next_at=next_at, now=now)


def record(
    lead: Lead,
    *,
    medium: str,
    outcome: str,
    text: str = "",
    next_at: datetime | None = None,
    task_id: int | None = None,
    accepts: bool = True,
    user: Any,
    now: datetime,
) -> Attempt:
    """Write an attempt that was made, with all that goes with it. The caller holds the lead's lock.

    task_id: the step that it was for, whenever that is due. accepts: an MQL is accepted with it; raises Refused or
    NotAllowed where the user may not.
    """
    accepted = None
    if accepts and lead.stage == Stage.MQL and lead.closed_at is None:
        accepted = services.accept(lead.pk, user=user, now=now).event_id
        lead.refresh_from_db(fields=["stage", "owner", "pool"])
    activity_id = touches.record_ours(
        lead.person_id, type=TOUCHES[medium], payload={"outcome": outcome}, occurred_at=now, now=now
    )
    attempt = Attempt.objects.create(
        lead=lead,
        rep=rep_of(user),
        actor_id=user.pk,
        medium=medium,
        outcome=outcome,
        occurred_at=now,
        activity_id=activity_id,
        accepted_id=accepted,
        note=write_note(lead=lead, author=user, text=text) if text.strip() else None,
    )
    _do_what_is_due(attempt, task_id=task_id, now=now)
    if next_at is not None:
        set_next(lead, at=next_at, cause=_cause(attempt), actor_id=user.pk, now=now)
    clocks.follow(touches=[activity_id], now=now)
    return attempt


@transaction.atomic
def take_back(attempt_id: int, *, user: Any, now: datetime) -> Done:
    """Take an attempt back within ten minutes: its touch, its note, its next date, what it did, its acceptance.

    By whoever logged it, or a manager. Raises Refused where the lead has moved since; NotAllowed.
    """
    found = Attempt.objects.filter(pk=attempt_id).values_list("lead", flat=True).first()
    if found is None:
        raise Refused("There is no such call to take back.")
    lead = locked(found)
    attempt = Attempt.objects.select_related("note").get(pk=attempt_id)
    require_doer(attempt.actor_id, user, did="logged this")
    said = Done(lead_id=lead.pk, sentence=f"Taken back: {lead.person} is as before.")
    if attempt.taken_back_at is not None:
        return said
    refuse_if_late(attempt.occurred_at, now=now)
    if attempt.accepted_id is not None:
        services.undo(attempt.accepted_id, user=user, now=now)
    cause, back = _cause(attempt), f"undo:{_cause(attempt)}"
    work.close(work.made_by(cause), state=DROPPED, cause=back, actor_id=user.pk, now=now)
    work.reopen(work.closed_by(cause), cause=back, actor_id=user.pk, now=now)
    touches.take_back([attempt.activity_id], now=now)
    note, attempt.note, attempt.taken_back_at = attempt.note, None, now
    attempt.save(update_fields=["note", "taken_back_at"])
    if note is not None:
        note.delete()
    if (last := last_event(lead)) is not None:
        clocks.follow([last.pk], now=now)  # what the touch had stopped runs again
    return said


# --- Their parts ----------------------------------------------------------------------------------


def _do_what_is_due(attempt: Attempt, *, task_id: int | None, now: datetime) -> None:
    """An answer that waits, the next date if it is due today, and a step: the one that it was for, else the earliest
    that is to be made this way.
    """
    due = Task.objects.filter(lead=attempt.lead_id, state=Task.State.OPEN).order_by("shown_at", "pk")
    until = end_of_day(now)
    done: dict[str, int] = {}
    for task in sorted(due, key=lambda one: one.pk != task_id):
        if task.pk == task_id:
            done[task.kind] = task.pk
        elif task.kind == Task.Kind.REPLY or (task.shown_at <= until and task.medium in ("", attempt.medium)):
            done.setdefault(task.kind, task.pk)
    work.close(list(done.values()), state=DONE, cause=_cause(attempt), actor_id=attempt.actor_id, now=now)


def _cause(attempt: Attempt) -> str:
    return f"attempt:{attempt.pk}"


def _just_now(lead: Lead, user: Any, medium: str, outcome: str, *, now: datetime) -> Attempt | None:
    """The latest attempt, if it is this very one."""
    last = Attempt.objects.filter(lead=lead).order_by("-id").first()
    if last is None or last.taken_back_at is not None or last.actor_id != user.pk:
        return None
    same = (last.medium, last.outcome) == (medium, outcome) and now - last.occurred_at < SAME
    return last if same else None


def _logged(attempt: Attempt, lead: Lead, *, next_at: datetime | None, now: datetime) -> Done:
    what = attempt.get_medium_display()
    if attempt.medium == Medium.CALL:
        what = f"Call, {attempt.get_outcome_display().lower()}"
    more = " Accepted with it." if attempt.accepted_id else ""
    more += f" Next: {moment(next_at, now=now)}." if next_at else ""
    return Done(
        lead_id=lead.pk,
        attempt_id=attempt.pk,
        undo_until=attempt.occurred_at + UNDO,
        sentence=f"Logged for {lead.person}: {what}.{more}",
    )
