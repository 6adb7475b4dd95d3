"""Snoozing: a lead leaves Queue and Today for a while. Its clocks run on, and bring it back before they run out."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from routing.acts.doing import UNDO, Done, Invalid, Refused, locked, moment, require_doer, to_work
from routing.models import Clock, Snooze

FARTHEST: Final = timedelta(days=90)

# A snoozed lead `l`, as SQL; what became known since (a raised hand) outweighs the wish not to see it.
ASLEEP: Final = """EXISTS (
    SELECT FROM routing_snooze z WHERE z.lead_id = l.id AND z.ended_at IS NULL AND z.until > %(now)s
      AND NOT EXISTS (SELECT FROM routing_clock w WHERE w.lead_id = l.id AND w.kind = 'hot'
                      AND w.stopped_at IS NULL AND w.started_at > z.since))"""


@transaction.atomic
def snooze(lead_id: int, *, until: datetime, user: Any, now: datetime) -> Done:
    """Hide an open lead until then; where a clock of it runs, until the clock warns, if that comes first.

    until: aware, ahead, at most 90 days. Raises Invalid, Refused (a hot lead cannot wait; others), NotAllowed.
    """
    lead = to_work(lead_id, user=user, deed="snooze leads", now=now)
    if not now < until <= now + FARTHEST:
        raise Invalid("until", "Snooze until a moment ahead, at most 90 days from now.")
    running = list(Clock.objects.filter(lead=lead, stopped_at=None, paused_until=None))
    if any(clock.kind == "hot" for clock in running):
        raise Refused(f"{lead.person} asked for us and waits for an answer; a hot lead cannot be snoozed.")
    if any(clock.warn_at <= now for clock in running):
        raise Refused("A promise to this lead runs out soon or has run out; decide instead of snoozing it.")
    wakes = min([until, *(clock.warn_at for clock in running)])
    Snooze.objects.filter(lead=lead, ended_at=None).update(ended_at=now)
    made = Snooze.objects.create(lead=lead, since=now, until=wakes, actor_id=user.pk)
    earlier = "" if wakes == until else ", when a promise to it will be about to run out"
    return Done(
        lead_id=lead.pk,
        snooze_id=made.pk,
        undo_until=now + UNDO,
        sentence=f"{lead.person} is out of sight until {moment(wakes, now=now)}{earlier}.",
    )


@transaction.atomic
def wake(snooze_id: int, *, user: Any, now: datetime) -> Done:
    """End a snooze: the lead is back. By whoever snoozed it, or a manager. Raises Refused (another one has taken its
    place, others), NotAllowed.
    """
    found = Snooze.objects.filter(pk=snooze_id).values_list("lead", flat=True).first()
    if found is None:
        raise Refused("There is no such snooze.")
    lead = locked(found)
    asleep = Snooze.objects.get(pk=snooze_id)
    require_doer(asleep.actor_id, user, did="snoozed this", deed="wake it")
    if asleep.ended_at is None:
        asleep.ended_at = now
        asleep.save(update_fields=["ended_at"])
    elif again := Snooze.objects.filter(lead=lead, ended_at=None, until__gt=now).first():
        raise Refused(f"{lead.person} was snoozed again since, until {moment(again.until, now=now)}.")
    return Done(lead_id=lead.pk, sentence=f"{lead.person} is back.")
