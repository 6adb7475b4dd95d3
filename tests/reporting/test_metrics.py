"""The metrics over PostgreSQL and the copy, held against a plain-Python oracle and the fixtures of the definitions."""

from datetime import UTC, datetime, timedelta
from math import isnan
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reporting import metrics
from reporting.facts import Copy
from reporting.metrics import Query, QueryError
from tests.reporting import oracle
from tests.reporting.oracle import PATH, Question, Trip
from tests.reporting.trips import EXITS, FIRST, moments, store, trips, undone

# Each example writes rows into the test's own transaction and takes them back.
in_database = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

questions = st.builds(
    lambda basis, period, zone, by: Question(basis, *period, zone, by),
    st.sampled_from(["cohort", "period"]),
    st.one_of(
        st.just((None, None)),
        st.tuples(moments, st.none()),
        st.tuples(moments, moments).map(lambda pair: tuple(sorted(pair))),
    ),
    st.sampled_from(["UTC", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe"]),
    st.sampled_from([(), ("channel",), ("month",), ("quarter", "segment"), ("plan", "month")]),
)
arrows = st.sampled_from(
    [(start, end) for i, start in enumerate(PATH) for end in PATH[i + 1 :]]
    + [(start, end) for start in ("", *PATH[:-1]) for end in EXITS]
    + [("", "won"), ("", "mql")]
)


class FreshAt(Copy):
    """A copy that is fresh at a given moment, so that some leads are too young for a window."""

    def __init__(self, moment: datetime) -> None:
        super().__init__(connection)
        self.moment = moment

    @property
    def fresh_at(self) -> datetime:
        return self.moment


def query(asked: Question, **more: Any) -> Query:
    fields: dict[str, Any] = {"basis": asked.basis, "start": asked.start, "end": asked.end, "tz": asked.zone}
    return Query(**{**fields, "by": asked.by, "window": asked.window, **more})


def plain(value: Any) -> Any:
    """Comparable with the oracle's: no NaN, and floats to a millisecond or so of a day."""
    if isinstance(value, float):
        return None if isnan(value) else pytest.approx(value, abs=1e-8)
    return value


# --- against the oracle ----------------------------------------------------------------------------------------


@in_database
@given(st.lists(trips(), max_size=25), questions, arrows, st.one_of(st.none(), st.integers(0, 60)), st.integers(0, 400))
def test_conversion_is_what_the_definition_says(
    db: None, many: list[Trip], asked: Question, arrow: tuple[str, str], window: int | None, age: int
) -> None:
    start, end = arrow
    if asked.basis == "cohort":
        asked = Question(asked.basis, asked.start, asked.end, asked.zone, asked.by, window)
    with undone():
        store(many)
        copy = FreshAt(FIRST + timedelta(days=age, seconds=30))
        found = metrics.conversion(copy, query(asked), from_stage=start, to_stage=end)
        wanted = oracle.conversion(many, asked, start, end, FIRST + timedelta(days=age))
        names = ["numerator", "denominator"] + (["mature", "immature"] if asked.basis == "cohort" else [])
        assert oracle.rows(found, asked.by, names) == (wanted or nothing(asked, names))
        for row in found.to_dict("records"):
            share = row["numerator"] / row["denominator"] if row["denominator"] else None
            assert plain(row["value"]) == share


def nothing(asked: Question, names: list[str]) -> oracle.Table:
    """Undivided, no data is one row of zeros; divided, no row."""
    return {} if asked.by else {(): dict.fromkeys(names, 0)}


@in_database
@given(st.lists(trips(), max_size=25), questions, arrows)
def test_velocity_is_what_the_definition_says(
    db: None, many: list[Trip], asked: Question, arrow: tuple[str, str]
) -> None:
    start, end = (arrow[0] or "inquiry"), arrow[1]
    if start == end:
        end = "won"
    with undone():
        store(many)
        found = metrics.velocity(Copy(connection), query(asked), from_stage=start, to_stage=end)
        names = ["n", "median", "p75", "p90", "mean", "min", "excluded"]
        wanted = oracle.velocity(many, asked, start, end)
        if not wanted and not asked.by:
            wanted = {(): {**dict.fromkeys(names), "n": 0, "excluded": 0}}
        assert oracle.rows(found, asked.by, names, plain) == wanted


@in_database
@given(st.lists(trips(), max_size=25), questions)
def test_volume_by_stage_is_what_the_definition_says(db: None, many: list[Trip], asked: Question) -> None:
    with undone():
        store(many)
        by = (*asked.by, "stage")
        found = metrics.volume(Copy(connection), query(asked, by=by))
        assert oracle.rows(found, by, ["count", "imputed", "passthrough"]) == oracle.volume(
            many, asked, [*PATH, *EXITS]
        )


@in_database
@given(st.lists(trips(), max_size=25), st.sampled_from(["", *PATH]), questions)
def test_volume_counts_the_leads_that_opened(db: None, many: list[Trip], stage: str, asked: Question) -> None:
    with undone():
        store(many)
        found = metrics.volume(Copy(connection), query(asked), from_stage=stage)
        arrived = [at for trip in many if (at := trip.moment(stage)) is not None and asked.covers(at)]
        assert found["count"].sum() == len(arrived)


# --- what must hold whatever the data --------------------------------------------------------------------------


@in_database
@given(st.lists(trips(), min_size=1, max_size=25))
def test_of_one_cohort_the_product_of_the_steps_is_the_whole_way(db: None, many: list[Trip]) -> None:
    """Fixture F9: to date, with imputed stages, the leads of each step are among those of the step before."""
    with undone():
        store([trip for trip in many if trip.entry == "inquiry"])
        copy = Copy(connection)
        whole = metrics.conversion(copy, Query()).iloc[0]
        steps = metrics.conversion(copy, Query(by=("stage",)))
        if whole["denominator"]:
            assert list(steps["stage"])[: len(steps)] == list(PATH[: len(steps)])
            assert steps["value"].prod() == pytest.approx(whole["value"])
            assert list(steps["denominator"][1:]) == list(steps["numerator"][:-1])


@in_database
@given(st.lists(trips(), max_size=25), questions, arrows)
def test_a_figure_and_the_leads_behind_it_agree(
    db: None, many: list[Trip], asked: Question, arrow: tuple[str, str]
) -> None:
    start, end = arrow
    with undone():
        store(many)
        copy, whole = Copy(connection), query(asked, by=())
        row = metrics.conversion(copy, whole, from_stage=start, to_stage=end).iloc[0]
        for part in ("numerator", "denominator"):
            found = metrics.lead_ids(copy, whole, from_stage=start, to_stage=end, part=part, limit=3)
            while page := metrics.lead_ids(
                copy, whole, from_stage=start, to_stage=end, part=part, after=found[-1] if found else None, limit=3
            ):
                found += page
            assert len(found) == len(set(found)) == row[part]
            assert found == sorted(found, reverse=True)


@in_database
@given(st.lists(trips(), max_size=25), questions)
def test_a_filter_and_a_split_agree(db: None, many: list[Trip], asked: Question) -> None:
    with undone():
        store(many)
        copy = Copy(connection)
        for by in ("channel", "segment", "plan", "month", "quarter"):
            split = metrics.conversion(copy, query(asked, by=(by,)))
            for row in split.to_dict("records"):
                alone = metrics.conversion(copy, query(asked, by=(), where={by: row[by]})).iloc[0]
                assert (alone["numerator"], alone["denominator"]) == (row["numerator"], row["denominator"])


# --- the fixtures of the definitions ---------------------------------------------------------------------------


def arrivals(month: int, count: int, every: int = 5) -> list[Trip]:
    """`count` leads of a month, one in five of which reached MQL exactly a month later."""
    at = datetime(2025, month, 10, tzinfo=UTC)
    return [
        Trip("inquiry", {"inquiry": at, **({"mql": at.replace(month=month + 1)} if i % every == 0 else {})},
             labels={"channel": None, "segment": None, "plan": None})
        for i in range(count)
    ]  # fmt: skip


def test_fixture_f4_cohort_and_period_tell_different_stories(copy: Copy) -> None:
    store([trip for month, count in ((1, 100), (2, 200), (3, 400), (4, 100)) for trip in arrivals(month, count)])
    months = {"start": datetime(2025, 1, 1, tzinfo=UTC), "end": datetime(2025, 5, 1, tzinfo=UTC), "by": ("month",)}
    cohort = metrics.conversion(copy, Query(**months), to_stage="mql")
    period = metrics.conversion(copy, Query(**months, basis="period"), to_stage="mql")
    assert list(cohort["month"]) == list(period["month"]) == ["2025-01", "2025-02", "2025-03", "2025-04"]
    assert list(cohort["value"]) == pytest.approx([0.2, 0.2, 0.2, 0.2])
    assert list(period["value"]) == pytest.approx([0.0, 0.1, 0.1, 0.8])
    assert list(period["numerator"]) == [0, 20, 40, 80]


def test_a_period_rate_may_exceed_one_and_then_has_no_interval(copy: Copy) -> None:
    store([*arrivals(3, 50, every=1), *arrivals(4, 10)])
    april = Query(basis="period", start=datetime(2025, 4, 1, tzinfo=UTC), end=datetime(2025, 5, 1, tzinfo=UTC))
    [row] = metrics.conversion(copy, april, to_stage="mql").to_dict("records")
    assert (row["numerator"], row["denominator"], row["value"]) == (50, 10, 5.0)
    assert isnan(row["low"]) and isnan(row["high"])


def test_no_denominator_is_no_data_and_never_zero(copy: Copy) -> None:
    [row] = metrics.conversion(copy, Query()).to_dict("records")
    assert (row["numerator"], row["denominator"]) == (0, 0)
    assert all(isnan(row[name]) for name in ("value", "low", "high"))


def test_a_window_counts_its_last_day_and_only_leads_old_enough(copy: Copy) -> None:
    inquiry = datetime(2025, 3, 1, tzinfo=UTC)
    for days in (30, 31):
        store([Trip("inquiry", {"inquiry": inquiry, "mql": inquiry + timedelta(days=days)},
                    labels={"channel": None, "segment": None, "plan": None})])  # fmt: skip
    old = metrics.conversion(copy, Query(window=30), to_stage="mql").iloc[0]
    assert (old["numerator"], old["denominator"], old["immature"]) == (1, 2, 0)


# --- refusals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda copy: metrics.volume(copy, Query(by=("nonsense",))), "There is no dimension “nonsense”.*channel"),
        (lambda copy: metrics.volume(copy, Query(where={"nonsense": 1})), "There is no dimension “nonsense”"),
        (lambda copy: metrics.conversion(copy, Query(), from_stage="sql", to_stage="mql"), "MQL does not come after"),
        (lambda copy: metrics.conversion(copy, Query(), to_stage="nowhere"), "There is no stage or exit “nowhere”"),
        (lambda copy: metrics.conversion(copy, Query(basis="period", window=5)), "A window belongs to"),
        (lambda copy: metrics.velocity(copy, Query(window=5)), "A window belongs to"),
        (lambda copy: metrics.pipeline(copy, Query()), "Pipeline is made of opportunities"),
        (lambda copy: metrics.volume(copy, Query(where={"month": "May"})), "“May” is no month"),
        (lambda copy: metrics.volume(copy, Query(where={"quarter": "2017-1"})), "“2017-1” is no quarter"),
        (lambda copy: metrics.volume(copy, Query(as_of=copy.fresh_at + timedelta(hours=1))), "complete up to"),
        (lambda _: Query(where={"channel": {"is": "email"}}), "takes a label, a list of labels, or null"),
        (lambda _: Query(object="people"), "There is no object “people”"),
        (lambda _: Query(basis="snapshot"), "There is no basis “snapshot”"),
        (lambda _: Query(tz="Middle/Earth"), "There is no time zone"),
        (lambda _: Query(start=datetime(2025, 1, 1)), "needs a time zone"),  # noqa: DTZ001
        (lambda _: Query(window=-1), "0 or more"),
        (lambda _: Query(by=("channel", "channel")), "once"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_what_to_ask(copy: Copy, ask: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        ask(copy)
