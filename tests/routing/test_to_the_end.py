"""From an accepted lead to a closed deal: meetings, the opportunity, won or lost, and the lead that follows."""

from datetime import timedelta
from decimal import Decimal

import pytest

from funnel.access import Role
from funnel.models import Lead, Note, Opportunity, Reason
from routing.decisions import services
from routing.decisions.services import Invalid, NotAllowed, Refused
from routing.models import Meeting
from routing.sales import deals, meetings
from tests import factories as make

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = make.NOW + 9 * DAY
STAGES = {"inquiry": make.NOW, "mql": make.NOW + HOUR, "sal": make.NOW + DAY, "sql": make.NOW + 2 * DAY,
          "opportunity": make.NOW + 3 * DAY}  # fmt: skip


@pytest.fixture
def sdr():
    return make.user(Role.SDR, team=make.team(), first_name="Mia", last_name="Huber")


@pytest.fixture
def seller():
    return make.user(Role.AE, team=make.team("ae"), first_name="Olaf", last_name="Berg")


def at(stage: str, **fields) -> Lead:
    reached = list(STAGES)[: list(STAGES).index(stage) + 1]
    return make.lead(stages={name: STAGES[name] for name in reached}, **fields)


def again(row):
    row.refresh_from_db()
    return row


def reason(kind: str) -> int:
    return Reason.objects.create(kind=kind, name=f"Because {kind}").pk


# --- Meetings -------------------------------------------------------------------------------------


def test_a_meeting_that_was_held_makes_an_sql(sdr):
    lead = at("sal", owner=sdr.rep)
    booked = meetings.book(lead.pk, starts_at=NOW + DAY, user=sdr, now=NOW)
    assert meetings.book(lead.pk, starts_at=NOW + DAY, user=sdr, now=NOW) == booked
    held = meetings.record_outcome(booked.meeting_id, outcome="held", user=sdr, now=NOW + 2 * DAY)
    assert meetings.record_outcome(booked.meeting_id, outcome="held", user=sdr, now=NOW + 2 * DAY + HOUR) == held
    assert (again(lead).stage, lead.sql_at) == ("sql", NOW + 2 * DAY)
    meeting = Meeting.objects.get()
    assert (meeting.rep, meeting.outcome, meeting.outcome_at) == (sdr.rep, "held", NOW + 2 * DAY)


@pytest.mark.parametrize("outcome", ["no_show", "cancelled"])
def test_a_meeting_that_did_not_take_place_leaves_the_stage_and_another_is_booked(sdr, outcome):
    lead = at("sal", owner=sdr.rep)
    booked = meetings.book(lead.pk, starts_at=NOW - HOUR, user=sdr, now=NOW)
    meetings.record_outcome(booked.meeting_id, outcome=outcome, user=sdr, now=NOW)
    assert again(lead).stage == "sal"
    meetings.book(lead.pk, starts_at=NOW + DAY, user=sdr, now=NOW)


def test_what_cannot_be_booked(sdr):
    lead = at("sal", owner=sdr.rep)
    with pytest.raises(Invalid):
        meetings.book(lead.pk, starts_at=NOW + 1000 * DAY, user=sdr, now=NOW)
    meetings.book(lead.pk, starts_at=NOW + DAY, user=sdr, now=NOW)
    with pytest.raises(Refused, match="booked already, for 11 June 2026, 12:00"):
        meetings.book(lead.pk, starts_at=NOW + 2 * DAY, user=sdr, now=NOW)
    with pytest.raises(Refused, match="at MQL; accept it first"):
        meetings.book(at("mql", owner=sdr.rep).pk, starts_at=NOW + DAY, user=sdr, now=NOW)
    with pytest.raises(Refused, match="Only its owner"):
        meetings.book(at("sal").pk, starts_at=NOW + DAY, user=sdr, now=NOW)
    closed = make.leave(at("sal", owner=sdr.rep), "recycle", at=NOW)
    with pytest.raises(Refused, match="recycled"):
        meetings.book(closed.pk, starts_at=NOW + DAY, user=sdr, now=NOW)


def test_what_cannot_be_said_of_a_meeting(sdr, seller):
    lead = at("sal", owner=sdr.rep)
    booked = meetings.book(lead.pk, starts_at=NOW + HOUR, user=sdr, now=NOW)
    for outcome in ("held", "no_show", "postponed"):
        with pytest.raises(Invalid):
            meetings.record_outcome(booked.meeting_id, outcome=outcome, user=sdr, now=NOW)
    meetings.record_outcome(booked.meeting_id, outcome="cancelled", user=seller, now=NOW)
    with pytest.raises(Refused, match="Olaf Berg said at 12:00 how this meeting went: cancelled"):
        meetings.record_outcome(booked.meeting_id, outcome="held", user=sdr, now=NOW + 2 * HOUR)


def test_held_is_taken_back_and_the_meeting_lies_ahead_again(sdr):
    lead = at("sal", owner=sdr.rep)
    booked = meetings.book(lead.pk, starts_at=NOW - HOUR, user=sdr, now=NOW)
    held = meetings.record_outcome(booked.meeting_id, outcome="held", user=sdr, now=NOW)
    services.undo(held.event_id, user=sdr, now=NOW)
    assert (again(lead).stage, Meeting.objects.get().outcome) == ("sal", "")
    meetings.record_outcome(booked.meeting_id, outcome="no_show", user=sdr, now=NOW)


def test_acceptance_stays_once_a_meeting_is_booked(sdr):
    lead = at("mql", owner=sdr.rep)
    done = services.accept(lead.pk, user=sdr, now=NOW)
    meetings.book(lead.pk, starts_at=NOW + DAY, user=sdr, now=NOW)
    with pytest.raises(Refused, match="meeting was booked"):
        services.undo(done.event_id, user=sdr, now=NOW)


# --- Deals ----------------------------------------------------------------------------------------


def test_an_sql_becomes_an_opportunity_with_all_it_is_about(sdr, seller):
    account = make.account(name="Acme Chemicals")
    lead = at("sql", owner=sdr.rep, account=account)
    first = deals.open_from_lead(lead.pk, amount=Decimal("64000"), user=seller, now=NOW)
    assert deals.open_from_lead(lead.pk, amount=Decimal("64000"), user=seller, now=NOW) == first
    deal = Opportunity.objects.get()
    assert (deal.name, deal.account, deal.lead, deal.owner) == ("Acme Chemicals", account, lead, seller.rep)
    assert (deal.state, deal.amount, deal.currency, deal.opened_at) == ("open", Decimal("64000.00"), "EUR", NOW)
    assert again(lead).stage == "opportunity" and deal.contacts.get().person == lead.person
    assert deal.events.get().actor == seller


def test_a_deal_that_an_sdr_makes_is_the_sellers_of_the_account(sdr, seller):
    known = at("sql", owner=sdr.rep, account=make.account(owner=seller.rep))
    nobodys = at("sql", owner=sdr.rep, account=make.account(owner=make.rep(active=False)))
    for lead, owner in ((known, seller.rep), (nobodys, sdr.rep)):
        made = deals.open_from_lead(lead.pk, user=sdr, now=NOW)
        assert Opportunity.objects.get(pk=made.opportunity_id).owner == owner


def test_what_cannot_become_an_opportunity(sdr, seller):
    lead = at("sql", owner=sdr.rep)
    for given in ({"amount": Decimal(-1)}, {"amount": Decimal("NaN")}, {"currency": "EURO"},
                  {"expected_close_on": NOW.date() - DAY}):  # fmt: skip
        with pytest.raises(Invalid) as refusal:
            deals.open_from_lead(lead.pk, **given, user=seller, now=NOW)
        assert refusal.value.field in given
    with pytest.raises(NotAllowed):
        deals.open_from_lead(lead.pk, user=make.user(Role.SDR, team=make.team()), now=NOW)
    with pytest.raises(Refused, match="at SAL"):
        deals.open_from_lead(at("sal").pk, user=seller, now=NOW)
    assert not Opportunity.objects.exists()
    deals.open_from_lead(lead.pk, user=sdr, now=NOW)
    with pytest.raises(Refused, match="Mia Huber moved this lead to Opportunity at 12:00"):
        deals.open_from_lead(lead.pk, user=seller, now=NOW)


def opened(seller, **given) -> tuple[Lead, int]:
    lead = at("sql")
    deal_id = deals.open_from_lead(lead.pk, user=seller, now=NOW, **given).opportunity_id
    assert deal_id is not None
    return lead, deal_id


def test_winning_a_deal_wins_its_lead(seller):
    lead, deal = opened(seller)
    with pytest.raises(Invalid) as refusal:
        deals.close(deal, state="won", user=seller, now=NOW + DAY)
    assert refusal.value.field == "amount"
    first = deals.close(deal, state="won", amount=Decimal(70_000), user=seller, now=NOW + DAY)
    assert deals.close(deal, state="won", amount=Decimal(70_000), user=seller, now=NOW + DAY) == first
    assert "70,000 EUR" in first.sentence
    assert (again(lead).stage, lead.exit, lead.won_at) == ("won", "won", NOW + DAY)
    assert list(Opportunity.objects.values_list("state", "amount", "closed_at")) == [
        ("won", Decimal("70000.00"), NOW + DAY)
    ]


@pytest.mark.parametrize("state", ["lost", "no_decision"])
def test_losing_a_deal_needs_amount_and_reason_and_the_lead_follows(seller, state):
    lead, deal = opened(seller)
    why = reason(state)
    for given in ({"amount": Decimal(5)}, {"amount": Decimal(5), "reason_id": reason("won")}, {"reason_id": why}):
        with pytest.raises(Invalid):
            deals.close(deal, state=state, **given, user=seller, now=NOW)
    assert again(lead).closed_at is None
    deals.close(deal, state=state, amount=Decimal(5), reason_id=why, text="Budget went", user=seller, now=NOW)
    assert (again(lead).stage, lead.exit, lead.reason_id) == ("opportunity", state, why)
    assert Note.objects.get().text == "Budget went"


def test_a_lead_with_another_open_deal_stays(seller):
    lead, deal = opened(seller, amount=Decimal(5))
    other = make.opportunity(lead=lead, amount=7)
    deals.close(deal, state="lost", reason_id=reason("lost"), user=seller, now=NOW)
    assert again(lead).closed_at is None
    deals.close(other.pk, state="won", user=seller, now=NOW)
    assert again(lead).exit == "won"


@pytest.mark.parametrize("stage", ["mql", "sql"])
def test_a_lead_that_a_source_left_behind_passes_through_opportunity(seller, stage):
    lead = at(stage)
    deal = make.opportunity(lead=lead, amount=7)
    deals.close(deal.pk, state="won", user=seller, now=NOW)
    assert (again(lead).stage, lead.opportunity_at, lead.won_at) == ("won", NOW, NOW)


def test_the_slower_seller_is_told(sdr, seller):
    _lead, deal = opened(seller, amount=Decimal(5))
    deals.close(deal, state="won", user=seller, now=NOW)
    other = make.user(Role.AE, team=make.team("ae"))
    for state in ("won", "lost"):
        with pytest.raises(Refused, match="Olaf Berg closed this deal as won at 12:00"):
            deals.close(deal, state=state, user=other, now=NOW)
    with pytest.raises(NotAllowed):
        deals.close(deal, state="lost", user=sdr, now=NOW)


def test_reopening_a_deal_reopens_its_lead(seller):
    lead, deal = opened(seller, amount=Decimal(5))
    deals.close(deal, state="lost", reason_id=reason("lost"), user=seller, now=NOW)
    boss = make.user(Role.SDR_MANAGER)
    with pytest.raises(Refused, match="Reopen the deal"):
        services.reopen(lead.pk, user=boss, now=NOW)
    for _ in range(2):
        deals.reopen(deal, user=seller, now=NOW + HOUR)
    assert (again(lead).stage, lead.exit, Opportunity.objects.get().state) == ("opportunity", "", "open")
    with pytest.raises(Refused, match="open already"):
        deals.reopen(deal, user=boss, now=NOW + HOUR)
    deals.close(deal, state="won", user=seller, now=NOW + 2 * HOUR)
    assert again(lead).exit == "won"


def test_a_lead_with_an_open_deal_leaves_with_the_deal(seller):
    lead, _deal = opened(seller)
    with pytest.raises(Refused, match="Close the deal"):
        services.recycle(lead.pk, user=make.user(Role.SDR_MANAGER), reason_id=reason("recycle"), now=NOW)
