"""What people do with the dates of a lead: plan the next one, finish, skip or put off what is due, take it back."""

from datetime import datetime, time, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from funnel.models import Lead
from funnel.notes import write_note
from routing.acts.doing import UNDO, Done, Invalid, Refused, locked, moment, refuse_if_late, require_doer, to_work
from routing.day import work
from routing.day.work import DONE, DROPPED, SKIPPED, Wanted
from routing.models import Task, TaskEvent

FARTHEST: Final = timedelta(days=730)


@transaction.atomic
def plan(lead_id: int, *, next_at: datetime | None, text: str = "", user: Any, now: datetime) -> Done:
    """Set or clear the next date of an open lead, with a note or without. Raises Invalid, Refused, NotAllowed."""
    lead = to_work(lead_id, user=user, deed="plan leads", now=now)
    refuse_unless_ahead(next_at, now=now)
    if text.strip():
        write_note(lead=lead, author=user, text=text)
    before = Task.objects.filter(lead=lead, kind=Task.Kind.NEXT, state=Task.State.OPEN).first()
    if (before.shown_at if before else None) == next_at:
        said = f"Noted for {lead.person}." if text.strip() else _planned(lead, next_at, now=now)
        return Done(lead_id=lead.pk, sentence=said, stays=True)
    cause = _cause(user, "plan", now)
    if next_at is not None:
        set_next(lead, at=next_at, cause=cause, actor_id=user.pk, now=now)
    elif before is not None:
        work.close([before.pk], state=DROPPED, cause=cause, actor_id=user.pk, now=now)
    return _done(lead, _planned(lead, next_at, now=now), cause=cause, now=now, stays=True)


@transaction.atomic
def finish(task_id: int, *, skipped: bool = False, user: Any, now: datetime) -> Done:
    """Say that a task is done, or skipped. Raises Refused (somebody was faster), NotAllowed."""
    task, lead = _held(task_id, user, now=now)
    state, cause = SKIPPED if skipped else DONE, _cause(user, "finish", now)
    if task.state == state:
        return Done(lead_id=lead.pk, sentence=f"{_named(task, lead)}: {task.get_state_display().lower()}.")
    if not work.close([task.pk], state=state, cause=cause, actor_id=user.pk, now=now):
        raise Refused(f"{_named(task, lead)} is {task.get_state_display().lower()} already.")
    word = "skipped" if skipped else "done"
    return _done(lead, f"{_named(task, lead)}: {word}.", cause=cause, now=now)


@transaction.atomic
def put_off(task_id: int, *, until: datetime, user: Any, now: datetime) -> Done:
    """Let a task wait until then; when it was due at first stays known. Raises Invalid, Refused, NotAllowed."""
    task, lead = _held(task_id, user, now=now)
    refuse_unless_ahead(until, now=now, field="until")
    cause = _cause(user, "put-off", now)
    if not work.put_off({task.pk: until}, cause=cause, actor_id=user.pk, now=now):
        if task.state == Task.State.OPEN:
            return Done(lead_id=lead.pk, sentence=f"{_named(task, lead)} waits until {moment(until, now=now)}.")
        raise Refused(f"{_named(task, lead)} is {task.get_state_display().lower()} already.")
    return _done(lead, f"{_named(task, lead)} waits until {moment(until, now=now)}.", cause=cause, now=now)


@transaction.atomic
def take_back(lead_id: int, *, cause: str, user: Any, now: datetime) -> Done:
    """Take one of these acts back within ten minutes. cause: as it was answered. Raises Refused, NotAllowed."""
    lead = locked(lead_id)
    require_doer(_actor_of(cause), user)
    events = list(TaskEvent.objects.filter(task__lead=lead, cause=cause))
    if not events:
        raise Refused("There is nothing of this kind to take back.")
    refuse_if_late(min(event.occurred_at for event in events), now=now)
    back, who = f"undo:{cause}", user.pk
    work.close([e.task_id for e in events if e.kind == "made"], state=DROPPED, cause=back, actor_id=who, now=now)
    closed = [event.task_id for event in events if event.kind in (DONE, SKIPPED, DROPPED)]
    work.reopen(closed, cause=back, actor_id=who, now=now)
    before = {event.task_id: event.before for event in events if event.before is not None}
    work.put_off(before, cause=back, actor_id=who, now=now)
    return Done(lead_id=lead.pk, sentence=f"Taken back: {lead.person} is as before.", stays=True)


# --- What other acts of this kind share -----------------------------------------------------------


def refuse_unless_ahead(at: datetime | None, *, now: datetime, field: str = "next_at") -> None:
    """Raises Invalid for a date that lies behind or absurdly far ahead."""
    if at is not None and not now < at <= now + FARTHEST:
        raise Invalid(field, "The date lies ahead, at most two years from now.")


def set_next(lead: Lead, *, at: datetime, cause: str, actor_id: int, now: datetime) -> None:
    """The lead's next date; one that was there is no longer needed. The caller holds the lead's lock."""
    before = Task.objects.filter(lead=lead, kind=Task.Kind.NEXT, state=Task.State.OPEN)
    work.close(before.values_list("pk", flat=True), state=DROPPED, cause=cause, actor_id=actor_id, now=now)
    wanted = Wanted(lead_id=lead.pk, kind=Task.Kind.NEXT.value, due_at=at, cause=cause)
    work.make([wanted], actor_id=actor_id, now=now)


def end_of_day(now: datetime) -> datetime:
    """The last moment of the viewer's day."""
    return timezone.make_aware(datetime.combine(timezone.localdate(now), time.max))


# --- Their parts ----------------------------------------------------------------------------------


def _held(task_id: int, user: Any, *, now: datetime) -> tuple[Task, Lead]:
    """The task under the lock of its lead, which the user may work."""
    lead_id = Task.objects.filter(pk=task_id).values_list("lead", flat=True).first()
    if lead_id is None:
        raise Refused("There is no such task.")
    lead = to_work(lead_id, user=user, deed="work on tasks", now=now, closed=True)
    return Task.objects.get(pk=task_id), lead


def _cause(user: Any, act: str, now: datetime) -> str:
    """New each time: an act on a task is told apart by the moment at which it was done."""
    return f"user:{user.pk}:{act}:{now.timestamp():.6f}"


def _actor_of(cause: str) -> int | None:
    """Whose act a cause names; None: nobody's."""
    head, _colon, rest = cause.partition(":")
    who = rest.partition(":")[0]
    return int(who) if head == "user" and who.isascii() and who.isdigit() else None


def _named(task: Task, lead: Lead) -> str:
    return f"{task.title} of {lead.person}"


def _planned(lead: Lead, next_at: datetime | None, *, now: datetime) -> str:
    if next_at is None:
        return f"{lead.person} has no next date now."
    return f"{lead.person} comes up again: {moment(next_at, now=now)}."


def _done(lead: Lead, sentence: str, *, cause: str, now: datetime, stays: bool = False) -> Done:
    return Done(lead_id=lead.pk, sentence=sentence, work=cause, undo_until=now + UNDO, stays=stays)
