"""What the clocks of a lead should say, from its standing events and touches. Pure: no database.

Clocks are reconciled, not commanded: whatever order facts became known in, and however often one looks, the same facts
give the same clocks. Definitions: domain.md 8.3.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from funnel.path import EXITS, FORWARD, RANK, Exit, Kind, Stage, State, Step, advance, fold, standing

_STARTS = frozenset({Kind.ADVANCE, Kind.REGRESS, Kind.REOPEN})


@dataclass(frozen=True, slots=True)
class Stop:
    """When a promise ended and by what. cancelled: nobody had to keep it any more."""

    at: datetime
    cause: str
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """A time in which a lead waited for a decision, from an entry into MQL until it left; stop is None meanwhile."""

    event_id: int
    started_at: datetime
    stop: Stop | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A touch towards the person by one of us; a raised hand has a `voided_at` when it was taken back."""

    activity_id: int
    at: datetime
    voided_at: datetime | None = None


def event_cause(event_id: int | None) -> str:
    return f"stage_event:{event_id}"


def touch_cause(activity_id: int) -> str:
    return f"activity:{activity_id}"


def waits(steps: Iterable[Step]) -> list[Wait]:
    """The times in which a lead waited for accept or reject, in order. One that only passed through does not wait."""
    found: list[Wait] = []
    state, waiting, was_at_mql = State(), False, False
    for step in standing(steps):
        advance(state, step)
        at_mql = state.is_open and state.stage == Stage.MQL
        if waiting and not at_mql:
            last = found[-1]
            found[-1] = Wait(last.event_id, last.started_at, _stop(step))
            waiting = False
        elif at_mql and not was_at_mql and step.kind in _STARTS and step.id is not None:
            found.append(Wait(step.id, step.occurred_at))
            waiting = True
        was_at_mql = at_mql
    return found


def _stop(step: Step) -> Stop:
    return Stop(step.occurred_at, event_cause(step.id), cancelled=step.kind == Kind.MERGED)


def accept_stop(event_id: int, steps: Sequence[Step], known: Sequence[Wait]) -> Stop | None:
    """How the accept clock ends that this entry into MQL started; None while it runs.

    known: the waits of these steps. An entry that no longer counts (voided, corrected) cancels its clock.
    """
    for wait in known:
        if wait.event_id == event_id:
            return wait.stop
    return _taken_back(event_id, steps)


def _taken_back(event_id: int, steps: Sequence[Step]) -> Stop:
    """By the void of this event, else by the latest thing that became known."""
    void = next((step for step in steps if step.supersedes == event_id), None)
    by = void or max(steps, key=lambda step: step.id or 0)
    return Stop(by.occurred_at, event_cause(by.id), cancelled=True)


def hot_stop(raised: Contact, since: datetime, steps: Sequence[Step], contact: Contact | None) -> Stop | None:
    """How the clock of a raised hand ends: by a decision, the first contact, or because nothing is left to answer.

    since: when the clock began. contact: the first touch by one of us from then on.
    """
    if raised.voided_at is not None:
        return Stop(raised.voided_at, touch_cause(raised.activity_id), cancelled=True)
    stops = [_stop(step) for step in standing(steps) if step.occurred_at >= since and _decides(step)]
    if contact is not None:
        stops.append(Stop(contact.at, touch_cause(contact.activity_id)))
    if stops:
        return min(stops, key=lambda stop: stop.at)
    if steps and fold(steps).exit == Exit.VOID:
        last = max(steps, key=lambda step: step.id or 0)
        return Stop(last.occurred_at, event_cause(last.id), cancelled=True)
    return None


def _decides(step: Step) -> bool:
    """Accept, reject, recycle and whatever comes after them; becoming an MQL is no answer yet."""
    return step.kind in EXITS or (step.kind in FORWARD and RANK[step.to_stage] > RANK[Stage.MQL])


def resumed(stopped_by: str, steps: Sequence[Step], *, now: datetime) -> tuple[datetime, str]:
    """When and by what a clock runs again that this had stopped: by the void of it, else as was noticed now."""
    kind, _colon, number = stopped_by.partition(":")
    if kind == "stage_event":
        void = next((step for step in steps if str(step.supersedes) == number), None)
        by = void or max(steps, key=lambda step: step.id or 0)
        return by.occurred_at, event_cause(by.id)
    return now, stopped_by
