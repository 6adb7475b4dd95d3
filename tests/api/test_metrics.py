"""Figures over the API are the figures of the command."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command

from funnel.access import Role
from funnel.models import Channel
from reporting import facts
from tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def figures(client, monkeypatch):
    """Three leads, two of them MQLs, and a copy of the facts of this test's own."""
    monkeypatch.setattr(facts, "_shared", None, raising=False)
    paid, free = Channel.objects.create(name="Paid, search"), Channel.objects.create(name="Organic")
    day = timedelta(days=1)
    make.lead(channel=paid, stages={"inquiry": make.NOW, "mql": make.NOW + 2 * day})
    make.lead(channel=paid, stages={"inquiry": make.NOW, "mql": make.NOW + 4 * day})
    make.lead(channel=free, at=make.NOW)
    client.force_login(make.user(Role.EXECUTIVE))


def rows(response) -> list[dict]:
    assert response.status_code == 200, response.json()
    return response.json()["rows"]


def test_the_metrics_are_named_and_explained(client, figures):
    found = {metric["name"]: metric for metric in client.get("/api/metrics/").json()}
    assert set(found) == {"volume", "conversion", "velocity", "win-rate", "pipeline", "score-quality"}
    assert found["velocity"]["unit"] == "days" and found["conversion"]["sentence"]


def test_a_conversion_by_channel(client, figures):
    asked = {"from_stage": "inquiry", "to_stage": "mql", "by": "channel"}
    response = client.get("/api/metrics/conversion/", asked)
    by_channel = {row["channel"]: (row["numerator"], row["denominator"], row["value"]) for row in rows(response)}
    assert by_channel == {"Paid, search": (2, 2, 1.0), "Organic": (0, 1, 0.0)}
    body = response.json()
    assert body["basis"] == "cohort" and body["definition"] and body["fresh_at"]


def test_filters_periods_and_windows(client, figures):
    where = json.dumps({"channel": "Paid, search"})
    (row,) = rows(client.get("/api/metrics/velocity/", {"from_stage": "inquiry", "to_stage": "mql", "where": where}))
    assert (row["n"], row["median"]) == (2, 3.0)
    within = {"from_stage": "inquiry", "to_stage": "mql", "window": 2}
    (row,) = rows(client.get("/api/metrics/conversion/", within))
    assert row["numerator"] == 1
    assert rows(client.get("/api/metrics/volume/", {"from_day": "2026-06-02"}))[0]["count"] == 0
    assert rows(client.get("/api/metrics/volume/", {"from_day": "2026-06-01", "to_day": "2026-06-01"}))[0]["count"] == 3


def test_no_data_is_null(client, figures):
    (row,) = rows(client.get("/api/metrics/conversion/", {"from_stage": "sal", "to_stage": "sql"}))
    assert (row["denominator"], row["value"], row["low"]) == (0, None, None)


def test_the_command_says_the_same(client, figures):
    out = io.StringIO()
    call_command(
        "metric", "conversion", "--from-stage", "inquiry", "--to-stage", "mql", "--by", "channel", "--by", "month",
        "--format", "json", stdout=out,
    )  # fmt: skip
    asked = {"from_stage": "inquiry", "to_stage": "mql", "by": ["channel", "month"]}
    told = json.loads(out.getvalue())
    assert told["rows"] and told["rows"] == rows(client.get("/api/metrics/conversion/", asked))
    assert told["rows"] == rows(client.get("/api/metrics/conversion/", asked | {"by": "channel,month"}))


@pytest.mark.parametrize(
    ("query", "attr", "said"),
    [
        ({"to_stage": "nowhere"}, None, "nowhere"),
        ({"by": "colour"}, None, "colour"),
        ({"where": "[1]"}, "where", "JSON object"),
        ({"window": "-1"}, "window", "0"),
        ({"tz": "Mars/Base"}, None, "Mars/Base"),
        ({"from_day": "soon"}, "from_day", "YYYY"),
        ({"basis": "guess"}, "basis", "guess"),
        ({"chanel": "x"}, "chanel", "no parameter “chanel”"),
        ({"as_of": "2999-01-01T00:00:00Z"}, None, "complete up to"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(client, figures, query, attr, said):
    response = client.get("/api/metrics/conversion/", query)
    (error,) = response.json()["errors"]
    assert response.status_code == 400 and error["attr"] == attr and said in error["detail"]


def test_an_unknown_metric_is_not_found(client, figures):
    response = client.get("/api/metrics/luck/")
    assert response.status_code == 404 and "volume" in response.json()["errors"][0]["detail"]


def test_without_a_role_there_are_no_figures(client, figures):
    client.force_login(make.user())
    assert client.get("/api/metrics/volume/").status_code == 403
