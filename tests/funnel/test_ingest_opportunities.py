"""Loading opportunities: their standing and its history."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from funnel.models import Opportunity, OpportunityEvent, Region
from funnel.opportunities import Change, Standing, change_deals
from tests import factories as make
from tests.loading import NOW, day, load, load_well

pytestmark = pytest.mark.django_db

OPEN = {
    "external_id": "1",
    "name": "Pumps",
    "deal_stage": "Engaging",
    "state": "open",
    "opened_at": day(1),
    "amount": 100,
}
WON = {"external_id": "1", "deal_stage": "Won", "state": "won", "closed_at": day(9), "amount": 120.5}


def events() -> list[tuple]:
    return list(
        OpportunityEvent.objects.order_by("id").values_list(
            "state", "deal_stage", "amount", "occurred_at", "recorded_at"
        )
    )


def test_every_change_of_stage_state_or_amount_becomes_an_event():
    assert load_well("opportunities", OPEN) == ["created"]
    assert load_well("opportunities", OPEN) == ["unchanged"]
    later = NOW + timedelta(days=1)
    assert load_well("opportunities", {"external_id": "1", "amount": 110}, now=later) == ["updated"]
    assert load_well("opportunities", {"external_id": "1", "expected_close_on": date(2026, 9, 1)}) == ["updated"]
    assert load_well("opportunities", WON, now=later) == ["updated"]
    assert load_well("opportunities", WON) == ["unchanged"]
    assert events() == [
        ("open", "Engaging", Decimal(100), day(1), NOW),
        ("open", "Engaging", Decimal(110), later, later),
        ("won", "Won", Decimal("120.50"), day(9), later),
    ]
    deal = Opportunity.objects.get()
    assert (deal.state, deal.amount, deal.closed_at, deal.opened_at, deal.name) == (
        "won",
        Decimal("120.50"),
        day(9),
        day(1),
        "Pumps",
    )


def test_a_deal_that_comes_closed_was_open_from_its_opening_on():
    load_well("opportunities", OPEN | WON)
    assert [(state, stage, amount, at) for state, stage, amount, at, _ in events()] == [
        ("open", "", None, day(1)),
        ("won", "Won", Decimal("120.50"), day(9)),
    ]


def test_back_and_forth_is_three_events():
    for amount in (100, 110, 100):
        load_well("opportunities", OPEN | {"amount": amount})
    assert [amount for _, _, amount, _, _ in events()] == [100, 110, 100]
    assert Opportunity.objects.get().amount == 100


def test_a_deal_is_reopened_by_its_state_alone():
    load_well("opportunities", WON)
    assert load_well("opportunities", {"external_id": "1", "state": "open"}) == ["updated"]
    assert Opportunity.objects.get().closed_at is None


def test_references_are_found_and_the_region_is_the_owners_unless_said():
    north, south = (Region.objects.create(name=name) for name in ("North", "South"))
    team = make.team(name="T", region=south)
    make.rep(name="Own", region=north, team=team)
    make.rep(name="Teams", team=team)
    load_well("leads", {"external_id": "L", "inquiry_at": day(1)})
    load_well(
        "opportunities",
        OPEN | {"external_id": "1", "owner": "Own", "lead": "L", "solution": "GTXPro", "account": "Acme"},
        OPEN | {"external_id": "2", "owner": "Teams", "region": None},
        OPEN | {"external_id": "3", "owner": "Own", "region": "South"},
        OPEN | {"external_id": "4"},
        create_missing=True,
    )
    assert dict(Opportunity.objects.values_list("external_id", "region__name")) == {
        "1": "North",
        "2": "South",
        "3": "South",
        "4": None,
    }
    deal = Opportunity.objects.get(external_id="1")
    assert (deal.lead.external_id, deal.solution.name, deal.account.name) == ("L", "GTXPro", "Acme")
    assert load_well("opportunities", OPEN | {"external_id": "2", "region": None}) == ["unchanged"]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"state": "won"}, "A deal that is won needs “closed_at”"),
        ({"state": "open", "closed_at": day(9)}, "belongs to “expected_close_on”"),
        ({"state": "lost", "closed_at": NOW + timedelta(days=1)}, "cannot have closed in the future"),
        ({"opened_at": NOW + timedelta(days=1)}, "lies in the future"),
        ({"state": "Closed Won"}, "“Closed Won” is not one of: open, won, lost, no_decision"),
        ({"lead": "X"}, "There is no lead “X” of source “crm”"),
        ({"owner": "Rita"}, "There is no rep “Rita”"),
        ({"amount": "12"}, "“12” is not a number"),
        ({"state": "lost", "closed_at": day(9), "reason": "Weather"}, "There is no reason “Weather” for “lost”"),
    ],
)
def test_what_contradicts_itself_is_refused_and_the_others_land(said, problem):
    bad, good = load("opportunities", OPEN | said, OPEN | {"external_id": "2"})
    assert (bad.status, good.status) == ("error", "created")
    assert problem in bad.problem
    assert list(Opportunity.objects.values_list("external_id", flat=True)) == ["2"]


def test_closing_before_opening_and_reasons_of_open_deals_are_warned_of():
    closed, reason = load(
        "opportunities",
        OPEN | WON | {"closed_at": day(0)},
        OPEN | {"external_id": "2", "reason": "Weather"},
        create_missing=True,
    )
    assert "closed before it was opened" in closed.warnings[0]
    assert "A reason belongs to a closed deal" in reason.warnings[0]
    assert (closed.status, reason.status) == ("created", "created")


def test_one_cause_makes_one_event_of_a_deal():
    load_well("opportunities", OPEN)
    deal = Opportunity.objects.get()
    change = Change(
        opportunity_id=deal.pk,
        standing=Standing(deal_stage="Proposal", amount=Decimal(5), currency="EUR"),
        occurred_at=NOW,
        cause="form:17",
    )
    assert change_deals([change], now=NOW) == [True]
    load_well("opportunities", OPEN)
    assert change_deals([change], now=NOW) == [False]
    assert len(events()) == 3
