"""Fair dealing as a pure rule: by weight, within capacity, level at the start, and the same whatever the batches."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.seats.distribution import SeatState, deal, join, settle


def seat(rep_id: int, **fields) -> SeatState:
    return SeatState(rep_id=rep_id, **fields)


class TestDealing:
    def test_equal_seats_take_turns_from_the_lowest_id(self):
        assert deal([seat(3), seat(1), seat(2)], 5) == [1, 2, 3, 1, 2]

    def test_a_seat_of_twice_the_weight_gets_twice_as_many(self):
        assert Counter(deal([seat(1, weight=2), seat(2)], 9)) == {1: 6, 2: 3}

    def test_whoever_has_had_least_for_their_share_is_next(self):
        assert deal([seat(1, assigned=4), seat(2, assigned=2), seat(3, assigned=3, weight=3)], 3) == [3, 3, 3]

    def test_a_full_seat_is_passed_over(self):
        assert deal([seat(1, left=1), seat(2, left=0), seat(3)], 4) == [1, 3, 3, 3]

    @pytest.mark.parametrize("seats", [[], [seat(1, left=0)]])
    def test_nobody_is_none(self, seats):
        assert deal(seats, 2) == [None, None]

    def test_what_is_left_over_goes_to_nobody(self):
        assert deal([seat(1, left=1), seat(2, left=1)], 4) == [1, 2, None, None]


class TestStartingLevel:
    def test_a_newcomer_joins_at_the_level_of_whoever_is_next(self):
        seats = join([seat(1, assigned=10), seat(2, assigned=8), seat(3, weight=2, levelled=False)])
        assert [one.level for one in seats] == [10, 8, 8]
        assert Counter(deal(seats, 8)) == {1: 1, 2: 3, 3: 4}

    def test_the_level_is_that_of_those_who_receive(self):
        seats = join([seat(1, assigned=10), seat(2, assigned=1, left=0), seat(3, levelled=False)])
        assert seats[2].level == 10

    def test_all_new_start_at_nothing(self):
        seats = join([seat(1, assigned=7, levelled=False), seat(2, levelled=False)])
        assert [one.level for one in seats] == [0, 0]

    def test_whoever_could_not_receive_keeps_pace(self):
        seats = [seat(1), seat(2), seat(3, left=0)]
        after = settle(seats, deal(seats, 10))
        assert [one.level for one in after] == [5, 5, 5]
        assert [one.assigned for one in after] == [5, 5, 0]

    def test_a_full_seat_keeps_pace_with_those_that_are_not(self):
        seats = [seat(1, left=2), seat(2)]
        after = settle(seats, deal(seats, 10))
        assert [(one.assigned, one.left, one.level) for one in after] == [(2, 0, 8), (8, None, 8)]

    def test_nobody_loses_a_lead_they_were_ahead_by(self):
        seats = [seat(1, assigned=9, left=0), seat(2)]
        assert settle(seats, deal(seats, 3))[0].level == 9


weights = st.sampled_from([0.25, 0.5, 0.8, 1, 1, 1, 1.5, 2, 3])


@st.composite
def teams(draw) -> list[SeatState]:
    """Seats as they come about: dealt some leads already, so fair so far; some with limits, some new."""
    count = draw(st.integers(1, 7))
    seats = [seat(n, weight=draw(weights)) for n in range(1, count + 1)]
    seats = settle(seats, deal(seats, draw(st.integers(0, 40))))
    return [
        replace(one, left=draw(st.none() | st.integers(0, 9)), levelled=draw(st.integers(0, 4)) > 0) for one in seats
    ]


def furthest_ahead(seats: list[SeatState]) -> float:
    """By how many leads somebody is ahead of the share that another one's level gives them."""
    return max((one.level - other.level) * one.weight for one in seats for other in seats)


class TestAlways:
    @given(teams(), st.lists(st.integers(0, 12), max_size=6))
    @settings(max_examples=50, deadline=None)
    def test_batches_deal_as_one_would(self, team, sizes):
        seats = join([replace(one, left=None) for one in team])
        whole = deal(seats, sum(sizes))
        parts: list[int | None] = []
        for size in sizes:
            dealt = deal(seats, size)
            seats = settle(seats, dealt)
            parts += dealt
        assert parts == whole

    @given(teams(), st.integers(0, 60))
    @settings(max_examples=50, deadline=None)
    def test_nobody_is_more_than_one_lead_ahead_of_their_share(self, team, n):
        seats = join([replace(one, left=None) for one in team])
        assert furthest_ahead(settle(seats, deal(seats, n))) <= 1 + 1e-9

    @given(teams(), st.integers(0, 60))
    @settings(max_examples=50, deadline=None)
    def test_no_seat_gets_more_than_it_has_room_for_and_no_lead_waits_while_there_is_room(self, team, n):
        seats = join(team)
        dealt = deal(seats, n)
        given_to = Counter(dealt)
        assert len(dealt) == n
        assert all(one.left is None or given_to[one.rep_id] <= one.left for one in seats)
        if None in dealt:
            assert all(one.left is not None and given_to[one.rep_id] == one.left for one in seats)
            assert None not in dealt[: dealt.index(None)]

    @given(teams(), st.integers(0, 60), st.randoms(use_true_random=False))
    @settings(max_examples=40, deadline=None)
    def test_the_order_of_the_seats_does_not_matter(self, team, n, random):
        shuffled = random.sample(team, len(team))
        assert deal(join(shuffled), n) == deal(join(team), n)

    @given(teams(), st.lists(st.tuples(st.integers(1, 8), st.sets(st.integers(1, 7))), min_size=1, max_size=8))
    @settings(max_examples=50, deadline=None)
    def test_coming_and_going_never_floods_anybody(self, team, days):
        """Each day some are away. Whoever is there two days running is fair among those who are."""
        seats = [replace(one, left=None, levelled=True) for one in join(team)]
        for (n, away), (_n, away_next) in pairwise([*days, (0, set())]):
            here = [replace(one, left=0 if one.rep_id in away else None) for one in seats]
            seats = settle(here, deal(here, n))
            both = [one for one in seats if one.rep_id not in away | away_next]
            if both:
                assert furthest_ahead(both) <= 1 + 1e-9
