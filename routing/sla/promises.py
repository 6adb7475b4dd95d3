"""When promises about a lead began and ended, from its standing events, touches and meetings. Pure: no database.

Clocks are reconciled, not commanded: whatever order facts became known in, and however often one looks, the same facts
give the same clocks. Definitions: domain.md 8.3. A further kind of clock is one more function in `RULES` and a kind of
`SlaPromise`; facts that it needs beside these are read in clock_facts.py.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from funnel.path import EXITS, FORWARD, RANK, Exit, Kind, Stage, State, Step, advance, fold, standing

_STARTS = frozenset({Kind.ADVANCE, Kind.REGRESS, Kind.REOPEN})


@dataclass(frozen=True, slots=True)
class Stop:
    """When a promise ended and by what. cancelled: nobody had to keep it any more.

    moot: it ended without having been kept, because nothing was left to do: cancelled, unless it was late by then.
    """

    at: datetime
    cause: str
    cancelled: bool = False
    moot: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """A time in which something was to be done. stop is None meanwhile."""

    cause: str
    started_at: datetime
    stop: Stop | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A touch towards the person by one of us; a raised hand has a `voided_at` when it was taken back."""

    activity_id: int
    at: datetime
    voided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Appointment:
    """A meeting. outcome: blank while nobody has said how it went."""

    meeting_id: int
    booked_at: datetime
    starts_at: datetime
    outcome: str = ""
    outcome_at: datetime | None = None

    @property
    def cause(self) -> str:
        """As a promise about its outcome names it; one that is moved to another time is another promise."""
        return f"meeting:{self.meeting_id}:{int(self.starts_at.timestamp())}"

    @property
    def held_cause(self) -> str:
        """As what follows from its having been held names it."""
        assert self.outcome_at is not None
        return f"meeting:{self.meeting_id}:{int(self.outcome_at.timestamp())}"


@dataclass(frozen=True, slots=True)
class Offered:
    """An SQL that was handed to an account executive. answered_at: taken over or returned."""

    hand_off_id: int
    offered_at: datetime
    answered_at: datetime | None = None
    withdrawn_at: datetime | None = None


@dataclass(slots=True)
class Facts:
    """What the clocks of one lead follow from. raised, contacts: by the cause of the clock whose they are."""

    steps: list[Step] = field(default_factory=list)
    meetings: list[Appointment] = field(default_factory=list)
    hand_offs: list[Offered] = field(default_factory=list)
    raised: dict[str, Contact] = field(default_factory=dict)
    contacts: dict[tuple[str, str], Contact] = field(default_factory=dict)  # the first of us since (kind, cause)


def event_cause(event_id: int | None) -> str:
    return f"stage_event:{event_id}"


def touch_cause(activity_id: int) -> str:
    return f"activity:{activity_id}"


# --- times at a stage -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Stay:
    """A time at a stage, from the event that brought the lead there to the step that took it away."""

    event_id: int
    began_at: datetime
    left: Step | None = None


def _stays(steps: Iterable[Step], stage: str) -> list[_Stay]:
    """The times at a stage, in order. A lead that only passed through it, or was put there by a correction, did not
    begin to wait there.
    """
    found: list[_Stay] = []
    state, staying, was_there = State(), False, False
    for step in standing(steps):
        advance(state, step)
        there = state.is_open and state.stage == stage
        if staying and not there:
            found[-1] = _Stay(found[-1].event_id, found[-1].began_at, step)
            staying = False
        elif there and not was_there and step.kind in _STARTS and step.id is not None:
            found.append(_Stay(step.id, step.occurred_at))
            staying = True
        was_there = there
    return found


def _stop(step: Step, *, moot: bool = False) -> Stop:
    return Stop(step.occurred_at, event_cause(step.id), cancelled=step.kind == Kind.MERGED, moot=moot)


# --- each kind ------------------------------------------------------------------------------------


def accepts(facts: Facts) -> list[Begun]:
    """From each entry into MQL until it is accepted, rejected, recycled or moved back."""
    return [
        Begun(event_cause(stay.event_id), stay.began_at, _stop(stay.left) if stay.left else None)
        for stay in _stays(facts.steps, Stage.MQL)
    ]


def workings(facts: Facts) -> list[Begun]:
    """From each entry into SAL until the lead is an SQL, or leaves the path. Moved back, nothing is left to do."""
    return [
        Begun(
            event_cause(stay.event_id),
            stay.began_at,
            _stop(stay.left, moot=stay.left.kind == Kind.REGRESS) if stay.left else None,
        )
        for stay in _stays(facts.steps, Stage.SAL)
    ]


def follow_ups(facts: Facts) -> list[Begun]:
    """From each entry into SAL until one of us has contacted the person, booked a meeting, or moved the lead on."""
    found = []
    for stay in _stays(facts.steps, Stage.SAL):
        cause, stops = event_cause(stay.event_id), []
        if stay.left is not None:
            stops.append(_stop(stay.left, moot=stay.left.kind not in FORWARD))
        if contact := facts.contacts.get(("follow_up", cause)):
            stops.append(Stop(contact.at, touch_cause(contact.activity_id)))
        stops += [
            Stop(meeting.booked_at, f"meeting:{meeting.meeting_id}")
            for meeting in facts.meetings
            if meeting.booked_at >= stay.began_at
        ]
        found.append(Begun(cause, stay.began_at, _first(stops)))
    return found


def outcomes(facts: Facts) -> list[Begun]:
    """From each meeting's time, or from when it was entered afterwards, until somebody says how it went. One that was
    called off before, or whose lead had left by then, is none.
    """
    found = []
    steps = standing(facts.steps)
    for meeting in facts.meetings:
        at = max(meeting.starts_at, meeting.booked_at)
        called_off = meeting.outcome_at is not None and meeting.outcome_at < at
        if called_off or not fold(step for step in steps if step.occurred_at <= at).is_open:
            continue
        stops = [_stop(step, moot=True) for step in steps if step.kind in EXITS and step.occurred_at > at]
        if meeting.outcome_at is not None:
            stops.append(Stop(meeting.outcome_at, f"meeting:{meeting.meeting_id}"))
        found.append(Begun(meeting.cause, at, _first(stops)))
    return found


def decisions(facts: Facts) -> list[Begun]:
    """From a meeting that was held until there is an opportunity or the lead leaves. One that lies behind an undecided
    one, or behind the opportunity, asks for nothing more.
    """
    steps = standing(facts.steps)
    held = [meeting for meeting in facts.meetings if meeting.outcome == "held" and meeting.outcome_at is not None]
    found: list[Begun] = []
    for meeting in sorted(held, key=lambda one: (one.outcome_at, one.meeting_id)):
        at = meeting.outcome_at
        assert at is not None
        before = fold(step for step in steps if step.occurred_at <= at)
        pending = found and (found[-1].stop is None or found[-1].stop.at > at)
        if pending or not before.is_open or RANK[before.stage] >= RANK[Stage.OPPORTUNITY]:
            continue
        stops = [
            _stop(step, moot=step.kind == Kind.REGRESS)
            for step in steps
            if step.occurred_at > at and (_ends_deciding(step) or step.kind == Kind.REGRESS)
        ]
        found.append(Begun(meeting.held_cause, at, _first(stops)))
    return found


def _ends_deciding(step: Step) -> bool:
    return step.kind in EXITS or (step.kind in FORWARD and RANK[step.to_stage] >= RANK[Stage.OPPORTUNITY])


def take_overs(facts: Facts) -> list[Begun]:
    """From each hand-off of an SQL until the account executive has taken it over or returned it."""
    found = []
    steps = standing(facts.steps)
    for offered in facts.hand_offs:
        cause = f"hand_off:{offered.hand_off_id}"
        stops = [
            _stop(step, moot=True) for step in steps if step.kind in EXITS and step.occurred_at > offered.offered_at
        ]
        if offered.answered_at is not None:
            stops.append(Stop(offered.answered_at, cause))
        if offered.withdrawn_at is not None:
            stops.append(Stop(offered.withdrawn_at, cause, moot=True))
        found.append(Begun(cause, offered.offered_at, _first(stops)))
    return found


def _first(stops: Sequence[Stop]) -> Stop | None:
    """The earliest; of one instant the one that kept the promise."""
    return min(stops, key=lambda stop: (stop.at, stop.moot, stop.cancelled, stop.cause), default=None)


# Every kind whose beginnings follow from the facts; raised hands begin when we learn of them (clocks.follow).
RULES: Final[Mapping[str, Callable[[Facts], list[Begun]]]] = {
    "accept": accepts,
    "follow_up": follow_ups,
    "working": workings,
    "outcome": outcomes,
    "decision": decisions,
    "take_over": take_overs,
}


# --- what became of one ---------------------------------------------------------------------------


def taken_back(cause: str, facts: Facts, *, now: datetime) -> Stop:
    """How a clock ends whose cause no longer counts: by the void of it, else by the latest thing that became known."""
    kind, _colon, number = cause.partition(":")
    if kind != "stage_event" or not facts.steps:
        return Stop(now, cause, cancelled=True)
    void = next((step for step in facts.steps if str(step.supersedes) == number), None)
    by = void or max(facts.steps, key=lambda step: step.id or 0)
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
