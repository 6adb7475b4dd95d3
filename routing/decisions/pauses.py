"""Clocks that stand still: while a prospect is to reply, data is missing, or an owner is away. Each pause is a fact.

A pause holds for all clocks of its lead. It ends at its time, when the prospect replies, or when somebody lets the
clocks run again. Definition: domain.md 8.3.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from funnel.access import name_of
from funnel.models import Lead
from routing.acts.doing import Done, Invalid, Refused, locked, refuse_if_closed, require_hand
from routing.hours.covering import Absent, absent
from routing.models import Clock, Pause, PauseEnd
from routing.sla import clocks

FARTHEST: Final = timedelta(days=90)
LONGEST_WHY: Final = 300


# --- by a person ----------------------------------------------------------------------------------


@transaction.atomic
def pause(lead_id: int, *, kind: str, until: date, why: str = "", user: Any, now: datetime) -> Done:
    """Let the running clocks of a lead stand still until a day begins, in the user's time zone.

    kind: reply or data; data needs to say what is missing. Raises Invalid, Refused, NotAllowed.
    """
    lead = locked(lead_id)
    require_hand(lead, user, deed="pause", now=now)
    refuse_if_closed(lead, now=now)
    if kind not in (Pause.Kind.REPLY, Pause.Kind.DATA):
        raise Invalid("kind", "Say what the lead waits for: the prospect’s reply, or missing data.")
    why = why.strip()[:LONGEST_WHY]
    if kind == Pause.Kind.DATA and not why:
        raise Invalid("why", "Say which data is missing, so that somebody can find it.")
    ends = _day_begins(until, now=now)
    there = current(lead, now=now)
    if there is not None:
        if there.actor_id == user.pk and there.until == ends and there.kind == kind:
            return Done(lead_id=lead.pk, sentence=_paused(lead, there, now=now))
        raise Refused(f"The clocks stand still already, {said(there, now=now)}. Let them run first.")
    if not Clock.objects.filter(lead=lead, stopped_at=None).exists():
        raise Refused("No clock of this lead runs, so there is none to pause.")
    made = Pause.objects.create(
        lead=lead, kind=kind, starts_at=now, until=ends, why=why, actor_id=user.pk, cause=_cause(lead, user)
    )
    clocks.follow_leads([lead.pk], now=now)
    return Done(lead_id=lead.pk, sentence=_paused(lead, made, now=now))


@transaction.atomic
def resume(lead_id: int, *, user: Any, now: datetime) -> Done:
    """Let the clocks of a lead run again before the pause is over. Raises Refused, NotAllowed."""
    lead = locked(lead_id)
    require_hand(lead, user, deed="resume", now=now)
    there = current(lead, now=now)
    if there is None:
        last = PauseEnd.objects.filter(pause__lead=lead).order_by("-pk").first()
        if last is not None and last.actor_id == user.pk:
            return Done(lead_id=lead.pk, sentence=_runs(lead))
        raise Refused("The clocks of this lead run; nothing is paused.")
    if there.kind == Pause.Kind.AWAY:
        raise Refused("Its owner is away. Give the lead to somebody else, or name a cover, and the clocks run again.")
    PauseEnd.objects.create(pause=there, ended_at=now, actor_id=user.pk, cause=f"user:{user.pk}")
    clocks.follow_leads([lead.pk], now=now)
    return Done(lead_id=lead.pk, sentence=_runs(lead))


def current(lead: Lead, *, now: datetime) -> Pause | None:
    """The pause that holds the clocks of a lead now; of several the longest. Two queries."""
    if not Clock.objects.filter(lead=lead, stopped_at=None, paused_until__gt=now).exists():
        return None
    held = Pause.objects.filter(lead=lead, starts_at__lte=now, until__gt=now).filter(_not_over(now))
    return held.select_related("actor").order_by("-until", "-pk").first()


def said(pause: Pause, *, now: datetime) -> str:
    """Until when, for what and by whom: "until Thursday, 4 June: waiting for the prospect’s reply (Mara Lind)"."""
    here = timezone.localtime(pause.until)
    until = f"{here:%A}, {here.day} {here:%B}"
    by = f" ({name_of(pause.actor)})" if pause.actor else ""
    kind = str(Pause.Kind(pause.kind).label)
    why = f", {pause.why}" if pause.why else ""
    return f"until {until}: {kind[0].lower()}{kind[1:]}{why}{by}"


def _not_over(now: datetime) -> Q:
    return Q(end=None) | Q(end__ended_at__gt=now)


def _day_begins(day: date, *, now: datetime) -> datetime:
    begins = timezone.make_aware(datetime.combine(day, time()))
    if begins <= now:
        raise Invalid("until", f"The day on which it ends lies ahead of today, {timezone.localdate(now):%Y-%m-%d}.")
    if begins > now + FARTHEST:
        raise Invalid("until", f"A pause lasts at most {FARTHEST.days} days; recycle the lead for longer.")
    return begins


def _cause(lead: Lead, user: Any) -> str:
    last = Pause.objects.filter(lead=lead).order_by("-pk").values_list("pk", flat=True).first()
    return f"user:{user.pk}:pause:{last or 0}"


def _paused(lead: Lead, pause: Pause, *, now: datetime) -> str:
    return f"The clocks of {lead.person} stand still {said(pause, now=now)}."


def _runs(lead: Lead) -> str:
    return f"The clocks of {lead.person} run again."


# --- while an owner is away -----------------------------------------------------------------------

# Leads with a running clock whose version lets it stand still, that have no such pause; since when: the absence, or the
# moment at which its owner got the lead; from now on where the same absence had let it stand still before.
_TO_PAUSE: Final = """
SELECT l.id, n.absence_id, n.until,
       CASE WHEN was.n > 0 THEN %(now)s ELSE least(%(now)s, greatest(n.since, (
           SELECT max(g.occurred_at) FROM routing_assignment g WHERE g.lead_id = l.id AND g.rep_id = l.owner_id))) END,
       was.n
FROM unnest(%(reps)s::bigint[], %(absences)s::bigint[], %(since)s::timestamptz[], %(until)s::timestamptz[],
            %(covered)s::boolean[]) n (rep_id, absence_id, since, until, covered)
JOIN funnel_lead l ON l.owner_id = n.rep_id AND l.closed_at IS NULL
CROSS JOIN LATERAL (SELECT count(*) AS n FROM routing_pause p
                    WHERE p.lead_id = l.id AND p.cause LIKE 'absence:' || n.absence_id || ':%%') was
WHERE EXISTS (SELECT FROM routing_clock c JOIN routing_slapromise r ON r.id = c.promise_id
              JOIN routing_slapolicy v ON v.id = r.sla_policy_id
              WHERE c.lead_id = l.id AND c.stopped_at IS NULL
                AND (v.absence = 'always' OR v.absence = 'uncovered' AND NOT n.covered))
  AND NOT EXISTS (SELECT FROM routing_pause p LEFT JOIN routing_pauseend e ON e.pause_id = p.id
                  WHERE p.lead_id = l.id AND p.kind = 'away' AND e.id IS NULL AND p.until > %(now)s)
ORDER BY l.id LIMIT %(limit)s FOR NO KEY UPDATE OF l SKIP LOCKED
"""
# Pauses of absences that are over, now have a cover, or whose lead has gone to somebody else; since when.
_TO_END: Final = """
SELECT p.id, l.id, p.starts_at,
       CASE WHEN l.owner_id IS DISTINCT FROM was.rep_id AND was.id IS NOT NULL THEN
           (SELECT max(g.occurred_at) FROM routing_assignment g WHERE g.lead_id = l.id AND g.occurred_at <= %(now)s)
       END
FROM routing_pause p
JOIN funnel_lead l ON l.id = p.lead_id
LEFT JOIN routing_pauseend e ON e.pause_id = p.id
LEFT JOIN routing_absence was ON was.id = split_part(p.cause, ':', 2)::bigint
LEFT JOIN unnest(%(reps)s::bigint[], %(covered)s::boolean[]) n (rep_id, covered) ON n.rep_id = l.owner_id
WHERE p.kind = 'away' AND p.until > %(now)s AND e.id IS NULL
  AND (n.rep_id IS NULL OR n.rep_id IS DISTINCT FROM was.rep_id OR l.closed_at IS NOT NULL OR NOT EXISTS (
       SELECT FROM routing_clock c JOIN routing_slapromise r ON r.id = c.promise_id
       JOIN routing_slapolicy v ON v.id = r.sla_policy_id
       WHERE c.lead_id = l.id AND c.stopped_at IS NULL
         AND (v.absence = 'always' OR v.absence = 'uncovered' AND NOT n.covered)))
ORDER BY l.id LIMIT %(limit)s FOR NO KEY UPDATE OF l SKIP LOCKED
"""


@transaction.atomic
def follow_absences(*, now: datetime, limit: int) -> int:
    """Let clocks stand still whose owner is away, as their version says, and run again when that is over.

    Returns how many pauses began or ended. A constant number of statements; leads that somebody holds wait.
    """
    away = list(absent(now=now).values())
    ended = _end(away, now=now, limit=limit)
    begun = _begin(away, now=now, limit=limit)
    lead_ids = {*ended, *begun}
    if lead_ids:
        clocks.follow_leads(sorted(lead_ids), now=now)
    return len(ended) + len(begun)


def _end(away: Sequence[Absent], *, now: datetime, limit: int) -> list[int]:
    rows = _rows(_TO_END, away, now=now, limit=limit)
    PauseEnd.objects.bulk_create(
        PauseEnd(pause_id=pk, ended_at=max(starts_at, since or now), cause="absence")
        for pk, _lead_id, starts_at, since in rows
    )
    return [lead_id for _pk, lead_id, _starts_at, _since in rows]


def _begin(away: Sequence[Absent], *, now: datetime, limit: int) -> list[int]:
    rows = _rows(_TO_PAUSE, away, now=now, limit=limit) if away else []
    Pause.objects.bulk_create(
        Pause(
            lead_id=lead_id, kind=Pause.Kind.AWAY, starts_at=since, until=until, cause=f"absence:{absence_id}:{count}"
        )
        for lead_id, absence_id, until, since, count in rows
    )
    return [row[0] for row in rows]


def _rows(sql: str, away: Sequence[Absent], *, now: datetime, limit: int) -> list[Any]:
    values: dict[str, Any] = {
        "reps": [one.rep_id for one in away],
        "absences": [one.absence_id for one in away],
        "since": [one.since for one in away],
        "until": [one.until for one in away],
        "covered": [one.cover_id is not None for one in away],
        "now": now,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
