"""A routing policy tried out: one lead, past decisions beside what they would be, and one decision once more."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.models import Lead, Region
from routing.assignment import policies
from routing.assignment.engine import assign, retry_unrouted
from routing.assignment.rehearsal import rehearse, replay, try_lead, try_leads
from routing.models import Assignment, CallSheet, LevelChange, PlannedMeeting, RoutingPolicy, Seat, Served
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db
SINCE, UNTIL = NOW - timedelta(days=1), NOW + timedelta(days=60)
LARGE = {"field": "account.employees", "op": "gte", "value": 1000}


@pytest.fixture
def team():
    return make.team(name="North")


def routed(leads: list[Lead], *, now=NOW) -> None:
    assign([lead.pk for lead in leads], now=now, causes={lead.pk: "test" for lead in leads})


def decisions() -> list[Assignment]:
    return list(Assignment.objects.order_by("pk"))


def ledger() -> tuple:
    seats = list(Seat.objects.order_by("pk").values_list("assigned", "calibration", "paused_level"))
    return Assignment.objects.count(), LevelChange.objects.count(), seats, list(Lead.objects.values_list("owner"))


def draft(*rules: dict) -> RoutingPolicy:
    return make.routing_policy(*rules, published=False)


class TestOneLead:
    def test_it_is_told_who_would_get_it_and_nothing_is_done(self, team):
        make.seat(team=team)
        other = make.team()
        taker = make.seat(team=other)
        make.routing_policy({"team": team})
        lead = make.mql()
        routed([lead])
        before = ledger()
        outcome = try_lead(lead.pk, draft({"name": "Theirs", "team": other}), now=NOW)
        assert (outcome.kind, outcome.rep_id, outcome.rule) == ("assigned", taker.rep_id, "Theirs")
        assert outcome.explanation["candidates"][0]["rep"] == taker.rep_id
        assert ledger() == before

    def test_several_are_dealt_one_after_the_other_by_as_many_statements(self, team):
        seats = [make.seat(team=team) for _ in range(3)]
        leads = [make.mql().pk for _ in range(9)]
        policy = draft({"team": team, "method": "score"})
        counts = []
        for some in (leads[:1], leads):
            with CaptureQueriesContext(connection) as captured:
                found = try_leads(some, policy, now=NOW)
            counts.append(len(captured))
        assert Counter(one.rep_id for one in found.values()) == {seat.rep_id: 3 for seat in seats}
        assert counts[0] == counts[1]


class TestPastDecisions:
    def test_the_difference_is_told_by_rep_and_rule(self, team):
        anna, ben = make.seat(team=team), make.seat(team=team)
        make.routing_policy({"name": "Everybody", "team": team})
        routed([make.mql(account=make.account(owner=anna.rep)) for _ in range(3)])
        routed([make.mql() for _ in range(3)])
        before = ledger()
        policy = draft(
            {"name": "Owned", "team": team, "method": "owner", "otherwise": "next"}, {"name": "Rest", "team": team}
        )
        found = rehearse(policy, since=SINCE, until=UNTIL)
        assert [line.was.rep_id for line in found.lines] == [anna.rep_id, ben.rep_id] * 3
        assert [line.would.rep_id for line in found.lines[:3]] == [anna.rep_id] * 3
        assert Counter(line.would.rep_id for line in found.lines[3:]) == {anna.rep_id: 2, ben.rep_id: 1}
        assert found.by_rule() == {"Everybody": (6, 0), "Owned": (0, 3), "Rest": (0, 3)}
        assert found.by_rep() == {anna.rep_id: (3, 5), ben.rep_id: (3, 1)}
        assert len(found.differing) == sum(line.was.rep_id != line.would.rep_id for line in found.lines)
        assert ledger() == before

    def test_of_a_lead_that_waited_it_is_the_decision_that_ended_it(self, team):
        make.routing_policy({"team": team})
        lead = make.mql()
        routed([lead])
        seat = make.seat(team=team)
        retry_unrouted(now=NOW + timedelta(hours=1), limit=5)
        (line,) = rehearse(draft({"team": team}), since=SINCE, until=UNTIL).lines
        assert (line.was.rep_id, line.would.rep_id) == (seat.rep_id, seat.rep_id)

    def test_what_would_find_nobody_is_counted(self, team):
        make.seat(team=team)
        make.routing_policy({"team": team})
        routed([make.mql(), make.mql(account=make.account(employees=5000))])
        found = rehearse(draft({"team": team, "condition": LARGE}), since=SINCE, until=UNTIL)
        assert found.nobody() == (0, 1)

    def test_those_who_were_away_then_get_nothing_now(self, team):
        here, away = make.seat(team=team), make.seat(team=team)
        absence = make.absence(away.rep, NOW.date())
        make.routing_policy({"team": team})
        routed([make.mql() for _ in range(4)])
        absence.delete()
        found = rehearse(draft({"team": team, "method": "least_open"}), since=SINCE, until=UNTIL)
        assert {line.would.rep_id for line in found.lines} == {here.rep_id}

    def test_what_reps_serve_is_asked_where_the_draft_asks_for_it(self, team):
        out, other = make.seat(team=team), make.seat(team=team)
        make.routing_policy({"team": team, "demands": []})
        leads = [make.mql(person=make.person(language="de")) for _ in range(4)]
        routed(leads)
        Served.objects.create(rep=out.rep, language="fr")
        found = rehearse(draft({"team": team, "demands": ["language"]}), since=SINCE, until=UNTIL)
        assert {line.would.rep_id for line in found.lines} == {other.rep_id}

    def test_only_the_latest_of_very_many_are_looked_at(self, team):
        make.seat(team=team)
        make.routing_policy({"team": team})
        routed([make.mql() for _ in range(6)])
        found = rehearse(draft({"team": team}), since=SINCE, until=UNTIL, most=4)
        assert found.cut and [line.assignment_id for line in found.lines] == [row.pk for row in decisions()[2:]]

    def test_the_number_of_statements_does_not_grow(self, team):
        for _ in range(2):
            make.seat(team=team)
        make.routing_policy({"team": team})
        policy = draft({"team": team, "method": "score"})
        counts = []
        for count in (2, 20):
            routed([make.mql() for _ in range(count)])
            fresh = RoutingPolicy.objects.get(pk=policy.pk)
            with CaptureQueriesContext(connection) as captured:
                rehearse(fresh, since=SINCE, until=UNTIL)
            counts.append(len(captured))
        assert counts[0] == counts[1]


class TestTheSameOnceMore:
    """A month with everything in it: under its own version every decision comes out as it was."""

    @pytest.fixture
    def month(self, team):
        dice = random.Random(5)
        hub = Region.objects.create(name="Hub")
        part = Region.objects.create(name="Part", parent=hub)
        other = make.team()
        seats = [
            make.seat(team=team, weight=weight, capacity=capacity, quota=quota, quota_per="day")
            for weight, capacity, quota in ((1, None, None), (0.7, 6, None), (2, None, 1.5), (1.3, None, None))
        ] + [make.seat(team=other, weight=weight) for weight in (1, 0.6, 1)]
        Served.objects.create(rep=seats[0].rep, language="de")
        Served.objects.create(rep=seats[3].rep, region=hub)
        CallSheet.objects.create(rep=seats[4].rep, read_at=NOW)
        make.absence(seats[1].rep, NOW.date() + timedelta(days=3), NOW.date() + timedelta(days=6))
        accounts = [
            make.account(owner=dice.choice([*[seat.rep for seat in seats], None]), employees=dice.choice([5, 5000]))
            for _ in range(12)
        ]
        for account in accounts[::2]:
            PlannedMeeting.objects.create(
                rep=seats[4].rep, account=account, starts_at=NOW + timedelta(days=dice.randint(1, 30))
            )
        policy = make.routing_policy(
            {"name": "Owned", "team": team, "method": "owner", "otherwise": "next", "condition": LARGE},
            {"name": "Fit", "team": other, "method": "score", "condition": LARGE, "otherwise": "pool"},
            {"name": "Load", "team": other, "method": "least_open", "otherwise": "next",
             "condition": {"field": "person.language", "op": "is", "value": "fr"}},
            {"name": "Turn", "team": team, "at_work": "always"},
        )  # fmt: skip
        make.desk(team)
        for day in range(14):
            now = NOW + timedelta(days=day, hours=dice.randint(-4, 8))
            leads = [
                make.mql(
                    at=now, account=dice.choice([*accounts, None]), region=dice.choice([hub, part, None]),
                    person=make.person(language=dice.choice(["de", "fr", ""])),
                )
                for _ in range(dice.randint(1, 9))
            ]  # fmt: skip
            routed(leads, now=now)
            retry_unrouted(now=now + timedelta(hours=1), limit=20)
            for lead in Lead.objects.open().filter(stage="mql", owner__isnull=False):
                if dice.random() < 0.4:
                    make.advance(lead, "sal", at=now + timedelta(hours=2))
        return policy

    def test_a_walk_under_the_same_version_differs_nowhere(self, month):
        found = rehearse(month, since=SINCE, until=UNTIL)
        assert len(found.lines) > 40
        methods = {line.was.explanation["method"] for line in found.lines}
        assert methods >= {"owner", "score", "least_open", "round_robin"}
        assert [(line.assignment_id, line.was.rep_id, line.would.rep_id) for line in found.differing] == []

    def test_each_by_itself_comes_out_the_same_too_though_the_world_has_changed(self, month):
        Seat.objects.update(receiving=False, weight=5)
        Served.objects.all().delete()
        PlannedMeeting.objects.all().delete()
        rows = [row for row in decisions() if row.policy]
        assert rows
        for row in rows:
            outcome = replay(row, month)
            assert (outcome.rep_id, outcome.team_id) == (row.rep_id, row.team_id), row.explanation

    def test_under_another_version_each_has_an_answer(self, month, team):
        other = draft({"team": team, "method": "score"})
        found = rehearse(other, since=SINCE, until=UNTIL)
        assert {line.would.kind for line in found.lines} <= {"assigned", "unrouted"}
        assert found.differing


class TestThePages:
    @pytest.fixture
    def tried(self, team):
        now = timezone.now()
        anna = make.seat(make.rep(name="Anna", team=team))
        make.seat(make.rep(name="Ben", team=team))
        make.routing_policy({"name": "Everybody", "team": team})
        leads = [make.mql(account=make.account(name=f"Firm {n}", owner=anna.rep)) for n in range(4)]
        routed(leads, now=now)
        return draft({"name": "Owned", "team": team, "method": "owner"})

    def test_the_difference_table(self, client, tried):
        client.force_login(make.user(Role.SDR_MANAGER))
        shown = client.get(reverse("routing:rehearsal", args=[tried.pk])).content.decode()
        assert "2 of 4 leads would go elsewhere" in shown
        assert "Anna owns the account and gets its leads by the rule “Owned”." in shown
        assert client.get(reverse("routing:rehearsal", args=[tried.pk]), {"days": "90"}).status_code == 200
        assert "Try this draft" in client.get(reverse("routing:rules")).content.decode()

    def test_one_lead_is_tried_from_its_page(self, client, tried):
        client.force_login(make.user(Role.SDR_MANAGER))
        lead = Lead.objects.earliest("pk")
        address = reverse("routing:rules") + f"?lead={lead.pk}"
        assert address in client.get(reverse("routing:lead", args=[lead.pk])).content.decode()
        page = reverse("routing:rehearsal", args=[tried.pk]) + f"?lead={lead.pk}"
        assert page in client.get(address).content.decode()
        shown = client.get(page).content.decode()
        assert "if it were decided now" in shown and "Anna owns the account and gets its leads" in shown
        assert client.get(page + "x").status_code == 200

    def test_nothing_to_try_it_on(self, client, team):
        client.force_login(make.user(Role.SDR_MANAGER))
        shown = client.get(reverse("routing:rehearsal", args=[draft({"team": team}).pk])).content.decode()
        assert "No lead to try it on" in shown and "nobody with a seat" in shown
        assert client.get(reverse("routing:rehearsal", args=[999999])).status_code == 404

    def test_the_admin_leads_there(self, client, tried):
        client.force_login(make.user(Role.SDR_MANAGER, is_staff=True))
        response = client.get(f"/admin/routing/routingpolicy/{tried.pk}/try_version/")
        assert response.headers["Location"] == reverse("routing:rehearsal", args=[tried.pk])

    @pytest.mark.parametrize("role", [Role.SDR, Role.AE, None])
    def test_it_is_for_those_who_see_everything(self, client, tried, role):
        client.force_login(make.user(role))
        for address in (reverse("routing:rules"), reverse("routing:rehearsal", args=[tried.pk])):
            assert client.get(address).status_code == 403

    def test_the_api_tells_who_would_get_a_lead_under_a_version(self, client, tried):
        client.force_login(make.user(Role.SDR_MANAGER))
        lead = Lead.objects.earliest("pk")
        address = f"/api/leads/{lead.pk}/why-route/"
        assert client.get(address).json()["would"] is None
        would = client.get(address, {"under": tried.version}).json()["would"]
        assert (would["version"], would["kind"], would["rule"]) == (tried.version, "assigned", "Owned")
        assert would["sentence"].startswith("Anna owns the account")
        assert client.get(address, {"under": 999999}).status_code == 404
        assert client.get(address, {"under": "soon"}).status_code == 400


def test_a_copy_of_a_version_would_do_the_same(team):
    for _ in range(2):
        make.seat(team=team)
    policy = make.routing_policy({"name": "Everybody", "team": team, "method": "score", "demands": ["region"]})
    routed([make.mql() for _ in range(5)])
    copy = policies.draft(from_policy=policy, user=None, name="Copy")
    (rule,) = copy.rules.all()
    assert (rule.method, rule.demands, copy.weights) == ("score", ["region"], policy.weights)
    assert not rehearse(copy, since=SINCE, until=UNTIL).differing
