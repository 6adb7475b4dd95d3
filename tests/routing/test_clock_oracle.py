"""An independent recomputation: for any history the stored clocks are what plain Python makes of its facts.

The oracle shares no code with the product. It walks hour by hour over office hours from nine to six, and tells each
promise's story from a list of what happened.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnel.access import Role
from funnel.models import Kind
from routing.acts.doing import Refused
from routing.decisions import pauses
from routing.models import Absence, Clock, ClockEvent, Meeting
from routing.overdue import ladder
from routing.sales import meetings
from routing.sla import clocks
from tests import factories as make

pytestmark = pytest.mark.django_db
BEGIN = datetime(2026, 6, 1, 9, tzinfo=UTC)  # a Monday
END = BEGIN + timedelta(days=70)
HOUR = timedelta(hours=1)
OPEN, CLOSE = 9, 18
PROMISED = {"accept": 1, "follow_up": 2, "outcome": 1, "decision": 5}  # business days
WORKING_DAYS = 21
NEXT = {"mql": "sal", "sal": "sql", "sql": "opportunity"}
DEEDS = (
    "on",
    "back",
    "recycle",
    "reopen",
    "call",
    "mail",
    "reply",
    "book",
    "outcome",
    "wait",
    "data",
    "resume",
    "look",
)


@dataclass
class Story:
    """What happened, as plain values."""

    moves: list[tuple[datetime, str, str]] = field(default_factory=list)  # when, kind, stage
    calls: list[datetime] = field(default_factory=list)
    replies: list[datetime] = field(default_factory=list)
    pauses: list[list] = field(default_factory=list)  # kind, from, until
    meetings: dict[int, list] = field(default_factory=dict)  # id -> booked, starts, outcome, when
    absence: tuple[date, date] | None = None


# --- the oracle ------------------------------------------------------------------------------------


def works(at: datetime) -> bool:
    return at.weekday() < 5 and OPEN <= at.hour < CLOSE


def still(story: Story) -> list[tuple[datetime, datetime]]:
    spans = []
    for kind, begins, until in story.pauses:
        answers = [at for at in story.replies if at > begins] if kind == "reply" else []
        spans.append((begins, min([until, *answers])))
    if story.absence:
        first, last = (datetime.combine(day, time(), UTC) for day in story.absence)
        spans.append((first, last + timedelta(days=1)))
    return spans


def plainly(kind: str, start: datetime) -> datetime:
    """When it runs out without any pause."""
    if kind == "working":
        return start + timedelta(days=WORKING_DAYS)
    at, days = start, PROMISED[kind]
    while not works(at):
        at += HOUR
    while days:
        at += timedelta(days=1)
        days -= works(at)
    return at


def due(kind: str, start: datetime, spans: list[tuple[datetime, datetime]]) -> datetime:
    def counts(hour: datetime) -> bool:
        return works(hour) or kind == "working"

    def paused(hour: datetime) -> bool:
        return any(begins <= hour < ends for begins, ends in spans)

    at = plainly(kind, start)
    hours = [start + n * HOUR for n in range(int((at - start) / HOUR))]
    left = sum(map(counts, hours))
    if any(counts(hour) and paused(hour) for hour in hours):
        at = start
        while left:
            left -= counts(at) and not paused(at)
            at += HOUR
    for begins, ends in joined(spans):
        if begins < at < ends:
            at = ends
            while not counts(at):
                at += HOUR
    return at


def joined(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    hours = sorted({begins + n * HOUR for begins, ends in spans for n in range(int((ends - begins) / HOUR))})
    found: list[tuple[datetime, datetime]] = []
    for hour in hours:
        if found and found[-1][1] == hour:
            found[-1] = (found[-1][0], hour + HOUR)
        else:
            found.append((hour, hour + HOUR))
    return found


def stays(story: Story, stage: str) -> list[tuple[datetime, tuple[datetime, str] | None]]:
    """The times at a stage: from when, and when by which kind of move it was left."""
    found: list[tuple[datetime, tuple[datetime, str] | None]] = []
    inside = False
    for at, kind, to in story.moves:
        there = kind != Kind.RECYCLE and to == stage
        if there and not inside:
            found.append((at, None))
        elif inside and not there:
            found[-1] = (found[-1][0], (at, kind))
        inside = there
    return found


def is_open(story: Story, at: datetime) -> bool:
    before = [kind for when, kind, _to in story.moves if when <= at]
    return bool(before) and before[-1] != Kind.RECYCLE


def expected(story: Story, now: datetime) -> set[tuple]:
    begun: list[tuple[str, datetime, list[tuple[datetime, bool]]]] = []  # kind, start, ends: when, whether it was moot
    for start, left in stays(story, "mql"):
        begun.append(("accept", start, [(left[0], False)] if left else []))
    booked = [meeting[0] for meeting in story.meetings.values()]
    for start, left in stays(story, "sal"):
        begun.append(("working", start, [(left[0], left[1] == Kind.REGRESS)] if left else []))
        ends = [(at, False) for at in [*story.calls, *booked] if at >= start]
        begun.append(("follow_up", start, ends + ([(left[0], left[1] != Kind.ADVANCE)] if left else [])))
    exits = [at for at, kind, _to in story.moves if kind == Kind.RECYCLE]
    for booked_at, starts, outcome, when in story.meetings.values():
        start = max(booked_at, starts)
        if (outcome and when < start) or start > now or not is_open(story, start):
            continue
        ends = [(when, False)] if outcome else []
        begun.append(("outcome", start, ends + [(at, True) for at in exits if at > start]))
    begun += held(story)
    found = set()
    for kind, start, ends in begun:
        end = min(ends, default=None)
        spans = [(max(a, start), min(b, end[0]) if end else b) for a, b in still(story)]
        runs_out = due(kind, start, [span for span in spans if span[0] < span[1]])
        cancelled = bool(end and end[1] and end[0] <= runs_out)
        late = not cancelled and (end[0] if end else now) > runs_out
        found.add((kind, start, runs_out, end[0] if end else None, cancelled, late))
    return found


def held(story: Story) -> list[tuple[str, datetime, list[tuple[datetime, bool]]]]:
    found: list[tuple[str, datetime, list[tuple[datetime, bool]]]] = []
    for at in sorted(when for _booked, _starts, outcome, when in story.meetings.values() if outcome == "held"):
        before = [(kind, to) for when, kind, to in story.moves if when <= at]
        waits = found and (not found[-1][2] or min(found[-1][2])[0] > at)
        if waits or before[-1][0] == Kind.RECYCLE or before[-1][1] == "opportunity":
            continue
        ends = [
            (when, kind == Kind.REGRESS)
            for when, kind, to in story.moves
            if when > at and (kind in (Kind.RECYCLE, Kind.REGRESS) or (kind == Kind.ADVANCE and to == "opportunity"))
        ]
        found.append(("decision", at, ends))
    return found


# --- the product, driven by the same deeds ---------------------------------------------------------


class Player:
    """Does the deeds that are possible at each time, and writes down what it did."""

    def __init__(self, absence: tuple[date, date] | None) -> None:
        make.promises("accept", *("follow_up", "working", "outcome", "decision"))
        self.manager = make.user(Role.SDR_MANAGER)
        owner = make.rep(team=make.team())
        self.story = Story(absence=absence)
        if absence:
            made = make.absence(owner, *absence)
            Absence.objects.filter(pk=made.pk).update(recorded_at=BEGIN - 24 * HOUR)
        self.lead = make.lead(at=BEGIN - HOUR, owner=owner)
        self.move("mql", Kind.ADVANCE, BEGIN)

    def play(self, deed: str, at: datetime, *, lazy: bool) -> None:
        self.look(at)
        self.do(deed, at)
        if not lazy:
            ladder.sweep(now=at, limit=100)
        self.look(at)

    def sleep(self, since: datetime, until: datetime) -> None:
        """The beat goes on: it looks at least once a day."""
        midnight = datetime.combine(since.date() + timedelta(days=1), time(), UTC)
        while midnight < until:
            self.look(midnight)
            midnight += timedelta(days=1)

    def look(self, at: datetime) -> None:
        pauses.follow_absences(now=at, limit=100)
        clocks.start_meetings(now=at, limit=100)

    def move(self, stage: str, kind: str, at: datetime) -> None:
        event = make.advance(self.lead, stage, at=at, kind=kind)
        self.story.moves.append((at, kind, stage))
        clocks.follow([event], now=at)

    def do(self, deed: str, at: datetime) -> None:
        lead, story = self.lead, self.story
        closed, stage = lead.closed_at is not None, lead.stage
        if deed == "on" and not closed and stage in NEXT and stage != "sal":
            self.move(NEXT[stage], Kind.ADVANCE, at)
        elif deed == "back" and not closed and stage in ("sal", "sql"):
            self.move({"sal": "mql", "sql": "sal"}[stage], Kind.REGRESS, at)
        elif deed == "recycle" and not closed:
            self.move("", Kind.RECYCLE, at)
        elif deed == "reopen" and closed:
            self.move(stage, Kind.REOPEN, at)
        elif deed in ("call", "mail"):
            touch = make.touch(
                person=lead.person, type="call", direction="out", automatic=deed == "mail", occurred_at=at
            )
            if deed == "call":
                story.calls.append(at)
            clocks.follow(touches=[touch.pk], now=at)
        elif deed == "reply":
            story.replies.append(at)
            clocks.follow(touches=[make.touch(person=lead.person, type="email_reply", occurred_at=at).pk], now=at)
        elif deed in ("wait", "data", "resume"):
            self.pause(deed, at)
        else:
            self.meet(deed, at)

    def pause(self, deed: str, at: datetime) -> None:
        if deed == "resume":
            held = pauses.current(self.lead, now=at)
            if held is None:
                return
            try:
                pauses.resume(self.lead.pk, user=self.manager, now=at)
            except Refused:
                return
            mine = next(one for one in reversed(self.story.pauses) if one[1] == held.starts_at)
            mine[2] = at
            return
        kind, until = {"wait": "reply", "data": "data"}[deed], (at + timedelta(days=4)).date()
        try:
            pauses.pause(self.lead.pk, kind=kind, until=until, why="x", user=self.manager, now=at)
        except Refused:
            return
        pause = self.lead.pauses.latest("pk")
        if [kind, pause.starts_at] not in [one[:2] for one in self.story.pauses]:
            self.story.pauses.append([kind, at, datetime.combine(until, time(), UTC)])

    def meet(self, deed: str, at: datetime) -> None:
        ahead = Meeting.objects.filter(lead=self.lead, outcome="").first()
        try:
            if deed == "book":
                done = meetings.book(self.lead.pk, starts_at=at + 30 * HOUR, user=self.manager, now=at)
                assert done.meeting_id
                if not ahead:
                    self.story.meetings[done.meeting_id] = [at, at + 30 * HOUR, "", None]
            elif deed == "outcome" and ahead:
                outcome = "held" if ahead.starts_at <= at else "cancelled"
                meetings.record_outcome(ahead.pk, outcome=outcome, user=self.manager, now=at)
                self.story.meetings[ahead.pk][2:] = [outcome, at]
        except Refused:
            return
        before = self.lead.stage
        self.lead.refresh_from_db()
        if self.lead.stage != before:
            self.story.moves.append((at, Kind.ADVANCE, self.lead.stage))


def stored() -> set[tuple]:
    late = set(ClockEvent.objects.filter(kind="breached").values_list("clock", flat=True))
    return {
        (clock.kind, clock.started_at, clock.due_at, clock.stopped_at, clock.cancelled, clock.pk in late)
        for clock in Clock.objects.all()
    }


hours = st.integers(1, 60)
steps = st.lists(st.tuples(hours, st.sampled_from(DEEDS), st.booleans()), max_size=14)
days = st.integers(0, 20).map(lambda n: BEGIN.date() + timedelta(days=n))
absences = st.none() | st.tuples(days, st.integers(0, 6)).map(lambda a: (a[0], a[0] + timedelta(days=a[1])))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps, absences)
def test_stored_clocks_are_what_plain_python_makes_of_the_facts(steps, absence):
    with transaction.atomic():
        make.calendar()
        player = Player(absence)
        at = BEGIN
        player.look(at)
        for wait, deed, lazy in steps:
            before, at = at, at + wait * HOUR
            player.sleep(before, at)
            player.play(deed, at, lazy=lazy)
        player.sleep(at, END)
        ladder.sweep(now=END, limit=100)
        assert stored() == expected(player.story, END)
        transaction.set_rollback(True)
