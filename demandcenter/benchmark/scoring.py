"""Scores: everybody anew, a touch more, and who is due for review, against plain SQL over the same rows."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from statistics import median

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from demandcenter import pipeline, scratch
from demandcenter.benchmark import scenery
from demandcenter.benchmark.measuring import Finding, Target, rounds, seconds
from demandcenter.benchmark.population import tidy
from demandcenter.benchmark.scenery import SOURCE, Scenery
from demandcenter.processes import CONCURRENCY
from funnel import ingest
from funnel.ingest import Row
from funnel.memory import settle
from scoring import shipped
from scoring.models import Score, ScoringModel

AREA = "scoring"
FEW = 10_000  # people, from which growth is told
BATCH = 500
BATCHES = 20
DUE = 500
SHORTEST_SCAN = 5.0  # ms


def measure(leads: int) -> Iterator[Finding]:
    """Findings about scoring, in a database of so many people with ten touches each."""
    few = min(FEW, leads)
    there = scenery.set_up(leads, people=few)
    scenery.rescore()
    with scratch.twin() as copy:
        if leads > few:
            there.grow(leads)
        yield _everybody_anew(there)
        yield _a_touch_more(there, few, copy)
    yield from _who_is_due(there)


def _everybody_anew(there: Scenery) -> Finding:
    """A new version of the model for everybody, written back, against one pass over the touches, written too."""
    ours = scenery.rescore()
    one_pass = seconds(sum_once)
    return Finding(
        area=AREA, name=f"everybody scored by a new version, review times included, by {CONCURRENCY} processes",
        unit="s", leads=there.leads, ours=ours, comparison=one_pass,
        against="one statement over all touches into a table; no fit, gates or reviews",
        target=Target("at most", 3),
    )  # fmt: skip


def sum_once() -> None:
    """The same points for the same touches by one statement for everybody, into a table with a key."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS one_pass")
        cursor.execute(f"CREATE TABLE one_pass AS {_sums()}")
        cursor.execute("ALTER TABLE one_pass ADD PRIMARY KEY (person_id)")


def _sums() -> str:
    """SQL of what every category of the shipped model comes to for each person, decayed, with its daily limits."""
    columns, points = [], []
    for number, category in enumerate(shipped.INTEREST):
        rate = f"/ {category['half_life_days'] * 86_400.0}"
        for rule in category["rules"]:
            if rule["kind"] == "touch":
                for name in rule["condition"]["all"][0]["value"]:
                    points.append(
                        f"('{name}', {number}, {rule['points']}::float8, {rule.get('per_day') or 'NULL'}::int)"
                    )
        each = f"d.decayed{number}"
        counted = f"least(d.n, r.per_day) * power(2::float8, (date_part('epoch', d.day) - 1.7e9) {rate})"
        term = f"r.points * CASE WHEN r.per_day IS NULL THEN {each} ELSE {counted} END"
        columns.append(f"coalesce(sum({term}) FILTER (WHERE r.category = {number}), 0) AS c{number}")
    decayed = ", ".join(
        f"sum(power(2::float8, (date_part('epoch', t.occurred_at) - 1.7e9) / {category['half_life_days'] * 86_400.0})) "
        f"AS decayed{number}"
        for number, category in enumerate(shipped.INTEREST)
    )
    return f"""
        WITH d AS (
            SELECT t.person_id, t.type, (t.occurred_at AT TIME ZONE 'UTC')::date AS day, count(*) AS n,
                   max(t.occurred_at) AS last_at, {decayed}
            FROM funnel_activity t WHERE t.voided_at IS NULL AND t.direction = 'in' GROUP BY 1, 2, 3
        )
        SELECT d.person_id, max(d.last_at) AS last_at, {", ".join(columns)}
        FROM d LEFT JOIN (VALUES {", ".join(points)}) r (type, category, points, per_day) ON r.type = d.type
        GROUP BY d.person_id"""


def _a_touch_more(there: Scenery, few: int, copy: BaseDatabaseWrapper) -> Finding:
    """Microseconds that the pipeline takes for a touch here, and in the copy with few people.

    The same touches, taking turns, so that a slow moment of the machine meets both. Without autovacuum, which would
    come about now: everybody's scores have just been replaced.
    """
    among_few = Scenery(there.leads, there.company, people=few)
    places: list[tuple[Scenery, Callable[[], AbstractContextManager[None]]]] = [
        (there, nullcontext),
        (among_few, lambda: scratch.connected_to(copy)),
    ]
    costs: list[list[float]] = [[], []]
    for _scenery, inside in places:
        with inside():
            tidy()
    settle()
    warm_up = there.effort.of(2, least=0)
    for number in range(warm_up + there.effort.of(BATCHES, least=1)):
        for (scene, inside), taken in zip(places, costs, strict=True):
            with inside():
                cost = _cost_of_touches(scene, there.effort.of(BATCH, least=50))
            if number >= warm_up:
                taken.append(cost)
    return Finding(
        area=AREA, name="one touch more, 500 at a time, scored and decided", unit="µs a touch", leads=there.leads,
        ours=median(costs[0]), comparison=median(costs[1]), against=f"the same touches among {few:,} people",
        target=Target("at most", 1.3),
    )  # fmt: skip


def _cost_of_touches(there: Scenery, size: int) -> float:
    rows = [Row(place, scenery.typed(row)) for place, row in enumerate(there.touches(size))]
    ingest.record(rows, source=SOURCE, now=timezone.now())
    return seconds(pipeline.drain) / size * 1e6


def _who_is_due(there: Scenery) -> Iterator[Finding]:
    """The next 500 reviews by index, against a sweep over everybody's score."""
    model = ScoringModel.objects.get(active=True)
    assert model.landmark is not None, "it is published"
    waiting = Score.objects.filter(model=model, next_review_at__isnull=False).order_by("next_review_at")
    at = waiting[min(DUE, waiting.count() - 1)].next_review_at
    assert at is not None, "asked for above"

    elapsed = (at - model.landmark).total_seconds()

    def ours() -> None:
        due = Score.objects.filter(model_id=model.pk, next_review_at__lte=at).order_by("next_review_at")
        list(due.values_list("person_id", flat=True)[:DUE])

    def sweep() -> None:
        with connection.cursor() as cursor:
            cursor.execute(_SWEEP, [elapsed, model.pk, model.threshold])
            cursor.fetchall()

    scan, swept = (taken * 1000 for taken in rounds(ours, sweep, times=9, effort=there.effort))
    name = f"decay: who is due, the next {DUE}"
    yield Finding(
        area=AREA, name=name, unit="ms", leads=there.leads, ours=scan, comparison=SHORTEST_SCAN,
        against="the longest that it may take", target=Target("at most", 1),
    )  # fmt: skip
    yield Finding(
        area=AREA, name=name, unit="ms", leads=there.leads, ours=scan, comparison=swept,
        against="a sweep over every score",
    )  # fmt: skip


_SWEEP = """
    SELECT count(*) FROM (
        SELECT (SELECT sum(greatest(0, a * power(2::float8, -%s / (30 * 86400.0)))) FROM unnest(s.acc) a) AS interest
        FROM scoring_score s WHERE s.model_id = %s
    ) now WHERE interest >= %s
"""
