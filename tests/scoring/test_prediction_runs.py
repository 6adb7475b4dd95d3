"""Trainings on the database: what came of them, decisions about their fields, and the likelihood of open leads."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from funnel.access import Role
from funnel.models import Channel, Lead, Stage, StageEvent
from scoring import tasks
from scoring.models import Prediction, PredictiveModel
from scoring.predictive import learning, runs, telling
from tests import factories
from tests.factories import NOW
from tests.scoring.learnable import RATES, many

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.xdist_group("long transactions"),
]  # what is learnt once serves them all
SQL = {"outcome": Stage.SQL, "within_days": 90}


@pytest.fixture(scope="module")
def history(django_db_setup: None, django_db_blocker: Any) -> Iterator[PredictiveModel]:
    """A past of 900 leads, and what was learnt from it; gone when the module is through."""
    with django_db_blocker.unblock(), transaction.atomic():
        many(900, at=NOW - timedelta(days=300))
        runs.ask(**SQL, user=None)
        found = runs.train_next(now=NOW)
        assert found is not None and found.status == "done", found
        yield found
        transaction.set_rollback(True)


def test_what_it_was_learnt_from_is_told(history: PredictiveModel) -> None:
    assert (history.n, history.witnessed) == (900, 900)
    assert 300 < history.positives < 550
    assert history.evaluation["by"] == "time"
    assert history.evaluation["auc"] > 0.65
    fields = {row["name"]: row for row in history.fields}
    assert fields["lead.channel"]["used"] and fields["lead.channel"]["spread"] > 0.5
    assert fields["lead.channel"]["label"] == "Channel"
    assert fields["person.title"]["unusable"] == "Known of 0 leads only."
    assert {row["words"] for row in fields["lead.channel"]["levels"]} >= set(RATES)


def test_open_leads_are_told_their_likelihood_once(history: PredictiveModel) -> None:
    ids = many(30, at=NOW - timedelta(days=5), over=timedelta(days=1), seed=6)
    one = Lead.objects.filter(pk__in=ids, stage=Stage.INQUIRY).order_by("pk")[0]
    Lead.objects.filter(pk=one.pk).update(channel=Channel.objects.get(name="Referral"))
    stays = Lead.objects.filter(closed_at=None, stage=Stage.INQUIRY).count()
    with CaptureQueriesContext(connection) as captured:
        told = telling.tell_next(history, now=NOW)
    assert told == stays
    assert len(captured) <= 5  # the savepoint of the upsert included
    assert telling.tell_next(history, now=NOW) == 0
    referral = Prediction.objects.get(lead=one)
    assert 0.5 < referral.probability <= 0.99
    assert referral.contributions[0]["words"] == "Channel: Referral"
    parts = sum(part["log_odds"] for part in referral.contributions) + referral.rest
    assert referral.log_odds == pytest.approx(history.learnt["base"] + parts, abs=1e-9)


def test_a_likelihood_moves_no_lead(history: PredictiveModel) -> None:
    before = StageEvent.objects.count(), list(Lead.objects.order_by("pk").values_list("pk", "stage", "owner"))
    telling.tell_next(history, now=NOW)
    assert before == (
        StageEvent.objects.count(),
        list(Lead.objects.order_by("pk").values_list("pk", "stage", "owner")),
    )


def test_another_training_tells_every_lead_anew(history: PredictiveModel) -> None:
    telling.tell_next(history, now=NOW)
    told = Prediction.objects.filter(model=history).count()
    again = runs.ask_again()
    assert again is not None and again.status == "waiting"
    assert runs.ask_again() is None  # one is under way
    tasks.learn()
    assert runs.in_use() == again
    assert told and Prediction.objects.filter(model=again).count() == told


def test_a_decision_about_a_field_is_kept_with_its_reason(history: PredictiveModel) -> None:
    user = factories.user(Role.MARKETING_OPS, first_name="Mo", last_name="Ops")
    with pytest.raises(runs.Unaskable, match="Say why “Channel” is to be left out"):
        runs.override("lead.channel", use=False, reason="  ", user=user, now=NOW)
    with pytest.raises(runs.Unaskable, match="knows no such field"):
        runs.override("attribute.nothing", use=False, reason="x", user=user, now=NOW)
    training = runs.override("lead.channel", use=False, reason="Set by sales", user=user, now=NOW)
    assert training.pk != history.pk
    runs.train_next(now=NOW)
    training.refresh_from_db()
    (channel,) = [row for row in training.fields if row["name"] == "lead.channel"]
    assert not channel["used"]
    assert (channel["override"]["reason"], channel["override"]["by"]) == ("Set by sales", "Mo Ops")
    assert training.evaluation["auc"] < history.evaluation["auc"] - 0.1
    assert runs.ask_again().overrides == training.overrides  # next week's too


def test_a_worker_that_died_leaves_its_training_to_another(history: PredictiveModel) -> None:
    training = runs.ask(**SQL, user=None)
    PredictiveModel.objects.filter(pk=training.pk).update(status="running", started_at=NOW)
    assert runs.train_next(now=NOW + timedelta(minutes=5)) is None
    assert runs.train_next(now=NOW + timedelta(hours=1)).pk == training.pk


def test_likelihoods_are_told_without_scikit_learn(history: PredictiveModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "find_spec", lambda name: None)
    assert telling.tell_next(history, now=NOW) > 0
