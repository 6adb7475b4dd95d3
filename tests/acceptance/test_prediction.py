"""What can be learnt from a real funnel, and which of its fields cannot have been known when a lead came in."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from scoring.models import PredictiveModel
from scoring.predictive import runs

pytestmark = pytest.mark.django_db

LEAKY = ("tags", "lead_quality", "activity_index", "profile_index", "activity_score", "profile_score")


@pytest.fixture(scope="module")
def trained(funnels: dict[str, dict[str, Any]], django_db_blocker: Any) -> Iterator[PredictiveModel]:
    """Who converted, learnt from everything that the file says of its leads."""
    with django_db_blocker.unblock(), transaction.atomic():
        runs.ask(outcome="won", within_days=30, source="xeducation", user=None)
        found = runs.train_next(now=timezone.now())
        transaction.set_rollback(True)
    assert found is not None
    yield found


def test_every_lead_is_learnt_from(trained: PredictiveModel, expected: dict[str, Any]) -> None:
    wanted = expected["xeducation"]
    assert (trained.status, trained.problem) == ("done", "")
    assert (trained.n, trained.positives) == (wanted["leads"], wanted["converted"])
    assert trained.witnessed == 0  # the file came long after the leads


def test_fields_that_were_written_later_are_named_with_the_reason(trained: PredictiveModel) -> None:
    fields = {row["name"]: row for row in trained.fields}
    for name in LEAKY:
        row = fields[f"attribute.{name}"]
        assert row["flags"], name
        assert not row["used"]
    assert not fields["attribute.converted"]["used"]
    # What stood on the first form is nobody's afterthought.
    for name in ("attribute.lead_origin", "attribute.time_on_site", "attribute.specialization", "lead.channel"):
        assert fields[name]["used"], fields[name]


def test_what_was_known_at_capture_tells_leads_apart_out_of_fold(trained: PredictiveModel) -> None:
    evaluation = trained.evaluation
    assert evaluation["by"] == "folds"  # one date for all
    assert evaluation["n"] == trained.n
    assert evaluation["auc"] >= 0.80
    assert evaluation["brier"] < 0.75 * evaluation["brier_of_average"]
    for tenth in evaluation["tenths"]:  # what it says is what came
        assert abs(tenth["k"] / tenth["n"] - tenth["mean"]) < 0.06
