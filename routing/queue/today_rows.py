"""What a row of Today says: the queue's row of the lead, and above it what is to be done and by when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from django.utils import timezone
from django.utils.text import Truncator

from routing.acts.viewer import Viewer
from routing.hours.countdown import moment_words, span_words
from routing.models import HandOff, Meeting, Task
from routing.queue.rows import Row, rows_of
from routing.queue.today import SECTIONS, Spot
from routing.sales.handoff_page import offered_among


@dataclass(frozen=True, slots=True)
class Item:
    """One line. what: what is to be done, in words; late: its time has passed. hand_off: an offer that waits."""

    row: Row
    section: str
    what: str
    late: bool
    task: Task | None
    meeting: Meeting | None
    hand_off: HandOff | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """What stands together, and how much more of it there is."""

    name: str
    title: str
    total: int
    items: list[Item]

    @property
    def more(self) -> int:
        return self.total - len(self.items)


def sections_of(spots: Sequence[Spot], viewer: Viewer, *, now: datetime) -> list[Section]:
    """The sections of these spots, in order. A constant number of queries."""
    rows = {row.lead.pk: row for row in rows_of([spot.place for spot in spots], viewer, now=now)}
    tasks = Task.objects.select_related("step").in_bulk([spot.task_id for spot in spots if spot.task_id])
    meetings = Meeting.objects.in_bulk([spot.meeting_id for spot in spots if spot.meeting_id])
    offered = offered_among([spot.place.lead_id for spot in spots if spot.section == "handed"])
    found = []
    for name, group in groupby(spots, key=lambda spot: spot.section):
        same = list(group)
        items = [
            _item(spot, rows[spot.place.lead_id], tasks.get(spot.task_id or 0), meetings.get(spot.meeting_id or 0), now)
            for spot in same
            if spot.place.lead_id in rows
        ]
        items = [_with_offer(item, offered.get(item.row.lead.pk), now) for item in items]
        found.append(Section(name, SECTIONS[name], same[0].total, items))
    return found


def _item(spot: Spot, row: Row, task: Task | None, meeting: Meeting | None, now: datetime) -> Item:
    what, late = "", False
    if spot.section == "replies":
        what = f"Wrote {span_words(now - task.due_at)} ago" if task and task.kind == Task.Kind.REPLY else "Asks for us"
        late = True
    elif spot.section == "due" and task:
        what, late = _due(task, now)
    elif spot.section == "meetings" and meeting:
        what, late = f"Met {moment_words(meeting.starts_at, now=now)}? Say how it went", True
    elif spot.section == "revisits":
        what = "Its day to look again has come"
    elif spot.section in ("handed", "idle"):
        since = span_words(now - row.lead.stage_since)
        what = f"SQL since {since}" if spot.section == "handed" else f"Accepted {since} ago, no next date"
    return Item(row, spot.section, what, late, task, meeting)


def _with_offer(item: Item, offer: HandOff | None, now: datetime) -> Item:
    """With the hand-off that waits for an answer, and what its note says they need."""
    if offer is None:
        return item
    need = Truncator(offer.note.need).chars(100)
    what = f"{offer.from_rep or 'Somebody'}, {span_words(now - offer.offered_at)} ago: {need}"
    return replace(item, what=what, hand_off=offer)


def _due(task: Task, now: datetime) -> tuple[str, bool]:
    """In words, and whether it is late: the moment itself has passed."""
    at = moment_words(task.shown_at, now=now)
    today = timezone.localtime(task.shown_at).date() == timezone.localtime(now).date()
    return f"{task.title} {'today ' if today else ''}{at}", task.shown_at < now
