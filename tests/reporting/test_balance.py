"""For every stage, period and filter: open at the start + entered = open at the end + left (domain.md 3.3)."""

from collections import Counter
from datetime import datetime, timedelta

import pandas as pd
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnel.path import fold, standing
from reporting import metrics
from reporting.facts import Copy
from reporting.metrics import Query, QueryError
from tests.reporting.histories import FIRST, Happening, histories, store
from tests.reporting.trips import undone

in_database = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
days = st.integers(-1, 14).map(lambda day: FIRST + timedelta(days=day))


def places(happenings: list[Happening]) -> list[tuple[datetime, str]]:
    """Where the lead stood after each event that counts: a stage, or nowhere once it left."""
    steps = standing(one.step(index) for index, one in enumerate(happenings))
    states = [fold(steps[: end + 1]) for end in range(len(steps))]
    return [
        (step.occurred_at, str(state.stage) if state.is_open else "") for step, state in zip(steps, states, strict=True)
    ]


def stood_at(happenings: list[Happening], moment: datetime) -> str:
    return next((place for at, place in reversed(places(happenings)) if at < moment), "")


def moves(happenings: list[Happening], start: datetime, end: datetime) -> tuple[Counter[str], Counter[str]]:
    """How often the lead came to each stage in the period, and how often it left."""
    came, left, here = Counter[str](), Counter[str](), ""
    for at, place in places(happenings):
        if place != here and start <= at < end:
            came[place] += 1
            left[here] += 1
        here = place
    return came, left


@in_database
@given(st.lists(histories(), min_size=1, max_size=8), days, days, st.sampled_from([None, "even", "odd"]))
def test_open_at_the_start_and_entered_is_open_at_the_end_and_left(
    db: None, many: list[list[Happening]], one: datetime, other: datetime, channel: str | None
) -> None:
    start, end = sorted([one, other])
    with undone():
        store(many)
        where = {} if channel is None else {"channel": channel}
        frame = metrics.balance(Copy(connection), Query(start=start, end=end, where=where))
    meant = [lead for place, lead in enumerate(many) if channel is None or channel == ("even", "odd")[place % 2]]
    came, left = Counter[str](), Counter[str]()
    for lead in meant:
        ins, outs = moves(lead, start, end)
        came, left = came + ins, left + outs
    at_start, at_end = (Counter(stood_at(lead, moment) for lead in meant) for moment in (start, end))
    rows = {row["stage"]: row for row in frame.to_dict("records")}
    for stage in ("inquiry", "mql", "sal", "sql", "opportunity"):
        row = rows.get(stage, Counter[str]())
        assert row["open_start"] + row["entered"] == row["open_end"] + row["left"]
        assert (row["open_start"], row["entered"], row["left"], row["open_end"]) == (
            at_start[stage], came[stage], left[stage], at_end[stage]
        )  # fmt: skip


@in_database
@given(st.lists(histories(), min_size=1, max_size=8), days)
def test_one_period_ends_where_the_next_begins(db: None, many: list[list[Happening]], moment: datetime) -> None:
    with undone():
        store(many)
        copy = Copy(connection)
        past = metrics.balance(copy, Query(end=moment, by=("channel",)))
        future = metrics.balance(copy, Query(start=moment, by=("channel",)))
        whole = metrics.balance(copy, Query(by=("channel",)))
    by = ["channel", "stage"]
    first, second, total = (frame.set_index(by) for frame in (past, future, whole))
    for key in total.index:
        ended, began = (_row(part, key) for part in (first, second))
        assert ended["open_end"] == began["open_start"]
        for name in ("entered", "left"):
            assert ended[name] + began[name] == total.loc[key, name]


def _row(frame: pd.DataFrame, key: tuple[str, str]) -> dict[str, int]:
    return frame.loc[key].to_dict() if key in frame.index else dict.fromkeys(frame.columns, 0)


@pytest.mark.parametrize("query", [Query(by=("month",)), Query(where={"stage": "mql"}), Query(object="opportunities")])
def test_a_balance_is_of_leads_in_one_period(copy: Copy, query: Query) -> None:
    with pytest.raises(QueryError):
        metrics.balance(copy, query)
