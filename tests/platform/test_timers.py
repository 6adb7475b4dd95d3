"""What is due by time is worked in batches; what cannot be worked is set aside and holds up nothing."""

import math
import time
from datetime import UTC, datetime

import pytest

from demandcenter import timers
from demandcenter.timers import Timer, run

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Due:
    """Numbers that are due in order; working a batch with a poison one in it fails, whole."""

    def __init__(self, count: int, *poison: int) -> None:
        self.due = list(range(count))
        self.poison = set(poison)
        self.done: list[int] = []
        self.aside: list[int] = []

    def work(self, _now: datetime, limit: int) -> int:
        batch = self.due[:limit]
        if self.poison & set(batch):
            raise ZeroDivisionError("by nought")
        self.done += batch
        del self.due[:limit]
        return len(batch)

    def set_aside(self, _now: datetime, problem: str) -> str:
        assert problem == "by nought"
        self.aside.append(self.due.pop(0))
        return str(self.aside[-1])

    def run(self, *, problem_of=str, deadline: float = math.inf) -> int:
        timer = Timer(name="numbers", work=self.work, set_aside=self.set_aside)
        return run(timer, now=NOW, deadline=deadline, problem_of=problem_of)


def test_everything_due_is_worked() -> None:
    due = Due(1234)
    assert due.run() == 1234
    assert due.done == list(range(1234))


@pytest.mark.parametrize("poison", [(0,), (1233,), (7, 8), (0, 600, 1233)])
def test_only_what_fails_is_set_aside(poison: tuple[int, ...]) -> None:
    due = Due(1234, *poison)
    assert due.run() == 1234 - len(poison)
    assert due.aside == list(poison)
    assert sorted(due.done + due.aside) == list(range(1234))


def test_where_everything_fails_it_stops_soon_and_leaves_the_rest_in_place() -> None:
    due = Due(1234, *range(1234))
    assert due.run() == 0
    assert len(due.aside) == timers.HOPELESS
    assert len(due.due) == 1234 - timers.HOPELESS


def test_what_lies_at_the_database_is_raised_and_nothing_set_aside() -> None:
    due = Due(1234, 0)
    with pytest.raises(ZeroDivisionError):
        due.run(problem_of=lambda _error: None)
    assert not due.aside


def test_it_stops_at_its_deadline() -> None:
    due = Due(1234)
    assert due.run(deadline=time.monotonic() - 1) == 0
