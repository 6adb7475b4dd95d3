"""Leads in cadences: enrolled, their steps made as tasks, stopped once and for one cause.

Set-based: enrolling or stopping a thousand leads is the same number of statements as one. What stops a run is decided
by arithmetic.py from what stands in the database, so that it does not matter who looks first or how often.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from funnel.conditions import ConditionError
from funnel.conditions import compile as compile_condition
from funnel.replies import REPLY
from funnel.versions import Status
from routing.acts.doing import UNDO, Done, Refused, to_work
from routing.cadences.arithmetic import Known, due_times, why_stopped
from routing.day import work
from routing.day.work import DROPPED, Wanted
from routing.fields import FIELDS
from routing.models import Cadence, Enrolment, Task
from routing.sla.deadlines import Deadlines

_ACCEPTED: Final = """
SELECT e.lead_id, e.id FROM funnel_stageevent e JOIN funnel_lead l ON l.id = e.lead_id
WHERE e.id = ANY(%s) AND e.to_stage = 'sal' AND e.kind = 'advance' AND l.closed_at IS NULL AND l.stage = 'sal'
"""
_ENROL: Final = """
INSERT INTO routing_enrolment (lead_id, cadence_id, cause, started_at, started_by_id, stop)
SELECT n.lead_id, n.cadence_id, n.cause, %(now)s, %(actor)s, ''
FROM unnest(%(leads)s::bigint[], %(cadences)s::bigint[], %(causes)s::text[]) n (lead_id, cadence_id, cause)
JOIN funnel_lead l ON l.id = n.lead_id JOIN funnel_person p ON p.id = l.person_id
WHERE l.closed_at IS NULL AND l.owner_id IS NOT NULL AND l.stage = 'sal' AND NOT p.opted_out
ON CONFLICT DO NOTHING
RETURNING id, lead_id, cadence_id
"""
_KNOWN: Final = f"""
SELECT n.id, n.started_at, reply.at, meeting.at,
       CASE WHEN l.closed_at IS NOT NULL THEN greatest(l.closed_at, n.started_at) END,
       CASE WHEN l.closed_at IS NULL AND l.stage <> 'sal' THEN greatest(l.stage_since, n.started_at) END,
       p.opted_out, (SELECT count(*) FROM routing_task k
                     WHERE k.enrolment_id = n.id AND (k.state = 'open' OR k.closed_at > %(undoable)s)),
       c.stop_on_reply, c.stop_on_meeting
FROM routing_enrolment n
JOIN routing_cadence c ON c.id = n.cadence_id
JOIN funnel_lead l ON l.id = n.lead_id JOIN funnel_person p ON p.id = l.person_id
LEFT JOIN LATERAL (
    SELECT t.occurred_at AS at FROM funnel_activity t
    WHERE t.person_id = l.person_id AND t.occurred_at >= n.started_at AND {REPLY}
    ORDER BY t.occurred_at LIMIT 1
) reply ON true
LEFT JOIN LATERAL (
    SELECT min(m.booked_at) AS at FROM routing_meeting m WHERE m.lead_id = l.id AND m.booked_at >= n.started_at
) meeting ON true
WHERE n.stopped_at IS NULL
"""
_AMONG: Final = " AND n.lead_id = ANY(%(leads)s)"
_STOP: Final = """
UPDATE routing_enrolment n SET stopped_at = x.at, stop = x.stop
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) x (id, stop, at)
WHERE n.id = x.id AND n.stopped_at IS NULL RETURNING n.id
"""


# --- What others call -----------------------------------------------------------------------------


def follow(event_ids: Collection[int], touch_ids: Collection[int], *, now: datetime) -> None:
    """After moves and touches: stop whoever answered or left, enrol who was accepted. A fixed number of statements."""
    if not (event_ids or touch_ids):
        return
    leads = _leads_of(event_ids, touch_ids)
    stop_what_is_over(now=now, among=leads)
    if event_ids:
        enrol_accepted(event_ids, now=now)


def enrol_accepted(event_ids: Collection[int], *, now: datetime) -> list[int]:
    """Enrol the leads that these events accepted into the first published cadence that is for them, if one is."""
    offered = [cadence for cadence in published() if cadence.on_acceptance]
    if not offered:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_ACCEPTED, [list(event_ids)])
        causes = {lead_id: f"stage_event:{event_id}" for lead_id, event_id in cursor.fetchall()}
    chosen = match(list(causes), offered)
    return _enrol([(lead_id, cadence, causes[lead_id]) for lead_id, cadence in chosen.items()], actor=None, now=now)


def stop_what_is_over(*, now: datetime, among: Collection[int] | None = None, limit: int | None = None) -> int:
    """Stop the runs for which something has happened that stops them. Returns how many. among: only of these leads."""
    if among is not None and not among:
        return 0
    values: dict[str, Any] = {"leads": list(among or ()), "undoable": now - UNDO}
    with connection.cursor() as cursor:
        cursor.execute(f"{_KNOWN}{_AMONG if among is not None else ''} ORDER BY n.id", values)
        rows = cursor.fetchall()
    over = [(pk, why[0], why[1] or now) for pk, *facts in rows if (why := why_stopped(_known(facts))) is not None]
    return len(_stop(over[:limit], now=now, actor_id=None))


def published() -> list[Cadence]:
    """The cadences in force, in the order in which they are offered. Two queries."""
    found = Cadence.objects.filter(status=Status.PUBLISHED).order_by("position", "name")
    return list(found.prefetch_related("steps"))


def match(lead_ids: Sequence[int], cadences: Sequence[Cadence]) -> dict[int, Cadence]:
    """The first of the cadences whose condition each lead meets. One statement; a condition that can no longer be read
    holds for nobody.
    """
    readable = []
    for cadence in cadences:
        try:
            readable.append((cadence, compile_condition(cadence.condition, FIELDS)))
        except ConditionError:
            continue
    if not lead_ids or not readable:
        return {}
    groups = frozenset().union(*(condition.groups for _cadence, condition in readable))
    cases = " ".join(f"WHEN ({condition.sql}) THEN {place}" for place, (_one, condition) in enumerate(readable))
    params = [param for _cadence, condition in readable for param in condition.params]
    joins = FIELDS.joins(groups, root="lead")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT l.id, CASE {cases} END FROM funnel_lead l {joins} WHERE l.id = ANY(%s)", [*params, list(lead_ids)]
        )
        return {lead_id: readable[place][0] for lead_id, place in cursor.fetchall() if place is not None}


# --- What people do -------------------------------------------------------------------------------


@transaction.atomic
def enrol(lead_id: int, *, cadence_id: int, user: Any, now: datetime) -> Done:
    """Put an accepted lead into a published cadence; one runs at a time. Raises Refused, NotAllowed."""
    lead = to_work(lead_id, user=user, deed="start cadences", now=now)
    cadence = Cadence.objects.filter(pk=cadence_id, status=Status.PUBLISHED).prefetch_related("steps").first()
    if cadence is None:
        raise Refused("This cadence is not in force; another version may be.")
    running = Enrolment.objects.filter(lead=lead, stopped_at=None).select_related("cadence").first()
    if running is not None and running.cadence_id == cadence.pk:
        return Done(lead_id=lead.pk, sentence=f"{lead.person} is in “{cadence.name}” already.", stays=True)
    if running is not None:
        raise Refused(f"{lead.person} is in “{running.cadence.name}”; stop that first.")
    if lead.stage != "sal" or lead.owner_id is None:
        raise Refused("A cadence is for leads that are accepted and that somebody owns.")
    if lead.person.opted_out:
        raise Refused(f"{lead.person} wants no more mail, so no cadence is started.")
    _enrol([(lead.pk, cadence, f"user:{user.pk}:enrol:{now.timestamp():.6f}")], actor=user.pk, now=now)
    return Done(lead_id=lead.pk, sentence=f"{lead.person} is in “{cadence.name}” from now on.", stays=True)


@transaction.atomic
def stop(lead_id: int, *, user: Any, now: datetime) -> Done:
    """Take a lead out of its cadence; the steps that are left are no longer needed. Raises Refused, NotAllowed."""
    lead = to_work(lead_id, user=user, deed="stop cadences", now=now, closed=True)
    running = Enrolment.objects.filter(lead=lead, stopped_at=None).select_related("cadence").first()
    if running is None:
        raise Refused(f"{lead.person} is in no cadence.")
    _stop([(running.pk, Enrolment.Stop.BY_HAND.value, now)], now=now, actor_id=user.pk)
    return Done(lead_id=lead.pk, sentence=f"{lead.person} is out of “{running.cadence.name}”.", stays=True)


# --- Their parts ----------------------------------------------------------------------------------


def _enrol(wanted: Sequence[tuple[int, Cadence, str]], *, actor: int | None, now: datetime) -> list[int]:
    """Write the runs that may be and make their steps. Returns the leads. Six statements, however many."""
    if not wanted:
        return []
    values: dict[str, Any] = {
        "leads": [lead_id for lead_id, _cadence, _cause in wanted],
        "cadences": [cadence.pk for _lead_id, cadence, _cause in wanted],
        "causes": [cause for _lead_id, _cadence, cause in wanted],
        "actor": actor,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ENROL, values)
        made = cursor.fetchall()
    steps_of = {cadence.pk: list(cadence.steps.all()) for _lead_id, cadence, _cause in wanted}
    calendars = Deadlines.read([lead_id for _pk, lead_id, _cadence in made])
    tasks = []
    for pk, lead_id, cadence_id in made:
        hours = calendars.hours.get(calendars.calendar_of.get(lead_id) or 0)
        steps = steps_of[cadence_id]
        tasks += [
            Wanted(
                lead_id=lead_id,
                kind=Task.Kind.STEP.value,
                medium=step.medium,
                due_at=due_at,
                cause=f"enrolment:{pk}:{step.position}",
                enrolment_id=pk,
                step_id=step.pk,
            )
            for step, due_at in zip(steps, due_times([step.day for step in steps], now, hours), strict=True)
        ]
    work.make(tasks, actor_id=actor, now=now)
    return [lead_id for _pk, lead_id, _cadence in made]


def _stop(over: Sequence[tuple[int, str, datetime]], *, now: datetime, actor_id: int | None) -> list[int]:
    """Stop these runs, once each, and drop the steps that are left. Three statements."""
    if not over:
        return []
    ids, stops, moments = zip(*over, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_STOP, [list(ids), list(stops), list(moments)])
        stopped = [pk for (pk,) in cursor.fetchall()]
    left = Task.objects.filter(enrolment__in=stopped, state=Task.State.OPEN).values_list("pk", flat=True)
    work.close(list(left), state=DROPPED, cause="cadence stopped", actor_id=actor_id, now=now)
    return stopped


def _known(facts: Sequence[Any]) -> Known:
    started_at, reply_at, meeting_at, left_at, moved_at, opted_out, steps_left, on_reply, on_meeting = facts
    return Known(
        started_at=started_at,
        reply_at=reply_at,
        meeting_at=meeting_at,
        left_at=left_at,
        moved_at=moved_at,
        opted_out=opted_out,
        steps_left=steps_left,
        stop_on_reply=on_reply,
        stop_on_meeting=on_meeting,
    )


def _leads_of(event_ids: Collection[int], touch_ids: Collection[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT lead_id FROM funnel_stageevent WHERE id = ANY(%s) UNION
            SELECT n.lead_id FROM funnel_activity t JOIN funnel_lead l ON l.person_id = t.person_id
            JOIN routing_enrolment n ON n.lead_id = l.id AND n.stopped_at IS NULL WHERE t.id = ANY(%s)
            """,
            [list(event_ids), list(touch_ids)],
        )
        return [lead_id for (lead_id,) in cursor.fetchall()]
