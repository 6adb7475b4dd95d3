"""Playing the world day by day: who comes in, by what, and what becomes of it."""

import heapq
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from django.contrib.auth.models import User
from django.db import connection

from demandcenter.demo_world import (
    campaigns,
    companies,
    daily,
    desks,
    ledger,
    looking_back,
    reference,
    rhythm,
    stories,
    today,
    warmth,
)
from demandcenter.demo_world.campaigns import BY_NAME, CONTACT, DEMO_REQUEST, OFFERED, OFFERS, WEBINARS, Program
from demandcenter.demo_world.deals import ROLES, STAGES, Change, Deal, negotiate, rounded
from demandcenter.demo_world.journeys import (
    RULE,
    Odds,
    Step,
    Touch,
    scaled,
    travel,
    travel_outbound,
)
from demandcenter.demo_world.names import BY_CODE
from demandcenter.demo_world.notes import Remark, remarks
from demandcenter.demo_world.people import Crowd, Human
from demandcenter.demo_world.reference import CHANNELS, SEATS, SOLUTIONS, Ids
from demandcenter.demo_world.rhythm import DAY, Urn, about
from demandcenter.demo_world.today import Trigger
from demandcenter.demo_world.ways import Ways
from demandcenter.demo_world.writing import Trip, Writer
from funnel.models import Function, Kind, Stage
from scoring.policy import policy_of

DAYS = 548  # eighteen months
BATCH = 2_000  # leads
LATELY = 3_000  # people who may ask for something else
RETURNS = 0.3  # of recycled leads
TRIES = 20  # at a scene, until the model has it so
_WAYS = {way.name: way for way in CHANNELS}
_CHANNELS = Urn([(way.name, way.weight) for way in CHANNELS if way.weight])
_SOLUTIONS = Urn(SOLUTIONS)
_OPENINGS = {
    "Webinar": ("webinar_registered", "webinar_attended"),
    "Event": ("badge_scan",),
    "Outbound": ("email_reply",),
    "Partner": ("partner_referral",),
    "Referral": ("contact_form",),
}
_BY_OFFER = {"form": "contact_form", "calculator": "price_calculator"}
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
LOOKED_AT = 12  # people of whom one may ask for something else
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """How much there is now."""

    companies: int
    people: int
    leads: int
    touches: int
    deals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Somebody comes in: what for, by which channel and campaign, and by what sort of touch."""

    human: Human
    solution: str
    channel: str
    program: Program | None
    type: str
    offer: str = ""
    function: str = Function.MARKETING.value

    def opening(self, at: datetime) -> Touch:
        """The touch that opens the lead."""
        of_campaign = self.program is not None
        return Touch(self.type, at, self.channel, self.offer, response=True, of_campaign=of_campaign)


@dataclass(slots=True)
class Cast:
    """Who works a lead, and the deal they make of it."""

    sdr: str
    executive: str
    deal: Deal | None = None


def build(
    *, leads: int, now: datetime, users: Mapping[str, User], seed: int = 1, progress: Progress = lambda done: None
) -> Made:
    """Make the world as it is at `now`: the same one for the same arguments.

    The crowd comes in until the beginning of the day (UTC), those on Mara's list until `now`. users: the demo's log-ins
    by username. progress: is told how many leads are written. Raises ValueError for fewer leads than the stories need.
    The caller holds a transaction, so that the demo is there whole or not at all.
    """
    if leads < stories.SCRIPTED:
        raise ValueError(f"The stories of the demo need at least {stories.SCRIPTED} leads.")
    world = _World(leads, now, users, random.Random(seed))
    world.play(progress)
    return Made(len(world.market), world.writer.people, world.writer.leads, world.writer.touches, world.writer.deals)


class _World:
    def __init__(self, leads: int, now: datetime, users: Mapping[str, User], dice: random.Random) -> None:
        self.dice, self.now, self.users = dice, now, users
        day = now.astimezone(UTC).date()
        self.until = datetime.combine(day, time(), UTC)
        self.first = day - DAY * DAYS
        self.volumes = rhythm.spread(leads - stories.SCRIPTED, self.first, day - DAY, dice)
        self.ids: Ids = reference.write(users, today=day)
        desks.write(self.ids, users, since=datetime.combine(self.first, time(), UTC), until=self.until)
        self.plan = campaigns.Plan(campaigns.programs(self.first, day))
        campaigns.write(self.plan, self.ids, self.volumes, dice=dice, now=self.until)
        self.market = companies.market(leads, dice, taken=stories.companies())
        companies.write(self.market, self.ids, now=self.until)
        # The scenes' companies have nobody but the scenes' people.
        self.crowd = Crowd(self.market[len(stories.companies()) :], dice)
        self.model = today.publish_model(users, since=datetime.combine(self.first, time(), UTC))
        self.meter = warmth.Meter(policy_of(self.model))
        self.writer = Writer(self.ids, policy=self.model.policy, until=now, dice=dice)
        self.ways = Ways(self.meter, self.writer, dice, until=self.until)
        self._back: list[tuple[date, int, Human, str]] = []  # who comes back when, for which solution
        self._lately: deque[Human] = deque(maxlen=LATELY)
        self._seats: dict[tuple[str, str], Urn[str]] = {}
        self._triggers: list[Trigger] = []

    def play(self, progress: Progress) -> None:
        analyze_at = BATCH
        for day, count in self.volumes.items():
            for _ in range(count):
                while not self._somebody(day):
                    pass  # the model would not have it so; somebody else came
            if self.writer.waiting >= BATCH:
                self.writer.flush()
                progress(self.writer.leads)
                if self.writer.leads >= analyze_at:  # the planner knows nothing of rows that are not committed
                    analyze()
                    analyze_at = self.writer.leads * 4
        self._scenes()
        self.writer.flush()
        companies.mark_customers()
        ledger.write(self.writer.courses, self.ids, until=self.until, dice=self.dice)
        analyze()
        today.keep_promises(self.writer.courses, now=self.until)
        today.score_everybody(self.model, now=self.until)
        today.replay(self._triggers, self.writer, self.ids, now=self.now)
        looking_back.look_back(self.model, self.users, now=self.now)
        daily.work_daily(self.users, dice=self.dice, now=self.now)
        progress(self.writer.leads)

    # --- who comes in -------------------------------------------------------------------------------

    def _somebody(self, day: date) -> bool:
        """Somebody comes in; False where nobody did after all."""
        dice = self.dice
        if self._back and self._back[0][0] <= day and dice.random() < 0.5:
            _day, _number, human, solution = heapq.heappop(self._back)
            return _is_free(human, day) and self._comes(human, solution, day, again=True)
        if self._lately and dice.random() < 0.03:
            known = next((one for one in dice.choices(self._lately, k=LOOKED_AT) if _is_free(one, day)), None)
            others = [name for name in SOLUTIONS if known and name not in known.solutions]
            if known and others:
                return self._comes(known, dice.choice(others), day)
        human = self.crowd.somebody_new()
        came = self._comes(human, _SOLUTIONS.draw(dice), day)
        if came:
            self._lately.append(human)
        return came

    def _comes(self, human: Human, solution: str, day: date, *, again: bool = False) -> bool:
        dice, region = self.dice, human.country.region
        until = self._local_end(human)
        opened = min(rhythm.waking(dice, day), until - timedelta(minutes=dice.uniform(10, 200)))
        sales = dice.random()
        nobody = stories.is_without_rep(region, day, today=self.until)
        if sales < 0.016 and human.company and not nobody:
            return self._found_by_sales(human, solution, opened, Function.SDR if sales < 0.012 else Function.AE)
        channel, program = self._origin(day, region)
        if program and program.solution and not again and program.solution not in human.solutions:
            solution = program.solution
        offer = self._offer(channel, program, solution)
        if offer == DEMO_REQUEST and (self.ways.profile(human).excluded or dice.random() < 0.5):
            offer = CONTACT
        arrival = Arrival(
            human=human,
            solution=solution,
            channel=channel,
            program=program,
            offer=offer,
            type=_opening_type(dice, channel, offer),
            function=Function.PARTNER if channel == "Partner" else Function.MARKETING,
        )
        hot = self.meter.raises_hand(self.ways.profile(human), arrival.opening(opened))
        steps = travel(dice, self._odds(human, channel, program, hot=hot, again=again), opened)
        return self._add(arrival, steps)

    def _found_by_sales(self, human: Human, solution: str, opened: datetime, function: Function) -> bool:
        opened = rhythm.in_office(self.dice, opened)
        if opened > self._local_end(human):
            opened -= DAY * 3
        program = self.plan.pick(self.dice, self.first, human.country.region, "Outbound")
        steps = travel_outbound(self.dice, self._odds(human, "Outbound", program), opened)
        arrival = Arrival(
            human=human, solution=solution, channel="Outbound", program=program, type="email_reply", function=function
        )
        return self._add(arrival, steps)

    def _origin(self, day: date, region: str) -> tuple[str, Program | None]:
        """A channel, and the campaign of it; a channel that has none that day gives way to another."""
        while True:
            channel = _CHANNELS.draw(self.dice)
            program = self.plan.pick(self.dice, day, region, channel)
            if program or channel == "Referral":
                return channel, program

    def _offer(self, channel: str, program: Program | None, solution: str) -> str:
        if program and program.content:
            return program.content
        if channel == "Webinar":
            return self.dice.choice(WEBINARS).name
        kinds = OFFERED[channel]
        fitting = [offer.name for offer in OFFERS if offer.kind in kinds and offer.solution in ("", solution)]
        return self.dice.choice(fitting) if fitting else ""

    def _odds(
        self, human: Human, channel: str, program: Program | None, *, hot: bool = False, again: bool = False
    ) -> Odds:
        fit = companies.FIT[human.company.tier] if human.company else 0.4
        odds = scaled(Odds(hot=hot), mql=_WAYS[channel].quality * fit * (1.7 if again else 1.0))
        if human.company is None:
            odds = scaled(odds, sal=0.7, sql=0.7)
        if not self.meter.can_qualify(self.ways.profile(human)):
            odds = scaled(odds, mql=0.0)
        return stories.bend(odds, human.country.region, program, today=self.until)

    # --- what becomes of it -------------------------------------------------------------------------

    def _add(self, arrival: Arrival, future: list[Step], cast: Cast | None = None) -> bool:
        """Write one trip. future: its steps, also those to come. cast: who works it, else the dice and stories say.

        False where the model would not have made an MQL of it there, or would have made one elsewhere.
        """
        human, region, until = arrival.human, arrival.human.country.region, self._local_end(arrival.human)
        if cast is None:
            cast = Cast(self._seat("sdr", region), self._seat("ae", region))
            future, cast.sdr = stories.interrupt(self.dice, future, region=region, sdr=cast.sdr, until=until)
            cast.deal = negotiate(self.dice, future, human.company, arrival.solution, until=until)
        steps = [step for step in future if step.at <= until]
        offers = partial(self._piece, solution=arrival.solution)
        way = self.ways.find(human, steps, arrival.opening(steps[0].at), offers, until=until)
        if way is None:
            return False
        human.trips += 1
        human.solutions.add(arrival.solution)
        trip = Trip(
            human=human,
            number=human.trips,
            steps=steps,
            touches=way.touches,
            solution=arrival.solution,
            channel=arrival.channel,
            program=arrival.program,
            offer=arrival.offer,
            function=arrival.function,
            sdr=cast.sdr,
            executive=cast.executive,
            deal=cast.deal,
            reached=way.reached,
        )
        trip.remarks = self._remarks(trip, until)
        self.writer.add(trip)
        self.ways.remember(trip)
        self._may_return(trip)
        return True

    def _remarks(self, trip: Trip, until: datetime) -> list[Remark]:
        company = trip.human.company
        words = {
            "first": trip.human.first_name,
            "industry": company.industry.lower() if company else "industry unknown",
            "size": f"{company.employees:,}" if company else "an unknown number of",
            "solution": trip.solution,
        }
        writes = [name if name in self.ids.users else "" for name in (trip.sdr, trip.executive)]
        return remarks(self.dice, trip.steps, sdr=writes[0], executive=writes[1], words=words, until=until)

    def _may_return(self, trip: Trip) -> None:
        last = trip.steps[-1]
        if last.kind == Kind.RECYCLE and self.dice.random() < RETURNS:
            day = (last.at + DAY * max(7, about(self.dice, 80, 0.45))).date()
            heapq.heappush(self._back, (day, self.writer.leads, trip.human, trip.solution))

    def _piece(self, kind: str, solution: str) -> str:
        fitting = [offer.name for offer in OFFERS if offer.kind == kind]
        own = [name for name in fitting if BY_NAME[name].solution == solution]
        return self.dice.choice(own or fitting)

    def _seat(self, kind: str, region: str) -> str:
        if (kind, region) not in self._seats:
            shares = [(seat.name, seat.share) for seat in SEATS if seat.kind == kind and region in seat.regions]
            self._seats[kind, region] = Urn(shares)
        return self._seats[kind, region].draw(self.dice)

    def _local_end(self, human: Human) -> datetime:
        return self.until.astimezone(human.country.zone).replace(tzinfo=None)

    # --- scenes -------------------------------------------------------------------------------------

    def _scenes(self) -> None:
        named = {company.name: company for company in stories.companies()}
        by_name = {company.name: company for company in self.market[: len(named)]}
        self._single_threaded(by_name[stories.SINGLE_THREADED])
        known = {
            (human.first_name, human.last_name): human for human in self._five_people(by_name[stories.FIVE_PEOPLE])
        }
        for scene in stories.QUEUE:
            human = known.get(scene.name) or self._person_of(scene, by_name)
            known[scene.name] = human
            self._triggers.append(self._inquiry(scene, human))
        self._duplicate(known[stories.DUPLICATE])
        human = self.crowd.of(by_name["Saarela Paper Oy"], stories.RETURNED, "Head of Plant IT")
        way = [("inquiry", 41), ("mql", 33), ("sal", 32.6), ("sql", 16), ("sal", 9)]
        self._scene(human, "Predictive maintenance", stories.advanced(self._local_end(human), way))

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
        program = self.plan.pick(self.dice, first.at.date(), human.country.region, first.channel)
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
            channel, program = self._origin(steps[0].at.date(), human.country.region)
            offer = self._offer(channel, program, solution)
            arrival = Arrival(
                human=human,
                solution=solution,
                channel=channel,
                program=program,
                offer=offer,
                type=_opening_type(self.dice, channel, offer),
            )
            if self._add(arrival, steps, Cast(stories.MARA, "Magnus Lind", deal)):
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


def _opening_type(dice: random.Random, channel: str, offer: str) -> str:
    if offer == DEMO_REQUEST:
        return "demo_request"
    if channel in _OPENINGS:
        return dice.choice(_OPENINGS[channel])
    return _BY_OFFER.get(BY_NAME[offer].kind, "content_download") if offer else "content_download"


def _is_free(human: Human, day: date) -> bool:
    """Whether nothing of theirs has been going on for some days."""
    return human.free_since is not None and human.free_since.date() + DAY * 3 <= day


def scene_touch(kind: str, at: datetime, offer: str) -> Touch:
    """A touch of somebody with a scene of their own, by the channel that goes with it."""
    return Touch(kind, at, _CHANNEL_OF.get(kind, "Website"), offer, response=kind in _RESPONSES)


def analyze() -> None:
    """Tell the planner what is in the tables by now."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE funnel_person, funnel_activity, funnel_lead, funnel_stageevent, funnel_opportunity")
