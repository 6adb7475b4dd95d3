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
# Who waited in vain finds no row and holds no lock, so that those behind need not wait for the answer.
_LOCK: Final = "SELECT pool_id, closed_at FROM funnel_lead WHERE id = %s AND owner_id IS NULL FOR NO KEY UPDATE"
_LATEST: Final = "SELECT max(id) FROM routing_assignment WHERE lead_id = %s"
_HOLDER: Final = """
SELECT o.id, o.name, a.kind, a.rep_id, a.occurred_at
FROM funnel_lead l JOIN funnel_rep o ON o.id = l.owner_id
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
    with transaction.atomic():
        free = _row(_LOCK, [lead_id])
        if free is not None:
            _take(lead_id, Rep(pk=rep_id, team_id=team_id), *free, user=user, now=now)
    if free is None:
        _refuse_unless_mine(lead_id, rep_id, now=now)
    person = Person(pk=person_id, first_name=first, last_name=last, email=email)
    return Done(lead_id=lead_id, sentence=f"{person} is yours.")


def _take(lead_id: int, rep: Rep, pool_id: int | None, closed_at: datetime | None, *, user: Any, now: datetime) -> None:
    if closed_at is not None or pool_id not in (None, rep.team_id):
        lead = Lead.objects.get(pk=lead_id)
        refuse_if_closed(lead, now=now)
        if not manages(user):
            require_pool(lead, rep, deed="claim")
    (latest,) = _row(_LATEST, [lead_id]) or (None,)
    taking = HandOver(
        lead=Lead(pk=lead_id, owner_id=None, pool_id=pool_id),  # as much of it as changing hands asks for
        kind=Assignment.Kind.CLAIMED.value,
        rep_id=rep.pk,
        cause=f"user:{user.pk}:claim:{latest or 0}",
    )
    hand_over([taking], actor=user, now=now)


def _refuse_unless_mine(lead_id: int, rep_id: int, *, now: datetime) -> None:
    holder = _row(_HOLDER, [lead_id])
    if holder is None:
        raise Refused("This lead was given back just now. Claim it again.")
    owner_id, name, kind, given_to, since = holder
    if owner_id != rep_id:
        claimed = kind == Assignment.Kind.CLAIMED and given_to == owner_id
        raise Refused(_slower(name, since if given_to == owner_id else None, claimed=claimed, now=now))


def _slower(holder: str, since: datetime | None, *, claimed: bool, now: datetime) -> str:
    if claimed and since is not None:
        return f"{holder} claimed this lead {at_moment(since, now=now)}."
    return f"This lead is with {holder}{f' since {moment(since, now=now)}' if since else ''}."


def _row(sql: str, values: list[Any]) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row
