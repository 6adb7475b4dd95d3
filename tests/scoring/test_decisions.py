"""The MQL rule, re-raise and cooling as tables: a person's standing and leads, and what must follow."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scoring.decisions import Decision, OpenLead, Qualification, Touch, View, cools_down, judge

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
EDGE, CLOUD = 1, 2


def inquiry(number: int, solution: int | None = None) -> OpenLead:
    return OpenLead(id=number, number=number, stage="inquiry", solution_id=solution)


def working(number: int, solution: int | None = None, stage: str = "mql", *, by_score: bool = True) -> OpenLead:
    return OpenLead(id=number, number=number, stage=stage, solution_id=solution, by_score=by_score)


def view(*leads: OpenLead, **fields: Any) -> View:
    """Somebody who qualifies by score, unless a test says otherwise."""
    standing = {"interest": 50.0, "eligible": True, "allowed": True, "excluded": False}
    return View(person_id=7, exit_level=32, cooldown_days=30, leads=leads, **standing | fields)


def by_score(lead_id: int, touch: Touch | None = None) -> Decision:
    return Decision(mql=Qualification(lead_id=lead_id, touch=touch, fast_track=False))


def by_hand_raise(lead_id: int | None, touch: Touch) -> Decision:
    return Decision(mql=Qualification(lead_id=lead_id, touch=touch, fast_track=True))


NOTHING = Decision()
ANY, OF_EDGE, OF_CLOUD = Touch(17), Touch(18, EDGE), Touch(19, CLOUD)


@pytest.mark.parametrize(
    ("person", "decision"),
    [
        # Who qualifies by score, and which lead it is.
        (view(inquiry(1), touches=(ANY,)), by_score(1, ANY)),
        (view(inquiry(1)), by_score(1)),  # a review: no touch came in
        (view(touches=(ANY,)), NOTHING),  # interest alone opens nothing
        (view(inquiry(1, EDGE), inquiry(2, CLOUD), touches=(OF_EDGE,)), by_score(1, OF_EDGE)),
        (view(inquiry(1, EDGE), inquiry(2, CLOUD), touches=(OF_CLOUD, OF_EDGE)), by_score(1, OF_EDGE)),
        (view(inquiry(1, EDGE), inquiry(2, CLOUD), touches=(OF_EDGE, ANY)), by_score(1, OF_EDGE)),
        (view(inquiry(1, EDGE), inquiry(2, CLOUD), touches=(ANY,)), by_score(2, ANY)),
        (view(inquiry(1), inquiry(2, CLOUD), touches=(ANY,)), by_score(1, ANY)),  # no solution is one, too
        (view(inquiry(1, EDGE), touches=(OF_CLOUD,)), by_score(1, OF_CLOUD)),
        # Somebody in work becomes an MQL for something else only by naming it.
        (view(working(1, EDGE), inquiry(2, CLOUD), touches=(ANY,)), NOTHING),
        (view(working(1, EDGE), inquiry(2, CLOUD)), NOTHING),
        (view(working(1, EDGE), inquiry(2), touches=(ANY,)), NOTHING),
        (view(working(1, EDGE), inquiry(2, CLOUD), touches=(OF_CLOUD,)), by_score(2, OF_CLOUD)),
        (view(working(1, EDGE, "opportunity"), inquiry(2, CLOUD), touches=(OF_EDGE,)), NOTHING),
        (view(working(1, EDGE), touches=(OF_EDGE,)), NOTHING),  # no second MQL
        # Somebody moved it back: not without something new of the person.
        (view(OpenLead(id=1, number=1, stage="inquiry", set_back=True)), NOTHING),
        (view(OpenLead(id=1, number=1, stage="inquiry", set_back=True), touches=(ANY,)), by_score(1, ANY)),
        # What score alone must not do.
        (view(inquiry(1), eligible=False), NOTHING),
        (view(inquiry(1), allowed=False), NOTHING),
        (view(inquiry(1), left_at=NOW - timedelta(days=29)), NOTHING),
        (view(inquiry(1), left_at=NOW - timedelta(days=30)), by_score(1)),
    ],
)
def test_who_becomes_an_mql_by_score(person: View, decision: Decision) -> None:
    assert judge(person, now=NOW) == decision


COLD = {"interest": 0.0, "eligible": False, "allowed": False}


@pytest.mark.parametrize(
    ("person", "decision"),
    [
        # A raised hand needs no score, no grid, no required gate and no end of a cool-down.
        (view(inquiry(1), fast_track=ANY, **COLD), by_hand_raise(1, ANY)),
        (view(inquiry(1), fast_track=ANY, left_at=NOW, **COLD), by_hand_raise(1, ANY)),
        (view(fast_track=ANY, **COLD), by_hand_raise(None, ANY)),  # opens a lead
        (view(fast_track=ANY, excluded=True, **COLD), NOTHING),
        (view(inquiry(1, EDGE), inquiry(2), fast_track=OF_EDGE, **COLD), by_hand_raise(1, OF_EDGE)),
        (view(inquiry(1, EDGE), fast_track=OF_CLOUD, **COLD), by_hand_raise(1, OF_CLOUD)),
        # In work already: told, not qualified again.
        (view(working(1, EDGE), fast_track=OF_EDGE, **COLD), Decision(reraised=1)),
        (view(working(1, EDGE), fast_track=ANY, **COLD), Decision(reraised=1)),
        (view(working(1, EDGE, "sql"), working(2, CLOUD), fast_track=ANY, **COLD), Decision(reraised=1)),
        (view(working(1, EDGE), fast_track=OF_EDGE, excluded=True, **COLD), NOTHING),
        # In work for something else: a trip of its own.
        (view(working(1, EDGE), fast_track=OF_CLOUD, **COLD), by_hand_raise(None, OF_CLOUD)),
        (view(working(1, EDGE), inquiry(2, CLOUD), fast_track=OF_CLOUD, **COLD), by_hand_raise(2, OF_CLOUD)),
        (view(working(1, EDGE), inquiry(2), fast_track=OF_CLOUD, **COLD), by_hand_raise(None, OF_CLOUD)),
    ],
)
def test_what_a_raised_hand_does(person: View, decision: Decision) -> None:
    assert judge(person, now=NOW) == decision


@pytest.mark.parametrize(
    ("person", "decision"),
    [
        (view(working(1), **COLD | {"interest": 31.9999}), Decision(cooled=(1,))),
        (view(working(1), **COLD | {"interest": 32.0}), NOTHING),  # below the threshold, not below the exit level
        (view(working(1), **COLD | {"interest": 32 - 1e-9}), NOTHING),  # the same number, but for its representation
        (view(working(1, by_score=False), **COLD), NOTHING),  # by a raised hand, by hand, or passed through
        (view(working(1, stage="sal"), **COLD), Decision(flagged=(1,))),
        (view(working(1, stage="sal", by_score=False), **COLD), NOTHING),
        (view(working(1, EDGE), working(2, CLOUD, "sql"), **COLD), Decision(cooled=(1,), flagged=(2,))),
        (view(working(1), fast_track=ANY, **COLD), Decision(reraised=1)),  # who raises a hand does not cool
        (view(inquiry(1), **COLD), NOTHING),
    ],
)
def test_who_cools(person: View, decision: Decision) -> None:
    assert judge(person, now=NOW) == decision


def test_a_cool_down_ends_to_the_second():
    assert cools_down(NOW, 30, now=NOW + timedelta(days=30, seconds=-1))
    assert not cools_down(NOW, 30, now=NOW + timedelta(days=30))
    assert not cools_down(NOW, 0, now=NOW) and not cools_down(None, 30, now=NOW)
