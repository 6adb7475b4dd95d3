"""Content offers and campaigns of the demo, when they run, and what they cost."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from demandcenter.demo_world.names import COUNTRIES, slug
from demandcenter.demo_world.reference import CHANNELS, HUB, SOURCE, Ids
from demandcenter.demo_world.rhythm import DAY, Urn
from funnel import ingest
from funnel.models import BuyingStage, Campaign, CampaignStatus, Content

UNIT_COST = {way.name: way.cost for way in CHANNELS}


@dataclass(frozen=True, slots=True)
class Offer:
    """A content offer. solution: what it is about, blank for all."""

    name: str
    kind: str
    solution: str
    persona: str = ""

    @property
    def buying_stage(self) -> str | None:
        return _HELPS.get(self.kind)


# Who asks for what.
_HELPS = {
    "guide": BuyingStage.EDUCATION,
    "brief": BuyingStage.EDUCATION,
    "webinar": BuyingStage.CONSIDERATION,
    "case study": BuyingStage.CONSIDERATION,
    "calculator": BuyingStage.DECISION,
    "form": BuyingStage.DECISION,
}

DOWNTIME = "Downtime, measured"
DEMO_REQUEST, CONTACT, PRICES = "Demo request", "Contact us", "Price calculator"
OFFERS = (
    Offer("Edge monitoring, step by step", "guide", "Edge monitoring", "Operations"),
    Offer("Brownfield data in 30 days", "guide", "Edge monitoring", "Plant IT"),
    Offer("Nine yards, one view", "case study", "Edge monitoring", "Operations"),
    Offer("Pump maker, 14 sites", "case study", "Edge monitoring", "Management"),
    Offer("OPC UA without downtime", "webinar", "Edge monitoring", "Plant IT"),
    Offer(DOWNTIME, "webinar", "Edge monitoring", "Operations"),
    Offer("From alarms to causes", "webinar", "Predictive maintenance", "Maintenance"),
    Offer("Buyer's guide to predictive maintenance", "guide", "Predictive maintenance", "Maintenance"),
    Offer("Bearing by bearing", "case study", "Predictive maintenance", "Maintenance"),
    Offer("ROI worksheet", "calculator", "Predictive maintenance", "Management"),
    Offer("OT security checklist", "guide", "OT security", "OT security"),
    Offer("Security brief", "brief", "OT security", "OT security"),
    Offer("Segmenting the shop floor", "webinar", "OT security", "OT security"),
    Offer("Dairy line, eleven days, no stop", "case study", "OT security", "Plant IT"),
    Offer("Energy insight primer", "guide", "Energy insight", "Energy"),
    Offer("Energy per part", "webinar", "Energy insight", "Energy"),
    Offer("Glass works, 18 % less gas", "case study", "Energy insight", "Management"),
    Offer(PRICES, "calculator", ""),
    Offer(DEMO_REQUEST, "form", ""),
    Offer(CONTACT, "form", ""),
    Offer("Pricing", "page", ""),
    Offer("Integrations", "page", ""),
    Offer("Plant notes", "newsletter", ""),
)
BY_NAME = {offer.name: offer for offer in OFFERS}
WEBINARS = tuple(offer for offer in OFFERS if offer.kind == "webinar")
# What an inquiry of each channel asks for.
OFFERED = {
    "Organic search": ("guide", "case study", "brief", "calculator"),
    "Website": ("form", "calculator"),
    "Paid search": ("guide", "calculator", "form"),
    "Paid social": ("guide", "case study"),
    "Content syndication": ("guide", "brief"),
    "E-mail": ("guide", "case study", "calculator"),
    "Partner": ("form",),
    "Referral": ("form",),
    "Outbound": (),
    "Event": (),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """A campaign. days: first and last; without a last one it is always on. share: of its channel while it runs."""

    name: str
    channel: str
    first: date
    last: date | None = None
    region: str = ""
    solution: str = ""
    content: str = ""
    share: float = 1.0
    cost: float = 1.0  # beside what is usual for the channel
    held_in: str = ""  # the region that pays for it, where inquiries come from everywhere

    def runs_on(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)

    def whole(self, today: date) -> float:
        """How much longer it runs altogether than until today."""
        if self.last is None or self.last <= today:
            return 1.0
        return (self.last - self.first).days / max(1, (today - self.first).days + 1)


# So many that none comes twice in a year (`_FAIR_EVERY`), of which its name is made.
_FAIRS = (
    ("Smart Plant Summit London", "UK & Ireland"),
    ("Expo Nürnberg", "DACH"),
    ("Nordic Industry Days", "Nordics"),
    ("Salon Usine Connectée Lyon", "France"),
    ("Factory Futures Chicago", "North America"),
    ("Fabbrica Domani Bologna", "Southern Europe"),
    ("Process Forum Rotterdam", "Benelux"),
    ("Targi Automatyki Poznań", "CEE"),
    ("Werktage Wien", "DACH"),
)
_WEBINAR_EVERY, _FAIR_EVERY, _FLIGHT_EVERY = timedelta(days=28), timedelta(days=45), timedelta(days=91)
WEBINAR_STORY_BEGAN = timedelta(days=96)  # before today; its MQLs are decided within the last 13 weeks


def programs(first: date, today: date) -> list[Program]:
    """Every campaign between two days, always-on programs first."""
    found = [*_always_on(first), *_webinars(first, today), *_fairs(first, today), *_flights(first, today)]
    return [program for program in found if program.first < today]


def _always_on(first: date) -> Iterator[Program]:
    started = first - timedelta(days=120)
    yield Program(name="Organic search and articles", channel="Organic search", first=started)
    yield Program(name="Website: demo and contact requests", channel="Website", first=started)
    yield Program(name="Search ads: Europe", channel="Paid search", first=started, share=0.55)
    for region in ("DACH", "UK & Ireland"):
        yield Program(name=f"Search ads: {region}", channel="Paid search", first=started, region=region, cost=1.1)
    yield Program(
        name="Search ads: North America", channel="Paid search", first=started, region="North America", cost=1.4
    )
    yield Program(name="Social ads: always on", channel="Paid social", first=started, content="Pump maker, 14 sites")
    yield Program(name="Newsletter: Plant notes", channel="E-mail", first=started)
    yield Program(name="Partner program", channel="Partner", first=started)
    yield Program(name="Webinars on demand", channel="Webinar", first=started, share=0.3, cost=0.3)
    yield Program(name="Plant visits and roadshow", channel="Event", first=started, share=0.25, cost=0.8)
    yield Program(name="Outbound: target accounts", channel="Outbound", first=started)
    yield Program(name="Syndication: always on", channel="Content syndication", first=started, share=0.4)


def _webinars(first: date, today: date) -> Iterator[Program]:
    """A webinar every four weeks; the one of the story among them, the others about something else."""
    others = [offer for offer in WEBINARS if offer.name != DOWNTIME]
    story = today - WEBINAR_STORY_BEGAN
    number, day = 0, story - _WEBINAR_EVERY * ((story - first) // _WEBINAR_EVERY)
    while day < today:
        offer = BY_NAME[DOWNTIME] if day == story else others[number % len(others)]
        held = day + timedelta(days=18)
        yield Program(
            name=f"Webinar: {offer.name} ({held:%b %Y})", channel="Webinar", first=day, last=day + timedelta(days=32),
            solution=offer.solution, content=offer.name, share=1.4 if day == story else 1.0,
        )  # fmt: skip
        number, day = number + 1, day + _WEBINAR_EVERY


def _fairs(first: date, today: date) -> Iterator[Program]:
    day = first + timedelta(days=9)
    number = 0
    while day < today:
        name, region = _FAIRS[number % len(_FAIRS)]
        yield Program(
            name=f"{name} {day:%Y}", channel="Event", first=day, last=day + timedelta(days=16), held_in=region,
            share=2.5, cost=1.3,
        )  # fmt: skip
        number, day = number + 1, day + _FAIR_EVERY


def _flights(first: date, today: date) -> Iterator[Program]:
    """Quarterly flights of ads, syndication and mail, each about one solution."""
    topics = [offer for offer in OFFERS if offer.kind == "guide"]
    day, number = first, 0
    while day < today:
        topic = topics[number % len(topics)]
        last, label = day + _FLIGHT_EVERY - DAY, f"{day:%b %Y}"
        about = {"first": day, "last": last, "solution": topic.solution, "content": topic.name}
        yield Program(name=f"Social: {topic.name} ({label})", channel="Paid social", share=0.8, **about)  # type: ignore[arg-type]
        yield Program(name=f"Syndication: {topic.name} ({label})", channel="Content syndication", **about)  # type: ignore[arg-type]
        yield Program(name=f"Mailing: {topic.name} ({label})", channel="E-mail", share=0.6, **about)  # type: ignore[arg-type]
        number, day = number + 1, day + _FLIGHT_EVERY


@dataclass(slots=True)
class Plan:
    """Which campaign an inquiry comes from, by day, region and channel."""

    programs: Sequence[Program]
    _urns: dict[tuple[date, str, str], Urn[Program] | None] = field(default_factory=dict)

    def pick(self, dice: random.Random, day: date, region: str, channel: str) -> Program | None:
        """A campaign of the channel that runs in the region that day, by share; None where there is none."""
        key = (day, region, channel)
        if key not in self._urns:
            weights = self._weights(day, region, channel)
            self._urns[key] = Urn(weights) if weights else None
        urn = self._urns[key]
        return urn.draw(dice) if urn else None

    def _weights(self, day: date, region: str, channel: str) -> list[tuple[Program, float]]:
        return [
            (program, program.share)
            for program in self.programs
            if program.channel == channel and program.region in ("", region) and program.runs_on(day)
        ]

    def expected(self, volumes: Mapping[date, int]) -> dict[tuple[Program, date], float]:
        """How many inquiries each campaign may hope for in each month."""
        regions: dict[str, float] = defaultdict(float)
        for country in COUNTRIES:
            regions[country.region] += country.weight / sum(each.weight for each in COUNTRIES)
        hoped: dict[tuple[Program, date], float] = defaultdict(float)
        for day, leads in volumes.items():
            for way in CHANNELS:
                for region, share in regions.items():
                    weights = self._weights(day, region, way.name)
                    total = sum(weight for _, weight in weights)
                    for program, weight in weights:
                        hoped[program, day.replace(day=1)] += leads * way.weight * share * weight / total
        return hoped


def write(plan: Plan, ids: Ids, volumes: Mapping[date, int], *, dice: random.Random, now: datetime) -> None:
    """Write content, campaigns with their budgets and statuses, and what was spent month by month."""
    hoped = plan.expected(volumes)
    _write_content(ids, now=now)
    budgets: dict[Program, float] = defaultdict(float)
    for (program, _month), leads in hoped.items():
        budgets[program] += leads * UNIT_COST[program.channel] * program.cost * program.whole(max(volumes))
    rows = [
        {
            "external_id": slug(program.name),
            "name": program.name,
            "channel": program.channel,
            "region": program.region or program.held_in or HUB,
            "solution": program.solution or None,
            "topic": BY_NAME[program.content].solution if program.content else None,
            "persona": BY_NAME[program.content].persona if program.content else None,
            "starts_on": program.first,
            "ends_on": program.last,
            "budget": _euros(budgets[program] * dice.uniform(0.95, 1.2), step=100) or None,
        }
        for program in plan.programs
    ]
    load("campaigns", rows, now=now)
    ids.campaigns = dict(Campaign.objects.filter(source=SOURCE).values_list("name", "pk"))
    _write_statuses(plan, ids)
    load("costs", list(_costs(hoped, dice, today=max(volumes))), now=now)


def _write_content(ids: Ids, *, now: datetime) -> None:
    load(
        "content",
        [
            {
                "name": offer.name,
                "kind": offer.kind,
                "topic": offer.solution or None,
                "persona": offer.persona or None,
                "buying_stage": offer.buying_stage,
                "url": f"https://www.plantview.example/{slug(offer.kind)}/{slug(offer.name)}",
            }
            for offer in OFFERS
        ],
        now=now,
    )
    ids.contents = dict(Content.objects.values_list("name", "pk"))


def _write_statuses(plan: Plan, ids: Ids) -> None:
    names = {
        "Webinar": [("Invited", False), ("Registered", True), ("Attended", True), ("No-show", False)],
        "Event": [("Invited", False), ("Visited the booth", True)],
        "E-mail": [("Sent", False), ("Clicked", False), ("Responded", True)],
    }
    CampaignStatus.objects.bulk_create(
        CampaignStatus(campaign_id=ids.campaigns[program.name], name=name, counts_as_response=counts)
        for program in plan.programs
        for name, counts in names.get(program.channel, [("Responded", True)])
    )


def _costs(hoped: Mapping[tuple[Program, date], float], dice: random.Random, *, today: date) -> Iterator[dict]:
    for (program, month), leads in hoped.items():
        amount = _euros(leads * UNIT_COST[program.channel] * program.cost * dice.uniform(0.88, 1.12), step=10)
        if amount:
            last = (month + timedelta(days=31)).replace(day=1) - DAY
            yield {
                "external_id": f"{slug(program.name)}/{month:%Y-%m}",
                "campaign": program.name,
                "channel": program.channel,
                "region": program.region or program.held_in or HUB,
                "amount": amount,
                "currency": "EUR",
                "incurred_on": min(max(program.first, month) if program.last else last, today),
            }


def _euros(amount: float, *, step: int) -> Decimal:
    return Decimal(round(amount / step) * step)


def load(kind: str, rows: Sequence[Mapping], *, now: datetime) -> None:
    """Write rows through the product's own writer; a row that it refuses is a fault of the demo."""
    for start in range(0, len(rows), ingest.LARGEST_CHUNK):
        part = [ingest.Row(start + n, values) for n, values in enumerate(rows[start : start + ingest.LARGEST_CHUNK])]
        for outcome in ingest.write(kind, part, source=SOURCE, now=now):
            if outcome.problem:
                raise ValueError(f"{kind}, row {outcome.number}: {outcome.problem}")
