"""`manage.py metric`: what it prints, and what it says to a question that makes no sense."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from funnel.models import Channel
from reporting.definitions import DEFINITIONS
from reporting.metrics import METRICS, Query
from tests import factories

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def metric(*arguments: str) -> str:
    out = io.StringIO()
    call_command("metric", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def leads() -> None:
    email, odd = Channel.objects.create(name="email"), Channel.objects.create(name="=1+1")
    known = factories.person(attributes={"plan": "pro"})
    factories.lead(channel=email, stages={"inquiry": AT, "mql": AT + timedelta(days=3)}, person=known)
    factories.lead(channel=email, stages={"inquiry": AT})
    factories.lead(channel=odd, stages={"inquiry": AT})
    factories.lead(stages={"inquiry": AT - timedelta(days=40)})


def test_json_is_unrounded_and_says_what_it_means(leads: None) -> None:
    answer = json.loads(metric("conversion", "--to-stage", "mql", "--format", "json"))
    [row] = answer["rows"]
    assert (row["numerator"], row["denominator"], row["value"]) == (1, 4, 0.25)
    assert row["low"] == pytest.approx(0.0455872608, abs=1e-10)
    assert answer["basis"] == "cohort" and answer["definition"] == DEFINITIONS["conversion"].sentence
    assert datetime.fromisoformat(answer["fresh_at"]).tzinfo is not None


def test_rows_carry_the_dimensions_and_blank_is_null(leads: None) -> None:
    rows = json.loads(metric("volume", "--by", "channel", "--by", "month", "--format", "json"))["rows"]
    assert [(row["channel"], row["month"], row["count"]) for row in rows] == [
        ("=1+1", "2026-03", 1),
        ("email", "2026-03", 2),
        (None, "2026-01", 1),
    ]


def test_no_data_is_null(leads: None) -> None:
    [row] = json.loads(metric("velocity", "--to-stage", "won", "--format", "json"))["rows"]
    assert row == {**dict.fromkeys(["median", "p75", "p90", "mean", "min"]), "n": 0, "excluded": 0}


@pytest.mark.parametrize(
    ("where", "count"),
    [({}, 4), ({"channel": "email"}, 2), ({"channel": ["email", None]}, 3), ({"plan": "pro", "channel": "email"}, 1),
     ({"channel": None}, 1), ({"channel": "nowhere"}, 0), ({"channel": []}, 0), ({"month": "2026-03"}, 3)],
)  # fmt: skip
def test_filters(leads: None, where: dict[str, Any], count: int) -> None:
    [row] = json.loads(metric("volume", "--where", json.dumps(where), "--format", "json"))["rows"]
    assert row["count"] == count


@pytest.mark.parametrize(
    ("period", "count"),
    [(("2026-03-10", "2026-03-10"), 3), (("2026-03-11", "2026-03-31"), 0), (("2026-01-29", "2026-03-09"), 1)],
)
def test_both_days_of_a_period_are_in_it(leads: None, period: tuple[str, str], count: int) -> None:
    answer = json.loads(metric("volume", "--from", period[0], "--to", period[1], "--format", "json"))
    assert answer["rows"][0]["count"] == count


def test_days_are_those_of_the_zone(leads: None) -> None:
    in_auckland = ("--from", "2026-03-11", "--to", "2026-03-11", "--tz", "Pacific/Auckland")
    assert json.loads(metric("volume", *in_auckland, "--format", "json"))["rows"][0]["count"] == 3


def test_csv_is_one_table_in_which_no_label_is_a_formula(leads: None) -> None:
    rows = list(csv.DictReader(io.StringIO(metric("volume", "--by", "channel", "--format", "csv"))))
    assert [(row["channel"], row["count"]) for row in rows] == [("'=1+1", "1"), ("email", "2"), ("", "1")]
    assert {row["basis"] for row in rows} == {"cohort"}


def test_a_table_is_for_people(leads: None) -> None:
    shown = metric("conversion", "--by", "stage", "--to-stage", "sal")
    assert "inquiry          1            4" in shown
    assert DEFINITIONS["conversion"].sentence in shown
    assert "–" in metric("velocity", "--to-stage", "won")  # no data


def test_as_of_a_moment_before_anything_was_recorded_there_is_nothing(leads: None) -> None:
    answer = json.loads(metric("volume", "--as-of", "2020-01-01", "--format", "json"))
    assert answer["rows"][0]["count"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "invalid choice: 'nothing' (choose from"),
        (["volume", "--by", "nothing"], "There are: stage, month, quarter"),
        (["volume", "--from", "yesterday"], "is no day; write it like"),
        (["volume", "--where", "[1]"], "as a JSON object"),
        (["volume", "--to-stage", "mql"], "A to-stage has no meaning for volume"),
        (["win-rate", "--window", "3"], "A window belongs to conversion"),
        (["conversion", "--from", "2026-02-01", "--to", "2026-01-01"], "ends before it begins"),
        (["conversion", "--from-stage", "won"], "does not come after"),
        (["volume", "--tz", "Nowhere"], "There is no time zone"),
        (["volume", "--to", "9999-12-31"], "between 1900 and 2199"),
        (["volume", "--from", "0001-01-01"], "between 1900 and 2199"),
    ],
)
def test_a_question_that_makes_no_sense_ends_with_status_2_and_what_to_ask(
    leads: None, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError) as refused:
        metric(*arguments)
    assert message in str(refused.value)
    assert refused.value.returncode in {1, 2}  # from the command line, argparse itself ends with 2


# --- definitions -----------------------------------------------------------------------------------------------


def test_every_metric_has_a_definition_and_every_definition_a_metric() -> None:
    assert set(METRICS) <= set(DEFINITIONS)
    for name, definition in DEFINITIONS.items():
        assert definition.name == name
        assert definition.title and definition.sentence.endswith(".") and definition.formula and definition.unit
        assert definition.bases and all(Query(basis=basis) for basis in definition.bases)
        assert definition.reference.startswith("domain.md ")
