"""Measuring, lead by lead, at which interest buyers agree to talk (R96); talking_point.py makes figures of it.

Every lead that began as an inquiry is given the same DAYS. Its buyer has agreed to talk when, within them, a meeting
was booked, a hand was raised, or the lead became an SQL, whichever was first. The interest is that right before this
moment, so that the request itself counts nothing; of buyers who did not agree, the most they had in those days while
the lead was open. It is worked out from the touches as they are known today, by the version that decides about the lead
today: stored scores tell interest only where a band changed, which is not exact enough for bands of ten points.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from reporting.models import Talk
from routing.leads.interest import BEFORE, interest_at
from scoring import evidence
from scoring.parts import Judge, Parts
from scoring.policy import Policy, live_policies
from scoring.qualifying import FAST_TRACK
from scoring.scopes import Scopes

DAYS: Final = 60
LATEST: Final = 20_000  # leads that are measured, those opened last
CHUNK: Final = 500

# Leads among the latest whose days are over and that are not measured by the version that decides about them now.
_UNMEASURED: Final = """
SELECT l.id, l.person_id, {model}, date_part('epoch', l.inquiry_at),
       date_part('epoch', least(l.inquiry_at + make_interval(days => %(days)s), l.closed_at)),
       date_part('epoch', talked.at)
FROM (
    SELECT * FROM funnel_lead
    WHERE entry_stage = 'inquiry' AND inquiry_at <= %(until)s AND exit NOT IN ('void', 'merged')
    ORDER BY inquiry_at DESC, id DESC LIMIT %(latest)s
) l
LEFT JOIN reporting_talk t ON t.lead_id = l.id AND t.model_id = {model}
LEFT JOIN LATERAL (
    SELECT min(at) AS at FROM (
        SELECT l.sql_at AS at
        UNION ALL SELECT m.booked_at FROM routing_meeting m WHERE m.lead_id = l.id
        UNION ALL SELECT coalesce(a.occurred_at, e.occurred_at) FROM funnel_stageevent e
            LEFT JOIN funnel_activity a ON a.id = split_part(e.cause, ':', 3)::bigint
            WHERE e.lead_id = l.id AND e.cause LIKE 'mql:activity:%%:{fast_track}'
              AND NOT EXISTS (SELECT FROM funnel_stageevent v WHERE v.supersedes_id = e.id)
    ) moments WHERE at < l.inquiry_at + make_interval(days => %(days)s)
) talked ON true
WHERE t.lead_id IS NULL AND {model} IS NOT NULL
ORDER BY l.inquiry_at DESC, l.id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class _Lead:
    """A lead to measure. Times in seconds since 1970; talked: None where the buyer did not agree."""

    id: int
    person_id: int
    model_id: int
    opened: float
    ended: float
    talked: float | None


@transaction.atomic
def measure(*, now: datetime, limit: int = CHUNK) -> int:
    """Measure leads whose days are over, the latest first, at most `limit`; returns how many.

    Restartable; what is measured stays until another version decides. Five statements a version, whatever the leads.
    """
    policies, scopes = live_policies()
    by_id = {policy.id: policy for policy in policies}
    leads = _unmeasured(scopes, now=now, limit=limit) if scopes.ordered else []
    measured: list[Talk] = []
    for model_id in sorted({lead.model_id for lead in leads}):
        measured += _interests(by_id[model_id], [lead for lead in leads if lead.model_id == model_id], now=now)
    Talk.objects.bulk_create(
        measured,
        update_conflicts=True,
        unique_fields=["lead"],
        update_fields=["model", "interest", "talked_at"],
    )
    return len(leads)


def _unmeasured(scopes: Scopes, *, now: datetime, limit: int) -> list[_Lead]:
    sql = _UNMEASURED.format(model=scopes.sql(), fast_track=FAST_TRACK)
    asked: dict[str, Any] = {"days": DAYS, "until": now - timedelta(days=DAYS), "latest": LATEST, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        return [_Lead(*row) for row in cursor.fetchall()]


def _interests(policy: Policy, leads: list[_Lead], *, now: datetime) -> Iterable[Talk]:
    known = evidence.read(policy, {lead.person_id for lead in leads}, at=now, past=False)
    judge = Judge(policy, at=now)
    parts = {pk: Parts(policy, found, at=now, judge=judge) for pk, found in known.items()}
    for lead in leads:
        yield Talk(
            lead_id=lead.id,
            model_id=policy.id,
            interest=_interest(parts[lead.person_id], lead),
            talked_at=None if lead.talked is None else datetime.fromtimestamp(lead.talked, now.tzinfo),
        )


def _interest(parts: Parts, lead: _Lead) -> float:
    """Right before they agreed; else the most, which interest has right after a touch or at the beginning."""
    if lead.talked is not None:
        return float(interest_at(parts, [lead.talked - BEFORE])[0])
    touched = {one.touch.moment for one in parts.earned if lead.opened < one.touch.moment <= lead.ended}
    return float(interest_at(parts, [lead.opened, *touched]).max())
