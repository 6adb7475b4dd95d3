"""One timeline of a lead: touches, score changes, stages, hands, clocks, meetings, deals and notes, newest first.

Each kind is one query, however long the history; a page goes on from a cursor made of moment, kind and place.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan
from django.utils import timezone

from funnel.access import name_of
from funnel.keyset import decode, encode
from funnel.models import Activity, DealState, Kind, Lead, Note, OpportunityEvent, StageEvent
from funnel.path import EXITS, order_rank
from routing.models import Assignment, Attempt, ClockEvent, Meeting, TaskEvent
from routing.sales.handoff import of_lead
from routing.wording import (
    assignment_sentence,
    cause_sentence,
    clock_icon,
    clock_sentence,
    event_icon,
    event_sentence,
    score_sentence,
    touch_icon,
    touch_words,
)
from scoring.models import ScoreChange
from scoring.scopes import scopes_now

PAGE = 40
SHOWS = {
    "all": "All",
    "touches": "Touches",
    "score": "Score",
    "stages": "Stages",
    "work": "Work",
    "deals": "Deals",
    "notes": "Notes",
}

# Kinds of one moment, from the bottom of the page up: a touch comes before the score, the stage, the owner it led to.
TOUCH, SCORE, STAGE, HANDS, CLOCK, MEETING, HAND_OFF, DEAL, NOTE, TASK = range(10)
Place = tuple[datetime, int, int]  # moment, kind, place among the kind's entries of the moment


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. colour: of a stage, behind its icon; text: free text under the line; touch: the id of a touch."""

    place: Place
    icon: str
    title: str
    details: tuple[str, ...] = ()
    colour: str = ""
    strong: bool = False
    tags: tuple[str, ...] = ()
    text: str = ""
    touch: int | None = None

    @property
    def at(self) -> datetime:
        return self.place[0]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of days, each with its entries; `older` is the next page's cursor, empty at the end."""

    days: list[tuple[date, bool, list[Entry]]]
    older: str = ""

    def __bool__(self) -> bool:
        return bool(self.days)


def ordered(events: Iterable[StageEvent]) -> list[StageEvent]:
    """Stage events in the order in which they count: by moment, then along the path (path.py)."""
    return sorted(events, key=lambda event: (event.occurred_at, order_rank(event.kind, event.to_stage), event.pk))


def read(
    lead: Lead,
    events: Sequence[StageEvent],
    *,
    show: str = "all",
    older: str = "",
    size: int = PAGE,
) -> Timeline:
    """A page of the timeline. events: the lead's stage events as `ordered`; show: a key of SHOWS.

    Raises BadCursor. One query a kind, whatever the length.
    """
    before = _place(older)

    def newest(queryset: QuerySet, kind: int, moment: str = "occurred_at") -> list[Any]:
        return _newest(queryset, kind, before, size + 1, moment)

    wanted: list[tuple[str, Callable[[], list[Entry]]]] = [
        ("touches", lambda: [_touch(touch) for touch in newest(_touches(lead), TOUCH)]),
        ("score", lambda: [_score(change) for change in newest(_scores(lead), SCORE)]),
        ("stages", lambda: _stages(events, lead)),
        ("work", lambda: [_hands(assignment) for assignment in newest(_assignments(lead), HANDS)]),
        ("work", lambda: [_clock(event) for event in newest(_clocks(lead), CLOCK)]),
        ("work", lambda: _meetings(lead)),
        ("work", lambda: _hand_offs(lead)),
        ("work", lambda: [_task(event) for event in newest(_tasks(lead), TASK)]),
        ("deals", lambda: [_deal(event) for event in newest(_deals(lead), DEAL)]),
        ("notes", lambda: [_note(note) for note in newest(_notes(lead), NOTE, "written_at")]),
    ]
    entries = [entry for name, source in wanted if show in ("all", name) for entry in source()]
    entries = [entry for entry in entries if before is None or entry.place < before]
    entries.sort(key=lambda entry: entry.place, reverse=True)
    more, entries = len(entries) > size, entries[:size]
    last_day = timezone.localtime(before[0]).date() if before else None
    return Timeline(list(_days(entries, last_day)), older=encode(entries[-1].place) if more else "")


def _place(cursor: str) -> Place | None:
    if not cursor:
        return None
    moment, kind, place = decode(cursor, ("moment", "kind", "place"))
    return (moment, kind, place)  # type: ignore[return-value]


def _newest(queryset: QuerySet, kind: int, before: Place | None, size: int, moment: str = "occurred_at") -> list[Any]:
    if before is not None:
        at, other_kind, place = before
        if kind == other_kind:
            queryset = queryset.filter(TupleLessThan(Tuple(F(moment), F("id")), [at, place]))
        else:
            queryset = queryset.filter(**{f"{moment}__lte" if kind < other_kind else f"{moment}__lt": at})
    return list(queryset.order_by(f"-{moment}", "-id")[:size])


def _days(entries: list[Entry], last_day: date | None) -> Iterator[tuple[date, bool, list[Entry]]]:
    """Entries by the viewer's day. The second value is False for a day whose heading stands on the page before."""
    day: date | None = None
    held: list[Entry] = []
    for entry in entries:
        here = timezone.localtime(entry.at).date()
        if here != day and held and day:
            yield day, day != last_day, held
            held = []
        day = here
        held.append(entry)
    if held and day:
        yield day, day != last_day, held


def _touches(lead: Lead) -> QuerySet[Activity]:
    return Activity.objects.filter(person=lead.person_id).select_related("content", "campaign", "channel")


def _scores(lead: Lead) -> QuerySet[ScoreChange]:
    """Under the version that decides about it; what other versions would say is not part of the lead's past."""
    deciding = scopes_now().model_of(lead.solution_id, lead.region_id)
    return ScoreChange.objects.filter(person=lead.person_id, model=deciding)


def _assignments(lead: Lead) -> QuerySet[Assignment]:
    return Assignment.objects.filter(lead=lead).select_related("rep", "team", "previous", "actor")


def _clocks(lead: Lead) -> QuerySet[ClockEvent]:
    return ClockEvent.objects.filter(clock__lead=lead).select_related("clock")


def _tasks(lead: Lead) -> QuerySet[TaskEvent]:
    return TaskEvent.objects.filter(task__lead=lead).select_related("task__step", "actor")


def _deals(lead: Lead) -> QuerySet[OpportunityEvent]:
    return OpportunityEvent.objects.filter(opportunity__lead=lead).select_related("opportunity", "actor")


def _notes(lead: Lead) -> QuerySet[Note]:
    return Note.objects.filter(Q(lead=lead) | Q(lead=None), person=lead.person_id).select_related("author")


def _touch(touch: Activity) -> Entry:
    quoted = f"“{touch.content.name}”" if touch.content else ""
    tags = ["from us"] if touch.direction == Activity.Direction.OUTBOUND else []
    tags += ["automatic"] if touch.automatic else []
    tags += ["response"] if touch.counts_as_response else []
    tags += ["taken back"] if touch.voided_at else []
    outcome = touch.payload.get("outcome") if isinstance(touch.payload, dict) else None
    said = Attempt.Outcome(outcome).label.lower() if outcome in Attempt.Outcome.values else ""
    return Entry(
        place=(touch.occurred_at, TOUCH, touch.pk),
        icon=touch_icon(touch.type),
        title=f"{touch_words(touch.type)} {quoted}".strip(),
        details=tuple(str(part) for part in (said, touch.campaign, touch.channel) if part),
        tags=tuple(tags),
        touch=touch.pk,
    )


def _score(change: ScoreChange) -> Entry:
    before = f"{change.from_grade}{change.from_band}" if change.from_grade and change.from_band else ""
    rose = change.eligible and not change.from_eligible
    return Entry(
        place=(change.occurred_at, SCORE, change.pk),
        icon="trending-up" if rose or not before else "trending-down" if change.from_eligible else "activity",
        title=score_sentence(
            before, f"{change.grade}{change.band}", eligible=change.eligible, was=change.from_eligible
        ),
        details=(f"interest {change.interest:.1f}", f"fit {change.fit:.1f}"),
    )


def _hands(assignment: Assignment) -> Entry:
    rep, team = str(assignment.rep or ""), str(assignment.team or "")
    kept = assignment.explanation.get("method") == "kept"
    late = "a promise ran out" if "had" in assignment.explanation else ""
    late += "; nobody else could take it" if late and kept else ""
    rule = f"rule “{assignment.rule}”" if assignment.rule else ""
    before = (
        f"before: {assignment.previous}" if assignment.previous and assignment.previous_id != assignment.rep_id else ""
    )
    actor = f"by {name_of(assignment.actor)}" if assignment.actor else ""
    return Entry(
        place=(assignment.occurred_at, HANDS, assignment.pk),
        icon="user-check" if assignment.rep_id else "route",
        title=assignment_sentence(assignment.kind, rep=rep, team=team, kept=kept),
        details=tuple(part for part in (rule, actor, before, late) if part),
    )


def _clock(event: ClockEvent) -> Entry:
    clock = event.clock
    due = f"due {timezone.localtime(clock.due_at):%a %-d %b, %H:%M}" if event.kind in ("started", "resumed") else ""
    late = event.kind == ClockEvent.Kind.STOPPED and clock.stopped_at is not None and clock.stopped_at > clock.due_at
    return Entry(
        place=(event.occurred_at, CLOCK, event.pk),
        icon=clock_icon(event.kind),
        title=clock_sentence(clock.kind, event.kind),
        details=(due,) if due else (),
        tags=("late",) if late else (),
    )


def _task(event: TaskEvent) -> Entry:
    until = f"until {timezone.localtime(event.until):%a %-d %b, %H:%M}" if event.until else ""
    capped = "by the cap on contact" if event.cause.startswith("cap:") else ""
    due = f"for {timezone.localtime(event.task.due_at):%a %-d %b, %H:%M}" if event.kind == "made" else ""
    actor = f"by {name_of(event.actor)}" if event.actor else ""
    return Entry(
        place=(event.occurred_at, TASK, event.pk),
        icon="list-check",
        title=f"{event.task.title}: {event.get_kind_display().lower()}",
        details=tuple(part for part in (due, until, capped, actor) if part),
    )


def _meetings(lead: Lead) -> list[Entry]:
    """Two entries a meeting: when it was booked, and what came of it."""
    entries = []
    found = Meeting.objects.filter(lead=lead).select_related("booked_by", "outcome_by")
    for meeting in found.prefetch_related("attendees__rep", "attendees__person"):
        starts = f"for {timezone.localtime(meeting.starts_at):%a %-d %b, %H:%M}"
        by = f"by {name_of(meeting.booked_by)}" if meeting.booked_by else ""
        booked = (meeting.booked_at, MEETING, meeting.pk * 2)
        entries.append(Entry(booked, "calendar-plus", "Meeting booked", tuple(part for part in (starts, by) if part)))
        if meeting.outcome_at:
            told = (meeting.outcome_at, MEETING, meeting.pk * 2 + 1)
            word = meeting.get_outcome_display()
            title = f"Meeting {starts.removeprefix('for ')}: {word[:1].lower()}{word[1:]}"
            absent = [str(one) for one in meeting.attendees.all() if one.expected and one.came is False]
            missed = (f"without {', '.join(absent)}",) if absent else ()
            entries.append(Entry(told, "calendar-event", title, missed))
    return entries


def _hand_offs(lead: Lead) -> list[Entry]:
    """Up to three entries a hand-off: offered with its note, taken over, returned or taken back."""
    entries = []
    for one in of_lead(lead):
        note, sender = one.note, one.from_rep or "the SDR"
        said = f"{note.need}\nNext: {note.next_step}"
        said += f"\nOpen: {note.unanswered}" if note.unanswered else ""
        moments = [
            (one.offered_at, "send", f"Offered to {one.to_rep}", one.offered_by, said),
            (one.accepted_at, "check", f"{one.to_rep} took it over", one.accepted_by, ""),
            (one.returned_at, "arrow-back-up", f"Returned to {sender}: {one.reason}", one.returned_by, ""),
            (one.withdrawn_at, "arrow-back-up", "The offer was taken back", one.withdrawn_by, ""),
        ]
        for step, (at, icon, title, by, text) in enumerate(moments):
            if at is not None:
                who = (f"by {name_of(by)}",) if by else ()
                entries.append(Entry((at, HAND_OFF, one.pk * 4 + step), icon, title, who, text=text))
    return entries


def _stages(events: Sequence[StageEvent], lead: Lead) -> list[Entry]:
    by_id = {event.pk: event for event in events}
    voided = {event.supersedes_id for event in events if event.kind == Kind.VOID}
    return [
        Entry(
            place=(event.occurred_at, STAGE, number),
            icon=event_icon(event.kind),
            title=stage_sentence(event, by_id),
            details=stage_details(event, lead),
            colour=event.to_stage or ("left" if event.kind in EXITS else ""),
            strong=True,
            tags=("taken back",) if event.pk in voided else (),
        )
        for number, event in enumerate(events)
    ]


def stage_sentence(event: StageEvent, by_id: dict[int, StageEvent]) -> str:
    """What the event says; a void says what it takes back."""
    target = by_id.get(event.supersedes_id or 0)
    if event.kind == Kind.VOID and target:
        return f"Taken back: {event_sentence(target.kind, target.from_stage, target.to_stage)}"
    return event_sentence(event.kind, event.from_stage, event.to_stage)


def stage_details(event: StageEvent, lead: Lead) -> tuple[str, ...]:
    """Why: the reason, who did it, what caused it."""
    actor = f"by {name_of(event.actor)}" if event.actor else ""
    reason = event.reason.name if event.reason else ""
    return tuple(part for part in (reason, actor, cause_sentence(event.cause, lead.source)) if part)


def _deal(event: OpportunityEvent) -> Entry:
    state = DealState(event.state).label if event.state != DealState.OPEN else ""
    amount = f"{event.amount:,.0f} {event.currency}" if event.amount is not None else ""
    actor = f"by {name_of(event.actor)}" if event.actor else ""
    colour = {DealState.WON: "won", DealState.OPEN: "opportunity"}.get(DealState(event.state), "left")
    return Entry(
        place=(event.occurred_at, DEAL, event.pk),
        icon="briefcase",
        title=f"{event.opportunity}: {' '.join(part for part in (state, event.deal_stage) if part) or 'changed'}",
        details=tuple(part for part in (amount, actor) if part),
        colour=colour,
    )


def _note(note: Note) -> Entry:
    author = name_of(note.author) if note.author else "Somebody"
    return Entry(place=(note.written_at, NOTE, note.pk), icon="note", title=f"{author} wrote", text=note.text)
