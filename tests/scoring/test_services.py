"""The life of a version."""

from datetime import UTC, datetime, timedelta

import pytest

from funnel import inbox
from funnel.models import Inbox
from scoring import services
from scoring.checks import check
from scoring.engine import apply
from scoring.models import Score
from tests import factories

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
