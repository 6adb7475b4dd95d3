"""Reminders of the day's steps: each rep is told once a day how many are due, in the morning where they work."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from routing.messages.notices import Tell, tell
from routing.models import Notice

MORNING: Final = 8  # o'clock, by the rep's calendar
EVENING: Final = 18

_DUE: Final = """
SELECT r.user_id, coalesce(max(c.zone), %(zone)s), array_agg(k.shown_at)
FROM routing_task k JOIN funnel_lead l ON l.id = k.lead_id AND l.closed_at IS NULL
JOIN funnel_rep r ON r.id = l.owner_id AND r.user_id IS NOT NULL
LEFT JOIN routing_seat s ON s.rep_id = r.id LEFT JOIN routing_desk d ON d.team_id = r.team_id
LEFT JOIN routing_calendar c ON c.id = coalesce(s.calendar_id, d.calendar_id)
WHERE k.state = 'open' AND k.kind = 'step' AND k.shown_at <= %(until)s
GROUP BY r.user_id ORDER BY r.user_id
"""


def tell_of_steps(*, now: datetime) -> int:
    """Tell every rep whose day has begun of the steps that are due by its end. Returns how many were told."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"zone": settings.REPORTING_ZONE, "until": now + timedelta(days=1)})
        rows = cursor.fetchall()
    tells = []
    for user_id, zone, moments in rows:
        local = now.astimezone(ZoneInfo(zone))
        due = sum(at.astimezone(local.tzinfo).date() <= local.date() for at in moments)
        if due and MORNING <= local.hour < EVENING:
            data = {"count": due}
            tells.append(Tell(user_id=user_id, kind=Notice.Kind.STEPS, cause=f"steps:{local.date()}", data=data))
    return tell(tells, now=now)
