"""Who is away now, and who looks after their leads, by the calendar of each."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from routing.hours.covers import Away, cover_of, covers_on, last_day

# An absence is told in days; which day it is, is told by the rep's calendar. With those that follow, for when they are
# back; the longest first.
_AWAY: Final = """
SELECT a.rep_id, a.starts_on, a.ends_on, c.id, a.id, a.recorded_at, coalesce(cs.zone, cd.zone, 'UTC')
FROM routing_absence a
JOIN funnel_rep r ON r.id = a.rep_id
LEFT JOIN routing_seat s ON s.rep_id = r.id
LEFT JOIN routing_calendar cs ON cs.id = s.calendar_id
LEFT JOIN routing_desk d ON d.team_id = r.team_id
LEFT JOIN routing_calendar cd ON cd.id = d.calendar_id
LEFT JOIN funnel_rep c ON c.id = a.cover_id AND c.active
WHERE a.ends_on >= (%s AT TIME ZONE 'UTC')::date - 1
ORDER BY a.rep_id, a.ends_on DESC, a.id
"""


class _Row(NamedTuple):
    """An absence with the zone in which its days are told."""

    away: Away
    id: int
    recorded_at: datetime
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        return max(datetime.combine(self.away.starts_on, time(), self.zone), self.recorded_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """Somebody who is away now, however many absences say so. since: when it began, or was entered; until: when they
    are back; absence_id: the one that began first.

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
        cursor.execute(_AWAY, [now])
        rows = [_Row(Away(*row[:4]), row[4], row[5], ZoneInfo(row[6])) for row in cursor.fetchall()]
    of_rep: dict[int, list[_Row]] = defaultdict(list)
    covers: dict[int, tuple[int, ...]] = {}
    for row in rows:
        of_rep[row.away.rep_id].append(row)
    for theirs in of_rep.values():
        today = now.astimezone(theirs[0].zone).date()
        covers |= covers_on(today, [row.away for row in theirs])
    return {rep_id: _absent(of_rep[rep_id], cover_of(rep_id, covers), now=now) for rep_id in covers}


def _absent(rows: list[_Row], cover_id: int | None, *, now: datetime) -> Absent:
    zone = rows[0].zone
    today = now.astimezone(zone).date()
    first = min((row for row in rows if row.away.holds(today)), key=lambda row: (row.since, row.id))
    last = last_day(today, [row.away for row in rows])
    assert last is not None
    return Absent(
        rep_id=first.away.rep_id,
        absence_id=first.id,
        since=first.since,
        until=datetime.combine(last + timedelta(days=1), time(), zone),
        cover_id=cover_id,
    )


def covered_by(rep_id: int, *, now: datetime) -> list[int]:
    """The reps who are away now and whose leads this one looks after. One query."""
    return sorted(one.rep_id for one in absent(now=now).values() if one.cover_id == rep_id)


def hands_of(rep_id: int, *, now: datetime) -> list[int]:
    """Whose leads this rep may work now: their own, and those of whom they cover for. One query."""
    return [rep_id, *covered_by(rep_id, now=now)]
