"""Claiming: the act at which several reps are most often at one lead, so that it holds the lock as briefly as it can.

A few plain statements decide instead of whole rows; whoever was slower is answered by one more.
"""

from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from funnel.models import Lead, Person, Rep
from routing.acts import (
    REASSIGN,
    WORK,
    Done,
    NotAllowed,
    Refused,
    at_moment,
    manages,
    moment,
    refuse_if_closed,
    require,
    require_pool,
)
from routing.models import Assignment
from routing.ownership import HandOver, hand_over

_WHO: Final = """
SELECT p.first_name, p.last_name, p.email, p.id, r.id, r.team_id
FROM funnel_lead l JOIN funnel_person p ON p.id = l.person_id
LEFT JOIN funnel_rep r ON r.user_id = %s AND r.active
WHERE l.id = %s
"""
_LOCK: Final = "SELECT owner_id, pool_id, closed_at FROM funnel_lead WHERE id = %s FOR NO KEY UPDATE"
# Asked under the lock and after it, so that it sees what the one before did.
_LATEST: Final = """
SELECT a.id, a.kind, a.rep_id, a.occurred_at, o.name
FROM funnel_lead l LEFT JOIN funnel_rep o ON o.id = l.owner_id
LEFT JOIN LATERAL (SELECT * FROM routing_assignment WHERE lead_id = l.id ORDER BY id DESC LIMIT 1) a ON true
WHERE l.id = %s
"""


def claim(lead_id: int, *, user: Any, now: datetime) -> Done:
    """Take an open lead that nobody owns. Raises Refused with who was faster; NotAllowed."""
    require(user, WORK, REASSIGN, deed="claim leads")
    found = _row(_WHO, [user.pk, lead_id])
    if found is None:
        raise Refused("There is no such lead.")
    first, last, email, person_id, rep_id, team_id = found
    if rep_id is None:
        raise NotAllowed("Only a rep can claim leads, and your log-in is no rep's; give it to somebody instead.")
    person = Person(pk=person_id, first_name=first, last_name=last, email=email)
    with transaction.atomic():
        owner_id, pool_id, closed_at = _row(_LOCK, [lead_id]) or (None, None, None)
        if owner_id != rep_id:
            _take(lead_id, Rep(pk=rep_id, team_id=team_id), owner_id, pool_id, closed_at, user=user, now=now)
    return Done(lead_id=lead_id, sentence=f"{person} is yours.")


def _take(
    lead_id: int, rep: Rep, owner_id: int | None, pool_id: int | None, closed_at: datetime | None, *, user: Any,
    now: datetime,
) -> None:  # fmt: skip
    pk, kind, holder_id, since, holder = _row(_LATEST, [lead_id]) or (None,) * 5
    if owner_id is not None:
        claimed = kind == Assignment.Kind.CLAIMED and holder_id == owner_id
        raise Refused(_slower(holder, since if holder_id == owner_id else None, claimed=claimed, now=now))
    if closed_at is not None or pool_id not in (None, rep.team_id):
        lead = Lead.objects.get(pk=lead_id)
        refuse_if_closed(lead, now=now)
        if not manages(user):
            require_pool(lead, rep, deed="claim")
    taking = HandOver(
        lead=Lead(pk=lead_id, owner_id=None, pool_id=pool_id),  # as much of it as changing hands asks for
        kind=Assignment.Kind.CLAIMED.value,
        rep_id=rep.pk,
        cause=f"user:{user.pk}:claim:{pk or 0}",
    )
    hand_over([taking], actor=user, now=now)


def _slower(holder: str | None, since: datetime | None, *, claimed: bool, now: datetime) -> str:
    if claimed and since is not None:
        return f"{holder} claimed this lead {at_moment(since, now=now)}."
    return f"This lead is with {holder}{f' since {moment(since, now=now)}' if since else ''}."


def _row(sql: str, values: list[Any]) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row
