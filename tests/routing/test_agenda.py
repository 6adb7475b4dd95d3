"""Dates of leads: the next one, tasks that are done, skipped and put off, snoozes, and answers that wait."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.utils import InternalError
from django.test.utils import CaptureQueriesContext

from funnel.access import Role
from routing.acts.doing import Invalid, NotAllowed, Refused
from routing.cadences import replies
from routing.day import agenda, snoozes, work
from routing.day.work import Wanted
from routing.models import Snooze, Task, TaskEvent
from tests import factories as make
from tests.routing.waiting_rooms import clock

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = make.NOW + 2 * HOUR


@pytest.fixture
def jonas():
    return make.user(Role.SDR, team=make.team(), first_name="Jonas")


@pytest.fixture
def lead(jonas):
    return make.lead(stages={"mql": make.NOW, "sal": make.NOW + HOUR}, owner=jonas.rep)


def task(lead, due=NOW, kind="next", cause="test:1") -> Task:
    (pk,) = work.make([Wanted(lead_id=lead.pk, kind=kind, due_at=due, cause=cause)], actor_id=None, now=NOW)
    return Task.objects.get(pk=pk)


def facts(made: Task) -> list[str]:
    return list(made.events.order_by("id").values_list("kind", flat=True))


# --- One writer, with facts -----------------------------------------------------------------------


def test_a_task_is_made_once_a_cause_and_each_change_is_a_fact(lead, jonas):
    made = task(lead)
    again = Wanted(lead_id=lead.pk, kind="next", due_at=NOW, cause="test:1")
    assert work.make([again], actor_id=None, now=NOW) == []
    work.put_off({made.pk: NOW + DAY}, cause="a", actor_id=jonas.pk, now=NOW)
    work.close([made.pk], state="done", cause="b", actor_id=jonas.pk, now=NOW)
    assert work.close([made.pk], state="skipped", cause="c", actor_id=jonas.pk, now=NOW) == []  # somebody was faster
    work.reopen([made.pk], cause="d", actor_id=jonas.pk, now=NOW)
    made.refresh_from_db()
    assert (made.state, made.due_at, made.shown_at) == ("open", NOW, NOW + DAY)
    assert facts(made) == ["made", "put_off", "done", "reopened"]


def test_the_database_refuses_to_change_a_fact(lead):
    event = task(lead).events.get()
    event.cause = "other"
    with pytest.raises(InternalError):
        event.save()


def test_a_thousand_tasks_cost_the_statements_of_one(jonas):
    leads = [make.lead(stages={"sal": make.NOW}, owner=jonas.rep) for _ in range(12)]

    def statements(some) -> int:
        with CaptureQueriesContext(connection) as captured:
            ids = work.make(
                [Wanted(lead_id=one.pk, kind="next", due_at=NOW, cause=f"n:{len(some)}") for one in some],
                actor_id=None, now=NOW,
            )  # fmt: skip
            work.put_off(dict.fromkeys(ids, NOW + DAY), cause="x", actor_id=None, now=NOW)
            work.close(ids, state="done", cause="y", actor_id=None, now=NOW)
        assert len(ids) == len(some)
        return len(captured)

    assert statements(leads[:1]) == statements(leads[1:]) == 3


# --- What people do -------------------------------------------------------------------------------


def test_a_next_date_is_set_moved_cleared_and_taken_back(lead, jonas):
    first = agenda.plan(lead.pk, next_at=NOW + DAY, text="Call after the fair", user=jonas, now=NOW)
    assert first.stays and lead.notes.get().text == "Call after the fair"
    second = agenda.plan(lead.pk, next_at=NOW + 2 * DAY, user=jonas, now=NOW + HOUR / 60)
    assert Task.objects.get(lead=lead, state="open").shown_at == NOW + 2 * DAY
    agenda.take_back(lead.pk, cause=second.work, user=jonas, now=NOW + HOUR / 30)
    assert Task.objects.get(lead=lead, state="open").shown_at == NOW + DAY
    agenda.plan(lead.pk, next_at=None, user=jonas, now=NOW + HOUR / 20)
    assert not Task.objects.filter(lead=lead, state="open").exists()


def test_a_task_is_done_or_skipped_once_and_taken_back(lead, jonas):
    made = task(lead)
    done = agenda.finish(made.pk, user=jonas, now=NOW)
    with pytest.raises(Refused, match="done already"):
        agenda.finish(made.pk, skipped=True, user=jonas, now=NOW)
    agenda.take_back(lead.pk, cause=done.work, user=jonas, now=NOW + HOUR / 12)
    agenda.finish(made.pk, skipped=True, user=jonas, now=NOW + HOUR / 10)
    assert facts(made) == ["made", "done", "reopened", "skipped"]


def test_putting_off_keeps_when_it_was_due_and_is_taken_back(lead, jonas):
    made = task(lead)
    put_off = agenda.put_off(made.pk, until=NOW + DAY, user=jonas, now=NOW)
    made.refresh_from_db()
    assert (made.due_at, made.shown_at) == (NOW, NOW + DAY)
    agenda.take_back(lead.pk, cause=put_off.work, user=jonas, now=NOW)
    made.refresh_from_db()
    assert made.shown_at == NOW
    with pytest.raises(Invalid, match="lies ahead"):
        agenda.put_off(made.pk, until=NOW - HOUR, user=jonas, now=NOW)


def test_others_do_not_touch_it(lead):
    made, other = task(lead), make.user(Role.SDR, team=make.team())
    for act in (
        lambda: agenda.finish(made.pk, user=other, now=NOW),
        lambda: agenda.plan(lead.pk, next_at=NOW + DAY, user=other, now=NOW),
        lambda: snoozes.snooze(lead.pk, until=NOW + DAY, user=other, now=NOW),
    ):
        with pytest.raises(Refused):
            act()
    with pytest.raises(NotAllowed):
        agenda.take_back(lead.pk, cause="user:0:plan:1", user=other, now=NOW)


# --- Snoozes --------------------------------------------------------------------------------------


def test_a_snooze_ends_by_itself_by_hand_or_by_another(lead, jonas):
    done = snoozes.snooze(lead.pk, until=NOW + DAY, user=jonas, now=NOW)
    again = snoozes.snooze(lead.pk, until=NOW + 2 * DAY, user=jonas, now=NOW + HOUR)
    snoozes.wake(again.snooze_id, user=jonas, now=NOW + 2 * HOUR)
    snoozes.wake(again.snooze_id, user=jonas, now=NOW + 3 * HOUR)
    ended = dict(Snooze.objects.values_list("pk", "ended_at"))
    assert ended == {done.snooze_id: NOW + HOUR, again.snooze_id: NOW + 2 * HOUR}


def test_a_clock_ends_the_snooze_before_it_runs_out_and_a_hot_lead_cannot_wait(jonas):
    lead = make.lead(stages={"mql": make.NOW}, owner=jonas.rep)
    running = clock(lead, due=NOW + 5 * HOUR)  # warns at four fifths of nine hours
    done = snoozes.snooze(lead.pk, until=NOW + DAY, user=jonas, now=NOW)
    assert Snooze.objects.get().until == running.warn_at and "about to run out" in done.sentence
    with pytest.raises(Refused, match="runs out soon"):
        snoozes.snooze(lead.pk, until=NOW + DAY, user=jonas, now=running.warn_at)
    clock(lead, due=NOW + HOUR, kind="hot")
    with pytest.raises(Refused, match="hot lead cannot be snoozed"):
        snoozes.snooze(lead.pk, until=NOW + DAY, user=jonas, now=NOW)
    with pytest.raises(Invalid, match="at most 90 days"):
        snoozes.snooze(lead.pk, until=NOW + 100 * DAY, user=jonas, now=NOW)


# --- Answers that wait ----------------------------------------------------------------------------


def test_what_they_write_waits_until_one_of_us_is_in_touch(lead):
    wrote = make.touch(person=lead.person, type="email_reply", occurred_at=NOW)
    replies.follow([wrote.pk], now=NOW)
    replies.follow([wrote.pk], now=NOW)  # a second time changes nothing
    waiting = Task.objects.get(lead=lead)
    assert (waiting.kind, waiting.due_at, waiting.cause) == ("reply", NOW, f"activity:{wrote.pk}")
    answer = make.touch(person=lead.person, type="call", direction="out", occurred_at=NOW + HOUR)
    replies.follow([answer.pk], now=NOW + HOUR)
    waiting.refresh_from_db()
    assert waiting.state == "done"
    assert TaskEvent.objects.filter(task=waiting).count() == 2


@pytest.mark.parametrize(
    "about",
    [
        {"automatic": True},
        {"type": "page_visit"},
        {"direction": "out", "type": "email_sent"},
        {"voided_at": NOW},
    ],
)
def test_what_is_no_answer_of_a_human_makes_no_task(lead, about):
    touch = make.touch(person=lead.person, **({"type": "email_reply", "occurred_at": NOW} | about))
    replies.follow([touch.pk], now=NOW)
    assert not Task.objects.exists()


def test_an_answer_that_was_answered_before_we_heard_of_it_makes_no_task(lead):
    wrote = make.touch(person=lead.person, type="email_reply", occurred_at=NOW - HOUR)
    make.touch(person=lead.person, type="email_sent", direction="out", occurred_at=NOW)
    replies.follow([wrote.pk], now=NOW)
    assert not Task.objects.exists()


def test_who_is_not_in_work_makes_no_task():
    lead = make.lead(stages={"mql": make.NOW}, owner=make.rep())
    wrote = make.touch(person=lead.person, type="email_reply", occurred_at=NOW)
    replies.follow([wrote.pk], now=NOW)
    assert not Task.objects.exists()  # the queue and its clock have that lead
