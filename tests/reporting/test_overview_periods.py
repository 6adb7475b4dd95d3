"""Periods, what they are compared with, and the cohort that is old enough (domain.md 3.5)."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.periods import PRESETS, Period, compared, mature, preset, shift_months

TUESDAY = dt.date(2026, 11, 17)
NOW = dt.datetime(2026, 11, 17, 10, 41, tzinfo=ZoneInfo("Europe/Vienna"))
days = st.dates(dt.date(2001, 1, 1), dt.date(2090, 12, 31))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("4w", "19 Oct – 15 Nov 2026"),
        ("13w", "17 Aug – 15 Nov 2026"),
        ("52w", "17 Nov 2025 – 15 Nov 2026"),
        ("month", "1 Nov – 17 Nov 2026"),
        ("last-month", "1 Oct – 31 Oct 2026"),
        ("quarter", "1 Oct – 17 Nov 2026"),
        ("last-quarter", "1 Jul – 30 Sep 2026"),
        ("last-year", "1 Jan – 31 Dec 2025"),
        ("all", "all time"),
    ],
)
def test_a_preset_is_said_with_its_last_day(key: str, words: str) -> None:
    assert str(preset(key, TUESDAY)) == words


@pytest.mark.parametrize(
    ("key", "how", "words"),
    [
        ("13w", "before", "18 May – 16 Aug 2026"),
        ("13w", "year", "18 Aug – 16 Nov 2025"),  # 52 weeks, so that Monday meets Monday
        ("last-month", "before", "1 Sep – 30 Sep 2026"),
        ("last-quarter", "before", "1 Apr – 30 Jun 2026"),
        ("quarter", "before", "1 Jul – 17 Aug 2026"),  # to date against as much of the quarter before
        ("last-year", "year", "1 Jan – 31 Dec 2024"),
    ],
)
def test_a_period_is_compared_with_one_of_its_own_make(key: str, how: str, words: str) -> None:
    assert str(compared(preset(key, TUESDAY), how)) == words


def test_nothing_is_compared_where_nothing_can_be() -> None:
    assert compared(preset("all", TUESDAY), "before") is None
    assert compared(preset("13w", TUESDAY), "none") is None


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (90, "18 May – 16 Aug 2026"),
        (14, "3 Aug – 1 Nov 2026"),
        (45, "29 Jun – 27 Sep 2026"),
        (30, "13 Jul – 11 Oct 2026"),
        (120, "20 Apr – 19 Jul 2026"),
        (270, "17 Nov 2025 – 15 Feb 2026"),
    ],
)
def test_the_cohort_moves_back_until_all_of_it_had_the_window(window: int, words: str) -> None:
    assert str(mature(preset("13w", TUESDAY), window, NOW)) == words


def test_a_quarter_moves_back_by_quarters_and_an_old_one_stays() -> None:
    last_quarter = preset("last-quarter", TUESDAY)
    assert str(mature(last_quarter, 90, NOW)) == "1 Apr – 30 Jun 2026"
    assert mature(last_quarter, 30, NOW) == last_quarter


def test_all_time_ends_where_the_window_begins() -> None:
    assert str(mature(preset("all", TUESDAY), 90, NOW)) == "up to 18 Aug 2026"


@given(key=st.sampled_from(sorted(PRESETS)), today=days, window=st.integers(1, 400))
def test_a_mature_cohort_is_always_old_enough_and_the_newest_of_its_steps(
    key: str, today: dt.date, window: int
) -> None:
    now = dt.datetime.combine(today, dt.time(9, 30), dt.UTC)
    period = preset(key, today)
    cohort = mature(period, window, now)
    assert cohort.end is not None
    limit = now - dt.timedelta(days=window)
    assert dt.datetime.combine(cohort.end, dt.time(), dt.UTC) <= limit
    if period.end is not None and cohort != period:
        step = 366 if period.months else 7
        assert (limit.date() - cohort.end).days < step


@given(day=days, months=st.integers(-30, 30))
def test_months_shift_to_the_same_day_or_the_months_last(day: dt.date, months: int) -> None:
    moved = shift_months(day, months)
    assert (moved.year * 12 + moved.month) - (day.year * 12 + day.month) == months
    assert moved.day == day.day or (moved + dt.timedelta(days=1)).day == 1


def test_bounds_are_midnights_of_the_zone() -> None:
    first, after = Period("custom", dt.date(2026, 3, 29), dt.date(2026, 3, 30)).bounds("Europe/Vienna")
    assert first is not None and after is not None
    assert (after.astimezone(dt.UTC) - first.astimezone(dt.UTC)) == dt.timedelta(hours=23)  # clocks go forward
