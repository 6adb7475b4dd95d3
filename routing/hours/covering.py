"""Who is away now, and who looks after their leads, by the calendar of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from routing.hours.covers import cover_of

# An absence is told in days; which day it is, is told by the rep's calendar. One with a cover goes first, then the
# longest.
_AWAY: Final = """
SELECT DISTINCT ON (x.rep_id) x.rep_id, x.id, c.id,
       greatest(x.starts_on::timestamp AT TIME ZONE x.zone, x.recorded_at),
       (x.ends_on + 1)::timestamp AT TIME ZONE x.zone
FROM (
    SELECT a.*, coalesce(cs.zone, cd.zone, 'UTC') AS zone
    FROM routing_absence a
    JOIN funnel_rep r ON r.id = a.rep_id
    LEFT JOIN routing_seat s ON s.rep_id = r.id
    LEFT JOIN routing_calendar cs ON cs.id = s.calendar_id
    LEFT JOIN routing_desk d ON d.team_id = r.team_id
    LEFT JOIN routing_calendar cd ON cd.id = d.calendar_id
    WHERE a.ends_on >= (%(now)s AT TIME ZONE 'UTC')::date - 1 AND a.starts_on <= (%(now)s AT TIME ZONE 'UTC')::date + 1
) x
LEFT JOIN funnel_rep c ON c.id = x.cover_id AND c.active
WHERE (%(now)s AT TIME ZONE x.zone)::date BETWEEN x.starts_on AND x.ends_on
ORDER BY x.rep_id, c.id IS NULL, x.ends_on DESC, x.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """Somebody who is away now. since: when it began, or was entered; until: when they are back.

    cover_id: who looks after their leads meanwhile, who is here; None: nobody.
    """

    rep_id: int
    absence_id: int
    since: datetime
    until: datetime
    cover_id: int | None


def absent(*, now: datetime) -> dict[int, Absent]:
    """Everybody who is away now, by rep. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_AWAY, {"now": now})
        rows = cursor.fetchall()
    covers: Mapping[int, int | None] = {rep_id: cover for rep_id, _pk, cover, _since, _until in rows}
    return {
        rep_id: Absent(rep_id=rep_id, absence_id=pk, since=since, until=until, cover_id=cover_of(rep_id, covers))
        for rep_id, pk, _cover, since, until in rows
    }


def covered_by(rep_id: int, *, now: datetime) -> list[int]:
    """The reps who are away now and whose leads this one looks after. One query."""
    return sorted(one.rep_id for one in absent(now=now).values() if one.cover_id == rep_id)


def hands_of(rep_id: int, *, now: datetime) -> list[int]:
    """Whose leads this rep may work now: their own, and those of whom they cover for. One query."""
    return [rep_id, *covered_by(rep_id, now=now)]
