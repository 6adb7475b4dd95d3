"""Somebody comes in: by which channel and campaign, upon which offer, and by what sort of touch."""

import random
from dataclasses import dataclass
from datetime import date, datetime

from demandcenter.demo_world.campaigns import BY_NAME, DEMO_REQUEST, OFFERED, OFFERS, WEBINARS, Plan, Program
from demandcenter.demo_world.deals import Deal
from demandcenter.demo_world.journeys import Touch
from demandcenter.demo_world.people import Human
from demandcenter.demo_world.reference import CHANNELS
from demandcenter.demo_world.rhythm import Urn
from funnel.models import Function

_CHANNELS = Urn([(way.name, way.weight) for way in CHANNELS if way.weight])
_OPENINGS = {
    "Webinar": ("webinar_registered", "webinar_attended"),
    "Event": ("badge_scan",),
    "Outbound": ("email_reply",),
    "Partner": ("partner_referral",),
    "Referral": ("contact_form",),
}
_BY_OFFER = {"form": "contact_form", "calculator": "price_calculator"}


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


class Doors:
    """The ways in, as they are open on a day."""

    def __init__(self, plan: Plan, dice: random.Random) -> None:
        self.plan, self.dice = plan, dice

    def origin(self, day: date, region: str) -> tuple[str, Program | None]:
        """A channel, and the campaign of it; a channel that has none that day gives way to another."""
        while True:
            channel = _CHANNELS.draw(self.dice)
            program = self.plan.pick(self.dice, day, region, channel)
            if program or channel == "Referral":
                return channel, program

    def offer(self, channel: str, program: Program | None, solution: str) -> str:
        if program and program.content:
            return program.content
        if channel == "Webinar":
            return self.dice.choice(WEBINARS).name
        kinds = OFFERED[channel]
        fitting = [offer.name for offer in OFFERS if offer.kind in kinds and offer.solution in ("", solution)]
        return self.dice.choice(fitting) if fitting else ""

    def piece(self, kind: str, solution: str) -> str:
        """A piece of content of this kind, about the solution where there is one."""
        fitting = [offer.name for offer in OFFERS if offer.kind == kind]
        own = [name for name in fitting if BY_NAME[name].solution == solution]
        return self.dice.choice(own or fitting)

    def type_of(self, channel: str, offer: str) -> str:
        """The sort of touch by which somebody comes in."""
        if offer == DEMO_REQUEST:
            return "demo_request"
        if channel in _OPENINGS:
            return self.dice.choice(_OPENINGS[channel])
        return _BY_OFFER.get(BY_NAME[offer].kind, "content_download") if offer else "content_download"
