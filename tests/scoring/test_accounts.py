"""Scores of accounts: by hand, kept up to date by news and by time, and the same however they came about."""

import random
from datetime import UTC, datetime, timedelta
from math import log2

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from funnel.inbox import Taken
from funnel.models import Account, Person
from scoring import accounts
from scoring.account_terms import default_accounts, read
from scoring.engine import apply, state_of
from scoring.models import AccountNews, AccountScore, AccountScoreChange, ScoringModel
from scoring.services import activate
from tests import factories as make
from tests.scoring.models import Model, touch_rule

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def model() -> ScoringModel:
    """Interest halves in ten days; a form gives 20, a visit 4 (twice a day)."""
    return (
        Model(landmark=NOW - 100 * DAY)
        .interest("web", half_life=10)
        .rule(touch_rule("web", "form", 20))
        .rule(touch_rule("web", "visit", 4, per_day=2))
        .rule(touch_rule("web", "job", -3))
        .active()
    )


def come(person: Person, type_: str = "form", *, age: timedelta = timedelta(0), now: datetime = NOW) -> None:
    """A touch, scored."""
    touch = make.touch(person=person, type=type_, occurred_at=now - age, recorded_at=now - age)
    apply([Taken(person.pk, "activity", touch.pk)], now=now)


def settle(now: datetime = NOW) -> int:
    done = 0
    while worked := accounts.score(now=now, limit=2):
        done += worked
    return done


def test_an_account_by_hand(model) -> None:
    """Tier 2 needs 40. The head: two forms now, 40 of at most 50. The engineer: one form ten days ago, 10 x 0.7."""
    firm = make.account(tier=2)
    head, engineer = make.person(account=firm, title="Head of IT"), make.person(account=firm, title="Engineer")
    make.person(account=firm)  # of whom nothing was heard
    come(head)
    come(head)
    come(engineer, age=10 * DAY)
    assert AccountNews.objects.count() == 3 and settle() == 1 and not AccountNews.objects.exists()
    score = AccountScore.objects.get()
    assert score.engagement == pytest.approx(40 + 0.7 * 10)
    assert (score.threshold, score.over, score.over_since) == (40, True, NOW)
    assert (score.breadth, score.people, score.depth) == (2, 2, pytest.approx(50))
    assert (score.week, score.weeks_before) == (40, pytest.approx(20 / 3))
    assert score.last_at == NOW and score.model_id == model.pk
    change = AccountScoreChange.objects.get()
    assert (change.over, change.engagement, change.threshold) == (True, score.engagement, 40)


def test_the_example_of_the_documentation(model) -> None:
    firm = make.account(tier=2)
    told = {"Plant Manager": [32], "Director": [18, 38], "Engineer": [9, 3]}
    for title, points in told.items():
        for wanted in points:  # of this many points now: each form gives 20 and halves in ten days
            pat = make.person(account=firm, title=title)
            for part in [20.0] * int(wanted // 20) + [wanted % 20]:
                come(pat, age=10 * DAY * log2(20 / part))
    settle()
    score = AccountScore.objects.get()
    assert (score.engagement, score.breadth, score.people) == (pytest.approx(90.4, abs=1e-4), 3, 4)
    assert score.depth == pytest.approx(100, abs=1e-4)


def test_limits_a_day_hold_for_momentum_and_what_takes_off_earns_nothing(model) -> None:
    pat = make.person(account=make.account())
    for _ in range(3):
        come(pat, "visit")
    come(pat, "job")
    settle()
    score = AccountScore.objects.get()
    assert (score.week, score.depth) == (8, pytest.approx(8 * 2**-0.05 - 3))  # a limit counts from the day's start


def test_it_falls_below_its_threshold_at_the_moment_foreseen(model) -> None:
    """50 points of a tier-1 account need 30: below after 10 x log2(50/30) = 7.37 days."""
    firm = make.account(tier=1)
    pat = make.person(account=firm, title="Director")
    for _ in range(3):
        come(pat)  # 60 points, of which 50 count
    settle()
    falls = NOW + 10 * DAY  # 60 -> 30
    now, looks = NOW, 0
    while (score := AccountScore.objects.get()).over:
        assert score.next_review_at is not None
        now = score.next_review_at
        assert now <= falls + timedelta(seconds=2)
        assert settle(now) == 1
        looks += 1
    assert abs(now - falls) <= timedelta(seconds=2) and looks <= 11
    fallen = AccountScoreChange.objects.order_by("-id").first()
    assert (fallen.over, fallen.occurred_at) == (False, now) and AccountScore.objects.get().over_since is None
    with pytest.raises(DatabaseError), transaction.atomic():
        AccountScoreChange.objects.update(over=True)


def test_who_has_faded_is_looked_at_no_more(model) -> None:
    pat = make.person(account=make.account())
    come(pat, age=90 * DAY)  # 20 points, nine half-lives ago
    settle()
    assert AccountScore.objects.get().next_review_at is None
    assert settle(NOW + 400 * DAY) == 0


def test_another_account_takes_its_people_along(model) -> None:
    first, second = make.account(), make.account()
    pat = make.person(account=first, title="Manager")
    come(pat)
    settle()
    Person.objects.filter(pk=pat.pk).update(account=second)
    apply([Taken(pat.pk, "person", pat.pk)], now=NOW)
    settle()
    assert dict(AccountScore.objects.values_list("account", "engagement")) == {first.pk: 0, second.pk: 20}


def test_an_account_that_is_gone_leaves_no_news(model) -> None:
    firm = make.account()
    come(make.person(account=firm))
    firm.delete()
    assert settle() == 0 and not AccountNews.objects.exists() and not AccountScore.objects.exists()


def test_nothing_is_lost_while_nothing_decides(model) -> None:
    come(make.person(account=make.account()))
    ScoringModel.objects.update(active=False)
    assert settle() == 0 and AccountNews.objects.exists()


def test_another_version_scores_every_account_anew(model) -> None:
    firm = make.account()
    pat = make.person(account=firm)
    come(pat)
    settle()
    draft = Model(accounts=default_accounts() | {"threshold": 2.0}).interest("web").rule(touch_rule("web", "form", 10))
    other = draft.published()
    apply([Taken(pat.pk, "fill", other.pk)], now=NOW)
    assert settle() == 0 and AccountScore.objects.get().model_id == model.pk
    activate(other, user=None, now=NOW)
    settle()
    score = AccountScore.objects.get()
    assert (score.model_id, score.engagement, score.over) == (other.pk, pytest.approx(4), True)  # other: 10 x 0.4


def test_the_number_of_statements_does_not_grow(model) -> None:
    def statements(firms: int, people: int) -> int:
        for _ in range(firms):
            firm = make.account()
            for _ in range(people):
                come(make.person(account=firm))
        with CaptureQueriesContext(connection) as captured:
            assert accounts.score(now=NOW, limit=100) == firms
        return len(captured)

    statements(1, 1)
    assert statements(1, 1) == statements(6, 4) <= 12


TITLES = ("CEO", "Manager", "Engineer", "Legal counsel", "Clerk", "")


@pytest.mark.parametrize("seed", range(4))
def test_news_in_any_order_come_to_what_its_people_come_to(model, seed: int) -> None:
    """Touches, moves and new titles in any order, worked in any bites, equal a plain sum over the people there."""
    dice = random.Random(seed)
    firms = [make.account(tier=tier) for tier in (1, 2, None)]
    people = [make.person(title=dice.choice(TITLES), account=dice.choice(firms)) for _ in range(8)]
    now = NOW
    for _ in range(30):
        now += timedelta(hours=dice.randrange(1, 30))
        pat = dice.choice(people)
        if dice.random() < 0.6:
            come(pat, dice.choice(["form", "visit", "job"]), now=now)
        else:
            change = {"account": dice.choice([*firms, None])} if dice.random() < 0.6 else {"title": dice.choice(TITLES)}
            Person.objects.filter(pk=pat.pk).update(**change)
            apply([Taken(pat.pk, "person", pat.pk)], now=now)
        if dice.random() < 0.3:
            accounts.score(now=now, limit=dice.choice([1, 2, 500]))
    settle(now)
    for row in AccountScore.objects.all():  # had any news been missed, the row would not be as of its own moment
        held = accounts.standings([row.pk], now=row.scored_at).get(row.pk)
        assert row.engagement == pytest.approx(held.engagement if held else 0, abs=1e-9)
    live = accounts.standings([firm.pk for firm in firms], now=now)
    for firm in firms:
        assert (live[firm.pk].engagement if firm.pk in live else 0) == pytest.approx(plain(firm, now), abs=1e-9)


def plain(firm: Account, now: datetime) -> float:
    """Engagement told in plain Python from the scores of its people."""
    terms = read(default_accounts())
    sums: dict[str, float] = {}
    for pat in Person.objects.filter(account=firm):
        reading = state_of([pat.pk], at=now).get(pat.pk)
        role = terms.role_of(pat.title)
        sums[role] = sums.get(role, 0) + (reading.interest if reading else 0)
    return min(100, sum(role.weight * min(role.cap, sums.get(role.role, 0)) for role in terms.weights.roles))
