"""The people with a fate of their own (stories.py), written beside the crowd: each as far as the story says."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from demandcenter.demo_world import companies, stories
from demandcenter.demo_world.arrivals import Arrival, Cast, Doors
from demandcenter.demo_world.deals import ROLES, STAGES, Change, Deal, rounded
from demandcenter.demo_world.journeys import RULE, Step, Touch
from demandcenter.demo_world.names import BY_CODE
from demandcenter.demo_world.people import Crowd, Human
from demandcenter.demo_world.rhythm import DAY
from demandcenter.demo_world.today import Trigger
from demandcenter.demo_world.trips import Trip
from demandcenter.demo_world.ways import Ways
from demandcenter.demo_world.writing import Writer
from funnel.models import Kind, Stage

TRIES = 20  # at a scene, until the model has it so
_CHANNEL_OF = {
    "webinar_registered": "Webinar",
    "webinar_attended": "Webinar",
    "badge_scan": "Event",
    "email_click": "E-mail",
    "email_reply": "E-mail",
    "page_visit": "Organic search",
}
_RESPONSES = frozenset(
    {"content_download", "webinar_registered", "webinar_attended", "price_calculator", "demo_request", "badge_scan"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenes:
    """What the scenes are written with. add: writes one trip, or says that the model would not have it so."""

    crowd: Crowd
    doors: Doors
    writer: Writer
    ways: Ways
    dice: random.Random
    until: datetime
    now: datetime
    add: Callable[[Arrival, list[Step], Cast], bool]

    def play(self, market: Sequence[companies.Company]) -> list[Trigger]:
        """Write them all. Returns the touches that come in last, by the product's own way (today.py)."""
        named = {company.name for company in stories.companies()}
        by_name = {company.name: company for company in market[: len(named)]}
        self._single_threaded(by_name[stories.SINGLE_THREADED])
        known = {
            (human.first_name, human.last_name): human for human in self._five_people(by_name[stories.FIVE_PEOPLE])
        }
        triggers = []
        for scene in stories.QUEUE:
            human = known.get(scene.name) or self._person_of(scene, by_name)
            known[scene.name] = human
            triggers.append(self._inquiry(scene, human))
        self._duplicate(known[stories.DUPLICATE])
        human = self.crowd.of(by_name["Saarela Paper Oy"], stories.RETURNED, "Head of Plant IT")
        way = [("inquiry", 41), ("mql", 33), ("sal", 32.6), ("sql", 16), ("sal", 9)]
        self._scene(human, "Predictive maintenance", stories.advanced(self._local_end(human), way))
        return triggers

    def _single_threaded(self, company: companies.Company) -> None:
        human = self.crowd.of(company, ("Rafael", "Moretti"), "Maintenance Manager")
        way = [("inquiry", 118), ("mql", 101), ("sal", 100.6), ("sql", 84), ("opportunity", 79)]
        steps = stories.advanced(self._local_end(human), way)
        self._scene(human, "Predictive maintenance", steps, deal=self._big_deal(steps[-1].at, 186_000, "Proposal"))

    def _five_people(self, company: companies.Company) -> list[Human]:
        """Four colleagues at different stages first, then the one whose deal they all take part in."""
        ways: list[list[tuple[str, float]]] = [
            [("inquiry", 34), ("mql", 20), ("sal", 19.5)],
            [("inquiry", 61), ("mql", 52), ("sal", 51.7), ("sql", 30)],
            [("inquiry", 12)],
            [("inquiry", 9)],
        ]
        first, *others = [self.crowd.of(company, name, title) for name, title in stories.FIVE]
        first.quiet = True
        for human, way in zip(others, ways, strict=True):
            self._scene(human, "Edge monitoring", stories.advanced(self._local_end(human), way))
        way = [("inquiry", 96), ("mql", 88), ("sal", 87.8), ("sql", 70), ("opportunity", 66)]
        steps = stories.advanced(self._local_end(first), way)
        deal = self._big_deal(steps[-1].at, 142_000, "Negotiation")
        deal.contacts = [(human.id, role) for human, role in zip(others, ROLES[1:], strict=True)]
        self._scene(first, "Edge monitoring", steps, deal=deal)
        return [first, *others]

    def _person_of(self, scene: stories.Scene, by_name: Mapping[str, companies.Company]) -> Human:
        if scene.company:
            return self.crowd.of(by_name[scene.company], scene.name, scene.title)
        return self.crowd.private(scene.name, scene.title, BY_CODE["DE"])

    def _inquiry(self, scene: stories.Scene, human: Human) -> Trigger:
        """Write the trip as far as an inquiry; what makes an MQL of it comes in last of all (today.py)."""
        at = (self.now - scene.ago).astimezone(human.country.zone).replace(tzinfo=None)
        done = [
            self.writer.date(human, scene_touch(kind, at - DAY * days, offer)) for kind, days, offer in scene.touches
        ]
        first = done[0]
        first.response = True
        done = self.ways.kept_cool(human, done, until=self.now)
        program = self.doors.plan.pick(self.dice, first.at.date(), human.country.region, first.channel)
        first.of_campaign = program is not None
        human.trips += 1
        human.solutions.add(scene.solution)
        trip = Trip(
            human=human,
            number=human.trips,
            steps=[Step(Kind.ADVANCE, Stage.INQUIRY, first.at, RULE)],
            touches=done,
            solution=scene.solution,
            channel=first.channel,
            program=program,
            offer=first.offer,
        )
        self.writer.add(trip)
        kind, offer = scene.last
        return Trigger(trip, self.writer.date(human, scene_touch(kind, at, offer)))

    def _duplicate(self, human: Human) -> None:
        end = self._local_end(human)
        double = replace(self.crowd.again_in_private(human), title=human.title)
        self._scene(double, "Edge monitoring", stories.advanced(end, [("inquiry", 4)]))

    def _scene(self, human: Human, solution: str, steps: list[Step], *, deal: Deal | None = None) -> None:
        for _ in range(TRIES):
            channel, program = self.doors.origin(steps[0].at.date(), human.country.region)
            offer = self.doors.offer(channel, program, solution)
            arrival = Arrival(
                human=human,
                solution=solution,
                channel=channel,
                program=program,
                offer=offer,
                type=self.doors.type_of(channel, offer),
            )
            if self.add(arrival, steps, Cast(stories.MARA, "Magnus Lind", deal)):
                return
        raise ValueError(f"The model that decides lets {human.first_name} {human.last_name} not become what they are.")

    def _big_deal(self, opened: datetime, amount: int, stage: str) -> Deal:
        names = [name for name, _share in STAGES]
        reached = names[: names.index(stage) + 1]
        gap = DAY * 16
        changes = [
            Change(opened + gap * place, name, rounded(amount * (0.8 + 0.2 * place / (len(reached) - 1))))
            for place, name in enumerate(reached)
        ]
        return Deal(changes, (self.until + DAY * 21).date())

    def _local_end(self, human: Human) -> datetime:
        return self.until.astimezone(human.country.zone).replace(tzinfo=None)


def scene_touch(kind: str, at: datetime, offer: str) -> Touch:
    """A touch of somebody with a scene of their own, by the channel that goes with it."""
    return Touch(kind, at, _CHANNEL_OF.get(kind, "Website"), offer, response=kind in _RESPONSES)
