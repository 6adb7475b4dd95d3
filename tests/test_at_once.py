"""Touches coming in, drains and transactions that are taken back, all at the same time on connections of their own."""

import random
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, transaction

from demandcenter import pipeline
from demandcenter.pipeline import drain, sweep
from funnel import inbox
from funnel.ingest import record
from funnel.models import Activity, Inbox, Lead, Person, StageEvent
from routing.models import Assignment, Clock, ClockEvent, Seat
from scoring.models import Score
from scoring.services import rebuild, ship
from tests import factories as make
from tests.factories import NOW
from tests.loading import rows
from tests.threads import at_once

PEOPLE, TOUCHES = 12, 20  # touches a person
TYPES = ("page_visit", "pricing_visit", "webinar_attended", "whitepaper_download", "demo_request")


class TakenBack(Exception):
    """Somebody changed their mind."""


class SerializationFailure(Exception):
    pgcode = "40001"


def touches(numbers: random.Random) -> list[dict[str, Any]]:
    """Everybody's touches, shuffled; each person asks for a demo somewhere among them."""
    made = []
    for person in range(PEOPLE):
        for number in range(TOUCHES):
            type_ = "demo_request" if number == 7 else numbers.choice(TYPES)
            made.append(
                {
                    "external_id": f"{person}-{number}",
                    "email": f"p{person}@acme.example",
                    "type": type_,
                    "counts_as_response": type_ in ("demo_request", "whitepaper_download"),
                    "occurred_at": NOW - timedelta(hours=numbers.randrange(2000)),
                }
            )
    numbers.shuffle(made)
    return made


def send(all_of_them: list[dict[str, Any]], numbers: random.Random) -> None:
    """In small requests, of which some are taken back after they were written and are sent again."""
    waiting = list(all_of_them)
    while waiting:
        some = [waiting.pop() for _ in range(min(len(waiting), numbers.randrange(1, 9)))]
        try:
            with transaction.atomic():
                record(rows(*some), source="web", now=NOW)
                if numbers.random() < 0.3:
                    raise TakenBack
        except TakenBack:
            waiting += some


def keep_draining(numbers: random.Random) -> None:
    for _ in range(25):
        drain(now=NOW, limit=numbers.choice((1, 3, 500)))
        if numbers.random() < 0.2:
            sweep(now=NOW)


def drains_fail_now_and_then(monkeypatch: pytest.MonkeyPatch, numbers: random.Random) -> None:
    """After everything was done for a batch it is taken back: for the database's reasons, or for its people's."""
    act_on = pipeline.act_on

    def failing(*taken: Any, **more: Any) -> None:
        act_on(*taken, **more)
        chance = numbers.random()
        if chance < 0.15:
            raise OperationalError("could not serialize access") from SerializationFailure()
        if chance < 0.2:
            raise TakenBack

    monkeypatch.setattr(pipeline, "act_on", failing)
    monkeypatch.setattr(pipeline, "ATTEMPTS", 100)
    monkeypatch.setattr(pipeline, "HOPELESS", 1000)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_touch_counts_once_and_everybody_becomes_one_mql(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    ship(now=NOW - timedelta(days=200))
    team = make.team()
    for _ in range(3):
        make.seat(team=team)
    make.routing_policy({"team": team})
    for kind in ("accept", "hot"):
        make.promise(kind)
    all_of_them = touches(random.Random(seed))
    drains_fail_now_and_then(monkeypatch, random.Random(seed))
    at_once(
        lambda: send(all_of_them, random.Random(10 + seed)),
        lambda: send(all_of_them[::-1], random.Random(20 + seed)),
        lambda: keep_draining(random.Random(30 + seed)),
        lambda: keep_draining(random.Random(40 + seed)),
    )
    monkeypatch.undo()
    inbox.try_again(Person.objects.values_list("pk", flat=True))
    drain(now=NOW)
    assert not Inbox.objects.exists()

    everybody = set(Person.objects.values_list("pk", flat=True))
    assert (len(everybody), Activity.objects.count()) == (PEOPLE, PEOPLE * TOUCHES)
    assert sorted(Lead.objects.values_list("person", flat=True)) == sorted(everybody), "one inquiry a person"
    for stage in ("inquiry", "mql"):
        assert StageEvent.objects.filter(to_stage=stage).count() == PEOPLE
    assert StageEvent.objects.count() == 2 * PEOPLE
    assert Assignment.objects.filter(kind="assigned").count() == Assignment.objects.count() == PEOPLE
    assert sum(Seat.objects.values_list("assigned", flat=True)) == PEOPLE, "nobody was dealt a lead that went elsewhere"
    assert Clock.objects.filter(kind="accept").count() == PEOPLE
    assert ClockEvent.objects.filter(kind="started").count() == Clock.objects.count()
    scores_are_what_the_touches_say(everybody)


def scores_are_what_the_touches_say(everybody: set[int]) -> None:
    added = {score.person_id: score.acc for score in Score.objects.all()}
    assert set(added) == everybody
    rebuild(everybody)
    drain(now=NOW)
    for score in Score.objects.all():
        assert added[score.person_id] == pytest.approx(score.acc, rel=1e-9)
