"""When a promise runs out: by the owner's calendar, else that of the owner's or the pool's team, else the first one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from routing.calendars import Hours, add_days, add_minutes, minutes_between
from routing.models import Calendar, Clock, SlaPolicy

_CALENDARS: Final = """
SELECT l.id, coalesce(s.calendar_id, od.calendar_id, pd.calendar_id, (SELECT min(id) FROM routing_calendar))
FROM funnel_lead l
LEFT JOIN routing_seat s ON s.rep_id = l.owner_id
LEFT JOIN funnel_rep r ON r.id = l.owner_id
LEFT JOIN routing_desk od ON od.team_id = r.team_id
LEFT JOIN routing_desk pd ON pd.team_id = l.pool_id
WHERE l.id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """One kind of promise, and the calendars of some leads."""

    policy: SlaPolicy | None
    calendar_of: Mapping[int, int | None]
    hours: Mapping[int, Hours]

    @classmethod
    def read(cls, kind: str, lead_ids: Collection[int]) -> "Deadlines":
        """Read what is needed for these leads. Four queries, however many leads."""
        if not lead_ids:
            return cls(None, {}, {})
        policy = SlaPolicy.objects.filter(kind=kind, active=True).first()
        with connection.cursor() as cursor:
            cursor.execute(_CALENDARS, [list(lead_ids)])
            calendar_of = dict(cursor.fetchall())
        wanted = Calendar.objects.filter(pk__in=set(calendar_of.values()) - {None}).prefetch_related("days")
        return cls(policy, calendar_of, {calendar.pk: calendar.as_hours() for calendar in wanted})

    def clock(self, lead_id: int, *, cause: str, started_at: datetime) -> Clock | None:
        """A clock of this lead, not stored yet; None while nothing of this kind is promised."""
        if self.policy is None:
            return None
        calendar_id = self.calendar_of[lead_id]
        hours = self.hours[calendar_id] if calendar_id is not None else None
        warn_at, due_at = moments(self.policy, hours, started_at)
        return Clock(
            lead_id=lead_id,
            kind=self.policy.kind,
            cause=cause,
            calendar_id=calendar_id,
            started_at=started_at,
            warn_at=warn_at,
            due_at=due_at,
        )


def moments(policy: SlaPolicy, hours: Hours | None, started_at: datetime) -> tuple[datetime, datetime]:
    """When to warn and when the promise runs out. Without a calendar every hour of every day counts."""
    if hours is None or policy.unit == SlaPolicy.Unit.DAYS:
        minutes = policy.unit == SlaPolicy.Unit.BUSINESS_MINUTES
        length = timedelta(minutes=policy.amount) if minutes else timedelta(days=policy.amount)
        return started_at + policy.warn_at * length, started_at + length
    if policy.unit == SlaPolicy.Unit.BUSINESS_DAYS:
        due_at = add_days(hours, started_at, policy.amount)
    else:
        due_at = add_minutes(hours, started_at, policy.amount)
    return add_minutes(hours, started_at, policy.warn_at * minutes_between(hours, started_at, due_at)), due_at
