"""The figures of cadences and attempts: each a share with k and n, over what is old enough to have come to something.

An attempt succeeds when the call connects, or when they write or call within ANSWERS days of it (domain.md 8.4).
Taken-back attempts count nowhere. What leads come to is in outreach.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from funnel.intervals import wilson
from funnel.personas import PERSONA
from funnel.replies import REPLY
from routing.models import Cadence, Enrolment, Medium

WINDOW: Final = timedelta(days=180)
ANSWERS: Final = timedelta(days=3)
FEW: Final = 30


@dataclass(frozen=True, slots=True)
class Share:
    """k of n, with its 95 % Wilson interval; no share without trials."""

    name: str
    k: int
    n: int

    @property
    def value(self) -> float | None:
        return self.k / self.n if self.n else None

    @property
    def few(self) -> bool:
        return 0 < self.n < FEW

    @property
    def interval(self) -> tuple[float | None, float | None]:
        return wilson(self.k, self.n)


@dataclass(frozen=True, slots=True)
class StepFigures:
    """How a step is kept, and what its attempts come to. due: whose time has come; on_time: done by the end of it."""

    title: str
    day: int
    template: str
    due: int
    on_time: Share
    done: int
    skipped: int
    put_off: int
    answered: Share


@dataclass(frozen=True, slots=True)
class CadenceFigures:
    """One version: how many run, why the others stopped, and its steps."""

    cadence: Cadence
    running: int
    stops: list[tuple[str, int]]
    steps: list[StepFigures]


_ANSWERED: Final = f"""
SELECT a.id, a.lead_id, a.medium, a.outcome = 'connected' OR EXISTS (
    SELECT FROM funnel_activity t JOIN funnel_lead l ON l.id = a.lead_id
    WHERE t.person_id = l.person_id AND {REPLY}
      AND t.occurred_at > a.occurred_at AND t.occurred_at <= a.occurred_at + %(answers)s
) AS answered
FROM routing_attempt a
WHERE a.taken_back_at IS NULL AND a.occurred_at BETWEEN %(since)s AND %(now)s - %(answers)s
"""
_MEDIA: Final = f"""
SELECT a.medium, coalesce({PERSONA}, ''), count(*) FILTER (WHERE a.answered), count(*) FROM ({_ANSWERED}) a
JOIN funnel_lead l ON l.id = a.lead_id JOIN funnel_person p ON p.id = l.person_id GROUP BY 1, 2
"""
_OF_STEPS: Final = f"""
SELECT k.step_id, count(*) FILTER (WHERE a.answered), count(*) FROM ({_ANSWERED}) a
JOIN routing_taskevent e ON e.cause = 'attempt:' || a.id AND e.kind = 'done'
JOIN routing_task k ON k.id = e.task_id AND k.step_id IS NOT NULL GROUP BY k.step_id
"""
_ADHERENCE: Final = """
SELECT k.step_id, count(*) FILTER (WHERE k.due_at <= %(now)s OR k.state <> 'open'),
       count(*) FILTER (WHERE k.state = 'done' AND k.closed_at <= k.due_at),
       count(*) FILTER (WHERE k.state = 'done'), count(*) FILTER (WHERE k.state = 'skipped'),
       count(*) FILTER (WHERE k.shown_at > k.due_at)
FROM routing_task k WHERE k.step_id IS NOT NULL AND k.state <> 'dropped' AND k.made_at >= %(since)s GROUP BY k.step_id
"""
_STOPS: Final = """
SELECT cadence_id, stop, count(*) FROM routing_enrolment
WHERE stopped_at IS NULL OR started_at >= %(since)s GROUP BY cadence_id, stop
"""


@dataclass(frozen=True, slots=True)
class Answered:
    """Attempts by one medium with people of one persona ("" where it is not known), and how many were answered."""

    medium: str
    persona: str
    k: int
    n: int


def answered(*, now: datetime) -> list[Answered]:
    """Attempts that were answered, by medium and persona. One query."""
    return [Answered(*row) for row in _rows(_MEDIA, now)]


def by_medium(found: Sequence[Answered], persona: str | None = None) -> list[Share]:
    """The same by medium, with everybody or with one persona."""
    kept = [one for one in found if persona in (None, one.persona)]
    return [
        Share(
            medium.label,
            sum(one.k for one in kept if one.medium == medium),
            sum(one.n for one in kept if one.medium == medium),
        )
        for medium in Medium
    ]


def of_cadences(*, now: datetime) -> list[CadenceFigures]:
    """Every version that is in force or has been used within the window. Five queries."""
    stops: dict[int, dict[str, int]] = {}
    for cadence_id, stop, count in _rows(_STOPS, now):
        stops.setdefault(cadence_id, {})[stop] = count
    kept = {step: counts for step, *counts in _rows(_ADHERENCE, now)}
    answered = {step: (k, n) for step, k, n in _rows(_OF_STEPS, now)}
    known = Cadence.objects.prefetch_related("steps__template")
    return [
        CadenceFigures(
            cadence,
            stops.get(cadence.pk, {}).get("", 0),
            [(Enrolment.Stop(stop).label, n) for stop, n in sorted(stops.get(cadence.pk, {}).items()) if stop],
            [_step(step, kept.get(step.pk, [0] * 5), answered.get(step.pk, (0, 0))) for step in cadence.steps.all()],
        )
        for cadence in known
        if cadence.status == "published" or cadence.pk in stops
    ]


def _step(step: Any, kept: Sequence[int], answered: tuple[int, int]) -> StepFigures:
    due, on_time, done, skipped, put_off = kept
    template = step.template.name if step.template else ""
    return StepFigures(
        str(step), step.day, template, due, Share("", on_time, due), done, skipped, put_off, Share("", *answered)
    )


def _rows(sql: str, now: datetime) -> list[tuple[Any, ...]]:
    values: dict[str, Any] = {"now": now, "since": now - WINDOW, "answers": ANSWERS}
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
