"""The clocks of promises: made to agree with what happened, and looked at when a warning or an end is due.

`follow` is told what moved, `start_hot` who raised a hand, `sweep` that time has passed; all of them make the clocks
say what the standing events, touches, meetings and pauses say (promises.py, terms.py). Whether a promise was kept is
`stopped_at <= due_at`, whenever somebody looked. Locks: leads in id order; clocks change under the lock of their lead
only.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from django.db import connection, transaction

from funnel.models import Activity
from routing import ladder, notices
from routing.calendars import Span
from routing.clock_facts import REPLY, Known, pauses_of, read
from routing.clock_writing import BREACHED, PAUSED, RESUMED, STARTED, STOPPED, Changes, next_at, write
from routing.deadlines import Deadlines, apply_end, apply_moments, hours_of
from routing.models import Clock, Notice, SlaPromise
from routing.promises import RULES, Begun, Stop, hot_stop, resumed, taken_back, touch_cause
from routing.terms import within

ACCEPT, HOT, OUTCOME = SlaPromise.Kind.ACCEPT.value, SlaPromise.Kind.HOT.value, SlaPromise.Kind.OUTCOME.value


class RaisedHand(Protocol):
    """A fast-track touch about a lead (scoring.qualifying.ReRaise)."""

    @property
    def lead_id(self) -> int: ...

    @property
    def activity_id(self) -> int: ...


# --- what others call -----------------------------------------------------------------------------


@transaction.atomic
def follow(event_ids: Collection[int], *, now: datetime) -> None:
    """Bring the clocks of these stage events' leads in line. An entry into a stage among them starts its clocks.

    Idempotent, in any order; the same constant number of statements for one event and a thousand.
    """
    if not event_ids:
        return
    lead_ids = _ids("SELECT DISTINCT lead_id FROM funnel_stageevent WHERE id = ANY(%s)", event_ids)
    _lock(lead_ids)
    _reconcile(lead_ids, now=now, heard=frozenset(f"stage_event:{pk}" for pk in event_ids))


@transaction.atomic
def follow_touches(activity_ids: Collection[int], *, now: datetime) -> None:
    """Stop the clocks that a touch of one of us answers, and end the pauses that wait for a reply like one of these."""
    if not activity_ids:
        return
    lead_ids = _ids(_TOUCHED, activity_ids)
    if lead_ids:
        follow_leads(lead_ids, now=now)


@transaction.atomic
def follow_meetings(meeting_ids: Collection[int], *, now: datetime) -> None:
    """Bring the clocks of these meetings' leads in line, after one was booked, or somebody said how it went."""
    lead_ids = _ids("SELECT DISTINCT lead_id FROM routing_meeting WHERE id = ANY(%s)", meeting_ids)
    _lock(lead_ids)
    _reconcile(lead_ids, now=now, heard=frozenset(f"meeting:{pk}" for pk in meeting_ids))


@transaction.atomic
def follow_leads(lead_ids: Collection[int], *, now: datetime) -> None:
    """Bring the clocks that these leads have in line, after something else about them has changed."""
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
def start_meetings(*, now: datetime, limit: int) -> int:
    """Start the clocks of meetings whose time has come while nobody said how they went. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGUN, [now, limit])
        begun = cursor.fetchall()
    if not begun:
        return 0
    heard = frozenset(f"meeting:{pk}" for pk, _lead_id in begun)
    return _reconcile({lead_id for _pk, lead_id in begun}, now=now, heard=heard).started


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
    clocks = _reconcile({lead_id for _pk, lead_id in due}, now=now).clocks
    looked_at = {pk for pk, _lead_id in due}
    ladder.climb([clock for clock in clocks if clock.pk in looked_at], now=now)
    return len(due)


def may_cool(lead_ids: Collection[int]) -> list[int]:
    """Which of these leads no accept clock holds. One that runs, or ran out unanswered, keeps its lead an MQL."""
    held = Clock.objects.filter(lead__in=lead_ids, kind=ACCEPT, stopped_at=None).values_list("lead", flat=True)
    return sorted(set(lead_ids) - set(held))


# --- whom it is about -----------------------------------------------------------------------------

_DUE: Final = """
SELECT c.id, c.lead_id FROM routing_clock c JOIN funnel_lead l ON l.id = c.lead_id
WHERE c.next_at <= %s ORDER BY c.next_at, c.id LIMIT %s FOR NO KEY UPDATE OF c, l SKIP LOCKED
"""
# Also of clocks that ended, and of pauses that are over: what came before that may be heard of afterwards.
_TOUCHED: Final = f"""
SELECT DISTINCT l.id FROM funnel_activity t
JOIN funnel_lead l ON l.person_id = t.person_id
WHERE t.id = ANY(%s)
  AND (t.direction = 'out' AND NOT t.automatic AND EXISTS (
           SELECT FROM routing_clock c WHERE c.lead_id = l.id AND c.kind IN ('hot', 'follow_up')
           AND (c.stopped_at IS NULL OR c.stopped_at > t.occurred_at))
       OR {REPLY} AND EXISTS (
           SELECT FROM routing_pause p WHERE p.lead_id = l.id AND p.kind = 'reply'
           AND p.starts_at < t.occurred_at AND p.until > t.occurred_at))
"""
_BEGUN: Final = """
SELECT m.id, m.lead_id FROM routing_meeting m JOIN funnel_lead l ON l.id = m.lead_id
WHERE m.outcome = '' AND m.starts_at <= %s AND l.closed_at IS NULL
  AND EXISTS (SELECT FROM routing_slapromise p JOIN routing_slapolicy v ON v.id = p.sla_policy_id
              WHERE v.status = 'published' AND p.kind = 'outcome')
  AND NOT EXISTS (SELECT FROM routing_clock c WHERE c.lead_id = m.lead_id AND c.kind = 'outcome'
                  AND c.cause = 'meeting:' || m.id || ':' || floor(extract(epoch FROM m.starts_at))::bigint)
ORDER BY m.starts_at, m.id LIMIT %s FOR NO KEY UPDATE OF l SKIP LOCKED
"""


def _ids(sql: str, ids: Collection[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(ids)])
        return [row[0] for row in cursor.fetchall()]


def _lock(lead_ids: Collection[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM funnel_lead WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(lead_ids)])


# --- making them agree ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reconciled:
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


def _reconcile(lead_ids: Collection[int], *, now: datetime, heard: frozenset[str] = frozenset()) -> _Reconciled:
    """Make the clocks of these leads say what their facts say. The caller holds the leads' locks.

    heard: stage events and meetings that start clocks; any other beginning without a clock is history.
    """
    known = read(lead_ids)
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
    return _Reconciled([clock for one in known.values() for clock in one.clocks], len(changes.new))


def _begun(one: Known) -> dict[str, list[Begun]]:
    """By kind, what was to be done about the lead and how it ended."""
    facts = one.facts
    found = {kind: rule(facts) for kind, rule in RULES.items()}
    found[HOT] = [
        Begun(
            clock.cause,
            clock.started_at,
            hot_stop(facts.raised[clock.cause], clock.started_at, facts.steps, facts.contacts.get((HOT, clock.cause))),
        )
        for clock in one.clocks
        if clock.kind == HOT
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


def _start_hot(hands: Mapping[int, int], *, now: datetime) -> None:
    """Start a clock for those that have none running and none of this cause."""
    taken = set(Clock.objects.filter(lead__in=hands, kind=HOT, stopped_at=None).values_list("lead", flat=True))
    causes = {lead_id: touch_cause(activity_id) for lead_id, activity_id in hands.items()}
    again = set(Clock.objects.filter(lead__in=hands, kind=HOT, cause__in=causes.values()).values_list("lead", "cause"))
    free = [lead_id for lead_id in sorted(hands) if lead_id not in taken and (lead_id, causes[lead_id]) not in again]
    learnt = dict(Activity.objects.filter(pk__in=hands.values()).values_list("pk", "recorded_at"))
    pauses = pauses_of(free)
    changes = Changes()
    begun = [(lead_id, HOT, Begun(causes[lead_id], min(learnt[hands[lead_id]], now))) for lead_id in free]
    _start(begun, {lead_id: Known(pauses=pauses.get(lead_id, [])) for lead_id in free}, changes, now=now)
    write(changes, now=now)
