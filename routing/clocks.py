"""The clocks of promises: made to agree with what happened, and looked at when a warning or an end is due.

`follow` is told what moved, `start_hot` who raised a hand, `sweep` that time has passed; all three make the clocks say
what the standing events and touches say (promises.py). Whether a promise was kept is `stopped_at <= due_at`, whenever
somebody looked. Locks: leads in id order; clocks change under the lock of their lead only.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from django.db import connection, transaction

from funnel import staging
from funnel.models import Activity
from funnel.path import Step
from routing import notices
from routing.deadlines import Deadlines
from routing.models import Clock, ClockEvent, Notice, SlaPolicy
from routing.notices import Tell
from routing.promises import Contact, Stop, Wait, accept_stop, hot_stop, resumed, touch_cause, waits

ACCEPT, HOT = SlaPolicy.Kind.ACCEPT.value, SlaPolicy.Kind.HOT.value
STARTED, WARNED, BREACHED, STOPPED, RESUMED = (kind.value for kind in ClockEvent.Kind)


class RaisedHand(Protocol):
    """A fast-track touch about a lead (scoring.qualifying.ReRaise)."""

    @property
    def lead_id(self) -> int: ...

    @property
    def activity_id(self) -> int: ...


@dataclass(slots=True)
class _Known:
    """One lead's clocks and what they follow from."""

    steps: list[Step] = field(default_factory=list)
    clocks: list[Clock] = field(default_factory=list)
    raised: dict[str, Contact] = field(default_factory=dict)  # by the cause of the clock
    contacts: dict[str, Contact] = field(default_factory=dict)


@dataclass(slots=True)
class _Changes:
    """What has to be written: clocks by what becomes of them, and the facts about them."""

    stopped: list[Clock] = field(default_factory=list)
    running: list[Clock] = field(default_factory=list)
    new: list[Clock] = field(default_factory=list)
    events: list[ClockEvent] = field(default_factory=list)

    def say(self, clock: Clock, kind: str, at: datetime, cause: str) -> None:
        self.events.append(ClockEvent(clock=clock, kind=kind, occurred_at=at, cause=cause))


# --- what others call -----------------------------------------------------------------------------


@transaction.atomic
def follow(event_ids: Collection[int], *, now: datetime) -> None:
    """Bring the clocks of these stage events' leads in line. An entry into MQL among them starts an accept clock.

    Idempotent, in any order; the same constant number of statements for one event and a thousand.
    """
    if not event_ids:
        return
    lead_ids = _ids("SELECT DISTINCT lead_id FROM funnel_stageevent WHERE id = ANY(%s)", event_ids)
    _lock(lead_ids)
    _reconcile(lead_ids, now=now, starting=frozenset(event_ids))


@transaction.atomic
def follow_touches(activity_ids: Collection[int], *, now: datetime) -> None:
    """Stop the clocks of raised hands whom one of us has touched by one of these."""
    if not activity_ids:
        return
    lead_ids = _ids(
        """
        SELECT DISTINCT c.lead_id FROM funnel_activity t
        JOIN funnel_lead l ON l.person_id = t.person_id
        JOIN routing_clock c ON c.lead_id = l.id AND c.kind = 'hot' AND c.stopped_at IS NULL
        WHERE t.id = ANY(%s) AND t.direction = 'out' AND NOT t.automatic
        """,
        activity_ids,
    )
    if lead_ids:
        _lock(lead_ids)
        _reconcile(lead_ids, now=now)


@transaction.atomic
def start_hot(raised: Iterable[RaisedHand], *, now: datetime) -> None:
    """Start the clock of each hand that was raised, from when we learnt of it, and tell the owner once.

    A lead has one such clock at a time: a second raised hand does not prolong the first one's.
    """
    hands = {hand.lead_id: hand.activity_id for hand in sorted(raised, key=lambda h: h.activity_id, reverse=True)}
    if not hands:
        return
    _lock(hands)
    _reconcile(hands, now=now)
    _start_hot(hands, now=now)
    _reconcile(hands, now=now)  # it may be answered already
    cause_of = {lead_id: touch_cause(activity_id) for lead_id, activity_id in hands.items()}
    notices.tell_owners(hands, kind=Notice.Kind.HOT, now=now, causes=cause_of, urgent=True)


@transaction.atomic
def sweep(*, now: datetime, limit: int) -> int:
    """Look at clocks that have a warning or an end due, the most overdue first. Returns how many.

    Leads that somebody is acting on are left to the next sweep. What stopped in time is met, however late we look.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [now, limit])
        due = cursor.fetchall()
    if not due:
        return 0
    clocks = _reconcile({lead_id for _pk, lead_id in due}, now=now)
    looked_at = {pk for pk, _lead_id in due}
    _ring([clock for clock in clocks if clock.pk in looked_at], now=now)
    return len(due)


def may_cool(lead_ids: Collection[int]) -> list[int]:
    """Which of these leads no accept clock holds. One that runs, or ran out unanswered, keeps its lead an MQL."""
    held = Clock.objects.filter(lead__in=lead_ids, kind=ACCEPT, stopped_at=None).values_list("lead", flat=True)
    return sorted(set(lead_ids) - set(held))


# --- reading --------------------------------------------------------------------------------------

_DUE: Final = """
SELECT c.id, c.lead_id FROM routing_clock c JOIN funnel_lead l ON l.id = c.lead_id
WHERE c.next_at <= %s ORDER BY c.next_at, c.id LIMIT %s FOR NO KEY UPDATE OF c, l SKIP LOCKED
"""
_STEPS: Final = """
SELECT lead_id, kind, to_stage, occurred_at, id, supersedes_id, reason_id FROM funnel_stageevent
WHERE lead_id = ANY(%s) ORDER BY lead_id, occurred_at, id
"""
# The touch that raised the hand, and the first answer of one of us: what a hot clock follows from.
_TOUCHES: Final = """
SELECT c.lead_id, c.cause, raised.id, raised.occurred_at, raised.voided_at, answer.id, answer.occurred_at
FROM routing_clock c
JOIN funnel_lead l ON l.id = c.lead_id
JOIN funnel_activity raised ON raised.id = split_part(c.cause, ':', 2)::bigint
LEFT JOIN LATERAL (
    SELECT t.id, t.occurred_at FROM funnel_activity t
    WHERE t.person_id = l.person_id AND t.direction = 'out' AND NOT t.automatic AND t.voided_at IS NULL
      AND t.occurred_at >= c.started_at
    ORDER BY t.occurred_at, t.id LIMIT 1
) answer ON true
WHERE c.lead_id = ANY(%s) AND c.kind = 'hot'
"""


def _ids(sql: str, ids: Collection[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(ids)])
        return [row[0] for row in cursor.fetchall()]


def _lock(lead_ids: Collection[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM funnel_lead WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(lead_ids)])


def _read(lead_ids: Collection[int]) -> dict[int, _Known]:
    known: dict[int, _Known] = defaultdict(_Known)
    for clock in Clock.objects.filter(lead__in=lead_ids).order_by("started_at", "pk"):
        known[clock.lead_id].clocks.append(clock)
    with connection.cursor() as cursor:
        cursor.execute(_STEPS, [list(lead_ids)])
        for lead_id, *step in cursor.fetchall():
            known[lead_id].steps.append(Step(*step))
        hot = [lead_id for lead_id, one in known.items() if any(clock.kind == HOT for clock in one.clocks)]
        cursor.execute(_TOUCHES, [hot])
        for lead_id, cause, raised, raised_at, voided_at, answer, answered_at in cursor.fetchall():
            known[lead_id].raised[cause] = Contact(raised, raised_at, voided_at)
            if answer is not None:
                known[lead_id].contacts[cause] = Contact(answer, answered_at)
    return known


# --- making them agree ----------------------------------------------------------------------------


def _reconcile(lead_ids: Collection[int], *, now: datetime, starting: frozenset[int] = frozenset()) -> list[Clock]:
    """Make the clocks of these leads say what their events and touches say. The caller holds the leads' locks.

    starting: events that start a clock if they are entries into MQL; any other entry without one is history. Returns
    the clocks there were before.
    """
    changes = _Changes()
    to_start: list[tuple[int, Wait]] = []
    known = _read(lead_ids)
    for lead_id, one in known.items():
        found = waits(one.steps)
        _follow_accept(one, found, changes, now=now)
        _follow_hot(one, changes, now=now)
        clocked = {clock.cause for clock in one.clocks}
        to_start += [
            (lead_id, wait)
            for wait in found
            if wait.event_id in starting and f"stage_event:{wait.event_id}" not in clocked
        ]
    _start_accept(to_start, changes)
    _write(changes, now=now)
    return [clock for one in known.values() for clock in one.clocks]


def _follow_accept(one: _Known, found: Sequence[Wait], changes: _Changes, *, now: datetime) -> None:
    for clock in one.clocks:
        if clock.kind == ACCEPT:
            event_id = int(clock.cause.partition(":")[2])
            _agree(clock, accept_stop(event_id, one.steps, found), one, changes, now=now)


def _follow_hot(one: _Known, changes: _Changes, *, now: datetime) -> None:
    """Hot clocks in order of their start; one that would run beside an earlier one is cancelled."""
    earlier: Clock | None = None
    for clock in one.clocks:
        if clock.kind != HOT:
            continue
        stop = hot_stop(one.raised[clock.cause], clock.started_at, one.steps, one.contacts.get(clock.cause))
        if stop is None and earlier is not None:
            stop = Stop(now, earlier.cause, cancelled=True) if clock.stopped_at is None else _as_it_is(clock)
        elif stop is None:
            earlier = clock
        _agree(clock, stop, one, changes, now=now)


def _as_it_is(clock: Clock) -> Stop:
    assert clock.stopped_at is not None
    return Stop(clock.stopped_at, clock.stopped_by, clock.cancelled)


def _agree(clock: Clock, stop: Stop | None, one: _Known, changes: _Changes, *, now: datetime) -> None:
    """Bring one clock to this stop, or let it run."""
    if stop is None:
        if clock.stopped_at is None:
            return
        at, cause = resumed(clock.stopped_by, one.steps, now=now)
        clock.stopped_at, clock.stopped_by, clock.cancelled = None, "", False
        changes.running.append(clock)
        changes.say(clock, RESUMED, at, cause)
    elif (clock.stopped_at, clock.stopped_by, clock.cancelled) != (stop.at, stop.cause, stop.cancelled):
        if clock.cancelled and stop.cancelled:
            return  # it was called off before; a second reason changes nothing
        _stop(clock, stop, changes)
        changes.stopped.append(clock)
    clock.next_at = _next_at(clock)


def _stop(clock: Clock, stop: Stop, changes: _Changes) -> None:
    clock.stopped_at, clock.stopped_by, clock.cancelled = stop.at, stop.cause, stop.cancelled
    changes.say(clock, STOPPED, stop.at, stop.cause)
    if stop.at > clock.due_at and not stop.cancelled:
        changes.say(clock, BREACHED, clock.due_at, "due")  # whether a sweep came by meanwhile or not


def _next_at(clock: Clock) -> datetime | None:
    """When a running clock has something to tell next."""
    if clock.stopped_at is not None or clock.breach_told:
        return None
    return clock.due_at if clock.warned else clock.warn_at


def _start_accept(to_start: Sequence[tuple[int, Wait]], changes: _Changes) -> None:
    deadlines = Deadlines.read(ACCEPT, [lead_id for lead_id, _wait in to_start])
    for lead_id, wait in to_start:
        clock = deadlines.clock(lead_id, cause=f"stage_event:{wait.event_id}", started_at=wait.started_at)
        if clock is None:
            continue
        changes.new.append(clock)
        changes.say(clock, STARTED, clock.started_at, clock.cause)
        if wait.stop is not None:
            _stop(clock, wait.stop, changes)
        clock.next_at = _next_at(clock)


def _start_hot(hands: Mapping[int, int], *, now: datetime) -> None:
    """Start a clock for those that have none running and none of this cause."""
    taken = set(Clock.objects.filter(lead__in=hands, kind=HOT, stopped_at=None).values_list("lead", flat=True))
    causes = {lead_id: touch_cause(activity_id) for lead_id, activity_id in hands.items()}
    again = set(Clock.objects.filter(lead__in=hands, kind=HOT, cause__in=causes.values()).values_list("lead", "cause"))
    free = [lead_id for lead_id in sorted(hands) if lead_id not in taken and (lead_id, causes[lead_id]) not in again]
    learnt = dict(Activity.objects.filter(pk__in=hands.values()).values_list("pk", "recorded_at"))
    deadlines = Deadlines.read(HOT, free)
    changes = _Changes()
    for lead_id in free:
        started_at = min(learnt[hands[lead_id]], now)
        clock = deadlines.clock(lead_id, cause=causes[lead_id], started_at=started_at)
        if clock is not None:
            changes.new.append(clock)
            changes.say(clock, STARTED, clock.started_at, clock.cause)
            clock.next_at = _next_at(clock)
    _write(changes, now=now)


# --- writing --------------------------------------------------------------------------------------

_CHANGED: Final = ("stopped_at", "stopped_by", "cancelled", "warned", "breach_told", "next_at")


def _write(changes: _Changes, *, now: datetime) -> None:
    """Stops before what runs again and what is new: a lead has one running clock of a kind at a time."""
    for clocks in (changes.stopped, changes.running):
        _update(clocks)
    for clock, pk in zip(changes.new, staging.new_ids(Clock, len(changes.new)), strict=True):
        clock.pk = pk
    staging.insert(Clock, [_row(clock) for clock in changes.new])
    _append(changes.events, now=now)


def _update(clocks: Sequence[Clock]) -> None:
    staging.update(Clock, {clock.pk: {name: getattr(clock, name) for name in _CHANGED} for clock in clocks})


def _row(clock: Clock) -> dict[str, Any]:
    names = ("id", "lead_id", "kind", "cause", "calendar_id", "started_at", "warn_at", "due_at", *_CHANGED)
    return {name: getattr(clock, name) for name in names}


def _append(events: Sequence[ClockEvent], *, now: datetime) -> None:
    """The facts that are not there yet; one a clock, kind and cause."""
    if not events:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO routing_clockevent (clock_id, kind, occurred_at, recorded_at, cause)
            SELECT clock_id, kind, occurred_at, %s, cause
            FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::text[]) n (clock_id, kind, occurred_at, cause)
            ON CONFLICT (clock_id, kind, cause) DO NOTHING
            """,
            [
                now,
                [event.clock.pk for event in events],
                [event.kind for event in events],
                [event.occurred_at for event in events],
                [event.cause for event in events],
            ],
        )


# --- telling --------------------------------------------------------------------------------------


def _ring(clocks: Sequence[Clock], *, now: datetime) -> None:
    """Of those that run, warn the owner, or tell owner and managers that time ran out; once each."""
    changes = _Changes()
    running = [clock for clock in clocks if clock.stopped_at is None]
    late = [clock for clock in running if clock.due_at <= now and not clock.breach_told]
    soon = [clock for clock in running if clock.warn_at <= now < clock.due_at and not clock.warned]
    for clock in late:
        clock.breach_told = True
        changes.say(clock, BREACHED, clock.due_at, "due")
    for clock in soon:
        clock.warned = True
        changes.say(clock, WARNED, clock.warn_at, "warn")
    for clock in clocks:
        clock.next_at = _next_at(clock)
    _update(clocks)
    _append(changes.events, now=now)
    _tell(late, soon, now=now)


def _tell(late: Sequence[Clock], soon: Sequence[Clock], *, now: datetime) -> None:
    owners = notices.users_of({clock.lead_id for clock in (*late, *soon)})
    managers = notices.managers() if late or soon else []
    tells: list[Tell] = []
    for kind, clocks in ((Notice.Kind.BREACHED, late), (Notice.Kind.WARNED, soon)):
        for clock in clocks:
            owner = owners.get(clock.lead_id)
            whom = {owner} if owner else set()
            if kind == Notice.Kind.BREACHED or not owner:
                whom |= set(managers)
            tells += notices.tell_each(
                sorted(whom), kind=kind, cause=f"clock:{clock.pk}", lead_id=clock.lead_id, data={"clock": clock.pk}
            )
    notices.tell(tells, now=now)
