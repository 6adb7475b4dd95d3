"""Loading campaigns, content and costs."""

from datetime import date
from decimal import Decimal

import pytest

from funnel.ingest import finish
from funnel.models import Campaign, Channel, Content, CostLine
from tests.loading import NOW, day, load, load_well, problem_of, statuses

pytestmark = pytest.mark.django_db


def test_campaigns_by_key_or_name_with_parents():
    file = [
        {"external_id": "1", "name": "Spring mail", "parent": "Spring", "budget": 1000.5},
        {"name": "Spring", "starts_on": date(2026, 3, 1), "ends_on": date(2026, 5, 31), "motion": "upsell"},
    ]
    assert load_well("campaigns", *file) == ["created", "created"]
    assert finish("campaigns", source="crm", now=NOW) == []
    campaign = Campaign.objects.get(external_id="1")
    assert (campaign.parent.name, campaign.budget, campaign.parent.motion) == ("Spring", Decimal("1000.50"), "upsell")
    assert load_well("campaigns", *file) == ["unchanged", "unchanged"]


def test_a_campaign_that_a_lead_named_first_takes_its_key():
    load_well("leads", {"external_id": "1", "inquiry_at": day(1), "campaign": "Spring"}, create_missing=True)
    assert load_well("campaigns", {"external_id": "7", "name": "Spring"}) == ["updated"]
    assert Campaign.objects.get().external_id == "7"
    load_well("leads", {"external_id": "2", "inquiry_at": day(1), "campaign": "7"})
    assert Campaign.objects.get().leads.count() == 2


def test_names_of_campaigns_stay_unique():
    outcomes = load("campaigns", {"external_id": "1", "name": "Spring"}, {"external_id": "2", "name": "Spring"})
    assert statuses(outcomes) == ["created", "error"]
    assert "Another campaign is called “Spring”" in outcomes[1].problem
    load_well("campaigns", {"external_id": "3", "name": "Autumn"})
    assert "Another campaign is called “Spring”" in problem_of("campaigns", {"external_id": "3", "name": "Spring"})


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"topic": "x"}, "needs a name or an external_id"),
        ({"external_id": "1"}, "A new campaign needs a name"),
        ({"name": "A", "starts_on": date(2026, 2, 1), "ends_on": date(2026, 1, 1)}, "before it starts"),
        ({"name": "A", "starts_on": day(1)}, "is not a date"),
        ({"name": "A", "channel": "Mail"}, "There is no channel “Mail”"),
    ],
)
def test_campaigns_that_cannot_be_are_refused(row, problem):
    bad, good = load("campaigns", row, {"name": "B"})
    assert (bad.status, good.status) == ("error", "created")
    assert problem in bad.problem


def test_an_end_before_the_stored_start_is_refused_alone():
    load_well("campaigns", {"name": "A", "starts_on": date(2026, 2, 1)})
    bad, good = load("campaigns", {"name": "A", "ends_on": date(2026, 1, 1)}, {"name": "B"})
    assert (bad.status, good.status, bad.problem) == ("error", "created", "The campaign ends before it starts.")


def test_content_by_name():
    row = {"name": "Guide", "kind": "guide", "url": "https://example.com/guide"}
    assert load_well("content", row) == ["created"]
    assert load_well("content", row, {"name": "Webinar"}) == ["unchanged", "created"]
    assert load_well("content", {"name": "Guide", "topic": "pumps"}) == ["updated"]
    assert (Content.objects.get(name="Guide").kind, Content.objects.count()) == ("guide", 2)
    assert "“name” is missing" in problem_of("content", {"kind": "guide"})


def test_costs_by_key():
    Channel.objects.create(name="Search")
    row = {"external_id": "1", "channel": "Search", "amount": 99.994, "incurred_on": date(2026, 3, 1), "shadow": True}
    assert load_well("costs", row) == ["created"]
    assert load_well("costs", row) == ["unchanged"]
    line = CostLine.objects.get()
    assert (line.amount, line.currency, line.payer, line.shadow) == (Decimal("99.99"), "EUR", "marketing", True)
    assert load_well("costs", {"external_id": "1", "amount": 5, "currency": "USD"}) == ["updated"]
    assert "A cost line needs “incurred_on”" in problem_of("costs", {"external_id": "2", "amount": 5})
    assert "A cost line needs “amount”" in problem_of("costs", {"external_id": "1", "amount": None})
