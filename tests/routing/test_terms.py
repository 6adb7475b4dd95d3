"""The moments of a clock: shares of the promised time, moved by pauses and by nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.hours.calendars import WEEKDAYS, minutes_between, parse_hours
from routing.sla.terms import Moments, Terms, joined, moments, within

OFFICE = parse_hours(zone="UTC", weekly={day: [["09:00", "18:00"]] for day in WEEKDAYS[:5]}, days={})
MONDAY = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of June 2026, whose 1st is a Monday."""
    return datetime(2026, 6, day, hour, minute, tzinfo=UTC)


def test_every_rung_is_a_share_of_the_promised_working_time():
    found = moments(Terms(amount=1, unit="business_days", reassign=True, expires_at=3), OFFICE, MONDAY)
    assert found == Moments(at(2, 10, 12), at(2, 12), at(2, 16, 30), at(4, 12))


@pytest.mark.parametrize(
    ("terms", "due"),
    [
        (Terms(amount=30, unit="business_minutes"), at(1, 12, 30)),
        (Terms(amount=2, unit="business_days"), at(3, 12)),
        (Terms(amount=14, unit="days"), at(15, 12)),
    ],
)
def test_the_units(terms, due):
    assert moments(terms, OFFICE, MONDAY).due_at == due


def test_days_by_the_calendar_count_every_hour():
    found = moments(Terms(amount=2, unit="days", warn_at=0.5, reassign=True), OFFICE, at(6, 8))
    assert (found.warn_at, found.due_at, found.reassign_at) == (at(7, 8), at(8, 8), at(9, 8))


def test_paused_working_time_moves_what_is_due():
    pause = [(at(1, 14), at(2, 10))]  # four hours of Monday and one of Tuesday
    found = moments(Terms(amount=1, unit="business_days"), OFFICE, MONDAY, pause)
    assert found.due_at == at(2, 17)


def test_a_pause_outside_hours_moves_nothing():
    assert moments(Terms(amount=1, unit="business_days"), OFFICE, MONDAY, [(at(1, 19), at(2, 8))]).due_at == at(2, 12)


def test_a_promise_that_would_run_out_in_a_pause_runs_out_after_it():
    friday = datetime(2026, 6, 5, 20, tzinfo=UTC)  # due on Tuesday at nine, when all of Monday is used up
    pause = [(at(8, 19), at(11, 12))]
    assert moments(Terms(amount=1, unit="business_days"), OFFICE, friday).due_at == at(9, 9)
    assert moments(Terms(amount=1, unit="business_days"), OFFICE, friday, pause).due_at == at(11, 12)


def test_a_rung_beyond_what_a_calendar_can_reckon_is_never_reached():
    scarce = parse_hours(zone="UTC", weekly={"mon": [["09:00", "09:10"]]}, days={})
    found = moments(Terms(amount=20_000, unit="business_minutes", reassign=True, expires_at=20), scarce, MONDAY)
    assert found.due_at.year == 2064 and found.expires_at is None


def test_spans_are_joined_and_clipped():
    spans = joined([(at(3, 9), at(4, 9)), (at(1, 9), at(2, 9)), (at(2, 9), at(2, 12)), (at(5, 9), at(5, 9))])
    assert spans == [(at(1, 9), at(2, 12)), (at(3, 9), at(4, 9))]
    assert within(spans, at(2, 10), at(3, 10)) == [(at(2, 10), at(2, 12)), (at(3, 9), at(3, 10))]
    assert within(spans, at(4, 9), None) == []


minutes_of = st.integers(0, 20 * 24 * 60).map(lambda n: MONDAY + timedelta(minutes=n))
pauses_of = st.lists(st.tuples(minutes_of, minutes_of), max_size=4).map(joined)


@given(minutes_of, pauses_of, st.integers(1, 4_000))
def test_promised_minutes_are_those_that_pass_outside_of_pauses(start, pauses, amount):
    terms = Terms(amount=amount, unit="business_minutes", reassign=True, expires_at=3)
    pauses = within(pauses, start, None)
    found = moments(terms, OFFICE, start, pauses)

    def counted(end: datetime) -> float:
        return minutes_between(OFFICE, start, end, without=pauses)

    assert counted(found.due_at) == pytest.approx(amount)
    assert counted(found.warn_at) == pytest.approx(0.8 * amount)
    assert found.reassign_at and counted(found.reassign_at) == pytest.approx(1.5 * amount)
    assert found.warn_at <= found.due_at <= found.reassign_at <= (found.expires_at or found.reassign_at)


@given(minutes_of, pauses_of, st.integers(1, 9), st.sampled_from(["business_days", "days"]))
def test_a_pause_never_makes_anything_due_sooner_nor_within_itself(start, pauses, amount, unit):
    pauses = within(pauses, start, None)
    plain, paused = (moments(Terms(amount=amount, unit=unit), OFFICE, start, p) for p in ([], pauses))
    assert plain.due_at <= paused.due_at and plain.warn_at <= paused.warn_at
    assert not any(begins < paused.due_at < ends for begins, ends in pauses)
