"""One timeline of a lead: its person's touches, its stage events, its deals' events and notes, newest first.

Each kind is one query, however long the history; a page goes on from a cursor made of moment, kind and place.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan
from django.utils import timezone

from funnel.keyset import decode, encode
from funnel.models import Activity, DealState, Kind, Lead, Note, OpportunityEvent, StageEvent
from funnel.path import EXITS, order_rank
from routing.wording import cause_sentence, event_icon, event_sentence, touch_icon, touch_words

PAGE = 40
SHOWS = {"all": "All", "touches": "Touches", "stages": "Stages", "deals": "Deals", "notes": "Notes"}

# Kinds of one moment, from the bottom of the page up: a touch comes before the stage that it led to.
TOUCH, STAGE, DEAL, NOTE = range(4)
Place = tuple[datetime, int, int]  # moment, kind, place among the kind's entries of the moment


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. colour: a stage for its icon's background; text: free text under the line."""

    place: Place
    icon: str
    title: str
    details: tuple[str, ...] = ()
    colour: str = ""
    strong: bool = False
    tags: tuple[str, ...] = ()
    text: str = ""

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

    Raises BadCursor. Three queries for "all", whatever the length.
    """
    before = _place(older)
    wanted: dict[str, Callable[[], list[Entry]]] = {
        "touches": lambda: [_touch(touch) for touch in _newest(_touches(lead), TOUCH, before, size + 1)],
        "stages": lambda: _stages(events, lead),
        "deals": lambda: [_deal(event) for event in _newest(_deals(lead), DEAL, before, size + 1)],
        "notes": lambda: [_note(note) for note in _newest(_notes(lead), NOTE, before, size + 1, "written_at")],
    }
    entries = [entry for name, source in wanted.items() if show in ("all", name) for entry in source()]
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
    return Entry(
        place=(touch.occurred_at, TOUCH, touch.pk),
        icon=touch_icon(touch.type),
        title=f"{touch_words(touch.type)} {quoted}".strip(),
        details=tuple(str(part) for part in (touch.campaign, touch.channel) if part),
        tags=tuple(tags),
    )


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
    actor = f"by {event.actor.get_full_name() or event.actor.get_username()}" if event.actor else ""
    reason = event.reason.name if event.reason else ""
    return tuple(part for part in (reason, actor, cause_sentence(event.cause, lead.source)) if part)


def _deal(event: OpportunityEvent) -> Entry:
    state = DealState(event.state).label if event.state != DealState.OPEN else ""
    amount = f"{event.amount:,.0f} {event.currency}" if event.amount is not None else ""
    actor = f"by {event.actor.get_full_name() or event.actor.get_username()}" if event.actor else ""
    colour = {DealState.WON: "won", DealState.OPEN: "opportunity"}.get(DealState(event.state), "left")
    return Entry(
        place=(event.occurred_at, DEAL, event.pk),
        icon="briefcase",
        title=f"{event.opportunity}: {' '.join(part for part in (state, event.deal_stage) if part) or 'changed'}",
        details=tuple(part for part in (amount, actor) if part),
        colour=colour,
    )


def _note(note: Note) -> Entry:
    author = (note.author.get_full_name() or note.author.get_username()) if note.author else "Somebody"
    return Entry(place=(note.written_at, NOTE, note.pk), icon="note", title=f"{author} wrote", text=note.text)
