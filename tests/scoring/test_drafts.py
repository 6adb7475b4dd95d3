"""Editing a draft's numbers, and letting it decide."""

import pytest
from django.utils import timezone

from funnel.models import Person, Solution
from funnel.versions import PolicyProblem
from scoring import services
from scoring.drafts import CategoryNumbers, edit, one_step_back, publish_to_decide
from scoring.models import ScoringModel, Status
from tests.scoring.models import Model, touch_rule

pytestmark = pytest.mark.django_db
LEVELS = {"threshold": 44.0, "exit_ratio": 0.7, "cooldown_days": 10}


def draft() -> ScoringModel:
    made = Model().interest("Web", half_life=30, cap=50).interest("Events", half_life=60)
    return made.rule(touch_rule("Web", "form", 25, name="Form")).rule(touch_rule("Events", "fair", 15, name="Fair")).row


def test_a_draft_takes_other_numbers_and_keeps_what_is_not_named():
    made = draft()
    web, form, fair = made.categories.get(name="Web"), made.rules.get(name="Form"), made.rules.get(name="Fair")
    edit(made, **LEVELS, categories={web.pk: CategoryNumbers(None, 14)}, points={form.pk: 20}, remove=[fair.pk])
    assert (made.threshold, made.exit_ratio, made.cooldown_days) == (44, 0.7, 10)
    assert list(made.categories.order_by("name").values_list("name", "cap", "half_life_days")) == [
        ("Events", None, 60), ("Web", None, 14),
    ]  # fmt: skip
    assert list(made.rules.values_list("name", "points")) == [("Form", 20)]


def test_a_published_version_takes_none():
    made = Model().interest("Web", half_life=30).published()
    with pytest.raises(PolicyProblem, match="was published meanwhile"):
        edit(made, **LEVELS, categories={}, points={})
    made.refresh_from_db()
    assert made.threshold == 40


def test_rows_of_another_version_are_left_alone():
    made, other = draft(), draft()
    rule = other.rules.get(name="Form")
    edit(made, **LEVELS, categories={}, points={rule.pk: 1}, remove=[rule.pk])
    assert other.rules.get(name="Form").points == 25


def test_it_decides_when_everybody_is_scored_and_what_waited_before_it_does_not():
    Person.objects.create(first_name="Pat")
    now = timezone.now()
    first, second = draft(), draft()
    publish_to_decide(first, user=None, why="One", now=now)
    publish_to_decide(second, user=None, why="Two", now=now)
    first.refresh_from_db()
    assert (first.status, first.activate_when_filled) == (Status.PUBLISHED, False)
    assert second.activate_when_filled and not second.active


def test_a_version_of_another_scope_waits_and_decides_on():
    Person.objects.create(first_name="Pat")
    now = timezone.now()
    edge = draft()
    ScoringModel.objects.filter(pk=edge.pk).update(solution=Solution.objects.create(name="Edge"))
    edge.refresh_from_db()
    publish_to_decide(edge, user=None, why="For Edge", now=now)
    publish_to_decide(draft(), user=None, why="For all", now=now)
    edge.refresh_from_db()
    assert edge.activate_when_filled
    ScoringModel.objects.filter(pk=edge.pk).update(filled_at=now, activated_at=now)
    assert one_step_back(edge) == edge
    assert one_step_back(draft()) is None


def test_one_step_back_is_the_version_that_decided_before_and_is_kept():
    now = timezone.now()
    first = publish_to_decide(draft(), user=None, why="One", now=now)
    assert first.active and one_step_back(first) is None
    publish_to_decide(draft(), user=None, why="Two", now=now)
    assert one_step_back(first) == first
    first.refresh_from_db()
    services.retire(first, now=now)
    assert one_step_back(first) is None
