"""Attempts that were made elsewhere: a call of the telephone system, a mail with a blind copy, a row of a CRM.

Their touches come in like all others; each becomes an attempt about the lead that was in work then, so that the ledger
of attempts is whole, and does the step of a cadence that was due.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import connection

from routing.day import work
from routing.day.work import DONE

# How a touch of ours reached somebody, by what its type is called.
_MEDIUM: Final = """CASE WHEN t.type ~* 'call|phone|voicemail' THEN 'call' WHEN t.type ~* 'mail' THEN 'email'
                         WHEN t.type ~* 'linkedin|social|message' THEN 'social' END"""
_OUTCOME: Final = """CASE WHEN {medium} <> 'call' THEN 'sent' WHEN t.type ~* 'voicemail' THEN 'voicemail'
    WHEN t.payload ->> 'outcome' IN ('connected', 'voicemail', 'no_answer', 'wrong_number') THEN t.payload ->> 'outcome'
    ELSE 'unknown' END""".replace("{medium}", f"({_MEDIUM})")
_RECORD: Final = f"""
INSERT INTO routing_attempt (lead_id, rep_id, medium, outcome, occurred_at, activity_id)
SELECT l.id, l.owner_id, {_MEDIUM}, {_OUTCOME}, t.occurred_at, t.id
FROM funnel_activity t
JOIN LATERAL (
    SELECT id, owner_id FROM funnel_lead
    WHERE person_id = t.person_id AND coalesce(mql_at, sal_at, sql_at) <= t.occurred_at
      AND (closed_at IS NULL OR closed_at > t.occurred_at)
    ORDER BY number DESC LIMIT 1
) l ON true
WHERE t.id = ANY(%s) AND t.direction = 'out' AND NOT t.automatic AND t.voided_at IS NULL AND {_MEDIUM} IS NOT NULL
ON CONFLICT (activity_id) DO NOTHING
RETURNING id, lead_id, medium, occurred_at
"""
_STEPS: Final = """
SELECT DISTINCT ON (k.id) k.id, a.id FROM routing_attempt a
JOIN LATERAL (
    SELECT k.id FROM routing_task k
    WHERE k.lead_id = a.lead_id AND k.kind = 'step' AND k.state = 'open' AND k.medium = a.medium
      AND k.made_at <= a.occurred_at AND k.shown_at <= a.occurred_at + interval '1 day'
    ORDER BY k.shown_at, k.id LIMIT 1
) k ON true
WHERE a.id = ANY(%s) ORDER BY k.id, a.id
"""


def follow(activity_ids: Collection[int], *, now: datetime) -> list[int]:
    """Record the attempts among these touches, once each, and close the steps they did. Returns the attempts' ids.

    At most three statements, however many touches.
    """
    if not activity_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, [list(activity_ids)])
        made = [row[0] for row in cursor.fetchall()]
        if not made:
            return []
        cursor.execute(_STEPS, [made])
        causes = {task_id: f"attempt:{attempt_id}" for task_id, attempt_id in cursor.fetchall()}
    work.close_each(causes, state=DONE, actor_id=None, now=now)
    return made
