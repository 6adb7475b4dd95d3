"""Engagement by hand, and what holds of it whatever the members are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import account_terms
from scoring.account_terms import check, default_accounts
from scoring.engagement import RoleTerms, Weights, by_week, engage, is_over, momentum

ROLES = ("champion", "decision_maker", "user", "other")
WEIGHTS = Weights(
    roles=(
        RoleTerms("champion", 1.0, 50.0),
        RoleTerms("decision_maker", 1.5, 40.0),
        RoleTerms("user", 0.5, 30.0),
        RoleTerms("other", 0.2, 10.0, counts_as_breadth=False),
    ),
    engaged_from=5.0,
)
MEMBERS = st.lists(st.tuples(st.sampled_from(ROLES), st.floats(-20, 200)), max_size=12)


def of(*members: tuple[str, float], weights: Weights = WEIGHTS):
    """One group of members: role and points."""
    roles = np.array([ROLES.index(role) for role, _points in members], dtype=np.intp)
    points = np.array([points for _role, points in members], dtype=float)
    return engage(weights, np.zeros(len(members), dtype=np.intp), roles, points, count=1)


def test_engagement_by_hand() -> None:
    """A champion 32, decision makers 18 and 30 (cap 40), users 8 and 2, somebody unknown 14 (cap 10)."""
    found = of(
        ("champion", 32), ("decision_maker", 18), ("decision_maker", 30), ("user", 8), ("user", 2), ("other", 14)
    )  # fmt: skip
    assert found.points[0].tolist() == [32, 48, 10, 14]
    assert found.counted[0].tolist() == [32, 40, 10, 10]
    assert found.adds[0].tolist() == [32, 60, 5, 2]  # 1.0 x 32, 1.5 x 40, 0.5 x 10, 0.2 x 10
    assert found.score[0] == 99
    assert (found.depth[0], found.people[0], found.breadth[0]) == (104, 5, 3)  # the user of 2 points is not engaged


def test_at_most_a_hundred_and_nobody_is_nothing() -> None:
    assert of(("champion", 500), ("decision_maker", 500)).score[0] == 100  # 50 + 60
    nobody = of()
    assert (nobody.score[0], nobody.depth[0], nobody.people[0], nobody.breadth[0]) == (0, 0, 0, 0)


def test_who_is_unknown_counts_as_a_person_and_not_as_a_role() -> None:
    assert (of(("other", 9)).people[0], of(("other", 9)).breadth[0]) == (1, 0)


@given(MEMBERS, st.randoms(use_true_random=False))
def test_the_order_of_members_makes_no_difference(members, dice) -> None:
    other = list(members)
    dice.shuffle(other)
    one, two = of(*members), of(*other)
    assert one.score[0] == pytest.approx(two.score[0], rel=1e-9, abs=1e-9)
    assert (one.people[0], one.breadth[0]) == (two.people[0], two.breadth[0])


@given(MEMBERS, st.sampled_from(ROLES), st.floats(0, 200))
def test_one_more_member_never_takes_anything_away(members, role, points) -> None:
    before, after = of(*members), of(*members, (role, points))
    for name in ("score", "depth", "people", "breadth"):
        assert getattr(after, name)[0] >= getattr(before, name)[0] - 1e-9


@given(MEMBERS)
def test_no_role_adds_more_than_its_weight_of_its_cap(members) -> None:
    found = of(*members)
    assert 0 <= found.score[0] <= 100
    assert all(
        adds <= terms.weight * terms.cap + 1e-9 for adds, terms in zip(found.adds[0], WEIGHTS.roles, strict=True)
    )


@given(st.lists(MEMBERS, max_size=5))
def test_many_groups_at_once_come_to_what_each_comes_to_alone(groups) -> None:
    rows = [(place, ROLES.index(role), points) for place, group in enumerate(groups) for role, points in group]
    columns = np.array(rows, dtype=float).reshape(-1, 3)
    found = engage(
        WEIGHTS, columns[:, 0].astype(np.intp), columns[:, 1].astype(np.intp), columns[:, 2], count=len(groups)
    )
    assert found.score.tolist() == pytest.approx([of(*group).score[0] for group in groups])


def test_momentum_by_hand() -> None:
    """This week 8 and 4; the weeks before 6, nothing, 3: three a week. The 28th day ago is over."""
    days = np.array([100, 94, 93, 85, 73, 72])
    points = np.array([8.0, 4.0, 6.0, 0.0, 3.0, 50.0])
    found = momentum(np.zeros(6, dtype=np.intp), days, points, today=100, count=1)
    assert found[0].tolist() == [12.0, 3.0]
    weeks = by_week(np.zeros(6, dtype=np.intp), days, points, today=100, count=1, weeks=4)
    assert weeks[0].tolist() == [3.0, 0.0, 6.0, 12.0]


def test_a_threshold_is_reached_at_the_sixth_decimal() -> None:
    assert is_over(np.array([39.9999999, 39.99999]), np.array([40.0, 40.0])).tolist() == [True, False]


# --- titles, tiers, and what cannot be ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("Head of Operations", "decision_maker"),
        ("CIO", "decision_maker"),
        ("Chief Information Security Officer", "decision_maker"),
        ("Head of Purchasing", "ratifier"),
        ("Plant MANAGER", "champion"),
        ("Process Engineer", "influencer"),
        ("Maintenance Planner", "user"),
        ("Leadership coach", "other"),  # a word counts as a whole only
        ("", "other"),
    ],
)
def test_what_a_title_suggests(title: str, role: str) -> None:
    assert account_terms.read(default_accounts()).role_of(title) == role


def test_wanted_accounts_need_less() -> None:
    terms = account_terms.read(default_accounts())
    assert [terms.threshold_of(tier) for tier in (1, 2, 3, None)] == [30, 40, 50, 50]


def test_the_terms_that_ship_can_be_and_others_are_refused_in_words() -> None:
    assert list(check(default_accounts())) == []
    for change, said in (
        ({"roles": [["champion", 1, 50]]}, "The roles of accounts are champion, decision_maker"),
        ({"titles": [["boss", ["chief"]]]}, "There is no role “boss”"),
        ({"titles": [["user", [""]]]}, "The words of the role user are texts"),
        ({"thresholds": [[0, 30]]}, "A tier is a number from 1 to 9"),
        ({"threshold": 101}, "The threshold of accounts for others must lie between 0.01 and 100"),
        ({"engaged_from": 0}, "A person counts as engaged from some interest on"),
        ({"more": 1}, "The terms of accounts say roles, titles"),
        ({"thresholds": {}}, "The thresholds of accounts are a list of rows with 2 values"),
    ):
        assert any(problem.startswith(said) for problem in check(default_accounts() | change)), said
