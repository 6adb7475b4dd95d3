"""The methods of rules: account owner, least open work, distribution score; who is kept out; and what comes then."""

from collections import Counter
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from funnel.access import Role
from funnel.models import Lead, Region, Rep, Solution
from routing.assignment.engine import assign, retry_unrouted
from routing.assignment.explain import why_owner
from routing.models import Assignment, CallSheet, Notice, PlannedMeeting, Seat, Served
from routing.seats.distribution import LEVEL_PLACES
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db
NEVER = {"field": "lead.region", "op": "is", "value": "Nowhere"}
OWNED = {"name": "Owned", "method": "owner"}


@pytest.fixture
def team():
    return make.team(name="North")


def routed(*leads: Lead, now=NOW, cause: str = "test:mql") -> list:
    answers = assign([lead.pk for lead in leads], now=now, causes={lead.pk: cause for lead in leads})
    for lead in leads:
        lead.refresh_from_db()
    return answers


def told(lead: Lead) -> dict:
    return Assignment.objects.filter(lead=lead).latest("pk").explanation


def whys(lead: Lead) -> dict[int, str]:
    return {one["rep"]: one.get("why", "") for one in told(lead)["candidates"]}


def of(rep: Rep | None, **fields) -> Lead:
    """An MQL at an account of this rep's."""
    return make.mql(account=make.account(owner=rep), **fields)


class TestTheOwnerOfTheAccount:
    def test_gets_its_leads_and_they_do_not_count_for_fairness(self, team):
        anna, ben = make.seat(team=team), make.seat(team=team)
        make.routing_policy({**OWNED, "team": team, "otherwise": "round_robin"})
        theirs = [of(anna.rep) for _ in range(4)]
        routed(*theirs)
        assert {lead.owner_id for lead in theirs} == {anna.rep_id}
        anna.refresh_from_db()
        assert (anna.assigned, anna.level) == (0, 0)
        others = [make.mql() for _ in range(4)]
        routed(*others)
        assert Counter(lead.owner_id for lead in others) == {anna.rep_id: 2, ben.rep_id: 2}

    def test_may_be_of_another_team(self, team):
        make.seat(team=team)
        owner = make.seat(team=make.team("ae"))
        make.routing_policy({**OWNED, "team": team, "otherwise": "round_robin"})
        lead = of(owner.rep)
        routed(lead)
        assert lead.owner_id == owner.rep_id
        assert why_owner(lead).sentence == f"{owner.rep} owns the account and gets its leads by the rule “Owned”."
        owner.refresh_from_db()
        assert (owner.levelled_team_id, owner.assigned) == (None, 0)

    def test_is_told_like_everybody_who_gets_a_lead(self, team):
        user = make.user(Role.SDR, team=make.team())
        make.seat(user.rep)
        make.routing_policy({**OWNED, "team": team})
        routed(of(user.rep))
        assert Notice.objects.get().user == user

    @pytest.mark.parametrize("case", ["no account", "no owner", "no seat", "away", "full"])
    def test_where_there_is_none_the_rule_says_what_comes(self, team, case):
        taker = make.seat(team=team)
        owner = make.rep(name="Olga")
        if case in ("away", "full"):
            make.seat(owner, capacity=0 if case == "full" else None)
        if case == "away":
            make.absence(owner, NOW.date())
        make.routing_policy({**OWNED, "team": team, "otherwise": "round_robin"})
        lead = make.mql() if case == "no account" else of(None if case == "no owner" else owner)
        routed(lead)
        assert lead.owner_id == taker.rep_id
        (passed,) = told(lead)["passed"]
        codes = {"no seat": "owner_without_seat", "away": "owner_unavailable", "full": "owner_unavailable"}
        assert passed["why"] == codes.get(case, "no_owner")
        (said,) = why_owner(lead).passed
        assert {
            "no account": "no owner", "no owner": "no owner", "no seat": "Olga owns the account and has no seat.",
            "away": "Olga owns the account and could not take it: away until", "full": "at capacity, 0 open MQLs of 0",
        }[case] in said.sentence  # fmt: skip

    def test_the_next_rule_may_come(self, team):
        other = make.team()
        make.seat(team=team)
        taker = make.seat(team=other)
        make.routing_policy(
            {**OWNED, "team": team, "otherwise": "next"},
            {"name": "Never", "team": team, "condition": NEVER},
            {"name": "Everybody", "team": other},
        )
        lead = make.mql()
        (answer,) = routed(lead)
        assert (answer.rule, lead.owner_id) == ("Everybody", taker.rep_id)
        assert [one["rule"] for one in told(lead)["passed"]] == ["Owned"]

    def test_or_nobody_until_the_owner_can(self, team):
        seat = make.seat(team=team, receiving=False)
        make.seat(team=team)
        make.routing_policy({**OWNED, "team": team})
        lead = of(seat.rep)
        (answer,) = routed(lead)
        assert (answer.kind, answer.reason) == ("unrouted", "owner_unavailable")
        assert retry_unrouted(now=NOW, limit=10) == []
        Seat.objects.filter(pk=seat.pk).update(receiving=True)
        (answer,) = retry_unrouted(now=NOW, limit=10)
        assert (answer.lead_id, answer.rep_id) == (lead.pk, seat.rep_id)


class TestLeastOpenWork:
    def test_counts_all_that_somebody_has_in_hand_by_weight(self, team):
        anna, ben = make.seat(team=team), make.seat(team=team, weight=2)
        for _ in range(3):
            make.advance(make.mql(owner=anna.rep), "sal", at=NOW)
        for _ in range(4):
            make.mql(owner=ben.rep)
        make.leave(make.mql(owner=ben.rep), "disqualify", at=NOW + timedelta(hours=1))
        make.routing_policy({"name": "Load", "team": team, "method": "least_open"})
        lead = make.mql()
        routed(lead)
        assert lead.owner_id == ben.rep_id  # 2 for the weight, against 3
        assert {one["rep"]: one["work"] for one in told(lead)["candidates"]} == {anna.rep_id: 3, ben.rep_id: 4}
        assert why_owner(lead).sentence == (
            f"{ben.rep} had the least work by the rule “Load”: 4 leads in hand, the fewest for their weight of 2 who "
            "could take it."
        )

    def test_what_a_batch_gives_counts_within_it(self, team):
        seats = [make.seat(team=team) for _ in range(3)]
        make.mql(owner=seats[0].rep)
        make.routing_policy({"team": team, "method": "least_open"})
        leads = [make.mql() for _ in range(5)]
        routed(*leads)
        assert Counter(lead.owner_id for lead in leads) == dict(zip([s.rep_id for s in seats], [1, 2, 2], strict=True))

    def test_among_equals_it_is_whoever_was_given_one_least_recently(self, team):
        anna, ben = make.seat(team=team), make.seat(team=team)
        make.routing_policy({"team": team, "method": "least_open"})
        first, second = make.mql(), make.mql()
        routed(first)
        routed(second, now=NOW + timedelta(hours=1))
        for lead in (first, second):
            make.leave(lead, "disqualify", at=NOW + timedelta(hours=2))
        third = make.mql()
        routed(third, now=NOW + timedelta(hours=3))
        assert [first.owner_id, second.owner_id, third.owner_id] == [anna.rep_id, ben.rep_id, anna.rep_id]


class TestDistributionScore:
    @pytest.fixture
    def rule(self, team):
        return {"name": "Fit", "team": team, "method": "score", "demands": []}

    def test_who_fits_best_gets_it_and_every_factor_is_kept(self, team, rule):
        edge = Solution.objects.create(name="Edge")
        account = make.account(segment="Enterprise")
        knows, serves, none = (make.seat(make.rep(name=name, team=team)) for name in ("Kim", "Sam", "Nobody"))
        Served.objects.create(rep=serves.rep, solution=edge)
        Served.objects.create(rep=serves.rep, segment="enterprise")
        Served.objects.create(rep=none.rep, solution=Solution.objects.create(name="Other"))
        for _ in range(2):
            make.lead(account=account, owner=knows.rep, solution=edge)
        account.owner = knows.rep
        account.save()
        make.routing_policy(rule)
        lead = make.mql(account=account, solution=edge)
        routed(lead)
        assert lead.owner_id == knows.rep_id
        by_rep = {one["rep"]: one for one in told(lead)["candidates"]}
        assert by_rep[knows.rep_id]["factors"] == {
            "ownership": 1, "meeting": 0, "product": 0.5, "same_solution": 0.6667, "connection": 0.6667,
            "segment": 0.5, "tenure": 0, "capacity": 1,
        }  # fmt: skip
        assert by_rep[serves.rep_id]["factors"]["product"] == by_rep[serves.rep_id]["factors"]["segment"] == 1
        assert by_rep[none.rep_id]["factors"]["product"] == 0
        why = why_owner(lead)
        assert why.sentence.startswith("Kim fits best by the rule “Fit”: ")
        assert [one.name for one in why.candidates] == ["Kim", "Sam", "Nobody"]
        best = why.candidates[0]
        assert best.score == pytest.approx(sum(one.points for one in best.factors), abs=0.5)
        assert [one.name for one in best.factors if not one.said] == ["meeting", "tenure"]

    def test_a_meeting_with_the_account_decides_among_equals(self, team, rule):
        seats = [make.seat(team=team) for _ in range(3)]
        account = make.account()
        for seat in seats[1:]:
            CallSheet.objects.create(rep=seat.rep, read_at=NOW - timedelta(days=3))
        PlannedMeeting.objects.create(rep=seats[2].rep, account=account, starts_at=NOW + timedelta(days=9))
        make.routing_policy(rule)
        lead = make.mql(account=account)
        routed(lead)
        assert lead.owner_id == seats[2].rep_id
        meeting = {one["rep"]: one["factors"]["meeting"] for one in told(lead)["candidates"]}
        assert meeting[seats[1].rep_id] == 0 < meeting[seats[0].rep_id] < meeting[seats[2].rep_id] == 1

    def test_an_old_sheet_says_nothing_any_more(self, team, rule):
        seats = [make.seat(team=team) for _ in range(2)]
        account = make.account()
        CallSheet.objects.create(rep=seats[0].rep, read_at=NOW - timedelta(days=29))
        make.routing_policy(rule)
        lead = make.mql(account=account)
        routed(lead)
        assert all("meeting" in one["unsaid"] for one in told(lead)["candidates"])

    def test_weights_are_those_of_the_version_and_frozen_with_it(self, team, rule):
        anna, ben = make.seat(team=team), make.seat(team=team, capacity=10)
        ben.rep.hired_on = date(2010, 1, 1)
        ben.rep.save()
        anna.rep.hired_on = NOW.date()
        anna.rep.save()
        policy = make.routing_policy(rule, published=False)
        policy.weights = dict.fromkeys(policy.weights, 0.0) | {"tenure": 1.0}
        policy.save()
        policy.status = "published"
        policy.save()
        lead = make.mql()
        routed(lead)
        assert lead.owner_id == ben.rep_id
        assert told(lead)["weights"]["tenure"] == 1
        policy.weights = policy.weights | {"tenure": 2.0}
        with pytest.raises(Exception, match="Cannot update"):
            policy.save()

    def test_among_equals_it_is_whoever_was_given_one_least_recently_within_a_batch_too(self, team, rule):
        seats = [make.seat(team=team) for _ in range(3)]
        policy = make.routing_policy(rule, published=False)
        policy.weights = dict.fromkeys(policy.weights, 0.0) | {"ownership": 1.0}
        policy.status = "published"
        policy.save()
        leads = [make.mql() for _ in range(7)]
        routed(*leads)
        assert [lead.owner_id for lead in leads] == [seats[n % 3].rep_id for n in range(7)]


class TestWhoIsKeptOut:
    @pytest.mark.parametrize("kind", ["solution", "language", "segment", "region"])
    def test_whoever_serves_something_else(self, team, kind):
        hub = Region.objects.create(name="Hub")
        part, elsewhere = Region.objects.create(name="Part", parent=hub), Region.objects.create(name="Elsewhere")
        edge, other = Solution.objects.create(name="Edge"), Solution.objects.create(name="Other")
        right = {"solution": edge, "language": "de", "segment": "SMB", "region": hub}[kind]
        wrong = {"solution": other, "language": "fr", "segment": "Enterprise", "region": elsewhere}[kind]
        out, fits, generalist = (make.seat(team=team) for _ in range(3))
        Served.objects.create(rep=out.rep, **{kind: wrong})
        Served.objects.create(rep=fits.rep, **{kind: right})
        make.routing_policy({"team": team, "demands": ["region", "solution", "language", "segment"]})
        leads = [
            make.mql(person=make.person(language="de-AT"), solution=edge, region=part, segment="smb") for _ in range(4)
        ]
        routed(*leads)
        assert Counter(lead.owner_id for lead in leads) == {fits.rep_id: 2, generalist.rep_id: 2}
        assert whys(leads[0])[out.rep_id] == f"other_{kind}"
        assert "erves other" in next(one.sentence for one in why_owner(leads[0]).candidates if not one.eligible)

    def test_nobody_who_serves_it_is_told_and_tried_again(self, team):
        seat = make.seat(team=team)
        served = Served.objects.create(rep=seat.rep, language="fr")
        make.routing_policy({"team": team})
        lead = make.mql(person=make.person(language="de"))
        behind = make.mql(person=make.person(language="fr"))
        (answer,) = routed(lead)
        assert answer.reason == "nobody_available"
        assert why_owner(lead).sentence.endswith("Of its seats: 1 for other languages.")
        seat.receiving = False
        seat.save()
        routed(behind)
        Seat.objects.update(receiving=True)
        found = retry_unrouted(now=NOW, limit=1)  # the older one finds nobody, and does not hold the other up
        assert [answer.lead_id for answer in found] == [behind.pk]
        served.delete()
        assert [answer.lead_id for answer in retry_unrouted(now=NOW, limit=1)] == [lead.pk]

    def test_whoever_is_off_work_where_the_rule_asks_for_it(self, team):
        night = make.calendar(["00:00", "06:00"])
        off, on = make.seat(team=team, calendar=night), make.seat(team=team)
        make.routing_policy({"team": team, "at_work": "always"})
        leads = [make.mql() for _ in range(3)]
        routed(*leads)
        assert {lead.owner_id for lead in leads} == {on.rep_id}
        assert whys(leads[0])[off.rep_id] == "not_at_work"
        more = [make.mql() for _ in range(2)]
        routed(*more, now=NOW.replace(hour=5) + timedelta(days=1))
        assert Counter(lead.owner_id for lead in more) == {off.rep_id: 1, on.rep_id: 1}  # not flooded for having slept

    def test_by_default_only_hot_leads_ask_who_is_at_work(self, team):
        night = make.calendar(["00:00", "06:00"])
        off, on = make.seat(team=team, calendar=night), make.seat(team=team)
        make.routing_policy({"team": team})
        cold, hot, hot_too = make.mql(), make.lead(), make.lead()
        for lead in (hot, hot_too):
            make.advance(lead, "mql", at=NOW, cause=f"mql:activity:{lead.pk}:fast_track")
        routed(cold, hot, hot_too)
        assert [cold.owner_id, hot.owner_id, hot_too.owner_id] == [off.rep_id, on.rep_id, on.rep_id]

    def test_at_night_a_hot_lead_still_goes_to_somebody(self, team):
        only = make.seat(team=team, calendar=make.calendar(["00:00", "06:00"]))
        make.routing_policy({"team": team})
        hot = make.lead()
        make.advance(hot, "mql", at=NOW, cause=f"mql:activity:{hot.pk}:fast_track")
        routed(hot)
        assert hot.owner_id == only.rep_id

    def test_a_quota_that_is_a_fraction_adds_up_and_counts_what_the_ledger_says(self, team):
        slow, fast = make.seat(team=team, quota=0.5, quota_per="day"), make.seat(team=team)
        make.routing_policy({"team": team})
        got = []
        for day in range(12):
            now = NOW + timedelta(days=day)
            leads = [make.mql(at=now) for _ in range(4)]
            routed(*leads, now=now)
            mine = [lead for lead in leads if lead.owner_id == slow.rep_id]
            got.append(len(mine))
            for lead in mine:  # a lead marked as lost earns no other one
                make.leave(lead, "disqualify", at=now)
        assert set(got) <= {0, 1} and sum(got) in (5, 6, 7)
        last = make.mql()
        routed(last, now=now)
        assert whys(last)[slow.rep_id] == "at_quota"
        said = {one.rep_id: one.sentence for one in why_owner(last).candidates}
        assert said[slow.rep_id] == "Has reached the lead quota, 0.5 a day"
        assert last.owner_id == fast.rep_id


class TestPools:
    def test_a_pool_that_nobody_could_claim_from_is_told_and_keeps_the_lead(self, team):
        manager = make.user(Role.SDR_MANAGER)
        make.rep(team=team, active=False)
        make.routing_policy({"team": team, "method": "pool"})
        lead = make.mql()
        (answer,) = routed(lead)
        assert (answer.kind, answer.reason, lead.pool_id) == ("pooled", "empty_pool", team.pk)
        notice = Notice.objects.get()
        assert (notice.user, notice.data["reason"]) == (manager, "empty_pool")
        assert "its team had nobody active" in why_owner(lead).sentence

    def test_a_pool_may_come_where_nobody_else_can(self, team):
        make.seat(team=team, receiving=False)
        make.routing_policy({"team": team, "otherwise": "pool"})
        lead = make.mql()
        (answer,) = routed(lead)
        assert (answer.kind, lead.pool_id) == ("pooled", team.pk)
        assert told(lead)["passed"][0]["why"] == "nobody_available"


class TestManyAtOnce:
    def test_the_number_of_statements_does_not_grow_with_the_leads(self, team):
        for _ in range(3):
            seat = make.seat(team=team, quota=50, calendar=make.calendar())
            CallSheet.objects.create(rep=seat.rep, read_at=NOW)
        owner = make.seat(team=make.team())
        make.routing_policy(
            {**OWNED, "team": team, "otherwise": "next"},
            {"team": team, "method": "score", "condition": {"field": "account.matched", "op": "is", "value": True}},
            {"team": team, "method": "least_open", "at_work": "always", "otherwise": "pool"},
        )
        few = [of(owner.rep), of(None), make.mql()]
        many = [lead for _ in range(10) for lead in (of(owner.rep), of(None), make.mql())]
        routed(*(of(owner.rep), of(None), make.mql()))  # newcomers are level
        counts = []
        for leads in (few, many):
            with CaptureQueriesContext(connection) as captured:
                assign([lead.pk for lead in leads], now=NOW, causes={lead.pk: "test" for lead in leads})
            counts.append(len(captured))
        assert counts[0] == counts[1]

    def test_a_level_is_kept_as_exactly_as_it_is_compared(self, team):
        make.seat(team=team, weight=0.7)
        make.routing_policy({"team": team})
        leads = [make.mql() for _ in range(3)]
        routed(*leads)
        assert told(leads[2])["candidates"][0]["level"] == round(2 / 0.7, LEVEL_PLACES)
