"""What the demo's company calls things: regions, solutions, channels, reasons, and its teams with their people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.contrib.auth.models import User

from demandcenter import demo
from demandcenter.demo_world.names import slug
from funnel.access import Role
from funnel.models import Channel, Reason, Region, Rep, Solution, Team

SOURCE = "demo"
HUB = "Headquarters"
REGIONS = ("DACH", "Nordics", "UK & Ireland", "France", "Southern Europe", "Benelux", "CEE", "North America")
SOLUTIONS = {"Edge monitoring": 0.42, "Predictive maintenance": 0.27, "OT security": 0.19, "Energy insight": 0.12}


@dataclass(frozen=True, slots=True)
class Way:
    """A channel. weight: its share of inquiries; quality: how its inquiries fare; cost: of one of them, in euros."""

    name: str
    weight: float
    quality: float
    cost: float
    direction: str = "inbound"


CHANNELS = (
    Way("Organic search", 0.18, 1.05, 9),
    Way("Website", 0.09, 1.9, 6),
    Way("Paid search", 0.15, 1.0, 78),
    Way("Paid social", 0.11, 0.6, 52),
    Way("Webinar", 0.14, 1.1, 34),
    Way("Event", 0.12, 0.85, 95),
    Way("Content syndication", 0.1, 0.4, 46),
    Way("E-mail", 0.06, 1.1, 5),
    Way("Partner", 0.03, 1.7, 60),
    Way("Referral", 0.02, 2.1, 0),
    Way("Outbound", 0.0, 1.0, 20, "outbound"),
)

# kind, stage that it is offered at, name, days until a second look
REASONS = (
    ("reject", "mql", "Wrong profile", None),
    ("reject", "mql", "Invalid contact data", None),
    ("reject", "mql", "Competitor, student or vendor", None),
    ("reject", "mql", "Existing customer, support matter", None),
    ("disqualify", "", "Not in ideal profile", None),
    ("disqualify", "", "No need for the solution", None),
    ("disqualify", "", "Legal or consent", None),
    ("disqualify", "inquiry", "Invalid or fake contact data", None),
    ("recycle", "", "No response after full cadence", 90),
    ("recycle", "", "Project later", 120),
    ("recycle", "", "No budget now", 180),
    ("recycle", "", "Early research", 60),
    ("recycle", "", "Not the decision maker", 30),
    ("recycle", "", "In a competitor's contract", 240),
    ("expire", "inquiry", "No activity for 180 days", None),
    ("lost", "", "Lost to a competitor", 180),
    ("lost", "", "Price", 180),
    ("lost", "", "Missing feature", 240),
    ("lost", "", "Budget withdrawn", 180),
    ("no_decision", "", "Project stopped", 90),
    ("no_decision", "", "Stayed with what they have", 180),
    ("regress", "sql", "Need not confirmed in the meeting", None),
    ("regress", "sql", "Meeting did not take place", None),
)

CENTRAL, EAST, WEST, SOUTH, AMERICA = "Central & North", "CEE", "West", "France & South", "North America"
AREAS = {
    CENTRAL: ("DACH", "Nordics"),
    EAST: ("CEE",),
    WEST: ("UK & Ireland", "Benelux"),
    SOUTH: ("France", "Southern Europe"),
    AMERICA: ("North America",),
}
AREA_OF = {region: area for area, regions in AREAS.items() for region in regions}
MANAGERS = {"SDR managers": ("other", "Hanna Solberg", "hanna")}
BUSY = "Jonas Petersen"  # has too much: see the stories
GONE = "Milan Dvořák"  # left, and nobody has his region
GONE_FOR = timedelta(days=36)


@dataclass(frozen=True, slots=True)
class Seat:
    """A rep's place. regions: that they work, first their own; share: of what comes in there; login: on the demo."""

    name: str
    area: str
    kind: str
    regions: tuple[str, ...]
    share: float = 1.0
    login: str = ""

    @property
    def team(self) -> str:
        return f"{self.kind.upper()} {self.area}"


SEATS = (
    Seat("Mara Lindqvist", CENTRAL, "sdr", ("DACH", "Nordics"), 1.0, "mara"),
    Seat("Anton Keller", CENTRAL, "sdr", ("DACH",), 1.2),
    Seat("Birgit Aasen", CENTRAL, "sdr", ("Nordics",), 1.2),
    Seat(BUSY, CENTRAL, "sdr", ("DACH", "Nordics"), 1.4),
    Seat(GONE, EAST, "sdr", ("CEE",)),
    Seat("Priya Nair", WEST, "sdr", ("UK & Ireland",)),
    Seat("Owen Gallagher", WEST, "sdr", ("UK & Ireland", "Benelux"), 0.7),
    Seat("Sanne Postma", WEST, "sdr", ("Benelux",)),
    Seat("Camille Roussel", SOUTH, "sdr", ("France",)),
    Seat("Sofia Rinaldi", SOUTH, "sdr", ("Southern Europe", "France"), 0.8),
    Seat("Diego Navarro", SOUTH, "sdr", ("Southern Europe",)),
    Seat("Tyler Brooks", AMERICA, "sdr", ("North America",)),
    Seat("Grace Okafor", AMERICA, "sdr", ("North America",)),
    Seat("Magnus Lind", CENTRAL, "ae", ("Nordics", "DACH"), 0.8, "magnus"),
    Seat("Petra Holm", CENTRAL, "ae", ("DACH",)),
    Seat("Florian Huber", CENTRAL, "ae", ("DACH",)),
    Seat("Zofia Mazur", EAST, "ae", ("CEE",)),
    Seat("Helen Carter", WEST, "ae", ("UK & Ireland",)),
    Seat("Bram Visser", WEST, "ae", ("Benelux", "UK & Ireland"), 0.6),
    Seat("Luc Fontaine", SOUTH, "ae", ("France",)),
    Seat("Giulia Conti", SOUTH, "ae", ("Southern Europe",)),
    Seat("Daniel Reyes", AMERICA, "ae", ("North America",)),
    Seat("Megan Cole", AMERICA, "ae", ("North America",)),
)


_ROLES = {"sdr": Role.SDR, "ae": Role.AE}


@dataclass(slots=True)
class Ids:
    """The ids of what has a name."""

    regions: dict[str, int] = field(default_factory=dict)
    solutions: dict[str, int] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=dict)
    reasons: dict[tuple[str, str], int] = field(default_factory=dict)  # by kind and name
    reps: dict[str, int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)  # by the rep's name
    teams: dict[str, int] = field(default_factory=dict)
    contents: dict[str, int] = field(default_factory=dict)
    campaigns: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    routing_policy: str = ""  # as decisions name it


def write(users: Mapping[str, User], *, today: date) -> Ids:
    """Create the small tables. users: the demo's log-ins by username, to tie them to their reps.

    The other reps get users of their own whom nobody can log in as, so that what they do has somebody who did it.
    """
    ids = Ids()
    hub, _made = Region.objects.get_or_create(name=HUB)
    ids.regions = {name: Region.objects.get_or_create(name=name, defaults={"parent": hub})[0].pk for name in REGIONS}
    ids.solutions = {name: Solution.objects.get_or_create(name=name)[0].pk for name in SOLUTIONS}
    for way in CHANNELS:
        channel, _made = Channel.objects.get_or_create(name=way.name, defaults={"direction": way.direction})
        ids.channels[way.name] = channel.pk
    for kind, stage, name, days in REASONS:
        reason, _made = Reason.objects.get_or_create(kind=kind, stage=stage, name=name, defaults={"revisit_days": days})
        ids.reasons[kind, name] = reason.pk
    _write_reps(ids, users, today=today)
    return ids


def _write_reps(ids: Ids, users: Mapping[str, User], *, today: date) -> None:
    teams: dict[str, Team] = {}
    for number, seat in enumerate(SEATS):
        region = ids.regions[AREAS[seat.area][0]] if len(AREAS[seat.area]) == 1 else None
        if seat.team not in teams:
            fixed: dict[str, Any] = {"kind": seat.kind, "region_id": region, "reports_to_marketing": seat.kind == "sdr"}
            teams[seat.team] = Team.objects.get_or_create(name=seat.team, defaults=fixed)[0]
        user = users[seat.login] if seat.login else demo.create_colleague(seat.name, _ROLES[seat.kind])
        rep = _write_rep(seat.name, teams[seat.team], user, region=ids.regions[seat.regions[0]])
        rep.hired_on = today - timedelta(days=700 + number * 41 % 900)
        rep.active = seat.name != GONE
        rep.save(update_fields=["hired_on", "active"])
        ids.reps[seat.name], ids.users[seat.name], ids.teams[seat.team] = rep.pk, user.pk, teams[seat.team].pk
    for team_name, (kind, name, login) in MANAGERS.items():
        team, _made = Team.objects.get_or_create(name=team_name, defaults={"kind": kind})
        ids.reps[name] = _write_rep(name, team, users[login], region=None).pk
        ids.users[name] = users[login].pk


def _write_rep(name: str, team: Team, user: User, *, region: int | None) -> Rep:
    return Rep.objects.create(
        name=name,
        email=user.email,
        user=user,
        team=team,
        region_id=region,
        source=SOURCE,
        external_id=slug(name),
    )
