"""The life of a version."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, transaction

from funnel import inbox
from funnel.models import Inbox
from scoring import services, tasks
from scoring.checks import check
from scoring.engine import apply
from scoring.models import Gate, Score, ScoreRule
from tests import factories
from tests.scoring.models import Model, touch_rule

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def drain():
    while taken := inbox.take(limit=500, now=NOW):
        apply(taken, now=NOW)


def test_the_shipped_model_has_no_problem_and_decides_where_nobody_is():
    model = services.ship(now=NOW)
    assert check(model) == []
    assert (model.version, model.active, model.policy) == (1, True, "scoring:1")
    assert services.ship(now=NOW) == model


def test_a_version_fills_in_ranges_and_then_can_be_activated():
    people = [factories.person().pk for _ in range(5)]
    model = services.ship(now=NOW)
    assert not model.active
    assert services.fill(model, limit=3) == 3
    assert services.fill(model, limit=3) == 2
    assert services.fill(model, limit=3) == 0 and model.filled_at is None
    drain()
    assert sorted(Score.objects.values_list("person_id", flat=True)) == people
    assert services.fill(model, limit=3) == 0 and model.filled_at is not None
    assert services.activate(model, user=None, now=NOW).active


def test_a_draft_is_a_copy_and_a_published_version_cannot_be_changed():
    first = services.ship(now=NOW)
    second = services.draft(from_model=first, user=None, name="Next", why="Webinars count more")
    assert (second.version, second.status) == (2, "draft")
    for parts in ("categories", "rules", "gates"):
        names = [list(getattr(model, parts).order_by("id").values_list("name", flat=True)) for model in (first, second)]
        assert names[0] == names[1]
    second.rules.filter(name="Attended a webinar").update(points=20)
    with pytest.raises(DatabaseError, match="make a draft from it"), transaction.atomic():
        first.rules.filter(name="Attended a webinar").update(points=20)


def test_publishing_says_everything_that_cannot_be():
    model = Model(threshold=50, grades=[["A", 10], ["B", 20]]).interest("web", half_life=30, cap=20).fit("who").row
    rules = [
        {"category": "web", "kind": "attribute", "points": 5},
        touch_rule("web", "form", 5, window_days=10),
        {
            "category": "web",
            "kind": "touch",
            "points": 5,
            "condition": {"field": "touch.tipe", "op": "is", "value": "x"},
        },
        {"category": "who", "kind": "touch", "points": 10_001},
    ]
    for number, rule in enumerate(rules):
        category = model.categories.get(name=rule.pop("category"))
        ScoreRule.objects.create(model=model, name=f"Rule {number}", **rule | {"category": category})
    Gate.objects.create(model=model, kind="exclude", name="All", condition={})
    with pytest.raises(services.PolicyProblem) as refused:
        services.publish(model, user=None, now=NOW)
    said = refused.value.problems
    assert "The grades begin with the best: each needs a lower least fit than the one before." in said
    assert any("Rule “Rule 0”" in problem and "needs a category of fit" in problem for problem in said)
    assert any(
        "Rule “Rule 1”" in problem and "a window needs a category that does not decay" in problem for problem in said
    )
    assert any("Rule “Rule 2”" in problem and "touch.type" in problem for problem in said)
    assert any("Rule “Rule 3”" in problem and "within ±10,000" in problem for problem in said)
    assert "Gate “All”: without a condition it excludes everybody." in said
    model.refresh_from_db()
    assert model.status == "draft"


def test_a_threshold_that_the_caps_keep_everybody_from_is_refused():
    model = Model(threshold=50).interest("web", half_life=30, cap=20).rule(touch_rule("web", "form", 50)).row
    (problem,) = check(model)
    assert "interest reach 20 at most, below the threshold of 50" in problem


def test_activating_needs_a_filled_version_and_retiring_an_idle_one():
    first = services.ship(now=NOW)
    person = factories.person()
    second = services.publish(services.draft(user=None, name="Next"), user=None, now=NOW)
    with pytest.raises(services.PolicyProblem, match="has not scored everybody yet"):
        services.activate(second, user=None, now=NOW)
    with pytest.raises(services.PolicyProblem, match="decides at present"):
        services.retire(first, now=NOW)
    while second.filled_at is None:
        services.fill(second)
        drain()
    factories.lead(person=person)
    services.activate(second, user=None, now=NOW, apply_to_open=True)
    first.refresh_from_db()
    assert (first.active, second.active) == (False, True)
    assert list(Inbox.objects.values_list("person_id", "cause")) == [(person.pk, "activated")]
    drain()
    services.retire(first, now=NOW)
    assert set(Score.objects.values_list("model_id", flat=True)) == {second.pk}
    with pytest.raises(services.PolicyProblem, match="retired"):
        services.activate(first, user=None, now=NOW)


def test_a_fill_task_killed_half_way_goes_on_where_it_was():
    people = [factories.person().pk for _ in range(7)]
    model = services.ship(now=NOW)
    services.fill(model, limit=2)
    tasks.fill()  # another process goes on
    assert sorted(Inbox.objects.filter(cause="fill").values_list("person_id", flat=True)) == people
    drain()
    tasks.fill()
    model.refresh_from_db()
    assert model.filled_at is not None
    assert Score.objects.filter(model=model).count() == 7
