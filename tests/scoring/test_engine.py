"""The engine by examples that can be checked by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from funnel.inbox import Taken
from scoring.engine import apply, state_of
from scoring.models import Score, ScoreChange
from tests import factories
from tests.scoring.models import Model, touch_rule

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def test_points_halve():
    Model(landmark=NOW - timedelta(days=100)).interest("web", half_life=30).rule(touch_rule("web", "form", 50)).active()
    person = factories.person()
    touch = factories.touch(person=person, occurred_at=NOW - timedelta(days=30), type="form")
    (standing,) = apply([Taken(person.pk, "activity", touch.pk)], now=NOW)
    assert standing.interest == pytest.approx(25)
    assert standing.touches == (touch.pk,)
    assert state_of([person.pk], at=NOW + timedelta(days=30))[person.pk].interest == pytest.approx(12.5)
    assert ScoreChange.objects.get().cause == f"activity:{touch.pk}"
    assert Score.objects.get().band == 3
