"""What the clocks of leads follow from, read for many leads at once: events, touches, meetings and pauses."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection

from funnel.path import Step
from funnel.replies import REPLY
from routing.hours.calendars import Span
from routing.models import Clock
from routing.sla.promises import Appointment, Contact, Facts, Offered, event_cause
from routing.sla.terms import joined

_STEPS: Final = """
SELECT lead_id, kind, to_stage, occurred_at, id, supersedes_id, reason_id FROM funnel_stageevent
WHERE lead_id = ANY(%s) ORDER BY lead_id, occurred_at, id
"""
# The first touch of one of us since some moment, beside rows with `lead_id` and `since`.
_ANSWER: Final = """
JOIN funnel_lead l ON l.id = x.lead_id
LEFT JOIN LATERAL (
    SELECT t.id, t.occurred_at FROM funnel_activity t
    WHERE t.person_id = l.person_id AND t.direction = 'out' AND NOT t.automatic AND t.voided_at IS NULL
      AND t.occurred_at >= x.since
    ORDER BY t.occurred_at, t.id LIMIT 1
) answer ON true
"""
# Of clocks that there are, and of hands that were raised now, whose clocks run from when we learnt of them.
_HANDS: Final = f"""
SELECT x.lead_id, x.cause, x.since, x.new, raised.id, raised.occurred_at, raised.voided_at,
       answer.id, answer.occurred_at
FROM (
    SELECT lead_id, cause, started_at AS since, false AS new FROM routing_clock WHERE lead_id = ANY(%s) AND kind = 'hot'
    UNION ALL
    SELECT h.lead_id, 'activity:' || t.id, least(t.recorded_at, %s), true
    FROM unnest(%s::bigint[], %s::bigint[]) h (lead_id, activity_id) JOIN funnel_activity t ON t.id = h.activity_id
    WHERE NOT EXISTS (SELECT FROM routing_clock c
                      WHERE c.lead_id = h.lead_id AND c.kind = 'hot' AND c.cause = 'activity:' || t.id)
) x
JOIN funnel_activity raised ON raised.id = split_part(x.cause, ':', 2)::bigint
{_ANSWER}
"""
_FOLLOW_UPS: Final = f"""
SELECT x.lead_id, x.id, answer.id, answer.occurred_at
FROM (SELECT lead_id, id, occurred_at AS since FROM funnel_stageevent WHERE lead_id = ANY(%s) AND to_stage = 'sal') x
{_ANSWER} WHERE answer.id IS NOT NULL
"""
_MEETINGS: Final = """
SELECT lead_id, id, booked_at, starts_at, outcome, outcome_at FROM routing_meeting
WHERE lead_id = ANY(%s) ORDER BY lead_id, starts_at, id
"""
_HAND_OFFS: Final = """
SELECT lead_id, id, offered_at, least(accepted_at, returned_at), withdrawn_at FROM routing_handoff
WHERE lead_id = ANY(%s) ORDER BY lead_id, offered_at, id
"""
# Who raises a hand has answered, whatever their touch is called.
_PAUSES: Final = f"""
SELECT p.lead_id, p.starts_at, least(p.until, e.ended_at, reply.occurred_at)
FROM routing_pause p
JOIN funnel_lead l ON l.id = p.lead_id
LEFT JOIN routing_pauseend e ON e.pause_id = p.id
LEFT JOIN LATERAL (
    SELECT t.occurred_at FROM funnel_activity t
    WHERE p.kind = 'reply' AND t.person_id = l.person_id AND t.occurred_at > p.starts_at
      AND ({REPLY} OR t.id = ANY(%s)
           OR EXISTS (SELECT FROM routing_clock h
                      WHERE h.lead_id = l.id AND h.kind = 'hot' AND h.cause = 'activity:' || t.id))
    ORDER BY t.occurred_at LIMIT 1
) reply ON true
WHERE p.lead_id = ANY(%s)
"""


@dataclass(slots=True)
class Known:
    """One lead's clocks, in order of their start, and what they follow from. pauses: in order and apart.

    hands: causes of raised hands that have no clock, and from when it would run.
    """

    clocks: list[Clock] = field(default_factory=list)
    hands: dict[str, datetime] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    pauses: list[Span] = field(default_factory=list)


def read(lead_ids: Collection[int], *, hands: Mapping[int, int], now: datetime) -> dict[int, Known]:
    """What is known about each of these leads. hands: lead -> touch that raised one. Seven queries, however many."""
    known: dict[int, Known] = {lead_id: Known() for lead_id in sorted(lead_ids)}
    clocks = Clock.objects.filter(lead__in=lead_ids).select_related("promise__sla_policy")
    for clock in clocks.order_by("started_at", "pk"):
        known[clock.lead_id].clocks.append(clock)
    for lead_id, *step in _rows(_STEPS, lead_ids):
        known[lead_id].facts.steps.append(Step(*step))
    for lead_id, cause, since, new, *raised, answer, answered_at in _rows(
        _HANDS, lead_ids, now, [*hands], [*hands.values()]
    ):
        if new:
            known[lead_id].hands[cause] = since
        known[lead_id].facts.raised[cause] = Contact(*raised)
        if answer is not None:
            known[lead_id].facts.contacts["hot", cause] = Contact(answer, answered_at)
    for lead_id, event_id, answer, answered_at in _rows(_FOLLOW_UPS, lead_ids):
        known[lead_id].facts.contacts["follow_up", event_cause(event_id)] = Contact(answer, answered_at)
    for lead_id, *meeting in _rows(_MEETINGS, lead_ids):
        known[lead_id].facts.meetings.append(Appointment(*meeting))
    for lead_id, *offered in _rows(_HAND_OFFS, lead_ids):
        known[lead_id].facts.hand_offs.append(Offered(*offered))
    for lead_id, pauses in pauses_of(lead_ids, raised=hands.values()).items():
        known[lead_id].pauses = pauses
    return known


def pauses_of(lead_ids: Collection[int], *, raised: Collection[int] = ()) -> dict[int, list[Span]]:
    """The spans in which the clocks of each lead stood still, or will until their time is over. One query.

    raised: touches by which a hand was raised just now, of which no clock knows yet.
    """
    spans: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for lead_id, begins, ends in _rows(_PAUSES, raised, list(lead_ids)):
        spans[lead_id].append((begins, ends))
    return {lead_id: joined(found) for lead_id, found in spans.items()}


def _rows(sql: str, ids: Collection[int], *more: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(ids), *more])
        return cursor.fetchall()
