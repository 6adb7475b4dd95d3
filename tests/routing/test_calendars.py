"""Business time: the published example, days that differ, clocks that change, and its own inverse."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.hours.calendars import (
    WEEKDAYS,
    Hours,
    add_days,
    add_minutes,
    minutes_between,
    next_opening,
    parse_hours,
    subtract,
)

VIENNA = ZoneInfo("Europe/Vienna")
WORKDAYS = WEEKDAYS[:5]


def hours(*blocks: tuple[str, str], zone: str = "UTC", days=None, on=WORKDAYS, **place: str) -> Hours:
    weekly = {day: list(blocks or [("10:00", "18:00")]) for day in on}
    return parse_hours(zone=zone, weekly=weekly, days=days or {}, **place)


def at(day: int, clock: str, zone: ZoneInfo | None = None, month: int = 11, year: int = 2026) -> datetime:
    """A moment, by default in November 2026, whose 2nd is a Monday."""
    return datetime.combine(date(year, month, day), time.fromisoformat(clock), zone or UTC)


class TestMinutes:
    @pytest.mark.parametrize(
        ("start", "end"),
        [((4, "15:00"), (5, "17:00")), ((4, "20:00"), (6, "12:00"))],
        ids=["within hours", "after hours"],
    )
    def test_ten_hours_of_the_published_example(self, start, end):
        assert add_minutes(hours(), at(*start), 600) == at(*end)

    def test_a_day_that_is_just_used_up_ends_that_day(self):
        assert add_minutes(hours(), at(2, "10:00"), 480) == at(2, "18:00")
        assert add_minutes(hours(), at(2, "10:00"), 481) == at(3, "10:01")

    def test_no_time_at_all_is_the_next_opening(self):
        assert add_minutes(hours(), at(2, "12:00"), 0) == at(2, "12:00")
        assert add_minutes(hours(), at(6, "18:00"), 0) == at(9, "10:00")

    def test_a_weekend_passes_for_nothing(self):
        assert add_minutes(hours(), at(6, "17:55"), 10) == at(9, "10:05")
        assert minutes_between(hours(), at(6, "17:55"), at(9, "10:05")) == 10

    def test_a_lunch_break_passes_for_nothing(self):
        split = hours(("09:00", "12:00"), ("13:00", "18:00"))
        assert add_minutes(split, at(2, "11:30"), 60) == at(2, "13:30")
        assert minutes_between(split, at(2, "11:30"), at(2, "13:30")) == 60

    def test_days_that_end_at_midnight_join_the_next(self):
        always = hours(("00:00", "24:00"), on=WEEKDAYS)
        assert add_minutes(always, at(7, "23:00"), 24 * 60) == at(8, "23:00")
        assert minutes_between(always, at(1, "00:00"), at(15, "00:00")) == 14 * 24 * 60

    def test_public_holidays_and_single_days_count_as_they_are(self):
        austrian = hours(country="AT", zone="Europe/Vienna", days={date(2026, 12, 7): [["10:00", "12:00"]]})
        # Tuesday the 8th of December is a holiday there, and this Monday is short.
        assert add_minutes(austrian, at(7, "11:00", VIENNA, month=12), 120) == at(9, "11:00", VIENNA, month=12)

    def test_a_holiday_worked_after_all_is_worked(self):
        open_on_it = hours(country="AT", zone="Europe/Vienna", days={date(2026, 12, 8): [["10:00", "18:00"]]})
        assert add_minutes(open_on_it, at(7, "17:00", VIENNA, month=12), 120) == at(8, "11:00", VIENNA, month=12)

    def test_between_is_negative_backwards(self):
        assert minutes_between(hours(), at(3, "11:00"), at(2, "17:00")) == -120

    def test_a_moment_without_a_zone_is_refused(self):
        with pytest.raises(ValueError, match="time zone"):
            add_minutes(hours(), datetime(2026, 11, 2, 10), 5)  # noqa: DTZ001 the point

    def test_a_negative_span_is_refused(self):
        with pytest.raises(ValueError, match="negative"):
            add_minutes(hours(), at(2, "10:00"), -5)
        with pytest.raises(ValueError, match="negative"):
            add_days(hours(), at(2, "10:00"), -1)

    def test_a_promise_of_centuries_is_refused_in_words(self):
        with pytest.raises(ValueError, match="more than 40 years"):
            add_minutes(hours(), at(2, "10:00"), 480 * 260 * 100)
        with pytest.raises(ValueError, match="more than 40 years"):
            add_days(hours(), at(2, "10:00"), 2_000_000)

    def test_a_span_of_years_is_exact(self):
        plain = hours()
        end = add_minutes(plain, at(2, "10:00"), 480 * 5 * 520)
        assert end == at(2, "10:00") + timedelta(weeks=520) - timedelta(days=2, hours=16)  # the Friday before
        assert minutes_between(plain, at(2, "10:00"), end) == 480 * 5 * 520


class TestShiftsOverMidnight:
    """A shift from 22:00 to 06:00 belongs to the day on which it begins."""

    night = staticmethod(lambda: hours(("22:00", "06:00"), zone="Europe/Vienna"))

    def test_it_goes_on_after_midnight(self):
        assert minutes_between(self.night(), at(2, "23:00", VIENNA), at(3, "23:00", VIENNA)) == 7 * 60 + 60
        assert add_minutes(self.night(), at(2, "23:00", VIENNA), 180) == at(3, "02:00", VIENNA)
        assert next_opening(self.night(), at(3, "03:00", VIENNA)) == at(3, "03:00", VIENNA)
        assert next_opening(self.night(), at(3, "07:00", VIENNA)) == at(3, "22:00", VIENNA)
        assert subtract(self.night(), at(3, "23:00", VIENNA), 120) == at(3, "05:00", VIENNA)

    def test_that_of_friday_ends_on_saturday_and_sunday_has_none(self):
        assert add_minutes(self.night(), at(6, "22:00", VIENNA), 480) == at(7, "06:00", VIENNA)
        assert add_minutes(self.night(), at(6, "22:00", VIENNA), 481) == at(9, "22:01", VIENNA)

    @pytest.mark.parametrize(
        ("start", "end"),
        [((3, "02:00"), (4, "02:00")), ((6, "23:00"), (9, "23:00")), ((7, "03:00"), (10, "03:00"))],
    )
    def test_a_business_day_is_the_same_time_of_the_next_shift(self, start, end):
        assert add_days(self.night(), at(*start, VIENNA), 1) == at(*end, VIENNA)

    def test_a_change_of_clocks_within_it_makes_it_an_hour_longer_or_shorter(self):
        every_night = hours(("22:00", "06:00"), zone="Europe/Vienna", on=WEEKDAYS)
        spring, autumn = at(28, "12:00", VIENNA, month=3), at(24, "12:00", VIENNA, month=10)
        assert minutes_between(every_night, spring, at(29, "12:00", VIENNA, month=3)) == 7 * 60
        assert minutes_between(every_night, autumn, at(25, "12:00", VIENNA, month=10)) == 9 * 60

    def test_a_day_that_differs_may_begin_while_the_night_shift_lasts_and_counts_once(self):
        early = hours(("22:00", "06:00"), days={date(2026, 11, 3): [["05:00", "08:00"]]})
        assert minutes_between(early, at(2, "22:00"), at(3, "12:00")) == 10 * 60
        assert subtract(early, at(3, "08:00"), 10 * 60) == at(2, "22:00")


class TestPauses:
    def test_what_does_not_count_moves_the_end(self):
        pause = [(at(2, "12:00"), at(3, "11:00"))]
        assert add_minutes(hours(), at(2, "11:00"), 120, without=pause) == at(3, "12:00")
        assert minutes_between(hours(), at(2, "11:00"), at(3, "12:00"), without=pause) == 120

    def test_one_that_begins_within_another_hour_and_one_out_of_hours(self):
        pauses = [(at(2, "12:00"), at(2, "12:30")), (at(2, "19:00"), at(3, "09:00")), (at(3, "10:00"), at(3, "10:15"))]
        assert add_minutes(hours(), at(2, "11:00"), 420, without=pauses) == at(3, "10:45")


class TestChangesOfClocks:
    """In Vienna 2026-03-29 has no 02:00 to 03:00, and 2026-10-25 has it twice."""

    night = staticmethod(lambda: hours(("01:00", "04:00"), zone="Europe/Vienna", on=WEEKDAYS))

    def test_an_hour_that_is_left_out_is_not_worked(self):
        start = at(29, "01:00", VIENNA, month=3)
        assert minutes_between(self.night(), start, at(29, "04:00", VIENNA, month=3)) == 120
        assert add_minutes(self.night(), start, 90) == at(29, "03:30", VIENNA, month=3)

    def test_an_hour_that_exists_twice_is_worked_twice(self):
        start = at(25, "01:00", VIENNA, month=10)
        assert minutes_between(self.night(), start, at(25, "04:00", VIENNA, month=10)) == 240
        second = at(25, "02:30", VIENNA, month=10).replace(fold=1).astimezone(UTC)
        assert add_minutes(self.night(), start, 150) == second

    def test_hours_that_end_within_the_doubled_hour_come_back(self):
        until_half_past = hours(("01:00", "02:30"), zone="Europe/Vienna", on=WEEKDAYS)
        first = at(25, "02:30", VIENNA, month=10)
        again = at(25, "02:00", VIENNA, month=10).replace(fold=1).astimezone(UTC)
        assert next_opening(until_half_past, first) == again
        assert minutes_between(until_half_past, at(25, "00:00", VIENNA, month=10), at(25, "12:00", VIENNA, 10)) == 120

    def test_hours_that_begin_in_the_missing_hour_begin_when_it_is_over(self):
        late = hours(("02:30", "05:00"), zone="Europe/Vienna", on=WEEKDAYS)
        assert next_opening(late, at(29, "00:00", VIENNA, month=3)) == at(29, "03:00", VIENNA, month=3)

    def test_a_change_at_midnight(self):
        santiago = ZoneInfo("America/Santiago")  # 2026-09-06 begins at 01:00
        local = hours(("00:00", "24:00"), zone="America/Santiago", on=WEEKDAYS)
        assert minutes_between(local, at(6, "00:00", santiago, month=9), at(7, "00:00", santiago, month=9)) == 23 * 60

    def test_a_business_day_keeps_the_time_on_the_wall(self):
        office = hours(("09:00", "18:00"), zone="Europe/Vienna")
        friday, monday = at(23, "11:00", VIENNA, month=10), at(26, "11:00", VIENNA, month=10)
        assert add_days(office, friday, 1) == monday
        assert (monday.astimezone(UTC) - friday.astimezone(UTC)) == timedelta(days=3, hours=1)


class TestDays:
    @pytest.mark.parametrize(
        ("start", "end"),
        [
            ((3, "15:00"), (4, "15:00")),  # within hours: the same time
            ((6, "15:00"), (9, "15:00")),  # over a weekend
            ((3, "07:00"), (4, "10:00")),  # before hours: from the opening
            ((3, "18:00"), (5, "10:00")),  # after hours: from the next opening
            ((7, "12:00"), (10, "10:00")),  # on a Saturday: from Monday
        ],
    )
    def test_one_business_day(self, start, end):
        assert add_days(hours(), at(*start), 1) == at(*end)

    def test_several_and_none(self):
        assert add_days(hours(), at(3, "15:00"), 5) == at(10, "15:00")
        assert add_days(hours(), at(3, "15:00"), 0) == at(3, "15:00")
        assert add_days(hours(), at(7, "15:00"), 0) == at(9, "10:00")

    def test_it_is_clipped_to_the_hours_of_the_day(self):
        short_friday = hours(days={date(2026, 11, 6): [["12:00", "14:00"]]})
        assert add_days(short_friday, at(5, "17:00"), 1) == at(6, "14:00")
        assert add_days(short_friday, at(5, "10:30"), 1) == at(6, "12:00")

    def test_a_break_on_that_day_leads_to_its_end(self):
        split_friday = hours(days={date(2026, 11, 6): [["10:00", "12:00"], ["13:00", "18:00"]]})
        assert add_days(split_friday, at(5, "12:30"), 1) == at(6, "13:00")

    def test_holidays_are_no_business_days(self):
        austrian = hours(country="AT", zone="Europe/Vienna")
        assert add_days(austrian, at(7, "15:00", VIENNA, month=12), 1) == at(9, "15:00", VIENNA, month=12)


class TestReadingHours:
    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"zone": "Mars/Olympus"}, "There is no time zone “Mars/Olympus”"),
            ({"zone": ""}, "There is no time zone"),
            ({"weekly": {"funday": [["09:00", "17:00"]]}}, "Hours are blocks by weekday"),
            ({"weekly": []}, "Hours are blocks by weekday"),
            ({"weekly": {}}, "needs working hours on some day"),
            ({"weekly": {"mon": None}}, "mon: hours are a list of blocks"),
            ({"weekly": {"mon": "09:00"}}, "mon: hours are a list of blocks"),
            ({"weekly": {"mon": [["09:00"]]}}, "mon: a block is a start and an end"),
            ({"weekly": {"mon": [["nine", "five"]]}}, "mon: a block is a start and an end"),
            ({"weekly": {"mon": [[9, 17]]}}, "mon: a block is a start and an end"),
            ({"weekly": {"mon": [["09:00:30", "17:00"]]}}, "mon: a block is a start and an end"),
            ({"weekly": {"mon": [["17:00", "09:00"]]}}, "lasts at most 14 hours; is it the wrong way?"),
            ({"weekly": {"mon": [["09:00", "09:00"]]}}, "ends at another time than it starts"),
            ({"weekly": {"mon": [["22:00", "06:00"]], "tue": [["05:00", "09:00"]]}}, "mon: the shift over midnight"),
            ({"weekly": {"sun": [["22:00", "06:00"]], "mon": [["05:00", "09:00"]]}}, "the first block of mon"),
            ({"weekly": {"mon": [["09:00", "12:00"], ["11:00", "15:00"]]}}, "two blocks overlap"),
            ({"days": {date(2026, 12, 24): 5}}, "24 Dec 2026: hours are a list of blocks"),
            ({"country": "XX"}, "The public holidays of “XX” are not known"),
        ],
    )
    def test_what_cannot_be_is_said_in_a_sentence(self, fields, said):
        whole = {"zone": "UTC", "weekly": {"mon": [["09:00", "17:00"]]}, "days": {}} | fields
        with pytest.raises(ValueError, match=said):
            parse_hours(**whole)

    def test_a_block_may_end_at_midnight_and_days_may_be_closed(self):
        read = parse_hours(zone="UTC", weekly={"mon": [["18:00", "24:00"]]}, days={date(2026, 11, 2): []})
        assert (read.weekly[0], read.weekly[1], read.blocks(date(2026, 11, 2))) == (((1080, 1440),), (), ())


# --- what holds for any hours and any moment

clocks = st.integers(0, 95).map(lambda quarter: quarter * 15)


@st.composite
def blocks_of_a_day(draw) -> tuple[tuple[int, int], ...]:
    edges = sorted(draw(st.sets(clocks | st.just(1440), min_size=0, max_size=6)))
    return tuple(zip(edges[::2], edges[1::2], strict=False))


@st.composite
def any_hours(draw) -> Hours:
    week = tuple(draw(blocks_of_a_day()) for _ in range(7))
    if not any(week):
        week = (((540, 1080),), *week[1:])
    zone = draw(st.sampled_from(["UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]))
    first = date(2026, 3, 1)
    special = draw(st.dictionaries(st.integers(0, 60).map(lambda n: first + timedelta(n)), blocks_of_a_day()))
    return Hours(zone=ZoneInfo(zone), weekly=week, days=special)


moments = st.integers(0, 365 * 1440).map(lambda minute: at(1, "00:00", month=1) + timedelta(minutes=minute))


def is_working(hours: Hours, moment: datetime) -> bool:
    """The definition, read off the clock on the wall."""
    local = moment.astimezone(hours.zone)
    minute = local.hour * 60 + local.minute
    return any(start <= minute < end for start, end in hours.blocks(local.date()))


class TestAlways:
    @given(any_hours(), moments, st.integers(0, 6000))
    @settings(max_examples=60, deadline=None)
    def test_adding_and_counting_agree(self, hours, start, minutes):
        end = add_minutes(hours, start, minutes)
        assert minutes_between(hours, start, end) == minutes
        assert end >= start

    @given(any_hours(), moments, st.integers(0, 6000))
    @settings(max_examples=60, deadline=None)
    def test_subtracting_takes_back_what_was_added(self, hours, start, minutes):
        begins = next_opening(hours, start)
        if minutes:
            assert subtract(hours, add_minutes(hours, start, minutes), minutes) == begins
        assert minutes_between(hours, subtract(hours, start, minutes), start) == minutes

    @given(any_hours(), moments, st.integers(0, 3 * 1440))
    @settings(max_examples=40, deadline=None)
    def test_it_counts_the_minutes_that_the_wall_clock_shows_as_worked(self, hours, start, length):
        counted = sum(is_working(hours, start + timedelta(minutes=minute)) for minute in range(length))
        assert minutes_between(hours, start, start + timedelta(minutes=length)) == counted

    @given(any_hours(), moments)
    @settings(max_examples=40, deadline=None)
    def test_the_next_opening_is_the_first_worked_moment(self, hours, start):
        opening = next_opening(hours, start)
        assert is_working(hours, opening)
        assert minutes_between(hours, start, opening) == 0

    @given(any_hours(), moments, st.integers(0, 12))
    @settings(max_examples=40, deadline=None)
    def test_business_days_end_within_or_at_the_end_of_hours_and_grow(self, hours, start, days):
        ends = [add_days(hours, start, number) for number in (days, days + 1)]
        assert ends[0] < ends[1]
        assert is_working(hours, ends[1]) or is_working(hours, ends[1] - timedelta(minutes=1))
