"""The clocks of promises, made to agree with what happened.

`follow` is told what moved, who was in touch and who raised a hand; that time has passed is seen by `sweep` of
routing/overdue/ladder.py. Both make the clocks say what the standing events, touches, meetings and pauses say
(promises.py, terms.py). Whether a promise was kept is `stopped_at <= due_at`, whenever somebody looked. Locks: leads in
id order; clocks change under the lock of their lead only.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final, Protocol

from django.db import connection, transaction

from funnel import hints, inbox
from funnel.replies import REPLY
from routing.messages import notices, outbox
from routing.models import Clock, Notice, SlaPromise
from routing.sla.agreement import reconcile
from routing.sla.promises import touch_cause

ACCEPT = SlaPromise.Kind.ACCEPT.value


class RaisedHand(Protocol):
    """A fast-track touch about a lead (scoring.qualifying.ReRaise)."""

    @property
    def lead_id(self) -> int: ...

    @property
    def activity_id(self) -> int: ...


# --- what others call -----------------------------------------------------------------------------


@transaction.atomic
def follow(
    event_ids: Collection[int] = (),
    *,
    touches: Collection[int] = (),
    raised: Iterable[RaisedHand] = (),
    now: datetime,
) -> None:
    """Bring the clocks in line with stage events, touches and raised hands that were heard of.

    An entry into a stage among the events starts its clocks. A touch of one of us stops those that it answers; one of
    theirs ends pauses that wait for a reply. A raised hand starts a clock from when we learnt of it, and the owner is
    told once; a lead has one such clock at a time: a second hand does not prolong the first one's.
    Idempotent, in any order; the same constant number of statements for one event and a thousand.
    """
    hands = {hand.lead_id: hand.activity_id for hand in sorted(raised, key=lambda h: h.activity_id, reverse=True)}
    lead_ids = _concerned(event_ids, touches) | hands.keys()
    if not lead_ids:
        return
    _lock(lead_ids)
    reconcile(lead_ids, now=now, heard=frozenset(f"stage_event:{pk}" for pk in event_ids), hands=hands)
    if hands:
        cause_of = {lead_id: touch_cause(activity_id) for lead_id, activity_id in hands.items()}
        if notices.tell_owners(hands, kind=Notice.Kind.HOT, now=now, causes=cause_of, urgent=True):
            hints.look(outbox.DELIVER, pause=inbox.HINT_PAUSE)  # outside the product too, before beat comes around


@transaction.atomic
def follow_meetings(meeting_ids: Collection[int], *, now: datetime) -> None:
    """Bring the clocks of these meetings' leads in line, after one was booked, or somebody said how it went."""
    lead_ids = _ids("SELECT DISTINCT lead_id FROM routing_meeting WHERE id = ANY(%s)", meeting_ids)
    _lock(lead_ids)
    reconcile(lead_ids, now=now, heard=frozenset(f"meeting:{pk}" for pk in meeting_ids))


@transaction.atomic
def follow_leads(lead_ids: Collection[int], *, now: datetime) -> None:
    """Bring the clocks that these leads have in line, after something else about them has changed."""
    _lock(lead_ids)
    reconcile(lead_ids, now=now)


@transaction.atomic
def start_meetings(*, now: datetime, limit: int) -> int:
    """Start the clocks of meetings whose time has come while nobody said how they went. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGUN, [now, limit])
        begun = cursor.fetchall()
    if not begun:
        return 0
    heard = frozenset(f"meeting:{pk}" for pk, _lead_id in begun)
    return reconcile({lead_id for _pk, lead_id in begun}, now=now, heard=heard).started


def follow_offers(hand_off_ids: Collection[int], *, now: datetime) -> None:
    """Start the clocks of these offers of SQLs, in the transaction that makes them, so that one which is answered at
    once has had a clock too. Nothing twice, and no statement where there are none.
    """
    if not hand_off_ids:
        return
    with transaction.atomic():
        lead_ids = _ids("SELECT DISTINCT lead_id FROM routing_handoff WHERE id = ANY(%s)", hand_off_ids)
        _lock(lead_ids)
        reconcile(lead_ids, now=now, heard=frozenset(f"hand_off:{pk}" for pk in hand_off_ids))


@transaction.atomic
def follow_hand_offs(*, now: datetime, limit: int) -> int:
    """Start the clocks of SQLs that wait for their account executive and have none, as a net below `follow_offers`, and
    end those that were answered. Returns how many.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HANDED, [limit])
        handed = cursor.fetchall()
    if not handed:
        return 0
    heard = frozenset(f"hand_off:{pk}" for pk, _lead_id, _answered in handed)
    started = reconcile({lead_id for _pk, lead_id, _answered in handed}, now=now, heard=heard).started
    return started + sum(answered for _pk, _lead_id, answered in handed)


def may_cool(lead_ids: Collection[int]) -> list[int]:
    """Which of these leads no accept clock holds. One that runs, or ran out unanswered, keeps its lead an MQL."""
    held = Clock.objects.filter(lead__in=lead_ids, kind=ACCEPT, stopped_at=None).values_list("lead", flat=True)
    return sorted(set(lead_ids) - set(held))


# --- whom it is about -----------------------------------------------------------------------------

# Also of clocks that ended, and of pauses that are over: what came before that may be heard of afterwards.
_TOUCHED: Final = f"""
SELECT DISTINCT l.id FROM funnel_activity t
JOIN funnel_lead l ON l.person_id = t.person_id
WHERE t.id = ANY(%s)
  AND (t.direction = 'out' AND NOT t.automatic AND EXISTS (
           SELECT FROM routing_clock c WHERE c.lead_id = l.id AND c.kind IN ('hot', 'follow_up')
           AND (c.stopped_at IS NULL OR c.stopped_at > t.occurred_at))
       OR {REPLY} AND EXISTS (
           SELECT FROM routing_pause p WHERE p.lead_id = l.id AND p.kind = 'reply'
           AND p.starts_at < t.occurred_at AND p.until > t.occurred_at))
"""
_BEGUN: Final = """
SELECT m.id, m.lead_id FROM routing_meeting m JOIN funnel_lead l ON l.id = m.lead_id
WHERE m.outcome = '' AND m.starts_at <= %s AND l.closed_at IS NULL
  AND EXISTS (SELECT FROM routing_slapromise p JOIN routing_slapolicy v ON v.id = p.sla_policy_id
              WHERE v.status = 'published' AND p.kind = 'outcome')
  AND NOT EXISTS (SELECT FROM routing_clock c WHERE c.lead_id = m.lead_id AND c.kind = 'outcome'
                  AND c.cause = 'meeting:' || m.id || ':' || floor(extract(epoch FROM m.starts_at))::bigint)
ORDER BY m.starts_at, m.id LIMIT %s FOR NO KEY UPDATE OF l SKIP LOCKED
"""
# Those that nobody has answered and whose clock does not run; and clocks that run although somebody has.
_HANDED: Final = """
SELECT x.id, x.lead_id, x.answered FROM (
    SELECT h.id, h.lead_id, false AS answered FROM routing_handoff h
    LEFT JOIN routing_clock c ON c.lead_id = h.lead_id AND c.kind = 'take_over' AND c.cause = 'hand_off:' || h.id
    WHERE h.accepted_at IS NULL AND h.returned_at IS NULL AND h.withdrawn_at IS NULL
      AND (c.id IS NULL OR c.stopped_at IS NOT NULL)
    UNION ALL
    SELECT h.id, h.lead_id, true FROM routing_clock c
    JOIN routing_handoff h ON h.id = split_part(c.cause, ':', 2)::bigint
    WHERE c.stopped_at IS NULL AND c.kind = 'take_over'
      AND (h.accepted_at IS NOT NULL OR h.returned_at IS NOT NULL OR h.withdrawn_at IS NOT NULL)
) x JOIN funnel_lead l ON l.id = x.lead_id AND (x.answered OR l.closed_at IS NULL)
ORDER BY x.id LIMIT %s FOR NO KEY UPDATE OF l SKIP LOCKED
"""


def _ids(sql: str, ids: Collection[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(ids)])
        return [row[0] for row in cursor.fetchall()]


def _lock(lead_ids: Collection[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM funnel_lead WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(lead_ids)])


def _concerned(event_ids: Collection[int], touches: Collection[int]) -> set[int]:
    """The leads whose clocks these may change."""
    found: set[int] = set()
    if event_ids:
        found |= {*_ids("SELECT DISTINCT lead_id FROM funnel_stageevent WHERE id = ANY(%s)", event_ids)}
    if touches:
        found |= {*_ids(_TOUCHED, touches)}
    return found
