"""The two classic complaints, side by side: leads that sales never followed up, and leads that sales calls poor.

Of MQLs that are ninety days old at most, by campaign. Never followed up: nobody decided about it in its time, nor has
anybody of ours touched its person since. Called poor: rejected, or disqualified before it was worked.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

WITHIN: Final = timedelta(days=90)
FAIR: Final = timedelta(days=2)  # younger MQLs have not had their time yet
MOST: Final = 12

_COUNTED: Final = """
SELECT coalesce(c.name, ''), count(*),
       count(*) FILTER (WHERE m.never), count(*) FILTER (WHERE m.poor), count(m.stars), avg(m.stars)::float8
FROM (
    SELECT l.campaign_id,
           (SELECT r.stars FROM routing_rating r WHERE r.lead_id = l.id ORDER BY r.id DESC LIMIT 1) AS stars,
           l.stage = 'mql' AND (l.closed_at IS NULL OR l.exit = 'expired') AND NOT EXISTS (
               SELECT FROM funnel_activity t
               WHERE t.person_id = l.person_id AND t.direction = 'out' AND NOT t.automatic AND t.voided_at IS NULL
                 AND t.occurred_at >= l.mql_at) AS never,
           l.stage = 'mql' AND l.exit = 'disqualified' AS poor
    FROM funnel_lead l
    WHERE l.mql_at >= %(since)s AND l.mql_at < %(until)s AND l.exit NOT IN ('void', 'merged')
) m LEFT JOIN funnel_campaign c ON c.id = m.campaign_id
GROUP BY 1 HAVING count(*) FILTER (WHERE m.never OR m.poor) > 0
ORDER BY count(*) FILTER (WHERE m.never OR m.poor) DESC, 1 LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Program:
    """One campaign: its MQLs, how many of them were never followed up or called poor, and what those that were rated
    got of five stars, by the latest rating of each.
    """

    name: str
    mqls: int
    never: int
    poor: int
    rated: int
    stars: float | None


def by_program(*, now: datetime) -> list[Program]:
    """The campaigns with most to complain about first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, {"since": now - WITHIN, "until": now - FAIR, "most": MOST})
        return [Program(*row) for row in cursor.fetchall()]
