"""Lists and pages show the score of the version that decides about each lead."""

from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.conditions import compile as compile_condition
from funnel.inbox import Taken
from funnel.models import Solution
from routing.acts.viewer import viewer_of
from routing.assignment.matching import match
from routing.assignment.rules import Rule
from routing.fields import FIELDS
from routing.queue import waiting
from scoring import services
from scoring.engine import apply
from scoring.models import ScoringModel
from tests import factories as make
from tests.scoring.models import Model, touch_rule

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(client):
    """Somebody with an MQL for Edge, of band 1 by its own version, and one for Core, of band 3 by the general one."""
    edge, core = Solution.objects.create(name="Edge"), Solution.objects.create(name="Core")
    for points, solution in ((20, None), (70, edge)):
        Model(solution=solution).interest("web").rule(touch_rule("web", "visit", points)).active()
    pat, rep = make.person(last_name="Doe"), make.rep()
    leads = [make.mql(person=pat, solution=row, owner=rep) for row in (edge, core)]
    touch = make.touch(person=pat, type="visit", occurred_at=timezone.now())
    apply([Taken(pat.pk, "activity", touch.pk)], now=timezone.now())
    user = make.user(Role.MARKETING_OPS)
    client.force_login(user)
    versions = [*ScoringModel.objects.order_by("-version").values_list("version", flat=True)]
    return SimpleNamespace(leads=leads, user=user, pat=pat, policies=[f"scoring:{version}" for version in versions])


def test_the_queue_orders_narrows_and_shows_each_lead_by_its_own(client, here):
    viewer = viewer_of(here.user)

    def places(**query):
        asked = waiting.asked({"tab": "team"} | query, viewer)
        return [place.lead_id for place in waiting.places(asked, viewer, now=timezone.now())[0]]

    assert places() == [lead.pk for lead in here.leads]  # D1 before D3, though it was opened first
    rows = client.get("/queue/", {"tab": "team"}).context["rows"]
    assert [(str(row.grade), row.reasons[0].points) for row in rows] == [("D1", 70), ("D3", 20)]
    assert waiting.tally(waiting.asked({"tab": "team", "grade": "D"}, viewer), viewer, now=timezone.now()).shown == 2
    panels = [client.get(reverse("routing:lead", args=[lead.pk])).context["score"] for lead in here.leads]
    assert [panel.why.policy for panel in panels] == here.policies


def test_the_leads_list_and_the_api_show_each_lead_by_its_own(client, here):
    rows = {row.lead.pk: str(row.grade) for row in client.get("/leads/").context["rows"]}
    assert [rows[lead.pk] for lead in here.leads] == ["D1", "D3"]
    scores = {row["id"]: row["score"] for row in client.get("/api/leads/").json()["results"]}
    found = [scores[lead.pk] for lead in here.leads]
    assert [(score["interest"], score["policy"]) for score in found] == [*zip((70, 20), here.policies, strict=True)]
    told = [client.get(f"/api/leads/{lead.pk}/why-score/").json() for lead in here.leads]
    assert [why["policy"] for why in told] == here.policies
    assert told[0]["model"].endswith(", for Edge")


def test_a_person_is_scored_by_the_general_version_or_the_one_asked_for(client, here):
    url = f"/api/people/{here.pat.pk}/why-score/"
    assert client.get(url).json()["policy"] == here.policies[1]
    edge = int(here.policies[0].partition(":")[2])
    assert client.get(url, {"version": edge}).json()["policy"] == here.policies[0]
    refused = client.get(url, {"version": 99_999})
    assert refused.status_code == 400 and "no published version 99999" in str(refused.json())


def test_a_lead_that_no_version_decides_about_has_no_score(client, here):
    services.deactivate(ScoringModel.objects.get(active=True, solution=None), now=timezone.now())
    of_core = make.lead(person=here.pat, at=timezone.now())
    rows = {row.lead.pk: row.grade for row in client.get("/leads/").context["rows"]}
    assert rows[here.leads[0].pk] and rows[of_core.pk] is None
    assert client.get(f"/api/leads/{of_core.pk}/").json()["score"] is None
    assert client.get(reverse("routing:lead", args=[of_core.pk])).status_code == 200


def test_rules_of_routing_ask_for_the_score_of_the_lead(here):
    condition = compile_condition({"field": "score.band", "op": "is", "value": 1}, FIELDS)
    rule = Rule(name="Hot", team_id=1, condition=condition)
    assert list(match([lead.pk for lead in here.leads], [rule])) == [here.leads[0].pk]


def test_another_version_that_decides_costs_lists_no_query_a_lead(client, here):
    def queries(url: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    urls = ("/leads/", "/queue/?tab=team", "/api/leads/")
    before = [queries(url) for url in urls]
    for lead in here.leads:
        for _ in range(4):
            make.mql(solution=lead.solution, owner=lead.owner)
    assert [queries(url) for url in urls] == before
