"""A year of history replayed under a version: time and memory, touch by touch beside it; and the pages that show it."""

import resource
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from django.utils import timezone

from demandcenter.benchmark import pages, scenery
from demandcenter.benchmark.measuring import Finding, Target, seconds
from demandcenter.benchmark.scenery import Scenery
from demandcenter.benchmark.scoring import sum_once
from funnel.models import Person
from scoring import evidence, services, simulation
from scoring.models import ScoringModel, Simulation
from scoring.parts import Judge, Parts
from scoring.policy import policy_of

AREA = "simulation"
YEAR = timedelta(days=365)
LONGEST = 300.0  # seconds for a million people with ten touches each
MILLION = 1_000_000
MOST_MEMORY = 1_500.0  # MB
SAMPLE = 200  # people
SLOWEST = 500.0  # ms
LOWER = 5  # points, of the draft's threshold


def measure(leads: int) -> Iterator[Finding]:
    """Findings about replays, in a database of so many people with ten touches and a lead each."""
    there = scenery.set_up(leads)
    model, now = ScoringModel.objects.get(active=True), timezone.now()
    asked = simulation.ask(model=model, starts_at=now - YEAR, ends_at=now, user=None, now=now)
    taken = seconds(simulation.work)
    memory = _peak()
    asked.refresh_from_db()
    if asked.status != Simulation.Status.DONE:
        raise RuntimeError(f"The replay did not come to its end: {asked.problem}")
    name = "a year of history replayed under a version"
    yield Finding(
        area=AREA, name=name, unit="s", leads=leads, ours=taken, comparison=LONGEST * leads / MILLION,
        against="five minutes for a million people, in proportion", target=Target("at most", 1),
    )  # fmt: skip
    yield Finding(
        area=AREA, name=name, unit="s", leads=leads, ours=taken, comparison=seconds(sum_once),
        against="every touch summed once, by one statement, as of one moment",
    )  # fmt: skip
    sample = there.effort.of(SAMPLE, least=20)
    yield Finding(
        area=AREA, name=name, unit="s", leads=leads, ours=taken,
        comparison=seconds(lambda: _touch_by_touch(model, now, sample)) * leads / sample,
        against=f"the score told anew at every touch, {sample} people extrapolated", target=Target("at most", 0.2),
    )  # fmt: skip
    yield Finding(
        area=AREA, name="the most memory that the replay took", unit="MB", leads=leads, ours=memory,
        comparison=MOST_MEMORY, against="the most that it may take", target=Target("at most", 1),
    )  # fmt: skip
    yield from _pages(there, model)


def _pages(there: Scenery, model: ScoringModel) -> Iterator[Finding]:
    """The lab with a draft and the live version side by side, and what scores were worth, on stored replays."""
    user = there.company.administrator
    draft = services.draft(from_model=model, user=user, name=model.name)
    ScoringModel.objects.filter(pk=draft.pk).update(threshold=model.threshold - LOWER)
    scenery.client(user).post("/scoring/lab/simulate")
    if not simulation.work():
        raise RuntimeError("The lab did not ask for a replay of the draft.")
    for name, address in (("scoring lab", "/scoring/lab"), ("model quality", "/scoring/quality")):
        yield from pages.measure(AREA, f"{name}, stored", user, address, leads=there.leads, slowest=SLOWEST)


def _peak() -> float:
    """The most memory that this process has had so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _touch_by_touch(model: ScoringModel, now: datetime, sample: int) -> None:
    """Of some people what `scoring.parts` says at each of their touches, with what was known by then."""
    policy = policy_of(model)
    people = list(Person.objects.order_by("pk").values_list("pk", flat=True)[:sample])
    judge = Judge(policy, at=now)
    for known in evidence.read(policy, people, at=now).values():
        for touch in known.touches:
            before = [other for other in known.touches if other.recorded_at <= touch.recorded_at]
            parts = Parts(policy, replace(known, touches=before), at=now, judge=judge)
            parts.interest(touch.recorded_at.timestamp())
