"""What happened around the steps of a lead, so that the model makes the MQL where they say so, and none elsewhere."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from math import inf

from demandcenter.demo_world import people, rhythm
from demandcenter.demo_world.journeys import RAISING, Offers, Step, Touch, touches
from demandcenter.demo_world.people import Human
from demandcenter.demo_world.rhythm import DAY
from demandcenter.demo_world.trips import Trip
from demandcenter.demo_world.warmth import Leave, Meter, Profile, Reached, Trial
from demandcenter.demo_world.writing import Writer, revisit_of
from funnel.models import Kind, Stage
from funnel.path import EXITS

AT_ONCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Way:
    """The touches of a trip, and the MQL that they make."""

    touches: list[Touch]
    reached: Reached | None


class Ways:
    """Finds touches that fit, by one version of the model. until: when history ends."""

    def __init__(self, meter: Meter, writer: Writer, dice: random.Random, *, until: datetime) -> None:
        self.meter, self.writer, self.dice = meter, writer, dice
        self._ends = until.timestamp()

    def profile(self, human: Human) -> Profile:
        """What the model makes of the human."""
        if human.profile is None:
            human.profile = self.meter.profile(people.values(human))
        return human.profile

    def find(self, human: Human, steps: list[Step], opening: Touch, offers: Offers, *, until: datetime) -> Way | None:
        """Touches around these steps. until: now, by the human's clock. None where the model would not have it so."""
        found = [self.writer.date(human, t) for t in touches(self.dice, steps, opening, offers, until=until)]
        if steps[0].kind == Kind.PASSTHROUGH:
            return Way(found, None)
        trial = Trial(self.meter, self.profile(human), human.behind)
        raised = next((step for step in steps if step.stage == Stage.MQL), None)
        if raised is None:
            cool = trial.kept_cool(found, until=self._ends)
            return None if cool is None else Way(cool, None)
        if self.meter.raises_hand(self.profile(human), found[0]):
            return Way(found, trial.first(found[:1])) if raised.at - found[0].at < AT_ONCE else None
        before = trial.kept_cool([touch for touch in found if touch.at < raised.at], until=self._ends)
        raising = next((touch for touch in found if touch.at == raised.at), None)
        if raising is None or before is None:
            return None
        warm = trial.warmed_up(before, raising, partial(self._another, human, before[0].at, raised.at, offers))
        if warm is None:
            return None
        after = [touch for touch in found if touch.at > raised.at]
        if human.quiet:
            after = [touch for touch in after if not touch.inbound or touch.type == "meeting_booked"]
        return Way([*warm, raising, *after], trial.first([*warm, raising]))

    def kept_cool(self, human: Human, done: list[Touch], *, until: datetime) -> list[Touch]:
        """These touches without those that would make an MQL before the one that is to."""
        at_work = human.trips > 0 and human.free_since is None
        trial = Trial(self.meter, self.profile(human), human.behind, named=at_work)
        return trial.kept_cool(done, until=until.timestamp()) or done

    def remember(self, trip: Trip) -> None:
        """What the model and the market know of somebody from now on."""
        human, last = trip.human, trip.steps[-1]
        human.behind.touches += trip.touches
        human.free_since = last.at if last.kind in EXITS else None
        if last.kind in (Kind.RECYCLE, Kind.DISQUALIFY):
            day = revisit_of(last)
            revisit = datetime.combine(day, time(), UTC).timestamp() if day else inf
            human.behind.leave = Leave(self.writer.utc(human, last.at).timestamp(), revisit)

    def _another(self, human: Human, opened: datetime, raised: datetime, offers: Offers) -> Touch | None:
        """Something that may have come in before somebody became an MQL; more likely towards the end."""
        at = rhythm.near_waking(self.dice, max(opened, raised - DAY * 14 * self.dice.random() ** 2))
        sort = RAISING.draw(self.dice)
        return self.writer.date(human, sort.touch(at, offers)) if opened < at < raised else None
