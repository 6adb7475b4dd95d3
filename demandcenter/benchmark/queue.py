"""The queue and the day: their pages with thousands of leads open, people who want the same one, and how soon a touch
is there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from unittest import mock

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from demandcenter.benchmark import arrival, pages, population, scenery
from demandcenter.benchmark.desks import open_desks
from demandcenter.benchmark.measuring import Finding, Target, at_once
from demandcenter.benchmark.scenery import Scenery
from funnel.models import Lead, Person, Rep, Stage, StageEvent
from funnel.owners import Ownership, set_owners
from routing.acts.doing import Refused
from routing.assignment.engine import assign
from routing.day import work
from routing.day.work import Wanted
from routing.decisions import services
from routing.hours import reach, zones
from routing.models import Assignment, Task
from routing.sla import clocks

AREA = "queue"
SLOWEST = 300.0  # ms
HANDS = 4  # people who want the same lead
CONTESTED = 300  # leads
GREETINGS = 10  # of them claimed before the time is taken
CHUNK = 500
BUSY = 5_000  # open leads of one rep
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday: at a weekend nobody anywhere is called


def measure(leads: int) -> Iterator[Finding]:
    """Findings about the queue and the pages of leads, in a database of so many leads."""
    there = scenery.set_up(leads)
    open_desks(there.company)
    waiting = list(Lead.objects.open().filter(stage=Stage.MQL).order_by("pk").values_list("pk", flat=True))
    scenery.score_of(Lead.objects.filter(pk__in=waiting).values_list("person_id", flat=True))
    _deal_out(waiting)
    _start_clocks(waiting, Stage.MQL)
    yield from _pages(there)
    yield _contention(there, waiting[: there.effort.of(CONTESTED, least=5)])
    yield from arrival.measure(there)
    yield from _pages_of_a_busy_rep(there, waiting)


def _deal_out(waiting: list[int]) -> None:
    """Owners for all open MQLs; how fast that is, `routing.py` measures."""
    Lead.objects.filter(pk__in=waiting).update(owner=None)
    for chunk in scenery.batches(waiting, CHUNK):
        assign(chunk, now=timezone.now(), causes={pk: f"benchmark:{pk}" for pk in chunk})


def _start_clocks(lead_ids: list[int], stage: Stage) -> None:
    """Of what is promised to leads that enter the stage."""
    events = StageEvent.objects.filter(lead__in=lead_ids, to_stage=stage).order_by("pk")
    for chunk in scenery.batches(list(events.values_list("pk", flat=True)), CHUNK):
        clocks.follow(chunk, now=timezone.now())


# --- Pages ----------------------------------------------------------------------------------------


def _pages(there: Scenery) -> Iterator[Finding]:
    rep = Rep.objects.select_related("user").get(pk=there.company.reps[0])
    lead = Lead.objects.open().filter(stage=Stage.MQL, owner=rep).order_by("pk").values_list("pk", flat=True)[0]
    for name, user, address, few in (
        ("queue page of a rep", rep.user, "/queue/", "/queue/?solution=1"),
        ("queue page of a manager, everybody's", there.company.manager, "/queue/?tab=team", f"/queue/?owner={rep.pk}"),
        ("lead page", rep.user, f"/leads/{lead}/", ""),
        ("leads list", there.company.manager, "/leads/", "/leads/?region=1"),
    ):
        assert user is not None, "the company's reps have log-ins"
        yield from pages.measure(AREA, name, user, address, leads=there.leads, slowest=SLOWEST, few=few)


def _pages_of_a_busy_rep(there: Scenery, waiting: list[int]) -> Iterator[Finding]:
    """Queue and Today of somebody who has very many leads: half of them undecided, half in work with a date today."""
    rep = Rep.objects.select_related("user").get(pk=there.company.reps[1])
    undecided = waiting[: BUSY // 2]
    accepted = list(
        Lead.objects.open().filter(stage=Stage.SAL).order_by("pk").values_list("pk", flat=True)[: BUSY // 2]
    )
    Lead.objects.filter(pk__in=[*undecided, *accepted]).update(owner=rep, pool=None)
    _start_clocks(accepted, Stage.SAL)
    now = timezone.now()
    work.make(
        [Wanted(lead_id=pk, kind=Task.Kind.NEXT.value, due_at=now, cause="benchmark") for pk in accepted],
        actor_id=None,
        now=now,
    )
    Person.objects.filter(leads__in=[*waiting, *accepted]).update(country="Germany", phone="+49 30 1234567")
    population.tidy()
    busy, assigned = rep.user, len(undecided) + len(accepted)
    assert busy is not None, "the company's reps have log-ins"
    measure_page = partial(pages.measure, AREA, leads=there.leads, slowest=SLOWEST)
    yield from measure_page(f"today of a rep with {assigned:,} open leads", busy, "/today/")
    yield from measure_page(f"queue page of a rep with {assigned:,} open leads", busy, "/queue/")
    with _at_noon():
        yield from measure_page(
            f"today of a rep with {assigned:,} open leads, callable now", busy, "/today/?show=callable"
        )
        yield from measure_page(
            "queue page of a manager, callable now", there.company.manager, "/queue/?tab=team&show=callable"
        )


@contextmanager
def _at_noon() -> Iterator[None]:
    """Call those whom one calls at noon of a working day, whenever this is measured."""
    with mock.patch.object(reach, "callable_now", lambda _now: zones.callable_now(NOON)):
        yield


# --- Several hands --------------------------------------------------------------------------------


def _contention(there: Scenery, lead_ids: list[int]) -> Finding:
    """Reps of one team who claim the same leads at the same time, against bare commits by as many connections.

    Raises RuntimeError unless every lead is claimed exactly once.
    """
    team = there.company.teams[0]
    set_owners([Ownership(pk, pool_id=team) for pk in lead_ids])
    reps = list(Rep.objects.filter(team_id=team).select_related("user").order_by("pk")[:HANDS])
    users = [rep.user for rep in reps if rep.user is not None]
    now = timezone.now()
    greetings = there.effort.of(GREETINGS, least=1)
    first, rest = lead_ids[:greetings], lead_ids[greetings:]
    claims = at_once(
        [partial(_claim_all, rest, user, now) for user in users],
        warm_ups=[partial(_claim_all, first, user, now) for user in users],
    )
    claimed = Assignment.objects.filter(lead__in=lead_ids, kind=Assignment.Kind.CLAIMED)
    if claimed.count() != len(lead_ids) or claimed.values("lead").distinct().count() != len(lead_ids):
        raise RuntimeError(f"{claimed.count()} claims won {len(lead_ids)} leads; every lead has exactly one winner.")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE commits (id integer PRIMARY KEY, n integer NOT NULL)")
        cursor.execute("INSERT INTO commits SELECT i, 0 FROM generate_series(0, %s) i", [HANDS])
    times = there.effort.of(2_000, least=20)
    commits = at_once(
        [partial(_commit, place, times) for place in range(HANDS)],
        warm_ups=[partial(_commit, place, greetings) for place in range(HANDS)],
    )
    return Finding(
        area=AREA, name=f"claims of the same leads by {HANDS} reps at once, exactly one winner each",
        unit="answers/s", leads=there.leads, ours=HANDS * len(rest) / claims, comparison=HANDS * times / commits,
        against="bare commits of one row by as many connections", target=Target("at least", 0.2),
    )  # fmt: skip


def _claim_all(lead_ids: list[int], user: User, now: datetime) -> None:
    for pk in lead_ids:
        try:
            services.claim(pk, user=user, now=now + timedelta(seconds=1))
        except Refused:
            continue  # somebody was faster, as it should be for all but one


def _commit(place: int, times: int) -> None:
    with connection.cursor() as cursor:
        for _ in range(times):
            cursor.execute("UPDATE commits SET n = n + 1 WHERE id = %s", [place])
