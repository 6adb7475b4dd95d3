"""move() is the only writer of a stage, and what it writes is what the events say (invariants 2 and 3)."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import InternalError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from funnel.models import Exit, Inbox, Kind, Lead, Stage, StageEvent
from funnel.stages import Move, derive, move
from tests import factories

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = START + timedelta(days=400)
PATH = list(Stage.values)
EXIT_OF = {
    "recycle": "recycled",
    "disqualify": "disqualified",
    "expire": "expired",
    "lost": "lost",
    "no_decision": "no_decision",
    "merged": "merged",
    "won": "won",
}


def empty_lead() -> Lead:
    """A lead that has no event yet."""
    return Lead.objects.create(person=factories.person(), number=1, stage_since=START, closed_at=START, exit="void")


def wish(lead: Lead, kind: str, to_stage: str = "", *, day: float = 0, **more) -> Move:
    cause = more.pop("cause", f"{kind}:{to_stage}:{day}")
    return Move(
        lead_id=lead.pk, kind=kind, to_stage=to_stage, occurred_at=START + timedelta(days=day), cause=cause, **more
    )


# --- an oracle that shares no line with the product -----------------------------------------------------------


def plain_fold(events: list[StageEvent]) -> dict:
    """The state of one lead, worked out the slow way from its stored events."""
    gone = {event.supersedes_id for event in events if event.kind == "void"}
    left = [event for event in events if event.kind != "void" and event.pk not in gone]

    def place(event: StageEvent) -> int:
        if event.kind in ("advance", "passthrough", "won"):
            return PATH.index(event.to_stage)
        return 10 if event.kind in EXIT_OF else 11

    left.sort(key=lambda event: (event.occurred_at, place(event), event.pk))
    for position in range(len(left) - 1, -1, -1):
        if left[position].kind != "correction":
            continue
        limit = PATH.index(left[position].to_stage)
        before = [e for e in left[:position] if e.to_stage and PATH.index(e.to_stage) <= limit]
        return _told(before + left[position:]) if len(before) < position else _told(left)
    return _told(left)


def _told(left: list[StageEvent]) -> dict:
    """What a list of standing events, in order, tells."""
    told = dict.fromkeys([f"{stage}_at" for stage in PATH])
    told |= {"stage": "inquiry", "exit": "void", "passthrough": False}
    if not left:
        return told
    backs, seen = [], set()
    for position, event in enumerate(left):
        if event.kind in ("regress", "reopen", "correction") or (event.kind not in EXIT_OF and event.to_stage in seen):
            backs.append(position)
        if event.kind in ("advance", "passthrough", "won"):
            seen.add(event.to_stage)
    since_back = left[backs[-1] :] if backs else left
    entered = [PATH.index(event.to_stage) for event in since_back if event.to_stage]
    told["stage"] = PATH[max(entered)] if entered else "inquiry"
    told["exit"] = "won" if told["stage"] == "won" else EXIT_OF.get(left[-1].kind, "")
    told["passthrough"] = any(event.kind == "passthrough" and event.to_stage == "mql" for event in left)
    for stage in PATH:
        forward = [e.occurred_at for e in left if e.to_stage == stage and e.kind in ("advance", "passthrough", "won")]
        corrected = [e.occurred_at for e in left if e.to_stage == stage and e.kind == "correction"]
        told[f"{stage}_at"] = min(forward or corrected, default=None)
    return told


def check_against_events(lead_id: int) -> None:
    events = list(StageEvent.objects.filter(lead_id=lead_id))
    expected = plain_fold(events)
    row = Lead.objects.values(*expected).get(pk=lead_id)
    assert row == expected
    (derived,) = derive([lead_id])
    assert {name: derived[name] for name in expected} == expected
    closed = Lead.objects.get(pk=lead_id).closed_at
    assert derived["closed_at"] == closed


some_day = st.sampled_from([0, 0, 1, 1, 2, 3, 5, 8, 13])
some_wish = st.one_of(
    st.tuples(st.sampled_from(["advance", "advance", "passthrough", "regress", "reopen", "correction"]),
              st.sampled_from(PATH[:-1]), some_day),
    st.tuples(st.just("won"), st.just("won"), some_day),
    st.tuples(st.sampled_from(["recycle", "disqualify", "expire", "lost", "no_decision"]), st.just(""), some_day),
    st.tuples(st.just("void"), st.integers(0, 8), some_day),
)  # fmt: skip


class WhatTheEventsSay(TestCase):
    @settings(max_examples=40, deadline=None)
    @given(batches=st.lists(st.lists(some_wish, min_size=1, max_size=5), min_size=1, max_size=5), history=st.booleans())
    def test_state_is_what_the_events_say_whatever_was_tried(self, batches, history):
        lead = empty_lead()
        move([wish(lead, "advance", "inquiry", cause="open")], now=START, history=True)
        for number, batch in enumerate(batches):
            stored = list(StageEvent.objects.filter(lead=lead).order_by("pk"))
            moves = []
            for position, (kind, target, day) in enumerate(batch):
                if kind == "void":
                    moves.append(wish(lead, "void", day=day, cause=f"{number}.{position}",
                                      supersedes_id=stored[target % len(stored)].pk))  # fmt: skip
                else:
                    moves.append(wish(lead, kind, target, day=day, cause=f"{number}.{position}"))
            answers = move(moves, now=NOW, history=history)
            assert all(answer.done != bool(answer.problem) for answer in answers)
            check_against_events(lead.pk)
            again = move(moves, now=NOW, history=history)
            assert all(second.repeated for first, second in zip(answers, again, strict=True) if first.done)
            check_against_events(lead.pk)

    @settings(max_examples=15, deadline=None)
    @given(
        days=st.lists(
            st.tuples(st.sampled_from(PATH[1:-1]), some_day), min_size=1, max_size=6, unique_by=lambda p: p[0]
        ),
        order=st.randoms(use_true_random=False),
    )
    def test_history_comes_to_the_same_in_any_order_of_rows(self, days, order):
        moves = [("inquiry", 0), *days]
        states = []
        for _ in range(2):
            lead = empty_lead()
            order.shuffle(moves)
            for stage, day in moves:
                (answer,) = move([wish(lead, "advance", stage, day=day)], now=NOW, history=True)
                assert answer.done, answer.problem
            check_against_events(lead.pk)
            states.append(
                Lead.objects.values("stage", "stage_since", *[f"{stage}_at" for stage in PATH]).get(pk=lead.pk)
            )
        assert states[0] == states[1]


@pytest.mark.django_db
def test_a_lead_as_of_a_day_knows_what_had_been_recorded_by_then():
    lead = empty_lead()
    move([wish(lead, "advance", "inquiry", day=0)], now=START, history=True)
    move([wish(lead, "advance", "mql", day=1)], now=START + timedelta(days=10), history=True)
    (before,) = derive([lead.pk], as_of=START + timedelta(days=9))
    (after,) = derive([lead.pk], as_of=START + timedelta(days=10))
    assert (before["stage"], before["mql_at"]) == ("inquiry", None)
    assert (after["stage"], after["mql_at"]) == ("mql", START + timedelta(days=1))


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["UPDATE funnel_stageevent SET policy = 'x'", "DELETE FROM funnel_stageevent"])
def test_the_database_refuses_to_change_a_stage_event(change):
    factories.lead()
    with pytest.raises(InternalError, match="append_only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
    assert StageEvent.objects.count() == 1


@pytest.mark.django_db
def test_a_live_move_tells_the_pipeline_and_loaded_history_does_not():
    lead = factories.lead()
    move([wish(lead, "advance", "mql", day=1)], now=NOW, history=True)
    assert not Inbox.objects.exists()
    (answer,) = move([wish(lead, "advance", "sal", day=2)], now=NOW)
    assert Inbox.objects.values_list("person_id", "cause", "object_id").get() == (
        lead.person_id, "stage_event", answer.event_id)  # fmt: skip


@pytest.mark.django_db
def test_who_comes_second_is_told_where_the_lead_is():
    lead = factories.lead(stages={Stage.INQUIRY: START, Stage.MQL: START})
    first, second = (wish(lead, "advance", "sal", day=1, expected="mql", cause=f"accept:{who}") for who in ("a", "b"))
    assert move([first], now=NOW)[0].done
    (loser,) = move([second], now=NOW)
    assert not loser.done
    assert loser.problem == "The lead is at SAL by now, no longer at MQL."


@pytest.mark.django_db
def test_good_moves_land_beside_refused_ones():
    good, bad = factories.lead(), factories.lead()
    answers = move([wish(good, "advance", "mql", day=1), wish(bad, "advance", "won", day=1, cause="bad")], now=NOW)
    assert [answer.done for answer in answers] == [True, False]
    assert Lead.objects.get(pk=good.pk).stage == Stage.MQL
    assert Lead.objects.get(pk=bad.pk).stage == Stage.INQUIRY


@pytest.mark.django_db
def test_one_statement_count_for_one_lead_and_for_fifty(django_assert_num_queries, django_assert_max_num_queries):
    one = [factories.lead()]
    many = [factories.lead() for _ in range(50)]
    with django_assert_max_num_queries(30) as context:
        move([wish(lead, "advance", "mql", day=1) for lead in one], now=NOW)
    with django_assert_num_queries(len(context)):
        move([wish(lead, "advance", "mql", day=1) for lead in many], now=NOW)


@pytest.mark.django_db(transaction=True)
def test_one_cause_makes_one_event_however_many_try_at_once():
    lead = factories.lead()
    answers = []
    barrier = threading.Barrier(6)

    def attempt() -> None:
        barrier.wait()
        try:
            answers.extend(move([wish(lead, "advance", "mql", day=1, cause="activity:1")], now=NOW))
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answer.done for answer in answers) == 1
    assert sum(answer.repeated for answer in answers) == 5
    assert len({answer.event_id for answer in answers}) == 1
    assert StageEvent.objects.filter(lead=lead, to_stage="mql").count() == 1
    check_against_events(lead.pk)


@pytest.mark.django_db
def test_every_exit_closes_and_reopening_opens():
    lead = factories.lead(stages={Stage.INQUIRY: START, Stage.MQL: START})
    move([wish(lead, "recycle", day=1)], now=NOW)
    lead.refresh_from_db()
    assert (lead.exit, lead.stage, lead.closed_at) == (Exit.RECYCLED, Stage.MQL, START + timedelta(days=1))
    move([wish(lead, Kind.REOPEN, "mql", day=2)], now=NOW)
    lead.refresh_from_db()
    assert (lead.exit, lead.closed_at, lead.stage_since) == ("", None, START + timedelta(days=2))
