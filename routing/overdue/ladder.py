"""What happens as a promise runs out, a rung at a time (domain.md 8.3): the owner is reminded, the managers are told,
the lead goes to somebody else, and an MQL that nobody decides is dealt with. Each rung once, stamped with its own time.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from routing.messages import notices
from routing.messages.notices import Tell
from routing.models import Clock, Notice
from routing.overdue import consequences
from routing.sla.agreement import reconcile
from routing.sla.clocks import follow_offers
from routing.sla.writing import BREACHED, EXPIRED, REASSIGNED, WARNED, Changes, again_at, append, next_at, update

AGAIN: Final = timedelta(minutes=5)  # until a lead that stayed for want of somebody else is tried again


@transaction.atomic
def sweep(*, now: datetime, limit: int) -> int:
    """Look at clocks that have a warning or an end due, the most overdue first. Returns how many.

    Leads that somebody is acting on are left to the next sweep. What stopped in time is met, however late we look.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [now, limit])
        due = cursor.fetchall()
    if not due:
        return 0
    lead_ids = {lead_id for _pk, lead_id in due}
    looked_at = {pk for pk, _lead_id in due}
    climb([clock for clock in reconcile(lead_ids, now=now).clocks if clock.pk in looked_at], now=now)
    follow_offers(_offered_on(lead_ids), now=now)
    return len(due)


def climb(clocks: Sequence[Clock], *, now: datetime) -> None:
    """Do what is due about these clocks, as far as they run. The caller holds their leads' locks.

    A constant number of statements for each rung that somebody stands on.
    """
    changes = Changes()
    running = [clock for clock in clocks if clock.stopped_at is None]
    late = [clock for clock in running if clock.due_at <= now and not clock.breach_told]
    soon = [clock for clock in running if clock.warn_at <= now < clock.due_at and not clock.warned]
    for clock in late:
        clock.breach_told = True
        changes.say(clock, BREACHED, clock.due_at, "due")
    for clock in soon:
        clock.warned = True
        changes.say(clock, WARNED, clock.warn_at, "warn")
    _tell(late, soon, now=now)
    _give_away(running, changes, now=now)
    _expire(running, changes, now=now)
    for clock in clocks:
        clock.next_at = next_at(clock)
    update(clocks)
    append(changes.events, now=now)


def _give_away(running: Sequence[Clock], changes: Changes, *, now: datetime) -> None:
    """The first time at the rung's own time; where nobody else could be given the lead, again until somebody can."""
    first = [clock for clock in running if clock.reassign_at and clock.reassign_at <= now and not clock.reassign_done]
    again = [clock for clock in running if (at := again_at(clock)) and at <= now]
    for clocks, retry in ((first, False), (again, True)):
        if not clocks:
            continue
        passed = consequences.reassign(clocks, again=retry, now=now)
        for clock in clocks:
            clock.reassign_done, clock.reassign_again_at = True, None
        for clock in passed.stayed:
            clock.reassign_again_at = now + AGAIN
        for clock in passed.went:
            assert clock.reassign_at is not None
            changes.say(clock, REASSIGNED, now if retry else clock.reassign_at, "reassign")


def _expire(running: Sequence[Clock], changes: Changes, *, now: datetime) -> None:
    due = [clock for clock in running if clock.expires_at and clock.expires_at <= now and not clock.expiry_done]
    if not due:
        return
    for clock in due:
        assert clock.expires_at is not None
        clock.expiry_done = True
        changes.say(clock, EXPIRED, clock.expires_at, "expiry")
    left = consequences.expire(due, now=now)
    users = notices.managers() if left else []
    tells: list[Tell] = []
    for clock in left:
        tells += _of(clock, users, Notice.Kind.BREACHED, f"clock:{clock.pk}:expiry")
    notices.tell(tells, now=now)


def _tell(late: Sequence[Clock], soon: Sequence[Clock], *, now: datetime) -> None:
    owners = notices.users_of({clock.lead_id for clock in (*late, *soon)})
    managers = notices.managers() if late or soon else []
    tells: list[Tell] = []
    for kind, clocks in ((Notice.Kind.BREACHED, late), (Notice.Kind.WARNED, soon)):
        for clock in clocks:
            owner = owners.get(clock.lead_id)
            whom = {owner} if owner else set()
            if kind == Notice.Kind.BREACHED or not owner:
                whom |= set(managers)
            tells += _of(clock, sorted(whom), kind, f"clock:{clock.pk}")
    notices.tell(tells, now=now)


def _of(clock: Clock, users: Sequence[int], kind: str, cause: str) -> list[Tell]:
    return notices.tell_each(users, kind=kind, cause=cause, lead_id=clock.lead_id, data={"clock": clock.pk})


_DUE: Final = """
SELECT c.id, c.lead_id FROM routing_clock c JOIN funnel_lead l ON l.id = c.lead_id
WHERE c.next_at <= %s ORDER BY c.next_at, c.id LIMIT %s FOR NO KEY UPDATE OF c, l SKIP LOCKED
"""
# Offers that went with their lead to another account executive.
_OFFERED_ON: Final = """
SELECT h.id FROM routing_handoff h
WHERE h.lead_id = ANY(%s) AND h.accepted_at IS NULL AND h.returned_at IS NULL AND h.withdrawn_at IS NULL
  AND h.cause LIKE 'hand_off:%%:moved'
  AND NOT EXISTS (SELECT FROM routing_clock c
                  WHERE c.lead_id = h.lead_id AND c.kind = 'take_over' AND c.cause = 'hand_off:' || h.id)
"""


def _offered_on(lead_ids: Collection[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_OFFERED_ON, [list(lead_ids)])
        return [row[0] for row in cursor.fetchall()]
