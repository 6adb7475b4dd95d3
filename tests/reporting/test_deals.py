"""Win rate, pipeline, volume, conversion and days of opportunities, against the plain definitions."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isnan
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnel.intervals import wilson
from funnel.models import Opportunity, Region, Rep, Solution, Team
from reporting import metrics
from reporting.facts import Copy
from reporting.metrics import Query
from tests import factories
from tests.reporting.trips import FIRST, moments, undone

in_database = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SOLUTIONS = ("GTX Pro", "GTXPro", None)
deals = st.builds(
    lambda state, opened, closed, amount, solution: {
        "state": state,
        "opened_at": opened,
        "closed_at": None if state == "open" else closed,
        "amount": amount,
        "solution": solution,
    },
    st.sampled_from(["open", "won", "won", "lost", "no_decision"]),
    st.one_of(st.none(), moments),
    moments,
    st.one_of(st.none(), st.decimals(0, 10**9, places=2)),
    st.sampled_from(SOLUTIONS),
)


def store(many: list[dict[str, Any]]) -> None:
    solutions = {name: Solution.objects.get_or_create(name=name)[0] for name in SOLUTIONS if name}
    Opportunity.objects.bulk_create(
        Opportunity(**{**deal, "solution": solutions.get(deal["solution"])}) for deal in many
    )


@in_database
@given(st.lists(deals, max_size=20), st.tuples(moments, moments).map(sorted), st.sampled_from(["period", "cohort"]))
def test_win_rate_is_what_the_definition_says(
    db: None, many: list[dict[str, Any]], period: list[datetime], basis: str
) -> None:
    start, end = period
    with undone():
        store(many)
        query = Query(object="opportunities", basis=basis, start=start, end=end, by=("solution",))
        frame = metrics.win_rate(Copy(connection), query)
    wanted: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for deal in many:
        at = deal["closed_at"] if basis == "period" else deal["opened_at"]
        if deal["state"] != "open" and at is not None and start <= at < end:
            wanted[deal["solution"]].append(deal)
    assert {row["solution"] for row in frame.to_dict("records")} == set(wanted)
    for row in frame.to_dict("records"):
        closed = wanted[row["solution"]]
        won, lost, no_decision = (sum(d["state"] == state for d in closed) for state in ("won", "lost", "no_decision"))
        assert (row["won"], row["lost"], row["no_decision"]) == (won, lost, no_decision)
        assert row["won_value"] == float(sum(d["amount"] or 0 for d in closed if d["state"] == "won"))
        assert row["broad_rate"] == won / len(closed)
        if won + lost:
            assert row["win_rate"] == won / (won + lost)
            assert (row["low"], row["high"]) == wilson(won, won + lost)
        else:
            assert isnan(row["win_rate"]) and isnan(row["low"])


@in_database
@given(st.lists(deals, max_size=20))
def test_volume_counts_every_deal_and_pipeline_the_open_ones(db: None, many: list[dict[str, Any]]) -> None:
    with undone():
        store(many)
        copy, query = Copy(connection), Query(object="opportunities")
        [volume] = metrics.volume(copy, query).to_dict("records")
        [pipeline] = metrics.pipeline(copy, query).to_dict("records")
    still = [deal["amount"] for deal in many if deal["state"] == "open"]
    known = [amount for amount in still if amount is not None]
    assert (volume["count"], volume["without_amount"]) == (len(many), sum(deal["amount"] is None for deal in many))
    assert (pipeline["count"], pipeline["without_amount"]) == (len(still), len(still) - len(known))
    assert isnan(pipeline["amount"]) if not known else pipeline["amount"] == float(sum(known, Decimal()))


def test_a_deal_of_no_region_belongs_to_that_of_its_owner_or_the_owners_team(copy: Copy) -> None:
    north, south, west = (Region.objects.create(name=name) for name in ("North", "South", "West"))
    team = Team.objects.create(name="Hunters", region=west)
    of_the_team, of_the_south = Rep.objects.create(name="Ada", team=team), Rep.objects.create(name="Bo", region=south)
    factories.opportunity(owner=of_the_south, region=north)
    factories.opportunity(owner=of_the_south)
    factories.opportunity(owner=of_the_team)
    factories.opportunity()
    frame = metrics.volume(copy, Query(object="opportunities", by=("region",)))
    assert frame[["region", "count"]].values.tolist() == [["North", 1], ["South", 1], ["West", 1], [None, 1]]


def test_how_deals_close_and_after_how_many_days(copy: Copy) -> None:
    for state, days in (("won", 10), ("won", 30), ("lost", 5), ("open", 0)):
        closed = None if state == "open" else FIRST + timedelta(days=days)
        factories.opportunity(state=state, opened_at=FIRST, closed_at=closed)
    query = Query(object="opportunities")
    won = metrics.conversion(copy, query, to_stage="won")
    assert won[["numerator", "denominator", "mature", "immature"]].values.tolist() == [[2, 4, 3, 1]]
    assert metrics.velocity(copy, query, to_stage="won")[["n", "median"]].values.tolist() == [[2, 20.0]]
    assert metrics.velocity(copy, query, to_stage="lost")[["n", "median"]].values.tolist() == [[1, 5.0]]
    within = metrics.conversion(copy, Query(object="opportunities", window=10), to_stage="won")
    assert within[["numerator", "denominator"]].values.tolist() == [[1, 4]]
    assert len(metrics.lead_ids(copy, query, to_stage="won", part="rest")) == 2


@pytest.mark.parametrize(("zone", "quarter"), [("UTC", "2025Q4"), ("Australia/Sydney", "2026Q1")])
def test_the_quarter_of_a_deal_is_that_of_its_close_in_the_zone(copy: Copy, zone: str, quarter: str) -> None:
    factories.opportunity(state="won", closed_at=datetime(2025, 12, 31, 20, tzinfo=UTC), amount=5)
    factories.opportunity()
    frame = metrics.volume(copy, Query(object="opportunities", by=("quarter",), tz=zone))
    assert frame[["quarter", "count"]].values.tolist() == [[quarter, 1], [None, 1]]


def test_win_rate_of_leads_counts_how_they_closed(copy: Copy) -> None:
    factories.lead(stages={"inquiry": FIRST, "won": FIRST + timedelta(days=1)})
    factories.leave(factories.lead(stages={"sql": FIRST}), "lost", at=FIRST + timedelta(days=2))
    frame = metrics.win_rate(copy, Query(basis="period"))
    assert frame[["won", "lost", "win_rate"]].values.tolist() == [[1, 1, 0.5]]
