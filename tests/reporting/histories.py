"""Random histories of leads: every kind of event, recorded late or early, voided, corrected, in any order of time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from funnel import stages
from funnel.models import Channel, Kind, Lead, Person, StageEvent
from funnel.path import BACK, EXITS, FORWARD, Step, fold

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE_WON = ("inquiry", "mql", "sal", "sql", "opportunity")
LEFT = tuple(kind for kind in EXITS if kind != Kind.WON)


@dataclass(frozen=True)
class Happening:
    """One event: `takes_back` is which earlier happening of the same lead a void takes back."""

    kind: str
    to_stage: str
    occurred_at: datetime
    recorded_at: datetime
    takes_back: int | None = None

    def step(self, index: int) -> Step:
        return Step(self.kind, self.to_stage, self.occurred_at, index, self.takes_back)


@st.composite
def histories(draw: st.DrawFn) -> list[Happening]:
    """The events of one lead in the order of their ids, such that the lead's state is one the table allows."""
    found: list[Happening] = []
    for _ in range(draw(st.integers(1, 7))):
        happening = draw(_happenings(found))
        steps = [one.step(index) for index, one in enumerate([*found, happening])]
        state = fold(steps)
        if (state.stage == "won") == (state.exit == "won"):
            found.append(happening)
    return found


@st.composite
def _happenings(draw: st.DrawFn, before: list[Happening]) -> Happening:
    occurred = FIRST + timedelta(days=draw(st.integers(0, 12)))
    recorded = FIRST + timedelta(days=draw(st.integers(0, 15)))
    voidable = [
        index
        for index, one in enumerate(before)
        if one.kind != Kind.VOID and index not in {other.takes_back for other in before}
    ]
    kind = draw(st.sampled_from(["forward", "forward", "forward", "back", "leave", "void"]))
    if kind == "void" and voidable:
        return Happening(Kind.VOID, "", occurred, recorded, draw(st.sampled_from(voidable)))
    if kind == "back":
        return Happening(draw(st.sampled_from(sorted(BACK))), draw(st.sampled_from(BEFORE_WON)), occurred, recorded)
    if kind == "leave":
        return Happening(draw(st.sampled_from(LEFT)), "", occurred, recorded)
    if draw(st.integers(0, 4)) == 0:
        return Happening(Kind.WON, "won", occurred, recorded)
    way = draw(st.sampled_from(sorted(FORWARD - {Kind.WON})))
    return Happening(way, draw(st.sampled_from(BEFORE_WON)), occurred, recorded)


def store(many: list[list[Happening]]) -> list[int]:
    """Write the histories as leads, each with a channel of its place in the list; returns the leads' ids."""
    channels = [Channel.objects.get_or_create(name=name)[0] for name in ("even", "odd")]
    people = Person.objects.bulk_create(Person() for _ in many)
    leads = Lead.objects.bulk_create(
        Lead(person=person, number=1, stage_since=FIRST, closed_at=FIRST, exit="void", channel=channels[place % 2])
        for place, person in enumerate(people)
    )
    written: list[list[StageEvent]] = [[] for _ in many]
    for position in range(max(map(len, many), default=0)):  # a void names an event that is stored already
        places = [place for place, happenings in enumerate(many) if position < len(happenings)]
        events = [_event(leads[place], many[place][position], written[place]) for place in places]
        for place, event in zip(places, StageEvent.objects.bulk_create(events), strict=True):
            written[place].append(event)
    ids = [lead.pk for lead in leads]
    stages.refresh(ids)
    return ids


def _event(lead: Lead, happening: Happening, before: list[StageEvent]) -> StageEvent:
    taken_back: Any = None if happening.takes_back is None else before[happening.takes_back]
    return StageEvent(
        lead=lead,
        kind=happening.kind,
        to_stage=happening.to_stage,
        occurred_at=happening.occurred_at,
        recorded_at=happening.recorded_at,
        supersedes=taken_back,
        cause=f"test:{len(before)}",
    )
