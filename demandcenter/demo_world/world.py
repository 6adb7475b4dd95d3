"""Playing the world day by day: who comes in, by what, and what becomes of it."""

import heapq
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from django.contrib.auth.models import User
from django.db import connection

from demandcenter.demo_world import (
    agreeing,
    campaigns,
    companies,
    daily,
    desks,
    handing,
    ledger,
    looking_back,
    opinions,
    reference,
    rhythm,
    serving,
    stories,
    today,
    warmth,
)
from demandcenter.demo_world.arrivals import Arrival, Cast, Doors
from demandcenter.demo_world.campaigns import CONTACT, DEMO_REQUEST, Program
from demandcenter.demo_world.deals import negotiate
from demandcenter.demo_world.journeys import Odds, Step, scaled, travel, travel_outbound
from demandcenter.demo_world.notes import Remark, remarks
from demandcenter.demo_world.people import Crowd, Human
from demandcenter.demo_world.reference import CHANNELS, SEATS, SOLUTIONS, Ids
from demandcenter.demo_world.rhythm import DAY, Urn, about
from demandcenter.demo_world.scenes import Scenes
from demandcenter.demo_world.trips import Trip
from demandcenter.demo_world.ways import Ways
from demandcenter.demo_world.writing import Writer
from funnel.models import Function, Kind
from scoring.policy import policy_of

DAYS = 548  # eighteen months
BATCH = 2_000  # leads
LATELY = 3_000  # people who may ask for something else
RETURNS = 0.3  # of recycled leads
LOOKED_AT = 12  # people of whom one may ask for something else
_WAYS = {way.name: way for way in CHANNELS}
_SOLUTIONS = Urn(SOLUTIONS)
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """How much there is now."""

    companies: int
    people: int
    leads: int
    touches: int
    deals: int


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
        self.doors = Doors(self.plan, dice)

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
        scenes = Scenes(
            crowd=self.crowd, doors=self.doors, writer=self.writer, ways=self.ways, dice=self.dice, until=self.until,
            now=self.now, add=self._add,
        )  # fmt: skip
        triggers = scenes.play(self.market)
        self.writer.flush()
        courses = self.writer.courses
        companies.mark_customers()
        ledger.write(courses, self.ids, until=self.until, dice=self.dice)
        handing.write(courses, self.ids, until=self.until, dice=self.dice)
        opinions.write(courses, self.ids, until=self.until, dice=self.dice)
        serving.write(self.ids, self.market, until=self.until)
        analyze()
        today.keep_promises(courses, now=self.until)
        today.score_everybody(self.model, now=self.until)
        today.replay(triggers, self.writer, self.ids, self.users, until=self.until, now=self.now)
        looking_back.look_back(self.model, self.users, now=self.now)
        daily.work_daily(self.users, self.writer, dice=self.dice, now=self.now)
        handing.hand_over(now=self.now)
        agreeing.agree(self.users, now=self.now)
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
        channel, program = self.doors.origin(day, region)
        if program and program.solution and not again and program.solution not in human.solutions:
            solution = program.solution
        offer = self.doors.offer(channel, program, solution)
        if offer == DEMO_REQUEST and (self.ways.profile(human).excluded or dice.random() < 0.5):
            offer = CONTACT
        arrival = Arrival(
            human=human,
            solution=solution,
            channel=channel,
            program=program,
            offer=offer,
            type=self.doors.type_of(channel, offer),
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
        offers = partial(self.doors.piece, solution=arrival.solution)
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

    def _seat(self, kind: str, region: str) -> str:
        if (kind, region) not in self._seats:
            shares = [(seat.name, seat.share) for seat in SEATS if seat.kind == kind and region in seat.regions]
            self._seats[kind, region] = Urn(shares)
        return self._seats[kind, region].draw(self.dice)

    def _local_end(self, human: Human) -> datetime:
        return self.until.astimezone(human.country.zone).replace(tzinfo=None)


def _is_free(human: Human, day: date) -> bool:
    """Whether nothing of theirs has been going on for some days."""
    return human.free_since is not None and human.free_since.date() + DAY * 3 <= day


def analyze() -> None:
    """Tell the planner what is in the tables by now."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE funnel_person, funnel_activity, funnel_lead, funnel_stageevent, funnel_opportunity")
