"""Writing clocks: what has changed about them, and the facts, each once. The callers hold the locks of their leads."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection

from funnel import staging
from routing.models import Clock, ClockEvent

STARTED, WARNED, BREACHED, STOPPED, RESUMED, PAUSED, REASSIGNED, EXPIRED, REAPPLIED = (
    kind.value for kind in ClockEvent.Kind
)
_CHANGED: Final = (
    "promise_id", "warn_at", "due_at", "reassign_at", "expires_at", "stopped_at", "stopped_by", "took", "cancelled",
    "warned", "breach_told", "reassign_done", "reassign_again_at", "expiry_done", "pauses", "paused_until", "next_at",
)  # fmt: skip


@dataclass(slots=True)
class Changes:
    """What has to be written: clocks by what becomes of them, and the facts about them."""

    stopped: list[Clock] = field(default_factory=list)
    running: list[Clock] = field(default_factory=list)
    new: list[Clock] = field(default_factory=list)
    events: list[ClockEvent] = field(default_factory=list)

    def say(self, clock: Clock, kind: str, at: datetime, cause: str, *, actor: Any = None, why: str = "") -> None:
        self.events.append(ClockEvent(clock=clock, kind=kind, occurred_at=at, cause=cause, actor=actor, why=why))


def next_at(clock: Clock) -> datetime | None:
    """When a running clock has something to tell or to do next."""
    if clock.stopped_at is not None:
        return None
    ahead = [clock.paused_until]
    if not clock.breach_told:
        ahead.append(clock.due_at if clock.warned else clock.warn_at)
    ahead.append(again_at(clock) if clock.reassign_done else clock.reassign_at)
    if not clock.expiry_done:
        ahead.append(clock.expires_at)
    return min((at for at in ahead if at is not None), default=None)


def again_at(clock: Clock) -> datetime | None:
    """When to try again to give the lead of a clock to somebody else: never before its rung, which may have moved, nor
    while it stands still. None: it is not to be tried again.
    """
    if clock.reassign_again_at is None or clock.reassign_at is None:
        return None
    return max(at for at in (clock.reassign_again_at, clock.reassign_at, clock.paused_until) if at is not None)


def write(changes: Changes, *, now: datetime) -> None:
    """Stops before what runs again and what is new: a lead has one running clock of a kind at a time."""
    for clocks in (changes.stopped, changes.running):
        update(clocks)
    for clock, pk in zip(changes.new, staging.new_ids(Clock, len(changes.new)), strict=True):
        clock.pk = pk
    staging.insert(Clock, [_row(clock) for clock in changes.new])
    append(changes.events, now=now)


def update(clocks: Sequence[Clock]) -> None:
    staging.update(Clock, {clock.pk: {name: _stored(clock, name) for name in _CHANGED} for clock in clocks})


def _row(clock: Clock) -> dict[str, Any]:
    names = ("id", "lead_id", "kind", "cause", "calendar_id", "started_at", *_CHANGED)
    return {name: _stored(clock, name) for name in names}


def _stored(clock: Clock, name: str) -> Any:
    return staging.as_json(clock.pauses) if name == "pauses" else getattr(clock, name)


def append(events: Sequence[ClockEvent], *, now: datetime) -> None:
    """The facts that are not there yet; one a clock, kind and cause."""
    if not events:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO routing_clockevent (clock_id, kind, occurred_at, recorded_at, cause, actor_id, why)
            SELECT clock_id, kind, occurred_at, %s, cause, actor_id, why
            FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::text[], %s::int[], %s::text[])
                n (clock_id, kind, occurred_at, cause, actor_id, why)
            ON CONFLICT (clock_id, kind, cause) DO NOTHING
            """,
            [
                now,
                [event.clock.pk for event in events],
                [event.kind for event in events],
                [event.occurred_at for event in events],
                [event.cause for event in events],
                [event.actor_id for event in events],
                [event.why for event in events],
            ],
        )
