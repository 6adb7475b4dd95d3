"""Making clocks agree with their facts: when each began, stands still and ended, and which begin anew."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from routing.hours.calendars import Span
from routing.models import Clock, SlaPromise
from routing.sla.clock_facts import Known, read
from routing.sla.deadlines import Deadlines, apply_end, apply_moments, hours_of
from routing.sla.promises import RULES, Begun, Stop, hot_stop, resumed, taken_back, touch_cause
from routing.sla.terms import within
from routing.sla.writing import BREACHED, PAUSED, RESUMED, STARTED, STOPPED, Changes, next_at, write

HOT = SlaPromise.Kind.HOT.value


@dataclass(frozen=True, slots=True)
class Reconciled:
    """clocks: those there were before; started: how many are new."""

    clocks: list[Clock]
    started: int


@dataclass(frozen=True, slots=True)
class _Should:
    """What one clock should say. pauses: the spans that do not count, as far as it runs."""

    clock: Clock
    stop: Stop | None
    pauses: list[Span]
    known: Known

    @property
    def stored(self) -> list[list[str]]:
        return [[begins.isoformat(), ends.isoformat()] for begins, ends in self.pauses]

    @property
    def ends(self) -> bool:
        """Whether it is to end, or to have ended, another time than it did."""
        return self.clock.stopped_at != (self.stop.at if self.stop else None)

    @property
    def moves(self) -> bool:
        """Whether other spans count than those its times were reckoned with."""
        return self.stored != self.clock.pauses


def reconcile(
    lead_ids: Collection[int],
    *,
    now: datetime,
    heard: frozenset[str] = frozenset(),
    hands: Mapping[int, int] = MappingProxyType({}),
) -> Reconciled:
    """Make the clocks of these leads say what their facts say. The caller holds the leads' locks.

    heard: stage events and meetings that start clocks; any other beginning without a clock is history.
    hands: lead -> touch by which a hand was raised, heard of now.
    """
    known = read(lead_ids, hands=hands, now=now)
    heard |= {touch_cause(activity_id) for activity_id in hands.values()}
    changes = Changes()
    to_start: list[tuple[int, str, Begun]] = []
    should: list[_Should] = []
    for lead_id, one in known.items():
        for kind, begun in _begun(one).items():
            found, free = _of_kind(one, kind, begun, now=now)
            should += found
            to_start += [(lead_id, kind, fresh) for fresh in _fresh(one, kind, begun, free, heard=heard, now=now)]
    _agree_all(should, changes, now=now)
    _start(to_start, known, changes, now=now)
    write(changes, now=now)
    return Reconciled([clock for one in known.values() for clock in one.clocks], len(changes.new))


def _begun(one: Known) -> dict[str, list[Begun]]:
    """By kind, what was to be done about the lead and how it ended."""
    facts = one.facts
    found = {kind: rule(facts) for kind, rule in RULES.items()}
    since = {clock.cause: clock.started_at for clock in one.clocks if clock.kind == HOT} | one.hands
    found[HOT] = [
        Begun(cause, at, hot_stop(facts.raised[cause], at, facts.steps, facts.contacts.get((HOT, cause))))
        for cause, at in since.items()
    ]
    return found


def _of_kind(one: Known, kind: str, begun: Sequence[Begun], *, now: datetime) -> tuple[list[_Should], bool]:
    """What the lead's clocks of a kind should say, and whether none of them runs then.

    In order of their start; one that would run beside an earlier one is cancelled.
    """
    stops = {one.cause: one.stop for one in begun}
    earlier: Clock | None = None
    found = []
    for clock in one.clocks:
        if clock.kind != kind:
            continue
        known = clock.cause in stops
        stop = stops[clock.cause] if known else taken_back(clock.cause, one.facts, now=now)
        if stop is None and earlier is not None:
            stop = Stop(now, earlier.cause, cancelled=True) if clock.stopped_at is None else _as_it_is(clock)
        elif stop is None:
            earlier = clock
        pauses = within(one.pauses, clock.started_at, stop.at if stop else None)
        found.append(_Should(clock, stop, pauses, one))
    return found, earlier is None


def _as_it_is(clock: Clock) -> Stop:
    assert clock.stopped_at is not None
    return Stop(clock.stopped_at, clock.stopped_by, clock.cancelled)


def _fresh(
    one: Known, kind: str, begun: Sequence[Begun], free: bool, *, heard: frozenset[str], now: datetime
) -> list[Begun]:
    """What begins a clock of its own. free: none of the kind runs."""
    clocked = {clock.cause for clock in one.clocks if clock.kind == kind}
    fresh = []
    for found in begun:
        source = ":".join(found.cause.split(":")[:2])
        if found.cause in clocked or source not in heard or found.started_at > now:
            continue
        if found.stop is None:
            if not free:
                continue
            free = False
        fresh.append(found)
    return fresh


def _agree_all(should: Sequence[_Should], changes: Changes, *, now: datetime) -> None:
    """Bring each clock to its times and to its end, or let it run."""
    hours = hours_of([one.clock.calendar_id for one in should if one.moves or one.ends])
    for one in should:
        clock, before, moved, ends = one.clock, _says(one.clock), one.moves, one.ends
        if moved:
            apply_moments(clock, hours.get(clock.calendar_id or 0), one.pauses)
            clock.pauses = one.stored
        ended = clock.stopped_at is not None
        _agree(clock, one.stop, one, changes, now=now)
        if moved or ends:
            apply_end(clock, hours.get(clock.calendar_id or 0), one.pauses)
        _stand_still(clock, one.pauses, changes, moved=moved, now=now)
        clock.next_at = next_at(clock)
        if _says(clock) != before:
            (changes.running if clock.stopped_at is None and ended else changes.stopped).append(clock)


def _says(clock: Clock) -> tuple[object, ...]:
    return (
        clock.stopped_at, clock.stopped_by, clock.cancelled, clock.due_at, clock.warn_at, clock.paused_until,
        clock.next_at, clock.pauses,
    )  # fmt: skip


def _agree(clock: Clock, stop: Stop | None, one: _Should, changes: Changes, *, now: datetime) -> None:
    if stop is None:
        if clock.stopped_at is None:
            return
        at, cause = resumed(clock.stopped_by, one.known.facts.steps, now=now)
        clock.stopped_at, clock.stopped_by, clock.cancelled = None, "", False
        changes.say(clock, RESUMED, at, cause)
        return
    stop = _settled(stop, clock)
    if (clock.stopped_at, clock.stopped_by, clock.cancelled) == (stop.at, stop.cause, stop.cancelled):
        return
    if clock.cancelled and stop.cancelled:
        return  # it was called off before; a second reason changes nothing
    _stop(clock, stop, changes)


def _settled(stop: Stop, clock: Clock) -> Stop:
    """What is moot was called off, unless it was late by then."""
    return Stop(stop.at, stop.cause, cancelled=stop.cancelled or (stop.moot and stop.at <= clock.due_at))


def _stop(clock: Clock, stop: Stop, changes: Changes) -> None:
    clock.stopped_at, clock.stopped_by, clock.cancelled = stop.at, stop.cause, stop.cancelled
    changes.say(clock, STOPPED, stop.at, stop.cause)
    if stop.at > clock.due_at and not stop.cancelled:
        changes.say(clock, BREACHED, clock.due_at, "due")  # whether a sweep came by meanwhile or not


def _stand_still(clock: Clock, pauses: Sequence[Span], changes: Changes, *, moved: bool, now: datetime) -> None:
    """Let the clock stand still while a pause lasts, and say when it began to and when it ran again."""
    before = clock.paused_until
    here = next(((begins, ends) for begins, ends in pauses if begins <= now < ends), None)
    clock.paused_until = here[1] if here and clock.stopped_at is None else None
    if clock.paused_until == before and not moved:
        return
    for begins, ends in pauses:
        if begins <= now:
            changes.say(clock, PAUSED, begins, f"pause:{begins.timestamp():.0f}")
        if ends <= now:
            changes.say(clock, RESUMED, ends, f"pause:{begins.timestamp():.0f}:{ends.timestamp():.0f}")


def _start(
    to_start: Sequence[tuple[int, str, Begun]], known: Mapping[int, Known], changes: Changes, *, now: datetime
) -> None:
    """Make a clock of each beginning (lead, kind, what began) of whose kind something is promised."""
    deadlines = Deadlines.read({lead_id for lead_id, _kind, _begun in to_start})
    for lead_id, kind, begun in to_start:
        clock = deadlines.clock(lead_id, kind, cause=begun.cause, started_at=begun.started_at)
        if clock is None:
            continue
        changes.new.append(clock)
        changes.say(clock, STARTED, clock.started_at, clock.cause)
        one = known[lead_id]
        pauses = within(one.pauses, begun.started_at, begun.stop.at if begun.stop else None)
        should = _Should(clock, begun.stop, pauses, one)
        moved = should.moves
        if moved:
            apply_moments(clock, deadlines.hours.get(clock.calendar_id or 0), pauses)
            clock.pauses = should.stored
        if begun.stop is not None:
            _stop(clock, _settled(begun.stop, clock), changes)
            apply_end(clock, deadlines.hours.get(clock.calendar_id or 0), pauses)
        _stand_still(clock, pauses, changes, moved=moved, now=now)
        clock.next_at = next_at(clock)
