"""Wrong routes: the lead stays an MQL, goes to somebody else, and counts against the rule instead of the lead."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.models import Lead, Note, Reason, StageEvent
from routing.assignment import wrong_routes
from routing.assignment.engine import assign
from routing.assignment.explain import why_owner
from routing.assignment.rule_counts import by_rule
from routing.decisions import hands_back, services
from routing.decisions.services import NotAllowed, Refused
from routing.models import Assignment, Notice, Seat, WrongRoute
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=2)


@pytest.fixture
def team():
    return make.team(name="North")


@pytest.fixture
def jonas(team):
    user = make.user(Role.SDR, team=team, first_name="Jonas", last_name="Petersen")
    make.seat(user.rep)
    return user


@pytest.fixture
def wrong():
    return Reason.objects.get(kind="reject", name="Wrong team or territory")


def routed(lead: Lead) -> Lead:
    assign([lead.pk], now=NOW, causes={lead.pk: "test"})
    lead.refresh_from_db()
    return lead


def test_a_new_installation_has_a_reason_for_it(wrong):
    assert wrong.reroutes
    assert Reason.objects.filter(reroutes=True).count() == 1


def test_the_lead_stays_an_mql_and_goes_to_somebody_else(team, jonas, wrong):
    mia = make.user(Role.SDR, team=team)
    make.seat(mia.rep)
    make.routing_policy({"name": "Everybody", "team": team})
    lead = routed(make.mql())
    assert lead.owner == jonas.rep
    done = services.reject(lead.pk, user=jonas, reason_id=wrong.pk, text="It is in Spain", now=LATER)
    lead.refresh_from_db()
    assert (lead.owner, lead.stage, lead.closed_at) == (mia.rep, "mql", None)
    assert done.sentence == f"{lead.person} is with {mia.rep} now. It stays an MQL."
    assert done.event_id is None and done.undo_until == LATER + timedelta(minutes=10)
    said = WrongRoute.objects.get()
    assert (said.rep, said.rule, said.actor, said.reason, said.occurred_at) == (
        jonas.rep, "Everybody", jonas, wrong, LATER,
    )  # fmt: skip
    assert not StageEvent.objects.filter(lead=lead, kind="disqualify").exists()
    assert Note.objects.get().text == "It is in Spain"
    assert set(Notice.objects.filter(user=mia).values_list("kind", flat=True)) == {"assigned"}
    why = why_owner(lead)
    assert {one.name: one.why for one in why.candidates} == {str(mia.rep): "", str(jonas.rep): "wrong_route"}
    assert why.history[0].sentence == f"Assigned to {mia.rep}, after a wrong route"


def test_nobody_gets_it_back_who_said_that_it_is_not_theirs(team, jonas, wrong):
    make.routing_policy({"team": team})
    manager = make.user(Role.SDR_MANAGER)
    lead = routed(make.mql())
    services.reject(lead.pk, user=jonas, reason_id=wrong.pk, now=LATER)
    lead.refresh_from_db()
    assert lead.owner is None
    assert Notice.objects.filter(user=manager, kind="unrouted").exists()
    assert why_owner(lead).sentence.endswith("Of its seats: 1 who said it was not theirs.")


def test_the_owner_of_the_account_is_passed_over_then(team, jonas, wrong):
    other = make.seat(team=team)
    make.routing_policy({"team": team, "method": "owner", "otherwise": "round_robin"})
    lead = routed(make.mql(account=make.account(owner=jonas.rep)))
    assert lead.owner == jonas.rep
    services.reject(lead.pk, user=jonas, reason_id=wrong.pk, now=LATER)
    lead.refresh_from_db()
    assert lead.owner_id == other.rep_id


def test_the_same_click_twice_is_one(team, jonas, wrong):
    make.seat(team=team)
    make.routing_policy({"team": team})
    lead = routed(make.mql())
    first = services.reject(lead.pk, user=jonas, reason_id=wrong.pk, now=LATER)
    again = services.reject(lead.pk, user=jonas, reason_id=wrong.pk, now=LATER + timedelta(seconds=1))
    assert again == first
    assert WrongRoute.objects.count() == 1 and Assignment.objects.filter(lead=lead).count() == 2


def test_somebody_elses_lead_is_not_sent_on(team, jonas, wrong):
    other = make.user(Role.SDR, team=make.team())
    make.routing_policy({"team": team})
    lead = routed(make.mql())
    with pytest.raises(Refused):
        services.reject(lead.pk, user=other, reason_id=wrong.pk, now=LATER)
    assert not WrongRoute.objects.exists()


def test_an_ordinary_reason_still_closes_the_lead(team, jonas):
    make.routing_policy({"team": team})
    lead = routed(make.mql())
    reason = Reason.objects.create(kind="reject", name="A student")
    services.reject(lead.pk, user=jonas, reason_id=reason.pk, now=LATER)
    lead.refresh_from_db()
    assert lead.exit == "disqualified"


def test_it_is_on_record_for_good(team, jonas, wrong):
    make.routing_policy({"team": team})
    lead = routed(make.mql())
    services.reject(lead.pk, user=jonas, reason_id=wrong.pk, now=LATER)
    with pytest.raises(Exception, match="Cannot update or delete"), transaction.atomic():
        WrongRoute.objects.all().delete()


def test_the_form_says_that_the_lead_goes_to_somebody_else(client, team, jonas):
    make.routing_policy({"team": team})
    lead = routed(make.mql())
    client.force_login(jonas)
    shown = client.get(reverse("routing:reject", args=[lead.pk])).content.decode()
    assert "Wrong team or territory (goes to somebody else)" in shown


def test_only_reasons_to_reject_an_mql_can_do_so():
    with pytest.raises(Exception, match="reason_reroutes_a_reject"), transaction.atomic():
        Reason.objects.create(kind="recycle", name="Later", reroutes=True)


def test_marketing_sees_which_rule_sends_leads_wrong(client, team, jonas, wrong):
    make.seat(team=team)
    make.routing_policy({"name": "Everybody", "team": team})
    for _ in range(4):
        lead = routed(make.mql())
        if lead.owner == jonas.rep:
            services.reject(lead.pk, user=jonas, reason_id=wrong.pk, now=LATER)
    (rule,) = by_rule(start=NOW - timedelta(days=1), end=LATER + timedelta(days=1))
    assert (rule.rule, rule.leads, rule.nobody, rule.wrong) == ("Everybody", 4, 0, WrongRoute.objects.count())
    assert rule.wrong >= 1 and rule.share == rule.wrong / 4
    assert wrong_routes.by_rule(start=LATER + timedelta(days=1), end=LATER + timedelta(days=2)) == []


def test_the_page_of_rules_counts_them(client, team, jonas, wrong):
    make.routing_policy({"name": "Everybody", "team": team})
    lead = make.mql()
    assign([lead.pk], now=timezone.now(), causes={lead.pk: "test"})
    services.reject(lead.pk, user=jonas, reason_id=wrong.pk, now=timezone.now())
    client.force_login(make.user(Role.MARKETING_OPS))
    response = client.get(reverse("routing:rules"))
    (row,) = response.context["rows"]
    assert (row.rule, row.stage, row.leads, row.wrong) == ("Everybody", "mql", 1, 1)
    assert "Wrong routes" in response.content.decode()


# --- Taken back -----------------------------------------------------------------------------------


def test_a_wrong_route_is_taken_back_and_the_lead_is_theirs_again(team, jonas, wrong):
    mia = make.user(Role.SDR, team=team)
    make.seat(mia.rep)
    make.routing_policy({"name": "Everybody", "team": team})
    lead = routed(make.mql())
    done = services.reject(lead.pk, user=jonas, reason_id=wrong.pk, text="It is in Spain", now=LATER)
    assert done.assignment_id and done.undo_until == LATER + timedelta(minutes=10)
    level = Seat.objects.get(rep=mia.rep).level
    soon = LATER + timedelta(minutes=3)
    with pytest.raises(NotAllowed, match="Only whoever did this"):
        hands_back.undo(done.assignment_id, user=mia, now=soon)
    back = hands_back.undo(done.assignment_id, user=jonas, now=soon)
    assert back.sentence == f"Taken back: {lead.person} is with {jonas.rep} again."
    assert hands_back.undo(done.assignment_id, user=jonas, now=soon).sentence == back.sentence, (
        "a second click changes nothing"
    )
    lead.refresh_from_db()
    assert lead.owner == jonas.rep
    assert list(wrong_routes.by_rule(start=NOW, end=LATER + timedelta(hours=1))) == []
    assert Seat.objects.get(rep=mia.rep).level == level - 1, "a turn that brought nothing is given back"
    again = services.reject(lead.pk, user=jonas, reason_id=wrong.pk, now=soon)
    assert again.assignment_id != done.assignment_id and WrongRoute.objects.count() == 2


def test_a_wrong_route_stays_once_somebody_has_decided_or_ten_minutes_have_passed(team, jonas, wrong):
    mia = make.user(Role.SDR, team=team)
    make.seat(mia.rep)
    make.routing_policy({"name": "Everybody", "team": team})
    lead = routed(make.mql())
    done = services.reject(lead.pk, user=jonas, reason_id=wrong.pk, now=LATER)
    assert done.assignment_id is not None
    with pytest.raises(Refused, match="possible for 10 minutes"):
        hands_back.undo(done.assignment_id, user=jonas, now=LATER + timedelta(minutes=11))
    services.accept(lead.pk, user=mia, now=LATER + timedelta(minutes=1))
    with pytest.raises(Refused, match="accepted this lead.*Nothing was taken back"):
        hands_back.undo(done.assignment_id, user=jonas, now=LATER + timedelta(minutes=2))
