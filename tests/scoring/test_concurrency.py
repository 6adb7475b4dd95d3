"""Touches that come in, are drained, voided and rebuilt from many sides at once count once each."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from funnel import inbox
from funnel.models import Activity, Inbox
from scoring import services
from scoring.engine import apply
from scoring.models import Score
from tests import factories
from tests.scoring.models import Model, touch_rule
from tests.waiting import PATIENCE

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PEOPLE, ROUNDS = 6, 25


class Giveup(Exception):
    """A process dies in the middle of its transaction."""


def drain(dice: random.Random) -> int:
    """One batch of the pipeline, which now and then fails at its end."""
    with transaction.atomic():
        taken = inbox.take(limit=dice.choice([1, 3, 500]), now=NOW)
        apply(taken, now=NOW)
        if dice.random() < 0.2:
            raise Giveup
    return len(taken)


def ingest(dice: random.Random, people: list[int]) -> None:
    with transaction.atomic():
        for person in dice.sample(people, 2):
            touch = factories.touch(person_id=person, type=dice.choice(["visit", "download"]), occurred_at=NOW)
            inbox.add("activity", [(person, touch.pk)])
        if dice.random() < 0.2:
            raise Giveup


def correct(dice: random.Random, people: list[int]) -> None:
    """Void a touch, or give it to somebody else, or only ask for a rebuild."""
    with transaction.atomic():
        touch = Activity.objects.filter(voided_at=None, person__isnull=False).order_by("?").first()
        whom = dice.choice(people)
        if touch is not None and touch.person_id is not None and dice.random() < 0.7:
            changes = {"voided_at": NOW} if dice.random() < 0.3 else {"person_id": whom}
            Activity.objects.filter(pk=touch.pk).update(**changes)
            services.rebuild([touch.person_id, whom])
        else:
            services.rebuild([whom])
        if dice.random() < 0.2:
            raise Giveup


def run(work: Callable[..., object], seed: int, problems: list[Exception], *arguments: object) -> None:
    dice = random.Random(seed)
    try:
        for _ in range(ROUNDS):
            with suppress(Giveup):  # its transaction is gone; somebody else goes on
                work(dice, *arguments)
    except Exception as problem:
        problems.append(problem)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_every_touch_counts_once_whoever_works_meanwhile():
    Model(landmark=NOW).interest("all").interest("some").rule(touch_rule("all", "visit", 1)).rule(
        touch_rule("some", "download", 1, per_day=5)
    ).active()
    people = [factories.person().pk for _ in range(PEOPLE)]
    problems: list[Exception] = []
    threads = [
        threading.Thread(target=run, args=(work, seed, problems, *arguments))
        for seed, (work, *arguments) in enumerate(
            [(ingest, people), (ingest, people), (correct, people), (drain,), (drain,), (drain,)]
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not problems and not any(thread.is_alive() for thread in threads)
    while Inbox.objects.exists():
        with transaction.atomic():
            apply(inbox.take(limit=500, now=NOW), now=NOW)
    standing = Activity.objects.filter(voided_at=None)
    assert standing.count() > ROUNDS
    assert Score.objects.count() == PEOPLE
    for person in people:
        mine = standing.filter(person_id=person)
        expected = [mine.filter(type="visit").count(), min(5, mine.filter(type="download").count())]
        assert Score.objects.get(person_id=person).acc == expected
