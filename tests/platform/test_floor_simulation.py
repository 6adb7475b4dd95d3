"""Days on the sales floor, played through the product: every MQL accounted for, its promise as reckoned by hand."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import holidays
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from demandcenter import demo, demo_world
from demandcenter.floor_simulation import Floor, Report, open_mqls, report
from funnel.models import StageEvent
from routing.models import Absence, Assignment, Calendar, Clock, Desk, Seat

START = datetime(2026, 11, 16, tzinfo=UTC)  # a Monday
DAYS, REPS = 3, 14
_DAY = timedelta(days=1)


def play(days: int, *, touches: int = 70) -> tuple[Floor, Report]:
    demo_world.build(leads=400, now=START, users=demo.create_logins())
    opening = open_mqls()
    floor = Floor(start=START, days=days, reps=REPS, touches=touches, seed=1)
    floor.play()
    return floor, report(start=START, end=floor.end, opening=opening)


@pytest.mark.django_db
def test_the_same_seed_and_start_play_the_same_days():
    def once() -> tuple:
        with transaction.atomic():
            _floor, found = play(1, touches=40)
            transaction.set_rollback(True)
        return (
            found.entered,
            sorted(found.became.items()),
            [(one.kind, one.kept, one.running) for one in found.promises],
        )

    assert once() == once()


@pytest.fixture(scope="module")
def played(django_db_setup, django_db_blocker) -> Iterator[tuple[Floor, Report]]:
    """One floor for every test that only looks at it; taken back at the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield play(DAYS)
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_every_mql_is_owned_decided_overdue_or_unrouted_for_a_reason(played):
    _floor, found = played
    assert list(found.problems()) == []
    assert found.opening > 0 and found.entered > 30
    assert found.became.total() == found.opening + found.entered - found.again
    kinds = {what.partition(":")[0].partition(",")[0] for what in found.became}
    assert {"closed", "went on", "with an owner"} <= kinds <= {
        "closed", "went on", "with an owner", "in a pool", "unrouted"
    }  # fmt: skip
    assert "with an owner, without a promise" not in found.became


@pytest.mark.django_db
def test_nobody_had_more_than_a_lead_beyond_the_share_of_another(played):
    """From the ledger: of two who were there and had room all along, by their weights."""
    away = set(Absence.objects.values_list("rep", flat=True))
    dealt = Assignment.objects.filter(kind="assigned", occurred_at__gte=START, explanation__method="round_robin")
    full = {
        one["rep"]
        for candidates in dealt.values_list("explanation__candidates", flat=True)
        for one in candidates
        if not one["eligible"]
    }
    counts = Counter(dealt.values_list("rep", flat=True))
    seats = Seat.objects.exclude(rep__in=away | full).select_related("rep").order_by("pk")
    pairs = [(one, other) for one, other in permutations(seats, 2) if one.rep.team_id == other.rep.team_id]
    for one, other in pairs:
        # A lead for where they stand, and one for where they stood at the beginning.
        assert counts[one.rep_id] - counts[other.rep_id] * one.weight / other.weight <= 1 + one.weight / other.weight
    assert len(pairs) >= 4
    assert max(played[1].gaps.values()) <= 1 + 1e-9


# --- The promise, reckoned by hand ----------------------------------------------------------------


def working(calendar: Calendar, day: date) -> list[tuple[datetime, datetime]]:
    """When is worked on a day, in the calendar's zone: hours of the weekday, none on public holidays."""
    free = holidays.country_holidays(calendar.country) if calendar.country else {}
    if day in free:
        return []
    zone = ZoneInfo(calendar.zone)
    spans = []
    for opens, closes in calendar.hours.get(f"{day:%a}".lower(), []):
        begin = datetime.combine(day, time.fromisoformat(opens), zone)
        end = (
            datetime.combine(day + _DAY, time(), zone)
            if closes == "24:00"
            else datetime.combine(day, time.fromisoformat(closes), zone)
        )
        spans.append((begin, end))
    return spans


def one_business_day(calendar: Calendar, start: datetime) -> datetime:
    """The same time of day on the next day that is worked, within its hours; from the next opening on."""
    day = start.astimezone(ZoneInfo(calendar.zone)).date()
    begin = None
    while begin is None:
        begin = next((max(start, opens) for opens, closes in working(calendar, day) if start < closes), None)
        day += _DAY
    local = begin.astimezone(ZoneInfo(calendar.zone))
    day = local.date() + _DAY
    while not working(calendar, day):
        day += _DAY
    ((opens, closes),) = working(calendar, day)
    wall = datetime.combine(day, local.time(), ZoneInfo(calendar.zone))
    return min(max(wall, opens), closes)


def entries() -> Iterator[tuple[StageEvent, StageEvent | None]]:
    """Every entry into MQL of these days, and what ended the wait."""
    for entry in StageEvent.objects.filter(
        to_stage="mql", kind__in=["advance", "regress", "reopen"], occurred_at__gte=START
    ).order_by("pk"):
        later = entry.lead.events.filter(pk__gt=entry.pk).exclude(to_stage="mql", kind="advance")
        yield entry, later.order_by("pk").first()


def calendar_of(entry: StageEvent) -> Calendar:
    first = entry.lead.assignments.filter(cause=f"stage_event:{entry.pk}").get()
    team = first.rep.team_id if first.rep else first.team_id
    return Desk.objects.get(team=team).calendar if team else Calendar.objects.order_by("pk")[0]


@pytest.mark.django_db
def test_the_report_on_promises_is_what_one_reckons_by_hand(played):
    floor, found = played
    told = Counter({"kept": 0, "broken": 0, "overdue": 0, "running": 0})
    for entry, answer in entries():
        due = one_business_day(calendar_of(entry), entry.occurred_at)
        clock = Clock.objects.get(lead=entry.lead_id, kind="accept", cause=f"stage_event:{entry.pk}")
        assert clock.due_at == due
        if answer is not None:
            assert clock.stopped_at == answer.occurred_at
            told["kept" if answer.occurred_at <= due else "broken"] += 1
        else:
            assert clock.stopped_at is None
            told["overdue" if due < floor.end else "running"] += 1
    (accept,) = (one for one in found.promises if one.kind == "accept")
    assert {name: getattr(accept, name) for name in told} == told
    assert told["kept"] and told["broken"] + told["overdue"], "some keep their promises and some do not"


# --- The command ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_floor_that_cannot_be_is_refused_in_a_sentence():
    with pytest.raises(CommandError, match="A floor has 12 to 200 reps"):
        call_command("simulate_floor", "--reps", "3")
    with pytest.raises(CommandError, match="is no day"):
        call_command("simulate_floor", "--start", "2026-02-30")
