"""Several versions that decide at once: which of them about which lead, what each hears, and how they live together."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from funnel.inbox import Taken
from funnel.inquiries import open_inquiries
from funnel.models import Campaign, Inbox, Kind, Lead, Region, Solution
from scoring import services
from scoring.by_lead import model_for, policy_for, readings_of, reasons_of
from scoring.engine import Standing, apply, state_of
from scoring.explain import why, why_mql
from scoring.models import ScoringModel
from scoring.qualifying import decide, revisit
from scoring.scopes import scopes_now, warnings
from tests import factories as make
from tests.factories import NOW
from tests.scoring.models import Model, touch_rule

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
DEMO = {"field": "touch.type", "op": "is", "value": "demo"}


class Places:
    """Two solutions, and a region inside another."""

    def __init__(self) -> None:
        self.edge, self.core = (Solution.objects.create(name=name) for name in ("Edge", "Core"))
        self.world = Region.objects.create(name="Abroad")
        self.alps = Region.objects.create(name="Alps", parent=self.world)
        self.tyrol = Region.objects.create(name="Tyrol", parent=self.alps)


@pytest.fixture
def places() -> Places:
    return Places()


def model(points: float = 10, **fields: Any) -> Model:
    """Points for each visit, without decay; from 40 on an MQL whoever it is."""
    made = Model(landmark=NOW - 100 * DAY, **fields).interest("web").rule(touch_rule("web", "visit", points))
    made.row.grid = dict.fromkeys(made.row.grid, "mql")
    made.row.save()
    return made


def hear(*touches: Any, now: Any = NOW) -> list[Standing]:
    """What the pipeline does with touches."""
    standings = apply([Taken(touch.person_id, "activity", touch.pk) for touch in touches], now=now)
    open_inquiries([touch.pk for touch in touches], now=now)
    return standings


def visits(person: Any, count: int, **fields: Any) -> list[Any]:
    return [make.touch(person=person, type="visit", **fields) for _ in range(count)]


# --- which decides -------------------------------------------------------------------------------------------------


def test_the_most_specific_scope_decides_in_python_and_in_sql_alike(places):
    general = model().active()
    far, near = model(region=places.world).active(), model(region=places.alps).active()
    edge = model(solution=places.edge).active()
    both = model(solution=places.edge, region=places.world).active()
    expected = {
        (None, None): general,
        (places.core, None): general,
        (None, places.world): far,
        (places.core, places.alps): near,
        (places.core, places.tyrol): near,
        (places.edge, None): edge,
        (places.edge, places.tyrol): both,
    }
    scopes = scopes_now()
    for (solution, region), deciding in expected.items():
        lead = make.lead(solution=solution, region=region)
        assert scopes.model_of(lead.solution_id, lead.region_id) == deciding.pk
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {scopes.sql()} FROM funnel_lead l WHERE id = %s", [lead.pk])
            assert cursor.fetchone() == (deciding.pk,)
    assert scopes.general == general.pk


def test_without_a_model_for_all_the_others_decide_about_theirs_alone(places):
    edge = model(solution=places.edge).active()
    scopes = scopes_now()
    assert (scopes.model_of(places.edge.pk, None), scopes.general) == (edge.pk, None)
    assert scopes.model_of(places.core.pk, None) is None
    assert warnings() == [
        "No scoring model decides about all leads, only about Edge: others become MQLs by hand alone."
    ]
    model().active()
    assert warnings() == []


def test_a_circle_of_regions_ends(places):
    Region.objects.filter(pk=places.world.pk).update(parent=places.tyrol)
    deciding = model(region=places.alps).active()
    assert scopes_now().model_of(None, places.world.pk) == deciding.pk


def test_the_database_holds_one_active_version_a_scope(places):
    model(solution=places.edge).active()
    second = model(solution=places.edge).published()
    with pytest.raises(IntegrityError), transaction.atomic():
        ScoringModel.objects.filter(pk=second.pk).update(active=True)
    third = model(solution=places.edge, region=places.alps).published()
    ScoringModel.objects.filter(pk=third.pk).update(active=True)


# --- what becomes of leads -----------------------------------------------------------------------------------------


def test_two_leads_of_one_person_are_decided_about_by_two_versions(places):
    general, edge = model(10).active(), model(20, solution=places.edge).active()
    pat = make.person()
    of_edge, of_core = make.lead(person=pat, solution=places.edge), make.lead(person=pat, solution=places.core)
    standings = hear(*visits(pat, 2, solution=places.edge))
    assert {standing.policy.id: standing.interest for standing in standings} == {general.pk: 20, edge.pk: 40}
    assert decide(standings, now=NOW).mqls == [of_edge.pk]
    event = of_edge.events.get(to_stage="mql")
    assert (event.policy, event.score) == (f"scoring:{edge.version}", 40)
    # Touches about something else are not heard by the version for Edge; the general one hears all four.
    standings = hear(*visits(pat, 2, solution=places.core))
    assert {standing.policy.id: standing.interest for standing in standings} == {general.pk: 40, edge.pk: 40}
    assert decide(standings, now=NOW).mqls == [of_core.pk]
    assert of_core.events.get(to_stage="mql").policy == f"scoring:{general.version}"
    readings = readings_of([of_edge, of_core], at=NOW)
    assert [readings[lead.pk].policy for lead in (of_edge, of_core)] == [edge.policy, general.policy]
    assert state_of([pat.pk], at=NOW)[pat.pk].policy == general.policy


def test_a_touch_is_about_what_its_campaign_is_about_and_one_about_nothing_is_heard_by_all(places):
    edge = model(20, solution=places.edge).active()
    about = [Campaign.objects.create(name=name, solution=row) for name, row in vars(places).items() if name == "core"]
    pat = make.person()
    hear(*visits(pat, 1, campaign=about[0]), *visits(pat, 1), *visits(pat, 1, solution=places.edge, campaign=about[0]))
    assert readings_of([make.lead(person=pat, solution=places.edge)], at=NOW).popitem()[1].interest == 40
    found = why(pat.pk, at=NOW + DAY * 9999, model=edge)
    assert found.interest == 40 and len(found.touches) == 2
    assert found.model.endswith(", for Edge")
    assert found.sentence.startswith("Scored for Edge, by touches about Edge or about none in particular.")


def test_a_solution_that_is_called_otherwise_is_still_heard(places):
    model(20, solution=places.edge).active()
    pat = make.person()
    hear(*visits(pat, 1, solution=places.edge))
    Solution.objects.filter(pk=places.edge.pk).update(name="Brim")
    hear(*visits(pat, 1, solution=places.edge))
    lead = make.lead(person=pat, solution_id=places.edge.pk)
    assert readings_of([lead], at=NOW)[lead.pk].interest == 40
    assert policy_for(lead).scope == "Brim"


def test_one_touch_makes_one_mql_of_a_person_whatever_the_number_of_versions(places):
    model(50).active(), model(50, solution=places.edge).active()
    pat = make.person()
    leads = [make.lead(person=pat, solution=row) for row in (places.edge, places.core)]
    decided = decide(hear(*visits(pat, 1)), now=NOW)
    assert decided.mqls == [leads[1].pk]  # the one opened last, as under a single version
    assert decide(hear(*visits(pat, 1, solution=places.edge)), now=NOW).mqls == [leads[0].pk]


def test_a_raised_hand_is_heard_by_the_version_of_what_it_is_about(places):
    model().gate("fast_track", DEMO, "Demo").active()
    model(solution=places.edge).active()  # for Edge a demo is no raised hand
    pat, sam = make.person(), make.person()
    about_edge, about_core = (
        make.touch(person=who, type="demo", solution=row) for who, row in ((pat, places.edge), (sam, places.core))
    )
    decided = decide(apply([Taken(t.person_id, "activity", t.pk) for t in (about_edge, about_core)], now=NOW), now=NOW)
    assert [Lead.objects.get(pk=pk).person for pk in decided.mqls] == [sam]
    assert not Lead.objects.filter(person=pat).exists()


def test_a_raised_hand_goes_by_the_region_of_the_account(places):
    model().active()
    alps = model(region=places.alps).gate("fast_track", DEMO, "Demo").active()
    here, there = (make.person(account=make.account(region=region)) for region in (places.tyrol, places.world))
    touches = [make.touch(person=who, type="demo") for who in (here, there)]
    decided = decide(apply([Taken(t.person_id, "activity", t.pk) for t in touches], now=NOW), now=NOW)
    (lead,) = Lead.objects.filter(pk__in=decided.mqls)
    assert (lead.person, lead.region) == (here, places.tyrol)
    assert lead.events.get(to_stage="mql").policy == f"scoring:{alps.version}"
    assert [check.name for check in why_mql(lead)][0] == "Raised a hand"


def test_a_lead_is_let_go_and_looked_at_again_by_its_own_version(places):
    competitors = {"field": "account.kind", "op": "is", "value": "competitor"}
    model().active()
    edge = model(solution=places.edge).gate("exclude", competitors).active()
    rival = make.person(account=make.account(kind="competitor"))
    for solution in (places.edge, places.core):
        lead = make.lead(person=rival, solution=solution, at=NOW - 20 * DAY)
        make.leave(lead, Kind.RECYCLE, at=NOW - 10 * DAY)
        Lead.objects.filter(pk=lead.pk).update(revisit_on=NOW.date(), recorded_at=NOW - 20 * DAY)
    (again,) = revisit(now=NOW).mqls
    assert Lead.objects.get(pk=again).solution == places.core
    ScoringModel.objects.filter(active=True).exclude(pk=edge.pk).update(active=False)
    waits = make.lead(solution=places.core, at=NOW - 20 * DAY)
    make.leave(waits, Kind.RECYCLE, at=NOW - 10 * DAY)
    Lead.objects.filter(pk=waits.pk).update(revisit_on=NOW.date(), recorded_at=NOW - 20 * DAY)
    assert revisit(now=NOW).mqls == []
    waits.refresh_from_db()
    assert waits.revisited_on is None


def test_a_recycle_about_something_else_takes_nothing_from_a_version_for_one_solution(places):
    general, edge = model().active(), model(solution=places.edge).active()
    pat = make.person()
    hear(*visits(pat, 3, recorded_at=NOW - 2 * DAY))
    make.leave(make.lead(person=pat, solution=places.core, at=NOW - 3 * DAY), Kind.RECYCLE, at=NOW - DAY)
    apply([Taken(pat.pk, "rebuild", None)], now=NOW)
    assert why(pat.pk, at=NOW + 9999 * DAY, model=general).interest == 0
    assert why(pat.pk, at=NOW + 9999 * DAY, model=edge).interest == 30
    lead = make.lead(person=pat, solution=places.edge)
    assert readings_of([lead], at=NOW)[lead.pk].interest == 30
    assert state_of([pat.pk], at=NOW)[pat.pk].interest == 0


def test_reasons_and_explanations_of_leads_go_by_their_own_version(places):
    general, edge = model(10).active(), model(20, solution=places.edge).active()
    pat = make.person()
    hear(*visits(pat, 1))
    leads = [make.lead(person=pat, solution=row) for row in (places.edge, places.core)]
    reasons = reasons_of(leads, now=NOW)
    assert [reasons[lead.pk][0].points for lead in leads] == [20, 10]
    assert [model_for(lead, at=NOW) for lead in leads] == [edge, general]
    with CaptureQueriesContext(connection) as few:
        reasons_of(leads, now=NOW)
    many = leads + [make.lead(solution=row) for row in (places.edge, places.core) for _ in range(3)]
    with CaptureQueriesContext(connection) as captured:
        reasons_of(many, now=NOW)
    assert len(captured) == len(few)


# --- the life of versions ------------------------------------------------------------------------------------------


def test_activation_in_one_scope_leaves_the_others(places):
    general, edge = model().active(), model(solution=places.edge).active()
    services.activate(edge, user=None, now=NOW - 5 * DAY)
    lead = make.lead(solution=places.edge)
    others = make.lead(solution=places.core)
    draft = services.draft(from_model=edge, user=None, name="Next")
    assert draft.solution == places.edge  # a draft keeps its scope
    following = services.publish(draft, user=None, now=NOW)
    ScoringModel.objects.filter(pk=following.pk).update(filled_at=NOW)
    services.activate(following, user=None, now=NOW, apply_to_open=True)
    assert {*ScoringModel.objects.filter(active=True)} == {general, following}
    assert [*Inbox.objects.filter(cause="activated").values_list("person", flat=True)] == [lead.person_id]
    assert model_for(lead, at=NOW + DAY) == following
    assert model_for(lead, at=NOW - DAY) == edge
    assert model_for(others, at=NOW + DAY) == general


def test_a_version_that_decides_no_longer_leaves_its_leads_to_the_next_wider_scope(places):
    general, edge = model().active(), model(solution=places.edge).active()
    lead = make.lead(solution=places.edge)
    services.deactivate(edge, now=NOW)
    assert scopes_now().models == {general.pk}
    assert (model_for(lead, at=NOW + DAY), model_for(lead, at=NOW - DAY)) == (general, edge)
    with pytest.raises(services.PolicyProblem, match="does not decide"):
        services.deactivate(edge, now=NOW)
