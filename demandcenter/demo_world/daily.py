"""The daily work of the demo's reps: the cadence in force, how its steps were kept, dates, answers and a meeting.

What happened before today is closed; Mara's own of the last days wait for whoever opens the demo.
"""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.contrib.auth.models import User

from funnel.models import Activity, Kind, Lead, StageEvent
from routing.cadences import enrolments
from routing.cadences import versions as cadence_versions
from routing.day import outreach, work
from routing.day.work import DONE, SKIPPED, Wanted
from routing.models import ContactCap, Meeting, MessageTemplate, Task

SINCE = timedelta(days=190)  # how far back attempts are told of
LATELY = timedelta(days=18)  # accepted since then: in the cadence
MOST = 120  # leads in the cadence
CHUNK = 5_000
KEPT, LEFT_OUT = 0.84, 0.92  # of a hundred steps: done on time, else skipped, else done late

_PERSONAS = {
    "First mail: what you asked about": ("Operations", ""),
    "Second mail: one example": ("", "Chemicals"),
    "Third mail: the question behind it": ("Engineering", ""),
}


def work_daily(users: Mapping[str, User], *, dice: random.Random, now: datetime) -> None:
    """Write what the reps did since the cadence was published, and what they have to do next."""
    _publish(users, now=now)
    _tell_of_attempts(now=now)
    leads = _enrol(now=now)
    _keep(leads, dice=dice, now=now)
    _leave_to_do(users["mara"], now=now)


def _publish(users: Mapping[str, User], *, now: datetime) -> None:
    author, since = users["hanna"], now - SINCE
    cadence_versions.publish(cadence_versions.draft_of_preset(user=author), user=author, now=since)
    for name, (persona, industry) in _PERSONAS.items():
        MessageTemplate.objects.filter(name=name).update(persona=persona, industry=industry)
    ContactCap.objects.create(name="A week", most=8, days=7)


def _tell_of_attempts(*, now: datetime) -> None:
    touches = Activity.objects.filter(direction="out", automatic=False, occurred_at__gte=now - SINCE).order_by("pk")
    ids = list(touches.values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        outreach.follow(ids[start : start + CHUNK], now=now)


def _enrol(*, now: datetime) -> list[int]:
    """The leads that were accepted lately, each in the cadence since then."""
    accepted = StageEvent.objects.filter(
        to_stage="sal", kind=Kind.ADVANCE, occurred_at__gte=now - LATELY, lead__closed_at=None, lead__stage="sal"
    )
    found = []
    for pk, at in accepted.order_by("-occurred_at", "-pk").values_list("pk", "occurred_at")[:MOST]:
        found += enrolments.enrol_accepted([pk], now=at)
    return found


def _keep(lead_ids: list[int], *, dice: random.Random, now: datetime) -> None:
    """Close the steps that were due, most of them on time."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    due = Task.objects.filter(lead__in=lead_ids, kind=Task.Kind.STEP, state=Task.State.OPEN, due_at__lt=midnight)
    for task in due.order_by("due_at", "pk"):
        luck = dice.random()
        state = DONE if luck < KEPT or luck > LEFT_OUT else SKIPPED
        at = task.due_at - timedelta(minutes=dice.randint(20, 400)) if luck < LEFT_OUT else task.due_at
        work.close([task.pk], state=state, cause="demo", actor_id=None, now=max(at, task.made_at))
    enrolments.stop_what_is_over(now=now, among=lead_ids)


def _leave_to_do(mara: User, *, now: datetime) -> None:
    """For Mara: an answer that waits, a date for this afternoon, and a meeting of which nobody has said how it went."""
    hers = Lead.objects.filter(owner__user=mara, stage="sal", closed_at=None).order_by("-sal_at", "-pk")
    free = [lead for lead in hers[:12] if not lead.meetings.filter(outcome="").exists()]
    if len(free) < 3:
        return
    wrote, dated, met = free[:3]
    work.make(
        [
            Wanted(lead_id=wrote.pk, kind="reply", due_at=now - timedelta(minutes=50), cause="demo"),
            Wanted(lead_id=dated.pk, kind="next", due_at=now + timedelta(hours=2), cause="demo"),
        ],
        actor_id=mara.pk, now=now - timedelta(minutes=50),
    )  # fmt: skip
    Meeting.objects.create(
        lead=met, rep_id=met.owner_id, booked_by=mara, booked_at=now - timedelta(days=3),
        starts_at=now - timedelta(hours=3),
    )  # fmt: skip
