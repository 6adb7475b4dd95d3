"""Days on the sales floor, played through the product: everything accounted for, its promises as reckoned by hand."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import transaction

from demandcenter import demo, demo_world
from demandcenter.floor_simulation import Floor, Report, opening, report
from reporting.periods import Period
from reporting.sla.asking import Asked
from reporting.sla.figures import by_kind
from routing.models import Absence, Assignment, Clock, Seat, SlaPromise
from tests.platform.floor_oracle import Told, reckon

pytestmark = pytest.mark.xdist_group("long transactions")  # days that are played once serve them all
START = datetime(2026, 11, 16, tzinfo=UTC)  # a Monday
DAYS, REPS = 3, 14


def play(days: int, *, touches: int) -> tuple[Floor, Report]:
    began = opening()
    floor = Floor(start=START, days=days, reps=REPS, touches=touches, seed=1)
    floor.play()
    return floor, report(start=START, end=floor.end, began=began)


@pytest.mark.django_db
def test_the_same_seed_and_start_play_the_same_days():
    demo_world.build(leads=60, now=START, users=demo.create_logins())

    def once() -> tuple:
        with transaction.atomic():
            _floor, found = play(1, touches=40)
            transaction.set_rollback(True)
        return (found.mqls, found.sqls, found.hand_offs, found.promises, found.gaps)

    assert once() == once()


@pytest.fixture(scope="module")
def played(django_db_setup, django_db_blocker) -> Iterator[tuple[Floor, Report]]:
    """One floor for every test that only looks at it; taken back at the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        demo_world.build(leads=400, now=START, users=demo.create_logins())
        yield play(DAYS, touches=90)
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_every_mql_is_owned_decided_overdue_or_unrouted_for_a_reason(played):
    _floor, found = played
    assert list(found.problems()) == []
    mqls = found.mqls
    assert mqls.opening > 0 and mqls.entered > 30
    assert mqls.became.total() == mqls.opening + mqls.entered - mqls.again
    kinds = {what.partition(":")[0].partition(",")[0] for what in mqls.became}
    assert {"closed", "went on"} <= kinds <= {
        "closed", "went on", "with an owner", "in a pool", "unrouted"
    }  # fmt: skip
    assert "with an owner, without a promise" not in mqls.became


@pytest.mark.django_db
def test_every_sql_that_was_offered_was_taken_returned_taken_back_or_waits(played):
    _floor, found = played
    hands = found.hand_offs
    assert hands.offered > 5 and hands.taken and hands.returned and hands.waiting
    assert hands.waited + hands.offered == hands.taken + hands.returned + hands.taken_back + hands.waiting
    sqls = found.sqls
    assert sqls.entered > 5 and sqls.became["went on: opportunity"] > 0
    assert sqls.became.total() == sqls.opening + sqls.entered - sqls.again


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


# --- Promises, reckoned by hand -------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(played) -> set[Told]:
    return reckon(played[0].end)


@pytest.mark.django_db
def test_every_clock_is_what_one_reckons_by_hand(played, told):
    stored = {
        Told(clock.lead_id, clock.kind, clock.started_at, clock.due_at, clock.stopped_at, clock.cancelled)
        for clock in Clock.objects.all()
    }
    assert stored - told == set(), "clocks that no fact asks for"
    assert told - stored == set(), "promises that nobody timed"


@pytest.mark.django_db
def test_the_report_on_promises_is_what_one_reckons_by_hand(played, told):
    floor, _found = played
    now = floor.end
    zone = ZoneInfo(settings.REPORTING_ZONE)
    since, until = (datetime.combine(day, time(), zone) for day in (START.date(), now.date()))
    asked = Asked(period=Period("custom", START.date(), now.date()))
    counted = [one for one in told if since <= one.due < until and not one.called_off]
    counted = [one for one in counted if one.end or one.due < now]
    expected = {
        kind: (
            sum(not one.missed(now) for one in counted if one.kind == kind),
            sum(one.missed(now) for one in counted if one.kind == kind),
            sum(one.end is None for one in counted if one.kind == kind),
        )
        for kind in {one.kind for one in counted}
    }
    figures = by_kind(asked, User.objects.get(username="hanna"), now=now)
    assert {one.key: (one.kept, one.missed, one.overdue) for one in figures} == expected
    assert set(expected) == set(SlaPromise.Kind.values), "each kind of promise ran out or was kept in these days"
    assert all(kept for kind, (kept, _missed, _overdue) in expected.items())
    assert sum(missed for _kept, missed, _overdue in expected.values()) > 10
    assert sum(overdue for _kept, _missed, overdue in expected.values()) > 3


# --- The command ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_floor_that_cannot_be_is_refused_in_a_sentence():
    with pytest.raises(CommandError, match="A floor has 12 to 200 reps"):
        call_command("simulate_floor", "--reps", "3")
    with pytest.raises(CommandError, match="is no day"):
        call_command("simulate_floor", "--start", "2026-02-30")
