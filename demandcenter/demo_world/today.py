"""The model that decides in the demo, from its first day on; and its last hours, which go the product's own way.

The touches that made Mara's MQLs are handed to the pipeline one by one, each at its own moment, so that scores, owners,
reasons and clocks are what the product makes of them, and not what somebody wrote here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User

from demandcenter import pipeline
from demandcenter.demo_world import rules
from demandcenter.demo_world.desks import level_seats
from demandcenter.demo_world.journeys import Touch
from demandcenter.demo_world.ledger import Course
from demandcenter.demo_world.reference import Ids
from demandcenter.demo_world.stories import MARA
from demandcenter.demo_world.trips import Trip
from demandcenter.demo_world.writing import Writer
from funnel import inbox
from funnel.models import Inbox, Person, Stage, StageEvent
from routing.models import HandOff, Meeting, Notice
from routing.overdue import ladder
from routing.sla import agreement
from scoring import services, shipped
from scoring.models import ScoringModel
from scoring.qualifying import FAST_TRACK

A_MOMENT = timedelta(seconds=8)  # until the pipeline works what came in
OLD_NEWS = timedelta(days=2)  # what was told before is read by now
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Trigger:
    """The touch that makes an MQL of a trip's inquiry."""

    trip: Trip
    touch: Touch


def keep_promises(courses: Sequence[Course], *, now: datetime) -> None:
    """Give every lead that became an MQL its clocks, as they ran and ended; what ran out days ago was told then."""
    raised = [course for course in courses if course.raised]
    for start in range(0, len(raised), CHUNK):
        _keep_promises_of(raised[start : start + CHUNK], now=now)
    while ladder.sweep(now=now - OLD_NEWS, limit=CHUNK):
        pass
    Notice.objects.update(read_at=now - OLD_NEWS)


def _keep_promises_of(courses: Sequence[Course], *, now: datetime) -> None:
    """The clocks of events, raised hands, meetings and hand-offs; reconciled at once, as nobody else is here."""
    lead_ids = sorted(course.lead_id for course in courses)
    heard = {
        f"stage_event:{entry.id}" for course in courses for entry in course.entries if entry.stage in ("mql", "sal")
    }
    heard |= {f"meeting:{pk}" for pk in Meeting.objects.filter(lead__in=lead_ids).values_list("pk", flat=True)}
    heard |= {f"hand_off:{pk}" for pk in HandOff.objects.filter(lead__in=lead_ids).values_list("pk", flat=True)}
    agreement.reconcile(lead_ids, now=now, heard=frozenset(heard), hands=_hands_raised(lead_ids))


def _hands_raised(lead_ids: Sequence[int]) -> dict[int, int]:
    """Those of these leads that a raised hand made MQLs, with the touch that it was."""
    by_hand = StageEvent.objects.filter(lead__in=lead_ids, to_stage=Stage.MQL, cause__endswith=f":{FAST_TRACK}")
    return {lead_id: int(cause.split(":")[2]) for lead_id, cause in by_hand.values_list("lead", "cause")}


def publish_model(users: Mapping[str, User], *, since: datetime) -> ScoringModel:
    """Publish a version of the model that decides, or the shipped one, and let it decide about all leads since then."""
    author = users["elif"]
    before = ScoringModel.objects.filter(active=True, solution=None, region=None).first()
    draft = services.draft(from_model=before, user=author, name="Fit and interest", why=shipped.WHY)
    model = services.publish(draft, user=author, now=since)
    while services.fill(model, now=since):
        pipeline.drain(now=since)
    model = services.activate(model, user=author, now=since)
    if before:
        services.retire(before, now=since)
    return model


def score_everybody(model: ScoringModel, *, now: datetime) -> None:
    """Score everybody under the version that has decided all along."""
    everybody = list(Person.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(everybody), services.RANGE):
        people = everybody[start : start + services.RANGE]
        inbox.add(Inbox.Cause.FILL, ((pk, model.pk) for pk in people), rank=Inbox.Rank.BULK)
        pipeline.drain(now=now)


def replay(
    triggers: Iterable[Trigger], writer: Writer, ids: Ids, users: Mapping[str, User], *, until: datetime, now: datetime
) -> None:
    """Let these touches come in, in order of time, and the pipeline act on each at its moment; then look at the clocks.

    Mara has had the least lately, so that her turn comes first; afterwards everybody is level. Those of today, from
    `until` on, are dealt out by the version of the rules that is new today.
    """
    level_seats(ids, behind=MARA)
    recorded = [(writer.touch(trigger.trip, trigger.touch), trigger) for trigger in triggers]
    writer.flush()
    recorded.sort(key=lambda pair: pair[0])
    _come_in([pair for pair in recorded if pair[0] < until], now=now)
    rules.publish_now(users["hanna"], at=until)
    _come_in([pair for pair in recorded if pair[0] >= until], now=now)
    level_seats(ids)
    ladder.sweep(now=now, limit=CHUNK)


def _come_in(recorded: Iterable[tuple[datetime, Trigger]], *, now: datetime) -> None:
    for at, trigger in recorded:
        inbox.add(Inbox.Cause.ACTIVITY, [(trigger.trip.human.id, trigger.touch.id)])
        pipeline.drain(now=min(at + A_MOMENT, now))
