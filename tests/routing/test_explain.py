"""Why this owner and not the others, in words that a person can check."""

import json
from datetime import date, timedelta

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.test.utils import CaptureQueriesContext

from funnel.access import Role
from funnel.models import Lead
from routing.assignment.engine import assign
from routing.assignment.explain import why_owner
from routing.decisions.services import claim, reassign
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return factories.team(name="North")


def routed(lead: Lead) -> Lead:
    assign([lead.pk], now=NOW, causes={lead.pk: "test"})
    return Lead.objects.get(pk=lead.pk)


def said(lead: Lead) -> str:
    return why_owner(Lead.objects.get(pk=lead.pk)).sentence


class TestWhyThisOwner:
    def test_whose_turn_it_was_and_what_kept_the_others(self, team):
        anna = factories.seat(factories.rep(name="Anna", team=team))
        ben = factories.seat(factories.rep(name="Ben", team=team), capacity=1)
        factories.mql(owner=ben.rep)
        cleo = factories.seat(factories.rep(name="Cleo", team=team))
        factories.absence(cleo.rep, date(2026, 5, 30), date(2026, 6, 7))
        factories.seat(factories.rep(name="Dora", team=team), receiving=False)
        factories.seat(factories.rep(name="Emil", team=team, active=False))
        factories.seat(factories.rep(name="Finn", team=team), assigned=0)
        policy = factories.routing_policy(
            {"name": "Large", "team": team, "condition": {"field": "account.employees", "op": "gte", "value": 100}}
        )
        why = why_owner(routed(factories.mql(account=factories.account(employees=500))))
        assert why.owner == "Anna"
        assert why.sentence == (
            "Anna was next by the rule “Large”: 0 leads for their weight so far, as few as anybody who could take it."
        )
        assert (why.rule, why.policy, why.decided_at) == ("Large", policy.policy, NOW)
        assert "employees" in why.condition.lower()
        assert [(one.name, one.eligible, one.sentence) for one in why.candidates] == [
            ("Anna", True, "Next in turn"),
            ("Finn", True, "Later in turn"),
            ("Ben", False, "At capacity, 1 open MQL of 1"),
            ("Cleo", False, "Away until Mon 8 Jun"),
            ("Dora", False, "Receives nothing new"),
            ("Emil", False, "No longer active"),
        ]
        assert anna.rep_id == why.candidates[0].rep_id

    def test_the_fewest_leads_for_the_share(self, team):
        for name in ("Anna", "Ben"):
            factories.seat(factories.rep(name=name, team=team))
        factories.routing_policy({"name": "All", "team": team})
        routed(factories.mql())
        lead = routed(factories.mql())
        assert (
            said(lead)
            == "Ben was next by the rule “All”: 0 leads for their weight so far, the fewest of 2 who could take it."
        )

    def test_nobody_else_could(self, team):
        factories.seat(factories.rep(name="Anna", team=team))
        factories.routing_policy({"name": "All", "team": team})
        assert said(routed(factories.mql())) == "Anna was next by the rule “All”: nobody else could take it."

    def test_a_pool(self, team):
        factories.rep(team=team)
        factories.routing_policy({"name": "All", "team": team, "method": "pool"})
        lead = routed(factories.mql())
        assert said(lead) == "It waits in the pool of North by the rule “All”; whoever claims it there owns it."

    def test_an_owner_who_keeps_it(self):
        lead = routed(factories.mql(owner=factories.rep(name="Anna")))
        assert said(lead) == "Anna had it already and keeps it."

    def test_nobody_and_why(self, team):
        factories.seat(team=team, receiving=False)
        factories.absence(factories.seat(team=team).rep, NOW.date())
        factories.routing_policy({"team": team})
        assert said(routed(factories.mql())) == (
            "Nobody in its team can take a lead now. Of its seats: 1 set to receive nothing new, 1 away."
        )

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({}, "Nobody owns it. Routing decides when it becomes an MQL."),
            ({"owner": "Anna"}, "Anna came with the lead from its source; routing has not decided about it."),
        ],
    )
    def test_a_lead_that_routing_never_saw(self, fields, sentence):
        owner = factories.rep(name=fields["owner"]) if fields else None
        why = why_owner(factories.lead(owner=owner))
        assert (why.sentence, why.candidates, why.history, why.decided_at) == (sentence, (), (), None)


class TestWhatPeopleDid:
    def test_a_claim_and_a_gift_are_told_with_who_did_it_and_the_rule_stays_visible(self, team):
        sdr = factories.user(Role.SDR, team=team, username="anna", first_name="Anna", last_name="Berg")
        boss = factories.user(Role.SDR_MANAGER, username="boss")
        ben = factories.rep(name="Ben")
        factories.routing_policy({"name": "All", "team": team, "method": "pool"})
        lead = routed(factories.mql())
        claim(lead.pk, user=sdr, now=NOW + timedelta(minutes=1))
        assert said(lead) == "anna claimed it, by Anna Berg."
        reassign([lead.pk], rep_id=ben.pk, user=boss, now=NOW + timedelta(minutes=2))
        why = why_owner(Lead.objects.get(pk=lead.pk))
        assert why.sentence == "Given to Ben, by boss."
        assert (why.rule, why.decided_at) == ("All", NOW)
        assert [change.kind for change in why.history] == ["reassigned", "claimed", "pooled"]

    def test_it_can_be_told_as_plain_values(self, team):
        factories.seat(team=team)
        factories.routing_policy({"team": team})
        told = why_owner(routed(factories.mql())).as_dict()
        plain = json.loads(json.dumps(told, cls=DjangoJSONEncoder))
        assert plain["candidates"][0]["chosen"] is True
        assert plain["history"][0]["kind"] == "assigned"

    def test_the_number_of_queries_does_not_grow(self, team):
        factories.routing_policy({"team": team})
        first = factories.seat(team=team)
        few = routed(factories.mql())
        for _ in range(10):
            factories.seat(team=team)
        many = routed(factories.mql())
        for lead in (few, many):
            reassign([lead.pk], rep_id=first.rep_id, user=factories.user(Role.SDR_MANAGER), now=NOW)
        counts = []
        for lead in (few, many):
            fresh = Lead.objects.get(pk=lead.pk)
            with CaptureQueriesContext(connection) as captured:
                why_owner(fresh)
            counts.append(len(captured))
        assert counts[0] == counts[1]
