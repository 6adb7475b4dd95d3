"""Replays of history in the copy: there as soon as they are done, read once, and as many as are asked for."""

from functools import partial

import pytest
from django.db import connection

from reporting import sources
from reporting.facts import Copy, Reading
from reporting.sources import mqls_key, mqls_table, replay_key, replay_table
from scoring.models import SimulatedLead, Simulation
from tests import factories
from tests.reporting.quality.simulated import made, replay, scoring_model
from tests.threads import at_once


@pytest.fixture
def copy(transactional_db: None) -> Copy:
    return Copy(connection, interval=0)


def leads_of(facts: Reading, table: str) -> set[int]:
    """The leads of a replay's table, of those that the copy knows."""
    return {pk for (pk,) in facts.rows(f"SELECT l.id FROM {table} s JOIN lead l ON l.id = s.lead_id").rows}


def test_a_replay_that_is_done_after_the_copy_was_made_is_there_at_once_and_read_once(transactional_db: None) -> None:
    model = scoring_model("Webinar")
    copy = Copy(connection, interval=3600)
    copy.refresh()
    stages = {"inquiry": factories.NOW, "mql": factories.NOW}
    near, hand = factories.lead(stages=stages), factories.lead(stages=stages)
    done = replay(model)
    made(done, near, {"Webinar": 30})
    made(done, hand, {}, by="hand")
    SimulatedLead.objects.filter(lead=near).update(mql_at=None, by="", peak=39.9999999)
    with copy.reading(replay_key(done.pk), mqls_key(done.pk)) as facts:
        rows = facts.rows(f"SELECT lead_id, mql_at, by_hand, peak FROM {replay_table(done.pk)} ORDER BY lead_id").rows
        assert rows == [(near.pk, None, False, 40.0), (hand.pk, factories.NOW.replace(tzinfo=None), True, None)]
        assert leads_of(facts, replay_table(done.pk)) == {near.pk, hand.pk}
        assert leads_of(facts, mqls_table(done.pk)) == {hand.pk}
    version = copy.version
    with copy.reading(replay_key(done.pk)):
        assert copy.version == version


def test_of_replays_those_asked_for_last_are_held_and_a_reading_keeps_its_own(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MOST", {"replay:": 2})
    model, lead = scoring_model("Webinar"), factories.lead(stages={"inquiry": factories.NOW, "mql": factories.NOW})
    first, second, third = (replay(model, days=days) for days in (100, 200, 300))
    for one in (first, second, third):
        made(one, lead, {"Webinar": 30})
    with copy.reading(replay_key(first.pk)) as earlier:
        with copy.reading(replay_key(second.pk), replay_key(third.pk)) as later:
            assert leads_of(later, replay_table(third.pk)) == {lead.pk}
            factories.lead()
            copy.refresh()
            assert later.rows("SELECT count(*) FROM lead").rows == [(1,)]
        held = copy.rows("SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'replay_')").rows
        assert {name for (name,) in held} == {replay_table(second.pk), replay_table(third.pk)}
        assert leads_of(earlier, replay_table(first.pk)) == {lead.pk}
    with copy.reading(replay_key(first.pk)) as again:
        assert leads_of(again, replay_table(first.pk)) == {lead.pk}
        assert again.rows("SELECT count(*) FROM lead").rows == [(2,)]


def test_whoever_was_deleted_is_in_no_replay(copy: Copy) -> None:
    lead = factories.lead(stages={"inquiry": factories.NOW, "mql": factories.NOW})
    done = replay(scoring_model("Webinar"))
    made(done, lead, {"Webinar": 30})
    with copy.reading(replay_key(done.pk)) as facts:
        assert leads_of(facts, replay_table(done.pk)) == {lead.pk}
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE funnel_lead CASCADE")
    copy.refresh()
    with copy.reading(replay_key(done.pk)) as facts:
        assert leads_of(facts, replay_table(done.pk)) == set()


def test_readers_that_ask_for_more_than_is_held_all_find_theirs(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST", {"replay:": 1})
    model, lead = scoring_model("Webinar"), factories.lead(stages={"inquiry": factories.NOW, "mql": factories.NOW})
    replays = [replay(model, days=100 + day) for day in range(4)]
    for one in replays:
        made(one, lead, {"Webinar": 30})

    def read(one: Simulation) -> list[set[int]]:
        found = []
        for _ in range(5):
            with copy.reading(replay_key(one.pk)) as facts:
                found.append(leads_of(facts, replay_table(one.pk)))
        return found

    assert at_once(*(partial(read, one) for one in replays)) == [[{lead.pk}] * 5] * 4
