"""The pages of experiments, what they have come to by hand, and how many people one needs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.models import Lead
from reporting.experiments.effects import arm, compare, effect
from reporting.experiments.sizes import outlook, people_needed
from scoring.models import Experiment, ExperimentAssignment, ScoringModel
from tests import factories as make
from tests.scoring.models import Model, touch_rule

DAY = timedelta(days=1)
LIST, NEW = reverse("reporting:experiments"), reverse("reporting:experiment-new")


# --- arithmetic ---------------------------------------------------------------------------------------------------


def test_the_difference_and_its_interval_by_hand() -> None:
    """Newcombe's own example (1998, table II, method 10): 56/70 against 48/80 is 0.2, from 0.0524 to 0.3339."""
    told = compare(arm("Changed", 2, 90, 70, 56), arm("Control", 1, 99, 80, 48))
    assert told.difference == pytest.approx(0.2)
    assert (told.low, told.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))
    assert told.is_clear and not told.changed.small


def test_below_five_people_there_is_no_rate() -> None:
    told = compare(arm("Changed", 2, 9, 4, 4), arm("Control", 1, 99, 80, 48))
    assert (told.changed.rate, told.changed.low, told.difference, told.low, told.is_clear) == (None,) * 4 + (False,)


def test_people_needed_by_hand() -> None:
    """(1.95996 + 0.84162)^2 = 7.8489; 0.4 x 0.6 / 0.5 + 0.5 x 0.5 / 0.5 = 0.98; over 0.1^2: 769.2."""
    assert people_needed(0.5, seen=0.1, share=0.5) == 770
    assert people_needed(0.5, seen=0.1, share=0.1) > people_needed(0.5, seen=0.1, share=0.2) > 770


# --- pages --------------------------------------------------------------------------------------------------------


@pytest.fixture
def ops(client, db):
    user = make.user(Role.MARKETING_OPS)
    client.force_login(user)
    return user


@pytest.fixture
def control(db) -> ScoringModel:
    now = timezone.now()
    made = Model(landmark=now - 30 * DAY, threshold=40).interest("web").rule(touch_rule("web", "form", 20, name="Form"))
    return made.active()


def filled(control: ScoringModel, kind: str = "threshold") -> dict[str, str]:
    about = {"threshold": {"threshold": "30"}, "rule": {"rule": "Form", "points": "5"}, "holdout": {}}[kind]
    return {"name": f"Try {kind}", "hypothesis": "Less is enough", "share": "20", "outcome": "sal",
            "outcome_days": "30", **about}  # fmt: skip


def made(client, control: ScoringModel, kind: str = "threshold") -> Experiment:
    response = client.post(f"{NEW}?kind={kind}&version={control.pk}", filled(control, kind))
    assert response.status_code == 302, response.content.decode()
    return Experiment.objects.latest("pk")


def test_drafted_in_two_steps_started_and_stopped(client, ops, control) -> None:
    assert "No experiment yet" in client.get(LIST).content.decode()
    first = client.get(NEW).content.decode()
    assert f"?kind=holdout&amp;version={control.pk}" in first and "Raised hands are never withheld" in first
    second = client.get(f"{NEW}?kind=threshold&version={control.pk}").content.decode()
    assert "How many people it needs" in second and "a rate of 50 % is supposed" in second and "no data" in second
    for kind, change in (
        ("threshold", "Threshold 30 instead of 40"), ("rule", "5 points instead of 20"), ("holdout", "makes no MQL"),
    ):  # fmt: skip
        one = made(client, control, kind)
        assert change in one.change and one.share == 0.2 and one.created_by == ops and one.status == "draft"
    page = reverse("reporting:experiment", args=[one.pk])
    client.post(f"{page}start/")
    one.refresh_from_db()
    assert (one.status, one.started_by, one.changed.status) == ("running", ops, "published")
    assert "No data yet" in client.get(page).content.decode()
    client.post(f"{page}stop/")
    one.refresh_from_db()
    assert (one.status, one.stopped_by, one.changed.status) == ("stopped", ops, "retired")
    assert "Stopped" in client.get(LIST).content.decode()


def test_what_makes_no_sense_is_refused_beside_the_form(client, ops, control) -> None:
    address = f"{NEW}?kind=threshold&version={control.pk}"
    for change, said in (
        ({"threshold": "40"}, "Give another threshold than that of version"),
        ({"share": "60"}, "less than or equal to 50"),
        ({"name": ""}, "This field is required"),
    ):
        response = client.post(address, filled(control) | change)
        assert response.status_code == 422 and said in response.content.decode()
    assert not Experiment.objects.exists() and ScoringModel.objects.count() == 1
    one, other = made(client, control), made(client, control, "rule")
    client.post(reverse("reporting:experiment-start", args=[one.pk]))
    refused = client.post(reverse("reporting:experiment-start", args=[other.pk]), follow=True)
    assert "one experiment at a time" in refused.content.decode()


def test_only_who_sees_everything_looks_and_only_who_may_edit_acts(client, control, ops) -> None:
    one = made(client, control)
    page = reverse("reporting:experiment", args=[one.pk])
    for role, looks in ((Role.SDR, 403), (Role.EXECUTIVE, 200)):
        client.force_login(make.user(role))
        assert client.get(LIST).status_code == client.get(page).status_code == looks
        assert client.get(NEW).status_code == client.post(f"{page}start/").status_code == 403
    assert Experiment.objects.get().status == "draft"
    assert client.get("/api/experiments/").json()["results"][0]["name"] == one.name
    client.force_login(make.user(Role.SDR))
    assert client.get("/api/experiments/").json()["results"] == []


def assigned(one: Experiment, *, changed: bool, people: int, reached: int, days: int) -> Lead | None:
    """People of one arm who were assigned so many days ago, of whom some were accepted the day after."""
    now, lead = timezone.now(), None
    for number in range(people):
        at = now - days * DAY
        stages = {"inquiry": at, "mql": at} | ({"sal": at + DAY} if number < reached else {})
        lead = make.lead(stages=stages)
        ExperimentAssignment.objects.create(
            experiment=one, person=lead.person, changed=changed, probability=0.2 if changed else 0.8, assigned_at=at
        )
    return lead


def test_the_effect_counts_those_whose_time_is_over(client, ops, control) -> None:
    one = made(client, control)
    lead = assigned(one, changed=True, people=8, reached=6, days=40)
    assigned(one, changed=False, people=10, reached=5, days=40)
    assigned(one, changed=False, people=3, reached=3, days=5)
    told = effect(one, now=timezone.now())
    assert [(side.people, side.ripe, side.reached) for side in (told.changed, told.control)] == [(8, 8, 6), (13, 10, 5)]
    assert told.difference == pytest.approx(0.25) and not told.is_clear
    page = client.get(reverse("reporting:experiment", args=[one.pk])).content.decode()
    assert "+25.0 points of 100" in page and "so it may be chance" in page and "small sample" in page
    answer = client.get(f"/api/experiments/{one.pk}/").json()["effect"]
    assert (answer["changed"]["reached"], answer["control"]["ripe"], answer["difference"]) == (6, 10, 0.25)
    Experiment.objects.update(status="running", started_at=timezone.now())
    assert lead is not None
    shown = client.get(reverse("routing:lead", args=[lead.pk])).content.decode()
    assert "In the experiment “Try threshold”" in shown and "the changed version 2 decides about this person" in shown


def test_what_to_expect_is_told_from_those_whom_score_made_an_mql(db) -> None:
    at = timezone.now() - 40 * DAY
    for number in range(8):
        lead = make.lead(at=at)
        make.advance(lead, "mql", at=at, policy="scoring:1")
        if number < 6:
            make.advance(lead, "sal", at=at + DAY)
    make.mql(at=at)  # by hand
    told = outlook(now=timezone.now())
    assert (told.a_week, told.k, told.n, told.rate, told.supposed) == (1.0, 6, 8, 0.75, False)
    assert told.sizes[-1].weeks == told.sizes[-1].people


def test_a_page_costs_the_same_queries_however_many(client, ops, control) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(LIST).status_code == 200
        return len(captured)

    made(client, control)
    few = queries()
    for kind in ("rule", "holdout"):
        made(client, control, kind)
    assert queries() == few
