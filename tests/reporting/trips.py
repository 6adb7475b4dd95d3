"""Random leads, dirty ones too, as rows of the database and as the oracle's trips."""

from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from hypothesis import strategies as st

from funnel.models import Channel, Lead, Person
from tests.reporting.oracle import PATH, Trip

FIRST = datetime(2025, 10, 1, tzinfo=UTC)
EXITS = ("recycled", "disqualified", "expired", "lost", "no_decision", "merged")
CHANNELS = ("email", "Google", "google", "=search", 'quoted "x", and\nmore', None)
SEGMENTS = ("SMB", "Enterprise", None)
PLANS = ("free", "pro", None)

# Whole days and moments close to midnight, where zones and half-open periods matter.
moments = st.builds(
    lambda days, seconds: FIRST + timedelta(days=days, seconds=seconds),
    st.integers(0, 300),
    st.sampled_from([0, 0, 1, 3600, 43200, 80000, 82800, 86399]),
)
delays = st.one_of(st.integers(0, 40), st.sampled_from([-3, 0, 30, 90])).map(float)


@st.composite
def trips(draw: st.DrawFn) -> Trip:
    """One lead: it came in somewhere, skipped some stages, has dates the wrong way round at times."""
    entry = draw(st.sampled_from(["inquiry", "inquiry", "inquiry", "mql", "sal"]))
    at = draw(moments)
    reached = draw(st.sets(st.sampled_from(PATH[PATH.index(entry) :]), min_size=1))
    milestones = {}
    for stage in PATH:
        if stage in reached:
            milestones[stage] = at
            at += timedelta(days=draw(delays))
    passed = draw(st.booleans()) and "mql" not in milestones and entry == "sal"
    if passed:
        milestones["mql"] = min(milestones.values())
    way = "won" if "won" in milestones else draw(st.sampled_from(["", "", *EXITS]))
    return Trip(
        entry=entry,
        milestones=milestones,
        exit=way,
        closed_at=milestones.get("won") if way == "won" else (at if way else None),
        passthrough=passed or ("mql" in milestones and draw(st.integers(0, 5)) == 0),
        labels={
            "channel": draw(st.sampled_from(CHANNELS)),
            "segment": draw(st.sampled_from(SEGMENTS)),
            "plan": draw(st.sampled_from(PLANS)),
        },
    )


def store(many: Sequence[Trip]) -> list[Lead]:
    """Write the trips as leads of as many people."""
    channels = {name: Channel.objects.get_or_create(name=name)[0] for name in CHANNELS if name is not None}
    people = Person.objects.bulk_create(
        Person(attributes={} if trip.labels["plan"] is None else {"plan": trip.labels["plan"]}) for trip in many
    )
    Person.objects.create(attributes={"plan": "of nobody with a lead"})  # an attribute that nobody has is an error
    return Lead.objects.bulk_create(_lead(trip, person, channels) for trip, person in zip(many, people, strict=True))


def _lead(trip: Trip, person: Person, channels: dict[str, Channel]) -> Lead:
    stage = max(trip.milestones, key=PATH.index)
    return Lead(
        person=person,
        number=1,
        stage=stage,
        stage_since=trip.milestones[stage],
        entry_stage=trip.entry,
        exit=trip.exit,
        closed_at=trip.closed_at,
        passthrough=trip.passthrough,
        channel=channels.get(trip.labels["channel"] or ""),
        segment=trip.labels["segment"] or "",
        **{f"{name}_at": at for name, at in trip.milestones.items()},
    )


@contextmanager
def undone() -> Iterable[Any]:
    """A transaction whose rows are gone afterwards: one for each example of a property."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
