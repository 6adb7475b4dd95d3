"""What the seats can decide, read from the database for the arithmetic of `routing.seats.serving`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from funnel.versions import Status
from routing.hours.calendars import ALWAYS, Hours
from routing.models import Calendar, SlaPromise
from routing.seats.serving import HISTORY_WEEKS, Capacity, Desk, InTime, Minutes, Promise, capacity, serve_lines

# What a rep decided: MQLs that left the stage by their hand; where no hand is known, by the hand of their owner.
_DESKS: Final = """
WITH decided AS MATERIALIZED (  -- once, not once a seat
    SELECT coalesce(r.id, l.owner_id) AS rep_id,
           least(floor(extract(epoch FROM %(now)s - e.occurred_at) / 604800)::int, %(weeks)s - 1) AS week,
           count(DISTINCT e.lead_id) AS leads
    FROM funnel_stageevent e
    JOIN funnel_lead l ON l.id = e.lead_id
    LEFT JOIN funnel_rep r ON r.user_id = e.actor_id
    WHERE e.recorded_at >= %(since)s - interval '1 day'  -- an index knows it, and nothing is recorded before it occurs
          AND e.occurred_at >= %(since)s AND e.occurred_at < %(now)s
          AND e.from_stage = 'mql' AND e.kind IN ('advance', 'recycle', 'disqualify')
    GROUP BY 1, 2
)
SELECT s.rep_id, coalesce(s.calendar_id, d.calendar_id), s.weekly,
       array(SELECT coalesce(w.leads, 0) FROM generate_series(0, %(weeks)s - 1) n
             LEFT JOIN decided w ON w.rep_id = s.rep_id AND w.week = n ORDER BY n)
FROM routing_seat s
JOIN funnel_rep r ON r.id = s.rep_id
LEFT JOIN routing_desk d ON d.team_id = r.team_id
LEFT JOIN funnel_team t ON t.id = r.team_id
WHERE s.receiving AND r.active AND t.kind IS DISTINCT FROM 'ae'  -- those are dealt SQLs
ORDER BY s.rep_id
"""
NARROWED: Final = "Seats serve all leads together, so a part of the leads has no capacity of its own."


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the seats can decide, in which hours, and what is promised. weekly: None where that says nothing."""

    weekly: int | None
    words: str
    lines: tuple[tuple[Hours, float], ...] = ()
    promise: Promise | None = None
    promised: str = ""

    def in_time(self, arrivals: Minutes) -> InTime | None:
        """Which of the leads that arrive at these moments, in order, are decided within the promise."""
        if self.promise is None or not self.weekly:
            return None
        return serve_lines(arrivals, lines=self.lines, promise=self.promise)


@dataclass(frozen=True, slots=True)
class _Read:
    found: Capacity
    hours: Mapping[int, Hours] = field(default_factory=dict)


def service(*, narrowed: bool, now: datetime) -> Service:
    """The capacity of all receiving seats. narrowed: only a part of the leads is looked at. Four queries."""
    if narrowed:
        return Service(weekly=None, words=NARROWED)
    read = _read(now)
    accepts = SlaPromise.objects.filter(kind=SlaPromise.Kind.ACCEPT, sla_policy__status=Status.PUBLISHED)
    general = accepts.filter(condition={}).order_by("position", "pk").first()  # all leads are looked at together
    lines = tuple(
        (read.hours.get(pk, ALWAYS) if pk else ALWAYS, weekly) for pk, weekly in sorted(
            read.found.lines.items(), key=lambda line: line[0] or 0
        )
    )  # fmt: skip
    return Service(
        weekly=read.found.weekly,
        words=read.found.words,
        lines=lines,
        promise=Promise(general.amount, general.unit) if general else None,
        promised=general.length if general else "",
    )


def _read(now: datetime) -> _Read:
    since = now - timedelta(weeks=HISTORY_WEEKS)
    with connection.cursor() as cursor:
        cursor.execute(_DESKS, {"now": now, "since": since, "weeks": HISTORY_WEEKS})
        desks = [
            Desk(rep_id=rep, calendar_id=calendar, weekly=weekly, decided=tuple(decided))
            for rep, calendar, weekly, decided in cursor.fetchall()
        ]
    wanted = {desk.calendar_id for desk in desks if desk.calendar_id is not None}
    calendars = Calendar.objects.filter(pk__in=wanted).prefetch_related("days")
    return _Read(capacity(desks), {calendar.pk: calendar.as_hours() for calendar in calendars})
