"""The cap on contact: a step that would be one touch too many is put off to the first day on which it is not.

Every touch of ours counts, marketing's mails and sales' calls alike.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from funnel.models import Activity
from routing.cadences.arithmetic import Cap, due_times, first_allowed
from routing.day import work
from routing.models import ContactCap
from routing.sla.deadlines import Deadlines

AHEAD: Final = timedelta(days=1)  # steps of the day that is beginning are looked at

_DUE: Final = """
SELECT k.id, k.lead_id, k.shown_at, coalesce(ours.at, '{}') FROM routing_task k
JOIN funnel_lead l ON l.id = k.lead_id
LEFT JOIN LATERAL (
    SELECT array_agg(t.occurred_at) AS at FROM funnel_activity t
    WHERE t.person_id = l.person_id AND t.direction = 'out' AND t.voided_at IS NULL AND t.occurred_at > %(since)s
) ours ON true
WHERE k.state = 'open' AND k.kind = 'step' AND k.shown_at <= %(until)s AND ours.at IS NOT NULL
ORDER BY k.shown_at, k.id
"""


def caps() -> list[Cap]:
    """The caps in force. One query."""
    return [Cap(cap.most, cap.days) for cap in ContactCap.objects.filter(active=True)]


def allowed_at(person_id: int, *, more: Sequence[datetime] = (), now: datetime) -> datetime:
    """The first moment from now on at which we may be in touch with this person. more: touches that are on their way.

    Two queries.
    """
    held = caps()
    if not held:
        return now
    since = now - timedelta(days=max(cap.days for cap in held))
    ours = Activity.objects.filter(person=person_id, direction="out", voided_at=None, occurred_at__gt=since)
    return first_allowed([*ours.values_list("occurred_at", flat=True), *more], held, now=now)


@transaction.atomic
def put_off_over_cap(*, now: datetime, limit: int) -> int:
    """Put off the steps of today that are over a cap, each to the end of the first day that is free. Returns how many.

    A constant number of statements.
    """
    held = caps()
    if not held:
        return 0
    since = now - timedelta(days=max(cap.days for cap in held))
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"since": since, "until": now + AHEAD})
        due = cursor.fetchall()
    late = _over(due, held, now=now)[:limit]
    calendars = Deadlines.read([lead_id for _pk, lead_id, _allowed in late])
    until = {
        pk: due_times([0], allowed, calendars.hours.get(calendars.calendar_of.get(lead_id) or 0))[0]
        for pk, lead_id, allowed in late
    }
    return len(work.put_off(until, cause=f"cap:{now.timestamp():.6f}", actor_id=None, now=now))


def _over(due: Sequence[tuple], held: Sequence[Cap], *, now: datetime) -> list[tuple[int, int, datetime]]:
    found = []
    for pk, lead_id, shown_at, touches in due:
        allowed = first_allowed(touches, held, now=now)
        if allowed > max(shown_at, now):
            found.append((pk, lead_id, allowed))
    return found
