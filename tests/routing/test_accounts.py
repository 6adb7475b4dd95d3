"""The accounts list and the page of one account: order, filters, what is said, who sees it, what it costs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.conditions import compile
from funnel.inbox import Taken
from funnel.models import Account, Lead, Person, Region
from routing.accounts.page import week_figure
from routing.fields import FIELDS
from scoring import accounts
from scoring.account_explain import WeekPart
from scoring.engine import apply
from tests import factories as make
from tests.scoring.models import Model, touch_rule

DAY = timedelta(days=1)
LIST = reverse("routing:accounts")
pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return timezone.now().replace(microsecond=0)


@pytest.fixture
def model(now):
    """A form gives 20 and does not fade; more than 100 cannot come of anybody."""
    return Model(landmark=now - 90 * DAY).interest("web").rule(touch_rule("web", "form", 20, name="Form")).active()


@pytest.fixture
def ops(client):
    user = make.user(Role.MARKETING_OPS)
    client.force_login(user)
    return user


def firm(name: str, now, *people: tuple[str, int], **fields) -> Account:
    """An account whose people, by title, sent so many forms."""
    account = make.account(name=name, **fields)
    for title, forms in people:
        pat = make.person(account=account, title=title, last_name=f"{title} of {name}")
        touches = [make.touch(person=pat, occurred_at=now - DAY, recorded_at=now - DAY) for _ in range(forms)]
        apply([Taken(pat.pk, "activity", touch.pk) for touch in touches] or [Taken(pat.pk, "person", pat.pk)], now=now)
    accounts.score(now=now, limit=500)
    return account


def url(account: Account) -> str:
    return reverse("routing:account", args=[account.pk])


def names(response) -> list[str]:
    return [row.account.name for row in response.context["rows"]]


def test_the_most_engaged_come_first_and_those_without_anybody_scored_only_on_demand(client, ops, model, now):
    firm("Some", now, ("Manager", 1))
    firm("Most", now, ("Manager", 2), ("Head of IT", 1))
    firm("Nobody", now)
    assert names(client.get(LIST)) == ["Most", "Some"]
    assert names(client.get(LIST, {"engaged": "none"})) == ["Nobody"]
    assert names(client.get(LIST, {"q": "no"})) == ["Nobody"]
    assert "2 accounts" in client.get(LIST).content.decode()


def test_filters_narrow_and_one_that_makes_no_sense_is_said(client, ops, model, now):
    north = Region.objects.create(name="North")
    firm("Over", now, ("Manager", 2), tier=1, region=north)
    firm("Under", now, ("Manager", 2))
    for query, expected in (
        ({"engaged": "over"}, ["Over"]),
        ({"engaged": "under"}, ["Under"]),
        ({"tier": "1"}, ["Over"]),
        ({"tier": "none"}, ["Under"]),
        ({"region": north.pk}, ["Over"]),
        ({"region": north.pk, "engaged": "under"}, []),
    ):
        assert names(client.get(LIST, query)) == expected, query
    response = client.get(LIST, {"tier": "high", "older": "nonsense"})
    assert len(names(response)) == 2 and "The filter “tier” was left out" in response.content.decode()


def test_pages_hold_every_account_once(client, ops, model, now, monkeypatch):
    monkeypatch.setattr("routing.accounts.listing.PAGE", 2)
    for number in range(5):
        firm(f"F{number}", now, ("Manager", number % 2 + 1))
    seen, page = [], LIST
    while page:
        response = client.get(page)
        seen += names(response)
        page = response.context["older_url"]
    assert seen == ["F3", "F1", "F4", "F2", "F0"]


def test_the_page_says_why(client, ops, model, now):
    """Tier 2 needs 40: a manager's 60 count 50; a head's 20; an unknown person of nothing is not engaged."""
    brunner = firm("Brunner", now, ("Manager", 3), ("Head of IT", 1), ("", 0), tier=2)
    lead = make.lead(account=brunner, person=Person.objects.get(title="Manager"))
    deal = make.opportunity(account=brunner, name="Big deal")
    child = make.account(name="Brunner Parts", parent=brunner)
    page = client.get(url(brunner)).content.decode()
    assert "Engagement is 70 of 100, and 40 is needed for an account of tier 2: over it since" in page
    assert "2 people are engaged in 2 known roles; champion adds most (50)." in page
    assert "In the last seven days 80 points were earned, against 0 a week" in page
    assert "1 person, cap took 10.0" in page and "Form ×3" in page and "not engaged" in page
    assert "Over the threshold: 70.0 of 40" in page
    for link in (reverse("routing:lead", args=[lead.pk]), url(child)):
        assert f'href="{link}"' in page
    assert deal.name in page
    leads_page = client.get(reverse("routing:lead", args=[lead.pk])).content.decode()
    assert "70 of 40 needed" in leads_page and f'href="{url(brunner)}"' in leads_page


def test_without_a_score_nothing_is_made_up(client, ops, now):
    page = client.get(url(make.account(name="Quiet"))).content.decode()
    assert "no data on its engagement" in page and "It has never been over its threshold." in page
    assert "No account is scored yet" in client.get(LIST).content.decode()


def test_who_may_not_see_an_account_does_not_and_people_of_others_have_no_names(client, model, now):
    brunner = firm("Brunner", now, ("Manager", 1), ("Engineer", 1))
    sdr = make.user(Role.SDR, team=make.team())
    client.force_login(sdr)
    stranger = make.rep(team=make.team())
    make.lead(account=brunner, person=Person.objects.get(title="Engineer"), owner=stranger)
    assert client.get(url(brunner)).status_code == 200  # nobody owns it yet
    Account.objects.update(owner=stranger)
    assert client.get(url(brunner)).status_code == 404 and names(client.get(LIST)) == []
    make.lead(account=brunner, person=Person.objects.get(title="Manager"), owner=sdr.rep)
    page = client.get(url(brunner)).content.decode()
    assert "Manager of Brunner" in page and "Engineer of Brunner" not in page and "1 more is scored" in page
    told = client.get(f"/api/accounts/{brunner.pk}/score/").json()
    assert [part["title"] for part in told["members"]] == ["Manager"] and told["more_members"] == 1


def test_the_api_tells_the_score_kept_and_the_score_now(client, ops, model, now):
    over, under = firm("Over", now, ("Manager", 2), tier=1), firm("Under", now, ("Manager", 1))
    bare = make.account()
    rows = {row["id"]: row["score"] for row in client.get("/api/accounts/").json()["results"]}
    assert (rows[over.pk]["engagement"], rows[over.pk]["over"], rows[bare.pk]) == (40, True, None)
    assert [row["id"] for row in client.get("/api/accounts/?over=false").json()["results"]] == [under.pk]
    told = client.get(f"/api/accounts/{over.pk}/score/").json()
    assert told["standing"]["engagement"] == sum(part["adds"] for part in told["roles"]) == 40
    assert told["weeks"][-1]["points"] == 40 and len(told["weeks"]) == 12
    assert client.get(f"/api/accounts/{bare.pk}/score/").status_code == 404


def test_a_page_costs_the_same_queries_however_long(client, ops, model, now):
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    first = firm("First", now, ("Manager", 1))
    make.lead(account=first, person=Person.objects.get())
    few = queries(LIST), queries(url(first))
    for number in range(4):
        firm(f"F{number}", now, ("Manager", 1), ("Head", 2))
        pat = make.person(account=first, title="CEO")
        make.lead(account=first, person=pat)
        apply([Taken(pat.pk, "activity", make.touch(person=pat, occurred_at=now).pk)], now=now)
    assert (queries(LIST), queries(url(first))) == few
    assert few[0] <= 20 and few[1] <= 35


def test_routing_may_ask_how_engaged_the_account_is(model, now):
    over, under = firm("Over", now, ("Manager", 2), tier=1), firm("Under", now, ("Manager", 1))
    leads = {account: make.lead(account=account).pk for account in (over, under, make.account())}

    def found(field: str, op: str, value) -> set[int]:
        condition = compile({"field": field, "op": op, "value": value}, FIELDS)
        joins = FIELDS.joins(condition.groups, root="lead")
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT l.id FROM funnel_lead l {joins} WHERE {condition.sql}", condition.params)
            return {pk for (pk,) in cursor.fetchall()}

    assert found("account.engaged", "is", True) == {leads[over]}
    assert found("account.engagement", "gte", 20) == {leads[over], leads[under]}
    assert Lead.objects.count() == 3


def test_weeks_are_drawn_with_this_one_apart(now):
    weeks = [WeekPart(starts_on=(now - 7 * place * DAY).date(), points=float(place)) for place in (3, 2, 1, 0)]
    figure = week_figure(weeks, before=2.0)
    assert figure["data"][0]["y"] == [3, 2, 1, 0] and figure["data"][0]["marker"]["color"][-1] == "var(--dc-accent)"
    assert figure["layout"]["shapes"][0]["y0"] == 2.0
