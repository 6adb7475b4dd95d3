"""Quotas that are fractions: they add up, and nobody is owed a pile."""

from datetime import date, timedelta
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.seats.quotas import DAY, WEEK, left, since

START = date(2026, 6, 1)  # a Monday


def taken(quota: float, per: str, days: list[int], *, start: date = START) -> list[int]:
    """How many leads are received each day, when so many come in, and the quota is all that holds them back."""
    received: dict[date, int] = {}
    found = []
    for number, coming in enumerate(days):
        today = start + timedelta(days=number)
        begin = since(today, per)
        known = {day: count for day, count in received.items() if day >= begin}
        got = min(coming, left(quota, known, today=today, per=per))
        received[today] = received.get(today, 0) + got
        found.append(got)
    return found


class TestADay:
    def test_half_a_lead_a_day_is_one_every_other_day(self):
        assert sum(taken(0.5, DAY, [5] * 100)) == pytest.approx(50, abs=2)

    def test_a_fraction_is_not_rounded_away(self):
        assert sum(taken(0.1, DAY, [1] * 100)) >= 8

    def test_two_and_a_half(self):
        days = taken(2.5, DAY, [9] * 40)
        assert set(days) <= {2, 3} and sum(days) == pytest.approx(100, abs=2)

    def test_a_holiday_leaves_no_pile(self):
        days = taken(3, DAY, [9] * 5 + [0] * 20 + [9] * 3)
        assert days[25:] == [3, 3, 3]


class TestAWeek:
    def test_ten_a_week_may_come_on_one_day(self):
        assert taken(10, WEEK, [50, 50, 0, 0, 0, 0, 0, 50])[::7] == [10, 10]

    def test_a_week_and_a_half_carries_over(self):
        weeks = [sum(days) for days in zip(*[iter(taken(1.5, WEEK, [1] * 70))] * 7, strict=True)]
        assert set(weeks) <= {1, 2} and sum(weeks) == pytest.approx(15, abs=2)


class TestAlways:
    @given(
        st.sampled_from([0.05, 0.3, 0.5, 1, 1.7, 2.5, 8]), st.sampled_from([DAY, WEEK]),
        st.lists(st.integers(0, 12), min_size=1, max_size=120), st.integers(0, 60),
    )  # fmt: skip
    @settings(max_examples=60, deadline=None)
    def test_nobody_gets_more_than_the_quota_and_one_carried_over(self, quota, per, days, offset):
        start = START + timedelta(days=offset)
        periods = {(start + timedelta(days=n) - date(1970, 1, 5)).days // (7 if per == WEEK else 1) for n in
                   range(len(days))}  # fmt: skip
        found = taken(quota, per, days, start=start)
        blocks = len(periods) // 28 + 2  # where the count begins anew a fraction may be counted twice
        assert sum(found) <= quota * len(periods) + 1 + blocks
        if per == DAY:
            assert max(found) <= ceil(quota)

    @given(st.sampled_from([0.3, 1.7, 4]), st.integers(0, 200))
    @settings(max_examples=40, deadline=None)
    def test_what_is_read_lies_within_a_few_weeks(self, quota, offset):
        today = START + timedelta(days=offset)
        assert 28 <= (today - since(today, DAY)).days < 56
        assert 56 <= (today - since(today, WEEK)).days < 119
