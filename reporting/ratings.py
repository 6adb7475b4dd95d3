"""What sales says of the leads it got, by campaign, persona or solution: the feedback that marketing asked for.

Requirements: R121, R124.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from funnel.personas import PERSONA, UNKNOWN
from routing.models import Rating

WINDOW: Final = timedelta(days=180)
MOST: Final = 12
POOR: Final = 2  # stars and fewer
ALL: Final = "all"
# By what ratings are summed up: how it is headed, and its name in SQL.
BY: Final[Mapping[str, tuple[str, str]]] = {
    "campaign": ("Campaign", "coalesce(c.name, 'No campaign')"),
    "persona": ("Persona", f"coalesce({PERSONA}, '{UNKNOWN}')"),
    "solution": ("Solution", "coalesce(s.name, 'No solution')"),
    ALL: ("All leads", "'All leads'"),
}

_COUNTED: Final = """
WITH latest AS (
    SELECT DISTINCT ON (r.lead_id, r.actor_id) r.lead_id, r.stars, r.why FROM routing_rating r
    WHERE r.rated_at >= coalesce(%(since)s, '-infinity'::timestamptz)
      AND r.rated_at < coalesce(%(until)s, 'infinity'::timestamptz) ORDER BY r.lead_id, r.actor_id, r.id DESC
)
SELECT {name}, count(*), avg(x.stars)::float8,
       count(*) FILTER (WHERE x.stars <= %(poor)s), mode() WITHIN GROUP (ORDER BY x.why)
FROM latest x JOIN funnel_lead l ON l.id = x.lead_id JOIN funnel_person p ON p.id = l.person_id
LEFT JOIN funnel_campaign c ON c.id = l.campaign_id LEFT JOIN funnel_solution s ON s.id = l.solution_id
GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Opinion:
    """Of one campaign, persona or solution: how many ratings, their mean of 1 to 5, how many poor ones, and what is
    named most often.
    """

    name: str
    ratings: int
    mean: float
    poor: int
    why: str


@dataclass(frozen=True, slots=True)
class Table:
    """Opinions by one thing. title: what its names are."""

    title: str
    rows: Sequence[Opinion]


def tables(*kinds: str, now: datetime) -> list[Table]:
    """A table of the last half year for each of these kinds of BY; none without a rating. One query each."""
    return [Table(BY[kind][0], rows) for kind in kinds if (rows := by(kind, since=now - WINDOW, until=now))]


def overall(*, since: datetime | None, until: datetime | None) -> Opinion | None:
    """All ratings of a time together; None without one. One query."""
    return next(iter(by(ALL, since=since, until=until)), None)


def by(kind: str, *, since: datetime | None, until: datetime | None) -> list[Opinion]:
    """Those with most ratings from one moment up to, not including, another; None has no limit.

    Of each user the latest rating of a lead within that time counts. One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED.format(name=BY[kind][1]), {"since": since, "until": until, "poor": POOR, "most": MOST})
        return [
            Opinion(name, ratings, mean, poor, Rating.Why(why).label)
            for name, ratings, mean, poor, why in cursor.fetchall()
        ]
