"""How well a rep fits a lead: each factor, what is neutral, and what of a lead a rep serves at all."""

from datetime import date, timedelta
from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import factors
from routing.factors import WEIGHTS, Contender, LeadFacts, Profile, fits, not_served, problem_of

TODAY = date(2026, 6, 1)


def contender(rep_id: int = 1, *, open: int = 0, capacity: int | None = 10, **profile) -> Contender:
    return Contender(rep_id=rep_id, profile=Profile(**profile), open=open, capacity=capacity)


def value(name: str, facts: LeadFacts, one: Contender) -> float:
    return fits(facts, [one], WEIGHTS, today=TODAY)[one.rep_id].values[name]


class TestFactors:
    @pytest.mark.parametrize(
        ("name", "facts", "profile", "expected"),
        [
            ("ownership", {"owner_id": 1}, {}, 1),
            ("ownership", {"owner_id": 2}, {}, 0),
            ("meeting", {"meetings": {1: 0.5}}, {"shares": True}, 1),
            ("meeting", {"meetings": {1: 14.0}}, {"shares": True}, 1),
            ("meeting", {"meetings": {1: 14.1}}, {"shares": True}, 0.5),
            ("meeting", {"meetings": {1: 28.0}}, {"shares": True}, 0.5),
            ("meeting", {"meetings": {1: 28.5}}, {"shares": True}, 0),
            ("meeting", {"meetings": {2: 1.0}}, {"shares": True}, 0),
            ("product", {"solution_id": 5}, {"solutions": frozenset({5})}, 1),
            ("product", {"solution_id": 5}, {"solutions": frozenset({6})}, 0),
            ("product", {"solution_id": 5}, {}, 0.5),
            ("product", {}, {"solutions": frozenset({5})}, 0),
            ("same_solution", {"same_solution": {1: 1}}, {}, 1 / 3),
            ("same_solution", {"same_solution": {1: 9}}, {}, 1),
            ("connection", {"known": {1: 2}}, {}, 2 / 3),
            ("connection", {"known": {2: 2}}, {}, 0),
            ("segment", {"segment": "enterprise"}, {"segments": frozenset({"enterprise"})}, 1),
            ("segment", {"segment": "smb"}, {"segments": frozenset({"enterprise"})}, 0),
            ("tenure", {}, {"hired_on": TODAY - timedelta(days=365)}, 0.5),
            ("tenure", {}, {"hired_on": TODAY - timedelta(days=4000)}, 1),
            ("tenure", {}, {"hired_on": TODAY + timedelta(days=9)}, 0),
        ],
    )
    def test_each_lies_between_nothing_and_one(self, name, facts, profile, expected):
        assert isclose(value(name, LeadFacts(**facts), contender(**profile)), expected, abs_tol=1e-4)

    @pytest.mark.parametrize(
        ("open", "capacity", "expected"), [(0, 10, 1), (5, 10, 0.5), (12, 10, 0), (0, None, 1), (10, None, 0.5)]
    )
    def test_room_is_the_share_of_the_capacity_that_is_left(self, open, capacity, expected):
        assert value("capacity", LeadFacts(), contender(open=open, capacity=capacity)) == expected

    def test_a_booked_meeting_counts_for_whoever_shares_nothing_else(self):
        found = fits(LeadFacts(meetings={1: 3}), [contender(1), contender(2)], WEIGHTS, today=TODAY)
        assert found[1].score >= found[2].score

    def test_the_score_is_of_a_hundred_by_the_weights(self):
        facts = LeadFacts(
            owner_id=1, solution_id=5, segment="smb", meetings={1: 1.0}, same_solution={1: 3}, known={1: 3}
        )
        best = contender(shares=True, solutions=frozenset({5}), segments=frozenset({"smb"}), hired_on=date(2000, 1, 1))
        assert fits(facts, [best], WEIGHTS, today=TODAY)[1].score == 100
        assert fits(facts, [best], {**WEIGHTS, "ownership": 0.0}, today=TODAY)[1].score == 100
        other = contender(2, shares=True, solutions=frozenset({6}), segments=frozenset({"x"}), open=10)
        found = fits(facts, [best, other], {**WEIGHTS, "tenure": 0.0}, today=TODAY)
        assert found[2].score == 0


class TestNeutral:
    def test_while_nobody_meets_the_account_sharing_makes_no_difference(self):
        found = fits(LeadFacts(), [contender(1, shares=True), contender(2)], WEIGHTS, today=TODAY)
        assert found[1].score == found[2].score
        assert (found[1].unsaid, found[2].unsaid) == (("tenure",), ("meeting", "tenure"))

    def test_who_shares_nothing_stands_between_who_meets_the_account_and_who_does_not(self):
        three = [contender(1, shares=True), contender(2), contender(3, shares=True)]
        found = fits(LeadFacts(meetings={1: 2.0}), three, WEIGHTS, today=TODAY)
        assert found[1].score > found[2].score > found[3].score

    def test_who_alone_shares_and_meets_the_account_stays_ahead(self):
        found = fits(LeadFacts(meetings={1: 2.0}), [contender(1, shares=True), contender(2)], WEIGHTS, today=TODAY)
        assert found[1].score > found[2].score

    @given(st.lists(st.sampled_from([None, 0.0, 1.0, 7.0, 20.0]), min_size=1, max_size=12))
    @settings(max_examples=60, deadline=None)
    def test_it_never_lifts_anybody_above_those_who_meet_nor_below_those_who_do_not(self, told):
        """None: shares nothing; 0: meets nobody; else in so many days."""
        some = [contender(n, shares=days is not None) for n, days in enumerate(told)]
        facts = LeadFacts(meetings={n: days for n, days in enumerate(told) if days})
        found = fits(facts, some, WEIGHTS, today=TODAY)
        known = [found[n].values["meeting"] for n, days in enumerate(told) if days is not None]
        for n, days in enumerate(told):
            if days is None:
                assert found[n].values["meeting"] <= sum(known) / len(known) if known else True
                assert found[n].values["meeting"] >= (min(known) / 2 if known else 0)
                assert not known or max(known) == 0 or found[n].values["meeting"] < max(known)

    @given(st.integers(1, 12), st.integers(0, 12))
    @settings(max_examples=40, deadline=None)
    def test_the_more_share_the_nearer_it_is_to_their_mean(self, sharing, meeting):
        meets = min(sharing, meeting)
        some = [contender(n, shares=n > 0) for n in range(sharing + 1)]
        found = fits(LeadFacts(meetings=dict.fromkeys(range(1, meets + 1), 1.0)), some, WEIGHTS, today=TODAY)
        assert abs(found[0].values["meeting"] - meets / sharing) <= 1 / (sharing + 1) + 1e-3

    def test_an_unknown_time_with_the_company_takes_the_mean(self):
        some = [contender(1, hired_on=date(2000, 1, 1)), contender(2, hired_on=TODAY), contender(3)]
        found = fits(LeadFacts(), some, WEIGHTS, today=TODAY)
        assert [found[n].values["tenure"] for n in (1, 2, 3)] == [1, 0, 0.5]


class TestServing:
    FACTS = LeadFacts(regions=frozenset({1, 9}), solution_id=5, language="de", segment="smb")

    @pytest.mark.parametrize(
        ("profile", "expected"),
        [
            ({}, ""),
            ({"regions": frozenset({9})}, ""),  # the region above the lead's
            ({"regions": frozenset({2})}, "region"),
            ({"solutions": frozenset({6})}, "solution"),
            ({"languages": frozenset({"en", "de"})}, ""),
            ({"languages": frozenset({"en"})}, "language"),
            ({"segments": frozenset({"x"})}, "segment"),
        ],
    )
    def test_what_a_rep_does_not_serve_keeps_them_out(self, profile, expected):
        assert not_served(self.FACTS, Profile(**profile), factors.KINDS) == expected

    def test_only_what_is_demanded_counts(self):
        assert not_served(self.FACTS, Profile(solutions=frozenset({6})), ["region"]) == ""

    def test_what_is_not_known_of_a_lead_keeps_nobody_out(self):
        narrow = Profile(
            regions=frozenset({2}), solutions=frozenset({6}), languages=frozenset({"fr"}), segments=frozenset({"x"})
        )
        assert not_served(LeadFacts(), narrow, factors.KINDS) == ""

    @pytest.mark.parametrize(("text", "code"), [("de-AT", "de"), ("pt_BR", "pt"), (" EN ", "en"), ("", "")])
    def test_languages_compare_without_the_country(self, text, code):
        assert factors.language_of(text) == code


class TestWeights:
    @pytest.mark.parametrize(
        ("weights", "said"),
        [
            (dict(WEIGHTS), ""),
            ({}, "a number for each of"),
            ({**WEIGHTS, "luck": 3.0}, "a number for each of"),
            ({**WEIGHTS, "tenure": "much"}, "must be a number"),
            ({**WEIGHTS, "tenure": True}, "must be a number"),
            ({**WEIGHTS, "tenure": float("nan")}, "must be a number"),
            ({**WEIGHTS, "tenure": -1.0}, "between 0 and"),
            (dict.fromkeys(WEIGHTS, 0.0), "One weight at least"),
        ],
    )
    def test_what_cannot_be_is_told(self, weights, said):
        found = problem_of(weights)
        assert said in found and bool(found) == bool(said)
