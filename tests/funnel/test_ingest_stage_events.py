"""Loading stage events: facts of known leads, in any order of rows."""

import random

import pytest

from funnel.models import Inbox, Lead, Reason, StageEvent
from tests.loading import NOW, day, load, load_well, problem_of, statuses

pytestmark = pytest.mark.django_db

JOURNEY = [("mql", 2), ("sal", 3), ("sql", 4), ("opportunity", 5), ("won", 6)]


@pytest.fixture
def lead():
    load_well("leads", {"external_id": "L", "inquiry_at": day(1)})
    return Lead.objects.get()


def event(stage: str, at: float, key: str = "", **more) -> dict:
    return {"external_id": key or f"{stage}@{at}", "lead": "L", "stage": stage, "occurred_at": day(at)} | more


def test_events_move_the_lead(lead):
    assert load_well("stage-events", *(event(*step) for step in JOURNEY)) == ["created"] * 5
    lead.refresh_from_db()
    assert (lead.stage, lead.exit, lead.mql_at, lead.won_at) == ("won", "won", day(2), day(6))
    assert StageEvent.objects.filter(cause="load:event/crm/mql@2").exists()


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_rows_in_a_chunk_or_across_chunks_comes_to_the_same(lead, seed):
    events = [event(*step) for step in [*JOURNEY[:4], ("lost", 9), ("opportunity", 7)]]
    random.Random(seed).shuffle(events)
    if seed % 2:
        assert load_well("stage-events", *events) == ["created"] * 6
    else:
        for one in events:
            assert statuses(load("stage-events", one)) == ["created"]
    lead.refresh_from_db()
    assert (lead.stage, lead.stage_since, lead.exit, lead.closed_at) == ("opportunity", day(7), "lost", day(9))
    assert (lead.mql_at, lead.sal_at, lead.sql_at, lead.opportunity_at) == (day(2), day(3), day(4), day(5))


def test_a_second_entry_into_a_stage_that_lies_behind_is_a_move_back(lead):
    events = [event("mql", 2), event("sal", 3), event("mql", 4), event("sal", 5), event("mql", 6)]
    assert load_well("stage-events", *reversed(events)) == ["created"] * 5
    lead.refresh_from_db()
    assert (lead.stage, lead.stage_since, lead.mql_at, lead.sal_at) == ("mql", day(6), day(2), day(3))
    assert StageEvent.objects.filter(lead=lead, kind="regress").count() == 2


def test_the_same_file_twice_changes_nothing(lead):
    Reason.objects.create(kind="recycle", name="Later")
    events = [event("mql", 2), event("recycled", 5, reason="Later")]
    assert load_well("stage-events", *events) == ["created", "created"]
    assert load_well("stage-events", *reversed(events)) == ["unchanged", "unchanged"]
    assert StageEvent.objects.filter(lead=lead).count() == 3


@pytest.mark.parametrize("other", [{"occurred_at": day(4)}, {"stage": "sal"}, {"lead": "M"}, {"kind": "passthrough"}])
def test_the_same_key_with_another_body_is_an_error(lead, other):
    load_well("leads", {"external_id": "M", "inquiry_at": day(1)})
    load_well("stage-events", event("mql", 2, "k"))
    problem = problem_of("stage-events", event("mql", 2, "k") | other)
    assert problem == "“k” was loaded before with another body: mql on 2026-01-03 00:00:00 UTC."
    assert StageEvent.objects.filter(cause="load:event/crm/k").count() == 1


def test_another_reason_is_another_body(lead):
    for name in ("Later", "Never"):
        Reason.objects.create(kind="recycle", name=name)
    load_well("stage-events", event("recycled", 2, "k", reason="Later"))
    assert "was loaded before" in problem_of("stage-events", event("recycled", 2, "k", reason="Never"))


def test_a_key_twice_in_a_file_is_unchanged_with_the_same_body_and_an_error_with_another(lead):
    outcomes = load("stage-events", event("mql", 2, "k"), event("mql", 2, "k"), event("mql", 3, "k"))
    assert statuses(outcomes) == ["created", "unchanged", "error"]
    assert StageEvent.objects.filter(lead=lead).count() == 2


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"lead": "X"}, "There is no lead “X” of source “crm”. Load the leads first."),
        ({"lead_source": "erp"}, "There is no lead “L” of source “erp”"),
        ({"stage": "demo"}, "“demo” is not one of: inquiry, mql"),
        ({"stage": None}, "“stage” is missing"),
        ({"occurred_at": NOW.replace(year=2027)}, "lies in the future"),
        ({"stage": "lost", "kind": "regress"}, "“lost” is a way of leaving"),
        ({"stage": "sal", "kind": "reopen"}, "The lead is open already"),
        ({"stage": "recycled", "reason": "Nobody"}, "There is no reason “Nobody”"),
    ],
)
def test_what_cannot_be_is_refused_and_the_others_land(lead, said, problem):
    bad, good = load("stage-events", event("mql", 2, "bad") | said, event("mql", 3))
    assert (bad.status, good.status) == ("error", "created")
    assert problem in bad.problem


def test_nothing_moves_a_closed_lead_until_it_is_reopened(lead):
    load_well("stage-events", event("lost", 5))
    assert "The lead is closed (lost)" in problem_of("stage-events", event("mql", 6))
    assert load_well("stage-events", event("inquiry", 7, kind="reopen"), event("mql", 8)) == ["created", "created"]
    lead.refresh_from_db()
    assert (lead.stage, lead.exit) == ("mql", "")


def test_a_lead_cannot_leave_before_something_that_is_known_to_come_later(lead):
    load_well("stage-events", event("mql", 5))
    assert "went on after this moment (2026-01-06 00:00 UTC)" in problem_of("stage-events", event("lost", 3))


def test_a_repeated_entry_is_kept_and_the_first_reach_stands(lead):
    load_well("stage-events", event("mql", 2), event("mql", 4))
    lead.refresh_from_db()
    assert (lead.mql_at, lead.stage_since) == (day(2), day(4))
    assert StageEvent.objects.filter(lead=lead, to_stage="mql").count() == 2


def test_reopening_is_refused_where_the_person_has_another_open_lead(lead):
    load_well("stage-events", event("lost", 5))
    load_well("leads", {"external_id": "M", "person_id": "L", "inquiry_at": day(6)})
    bad, good = load("stage-events", event("inquiry", 7, kind="reopen"), event("mql", 8, "m") | {"lead": "M"})
    assert (bad.status, good.status) == ("error", "created")
    assert bad.problem == "The person has another open lead of the same solution."


def test_a_milestone_dated_before_its_predecessor_warns(lead):
    (outcome,) = load("stage-events", event("won", 0.5))
    assert (outcome.status, "the wrong way round" in outcome.warnings[0]) == ("created", True)
    (late,) = load("stage-events", event("sql", 8))
    assert (late.status, "the wrong way round" in late.warnings[0]) == ("created", True)


def test_a_reason_without_a_way_of_leaving_is_left_out_with_a_warning(lead):
    (outcome,) = load("stage-events", event("mql", 2, reason="Weather"))
    assert (outcome.status, "it was left out" in outcome.warnings[0]) == ("created", True)


def test_live_events_follow_the_rules_of_live_work(lead):
    assert "From Inquiry the next stage is MQL" in problem_of("stage-events", event("sql", 2), live=True)
    assert load_well("stage-events", event("mql", 2), live=True) == ["created"]


def test_scores_follow_history_of_recycling_only(lead):
    Inbox.objects.all().delete()
    load_well("stage-events", event("mql", 2))
    assert not Inbox.objects.exists(), "a stage changes no score"
    Reason.objects.get_or_create(name="Timing", kind="recycle")
    load_well("stage-events", event("recycled", 3, reason="Timing"))
    assert list(Inbox.objects.values_list("person", "cause")) == [(lead.person_id, "loaded")]
