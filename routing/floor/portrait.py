"""What kind of rep somebody is, and what they make of which leads: reps as a segment (requirements R120, R121).

By solution and by persona: of the MQLs that were dealt to the rep within half a year, how many they accepted and how
many became SQLs. A persona is what a person's attribute `persona` says, else what `function` says. Leads that are less
than thirty days old are left out: they have not had their time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from funnel.models import Rep
from routing.models import CallSheet, Served
from routing.seats.profiles import FRESH

WITHIN: Final = timedelta(days=180)
RIPE: Final = timedelta(days=30)
MOST: Final = 8

_MADE: Final = """
SELECT x.kind, x.name, count(*), count(*) FILTER (WHERE l.sal_at IS NOT NULL OR l.sql_at IS NOT NULL),
       count(*) FILTER (WHERE l.sql_at IS NOT NULL)
FROM (
    SELECT lead_id, min(occurred_at) AS at FROM routing_assignment
    WHERE rep_id = %(rep)s AND kind IN ('assigned', 'claimed') AND occurred_at >= %(since)s AND occurred_at < %(until)s
      AND coalesce(explanation ->> 'stage', 'mql') = 'mql'
    GROUP BY lead_id
) dealt
JOIN funnel_lead l ON l.id = dealt.lead_id AND l.exit NOT IN ('void', 'merged')
JOIN funnel_person p ON p.id = l.person_id
LEFT JOIN funnel_solution s ON s.id = l.solution_id
CROSS JOIN LATERAL (VALUES ('solution', coalesce(s.name, 'No solution')),
                           ('persona', coalesce(nullif(p.attributes ->> 'persona', ''),
                                                nullif(p.attributes ->> 'function', ''), 'Not known'))) x (kind, name)
GROUP BY 1, 2 ORDER BY 1 DESC, 3 DESC, 2
"""


@dataclass(frozen=True, slots=True)
class Made:
    """Leads of one solution or persona that the rep was dealt, and how far they came."""

    name: str
    leads: int
    accepted: int
    sqls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """serves: what the profile says, a line a kind; empty where the rep serves everything. shares: since when their
    call sheet is known, None where it is not or is too old to count.
    """

    serves: Sequence[tuple[str, str]]
    shares: datetime | None
    tables: Sequence[tuple[str, Sequence[Made]]]


def portrait_of(rep: Rep, *, now: datetime) -> Portrait:
    """Three queries."""
    sheet = CallSheet.objects.filter(rep=rep, read_at__gte=now - FRESH).first()
    with connection.cursor() as cursor:
        cursor.execute(_MADE, {"rep": rep.pk, "since": now - WITHIN, "until": now - RIPE})
        rows = cursor.fetchall()
    tables = [
        (title, [Made(*row[1:]) for row in rows if row[0] == kind][:MOST])
        for kind, title in (("solution", "Solution"), ("persona", "Persona"))
    ]
    return Portrait(
        serves=_served(rep),
        shares=sheet.read_at if sheet else None,
        tables=[table for table in tables if table[1]],
    )


def _served(rep: Rep) -> list[tuple[str, str]]:
    found: dict[str, list[str]] = {"Regions": [], "Solutions": [], "Segments": [], "Languages": []}
    for one in Served.objects.filter(rep=rep).select_related("region", "solution").order_by("pk"):
        kind = "Regions" if one.region else "Solutions" if one.solution else "Segments" if one.segment else "Languages"
        found[kind].append(str(one))
    return [(kind, ", ".join(names)) for kind, names in found.items() if names]
