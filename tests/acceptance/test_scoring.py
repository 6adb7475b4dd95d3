"""The fixed rule of the reference figures: applied from a file, scored by the pipeline, measured by the command."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from demandcenter import pipeline
from funnel.models import Inbox, StageEvent
from scoring.models import Score, ScoringModel
from scoring.tasks import fill

pytestmark = pytest.mark.django_db

POLICY = Path(__file__).parent / "policies" / "xeducation.yaml"
THRESHOLDS = ("30", "40", "50", "60")


@pytest.fixture(scope="module")
def scored(funnels: dict[str, dict[str, Any]], django_db_blocker: Any) -> Iterator[dict[str, int]]:
    """Everybody scored by the rule of the file; how many stage events there were before."""
    with django_db_blocker.unblock():
        before = StageEvent.objects.count()
        call_command("config", "apply", str(POLICY), stdout=io.StringIO())
        fill()
        pipeline.drain()
        fill()
        yield {"events": before}


def quality(source: str, *thresholds: str) -> dict[float | None, dict[str, Any]]:
    out = io.StringIO()
    options = [option for threshold in thresholds for option in ("--threshold", threshold)]
    where = json.dumps({"source": source})
    call_command(
        "metric", "score-quality", "--to-stage", "won", "--where", where, *options, "--format", "json", stdout=out
    )
    return {row["threshold"]: row for row in json.loads(out.getvalue())["rows"]}


def test_the_version_of_the_file_decides_once_everybody_is_scored(
    scored: dict[str, int], expected: dict[str, Any]
) -> None:
    model = ScoringModel.objects.get(active=True)
    assert model.name == "Fixed rule of xeducation" and model.filled_at
    assert not Inbox.objects.exists()
    people = Score.objects.filter(model=model, person__leads__source="xeducation")
    assert people.count() == expected["xeducation"]["leads"]


def test_history_that_is_scored_makes_no_mqls(scored: dict[str, int]) -> None:
    assert StageEvent.objects.count() == scored["events"]


def test_counts_mean_precision_recall_and_auc(scored: dict[str, int], expected: dict[str, Any]) -> None:
    wanted = expected["xeducation"]
    rows = quality("xeducation", *THRESHOLDS)
    everybody = rows.pop(None)
    assert (everybody["leads"], everybody["converted"], everybody["unscored"]) == (
        wanted["leads"], wanted["converted"], 0,
    )  # fmt: skip
    assert (everybody["score_min"], everybody["score_max"]) == (wanted["score_min"], wanted["score_max"])
    assert round(everybody["score_mean"], 6) == wanted["score_mean"]
    assert round(everybody["auc"], 6) == wanted["auc"]
    found = {
        str(int(threshold)): {
            "leads": row["leads"],
            "converted": row["converted"],
            "precision": round(row["precision"], 6),
            "recall": round(row["recall"], 6),
        }
        for threshold, row in rows.items()
    }
    assert found == wanted["at_least"]
