"""What waits for the pipeline: taken once, in order, past people whom somebody else holds and past what failed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from redis import Redis

from funnel import hints, inbox
from funnel.inbox import Taken
from funnel.models import Inbox, Person
from tests.factories import NOW, person
from tests.waiting import PATIENCE

Cause, Rank = Inbox.Cause, Inbox.Rank


def people(count: int) -> list[int]:
    return [person().pk for _ in range(count)]


def take(limit: int = 100, *, now=NOW) -> list[Taken]:
    with transaction.atomic():
        return inbox.take(limit=limit, now=now)


@contextmanager
def held_by_somebody_else(person_ids: list[int]) -> Iterator[None]:
    """Another connection holds these people, as an import does for the length of a chunk."""
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(Person.objects.select_for_update(no_key=True).filter(pk__in=person_ids))
            taken.set()
            done.wait(PATIENCE)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert taken.wait(PATIENCE)
        yield
    finally:
        done.set()
        holder.join(PATIENCE)


@pytest.mark.django_db
def test_what_came_first_is_taken_first_with_all_that_waits_of_the_person() -> None:
    first, second, third = people(3)
    inbox.add(Cause.PERSON, [(second, second)])
    inbox.add(Cause.ACTIVITY, [(first, 11), (second, 12), (third, 13)])
    assert take(2) == [Taken(second, "person", second), Taken(first, "activity", 11), Taken(second, "activity", 12)]
    assert take(2) == [Taken(third, "activity", 13)]
    assert take(2) == []
    assert not Inbox.objects.exists()


@pytest.mark.django_db
def test_somebody_waiting_goes_before_work_in_bulk() -> None:
    loaded, waiting = people(2)
    inbox.add(Cause.LOADED, [(loaded, None)], rank=Rank.BULK)
    inbox.add(Cause.ACTIVITY, [(waiting, 1)])
    assert [row.person_id for row in take(1)] == [waiting]
    assert [row.person_id for row in take(1)] == [loaded]


@pytest.mark.django_db
def test_who_waits_now_does_not_share_a_batch_with_work_in_bulk() -> None:
    *loaded, waiting = people(5)
    inbox.add(Cause.LOADED, [(pk, None) for pk in loaded], rank=Rank.BULK)
    inbox.add(Cause.ACTIVITY, [(waiting, 1)])
    assert [row.person_id for row in take(3)] == [waiting]
    assert [row.person_id for row in take(3)] == loaded[:3]


@pytest.mark.django_db(transaction=True)
def test_people_whom_somebody_holds_are_passed_over_and_keep_their_rows() -> None:
    everybody = people(40)
    inbox.add(Cause.ACTIVITY, [(pk, pk) for pk in everybody])
    with held_by_somebody_else(everybody[:35]):
        assert [row.person_id for row in take(2)] == everybody[35:37]
        assert [row.person_id for row in take(100)] == everybody[37:]
        assert take() == []
    assert [row.person_id for row in take()] == everybody[:35]


@pytest.mark.django_db
def test_who_comes_too_late_for_the_first_rows_goes_on_to_those_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = people(4)
    inbox.add(Cause.ACTIVITY, [(pk, pk) for pk in everybody])
    hold = inbox._hold_waiting

    def slowly(rank: int, limit: int) -> list[int]:
        held = hold(rank, limit)
        Inbox.objects.filter(person__in=everybody[:2]).delete()  # worked by somebody else since we looked
        return held

    monkeypatch.setattr(inbox, "_hold_waiting", slowly)
    assert [row.person_id for row in take(2)] == everybody[2:]


@pytest.mark.django_db(transaction=True)
def test_what_is_taken_and_rolled_back_is_there_again() -> None:
    (one,) = people(1)
    inbox.add(Cause.ACTIVITY, [(one, 1)])
    with transaction.atomic():
        assert inbox.take(limit=10, now=NOW)
        transaction.set_rollback(True)
    assert take() == [Taken(one, "activity", 1)]


@pytest.mark.django_db
def test_who_could_not_be_worked_waits_longer_each_time_and_holds_up_nobody() -> None:
    poison, other = people(2)
    inbox.add(Cause.ACTIVITY, [(poison, 1)])
    pauses, now = [], NOW
    for attempt in range(1, 12):
        inbox.postpone(poison, problem=f"Attempt {attempt} failed.", now=now)
        row = Inbox.objects.get(person=poison)
        assert row.not_before is not None
        assert (row.attempts, row.problem) == (attempt, f"Attempt {attempt} failed.")
        pauses.append((row.not_before - now).total_seconds())
        now = row.not_before
    assert pauses[:4] == [60, 120, 240, 480]
    assert pauses[-1] == inbox.LONGEST_PAUSE

    inbox.add(Cause.ACTIVITY, [(other, 2)])
    assert take(now=now - timedelta(seconds=1)) == [Taken(other, "activity", 2)]
    assert take(now=now - timedelta(seconds=1)) == []
    inbox.add(Cause.ACTIVITY, [(other, 3)])
    assert take(now=now) == [Taken(other, "activity", 3)], "who waits for the first time goes first"
    assert take(now=now) == [Taken(poison, "activity", 1)]


@pytest.mark.django_db
def test_news_of_somebody_who_waits_for_another_attempt_is_not_held_back() -> None:
    (poison,) = people(1)
    inbox.add(Cause.ACTIVITY, [(poison, 1)])
    inbox.postpone(poison, problem="It failed.", now=NOW)
    inbox.add(Cause.ACTIVITY, [(poison, 2)])
    assert take() == [Taken(poison, "activity", 2)]


@pytest.mark.django_db
def test_a_batch_reads_its_own_rows_of_a_hundred_thousand_and_passes_no_failed_ones() -> None:
    everybody = people(20)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO funnel_inbox (person_id, cause, rank, not_before) "
            "SELECT (%s::bigint[])[1 + n %% 20], 'activity', n %% 2, CASE WHEN n <= 50000 THEN %s::timestamptz END "
            "FROM generate_series(1, 100000) n",
            [everybody, NOW + timedelta(days=1)],
        )
        cursor.execute("ANALYZE funnel_inbox")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {inbox._READY}", [Rank.NOW.value, 0, 500])
        (plan,) = cursor.fetchone()
    node = plan[0]["Plan"]["Plans"][0]
    assert (node["Node Type"], node["Index Name"], node["Actual Rows"]) == ("Index Scan", "inbox_ready", 500)
    assert node.get("Rows Removed by Filter", 0) == 0


def test_a_burst_of_facts_sends_one_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(hints, "_sent", {})
    monkeypatch.setattr(hints, "_broken_until", 0.0)
    monkeypatch.setattr(hints.current_app, "send_task", lambda task, *_args, **_more: sent.append(task))
    monkeypatch.setattr(hints.transaction, "on_commit", lambda function, robust: function())
    for _ in range(20):
        hints.look(inbox.DRAIN, pause=30)
        hints.look("funnel.tasks.run_import", 7)
    assert sent.count(inbox.DRAIN) == 1
    assert sent.count("funnel.tasks.run_import") == 20


def test_a_hint_gets_through_after_the_broker_has_cut_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints.transaction, "on_commit", lambda function, robust: function())
    monkeypatch.setattr(hints, "_broken_until", 0.0)
    monkeypatch.setattr(hints, "_line", hints._Line())
    queue = settings.CELERY_TASK_DEFAULT_QUEUE
    with Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete(queue)
        hints.look("nobody.listens")
        assert hints._line.connection is not None
        before = hints._line.connection
        hints.look("nobody.listens")
        assert hints._line.connection is before, "one connection serves many hints"
        number = str(broker.connection_pool.connection_kwargs["db"])
        senders = [one["addr"] for one in broker.client_list() if one["db"] == number and one["cmd"] == "lpush"]
        assert senders and all(broker.client_kill(address) for address in senders)
        hints.look("nobody.listens")
        assert broker.llen(queue) == 3
        broker.delete(queue)


@pytest.mark.django_db
def test_a_batch_may_be_of_certain_people_only() -> None:
    first, second = people(2)
    inbox.add(Cause.ACTIVITY, [(first, 1), (second, 2), (second, 3)])
    with transaction.atomic():
        assert [row.object_id for row in inbox.take(limit=1, now=NOW, among=[second])] == [2, 3]
    assert take() == [Taken(first, "activity", 1)]


@pytest.mark.django_db
def test_operators_see_what_waits_and_let_what_failed_be_tried_again() -> None:
    assert inbox.backlog() == inbox.Backlog(rows=0, since=None, people=0, problem="", failed_since=None)
    poison, other = people(2)
    inbox.add(Cause.ACTIVITY, [(poison, 1), (poison, 2)])
    inbox.postpone(poison, problem="It failed.", now=NOW)
    inbox.add(Cause.ACTIVITY, [(other, 3)])
    inbox.add(Cause.LOADED, [(other, None)], rank=Rank.BULK)
    seen = inbox.backlog()
    assert (seen.rows, seen.people, seen.problem) == (2, 1, "It failed.")
    assert seen.since == Inbox.objects.get(object_id=3).recorded_at
    assert seen.failed_since == Inbox.objects.get(object_id=1).recorded_at

    assert inbox.try_again([poison, other]) == 2
    assert [row.object_id for row in take()] == [1, 2, 3, None]
