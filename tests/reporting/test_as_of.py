"""As of a past moment, leads and deals are what the events recorded by then say, as `path.fold` reads them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnel.models import Kind, OpportunityEvent
from funnel.path import MILESTONES, State, fold
from reporting import as_of, metrics
from reporting.facts import Copy
from reporting.metrics import Query
from reporting.selection import utc
from tests import factories
from tests.reporting.histories import FIRST, Happening, histories, store
from tests.reporting.trips import undone

in_database = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def known(happenings: list[Happening], moment: datetime) -> State:
    """The state by what was recorded up to the moment."""
    return fold(one.step(index) for index, one in enumerate(happenings) if one.recorded_at <= moment)


def as_row(state: State) -> tuple[Any, ...]:
    milestones = [state.milestones.get(stage) for stage in MILESTONES]
    moments = [at and utc(at) for at in (state.closed_at, *milestones)]
    return (str(state.stage), str(state.exit) or None, state.passthrough, *moments)


@in_database
@given(st.lists(histories(), min_size=1, max_size=8), st.integers(-1, 16))
def test_leads_are_what_the_events_recorded_by_then_say(db: None, many: list[list[Happening]], days: int) -> None:
    moment = FIRST + timedelta(days=days)
    with undone():
        ids = store(many)
        columns = ", ".join(["id", "stage", "exit", "passthrough", "closed_at", *MILESTONES.values()])
        copy = Copy(connection)
        copy.need("stage_event")
        found = copy.rows(f"WITH {as_of.LEADS} SELECT {columns} FROM lead", {"as_of": utc(moment)})
        standing = {row[0]: row[1:] for row in found.rows if row[2] != "void"}
        states = {lead_id: known(happenings, moment) for lead_id, happenings in zip(ids, many, strict=True)}
        assert standing == {lead_id: as_row(state) for lead_id, state in states.items() if state.exit != "void"}


@in_database
@given(st.lists(histories(), min_size=1, max_size=8), st.integers(0, 16))
def test_the_present_is_the_past_once_everything_is_recorded(db: None, many: list[list[Happening]], days: int) -> None:
    """The same question as of a moment after the last record has the answer of now."""
    with undone():
        store(many)
        copy, later = Copy(connection), FIRST + timedelta(days=16)
        for by in (("stage",), ("channel", "month")):
            now, then = (metrics.volume(copy, Query(by=by, as_of=moment)) for moment in (None, later))
            assert now.equals(then)


def test_what_is_recorded_later_leaves_an_earlier_answer_as_it_was(copy: Copy) -> None:
    day = [FIRST + timedelta(days=number) for number in range(9)]
    inquiry = Happening(Kind.ADVANCE, "inquiry", day[0], day[0])
    store([[inquiry], [inquiry]])
    then, now = Query(as_of=day[5]), Query()
    assert metrics.conversion(copy, then, to_stage="mql")["numerator"].tolist() == [0]
    store([[inquiry, Happening(Kind.ADVANCE, "mql", day[1], day[8])]])
    copy.refresh()
    assert metrics.conversion(copy, now, to_stage="mql")[["numerator", "denominator"]].values.tolist() == [[1, 3]]
    assert metrics.conversion(copy, then, to_stage="mql")[["numerator", "denominator"]].values.tolist() == [[0, 3]]
    earliest = Query(as_of=day[0] - timedelta(days=1))
    assert metrics.conversion(copy, earliest)["denominator"].tolist() == [0]


def test_a_deal_is_what_its_latest_event_by_then_says(copy: Copy) -> None:
    opened, closed = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    deal = factories.opportunity(
        opened_at=opened, closed_at=closed, state="won", amount=90, deal_stage="Won", expected_close_on=date(2026, 5, 1)
    )
    for state, amount, moment in (("open", 50, opened), ("open", 70, opened + timedelta(days=9)), ("won", 90, closed)):
        OpportunityEvent.objects.create(
            opportunity=deal, state=state, amount=amount, currency="EUR", occurred_at=moment, recorded_at=moment,
            cause=f"test:{amount}",
        )  # fmt: skip
    then = Query(object="opportunities", as_of=opened + timedelta(days=10))
    assert metrics.pipeline(copy, then)["amount"].tolist() == [70.0]
    assert metrics.win_rate(copy, then)["won"].tolist() == [0]
    assert metrics.pipeline(copy, Query(object="opportunities"))["count"].tolist() == [0]
    at_close = metrics.win_rate(copy, Query(object="opportunities", as_of=closed, by=("month",)))
    assert at_close[["month", "won", "won_value"]].values.tolist() == [["2026-04", 1, 90.0]]
    assert metrics.volume(copy, Query(object="opportunities", as_of=opened - timedelta(days=1)))["count"].tolist() == [
        0
    ]


def test_the_future_is_refused(copy: Copy) -> None:
    with pytest.raises(metrics.QueryError, match="complete up to"):
        metrics.conversion(copy, Query(as_of=copy.fresh_at + timedelta(seconds=1)))
