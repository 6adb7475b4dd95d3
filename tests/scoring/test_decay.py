"""Forward decay: golden values, and when interest next falls below a level, against plain halving."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.decay import DAY, Curve, Points, Silence, growth, interest, next_review, rounded

NONE = np.array([np.nan])
LANDMARK = 1_767_225_600.0  # 2026-01-01
NOW = LANDMARK + 150.5 * DAY


def curve(*half_lives: float, caps: tuple[float, ...] = (), levels: tuple[float, ...] = (20, 32, 40, 60), **more):
    """Half-lives in days, inf for none."""
    return Curve(
        LANDMARK,
        np.array(half_lives) * DAY,
        np.array(caps or (np.inf,) * len(half_lives)),
        np.array(levels),
        **more,
    )


def points(*worth: float, at: float = NOW, of: Curve, windows=None, last_at: float = np.nan, expires: float = np.nan):
    """One person whose categories are worth so much at a moment."""
    above = np.array([np.array(worth) * growth(np.array([at]), of.half_lives, LANDMARK)])
    return Points(above, np.array([windows or [0.0] * len(worth)]), np.array([last_at]), np.array([expires]))


def review(of: Curve, having: Points, at: float = NOW, due: float = np.nan) -> float:
    return float(next_review(of, having, np.array([at]), np.array([due]))[0])


def place(of: Curve, having: Points, at: float) -> int:
    """How many levels interest is at."""
    return int(np.searchsorted(of.levels, rounded(interest(of, having, at)), side="right")[0])


@pytest.mark.parametrize(("days", "worth"), [(0, 50), (15, 35.355), (30, 25), (60, 12.5), (90, 6.25)])
def test_fifty_points_halve_every_thirty_days(days, worth):  # domain.md F7b
    month = curve(30)
    assert interest(month, points(50, of=month), NOW + days * DAY)[0] == pytest.approx(worth, abs=5e-4)


def test_what_does_not_decay_stays():
    still = curve(np.inf)
    assert interest(still, points(50, of=still), NOW + 5000 * DAY)[0] == 50
    assert np.isnan(review(still, points(50, of=still)))


def test_a_category_counts_neither_below_zero_nor_above_its_cap():
    two = curve(30, 30, caps=(25, 25))
    assert interest(two, points(-10, 90, of=two), NOW)[0] == 25
    assert interest(two, points(-10, 90, of=two), NOW + 60 * DAY)[0] == 22.5


def test_the_review_comes_when_the_closed_form_says():
    month = curve(30, levels=(40,))
    # 80 points fall below 40 after one half-life; the next whole second makes it certain.
    assert review(month, points(80, of=month)) == pytest.approx(NOW + 30 * DAY, abs=2)


def test_the_review_waits_for_a_cap_to_let_go():
    capped = curve(30, 30, caps=(30, np.inf), levels=(40,))
    # 120 capped at 30 and 20: the first stays at 30 for two half-lives, the second falls to 10 after one.
    assert review(capped, points(120, 20, of=capped)) == pytest.approx(NOW + 30 * DAY, abs=2)


def test_a_window_a_silence_and_a_cool_down_are_reviews_too():
    quiet = curve(np.inf, levels=(20,), silences=(Silence(0, -5, 60 * DAY, 30 * DAY),))
    someone = points(50, of=quiet, last_at=NOW - 50 * DAY)
    assert review(quiet, someone) == pytest.approx(NOW + 10 * DAY, abs=1.01)
    assert review(quiet, someone, NOW + 11 * DAY) == pytest.approx(NOW + 40 * DAY, abs=1.01)
    assert review(quiet, someone, due=NOW + 5 * DAY) == pytest.approx(NOW + 5 * DAY, abs=1.01)
    ending = points(50, of=quiet, last_at=NOW - 50 * DAY, expires=NOW + 3 * DAY)
    assert review(quiet, ending) == pytest.approx(NOW + 3 * DAY, abs=1.01)


def test_silence_takes_nothing_from_nothing():
    quiet = curve(np.inf, levels=(20,), silences=(Silence(0, -5, 60 * DAY, 30 * DAY),))
    assert np.isnan(review(quiet, points(0, of=quiet, last_at=NOW - 500 * DAY)))
    assert interest(quiet, points(12, of=quiet, last_at=NOW - 500 * DAY), NOW)[0] == 0


def test_exponents_of_other_centuries_neither_overflow_nor_underflow():
    week = curve(7)
    ages = np.array([NOW - 36_500 * DAY, NOW, NOW + 36_500 * DAY])
    grown = growth(ages, 7 * DAY, LANDMARK)
    assert np.all(np.isfinite(grown)) and np.all(grown > 0)
    someone = Points(grown[:, None] * 10, np.zeros((3, 1)), np.full(3, np.nan), np.full(3, np.nan))
    assert interest(week, someone, NOW)[0] == pytest.approx(0, abs=1e-100)
    assert np.all(np.isfinite(interest(week, someone, NOW + 36_500 * DAY)))


def test_no_review_is_planned_for_another_century():
    slow = curve(36_500, levels=(1,))
    assert np.isnan(review(slow, points(8, of=slow)))


worths = st.floats(-40, 200)
half_lives = st.sampled_from([7.0, 21.0, 45.0, 90.0, np.inf])
caps = st.sampled_from([5.0, 15.0, 30.0, 50.0, np.inf])


@st.composite
def people(draw, equal: bool):
    size = draw(st.integers(1, 4))
    spans = [draw(half_lives)] * size if equal else draw(st.lists(half_lives, min_size=size, max_size=size))
    silences = tuple(
        Silence(
            draw(st.integers(0, size - 1)), draw(st.floats(-20, 0)), 40 * DAY, draw(st.sampled_from([DAY * 9, np.inf]))
        )
        for _ in range(draw(st.integers(0, 2)))
    )
    of = curve(*spans, caps=tuple(draw(caps) for _ in range(size)), silences=silences)
    last_at = draw(st.sampled_from([np.nan, NOW - 100 * DAY, NOW - 20 * DAY, NOW]))
    return of, points(*(draw(worths) for _ in range(size)), of=of, last_at=last_at)


def halved(of: Curve, having: Points, until: float) -> float:
    """The first moment at which fewer levels are reached than now, by halving; nan if there is none until then."""
    now = place(of, having, NOW)
    near, far = NOW, until
    if place(of, having, far) >= now:
        return np.nan
    while far - near > 0.001:
        middle = (near + far) / 2
        near, far = (middle, far) if place(of, having, middle) >= now else (near, middle)
    return far


@settings(max_examples=150, deadline=None)
@given(st.booleans().flatmap(people))
def test_reviews_come_when_halving_says(drawn):
    of, having = drawn
    found = review(of, having)
    until = found if np.isfinite(found) else NOW + 90 * 365 * DAY
    expected = halved(of, having, until + 1)
    if np.isfinite(found):
        assert found > NOW and found == int(found)
    if np.isfinite(expected):  # interest only falls, so before the review it is at as many levels as now
        assert found == pytest.approx(expected, abs=1.1)
    else:  # a silence grows first
        assert np.isnan(found) or having.last_at[0] + 40 * DAY <= found


@settings(max_examples=50, deadline=None)
@given(people(equal=False), st.lists(st.floats(0, 4000), min_size=2, max_size=8))
def test_interest_only_falls(drawn, days):
    of, having = drawn
    held = [interest(of, having, NOW + day * DAY)[0] for day in sorted(days)]
    assert np.all(np.diff(held) <= 1e-9)
