"""What an experiment has come to: how many of each arm reached the outcome in time, and the difference."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from funnel.intervals import difference, wilson
from scoring.models import Experiment

LEAST: Final = 5  # people of an arm below which no rate is told
SMALL: Final = 30

# Who skipped a stage reached it with the next one.
_REACHED: Final = {
    "sal": "least(l.sal_at, l.sql_at, l.opportunity_at, l.won_at)",
    "sql": "least(l.sql_at, l.opportunity_at, l.won_at)",
    "won": "l.won_at",
}
_COUNTS: Final = """
SELECT a.changed, count(*), count(*) FILTER (WHERE a.ripe), count(*) FILTER (WHERE a.ripe AND EXISTS (
    SELECT FROM funnel_lead l WHERE l.person_id = a.person_id AND l.exit <> 'void'
    AND {reached} >= a.assigned_at AND {reached} < a.assigned_at + make_interval(days => %(days)s)))
FROM (
    SELECT *, assigned_at + make_interval(days => %(days)s) <= %(now)s AS ripe
    FROM scoring_experimentassignment WHERE experiment_id = %(experiment)s
) a GROUP BY a.changed
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One arm. people: assigned; ripe: whose time for the outcome is over; reached: those of them who reached it in it.

    rate, low, high: of the ripe, with its 95 % interval (Wilson); None below five people.
    """

    label: str
    version: int
    people: int
    ripe: int
    reached: int
    rate: float | None
    low: float | None
    high: float | None

    @property
    def small(self) -> bool:
        return self.ripe < SMALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Both arms, and the rate of the changed one minus the control's with its 95 % interval (Newcombe)."""

    changed: Arm
    control: Arm
    difference: float | None
    low: float | None
    high: float | None

    @property
    def points(self) -> tuple[float, float, float] | None:
        """The difference and the ends of its interval, in points of 100."""
        if self.difference is None or self.low is None or self.high is None:
            return None
        return 100 * self.difference, 100 * self.low, 100 * self.high

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def effect(experiment: Experiment, *, now: datetime) -> Effect:
    """The effect as of now, of people whose outcome has had its time. One query.

    Everybody of an arm is in it with the same probability, so weighting each by its inverse leaves rates as they are.
    """
    sql = _COUNTS.format(reached=_REACHED[experiment.outcome])
    params: dict[str, Any] = {"days": experiment.outcome_days, "now": now, "experiment": experiment.pk}
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        counts = {changed: tuple(numbers) for changed, *numbers in cursor.fetchall()}
    changed = arm("Changed", experiment.changed.version, *counts.get(True, (0, 0, 0)))
    control = arm("Control", experiment.control.version, *counts.get(False, (0, 0, 0)))
    return compare(changed, control)


def arm(label: str, version: int, people: int, ripe: int, reached: int) -> Arm:
    told = ripe >= LEAST
    low, high = wilson(reached, ripe) if told else (None, None)
    return Arm(
        label=label, version=version, people=people, ripe=ripe, reached=reached,
        rate=reached / ripe if told else None, low=low, high=high,
    )  # fmt: skip


def compare(changed: Arm, control: Arm) -> Effect:
    if changed.rate is None or control.rate is None:
        return Effect(changed=changed, control=control, difference=None, low=None, high=None)
    low, high = difference(changed.reached, changed.ripe, control.reached, control.ripe)
    return Effect(changed=changed, control=control, difference=changed.rate - control.rate, low=low, high=high)
