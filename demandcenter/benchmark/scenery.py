"""What every area works with: a filled database under the shipped scoring model, and rows that come in."""

import itertools
import multiprocessing
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from typing import Any

from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils import timezone

from demandcenter import pipeline
from demandcenter.benchmark import population
from demandcenter.benchmark.measuring import Effort, at_once
from demandcenter.benchmark.population import CHANNELS, PEOPLE_EACH, REGIONS, SOLUTIONS, SOURCE, TOUCHES, Company
from demandcenter.processes import CONCURRENCY
from funnel import inbox
from funnel.memory import settle
from funnel.models import Inbox, Person
from funnel.tokens import create_token
from scoring import services
from scoring.models import ScoringModel

OPEN_MQLS = 5_000
LOOK_AGAIN = 0.01  # seconds


@dataclass(slots=True)
class Scenery:
    """A database of so many leads. `people` of them are there so far; keys of rows that come in count on."""

    leads: int
    company: Company
    people: int = 0
    active: int = 1_000_000_000  # only so many of them do anything
    _keys: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def effort(self) -> Effort:
        return Effort(self.leads)

    @property
    def mql_every(self) -> int:
        """One lead in so many is an open MQL: 5,000 of them, or one in ten of a small database."""
        return max(10, self.leads // OPEN_MQLS)

    def grow(self, want: int) -> None:
        """Have so many people, rounded up to whole companies."""
        want = -(-want // PEOPLE_EACH) * PEOPLE_EACH
        population.grow(self.company, have=self.people, want=want, mql_every=self.mql_every, now=timezone.now())
        self.people = want

    def touches(self, count: int) -> list[dict[str, Any]]:
        """New touches of people who are there, each of another person as far as they reach: what an API is sent."""
        return [self._touch(next(self._keys)) for _ in range(count)]

    def _touch(self, key: int) -> dict[str, Any]:
        person = key * 7919 % min(self.people, self.active) + 1
        kind, response = TOUCHES[key // 7 % len(TOUCHES)]  # mixed as in the past, whoever it is of
        return {
            "external_id": f"new-{key}",
            "email": f"person{person}@company{(person - 1) // PEOPLE_EACH + 1}.example",
            "type": kind,
            "counts_as_response": response,
            "channel": CHANNELS[key % len(CHANNELS)],
            "content": f"Guide {key % 20}",
            "solution": SOLUTIONS[person % len(SOLUTIONS)] if response else None,  # what this person is after
            "occurred_at": _moment(key),
            "source": SOURCE,
        }

    def newcomers(self, count: int) -> list[dict[str, Any]]:
        """Leads of people whom nobody knows yet, at companies that are there."""
        return [self._newcomer(next(self._keys)) for _ in range(count)]

    def _newcomer(self, key: int) -> dict[str, Any]:
        company = key * 7919 % (self.people // PEOPLE_EACH) + 1
        return {
            "external_id": f"newcomer-{key}",
            "email": f"newcomer{key}@company{company}.example",
            "first_name": "Kim",
            "last_name": f"Newcomer {key}",
            "title": population.TITLES[key % len(population.TITLES)],
            "channel": CHANNELS[key % len(CHANNELS)],
            "content": f"Guide {key % 20}",
            "solution": SOLUTIONS[key % len(SOLUTIONS)],
            "region": REGIONS[key % len(REGIONS)],
            "inquiry_at": _moment(key),
            "source": SOURCE,
        }


def set_up(leads: int, *, people: int | None = None) -> Scenery:
    """A company with so many leads, or with `people` of them to begin with; the shipped scoring model decides."""
    scenery = Scenery(leads, population.found_company())
    services.ship(now=timezone.now())
    scenery.grow(people or leads)
    return scenery


def score(people: int) -> None:
    """Score the first so many people under the version that decides."""
    score_of(Person.objects.filter(pk__lte=people).order_by("pk").values_list("pk", flat=True))


def score_of(person_ids: Iterable[int]) -> None:
    """Score these people under the version that decides."""
    model = ScoringModel.objects.get(active=True)
    inbox.add(Inbox.Cause.FILL, ((pk, model.pk) for pk in person_ids), rank=Inbox.Rank.BULK)
    drain()


def rescore() -> float:
    """Publish a new version of the model that decides, score everybody by it, and let it decide instead.

    Returns how many seconds the scoring took, by as many processes at once as a worker has.
    """
    before, now = ScoringModel.objects.get(active=True), timezone.now()
    model = services.publish(services.draft(from_model=before, user=None, name=before.name), user=None, now=now)
    taken = at_once([lambda: _fill(model)] * CONCURRENCY)
    drain()
    services.fill(model)
    services.activate(model, user=None, now=now)
    services.retire(before, now=now)
    return taken


def _fill(model: ScoringModel) -> None:
    while services.fill(model):
        pipeline.drain()
    pipeline.drain()  # of whom the others have handed on


def client(user: User) -> Client:
    """A browser of this user, within this process: middleware, views and memory as in production, without a socket."""
    settle()
    found = Client(SERVER_NAME="localhost")
    found.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return found


def system(user: User) -> Client:
    """Another system that uses the API as this user, by a token; otherwise as `client`."""
    settle()
    made = create_token(user=user, name=SOURCE, now=timezone.now())
    return Client(SERVER_NAME="localhost", headers={"Authorization": f"Bearer {made.secret}"})


def drain() -> None:
    """Let the pipeline work everything that waits."""
    while Inbox.objects.exists():
        if not pipeline.drain():
            raise RuntimeError("The pipeline leaves rows in the inbox; `manage.py doctor` tells of such people.")


@contextmanager
def workers() -> Iterator[None]:
    """As many processes as a worker has, working the inbox meanwhile; in production hints wake them."""
    connections.close_all()  # a connection that two processes share would mix their answers
    context = multiprocessing.get_context("fork")
    done = context.Event()
    processes = [context.Process(target=_work, args=(done,), daemon=True) for _ in range(CONCURRENCY)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        done.set()
        for process in processes:
            process.join()


def _work(done: Event) -> None:
    settle()
    while not done.is_set():
        if not pipeline.drain():
            done.wait(LOOK_AGAIN)
    connections.close_all()


def await_workers() -> None:
    """Wait until the workers have worked everything. Raises RuntimeError where some of it cannot be, or they died."""
    while Inbox.objects.filter(not_before=None).exists():
        if not multiprocessing.active_children():
            raise RuntimeError("The processes that work the inbox have died; their errors are above.")
        time.sleep(LOOK_AGAIN)
    if Inbox.objects.exists():
        raise RuntimeError("The pipeline leaves rows in the inbox; `manage.py doctor` tells of such people.")


def batches(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """The rows, so many at a time."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


def typed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the writers take it, with moments in place of their text."""
    moments = {name: datetime.fromisoformat(row[name]) for name in ("occurred_at", "inquiry_at") if name in row}
    return {name: value for name, value in row.items() if name != "source"} | moments


def _moment(key: int) -> str:
    """Within the last day, written as other systems write it."""
    at = datetime.now(UTC) - timedelta(seconds=key * 37 % 86_400)
    return at.isoformat(timespec="seconds")
