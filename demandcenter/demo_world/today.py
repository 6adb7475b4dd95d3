"""The last hours of the demo: the shipped model goes live, and what came in since goes the product's own way.

The touches that made Mara's MQLs are handed to the pipeline one by one, each at its own moment, so that scores, owners,
reasons and clocks are what the product makes of them, and not what somebody wrote here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User

from demandcenter import pipeline
from demandcenter.demo_world.desks import level_seats
from demandcenter.demo_world.journeys import Touch
from demandcenter.demo_world.ledger import Course
from demandcenter.demo_world.reference import Ids
from demandcenter.demo_world.stories import MARA
from demandcenter.demo_world.writing import Trip, Writer
from funnel import inbox
from funnel.models import Inbox
from routing import clocks
from routing.models import Notice
from scoring import services, shipped
from scoring.models import ScoringModel

LIVE_FOR = timedelta(days=30)  # how long the model decides by now
A_MOMENT = timedelta(seconds=8)  # until the pipeline works what came in
OLD_NEWS = timedelta(days=2)  # what was told before is read by now
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Trigger:
    """The touch that makes an MQL of a trip's inquiry."""

    trip: Trip
    touch: Touch


def keep_promises(courses: Sequence[Course], *, now: datetime) -> None:
    """Give every MQL of the past its clock, as it ran and ended; what ran out days ago was told then."""
    entries = [course.raised.id for course in courses if course.raised]
    for start in range(0, len(entries), CHUNK):
        clocks.follow(entries[start : start + CHUNK], now=now)
    while clocks.sweep(now=now - OLD_NEWS, limit=CHUNK):
        pass
    Notice.objects.update(read_at=now - OLD_NEWS)


def publish_model(users: Mapping[str, User], *, now: datetime) -> None:
    """Publish a version of the model that decides, or the shipped one, score everybody by it, let it decide.

    Inquiries that are open stay what they are until they are heard of.
    """
    since, author = now - LIVE_FOR, users["elif"]
    before = ScoringModel.objects.filter(active=True, solution=None, region=None).first()
    draft = services.draft(from_model=before, user=author, name="Fit and interest", why=shipped.WHY)
    model = services.publish(draft, user=author, now=since)
    while services.fill(model, now=since):
        pipeline.drain(now=now)
    services.activate(model, user=author, now=since)
    if before:
        services.retire(before, now=since)


def replay(triggers: Iterable[Trigger], writer: Writer, ids: Ids, *, now: datetime) -> None:
    """Let these touches come in, in order of time, and the pipeline act on each at its moment; then look at the clocks.

    Mara has had the least lately, so that her turn comes first; afterwards everybody is level.
    """
    level_seats(ids, behind=MARA)
    recorded = [(writer.touch(trigger.trip, trigger.touch), trigger) for trigger in triggers]
    writer.flush()
    for at, trigger in sorted(recorded, key=lambda pair: pair[0]):
        inbox.add(Inbox.Cause.ACTIVITY, [(trigger.trip.human.id, trigger.touch.id)])
        pipeline.drain(now=min(at + A_MOMENT, now))
    level_seats(ids)
    clocks.sweep(now=now, limit=CHUNK)
