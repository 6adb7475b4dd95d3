"""The benchmark: a database of its own, made and dropped, and rows that say what they compare. No time is tested."""

import json
import os

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from demandcenter import scratch
from demandcenter.benchmark import ingest, population, routing, simulation
from demandcenter.benchmark.measuring import Finding, Target, percentile
from demandcenter.benchmark.scenery import set_up
from funnel import stages
from funnel.models import Activity, Lead, Person, StageEvent

ROW = {"area", "name", "unit", "leads", "ours", "comparison", "against", "ratio", "target", "met"}


def databases() -> set[str]:
    """This worker's own and those made beside it; other workers make and drop theirs meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, current_database())")
        return {name for (name,) in cursor.fetchall()}


def assert_well_formed(rows: list[dict], area: str) -> None:
    assert len(rows) >= 3
    for row in rows:
        assert row.keys() == ROW and row["area"] == area and row["leads"] == 300
        assert row["ours"] > 0 and row["comparison"] > 0
        assert (row["met"] is None) == (row["target"] is None)


@pytest.mark.django_db
@pytest.mark.parametrize("area", ["queue", "scoring"])  # which start processes, or make databases, of their own
def test_the_command_gives_rows_and_leaves_nothing_behind(area, capsys, monkeypatch):
    if template := os.environ.get("DEMAND_TEST_TEMPLATE"):  # migrated: that takes longer than all the rest
        monkeypatch.setattr(scratch, "TEMPLATE", template)
    before = databases()
    call_command("benchmark", area, "--leads", "300", "--format", "json")
    assert_well_formed(json.loads(capsys.readouterr().out), area)
    assert databases() == before
    assert not Lead.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("area", [ingest, routing, simulation])
def test_the_other_areas_give_rows_too(area):
    assert_well_formed([found.as_row() for found in area.measure(300)], area.AREA)


@pytest.mark.django_db
def test_it_measures_nowhere_but_in_a_database_of_its_own(monkeypatch):
    with pytest.raises(CommandError, match="no scratch database"):
        call_command("benchmark", "queue", "--inside")
    with pytest.raises(CommandError, match="200 to"):
        call_command("benchmark", "queue", "--leads", "3")
    monkeypatch.setattr(scratch, "SUFFIX", "_" + "x" * 63)
    with pytest.raises(CommandError, match="too long"):
        call_command("benchmark", "queue")


@pytest.mark.django_db(transaction=True)
def test_the_people_it_works_on_are_what_their_events_say_and_the_same_when_they_grow():
    there = set_up(600, people=300)
    few = list(Person.objects.order_by("pk").values_list("email", "title"))
    there.grow(600)
    assert Person.objects.count() == Lead.objects.count() == 600
    assert Activity.objects.count() == 600 * population.TOUCHES_EACH
    assert list(Person.objects.order_by("pk").values_list("email", "title")[: len(few)]) == few
    assert Lead.objects.open().filter(stage="mql").count() == 600 // there.mql_every
    columns = [name for name in stages.CACHED if name != "reason_id"]
    rows = {row["id"]: row for row in Lead.objects.values("id", "reason_id", *columns)}
    for derived in stages.derive(rows):
        assert {name: derived[name] for name in stages.CACHED} == {
            name: rows[derived["lead_id"]][name] for name in stages.CACHED
        }
    with connection.cursor() as cursor:  # indexes, keys and triggers are back
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'")
        assert cursor.fetchone() == (0,)
    assert {name for name, found in connection.introspection.get_constraints(
        connection.cursor(), "funnel_activity").items() if found["unique"]} >= {"activity_key"}  # fmt: skip
    assert StageEvent.objects.filter(lead__isnull=False).count() > 1_000


@pytest.mark.parametrize(
    ("side", "ratio", "ours", "met"),
    [
        ("at least", 2, 20.0, True),
        ("at least", 2, 19.9, False),
        ("at most", 1.3, 13, True),
        ("at most", 1.3, 13.1, False),
    ],
)
def test_a_target_is_met_or_missed(side, ratio, ours, met):
    found = Finding(
        area="queue", name="claims", unit="s", leads=1, ours=ours, comparison=10, against="x",
        target=Target(side, ratio),
    )  # fmt: skip
    assert found.as_row()["met"] is met


def test_percentiles_lie_between_the_values():
    assert percentile([4, 1, 3, 2], 0.5) == 2.5
    assert (percentile([7], 0.95), percentile([1, 2], 1.0)) == (7, 2)
