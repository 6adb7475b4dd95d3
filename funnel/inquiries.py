"""Opening inquiries: a touch that counts as a response begins a trip through the funnel, where none is under way.

Origin, segment, region and account are frozen at this moment (architecture.md). What a touch leaves out of its origin,
its campaign says. Everything runs in the caller's transaction, with the people locked (`FOR NO KEY UPDATE`), so that a
person gets no second lead of a solution and no number twice; the database's unique index stands behind that. The caller
decides about the people afterwards: these moves do not have them scored again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from funnel.leads import Opening
from funnel.models import Function
from funnel.stages import open_at_inquiry

_FROZEN = ("motion", "channel_id", "content_id", "campaign_id", "region_id", "segment", "solution_id", "account_id")

# What a touch is about, and where it comes from: what it leaves out, its campaign says (ca), for the account (a) of its
# person or its own.
SOLUTION_OF_TOUCH = "coalesce(t.solution_id, ca.solution_id)"
REGION_OF_TOUCH = "coalesce(a.region_id, ca.region_id)"
TOUCH_WITH_ORIGIN = """funnel_activity t
    JOIN funnel_person p ON p.id = t.person_id
    LEFT JOIN funnel_campaign ca ON ca.id = t.campaign_id
    LEFT JOIN funnel_account a ON a.id = coalesce(p.account_id, t.account_id)"""

# The first touch of each person and solution, without an open lead of that solution, that has not opened one before.
_TOUCHES = f"""
SELECT DISTINCT ON (person_id, solution_id) *
FROM (
    SELECT t.id, t.person_id, t.occurred_at, t.counts_as_response, coalesce(ca.motion, 'new') AS motion,
           coalesce(t.channel_id, ca.channel_id) AS channel_id, t.content_id, t.campaign_id,
           {REGION_OF_TOUCH} AS region_id, coalesce(a.segment, '') AS segment,
           {SOLUTION_OF_TOUCH} AS solution_id, a.id AS account_id
    FROM {TOUCH_WITH_ORIGIN}
    WHERE t.id = ANY(%s) AND t.voided_at IS NULL
) touch
WHERE (counts_as_response OR NOT %s)
  AND NOT EXISTS (SELECT FROM funnel_lead l WHERE l.person_id = touch.person_id AND l.closed_at IS NULL
                  AND l.solution_id IS NOT DISTINCT FROM touch.solution_id)
  AND NOT EXISTS (SELECT FROM funnel_lead l JOIN funnel_stageevent e ON e.lead_id = l.id
                  WHERE l.person_id = touch.person_id AND e.cause = 'activity:' || touch.id)
ORDER BY person_id, solution_id, occurred_at, id
"""
# A new trip where an old one ended: its origin stands, the account is asked again.
_AGAIN = """
SELECT l.id, l.person_id, l.function, l.motion, l.channel_id, l.content_id, l.campaign_id,
       coalesce(a.region_id, l.region_id) AS region_id, coalesce(a.segment, l.segment) AS segment,
       l.solution_id, coalesce(a.id, l.account_id) AS account_id
FROM funnel_lead l
JOIN funnel_person p ON p.id = l.person_id
LEFT JOIN funnel_account a ON a.id = p.account_id
WHERE l.id = ANY(%s)
ORDER BY l.id
"""


@dataclass(frozen=True, slots=True)
class _Inquiry:
    """A lead to open, and what makes it so."""

    object_id: int
    cause: str
    opening: Opening


def open_inquiries(activity_ids: Collection[int], *, now: datetime) -> list[int]:
    """Open an inquiry for each person whose touch counts as a response and who has no open lead of its solution.

    Several responses of a batch open one lead a person and solution, by the earliest of them. The same touch never
    opens a second one. Returns the ids of the leads, in the order of their people.
    """
    return list(_open(_of_touches(activity_ids, responses=True), now=now).values())


def open_for_touches(activity_ids: Collection[int], *, now: datetime) -> dict[int, int]:
    """Likewise for touches that need not count as a response, such as a fast track. Returns touch -> lead."""
    return _open(_of_touches(activity_ids, responses=False), now=now)


def open_again(lead_ids: Collection[int], *, now: datetime) -> dict[int, int]:
    """Open a new lead of the same origin and solution for each of these closed ones. Returns closed -> new lead.

    The caller has made sure that none of the solution is open.
    """
    inquiries = [
        _Inquiry(row["id"], f"revisit:{row['id']}", _opening(row, function=row["function"]))
        for row in _rows(_AGAIN, [list(lead_ids)])
    ]
    return _open(inquiries, now=now)


def _of_touches(activity_ids: Collection[int], *, responses: bool) -> list[_Inquiry]:
    if not activity_ids:
        return []
    rows = _rows(_TOUCHES, [list(activity_ids), responses])
    return [_Inquiry(row["id"], f"activity:{row['id']}", _opening(row)) for row in rows]


def _opening(row: dict, *, function: str = Function.MARKETING.value) -> Opening:
    return Opening(person_id=row["person_id"], function=function, **{name: row[name] for name in _FROZEN})


def _open(inquiries: Sequence[_Inquiry], *, now: datetime) -> dict[int, int]:
    """Open the leads and put them at Inquiry. Returns what each was opened for -> lead."""
    if not inquiries:
        return {}
    openings, causes = [one.opening for one in inquiries], [one.cause for one in inquiries]
    lead_ids = open_at_inquiry(openings, causes, now=now)
    return {inquiry.object_id: lead_id for lead_id, inquiry in zip(lead_ids, inquiries, strict=True)}


def _rows(sql: str, parameters: list) -> list[dict]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
