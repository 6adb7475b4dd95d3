"""The Prediction page: what was learnt, what is left out and why, who may ask; and the likelihood beside a lead."""

from collections.abc import Iterator
from datetime import timedelta
from math import exp, log, prod
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from funnel.access import Role
from funnel.models import Lead, Stage
from scoring.models import Prediction, PredictiveModel
from scoring.predictive import learning, runs, telling
from tests import factories as make
from tests.factories import NOW
from tests.scoring.learnable import many

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("long transactions")]
PAGE = "reporting:prediction"


@pytest.fixture(scope="module")
def learnt(django_db_setup: None, django_db_blocker: Any) -> Iterator[PredictiveModel]:
    """What 900 leads taught, one field of which was filled in afterwards, told to those that are open."""
    with django_db_blocker.unblock(), transaction.atomic():
        ids = many(900, at=NOW - timedelta(days=300))
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE funnel_person p SET attributes = attributes || jsonb_build_object('verdict',
                    CASE WHEN l.sql_at IS NULL THEN 'Bad fit' ELSE 'Good fit' END)
                FROM funnel_lead l WHERE l.person_id = p.id AND l.id = ANY(%s)
                """,
                [ids],
            )
            cursor.execute("UPDATE funnel_lead SET recorded_at = now() WHERE id = ANY(%s)", [ids])  # loaded later
        runs.ask(outcome=Stage.SQL, within_days=90, user=None)
        model = runs.train_next(now=NOW)
        assert model is not None and model.status == "done"
        telling.tell_next(model, now=NOW)
        yield model
        transaction.set_rollback(True)


def as_(role: str) -> Client:
    client = Client()
    client.force_login(make.user(role))
    return client


def test_what_was_learnt_and_how_well_it_holds(learnt: PredictiveModel) -> None:
    response = as_(Role.MARKETING_OPS).get(reverse(PAGE))
    said = response.content.decode()
    assert "SQL within 90 days" in said and "Tells apart (AUC)" in said and "Train now" in said
    assert f"{learnt.positives} of them became SQL within 90 days" in said
    fields = response.context["fields"]
    assert "Channel" in [row.label for row in fields["used"]]
    (verdict,) = [row for row in fields["left_out"] if row.label == "Verdict"]
    assert "alone tell the outcome" in verdict.flags[0]
    tenths = response.context["tenths"]
    assert sum(tenth.rate.n for tenth in tenths) == learnt.evaluation["n"]
    assert all(tenth.rate.low <= tenth.rate.k / tenth.rate.n <= tenth.rate.high for tenth in tenths)
    assert len(response.context["reliability"].data[1].x) == 10


def test_a_decision_needs_a_reason_and_brings_a_training(learnt: PredictiveModel) -> None:
    client = as_(Role.MARKETING_OPS)
    decision = {"field": "attribute.verdict", "use": "yes"}
    said = client.post(reverse("reporting:prediction-decide"), decision, follow=True).content.decode()
    assert "Say why “Verdict” is to be used" in said
    assert not PredictiveModel.objects.filter(status="waiting").exists()
    said = client.post(
        reverse("reporting:prediction-decide"), decision | {"reason": "Asked on the form"}, follow=True
    ).content.decode()
    assert "Kept with your reason" in said and "A training waits" in said
    assert PredictiveModel.objects.get(status="waiting").overrides[0]["reason"] == "Asked on the form"


def test_a_training_can_be_asked_for_and_followed(learnt: PredictiveModel) -> None:
    client = as_(Role.MARKETING_OPS)
    asked = {"outcome": "won", "within_days": "180", "source": ""}
    client.post(reverse("reporting:prediction-train"), asked)
    training = PredictiveModel.objects.get(status="waiting")
    assert (training.outcome, training.within_days) == ("won", 180)
    progress = reverse("reporting:prediction-progress")
    assert "hx-trigger" in client.get(progress).content.decode()
    runs.train_next(now=NOW)
    said = client.get(progress).content.decode()
    assert "hx-trigger" not in said and "0 leads were won within 180 days" in said
    wrong = client.post(reverse("reporting:prediction-train"), asked | {"within_days": "0"})
    assert wrong.status_code == 422 and "Within days of coming in" in wrong.content.decode()
    assert "Tells apart" in client.get(reverse(PAGE)).content.decode()  # what was learnt before stays in use


def test_who_may_look_and_who_may_ask(learnt: PredictiveModel) -> None:
    sdr = as_(Role.SDR)
    said = sdr.get(reverse(PAGE)).content.decode()
    assert "What it leaves out" in said and "Train now" not in said and "Keep and train" not in said
    asked = {"outcome": "sql", "within_days": "90"}
    assert sdr.post(reverse("reporting:prediction-train"), asked).status_code == 403
    assert sdr.post(reverse("reporting:prediction-decide"), {"field": "x", "use": "no"}).status_code == 403
    nobody = Client()
    nobody.force_login(make.user())
    assert nobody.get(reverse(PAGE)).status_code == 403
    assert Client().get(reverse(PAGE)).status_code == 302
    assert sdr.get(reverse(PAGE), {"training": "1" * 17}).status_code == 404


def test_without_scikit_learn_the_page_says_what_to_install(
    learnt: PredictiveModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "find_spec", lambda name: None)
    client = as_(Role.MARKETING_OPS)
    said = client.get(reverse(PAGE)).content.decode()
    assert "pip install --require-hashes -r requirements/prediction.txt" in said
    assert "Train now" not in said and "Tells apart" in said
    asked = {"outcome": "sql", "within_days": "90"}
    said = client.post(reverse("reporting:prediction-train"), asked, follow=True).content.decode()
    assert "needs scikit-learn" in said


def test_the_page_costs_the_same_queries_however_many_trainings(learnt: PredictiveModel) -> None:
    client = as_(Role.MARKETING_OPS)
    client.get(reverse(PAGE))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse(PAGE)).status_code == 200
        return len(captured)

    few = queries()
    for days in range(10, 18):
        PredictiveModel.objects.create(outcome="sql", within_days=days, status="refused", problem="x", asked_by=None)
    assert queries() == few


# --- one lead --------------------------------------------------------------------------------------------------------


def told(learnt: PredictiveModel) -> Lead:
    return Prediction.objects.filter(model=learnt).order_by("-probability").first().lead


def test_a_lead_shows_its_likelihood_and_what_is_behind_it(learnt: PredictiveModel) -> None:
    lead = told(learnt)
    response = as_(Role.MARKETING_OPS).get(reverse("routing:lead", args=[lead.pk]))
    said = response.content.decode()
    assert "Likelihood by past outcomes" in said and "It decides nothing." in said
    panel = response.context["likelihood"]
    assert panel.behind.endswith(" became SQL within 90 days.")
    assert any(part.words.startswith("Channel: ") for part in panel.parts)
    odds = exp(learnt.learnt["base"]) * prod(part.factor for part in panel.parts) * panel.rest
    assert log(odds) == pytest.approx(Prediction.objects.get(lead=lead).log_odds)


def test_a_lead_that_was_told_nothing_shows_no_panel(learnt: PredictiveModel) -> None:
    said = as_(Role.MARKETING_OPS).get(reverse("routing:lead", args=[make.lead().pk])).content.decode()
    assert "Likelihood by past outcomes" not in said


def test_the_api_gives_the_likelihood_with_parts_that_add_up(learnt: PredictiveModel) -> None:
    lead = told(learnt)
    client = as_(Role.MARKETING_OPS)
    found = client.get(f"/api/leads/{lead.pk}/prediction/").json()
    assert (found["lead"], found["outcome"], found["within_days"], found["learnt_from"]) == (lead.pk, "sql", 90, 900)
    parts = sum(part["log_odds"] for part in found["contributions"])
    assert found["base"] + parts + found["rest"] == pytest.approx(found["log_odds"])
    assert found["base"] == pytest.approx(learnt.learnt["base"])
    missing = client.get(f"/api/leads/{make.lead().pk}/prediction/")
    assert missing.status_code == 404 and "No likelihood" in missing.json()["errors"][0]["detail"]
    hidden = make.lead(owner=make.rep(team=make.team()))
    sdr = Client()
    sdr.force_login(make.user(Role.SDR, team=make.team()))
    assert sdr.get(f"/api/leads/{hidden.pk}/prediction/").status_code == 404
