"""Claiming: the act at which several reps are most often at one lead, so that it holds the lock as briefly as it can.

One statement takes the lead and appends the assignment; whoever was slower is answered by one more.
"""

from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import uuid4

from django.db import connection

from funnel.models import Lead, Person, Rep
from funnel.owners import TAKE_FREE
from funnel.staging import as_json
from routing.acts.doing import (
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
from routing.acts.ownership import by_user
from routing.models import Assignment

_LOOK: Final = """
SELECT l.owner_id, l.pool_id, l.closed_at, r.id, r.team_id, p.first_name, p.last_name, p.email
FROM funnel_lead l JOIN funnel_person p ON p.id = l.person_id
LEFT JOIN funnel_rep r ON r.user_id = %s AND r.active
WHERE l.id = %s
"""
_TAKE: Final = f"""
WITH taken AS ({TAKE_FREE})
INSERT INTO routing_assignment
    (lead_id, kind, rep_id, occurred_at, recorded_at, actor_id, explanation, cause, policy, rule)
SELECT id, %(kind)s, %(owner)s, %(now)s, %(now)s, %(actor)s, %(explanation)s, %(cause)s, '', '' FROM taken
RETURNING lead_id
"""
_HOLDER: Final = """
SELECT o.id, o.name, a.kind, a.rep_id, a.occurred_at
FROM funnel_lead l JOIN funnel_rep o ON o.id = l.owner_id
LEFT JOIN LATERAL (SELECT * FROM routing_assignment WHERE lead_id = l.id ORDER BY id DESC LIMIT 1) a ON true
WHERE l.id = %s
"""


class _Seen(NamedTuple):
    """The lead before the act, who wants it, and its person."""

    owner_id: int | None
    pool_id: int | None
    closed_at: datetime | None
    rep_id: int | None
    team_id: int | None
    first_name: str
    last_name: str
    email: str


def claim(lead_id: int, *, user: Any, now: datetime) -> Done:
    """Take an open lead that nobody owns. Raises Refused with who was faster; NotAllowed."""
    require(user, WORK, REASSIGN, deed="claim leads")
    found = _row(_LOOK, [user.pk, lead_id])
    if found is None:
        raise Refused("There is no such lead.")
    seen = _Seen(*found)
    if seen.rep_id is None:
        raise NotAllowed("Only a rep can claim leads, and your log-in is no rep's; give it to somebody instead.")
    if seen.owner_id is None:
        _refuse_unless_open_to(seen, lead_id, user=user, now=now)
    if seen.owner_id is not None or not _take(seen, lead_id, user=user, now=now):
        _refuse_unless_mine(lead_id, seen.rep_id, now=now)
    person = Person(first_name=seen.first_name, last_name=seen.last_name, email=seen.email)
    return Done(lead_id=lead_id, sentence=f"{person} is yours.")


def _refuse_unless_open_to(seen: _Seen, lead_id: int, *, user: Any, now: datetime) -> None:
    if seen.closed_at is None and seen.pool_id in (None, seen.team_id):
        return
    lead = Lead.objects.get(pk=lead_id)
    refuse_if_closed(lead, now=now)
    if not manages(user):
        require_pool(lead, Rep(pk=seen.rep_id, team_id=seen.team_id), deed="claim")


def _take(seen: _Seen, lead_id: int, *, user: Any, now: datetime) -> bool:
    """Whether nobody was faster. The cause is new each time: a claim happens once because the lead is free once."""
    return bool(
        _row(
            _TAKE,
            {
                "lead": lead_id,
                "owner": seen.rep_id,
                "pool": seen.pool_id,
                "kind": Assignment.Kind.CLAIMED.value,
                "now": now,
                "actor": user.pk,
                "explanation": as_json(by_user(owner_id=None, pool_id=seen.pool_id)),
                "cause": f"user:{user.pk}:claim:{uuid4().hex}",
            },
        )
    )


def _refuse_unless_mine(lead_id: int, rep_id: int, *, now: datetime) -> None:
    holder = _row(_HOLDER, [lead_id])
    if holder is None:
        raise Refused("This lead changed hands just now and is with nobody. Look again before you claim it.")
    owner_id, name, kind, given_to, occurred_at = holder
    if owner_id == rep_id:
        return
    since = occurred_at if given_to == owner_id else None
    if since is not None and kind == Assignment.Kind.CLAIMED:
        raise Refused(f"{name} claimed this lead {at_moment(since, now=now)}.")
    raise Refused(f"This lead is with {name}{f' since {moment(since, now=now)}' if since else ''}.")


def _row(sql: str, values: Any) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row
