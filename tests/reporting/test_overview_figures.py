"""The tiles' figures are the metrics' figures, whatever the leads look like, and their parts add up."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnel.models import Exit, Stage
from reporting import metrics
from reporting.facts import Copy
from reporting.metrics import Query
from reporting.overview import queries
from reporting.overview.asking import END_TO_END, STEPS, Step
from reporting.overview.queries import Outcomes, Records
from reporting.queries import LEAVING
from tests.reporting.trips import FIRST, Trip, store, trips, undone

pytestmark = pytest.mark.django_db
ZONE = "Europe/Vienna"
PERIOD = {"start": FIRST + timedelta(days=20), "end": FIRST + timedelta(days=160), "tz": ZONE}
PARTS = ("reached", "on", "open", "left")
many_trips = st.lists(trips(), min_size=1, max_size=20)
by_examples = settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


@by_examples
@given(many=many_trips)
@pytest.mark.parametrize("where", [{}, {"channel": ("Google", None)}])
def test_the_figures_of_the_tiles_are_those_of_the_metrics(many: list[Trip], where: dict) -> None:
    with undone():
        store(many)
        copy = Old(connection)
        query = Query(**PERIOD, where=where)
        before = Query(start=None, end=PERIOD["start"], tz=ZONE, where=where)
        found = queries.volumes(copy, query, [before])
        assert found == [by_stage(copy, asked) for asked in (query, before)]
        for step in (*STEPS, END_TO_END):
            step_agrees(copy, query, step)
        entered = queries.entered(copy, query, Stage.values, grain="week")
        assert {stage: sum(entered[stage].values()) for stage in Stage.values} == found[0]
        assert all(monday.weekday() == 0 for weeks in entered.values() for monday in weeks)


class Old(Copy):
    """A copy of long after, when every cohort is mature."""

    @property
    def fresh_at(self) -> datetime:
        return FIRST + timedelta(days=2000)


def by_stage(copy: Copy, query: Query) -> dict[str, int]:
    by = Query(basis="period", start=query.start, end=query.end, tz=query.tz, where=query.where, by=("stage",))
    frame = metrics.volume(copy, by)
    counts = dict(zip(frame["stage"], frame["count"], strict=True))
    return {stage: int(counts.get(stage, 0)) for stage in Stage.values}


def step_agrees(copy: Copy, query: Query, step: Step) -> None:
    given = {"start": query.start, "end": query.end, "tz": query.tz, "where": query.where}
    windowed = Query(**given, window=step.window)
    outcomes = queries.outcomes(copy, windowed, step.start, step.end)
    [rate] = metrics.conversion(copy, windowed, from_stage=step.start, to_stage=step.end).itertuples()
    assert (outcomes.k, outcomes.n) == (rate.numerator, rate.denominator)
    by_period = Query(**given, basis="period")
    stays = queries.stays(copy, by_period, step.start, step.end)
    [time] = metrics.velocity(copy, by_period, from_stage=step.start, to_stage=step.end).itertuples()
    assert (stays.n, stays.excluded) == (time.n, time.excluded)
    assert stays.median == (pytest.approx(time.median) if time.n else None)
    records_agree(copy, windowed, step, outcomes)


def records_agree(copy: Copy, query: Query, step: Step, outcomes: Outcomes) -> None:
    parts = {
        converted: queries.step_records(query, step.start, step.end, converted=converted)
        for converted in (None, True, False)
    }
    counts = {converted: records.count(copy) for converted, records in parts.items()}
    assert counts == {None: outcomes.n, True: outcomes.k, False: outcomes.n - outcomes.k}
    assert {*parts[True].ids(copy), *parts[False].ids(copy)} == {*parts[None].ids(copy)}


@by_examples
@given(many=many_trips)
def test_the_funnel_of_a_cohort_is_nested_and_its_parts_are_the_records(many: list[Trip]) -> None:
    with undone():
        store(many)
        copy = Copy(connection)
        query = Query(**PERIOD)
        found = queries.furthest(copy, query)
        counts = {
            stage: {part: queries.funnel_records(query, stage, part).count(copy) for part in PARTS}
            for stage in Stage.values
        }
        assert counts[Stage.INQUIRY]["reached"] == sum(found.values())
        for here, there in pairwise(Stage.values):
            part = counts[here]
            assert part["reached"] == part["on"] + part["open"] + part["left"]
            assert part["on"] == counts[there]["reached"]
            [rate] = metrics.conversion(copy, query, from_stage="inquiry", to_stage=there).itertuples()
            assert rate.numerator == counts[there]["reached"]


@by_examples
@given(many=many_trips)
def test_who_left_is_counted_once_and_can_be_listed(many: list[Trip]) -> None:
    with undone():
        store(many)
        copy = Copy(connection)
        query = Query(**PERIOD)
        rows = queries.left(copy, query)
        frame = metrics.volume(copy, Query(**PERIOD, basis="period", by=("stage",)))
        left = dict(zip(frame["stage"], frame["count"], strict=True))
        for exit_ in LEAVING:
            assert sum(leads for _, name, _, leads in rows if name == exit_) == left.get(exit_, 0)
        for stage, exit_, _reason, leads in rows:
            asked = Query(**PERIOD, where={"reason": [None]})
            assert queries.left_records(asked, stage, exit_).count(copy) == leads
        assert Exit.VOID not in {name for _, name, _, _ in rows}


def test_ids_come_from_the_greatest_down_and_can_be_walked_both_ways() -> None:
    trip = Trip(
        entry="inquiry",
        milestones={"inquiry": datetime(2025, 12, 1, tzinfo=UTC)},
        exit="",
        closed_at=None,
        passthrough=False,
        labels={"channel": None, "segment": None, "plan": None},
    )
    with undone():
        leads = sorted((lead.pk for lead in store([trip] * 5)), reverse=True)
        copy = Copy(connection)
        records: Records = queries.opened_records(Query(**PERIOD), None)
        assert records.ids(copy) == leads
        assert records.ids(copy, limit=2) == leads[:2]
        assert records.ids(copy, below=leads[1], limit=2) == leads[2:4]
        assert records.ids(copy, above=leads[3], limit=2) == [leads[2], leads[1]]


def test_the_values_of_a_filter_are_counted_by_who_moved_in_the_period() -> None:
    def trip(channel: str | None, month: int) -> Trip:
        at = datetime(2025, month, 5, tzinfo=UTC)
        labels = {"channel": channel, "segment": None, "plan": None}
        return Trip(
            entry="inquiry", milestones={"inquiry": at}, exit="", closed_at=None, passthrough=False, labels=labels
        )

    with undone():
        store([trip("Google", 11), trip("Google", 11), trip(None, 11), trip("email", 10), trip("google", 11)])
        copy = Copy(connection)
        query = Query(start=datetime(2025, 11, 1, tzinfo=UTC), end=datetime(2025, 12, 1, tzinfo=UTC))
        assert queries.values(copy, query, "channel", limit=2) == ([("Google", 2), ("google", 1)], 1)
