"""What promises came to on a floor, reckoned anew in plain Python from events, touches, meetings and hand-offs.

Shares no code with the product's clocks: business time is walked minute by minute over the hours that a calendar names.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import takewhile
from zoneinfo import ZoneInfo

import holidays
from django.db.models import F

from funnel.models import Activity, StageEvent
from routing.models import Assignment, Calendar, Desk, HandOff, Meeting, Pause, Seat, SlaPromise

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
STEP = timedelta(minutes=30)  # how often the floor looks at what is due
EXITS = {"recycle", "disqualify", "expire", "won", "lost", "no_decision"}
ON = {"advance", "passthrough", "won"}
Span = tuple[datetime, datetime]


# --- business time ----------------------------------------------------------------------------------


@cache
def working(calendar: Calendar, day: date) -> tuple[Span, ...]:
    """When is worked on a day, in the calendar's zone: hours of the weekday, none on public holidays."""
    free = holidays.country_holidays(calendar.country) if calendar.country else {}
    if day in free:
        return ()
    zone = ZoneInfo(calendar.zone)
    spans = []
    for opens, closes in calendar.hours.get(f"{day:%a}".lower(), []):
        begin = datetime.combine(day, time.fromisoformat(opens), zone)
        end = (
            datetime.combine(day + DAY, time(), zone)
            if closes == "24:00"
            else datetime.combine(day, time.fromisoformat(closes), zone)
        )
        spans.append((begin, end))
    return tuple(spans)


def works(calendar: Calendar, at: datetime) -> bool:
    day = at.astimezone(ZoneInfo(calendar.zone)).date()
    return any(begin <= at < end for begin, end in working(calendar, day))


def business_days(calendar: Calendar, start: datetime, days: int) -> datetime:
    """The same time of day on the so-manyth next day that is worked, within its hours; from the next opening on."""
    zone = ZoneInfo(calendar.zone)
    day = start.astimezone(zone).date()
    begin = None
    while begin is None:
        begin = next((max(start, opens) for opens, closes in working(calendar, day) if start < closes), None)
        day += DAY
    local = begin.astimezone(zone)
    day = local.date()
    while days:
        day += DAY
        days -= bool(working(calendar, day))
    ((opens, closes),) = working(calendar, day)
    return min(max(datetime.combine(day, local.time(), zone), opens), closes)


def walk(counts: Callable[[datetime], bool], start: datetime, still: list[Span]) -> Iterator[Span]:
    """Minute by minute of the clock, what counts of it: nothing before the start, or that stands still."""
    slot = start.replace(second=0, microsecond=0)
    while True:
        if counts(slot):
            at, end = max(slot, start), slot + MINUTE
            for begins, ends in still:
                if begins < end and ends > at:
                    if begins > at:
                        yield at, begins
                    at = min(ends, end)
            if at < end:
                yield at, end
        slot += MINUTE


def due(promise: SlaPromise, calendar: Calendar, start: datetime, still: list[Span]) -> datetime:
    """When a promise runs out that began then and stood still in these spans, which lie apart and in order."""

    def counts(slot: datetime) -> bool:
        return promise.unit == "days" or works(calendar, slot)

    def worked(spans: list[Span]) -> timedelta:
        pieces = takewhile(lambda piece: piece[0] < plain, walk(counts, start, spans))
        return sum((min(end, plain) - begin for begin, end in pieces), timedelta())

    plain = {
        "days": lambda: start + promise.amount * DAY,
        "business_days": lambda: business_days(calendar, start, promise.amount),
        "business_minutes": lambda: after(walk(counts, start, []), promise.amount * MINUTE),
    }[promise.unit]()
    if not still:
        return plain
    at, whole = plain, worked([])
    if worked(still) < whole:
        at = after(walk(counts, start, still), whole)
    for begins, ends in still:
        if begins < at < ends:
            at = next(begin for begin, _end in walk(counts, ends, []))
    return at


def after(pieces: Iterator[Span], left: timedelta) -> datetime:
    for begin, end in pieces:
        if end - begin >= left:
            return begin + left
        left -= end - begin
    raise AssertionError("it returns")


# --- what happened ----------------------------------------------------------------------------------


@dataclass
class Story:
    """The facts about one lead."""

    events: list[StageEvent] = field(default_factory=list)
    calls: list[datetime] = field(default_factory=list)  # by one of us
    meetings: list[Meeting] = field(default_factory=list)
    offers: list[HandOff] = field(default_factory=list)
    hands: list[datetime] = field(default_factory=list)  # raised, by when we knew
    still: list[Span] = field(default_factory=list)
    hours: list[tuple[datetime, Calendar]] = field(default_factory=list)  # by whom it was with since then

    def calendar(self, at: datetime) -> Calendar:
        """That of whoever had the lead when the floor looked."""
        looked = at + (datetime(2000, 1, 1, tzinfo=UTC) - at) % STEP
        return [calendar for since, calendar in self.hours if since <= looked][-1]


def stories() -> dict[int, Story]:
    found: dict[int, Story] = defaultdict(Story)
    events = StageEvent.objects.select_related("lead").order_by("lead", "occurred_at", "pk")
    for event in events.filter(lead__events__to_stage="mql").distinct():
        found[event.lead_id].events.append(event)
        if event.to_stage == "mql" and event.cause.endswith(":fast_track"):
            touch = Activity.objects.get(pk=event.cause.split(":")[2])
            found[event.lead_id].hands.append(touch.recorded_at)
    calls = Activity.objects.filter(direction="out", automatic=False, voided_at=None)
    for lead, at in calls.values_list("person__leads", "occurred_at"):
        if lead in found:
            found[lead].calls.append(at)
    for meeting in Meeting.objects.order_by("pk"):
        found[meeting.lead_id].meetings.append(meeting)
    for offer in HandOff.objects.order_by("pk"):
        found[offer.lead_id].offers.append(offer)
    for pause in Pause.objects.select_related("end").order_by("starts_at"):
        ended = pause.end.ended_at if hasattr(pause, "end") else pause.until
        found[pause.lead_id].still.append((pause.starts_at, min(pause.until, ended)))
    first = Calendar.objects.order_by("pk")[0]
    of_team = {desk.team_id: desk.calendar for desk in Desk.objects.select_related("calendar")}
    of_rep = {
        seat.rep_id: seat.calendar or of_team[seat.rep.team_id]
        for seat in Seat.objects.select_related("rep", "calendar")
    }
    ledger = Assignment.objects.annotate(pool=F("team")).order_by("occurred_at", "pk")
    for row in ledger:
        hours = of_rep.get(row.rep_id) or of_team.get(row.team_id) or first
        found[row.lead_id].hours.append((row.occurred_at, hours))
    return found


# --- when promises begin and end --------------------------------------------------------------------

End = tuple[datetime, bool]  # when; whether nothing was left to do


def stays(story: Story, stage: str) -> Iterator[tuple[datetime, StageEvent | None]]:
    """The times at a stage: since when, and the event that ended it. Who only passed through did not wait."""
    since = None
    there = False
    for event in story.events:
        here = event.kind not in EXITS and event.to_stage == stage
        if here and not there:
            since = event.occurred_at if event.kind in ("advance", "regress", "reopen") else None
        elif there and not here and since:
            yield since, event
            since = None
        there = here
    if there and since:
        yield since, None


def stood(story: Story, at: datetime) -> str:
    """The stage at a moment; blank once it has left."""
    before = [event for event in story.events if event.occurred_at <= at]
    return "" if not before or before[-1].kind in EXITS else before[-1].to_stage


def left_after(story: Story, at: datetime) -> list[End]:
    return [(event.occurred_at, True) for event in story.events if event.kind in EXITS and event.occurred_at > at]


def begun(story: Story, now: datetime) -> Iterator[tuple[str, datetime, list[End]]]:
    for start, left in stays(story, "mql"):
        yield "accept", start, [(left.occurred_at, False)] if left else []
    for start, left in stays(story, "sal"):
        yield "working", start, [(left.occurred_at, left.kind == "regress")] if left else []
        answers = [*story.calls, *(meeting.booked_at for meeting in story.meetings)]
        ends = [(at, False) for at in answers if at >= start]
        yield "follow_up", start, ends + ([(left.occurred_at, left.kind not in ON)] if left else [])
    for meeting in story.meetings:
        start, said = max(meeting.starts_at, meeting.booked_at), meeting.outcome_at
        if start <= now and not (said and said < start) and stood(story, start):
            yield "outcome", start, ([(said, False)] if said else []) + left_after(story, start)
    for offer in story.offers:
        answers = [at for at in (offer.accepted_at, offer.returned_at) if at]
        ends = [(min(answers), False)] if answers else []
        ends += [(offer.withdrawn_at, True)] if offer.withdrawn_at else []
        yield "take_over", offer.offered_at, ends + left_after(story, offer.offered_at)
    for start in story.hands:
        ends = [(at, False) for at in story.calls if at >= start]
        ends += [
            (event.occurred_at, False)
            for event in story.events
            if event.occurred_at >= start
            and (event.kind in EXITS or (event.kind in ON and event.to_stage not in ("inquiry", "mql")))
        ]
        yield "hot", start, ends
    yield from decisions(story)


def decisions(story: Story) -> Iterator[tuple[str, datetime, list[End]]]:
    until = None  # the one before is undecided as long as that
    for at in sorted(one.outcome_at for one in story.meetings if one.outcome == "held" and one.outcome_at):
        if (until and at < until) or stood(story, at) in ("", "opportunity", "won"):
            continue
        ends = [
            (event.occurred_at, event.kind == "regress")
            for event in story.events
            if event.occurred_at > at
            and (event.kind in EXITS or event.kind == "regress" or event.to_stage in ("opportunity", "won"))
        ]
        until = min(ends)[0] if ends else datetime.max.replace(tzinfo=UTC)
        yield "decision", at, ends


# --- what they came to ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """One promise: whose, what, since when, until when, how it ended. called_off: nobody had to keep it any more."""

    lead: int
    kind: str
    start: datetime
    due: datetime
    end: datetime | None
    called_off: bool

    def missed(self, now: datetime) -> bool:
        return (self.end or now) > self.due


def reckon(now: datetime) -> set[Told]:
    """Every promise about every lead that was ever an MQL, as of a moment."""
    promises = {one.kind: one for one in SlaPromise.objects.filter(sla_policy__status="published")}
    found = set()
    for lead, story in stories().items():
        for kind, start, ends in begun(story, now):
            end = min(ends, default=None)
            still = [(max(a, start), min(b, end[0]) if end else b) for a, b in story.still]
            still = [span for span in still if span[0] < span[1]]
            runs_out = due(promises[kind], story.calendar(start), start, still).astimezone(UTC)
            called_off = bool(end and end[1] and end[0] <= runs_out)
            found.add(Told(lead, kind, start, runs_out, end[0] if end else None, called_off))
    return found
