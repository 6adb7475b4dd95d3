"""Answers that wait: somebody in work has written or called, and none of us has been in touch since."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import connection

from funnel.replies import REPLY
from routing.day import work
from routing.day.work import DONE, Wanted
from routing.models import Task

_WAITING: Final = f"""
SELECT l.id, t.id, t.occurred_at FROM funnel_activity t
JOIN funnel_lead l ON l.person_id = t.person_id AND l.closed_at IS NULL AND l.owner_id IS NOT NULL
                  AND l.stage IN ('sal', 'sql', 'opportunity')
WHERE t.id = ANY(%s) AND {REPLY}
  AND NOT EXISTS (
      SELECT FROM funnel_activity o WHERE o.person_id = t.person_id AND o.direction = 'out' AND NOT o.automatic
        AND o.voided_at IS NULL AND o.occurred_at >= t.occurred_at)
ORDER BY t.occurred_at, t.id
"""
_ANSWERED: Final = """
SELECT k.id FROM funnel_activity t
JOIN funnel_lead l ON l.person_id = t.person_id
JOIN routing_task k ON k.lead_id = l.id AND k.kind = 'reply' AND k.state = 'open' AND k.due_at <= t.occurred_at
WHERE t.id = ANY(%s) AND t.direction = 'out' AND NOT t.automatic AND t.voided_at IS NULL
"""


def follow(activity_ids: Collection[int], *, now: datetime) -> None:
    """Make a task of each answer to us among these touches, and close those that one of ours has answered.

    An automatic reply is nobody's answer. At most four statements, however many touches.
    """
    if not activity_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERED, [list(activity_ids)])
        answered = [pk for (pk,) in cursor.fetchall()]
        cursor.execute(_WAITING, [list(activity_ids)])
        waiting = cursor.fetchall()
    work.close(answered, state=DONE, cause=f"activity:{max(activity_ids)}", actor_id=None, now=now)
    wanted = [
        Wanted(lead_id=lead_id, kind=Task.Kind.REPLY.value, due_at=at, cause=f"activity:{touch_id}")
        for lead_id, touch_id, at in waiting
    ]
    work.make(wanted, actor_id=None, now=now)
