"""Why a score and why an owner, over the API: the parts, the moment asked for, and who may ask."""

from datetime import timedelta

import pytest
from django.utils import timezone

from funnel.access import Role
from funnel.inbox import Taken
from routing.assignment.engine import assign
from routing.models import Clock
from scoring.engine import apply
from scoring.models import ScoringModel
from tests import factories as make
from tests.scoring.models import Model, touch_rule

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def model():
    rules = Model(landmark=make.NOW).interest("web", half_life=30, cap=50).rule(touch_rule("web", "demo", 40))
    return rules.active()


@pytest.fixture
def lead(model):
    found = make.mql()
    make.touch(person=found.person, type="demo", occurred_at=make.NOW, recorded_at=make.NOW)
    return found


@pytest.fixture
def ops(client):
    client.force_login(make.user(Role.MARKETING_OPS))


def test_a_score_is_explained_at_the_moment_asked_for(client, ops, lead, model):
    def why(at) -> dict:
        response = client.get(f"/api/people/{lead.person_id}/why-score/", {"at": at.isoformat()})
        assert response.status_code == 200, response.json()
        return response.json()

    then, later, before = why(make.NOW), why(make.NOW + 30 * DAY), why(make.NOW - DAY)
    assert [round(found["interest"], 6) for found in (before, then, later)] == [0, 40, 20]
    (part,) = later["touches"]
    assert (part["type"], part["points_then"], round(part["points_now"], 6)) == ("demo", 40, 20)
    assert sum(category["counted"] for category in later["categories"]) == pytest.approx(later["interest"])
    assert later["policy"] == model.policy and later["sentence"]
    assert client.get(f"/api/people/{lead.person_id}/why-score/").json()["interest"] < 40


def test_a_lead_tells_its_score_and_what_made_it_an_mql(client, ops, lead):
    found = client.get(f"/api/leads/{lead.pk}/why-score/", {"at": make.NOW.isoformat()}).json()
    assert found["person_id"] == lead.person_id and found["interest"] == pytest.approx(40)
    assert [check["name"] for check in found["mql"]] == ["Not by score"]


def test_a_lead_tells_why_it_has_its_owner(client, ops, lead):
    team = make.team()
    first, second = make.seat(team=team), make.seat(team=team)
    make.routing_policy({"name": "Everybody", "team": team})
    assign([lead.pk], now=make.NOW, causes={lead.pk: "test"})
    found = client.get(f"/api/leads/{lead.pk}/why-route/").json()
    assert (found["rule"], found["owner"]) == ("Everybody", str(first.rep))
    assert [(one["rep_id"], one["chosen"]) for one in found["candidates"]] == [
        (first.rep_id, True), (second.rep_id, False),
    ]  # fmt: skip
    assert [change["kind"] for change in found["history"]] == ["assigned"] and found["sentence"]


def test_leads_come_with_their_score_and_what_is_due(client, ops, lead):
    due = make.NOW + DAY
    Clock.objects.create(lead=lead, kind="accept", cause="c", started_at=make.NOW, warn_at=due, due_at=due)
    apply([Taken(lead.person_id, "activity", touch.pk) for touch in lead.person.activities.all()], now=make.NOW)
    (listed,) = client.get("/api/leads/").json()["results"]
    told = client.get(f"/api/leads/{lead.pk}/").json()
    for found in (listed, told):
        assert found["due_at"] == "2026-06-02T12:00:00Z" and 0 < found["score"]["interest"] <= 40
    assert told["score"]["grade"] and client.get(f"/api/leads/{make.lead().pk}/").json()["score"] is None


def test_what_cannot_be_told(client, ops, lead):
    address = f"/api/people/{lead.person_id}/why-score/"
    for at in ("soon", (timezone.now() + 400 * DAY).isoformat()):
        response = client.get(address, {"at": at})
        assert response.status_code == 400 and response.json()["errors"][0]["attr"] == "at"
    assert client.get("/api/people/999999/why-score/").status_code == 404


def test_without_an_active_model_there_is_no_score(client, ops):
    ScoringModel.objects.filter(active=True).update(active=False)
    response = client.get(f"/api/people/{make.person().pk}/why-score/")
    assert response.status_code == 404 and "active" in response.json()["errors"][0]["detail"]


def test_what_one_may_not_see_is_not_explained(client, lead):
    client.force_login(make.user(Role.AE, team=make.team("ae")))
    for address in (f"leads/{lead.pk}/why-score", f"leads/{lead.pk}/why-route", f"people/{lead.person_id}/why-score"):
        assert client.get(f"/api/{address}/").status_code == 404
