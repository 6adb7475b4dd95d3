"""What sales says of the leads it got, by campaign: the feedback that marketing asked for (R124)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from routing.models import Rating

WINDOW: Final = timedelta(days=180)
MOST: Final = 12
POOR: Final = 2  # stars and fewer

_BY_CAMPAIGN: Final = """
WITH latest AS (
    SELECT DISTINCT ON (r.lead_id, r.actor_id) r.lead_id, r.stars, r.why FROM routing_rating r
    WHERE r.rated_at >= %(since)s AND r.rated_at <= %(now)s ORDER BY r.lead_id, r.actor_id, r.id DESC
)
SELECT c.id, coalesce(c.name, 'No campaign'), count(*), avg(x.stars)::float8,
       count(*) FILTER (WHERE x.stars <= %(poor)s), mode() WITHIN GROUP (ORDER BY x.why)
FROM latest x JOIN funnel_lead l ON l.id = x.lead_id LEFT JOIN funnel_campaign c ON c.id = l.campaign_id
GROUP BY c.id, c.name ORDER BY count(*) DESC, c.name LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Opinion:
    """Of one campaign: how many ratings, their mean of 1 to 5, how many poor ones, and what is named most often."""

    campaign_id: int | None
    campaign: str
    ratings: int
    mean: float
    poor: int
    why: str


def by_campaign(*, now: datetime) -> list[Opinion]:
    """The campaigns with most ratings in the last half year; of each user the latest rating of a lead counts."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_CAMPAIGN, {"since": now - WINDOW, "now": now, "poor": POOR, "most": MOST})
        return [
            Opinion(campaign_id, campaign, ratings, mean, poor, Rating.Why(why).label)
            for campaign_id, campaign, ratings, mean, poor, why in cursor.fetchall()
        ]
