"""What a team can decide in a week, and who would have waited how long for it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.hours.calendars import add_days, add_minutes, minutes_between, parse_hours
from routing.seats.serving import Axis, Desk, Promise, busy_week, capacity, minutes_of, serve, serve_lines

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), [["09:00", "12:00"], ["13:00", "18:00"]])
OFFICE = parse_hours(zone="UTC", weekly=WEEK, days={date(2026, 11, 11): []})  # 40 hours a week, one day closed
VIENNA = parse_hours(zone="Europe/Vienna", weekly=WEEK, days={})
AN_HOUR = 40  # decisions a week that take an hour each


def at(day: int, clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return MONDAY + timedelta(days=day - 2, hours=hour, minutes=minute)


def waits(*arrivals: datetime, amount: int = 60, unit: str = "business_minutes", weekly: float = AN_HOUR) -> tuple:
    served = serve(minutes_of(arrivals), hours=OFFICE, weekly=weekly, promise=Promise(amount, unit))
    return served.k, served.n, [round(wait) for wait in served.waits]


class TestCapacity:
    def test_a_seat_counts_as_it_is_set_else_as_a_busy_week_of_its_rep(self):
        busy = (3, 4, 4, 5, 5, 5, 6, 6, 6, 7, 8, 9, 20)
        found = capacity([Desk(rep_id=1, weekly=12, decided=busy), Desk(rep_id=2, decided=busy)])
        assert busy_week(busy) == 9  # the 12th of 13: one extraordinary week says nothing
        assert found.weekly == 21
        assert found.words == "2 seats: 1 as set, 1 by what they decided in a busy week (p90 of 13 weeks)."

    def test_a_newcomer_counts_as_the_median_of_the_others(self):
        found = capacity([Desk(rep_id=1, weekly=10), Desk(rep_id=2, weekly=20), Desk(rep_id=3, decided=(0, 0))])
        assert found.weekly == 45
        assert found.lines == {None: 45}
        assert "1 without decisions yet, like the median of the others" in found.words

    def test_the_seats_of_each_calendar_are_a_line(self):
        found = capacity([Desk(rep_id=1, calendar_id=7, weekly=10), Desk(rep_id=2, calendar_id=8, weekly=5)])
        assert (found.weekly, found.lines) == (15, {7: 10, 8: 5})

    def test_what_nothing_tells_is_not_nought(self):
        assert capacity([Desk(rep_id=1)]).weekly is None
        assert capacity([Desk(rep_id=1)]).words == "Nothing tells what 1 seat can decide: set it on the seats."
        assert capacity([]).words == "Nobody receives leads: no seat is set to."


class TestServing:
    def test_one_after_the_other_waits_for_the_one_before(self):
        assert waits(at(2, "09:00"), at(2, "09:00"), at(2, "09:30")) == (1, 3, [60, 120, 150])

    def test_nights_lunch_and_closed_days_pass_for_nothing(self):
        assert waits(at(6, "17:30"), at(7, "11:00"), at(10, "11:30"), amount=120) == (3, 3, [60, 90, 60])
        assert waits(at(10, "17:30"), at(12, "09:00")) == (1, 2, [60, 90])

    def test_a_business_day_ends_at_the_same_time_of_the_next_working_day(self):
        many = [at(2, "10:00")] * 10  # an hour each: the eighth is done on Tuesday at ten
        assert waits(*many, amount=1, unit="business_days")[0] == 8
        assert waits(*many, amount=1, unit="days")[0] == 8

    def test_who_comes_on_saturday_is_due_after_monday_by_working_days_and_before_it_by_the_calendar(self):
        assert waits(at(7, "11:00"), amount=1, unit="business_days")[0] == 1
        assert waits(at(7, "11:00"), amount=1, unit="days")[0] == 0

    def test_lines_share_what_comes_by_what_they_decide(self):
        four = minutes_of([at(2, "09:00")] * 4)
        hour = Promise(60, "business_minutes")
        for lines, in_time in (
            ([(OFFICE, AN_HOUR), (OFFICE, 3 * AN_HOUR)], [True] * 4),
            ([(OFFICE, AN_HOUR), (OFFICE, AN_HOUR)], [True, True, False, False]),
            ([(OFFICE, 0), (OFFICE, AN_HOUR)], [True, False, False, False]),
        ):
            assert serve_lines(four, lines=lines, promise=hour).tolist() == in_time
        with pytest.raises(ValueError, match="serves nobody"):
            serve_lines(four, lines=[], promise=hour)

    def test_nobody_came_is_nobody_served(self):
        assert waits() == (0, 0, [])

    def test_a_team_that_decides_nothing_is_refused(self):
        with pytest.raises(ValueError, match="serves nobody"):
            waits(at(2, "09:00"), weekly=0)


moments = st.integers(-30 * 86400, 50 * 86400).map(lambda seconds: MONDAY + timedelta(seconds=seconds))  # clocks change


class TestAgainstTheCalendar:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(moments, min_size=1, max_size=8), st.integers(1, 6), st.sampled_from([OFFICE, VIENNA]))
    def test_the_axis_tells_what_the_calendar_tells(self, found, days, hours):
        axis = Axis(hours, date(2026, 9, 25), date(2027, 3, 1))
        start = datetime(2026, 9, 25, tzinfo=ZoneInfo(str(hours.zone)))
        minutes = np.array([moment.timestamp() / 60 for moment in found])
        for moment, elapsed, due in zip(found, axis.elapsed(minutes), axis.after_days(minutes, days), strict=True):
            assert elapsed == pytest.approx(minutes_between(hours, start, moment))
            assert due == pytest.approx(minutes_between(hours, start, add_days(hours, moment, days)), abs=1e-3)

    @settings(max_examples=60, deadline=None)
    @given(st.lists(moments, max_size=25), st.integers(5, 200), st.integers(1, 900))
    def test_serving_is_that_of_a_plain_line(self, arrivals, weekly, amount):
        free, k, came = None, 0, minutes_of(arrivals)
        each = 2400 / weekly
        for arrival in sorted(arrivals):
            begins = arrival if free is None else max(arrival, free)
            free = add_minutes(OFFICE, begins, each)
            k += minutes_between(OFFICE, arrival, free) <= amount + 1e-6
        assert serve(came, hours=OFFICE, weekly=weekly, promise=Promise(amount, "business_minutes")).k == k

    @settings(max_examples=40, deadline=None)
    @given(st.lists(moments, min_size=1, max_size=25), st.integers(5, 100), st.integers(1, 100))
    def test_more_hands_never_keep_fewer_promises(self, arrivals, weekly, more):
        promise = Promise(1, "business_days")
        came = minutes_of(arrivals)
        few = serve(came, hours=VIENNA, weekly=weekly, promise=promise)
        many = serve(came, hours=VIENNA, weekly=weekly + more, promise=promise)
        assert few.k <= many.k <= many.n == len(arrivals)
