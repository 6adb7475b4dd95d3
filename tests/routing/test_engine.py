"""Who gets a lead: rules in order, fair dealing among those who are there, pools, and reasons for what nobody takes."""

import threading
from collections import Counter
from contextlib import suppress
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from django.contrib.admin import site
from django.db import connection, transaction
from django.db.models import OuterRef
from django.test.utils import CaptureQueriesContext

from funnel.access import Role
from funnel.models import Kind, Lead, Team
from routing.admin import SeatAdmin
from routing.assignment.engine import assign, retry_unrouted
from routing.decisions.services import Refused, claim, reassign
from routing.models import Assignment, Notice, Seat
from tests import factories
from tests.factories import NOW
from tests.threads import at_once
from tests.waiting import PATIENCE

pytestmark = pytest.mark.django_db

BERLIN = {"field": "lead.country", "op": "is", "value": "DE"}
LARGE = {"field": "account.employees", "op": "gte", "value": 1000}


@pytest.fixture
def team() -> Team:
    return factories.team()


def routed(*leads: Lead, now=NOW, cause: str = "test:mql") -> list:
    """Assign the leads and read them anew."""
    answers = assign([lead.pk for lead in leads], now=now, causes={lead.pk: cause for lead in leads})
    for lead in leads:
        lead.refresh_from_db()
    return answers


def disagreeing() -> list[int]:
    """Leads whose owner or pool is not what the latest entry of the ledger says."""
    latest = Assignment.objects.filter(lead=OuterRef("pk")).order_by("-pk")
    leads = Lead.objects.annotate(rep=latest.values("rep")[:1], team=latest.values("team")[:1])
    return [lead.pk for lead in leads if (lead.owner_id, lead.pool_id) != (lead.rep, lead.team)]


class TestRules:
    def test_the_first_rule_that_holds_decides(self, team):
        other = factories.team()
        theirs, ours = factories.seat(team=other), factories.seat(team=team)
        factories.routing_policy(
            {"name": "Large", "condition": LARGE, "team": other}, {"name": "Everybody", "team": team}
        )
        large = factories.mql(account=factories.account(employees=5000))
        small = factories.mql(account=factories.account(employees=10))
        unknown = factories.mql()
        answers = routed(large, small, unknown)
        assert [answer.rule for answer in answers] == ["Large", "Everybody", "Everybody"]
        assert [large.owner_id, small.owner_id, unknown.owner_id] == [theirs.rep_id, ours.rep_id, ours.rep_id]

    def test_a_decision_is_kept_with_its_policy_and_its_candidates(self, team):
        seat = factories.seat(team=team, weight=2, capacity=10)
        policy = factories.routing_policy({"name": "Everybody", "team": team})
        lead = factories.mql()
        (answer,) = routed(lead)
        kept = Assignment.objects.get(pk=answer.assignment_id)
        assert (kept.kind, kept.rep_id, kept.rule, kept.policy) == ("assigned", seat.rep_id, "Everybody", policy.policy)
        assert kept.occurred_at == NOW
        assert kept.explanation == {
            "method": "round_robin",
            "team": team.pk,
            "candidates": [
                {"rep": seat.rep_id, "level": 0.0, "weight": 2.0, "open": 0, "capacity": 10, "eligible": True}
            ],
        }

    def test_a_pool_takes_a_lead_that_anybody_of_its_team_may_claim(self, team):
        factories.routing_policy({"team": team, "method": "pool"})
        lead = factories.mql()
        (answer,) = routed(lead)
        assert (answer.kind, answer.team_id, lead.owner_id, lead.pool_id) == ("pooled", team.pk, None, team.pk)

    def test_the_score_of_the_person_can_decide(self, team):
        factories.seat(team=team)
        condition = {"field": "score.grade", "op": "is", "value": "A"}
        factories.routing_policy({"team": team, "condition": condition})
        (answer,) = routed(factories.mql())
        assert (answer.kind, answer.reason) == ("unrouted", "no_rule")

    def test_a_retired_or_drafted_policy_decides_nothing(self, team):
        factories.seat(team=team)
        factories.routing_policy({"team": team}, published=False)
        (answer,) = routed(factories.mql())
        assert (answer.kind, answer.reason) == ("unrouted", "no_policy")


class TestFairDealing:
    def test_leads_are_dealt_by_weight(self, team):
        full, half = factories.seat(team=team, weight=1), factories.seat(team=team, weight=0.5)
        factories.routing_policy({"team": team})
        leads = [factories.mql() for _ in range(9)]
        routed(*leads)
        assert Counter(lead.owner_id for lead in leads) == {full.rep_id: 6, half.rep_id: 3}
        full.refresh_from_db()
        assert full.assigned == 6

    def test_two_batches_are_as_fair_as_one(self, team):
        seats = [factories.seat(team=team) for _ in range(3)]
        factories.routing_policy({"team": team})
        leads = [factories.mql() for _ in range(7)]
        for lead in leads:
            routed(lead)
        counts = Counter(lead.owner_id for lead in leads)
        assert sorted(counts.values()) == [2, 2, 3]
        assert set(counts) == {seat.rep_id for seat in seats}

    def test_a_newcomer_starts_level(self, team):
        old = factories.seat(team=team)
        factories.routing_policy({"team": team})
        routed(*[factories.mql() for _ in range(10)])
        new = factories.seat(team=team)
        leads = [factories.mql() for _ in range(4)]
        routed(*leads)
        assert Counter(lead.owner_id for lead in leads) == {old.rep_id: 2, new.rep_id: 2}

    def test_whoever_was_away_comes_back_level(self, team):
        here, away = factories.seat(team=team), factories.seat(team=team)
        factories.routing_policy({"team": team})
        factories.absence(away.rep, NOW.date(), NOW.date() + timedelta(days=2))
        routed(*[factories.mql() for _ in range(10)])
        leads = [factories.mql() for _ in range(4)]
        routed(*leads, now=NOW + timedelta(days=3))
        assert Counter(lead.owner_id for lead in leads) == {here.rep_id: 2, away.rep_id: 2}

    @pytest.mark.parametrize("change", ["weight", "team"])
    def test_another_weight_or_team_starts_level_too(self, team, change):
        old, changed = factories.seat(team=team), factories.seat(team=team)
        factories.routing_policy({"team": team})
        routed(*[factories.mql() for _ in range(10)])
        if change == "weight":
            Seat.objects.filter(pk=changed.pk).update(weight=2)
        else:
            changed.rep.team = factories.team()
            changed.rep.save()
            routed(*[factories.mql() for _ in range(20)])
            changed.rep.team = team
            changed.rep.save()
        leads = [factories.mql() for _ in range(6)]
        routed(*leads)
        expected = {old.rep_id: 2, changed.rep_id: 4} if change == "weight" else {old.rep_id: 3, changed.rep_id: 3}
        assert Counter(lead.owner_id for lead in leads) == expected


class TestAvailability:
    @pytest.fixture
    def busy(self, team):
        """Somebody who could take any lead, beside whom each test has somebody who cannot."""
        factories.routing_policy({"team": team})
        return factories.seat(team=team)

    def candidates(self, answer) -> dict[int, str]:
        explanation = Assignment.objects.get(pk=answer.assignment_id).explanation
        return {told["rep"]: told.get("why", "") for told in explanation["candidates"]}

    @pytest.mark.parametrize("why", ["inactive", "not_receiving", "at_capacity", "away"])
    def test_whoever_cannot_receive_is_passed_over_and_the_reason_kept(self, team, busy, why):
        other = factories.seat(
            team=team, receiving=why != "not_receiving", capacity=1 if why == "at_capacity" else None
        )
        if why == "inactive":
            other.rep.active = False
            other.rep.save()
        elif why == "away":
            factories.absence(other.rep, NOW.date())
        elif why == "at_capacity":
            factories.mql(owner=other.rep)
        leads = [factories.mql() for _ in range(3)]
        answers = routed(*leads)
        assert {lead.owner_id for lead in leads} == {busy.rep_id}
        assert self.candidates(answers[0]) == {busy.rep_id: "", other.rep_id: why}

    def test_capacity_counts_undecided_mqls_and_fills_up_within_a_batch(self, team, busy):
        small = factories.seat(team=team, capacity=3)
        factories.advance(factories.mql(owner=small.rep), "sal", at=NOW)  # decided: takes no room
        factories.mql(owner=small.rep)
        leads = [factories.mql() for _ in range(8)]
        answers = routed(*leads)
        assert Counter(lead.owner_id for lead in leads) == {small.rep_id: 2, busy.rep_id: 6}
        assert self.candidates(answers[-1])[small.rep_id] == "at_capacity"

    def test_a_day_away_is_a_day_where_the_rep_works(self, team):
        sydney = factories.calendar(zone="Australia/Sydney")
        seat = factories.seat(team=team, calendar=sydney)
        factories.routing_policy({"team": team})
        factories.absence(seat.rep, date(2026, 6, 2))
        evening = NOW.replace(hour=20)  # the 2nd there already
        (noon, late) = (factories.mql(), factories.mql())
        routed(noon)
        (answer,) = routed(late, now=evening)
        assert noon.owner_id == seat.rep_id
        assert (answer.kind, answer.reason) == ("unrouted", "nobody_available")

    def test_the_hours_of_the_desk_tell_the_day_where_a_seat_has_none(self, team):
        factories.desk(team, calendar=factories.calendar(zone="Australia/Sydney"))
        seat = factories.seat(team=team)
        factories.routing_policy({"team": team})
        factories.absence(seat.rep, date(2026, 6, 2))
        (answer,) = routed(factories.mql(), now=NOW.replace(hour=20))
        assert answer.reason == "nobody_available"


class TestNobody:
    @pytest.mark.parametrize("reason", ["no_policy", "no_rule", "no_seats", "nobody_available"])
    def test_the_lead_is_unrouted_with_the_reason_and_managers_are_told(self, team, reason):
        manager = factories.user(Role.SDR_MANAGER)
        sdr = factories.user(Role.SDR)
        if reason == "no_rule":
            factories.routing_policy({"team": team, "condition": LARGE})
        elif reason != "no_policy":
            factories.routing_policy({"team": team})
        if reason == "nobody_available":
            factories.seat(team=team, receiving=False)
        lead = factories.mql()
        (answer,) = routed(lead)
        assert (answer.kind, answer.reason, lead.owner_id, lead.pool_id) == ("unrouted", reason, None, None)
        assert Assignment.objects.get(lead=lead).explanation["reason"] == reason
        told = Notice.objects.get(kind="unrouted")
        assert (told.user, told.lead, told.data["reason"]) == (manager, lead, reason)
        assert not Notice.objects.filter(user=sdr).exists()

    def test_a_rule_that_can_no_longer_be_read_stops_leads_there_and_not_those_before_it(self, team):
        factories.seat(team=team)
        gone = {"field": "lead.horoscope", "op": "is", "value": "Libra"}
        factories.routing_policy(
            {"name": "Large", "team": team, "condition": LARGE},
            {"name": "Stars", "team": team, "condition": gone},
            {"name": "Everybody", "team": team},
        )
        large, small = factories.mql(account=factories.account(employees=5000)), factories.mql()
        answers = routed(large, small)
        assert [(answer.kind, answer.rule, answer.reason) for answer in answers] == [
            ("assigned", "Large", ""),
            ("unrouted", "Stars", "broken_rule"),
        ]
        assert retry_unrouted(now=NOW, limit=10) == []

    def test_a_batch_tells_managers_once_a_reason(self, team):
        manager = factories.user(Role.SDR_MANAGER)
        leads = [factories.mql() for _ in range(5)]
        routed(*leads)
        told = Notice.objects.get(user=manager)
        assert (told.lead, told.data) == (None, {"reason": "no_policy", "count": 5})

    def test_unrouted_leads_are_tried_again_when_somebody_can(self, team):
        seat = factories.seat(team=team, receiving=False)
        factories.routing_policy({"team": team})
        lead = factories.mql()
        routed(lead)
        assert retry_unrouted(now=NOW, limit=10) == []
        Seat.objects.filter(pk=seat.pk).update(receiving=True)
        later = NOW + timedelta(hours=1)
        (answer,) = retry_unrouted(now=later, limit=10)
        lead.refresh_from_db()
        assert (answer.kind, answer.rep_id, lead.owner_id) == ("assigned", seat.rep_id, seat.rep_id)
        assert retry_unrouted(now=later, limit=10) == []
        assert Assignment.objects.filter(lead=lead).count() == 2

    def test_trying_again_is_in_the_order_of_waiting_and_as_many_as_have_room(self, team):
        factories.routing_policy({"team": team})
        leads = [factories.mql(at=NOW - timedelta(hours=n)) for n in range(4)]
        routed(*leads)
        factories.seat(team=team, capacity=2)
        retry_unrouted(now=NOW, limit=10)
        for lead in leads:
            lead.refresh_from_db()
        assert [lead.owner_id is not None for lead in leads] == [False, False, True, True]
        assert Assignment.objects.filter(kind="unrouted").count() == 4

    def test_a_full_team_does_not_keep_another_from_its_leads(self, team):
        other = factories.team()
        factories.seat(team=team, receiving=False)
        factories.routing_policy({"team": other, "condition": LARGE}, {"team": team})
        stuck = [factories.mql(at=NOW - timedelta(hours=5)) for _ in range(3)]
        large = factories.mql(account=factories.account(employees=2000))
        routed(*stuck, large)
        seat = factories.seat(team=other)
        assert [answer.lead_id for answer in retry_unrouted(now=NOW, limit=1)] == [large.pk]
        large.refresh_from_db()
        assert large.owner_id == seat.rep_id

    def test_decided_leads_are_not_tried_again(self, team):
        factories.routing_policy({"team": team})
        lead = factories.mql()
        routed(lead)
        factories.advance(lead, "", at=NOW, kind=Kind.DISQUALIFY)
        factories.seat(team=team)
        assert retry_unrouted(now=NOW, limit=10) == []


class TestOnce:
    def test_a_repeated_cause_gives_the_same_answer(self, team):
        factories.seat(team=team)
        factories.seat(team=team)
        factories.routing_policy({"team": team})
        lead = factories.mql()
        (first,) = routed(lead)
        (second,) = routed(lead)
        assert (second.repeated, second.rep_id, second.assignment_id) == (True, first.rep_id, first.assignment_id)
        assert Assignment.objects.count() == 1
        assert Seat.objects.get(rep=first.rep_id).assigned == 1

    def test_a_repeated_cause_stays_unrouted_even_when_somebody_could_take_it_by_now(self, team):
        lead = factories.mql()
        routed(lead)
        factories.seat(team=team)
        factories.routing_policy({"team": team})
        (again,) = routed(lead)
        assert (again.repeated, again.kind, again.reason) == (True, "unrouted", "no_policy")

    def test_an_active_owner_keeps_the_lead(self, team):
        owner = factories.rep()
        seat = factories.seat(team=team)
        factories.routing_policy({"team": team})
        lead = factories.mql(owner=owner)
        (answer,) = routed(lead)
        assert (answer.kind, answer.reason, answer.rep_id, lead.owner_id) == ("assigned", "kept", owner.pk, owner.pk)
        seat.refresh_from_db()
        assert seat.assigned == 0
        assert not Notice.objects.exists()

    def test_an_owner_who_has_left_does_not(self, team):
        gone = factories.rep(active=False)
        seat = factories.seat(team=team)
        factories.routing_policy({"team": team})
        lead = factories.mql(owner=gone)
        routed(lead)
        assert lead.owner_id == seat.rep_id
        assert Assignment.objects.get(lead=lead).previous_id == gone.pk

    def test_a_closed_lead_is_left_alone_and_one_that_is_not_there_has_no_answer(self, team):
        lead = factories.mql()
        factories.advance(lead, "", at=NOW, kind=Kind.DISQUALIFY)
        answers = assign([lead.pk, 10**9], now=NOW, causes={lead.pk: "test", 10**9: "test"})
        assert [(answer.lead_id, answer.kind, answer.reason) for answer in answers] == [(lead.pk, "", "closed")]
        assert not Assignment.objects.exists()

    def test_the_new_owner_is_told_once(self, team):
        user = factories.user(Role.SDR, team=team)
        factories.seat(user.rep)
        factories.routing_policy({"team": team})
        lead = factories.mql()
        routed(lead)
        routed(lead)
        told = Notice.objects.get()
        assert (told.user, told.kind, told.lead) == (user, "assigned", lead)


class TestChangingASeat:
    def test_what_was_dealt_while_the_form_was_open_counts(self, team):
        held = factories.seat(team=team)
        factories.routing_policy({"team": team})
        routed(factories.mql(), factories.mql())
        held.weight = 2  # as it was read before
        SeatAdmin(Seat, site).save_model(None, held, SimpleNamespace(changed_data=["weight"]), change=True)
        held.refresh_from_db()
        assert (held.weight, held.assigned) == (2, 2)


class TestManyAtOnce:
    def queries_of(self, leads) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assign([lead.pk for lead in leads], now=NOW, causes={lead.pk: "test" for lead in leads})
        return len(captured)

    def test_the_number_of_statements_does_not_grow(self, team):
        other = factories.team()
        for where in (team, team, other):
            factories.seat(factories.user(Role.SDR, team=where).rep)
        factories.routing_policy({"team": other, "condition": BERLIN}, {"team": team})
        countries = ["DE", "FR"]
        leads = [factories.mql(person=factories.person(country=countries[n % 2])) for n in range(60)]
        self.queries_of(leads[:2])  # newcomers join, which is written once
        assert self.queries_of(leads[2:4]) == self.queries_of(leads[4:])


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_two_drains_never_deal_a_place_twice(self, team):
        seats = [factories.seat(team=team, capacity=10) for _ in range(3)]
        factories.routing_policy({"team": team})
        leads = [factories.mql().pk for _ in range(40)]
        halves = leads[::2], leads[1::2]

        def drain(half):
            for start in range(0, 20, 5):
                batch = half[start : start + 5]
                assign(batch, now=NOW, causes=dict.fromkeys(batch, "test"))

        at_once(*[lambda half=half: drain(half) for half in halves])
        counts = Counter(Lead.objects.filter(pk__in=leads).values_list("owner", flat=True))
        assert counts == {None: 10} | {seat.rep_id: 10 for seat in seats}
        assert sorted(Seat.objects.values_list("assigned", flat=True)) == [10, 10, 10]
        assert disagreeing() == []

    def test_claims_and_gifts_amid_the_dealing_leave_one_owner_as_the_ledger_says(self, team):
        sdr, boss = factories.user(Role.SDR, team=team), factories.user(Role.SDR_MANAGER)
        factories.seat(sdr.rep)
        factories.seat(team=team)
        factories.routing_policy({"team": team, "method": "pool", "condition": BERLIN}, {"team": team})
        people = [factories.person(country="DE" if n % 2 else "FR") for n in range(16)]
        leads = [factories.mql(person=person).pk for person in people]

        def drain():
            for lead_id in leads:
                assign([lead_id], now=NOW, causes={lead_id: "test"})

        def people_act():
            for lead_id in leads:
                with suppress(Refused):
                    claim(lead_id, user=sdr, now=NOW)
                reassign([lead_id], rep_id=sdr.rep.pk, user=boss, now=NOW - timedelta(seconds=1))

        at_once(drain, drain, people_act)
        assert disagreeing() == []
        assert set(Lead.objects.filter(pk__in=leads).values_list("owner", flat=True)) >= {sdr.rep.pk}

    def test_one_cause_from_two_processes_is_one_assignment(self, team):
        for _ in range(3):
            factories.seat(team=team)
        factories.routing_policy({"team": team})
        leads = [factories.mql().pk for _ in range(20)]
        causes = dict.fromkeys(leads, "test")
        answers = []
        at_once(*[lambda: answers.append(assign(leads, now=NOW, causes=causes))] * 3)
        first, *others = ([(answer.lead_id, answer.rep_id) for answer in one] for one in answers)
        assert all(other == first for other in others)
        assert Assignment.objects.count() == 20
        assert sum(Seat.objects.values_list("assigned", flat=True)) == 20

    def test_a_seat_that_stops_receiving_meanwhile_receives_nothing(self, team):
        stopping, other = factories.seat(team=team), factories.seat(team=team)
        factories.routing_policy({"team": team})
        leads = [factories.mql().pk for _ in range(6)]
        locked, asked = threading.Event(), threading.Event()

        def stop():
            with transaction.atomic():
                Seat.objects.filter(pk=stopping.pk).update(receiving=False)
                locked.set()
                assert asked.wait(PATIENCE)

        def deal():
            assert locked.wait(PATIENCE)
            threading.Timer(0.3, asked.set).start()
            assign(leads, now=NOW, causes=dict.fromkeys(leads, "test"))

        at_once(stop, deal)
        assert set(Lead.objects.filter(pk__in=leads).values_list("owner", flat=True)) == {other.rep_id}

    def test_a_lead_given_to_somebody_meanwhile_stays_theirs(self, team):
        factories.seat(team=team)
        chosen = factories.rep()
        factories.routing_policy({"team": team})
        lead = factories.mql()
        locked, asked = threading.Event(), threading.Event()

        def give():
            with transaction.atomic():
                Lead.objects.filter(pk=lead.pk).update(owner=chosen)
                locked.set()
                assert asked.wait(PATIENCE)

        def deal():
            assert locked.wait(PATIENCE)
            threading.Timer(0.3, asked.set).start()
            assign([lead.pk], now=NOW, causes={lead.pk: "test"})

        at_once(give, deal)
        lead.refresh_from_db()
        assert lead.owner_id == chosen.pk
        assert Assignment.objects.get(lead=lead).explanation["reason"] == "kept"
