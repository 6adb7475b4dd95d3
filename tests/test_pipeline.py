"""The drain: everything that waits is worked once, and whoever cannot be worked holds up nobody else."""

from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError

from demandcenter import pipeline, tasks
from demandcenter.celery import app
from demandcenter.pipeline import drain, sweep
from demandcenter.processes import QUEUES
from funnel import hints, inbox
from funnel.inbox import Taken
from funnel.ingest import record
from funnel.models import Inbox, Lead, Person, StageEvent
from routing.messages import outbox
from routing.models import Assignment, Clock, ClockEvent, Notice
from scoring import hands
from scoring.models import Score
from scoring.services import ship
from tests import factories as make
from tests.factories import NOW
from tests.loading import rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def floor() -> None:
    """A model that decides, an SDR with a seat, a policy that deals to them, and the promises."""
    ship(now=NOW - timedelta(days=1))
    team = make.team(name="Inbound")
    make.seat(make.rep(team=team, user=make.user("SDR", username="sam"), name="Sam"))
    make.routing_policy({"team": team})


def touch(key: str, who: str, type_: str = "demo_request", **more: object) -> dict:
    said = {"external_id": key, "email": f"{who}@acme.example", "type": type_, "occurred_at": NOW}
    return said | {"counts_as_response": True} | more


def come_in(*touches: dict) -> None:
    outcomes = record(rows(*touches), source="web", now=NOW)
    assert {outcome.status for outcome in outcomes} == {"created"}, outcomes


def poisoned(monkeypatch: pytest.MonkeyPatch, *names: str, error: Exception | None = None) -> None:
    """Let the pipeline fail on these people, after it has done everything for them."""
    act_on = pipeline.act_on

    def failing(taken: Sequence[Taken], *more: Any, **others: Any) -> None:
        act_on(taken, *more, **others)
        emails = [f"{name}@acme.example" for name in names]
        if Person.objects.filter(email__in=emails, pk__in={row.person_id for row in taken}).exists():
            raise error or ZeroDivisionError("by nought")

    monkeypatch.setattr(pipeline, "act_on", failing)


def events() -> list[tuple[str, str]]:
    found = StageEvent.objects.order_by("id").values_list("lead__person__email", "to_stage")
    return [(email.partition("@")[0], stage) for email, stage in found]


def test_one_drain_makes_of_a_demo_request_an_mql_with_an_owner_and_its_clocks() -> None:
    come_in(touch("1", "ann"))
    assert drain(now=NOW) == 1
    lead = Lead.objects.get()
    assert (lead.stage, lead.owner.name) == ("mql", "Sam")
    assert events() == [("ann", "inquiry"), ("ann", "mql")]
    assert Score.objects.get().person_id == lead.person_id
    assert Assignment.objects.get().cause == f"stage_event:{StageEvent.objects.get(to_stage='mql').pk}"
    assert sorted(Clock.objects.values_list("kind", flat=True)) == ["accept", "hot"]
    assert not Inbox.objects.exists()
    assert drain(now=NOW) == 0


def test_a_drain_sends_hints_to_others_but_none_to_itself(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(hints, "_send", lambda task, _arguments, _pause: sent.append(task))
    make.promises("hot")
    with django_capture_on_commit_callbacks(execute=True):
        come_in(touch("1", "ann"))
    assert set(sent) == {inbox.DRAIN}
    sent.clear()
    with django_capture_on_commit_callbacks(execute=True):
        drain(now=NOW)
    assert sent == [outbox.DELIVER], "the MQL it made is a row in the inbox that it takes itself"


def visits(count: int) -> list[dict]:
    """Touches of so many people that raise no hand."""
    return [touch(f"visit-{n}", f"visitor-{n}", "page_visit", counts_as_response=False) for n in range(count)]


def test_a_raised_hand_goes_before_thousands_of_others_with_its_owner_clock_and_notice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(hints, "look", lambda task, **_more: sent.append(task))
    make.promises("accept", "hot")
    for start in range(0, 2000, 500):
        come_in(*visits(2000)[start : start + 500])
    come_in(touch("hand", "ann"), touch("other", "bob", "page_visit", counts_as_response=False))
    assert drain(now=NOW, limit=100, most=1) == 101  # one batch of hands, and one of the others
    lead = Lead.objects.get(person__email="ann@acme.example")
    assert (lead.stage, lead.owner.name) == ("mql", "Sam")
    assert sorted(lead.clocks.values_list("kind", flat=True)) == ["accept", "hot"]
    assert set(Notice.objects.filter(lead=lead).values_list("kind", flat=True)) == {"assigned", "hot"}
    assert outbox.DELIVER in sent
    assert Inbox.objects.values("person").distinct().count() == 1901


def test_raised_hands_and_others_are_worked_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MANY", 0)
    come_in(*visits(30))
    come_in(*(touch(f"hand-{n}", f"hand-{n}") for n in range(30)))
    drain(now=NOW, limit=10, most=1)
    emails = Inbox.objects.values_list("person__email", flat=True)
    left = {name: len({email for email in emails if email.startswith(name)}) for name in ("hand", "visitor")}
    assert left["hand"] == 20 and 0 < left["visitor"] < 30
    drain(now=NOW)
    assert Lead.objects.count() == 30 and not Inbox.objects.exists()


def test_a_version_that_cannot_be_asked_keeps_no_touch_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MANY", 0)
    monkeypatch.setattr(hands, "_statement", lambda _policy: "SELECT 1 / 0")
    come_in(*visits(3))
    come_in(touch("hand", "ann"))
    assert set(Inbox.objects.values_list("rank", flat=True)) == {Inbox.Rank.NOW}


def test_what_is_loaded_as_history_is_scored_and_decided_about_by_nobody() -> None:
    make.touch(person=make.person(), type="demo_request", counts_as_response=True)
    inbox.add(Inbox.Cause.LOADED, [(Person.objects.get().pk, None)], rank=Inbox.Rank.BULK)
    assert drain(now=NOW) == 1
    assert Score.objects.exists() and not Lead.objects.exists()


@pytest.mark.parametrize("poison", [["p0"], ["p17"], ["p3", "p4"], ["p0", "p9", "p17"]])
def test_whoever_makes_a_batch_fail_is_postponed_alone(monkeypatch: pytest.MonkeyPatch, poison: list[str]) -> None:
    everybody = [f"p{number}" for number in range(18)]
    come_in(*(touch(name, name) for name in everybody))
    poisoned(monkeypatch, *poison)
    assert drain(now=NOW) == 18

    good = set(everybody) - set(poison)
    assert {name for name, stage in events() if stage == "mql"} == good
    assert len(events()) == 2 * len(good)
    assert Assignment.objects.count() == len(good)
    waiting = Inbox.objects.values_list("person__email", "attempts", "problem", "not_before").distinct()
    assert {(email.partition("@")[0], *rest) for email, *rest in waiting} == {
        (name, 1, "ZeroDivisionError: by nought", NOW + timedelta(minutes=1)) for name in poison
    }
    assert not StageEvent.objects.filter(lead__person__email__startswith=f"{poison[0]}@").exists()

    assert drain(now=NOW) == 0, "nobody is tried again before the pause is over"
    monkeypatch.undo()
    assert drain(now=NOW + timedelta(minutes=2)) == len(poison)
    assert {name for name, stage in events() if stage == "mql"} == set(everybody)
    assert not Inbox.objects.exists()


def test_a_poison_person_costs_no_more_batches_than_halving_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    come_in(*(touch(f"p{number}", f"p{number}") for number in range(64)))
    poisoned(monkeypatch, "p40")
    batches: list[object] = []
    work_batch = pipeline.work_batch

    def counted(**what: object) -> object:
        batches.append(what)
        return work_batch(**what)

    monkeypatch.setattr(pipeline, "work_batch", counted)
    drain(now=NOW)
    looks = 2 * 2  # for raised hands and for others, at the beginning and at the end
    assert len(batches) <= looks + 2 * 6


def test_where_everybody_fails_the_drain_says_so_and_leaves_the_others_in_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [f"p{number}" for number in range(40)]
    come_in(*(touch(name, name) for name in names))
    poisoned(monkeypatch, *names)
    with pytest.raises(ZeroDivisionError):
        drain(now=NOW)
    postponed = Inbox.objects.filter(not_before__isnull=False).values("person").distinct().count()
    assert postponed == pipeline.HOPELESS
    assert Inbox.objects.filter(not_before=None).values("person").distinct().count() == 30


def test_what_lies_at_the_database_postpones_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    come_in(touch("1", "ann"))
    poisoned(monkeypatch, "ann", error=OperationalError("server closed the connection unexpectedly"))
    with pytest.raises(OperationalError):
        drain(now=NOW)
    assert not Inbox.objects.filter(not_before__isnull=False).exists()


def test_a_deadlock_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deadlock(Exception):
        pgcode = "40P01"

    come_in(touch("1", "ann"))
    error = OperationalError("deadlock detected")
    error.__cause__ = Deadlock()
    work_batch, attempts = pipeline.work_batch, []

    def unlucky(**what: object) -> object:
        attempts.append(what)
        if len(attempts) < 3:
            raise error
        return work_batch(**what)

    monkeypatch.setattr(pipeline, "work_batch", unlucky)
    assert drain(now=NOW) == 1
    assert events() == [("ann", "inquiry"), ("ann", "mql")]


def test_problems_are_told_without_the_values_of_rows() -> None:
    ann = make.person(email="ann@acme.example")
    try:
        Person.objects.create(email=ann.email)
    except DatabaseError as error:
        assert "ann@" in str(error)
        assert pipeline.problem_of(error).startswith("IntegrityError: duplicate key value violates unique constraint")
        assert "ann@" not in pipeline.problem_of(error)
    else:
        pytest.fail("the e-mail is unique")


def test_the_sweep_comes_after_the_drain_so_that_a_decision_in_time_is_no_breach() -> None:
    come_in(touch("1", "ann"))
    drain(now=NOW)
    clock = Clock.objects.get(kind="accept")
    late = clock.due_at + timedelta(hours=1)
    assert sweep(now=late) > 0
    assert ClockEvent.objects.filter(kind="breached", occurred_at=clock.due_at).count() == 1
    assert sweep(now=late) == 0, "a second sweep finds nothing left to tell"


def test_a_review_that_fails_is_left_to_the_inbox_and_stops_no_other_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    come_in(touch("1", "ann"))
    drain(now=NOW)
    late = NOW + timedelta(days=60)
    assert Score.objects.filter(next_review_at__lte=late).exists()

    def fail(**_: object) -> list:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(pipeline.engine, "review", fail)
    sweep(now=late)
    assert ClockEvent.objects.filter(kind="breached").count() == 2
    assert not Score.objects.filter(next_review_at__lte=late).exists()
    assert Inbox.objects.values_list("person", "problem").get() == (
        Person.objects.get().pk,
        "ZeroDivisionError: by nought",
    )
    later = late + timedelta(minutes=2)
    drain(now=later)
    assert Score.objects.get().scored_at == later
    assert not Inbox.objects.exists()


def test_a_clock_that_fails_is_looked_at_again_later_and_stops_no_other_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    come_in(touch("1", "ann"))
    drain(now=NOW)
    late = NOW + timedelta(days=60)

    def fail(**_: object) -> int:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(pipeline.ladder, "sweep", fail)
    sweep(now=late)
    assert set(Clock.objects.values_list("next_at", flat=True)) == {late + pipeline.LATER}
    assert Score.objects.get().scored_at == late
    assert Inbox.objects.filter(problem="ZeroDivisionError: by nought").count() == 2

    monkeypatch.undo()
    sweep(now=late + timedelta(hours=2))
    assert ClockEvent.objects.filter(kind="breached").count() == 2
    assert not Inbox.objects.exists()


def test_a_revisit_that_fails_is_tried_again_the_next_day(monkeypatch: pytest.MonkeyPatch) -> None:
    ann = make.person()
    lead = make.leave(make.mql(person=ann), "recycle", at=NOW)
    Lead.objects.filter(pk=lead.pk).update(revisit_on=NOW.date() + timedelta(days=5), recorded_at=NOW)
    drain(now=NOW)
    day = NOW + timedelta(days=5)

    def fail(*_: object, **__: object) -> dict:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(pipeline.qualifying, "open_again", fail)
    sweep(now=day)
    assert Lead.objects.count() == 1
    assert Inbox.objects.filter(person=ann, problem="ZeroDivisionError: by nought").exists()
    monkeypatch.undo()
    assert sweep(now=day + timedelta(hours=1)) == 0
    sweep(now=day + timedelta(days=1))
    again = Lead.objects.get(number=2)
    assert (again.stage, again.owner.name) == ("mql", "Sam")


def test_a_task_that_runs_out_of_time_asks_for_another_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tasks, "hints", SimpleNamespace(look=asked.append))
    come_in(touch("1", "ann"))
    tasks.drain()
    assert not Inbox.objects.exists() and not asked
    monkeypatch.setattr(tasks, "TURN", 0.0)
    come_in(touch("2", "bob"))
    tasks.drain()
    assert asked == [inbox.DRAIN]


def test_beat_looks_at_everything_that_a_hint_may_have_missed() -> None:
    """The schedule names tasks that there are, each in a queue that the workers serve."""
    app.loader.import_default_modules()
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks, entry
        assert app.amqp.router.route({}, entry["task"])["queue"].name in QUEUES
    assert app.conf.beat_schedule["drain"]["schedule"] <= 1.0, "p95 from touch to queue stays below 2 s without hints"
