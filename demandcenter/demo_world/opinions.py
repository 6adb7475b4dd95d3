"""What the demo's SDRs said of the leads that they got: ratings, as the leads turned out."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from demandcenter.demo_world.ledger import Course
from demandcenter.demo_world.reference import Ids
from demandcenter.demo_world.rhythm import DAY
from funnel import staging
from funnel.models import Kind, Stage
from routing.models import Rating

RATED: Final = 0.3  # of the leads that were decided
LATELY: Final = DAY * 180
Why = Rating.Why
# By what became of the lead: what is said, with how many stars.
_GOOD: Final = ((5, Why.REAL_NEED), (4, Why.REAL_NEED), (5, Why.RIGHT_PERSON), (4, Why.RIGHT_PERSON))
_FAIR: Final = ((4, Why.RIGHT_PERSON), (3, Why.EARLY), (3, Why.KNOWN), (2, Why.EARLY))
_POOR: Final = ((1, Why.NOT_IN_PROFILE), (2, Why.NOT_IN_PROFILE), (1, Why.BAD_DATA), (2, Why.WRONG_PERSON))


def write(courses: Sequence[Course], ids: Ids, *, until: datetime, dice: random.Random) -> None:
    """The ratings of the last half year, some days after the decision."""
    rows = []
    for course in courses:
        at = course.decided_at
        if not (course.sdr and at and at > until - LATELY) or dice.random() >= RATED:
            continue
        stars, why = dice.choice(_said_of(course))
        rated_at = at + timedelta(hours=dice.uniform(0.1, 40))
        if rated_at < until:
            rows.append(
                {
                    "lead_id": course.lead_id,
                    "actor_id": ids.users[course.sdr],
                    "stars": stars,
                    "why": why.value,
                    "rated_at": rated_at,
                }
            )
    staging.insert(Rating, rows)


def _said_of(course: Course) -> tuple[tuple[int, Why], ...]:
    stages = {entry.stage for entry in course.entries}
    if Stage.SQL in stages:
        return _GOOD
    return _POOR if Stage.SAL not in stages and course.entries[-1].kind == Kind.DISQUALIFY else _FAIR
