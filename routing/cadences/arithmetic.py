"""The arithmetic of cadences: when steps are due, why a run stops, when the next touch is allowed. Pure.

Definition: domain.md 8.4.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from routing.hours.calendars import Hours, next_opening

MOST_DAYS_OFF: Final = 60  # a calendar that is closed for longer makes a step due on its own day


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many touches of ours within so many days."""

    most: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What may stop a run: moments at which something happened, None where it did not.

    reply_at, meeting_at: the first since the start; steps_left: that are still to be made.
    """

    started_at: datetime
    reply_at: datetime | None = None
    meeting_at: datetime | None = None
    left_at: datetime | None = None
    moved_at: datetime | None = None
    opted_out: bool = False
    steps_left: int = 1
    stop_on_reply: bool = True
    stop_on_meeting: bool = True


def due_times(days: Sequence[int], start: datetime, hours: Hours | None) -> list[datetime]:
    """When steps on these days after the start are due: by the end of that day's hours.

    A day that is not worked goes on to the next one that is; a start after hours counts from the next opening. Without
    a calendar every day has 24 hours.
    """
    if hours is None:
        return [start + timedelta(days=day) for day in days]
    begins = next_opening(hours, start)
    first = begins.astimezone(hours.zone).date()
    return [_end_of(hours, first + timedelta(days=day)) or begins + timedelta(days=day) for day in days]


def _end_of(hours: Hours, day: date) -> datetime | None:
    for number in range(MOST_DAYS_OFF):
        if spans := hours.spans(day + timedelta(days=number)):
            return spans[-1][1]
    return None


def why_stopped(known: Known) -> tuple[str, datetime | None] | None:
    """The cause for which a run stops (Enrolment.Stop) and when it came about; None while it goes on.

    The earliest counts. An opt-out has no moment of its own: it stops what nothing else has stopped.
    """
    causes: Mapping[str, datetime | None] = {
        "reply": known.reply_at if known.stop_on_reply else None,
        "meeting": known.meeting_at if known.stop_on_meeting else None,
        "left": known.left_at,
        "moved": known.moved_at,
    }
    since = [(at, cause) for cause, at in causes.items() if at is not None and at >= known.started_at]
    if since:
        at, cause = min(since)
        return cause, at
    if known.opted_out:
        return "opt_out", None
    return None if known.steps_left else ("finished", None)


def first_allowed(touches: Iterable[datetime], caps: Sequence[Cap], *, now: datetime) -> datetime:
    """The first moment from `now` on at which another touch stays within every cap. touches: all of ours so far."""
    past = sorted((at for at in touches if at <= now), reverse=True)
    allowed = now
    for cap in caps:
        if len(past) >= cap.most:
            allowed = max(allowed, past[cap.most - 1] + timedelta(days=cap.days))
    return allowed
