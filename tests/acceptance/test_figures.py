"""The figures of the loaded funnels, as `manage.py metric` prints them, against the reference figures.

Counts are equal, rates to 6 digits, days to 4.
"""

import io
import json
from typing import Any

import pytest
from django.core.management import call_command

pytestmark = [pytest.mark.usefixtures("funnels"), pytest.mark.django_db]

BLANK = "(blank)"  # how the reference figures call a row without a label
AMSTERDAM = "Europe/Amsterdam"
# What the definition of the reference figures suggests, activity by activity.
STAGES = {
    "A_SUBMITTED": "inquiry",
    "A_PREACCEPTED": "mql",
    "A_ACCEPTED": "sal",
    "A_FINALIZED": "sql",
    "O_SENT": "opportunity",
    "A_APPROVED": "won",
    "A_DECLINED": "lost",
    "A_CANCELLED": "recycled",
}


def metric(name: str, source: str, *options: str) -> list[dict[str, Any]]:
    """The rows that the command prints for one source."""
    out = io.StringIO()
    where = json.dumps({"source": source})
    call_command("metric", name, "--where", where, "--format", "json", *options, stdout=out)
    answer = json.loads(out.getvalue())
    assert answer["definition"] and answer["basis"] and answer["fresh_at"]
    return list(answer["rows"])


def one(name: str, source: str, *options: str) -> dict[str, Any]:
    [row] = metric(name, source, *options)
    return row


def table(name: str, source: str, by: str, figures: dict[str, str], *options: str) -> dict[str, dict[str, Any]]:
    """Label -> figures under the reference's names, for comparison with a whole block at once."""
    rows = metric(name, source, "--by", by, *options)
    return {
        BLANK if row[by] is None else row[by]: {theirs: row[ours] for theirs, ours in figures.items()} for row in rows
    }


LEADS_AND_WON = {"leads": "denominator", "won": "numerator"}
DEALS = {"won": "won", "lost": "lost", "win_rate": "win_rate", "won_value": "won_value"}


def near(figure: float | None, digits: int) -> float | None:
    return None if figure is None else round(figure, digits)


def rounded(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {label: {**row, "win_rate": near(row["win_rate"], 6)} for label, row in rows.items()}


# --- olist: leads of a marketplace -----------------------------------------------------------------------------


def test_olist_leads_and_won(expected: dict[str, Any]) -> None:
    row, wanted = one("conversion", "olist"), expected["olist"]
    assert (row["denominator"], row["numerator"]) == (wanted["leads"], wanted["won"])
    assert near(row["value"], 6) == wanted["rate"]
    assert one("volume", "olist")["count"] == wanted["leads"]


def test_olist_days_to_won(expected: dict[str, Any]) -> None:
    row, wanted = one("velocity", "olist"), expected["olist"]
    for name in ("median", "p75", "p90", "mean", "min"):
        assert near(row[name], 4) == wanted[f"days_{name}"], name
    assert row["excluded"] == wanted["excluded"]
    assert row["n"] + row["excluded"] == wanted["won"]


def test_olist_won_within_90_days(expected: dict[str, Any]) -> None:
    row, wanted = one("conversion", "olist", "--window", "90"), expected["olist"]
    assert (row["numerator"], row["immature"]) == (wanted["won_within_90"], 0)


@pytest.mark.parametrize(("by", "block"), [("channel", "by_origin"), ("month", "by_month")])
def test_olist_split(by: str, block: str, expected: dict[str, Any]) -> None:
    assert table("conversion", "olist", by, LEADS_AND_WON) == expected["olist"][block]


# --- bpi2012: loan applications --------------------------------------------------------------------------------


def test_bpi2012_reached(expected: dict[str, Any]) -> None:
    rows = {row["stage"]: row["count"] for row in metric("volume", "bpi2012", "--by", "stage")}
    wanted = expected["bpi2012"]["reached"]
    assert set(wanted) <= set(STAGES)
    assert {activity: rows.get(STAGES[activity], 0) for activity in wanted} == wanted
    assert one("volume", "bpi2012")["count"] == expected["bpi2012"]["cases"]


def test_bpi2012_lags(expected: dict[str, Any]) -> None:
    for arrow, wanted in expected["bpi2012"]["lag"].items():
        start, end = (STAGES[activity] for activity in arrow.split("->"))
        row = one("velocity", "bpi2012", "--from-stage", start, "--to-stage", end)
        found = {name: near(row[name], 4) for name in wanted}
        assert found == wanted, arrow


def test_bpi2012_cohorts_by_month_of_amsterdam(expected: dict[str, Any]) -> None:
    figures = {"submitted": "denominator", "approved": "numerator"}
    assert table("conversion", "bpi2012", "month", figures, "--tz", AMSTERDAM) == expected["bpi2012"]["cohorts"]


# --- maven_crm: deals ------------------------------------------------------------------------------------------


def test_maven_deals_by_stage(expected: dict[str, Any]) -> None:
    wanted = expected["maven_crm"]
    rows = table("volume", "maven", "deal_stage", {"count": "count"}, "--object", "opportunities")
    assert {label: row["count"] for label, row in rows.items()} == wanted["stages"]
    assert one("volume", "maven", "--object", "opportunities")["count"] == wanted["opportunities"]


def test_maven_win_rate(expected: dict[str, Any]) -> None:
    row, wanted = one("win-rate", "maven"), expected["maven_crm"]
    assert (row["won"], row["lost"]) == (wanted["stages"]["Won"], wanted["stages"]["Lost"])
    assert (near(row["win_rate"], 6), row["won_value"]) == (wanted["win_rate"], wanted["won_value"])


def test_maven_days(expected: dict[str, Any]) -> None:
    wanted = expected["maven_crm"]
    won, lost = (one("velocity", "maven", "--object", "opportunities", "--to-stage", end) for end in ("won", "lost"))
    assert near(won["median"], 4) == wanted["days_won_median"]
    assert near(won["p90"], 4) == wanted["days_won_p90"]
    assert near(lost["median"], 4) == wanted["days_lost_median"]


@pytest.mark.parametrize(
    ("by", "block"),
    [("solution", "by_product"), ("region", "by_regional_office"), ("quarter", "by_close_quarter")],
)
def test_maven_split(by: str, block: str, expected: dict[str, Any]) -> None:
    assert rounded(table("win-rate", "maven", by, DEALS)) == expected["maven_crm"][block]


# --- xeducation: leads with an outcome -------------------------------------------------------------------------


def test_xeducation_outcome(expected: dict[str, Any]) -> None:
    row, wanted = one("conversion", "xeducation"), expected["xeducation"]
    assert (row["denominator"], row["numerator"]) == (wanted["leads"], wanted["converted"])


def test_xeducation_outcome_by_a_custom_attribute(expected: dict[str, Any]) -> None:
    """The file's own outcome, loaded as an attribute, splits the leads into all won and none."""
    rows = table("conversion", "xeducation", "converted", LEADS_AND_WON)
    wanted = expected["xeducation"]
    assert rows == {
        "false": {"leads": wanted["leads"] - wanted["converted"], "won": 0},
        "true": {"leads": wanted["converted"], "won": wanted["converted"]},
    }
