"""How well fit tells who converts: counts against a slow count of every pair, and the command."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from reporting.metrics import Query, QueryError, score_quality
from reporting.ranking import counts
from scoring.models import Score, ScoringModel
from tests import factories as make

pytestmark = pytest.mark.django_db


@given(st.lists(st.tuples(st.integers(-3, 3).map(float), st.booleans()), max_size=40))
@settings(max_examples=50)
def test_auc_is_the_share_of_pairs_that_the_score_puts_right(people: list[tuple[float, bool]]) -> None:
    by_score: dict[float, list[bool]] = {}
    for score, hit in people:
        by_score.setdefault(score, []).append(hit)
    found = counts([(score, len(hits), sum(hits)) for score, hits in by_score.items()])
    pairs = [(a > b) + (a == b) / 2 for a, hit in people if hit for b, other in people if not other]
    assert found.auc() == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)
    assert found.at_least(1) == (sum(s >= 1 for s, _ in people), sum(hit for s, hit in people if s >= 1))
    assert found.mean() == (pytest.approx(sum(s for s, _ in people) / len(people), abs=1e-12) if people else None)


@pytest.fixture
def model() -> ScoringModel:
    ScoringModel.objects.update(active=False)
    made = ScoringModel.objects.create(version=90, name="Test")
    published = {"status": "published", "landmark": make.NOW, "filled_at": make.NOW, "active": True}
    ScoringModel.objects.filter(pk=made.pk).update(**published)
    return made


def scored(model: ScoringModel, fit: float | None, **lead: Any) -> Any:
    person = make.person(attributes=lead.pop("attributes", {}))
    if fit is not None:
        Score.objects.create(
            person=person, model=model, acc=[], base=[], fit=[fit], fit_total=fit, grade="A", band=1, eligible=False,
            allowed=True, scored_at=make.NOW,
        )  # fmt: skip
    return make.lead(person=person, **lead)


WON = {"inquiry": make.NOW, "won": make.NOW}


@pytest.fixture
def leads(model: ScoringModel) -> None:
    """Scores 40 (won), 30 (won), 30, 10, and one nobody has scored."""
    scored(model, 40, stages=WON, attributes={"plan": "pro"})
    scored(model, 30, stages=WON, attributes={"plan": "pro"})
    scored(model, 30)
    scored(model, 10)
    scored(model, None, stages=WON)


def metric(*options: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("metric", "score-quality", *options, "--format", "json", stdout=out)
    return json.loads(out.getvalue())


def test_a_row_for_everybody_and_one_a_threshold(leads: None) -> None:
    everybody, *rows = metric("--to-stage", "won", "--threshold", "30", "--threshold", "40.5")["rows"]
    assert everybody == {
        "threshold": None, "leads": 4, "converted": 2, "precision": 0.5, "recall": 1.0, "unscored": 1,
        "score_min": 10.0, "score_max": 40.0, "score_mean": 27.5, "auc": 0.875,
    }  # fmt: skip
    names = ("threshold", "leads", "converted", "precision", "recall")
    assert [{name: row[name] for name in names} for row in rows] == [
        {"threshold": 30.0, "leads": 3, "converted": 2, "precision": pytest.approx(2 / 3), "recall": 1.0},
        {"threshold": 40.5, "leads": 0, "converted": 0, "precision": None, "recall": 0.0},
    ]  # fmt: skip


def test_leads_are_split_and_filtered_as_elsewhere(leads: None) -> None:
    rows = metric("--by", "plan", "--threshold", "30")["rows"]
    assert [(row["plan"], row["threshold"], row["leads"], row["converted"]) for row in rows] == [
        ("pro", None, 2, 2), ("pro", 30.0, 2, 2), (None, None, 2, 0), (None, 30.0, 1, 0),
    ]  # fmt: skip
    [row] = metric("--where", '{"plan": "pro"}')["rows"]
    assert (row["leads"], row["auc"]) == (2, None)
    [row] = metric("--where", '{"plan": "free"}', "--to-stage", "mql")["rows"]
    assert (row["leads"], row["precision"], row["recall"], row["score_mean"]) == (0, None, None, None)


def test_a_score_that_changed_is_seen_at_once(copy: Any, leads: None) -> None:
    def mean() -> float:
        return float(score_quality(copy, Query())["score_mean"][0])

    before = mean()
    Score.objects.filter(fit_total=10).update(fit_total=50)
    assert (before, mean()) == (27.5, 37.5)


def test_without_an_active_model_nobody_has_a_score(copy: Any, leads: None) -> None:
    ScoringModel.objects.update(active=False)
    [row] = score_quality(copy, Query()).to_dict("records")
    assert (row["leads"], row["unscored"]) == (0, 5)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"object": "opportunities"}, "Scores are those of people"),
        ({"basis": "period"}, "there is none by period"),
        ({"as_of": make.NOW}, "ask without as-of"),
        ({"by": ("stage",)}, "not split by stage"),
        ({"window": 3}, "A window belongs to conversion"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(copy: Any, query: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        score_quality(copy, Query(**query))


def test_a_threshold_belongs_to_scores_and_is_a_number() -> None:
    with pytest.raises(CommandError, match="has no meaning for volume"):
        call_command("metric", "volume", "--threshold", "3")
    with pytest.raises(CommandError, match="is a number of points"):
        metric("--threshold", "nan")
