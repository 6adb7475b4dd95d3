"""The copy holds what PostgreSQL holds, whatever is written, truncated or pruned, and says how fresh it is."""

import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.db import connection, transaction

from funnel.models import Account, Channel, CostLine, Kind, Lead, Person, Reason, Region, Rep, Team
from funnel.stages import Move, move
from reporting import copying, facts
from reporting.facts import Copy
from reporting.metrics import Query, volume
from reporting.models import Change
from reporting.sources import SOURCES
from reporting.tasks import prune_changes
from tests import factories
from tests.reporting.quality.simulated import made, replay, scoring_model
from tests.reporting.sameness import differences
from tests.reporting.spending import amounts, line, session, spend
from tests.waiting import wait_until

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def copy(transactional_db: None) -> Copy:
    return Copy(connection, interval=0)


# --- rows of every kind ----------------------------------------------------------------------------------------


def test_the_copy_follows_inserts_updates_and_deletes_of_every_fact(copy: Copy) -> None:
    copy.refresh()
    region, channel = Region.objects.create(name="North"), Channel.objects.create(name="email")
    team = Team.objects.create(name="Hunters", region=region)
    owner = Rep.objects.create(name="Ada", team=team)
    reason = Reason.objects.create(kind="recycle", name="Not now")
    company = factories.account()
    lead = factories.lead(owner=owner, channel=channel, region=region, account=company, segment="SMB")
    factories.leave(lead, Kind.RECYCLE, at=NOW + timedelta(days=3), reason_id=reason.pk)
    factories.opportunity(account=company, owner=owner, amount=Decimal("12.50"))
    line(10)
    copy.refresh()
    assert differences(copy) == {}
    built = copy.version

    Lead.objects.update(segment="")
    Channel.objects.update(name="E-mail")
    Rep.objects.create(name="Ada", email="ada@example.com")  # a second Ada: both are told apart from now on
    Account.objects.update(name="Renamed")
    CostLine.objects.all().delete()
    copy.refresh()
    assert copy.version == built + 1
    assert differences(copy) == {}
    assert len(copy.rows("SELECT DISTINCT name FROM rep").rows) == 2


def test_labels_arrive_as_they_are(copy: Copy) -> None:
    odd = ["a,b", 'say "so"', '"', "two\nlines", "a\r\nb", "\\N", "\\.", "NULL", "'", "Zoë ☃", "=1+1", " ", "\t"]
    Channel.objects.bulk_create(Channel(name=name) for name in odd)
    copy.refresh()
    assert {name for (name,) in copy.rows("SELECT name FROM channel").rows} == set(odd)


def test_every_fact_has_triggers_for_every_way_to_change_it(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, bit_or(tgtype) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE p.proname LIKE 'reporting_note_%' GROUP BY 1"
        )
        watched = dict(cursor.fetchall())
    insert, delete, update, truncate = 4, 8, 16, 32
    for table in [*(source.table for source in SOURCES.values() if not source.unlogged), "funnel_person"]:
        assert watched.get(table, 0) & (insert | delete | update | truncate) == 60, table


def test_bulk_writes_are_logged_row_by_row(transactional_db: None) -> None:
    people = Person.objects.bulk_create(Person() for _ in range(50))
    Person.objects.update(city="Oslo")
    with transaction.atomic():  # the second write of a transaction to the same row adds nothing
        Person.objects.update(city="Rome")
        Person.objects.update(city="Bern")
    assert Change.objects.filter(source="person", row_id__gt=0).count() == 3 * len(people)


# --- reading everything anew -----------------------------------------------------------------------------------


def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts how often everything is read."""
    counted: list[int] = []
    build = copying.build

    def counting(*arguments: Any) -> duckdb.DuckDBPyConnection:
        counted.append(1)
        return build(*arguments)

    monkeypatch.setattr(copying, "build", counting)
    return counted


def test_truncate_is_followed(copy: Copy) -> None:
    line(1)
    Channel.objects.create(name="email")
    copy.refresh()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE funnel_costline, funnel_channel CASCADE")
    line(2)
    assert amounts(copy) == [2]
    assert differences(copy) == {}


def test_too_many_changes_are_read_as_a_whole(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "MOST_CHANGES", 10)
    copy.refresh()
    counted = builds(monkeypatch)
    CostLine.objects.bulk_create(CostLine(amount=i, currency="EUR", incurred_on=date(2026, 1, 1)) for i in range(9))
    assert (amounts(copy), len(counted)) == (list(range(9)), 0)
    line(9)
    line(10)
    assert (amounts(copy), len(counted)) == (list(range(11)), 1)


def age_changes(hours: int) -> None:
    Change.objects.update(recorded_at=datetime.now(UTC) - timedelta(hours=hours))


def logged() -> list[int]:
    """The cost lines that the log names."""
    return list(Change.objects.filter(source="cost", row_id__gt=0).values_list("row_id", flat=True))


def older_transactions_have_ended() -> bool:
    """Whether nobody in the cluster may still hide what the log names. Tests beside this one do so for minutes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint > max(txid) FROM reporting_change")
        return bool(cursor.fetchone()[0])


def test_a_copy_older_than_the_prune_starts_anew(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    copy.refresh()
    mine = line(1)
    assert wait_until(older_transactions_have_ended, seconds=600)
    age_changes(30)
    counted = builds(monkeypatch)
    assert prune_changes() > 0
    assert logged() == []
    assert (amounts(copy), len(counted)) == ([1], 1)
    mine.delete()
    assert (amounts(copy), len(counted)) == ([], 1)


def test_a_prune_does_not_disturb_a_copy_that_had_read_it_all(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    line(1)
    assert wait_until(older_transactions_have_ended, seconds=600)
    copy.refresh()
    age_changes(30)
    counted = builds(monkeypatch)
    prune_changes()
    line(2)
    assert (amounts(copy), len(counted)) == ([1, 2], 0)


def test_a_prune_keeps_the_last_day_and_what_a_running_transaction_may_hide(copy: Copy) -> None:
    with session() as slow:
        spend(1, slow)
        later = line(2)  # written after the slow one began: copies read it again until that one ends
        age_changes(30)
        prune_changes()
        assert logged() == [later.pk]
        slow.commit()
    age_changes(20)
    assert prune_changes() == 0
    assert amounts(copy) == [1, 2]


def test_whoever_shortens_the_log_leaves_a_mark(copy: Copy) -> None:
    copy.refresh()
    line(1)
    Change.objects.all().delete()
    assert amounts(copy) == [1]
    line(2)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE reporting_change")
    assert amounts(copy) == [1, 2]


def test_another_server_or_database_makes_the_copy_start_anew(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    copy.refresh()
    counted = builds(monkeypatch)
    monkeypatch.setattr(facts, "_ORIGIN", "SELECT 'elsewhere'")
    copy.refresh()
    copy.refresh()
    assert len(counted) == 1


# --- as fresh as it says ---------------------------------------------------------------------------------------


def test_fresh_at_waits_for_the_oldest_transaction_that_wrote(copy: Copy) -> None:
    with session() as slow:
        spend(1, slow)
        with slow.cursor() as cursor:
            cursor.execute("SELECT now()")
            began = cursor.fetchone()[0]
        copy.refresh()
        assert copy.fresh_at == began
        slow.commit()
        copy.refresh()
        assert copy.fresh_at > began


def test_fresh_at_waits_for_a_young_transaction_that_may_still_write(copy: Copy) -> None:
    """Its rows will say that they were recorded when it began."""
    with session() as other, other.cursor() as cursor:
        cursor.execute("SELECT now()")
        began = cursor.fetchone()[0]
        copy.refresh()
        assert copy.fresh_at <= began


def test_refreshes_keep_their_distance(transactional_db: None) -> None:
    copy = Copy(connection, interval=3600)
    assert amounts(copy) == []
    line(1)
    assert amounts(copy) == []
    copy.refresh(now=True)
    assert amounts(copy) == [1]


# --- inside a transaction, across a fork -----------------------------------------------------------------------


def test_inside_a_transaction_the_copy_sees_its_rows_and_forgets_them_with_it(copy: Copy) -> None:
    copy.refresh()
    with transaction.atomic():
        line(1)
        assert amounts(copy) == [1]
        line(2)
        assert amounts(copy) == [1, 2]
        transaction.set_rollback(True)
    assert amounts(copy) == []


def in_child(deed: Any) -> int:
    """What `deed` gives in a forked process, as its exit status."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            status = deed()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_copy_is_refused_on_the_other_side_of_a_fork(copy: Copy) -> None:
    copy.refresh()

    def use() -> int:
        try:
            copy.rows("SELECT 1")
        except RuntimeError as refusal:
            return 0 if "fork" in str(refusal) else 1
        return 2

    assert in_child(use) == 0


def test_each_process_opens_a_copy_of_its_own(transactional_db: None) -> None:
    line(1)
    parents = facts.shared()
    connection.close()  # PostgreSQL's connection does not survive a fork either

    def use() -> int:
        childs = facts.shared()
        return 0 if childs is not parents and childs.rows("SELECT count(*) FROM cost").rows == [(1,)] else 1

    assert in_child(use) == 0
    assert facts.shared() is parents


# --- attributes and files --------------------------------------------------------------------------------------


def test_a_custom_attribute_is_read_when_asked_for_and_followed_from_then_on(copy: Copy) -> None:
    factories.person(attributes={"plan": "pro", "seats": 5, 'it\'s "odd"': True, "none": None})
    silent = factories.person()
    assert copy.attributes() == ['it\'s "odd"', "none", "plan", "seats"]
    assert copy.attribute("plan") and copy.attribute('it\'s "odd"') and not copy.attribute("Plan")
    assert copy.rows('SELECT value FROM "attribute plan"').rows == [("pro",)]
    assert copy.rows('SELECT value FROM "attribute it\'s ""odd"""').rows == [("true",)]
    Person.objects.filter(pk=silent.pk).update(attributes={"plan": "free"})
    copy.refresh()
    assert sorted(copy.rows('SELECT value FROM "attribute plan"').rows) == [("free",), ("pro",)]
    Person.objects.all().delete()
    copy.refresh()
    assert copy.rows('SELECT value FROM "attribute plan"').rows == []


def test_an_attributes_yes_is_not_its_one(copy: Copy) -> None:
    for value in (True, 1, "1", None):
        factories.lead(person=factories.person(attributes={"paid": value}))
    found = {
        repr(value): volume(copy, Query(where={"paid": value}))["count"][0] for value in (True, 1, "true", False, None)
    }
    assert found == {"True": 1, "1": 2, "'true'": 1, "False": 0, "None": 1}


def test_the_facts_are_exported_as_parquet(copy: Copy, tmp_path: Path) -> None:
    factories.lead()
    copy.refresh()
    files = copy.export(tmp_path / "it's here")
    assert {file.stem for file in files} == set(SOURCES)
    lead = duckdb.sql(
        f"SELECT stage, inquiry_at FROM read_parquet('{str(tmp_path).replace(chr(39), '')}/*/lead.parquet')"
    )
    assert lead.fetchall() == [("inquiry", factories.NOW.replace(tzinfo=None))]


def test_a_replay_of_the_active_version_is_read_once(copy: Copy) -> None:
    model = scoring_model("Webinar", "Price")
    lead = factories.lead(stages={"inquiry": factories.NOW, "mql": factories.NOW})
    first = replay(model)
    made(first, lead, {"Webinar": 30, "Price": -10, "Wanted account": 25})
    copy.need("made", "made_by")
    assert copy.rows("SELECT lead_id, by_hand, interest, band FROM made").rows == [(lead.pk, False, 45, 1)]
    assert sorted(copy.rows("SELECT points, share FROM made_by").rows) == [(-10, -1 / 3), (25, 1), (30, 1)]
    assert differences(copy) == {}
    version = copy.version
    copy.need("made", "made_by")
    assert copy.version == version

    replay(model, status="running")
    short = replay(model, days=30, ends_at=factories.NOW + timedelta(days=2))
    copy.need("made")
    assert (copy.version, copy.rows("SELECT count(*) FROM made").rows) == (version, [(1,)])
    again = replay(model, ends_at=factories.NOW + timedelta(days=1))
    made(again, lead, {"Webinar": 41})
    copy.need("made")
    assert copy.rows("SELECT interest FROM made").rows == [(41,)]
    assert short.pk < again.pk


def test_a_move_is_in_the_copy_as_event_and_state(copy: Copy) -> None:
    lead = factories.lead()
    copy.need("stage_event")
    move([Move(lead_id=lead.pk, kind=Kind.ADVANCE, to_stage="mql", occurred_at=NOW, cause="x")], now=NOW)
    copy.refresh()
    assert copy.rows("SELECT stage FROM lead").rows == [("mql",)]
    assert copy.rows("SELECT to_stage FROM stage_event ORDER BY id").rows == [("inquiry",), ("mql",)]
