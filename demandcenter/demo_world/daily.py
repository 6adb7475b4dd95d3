"""The daily work of the demo's reps: the cadence in force, how its steps were kept and answered, dates and a meeting.

What happened before today is closed, by a call or a mail of that moment; Mara's own of the last days wait for whoever
opens the demo.
"""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.contrib.auth.models import User

from demandcenter.demo_world.rhythm import Urn
from demandcenter.demo_world.writing import Writer
from funnel import staging
from funnel.models import Activity, Kind, Lead, StageEvent
from routing.cadences import enrolments
from routing.cadences import versions as cadence_versions
from routing.day import outreach, work
from routing.day.work import DONE, SKIPPED, Wanted
from routing.models import Attempt, ContactCap, Medium, Meeting, MessageTemplate, Task
from routing.sla import clocks

SINCE = timedelta(days=190)  # how far back attempts are told of
LATELY = timedelta(days=18)  # accepted since then: in the cadence
MOST = 120  # leads in the cadence
CHUNK = 5_000
KEPT, LEFT_OUT = 0.84, 0.92  # of a hundred steps: done on time, else skipped, else done late

_OUTCOMES = Urn({Attempt.Outcome.CONNECTED: 0.27, Attempt.Outcome.VOICEMAIL: 0.33, Attempt.Outcome.NO_ANSWER: 0.4})
_PERSONAS = {
    "First mail: what you asked about": ("Operations", ""),
    "Second mail: one example": ("", "Chemicals"),
    "Third mail: the question behind it": ("Engineering", ""),
    "Fourth mail: something useful": ("IT", ""),
    "Fifth mail: shall I close this?": ("Management", ""),
    "Call: the first minute": ("Maintenance", "Machinery"),
}
_OFFERED = {
    "Second mail: one example": "Nine yards, one view",
    "Fourth mail: something useful": "Edge monitoring, step by step",
}


def work_daily(users: Mapping[str, User], writer: Writer, *, dice: random.Random, now: datetime) -> None:
    """Write what the reps did since the cadence was published, and what they have to do next."""
    _publish(users, writer.ids.contents, now=now)
    _tell_of_attempts(now=now)
    leads = _enrol(now=now)
    _keep(leads, writer, dice=dice, now=now)
    _leave_to_do(users["mara"], now=now)


def _publish(users: Mapping[str, User], contents: Mapping[str, int], *, now: datetime) -> None:
    author, since = users["hanna"], now - SINCE
    cadence_versions.publish(cadence_versions.draft_of_preset(user=author), user=author, now=since)
    for name, (persona, industry) in _PERSONAS.items():
        MessageTemplate.objects.filter(name=name).update(
            persona=persona, industry=industry, content_id=contents.get(_OFFERED.get(name, ""))
        )
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


def _keep(lead_ids: list[int], writer: Writer, *, dice: random.Random, now: datetime) -> None:
    """Close the steps that were due, most of them on time: each that was done by the attempt that did it."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    due = Task.objects.filter(lead__in=lead_ids, kind=Task.Kind.STEP, state=Task.State.OPEN, due_at__lt=midnight)
    done: list[tuple[Task, datetime]] = []
    for task in due.select_related("lead").order_by("due_at", "pk"):
        luck = dice.random()
        if KEPT <= luck <= LEFT_OUT:
            at = max(task.due_at - timedelta(minutes=dice.randint(20, 400)), task.made_at)
            work.close([task.pk], state=SKIPPED, cause="demo", actor_id=None, now=at)
            continue
        late = luck > LEFT_OUT
        minutes = dice.randint(20, 400)
        at = task.due_at + timedelta(minutes=minutes) if late else task.due_at - timedelta(minutes=minutes)
        done.append((task, min(max(at, task.made_at + timedelta(minutes=minutes / 10)), midnight)))
    _attempt(done, writer, dice=dice, now=now)
    enrolments.stop_what_is_over(now=now, among=lead_ids)


def _attempt(done: list[tuple[Task, datetime]], writer: Writer, *, dice: random.Random, now: datetime) -> None:
    """The calls and mails that did these steps, as touches and in the ledger of attempts."""
    outcomes = [_OUTCOMES.draw(dice) if task.medium == Medium.CALL else Attempt.Outcome.SENT for task, _at in done]
    touches = writer.ours(
        [
            (task.lead, "call" if task.medium == Medium.CALL else "email", at, {"outcome": outcome.value})
            for (task, at), outcome in zip(done, outcomes, strict=True)
        ]
    )
    attempts = staging.new_ids(Attempt, len(done))
    staging.insert(
        Attempt,
        [
            {
                "id": pk, "lead_id": task.lead_id, "rep_id": task.lead.owner_id, "medium": task.medium,
                "outcome": outcome.value, "occurred_at": at, "activity_id": touch,
            }
            for pk, touch, outcome, (task, at) in zip(attempts, touches, outcomes, done, strict=True)
        ],
    )  # fmt: skip
    for pk, (task, at) in zip(attempts, done, strict=True):
        work.close([task.pk], state=DONE, cause=f"attempt:{pk}", actor_id=None, now=at)
    clocks.follow(touches=touches, now=now)


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
