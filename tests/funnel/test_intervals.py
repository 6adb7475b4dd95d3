"""Interval estimates: fixture F7 and what must hold for any share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnel.intervals import difference, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0, 0.2775), (3, 10, 0.1078, 0.6032), (10, 10, 0.7225, 1), (90, 100, 0.8256, 0.9448)],
)
def test_wilson_interval_of_the_fixture(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2)])
def test_without_trials_or_with_more_successes_than_trials_there_is_no_interval(successes: int, trials: int) -> None:
    assert wilson(successes, trials) == (None, None)


@given(st.integers(1, 10**9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_lies_in_0_to_1_around_the_share_and_mirrors(case: tuple[int, int]) -> None:
    successes, trials = case
    low, high = wilson(successes, trials)
    assert low is not None and high is not None
    assert 0 <= low <= successes / trials <= high <= 1
    assert wilson(trials - successes, trials) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 20), 0.6791, 1)],
)
def test_difference_of_two_shares_as_newcombe_has_it(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    assert difference(*first, *second) == pytest.approx((low, high), abs=5e-5)


@given(
    *[st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))] * 2,
)
def test_difference_lies_around_that_of_the_shares_and_mirrors(first: tuple[int, int], second: tuple[int, int]) -> None:
    low, high = difference(*first, *second)
    assert low is not None and high is not None
    apart = first[0] / first[1] - second[0] / second[1]
    assert -1 <= low <= apart + 1e-12 and apart - 1e-12 <= high <= 1
    assert difference(*second, *first) == pytest.approx((-high, -low), abs=1e-12)


def test_difference_without_trials_is_not_known() -> None:
    assert difference(0, 0, 1, 2) == difference(1, 2, 0, 0) == (None, None)
