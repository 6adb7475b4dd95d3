"""Rows in bulk: what PostgreSQL has to be told so that it finds them by their keys."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from funnel import staging
from funnel.models import Lead, Person
from tests.loading import day, load_well

pytestmark = pytest.mark.django_db


def test_many_keys_are_found_through_the_index_of_keys():
    load_well("leads", *({"external_id": f"k{number}", "inquiry_at": day(1)} for number in range(3)))
    people = Person.objects.bulk_create(Person() for _ in range(5_000))  # a scan of few leads costs less than 500 keys
    Lead.objects.bulk_create(
        Lead(person=person, number=1, stage="inquiry", stage_since=day(1), inquiry_at=day(1)) for person in people
    )
    keys = [f"k{number}" for number in range(1, 500)]
    plans = []

    def explained(execute, sql, params, many, context):
        with connection.connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}", params)
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, params, many, context)

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE funnel_lead; SET LOCAL enable_seqscan = off")
    with connection.execute_wrapper(explained):
        assert staging.find_keys("funnel_lead", keys, source="crm").keys() == {"k1", "k2"}
    assert staging.find_keys("funnel_lead", keys, source="another") == {}
    (plan,) = plans
    assert "lead_key" in plan, plan


NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
VALUES: tuple[Any, ...] = (
    None,
    "",
    "a",
    "a\tb\\",
    1,
    2.5,
    True,
    False,
    NOON,
    date(2026, 6, 1),
    {},
    {"a": "\\"},
    UUID(int=1),
    UUID(int=2),
)


@given(
    st.sets(st.sampled_from(range(len(VALUES))), min_size=1, max_size=3).flatmap(
        lambda few: st.lists(st.sampled_from(sorted(few)), min_size=1)
    )
)
def test_a_column_in_one_go_is_its_cells_one_by_one(places):
    """There are faster ways for columns that hold one thing, or things of one type."""
    column = [VALUES[place] for place in places]
    assert list(staging._cells(column)) == [staging._cell(value) for value in column]
