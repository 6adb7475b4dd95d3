"""What is planted in the demo to be found: bends in the odds, and a few people with a fate of their own."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from demandcenter.demo_world.campaigns import DOWNTIME, WEBINAR_STORY_BEGAN, Program
from demandcenter.demo_world.companies import Company, domain_of
from demandcenter.demo_world.desks import AWAY, AWAY_SINCE, CAPPED_FOR
from demandcenter.demo_world.journeys import Odds, Step, scaled
from demandcenter.demo_world.names import BY_CODE
from demandcenter.demo_world.reference import AREA_OF, BUSY, GONE_FOR, SEATS, SOUTH
from demandcenter.demo_world.rhythm import DAY
from funnel.models import Kind, Stage

MARA = "Mara Lindqvist"
PILING_UP_FOR = timedelta(days=45)
BEATS_THE_STANDARD = "Nordics"
UNOWNED = "CEE"
MISFIRES = 0.28  # of the usual acceptance, for whom a webinar brought in


def is_rejected_webinar(program: Program | None, today: datetime) -> bool:
    return (
        program is not None
        and program.content == DOWNTIME
        and program.channel == "Webinar"
        and program.first == (today - WEBINAR_STORY_BEGAN).date()
    )


def bend(odds: Odds, region: str, program: Program | None, *, today: datetime) -> Odds:
    """The odds as the stories have them in this region and for this campaign."""
    if region == BEATS_THE_STANDARD:
        odds = scaled(odds, mql=1.1, sal=1.13, sql=1.3, won=1.15, sql_pace=0.75)
    if AREA_OF[region] == SOUTH:
        odds = scaled(odds, sql=0.74, sql_pace=2.2)
    if is_rejected_webinar(program, today):
        odds = scaled(odds, mql=2.0, sal=0.33, wrong_profile=2.3)
    elif program is not None and program.channel == "Webinar":  # the misfiring rule: attending one says too little
        odds = scaled(odds, sal=MISFIRES, wrong_profile=2.0)
    return odds


def is_without_rep(region: str, day: date, *, today: datetime) -> bool:
    return region == UNOWNED and day >= (today - GONE_FOR).date()


def whose_turn(sdr: str, region: str, raised: datetime, *, decided: bool, until: datetime) -> str:
    """Who gets an MQL that would be this rep's: a colleague, where the rep is full by now or away.

    Mara's undecided ones are those of QUEUE alone.
    """
    full = sdr == BUSY and raised > until - CAPPED_FOR
    away = sdr == AWAY and raised.date() >= (until - AWAY_SINCE).date()
    if not (full or away or (sdr == MARA and not decided)):
        return sdr
    others = [seat.name for seat in SEATS if seat.kind == "sdr" and region in seat.regions]
    return next(name for name in others if name not in (sdr, BUSY, MARA))


def interrupt(
    dice: random.Random, steps: list[Step], *, region: str, sdr: str, until: datetime
) -> tuple[list[Step], str]:
    """Cut off what nobody did: where the rep is gone, and on the desk of the one who has too much.

    Returns the steps that are left and the SDR, blank where the lead has none.
    """
    if region == UNOWNED:
        return _without_rep(steps, sdr, gone=until - GONE_FOR)
    # What sales found itself it does not leave lying.
    raised = next((n for n, step in enumerate(steps) if step.stage == Stage.MQL and step.kind == Kind.ADVANCE), None)
    if raised is None:
        return steps, sdr
    decided = len(steps) > raised + 1 and steps[raised + 1].at <= until
    sdr = whose_turn(sdr, region, steps[raised].at, decided=decided, until=until)
    if region not in ("DACH", BEATS_THE_STANDARD) or len(steps) == raised + 1:
        return steps, sdr
    if not until - PILING_UP_FOR <= steps[raised].at <= until - CAPPED_FOR:
        return steps, sdr
    # Whom the others would reject lies with him undecided; of the good ones some of his own.
    accepted = steps[raised + 1].stage == Stage.SAL
    if (not accepted and dice.random() < 0.95) or (sdr == BUSY and dice.random() < 0.65):
        return steps[: raised + 1], BUSY
    return steps, sdr


def _without_rep(steps: list[Step], sdr: str, *, gone: datetime) -> tuple[list[Step], str]:
    """Sales development did nothing more after the rep had left, and what came in later is nobody's."""
    with_sales = False
    for place, step in enumerate(steps):
        if step.at > gone and not with_sales and place and steps[place - 1].stage in (Stage.MQL, Stage.SAL):
            raised_later = next(each.at for each in steps if each.stage == Stage.MQL) > gone
            return steps[:place], "" if raised_later else sdr
        with_sales = step.stage in (Stage.SQL, Stage.OPPORTUNITY)
    last = steps[-1]
    return steps, "" if last.stage == Stage.MQL and last.at > gone else sdr


# --- Companies and people with a fate of their own ----------------------------------------------------

# name, country, industry, employees, tier, city, owner
_COMPANIES = (
    ("Halvard Marine Systems AS", "NO", "Machinery", 2400, 2, "Bergen", "Magnus Lind"),
    ("Kestrel Foods Polska S.A.", "PL", "Food and beverage", 1150, 2, "Poznań", "Zofia Mazur"),
    ("Brunner Automation AG", "CH", "Electronics", 1850, 1, "Winterthur", "Magnus Lind"),
    ("Alpina Verpackung GmbH", "AT", "Packaging", 1400, 1, "Linz", "Magnus Lind"),
    ("Fjordlys Energi A/S", "DK", "Energy", 900, 2, "Esbjerg", "Magnus Lind"),
    ("Reuter & Klamm Maschinenbau GmbH", "DE", "Machinery", 640, 1, "Kassel", "Petra Holm"),
    ("Saarela Paper Oy", "FI", "Packaging", 3100, 2, "Tampere", "Magnus Lind"),
    ("Nordwerk Pumpen GmbH", "DE", "Machinery", 780, 1, "Bremen", "Magnus Lind"),
    ("Tauern Logistik AG", "AT", "Logistics", 520, 1, "Salzburg", "Magnus Lind"),
    ("Thornbury Castings Ltd", "GB", "Metals", 860, 2, "Sheffield", "Helen Carter"),
    ("Prairie Creamery Corp.", "US", "Food and beverage", 2300, 1, "Madison", "Daniel Reyes"),
)
SINGLE_THREADED, FIVE_PEOPLE = "Nordwerk Pumpen GmbH", "Alpina Verpackung GmbH"
RETURNED, DUPLICATE = ("Mikko", "Laaksonen"), ("Sabine", "Reuter")


def companies() -> list[Company]:
    """The companies that the scenes below need, first in the market."""
    return [
        Company(
            place=place, name=name, domain=domain_of(name, BY_CODE[code]), country=BY_CODE[code], industry=industry,
            employees=employees, tier=tier, city=city, owner=owner,
        )
        for place, (name, code, industry, employees, tier, city, owner) in enumerate(_COMPANIES)
    ]  # fmt: skip


# Nobody else in the demo has the last names Seidl, Reuter, Laaksonen and Moretti (names.py), so a search finds them.


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Somebody whose last touch made an MQL: how long ago, and what they had done before.

    touches: the first of them opened the inquiry; each as its type, how many days before the last one, and the content.
    last: type and content of the touch that made the MQL. company: blank for a private address.
    """

    name: tuple[str, str]
    title: str
    company: str
    solution: str
    ago: timedelta
    touches: Sequence[tuple[str, float, str]]
    last: tuple[str, str]


def _ago(hours: float, minutes: float = 0.0) -> timedelta:
    return timedelta(hours=hours, minutes=minutes)


# Mara's list, and what else came in within two days. An MQL is to be decided on within 24 hours (desks.py).
QUEUE = (
    Scene(
        name=("Ingrid", "Solheim-Dahl"), title="Head of Plant IT", company="Halvard Marine Systems AS",
        solution="Edge monitoring", ago=_ago(0, 3), last=("demo_request", "Demo request"),
        touches=(
            ("content_download", 13, "Nine yards, one view"), ("pricing_visit", 2.2, "Pricing"),
            ("pricing_visit", 0.006, "Pricing"),
        ),
    ),
    Scene(
        name=("Florian", "Egger"), title="Digitalisation Lead", company="Tauern Logistik AG",
        solution="Edge monitoring", ago=_ago(27, 22), last=("pricing_visit", "Pricing"),
        touches=(
            ("webinar_registered", 11, "OPC UA without downtime"), ("webinar_attended", 6, "OPC UA without downtime"),
            ("content_download", 4, "Brownfield data in 30 days"), ("pricing_visit", 1, "Pricing"),
        ),
    ),
    Scene(
        name=("Lea", "Vontobel"), title="VP Operations", company="Brunner Automation AG",
        solution="Edge monitoring", ago=_ago(23, 22), last=("price_calculator", "Price calculator"),
        touches=(
            ("content_download", 20, "Pump maker, 14 sites"), ("webinar_attended", 8, "Downtime, measured"),
            ("page_visit", 5, ""), ("page_visit", 4.9, ""), ("integrations_visit", 3, "Integrations"),
            ("pricing_visit", 2, "Pricing"),
        ),
    ),
    Scene(
        name=("Katharina", "Seidl"), title="VP Operations", company="Alpina Verpackung GmbH",
        solution="Energy insight", ago=_ago(21, 47), last=("content_download", "Energy insight primer"),
        touches=(
            ("newsletter_signup", 5, ""), ("integrations_visit", 3, "Integrations"),
            ("pricing_visit", 2.1, "Pricing"), ("pricing_visit", 2, "Pricing"),
        ),
    ),
    Scene(
        name=("Jens", "Thorup"), title="Maintenance Manager", company="Fjordlys Energi A/S",
        solution="Predictive maintenance", ago=_ago(20, 32), last=("email_reply", ""),
        touches=(
            ("content_download", 9, "Bearing by bearing"), ("email_click", 5, "Plant notes"),
            ("webinar_attended", 4, "From alarms to causes"), ("pricing_visit", 2, "Pricing"),
        ),
    ),
    Scene(
        name=("Sabine", "Reuter"), title="Head of Automation", company="Reuter & Klamm Maschinenbau GmbH",
        solution="Edge monitoring", ago=_ago(19, 7), last=("content_download", "Nine yards, one view"),
        touches=(
            ("webinar_registered", 13, "OPC UA without downtime"), ("webinar_attended", 7, "OPC UA without downtime"),
            ("content_download", 5, "Edge monitoring, step by step"), ("pricing_visit", 1, "Pricing"),
        ),
    ),
    Scene(
        name=("Henrik", "Aalto"), title="IT Architect", company="Saarela Paper Oy",
        solution="OT security", ago=_ago(15, 37), last=("pricing_visit", "Pricing"),
        touches=(
            ("content_download", 15, "OT security checklist"), ("integrations_visit", 4, "Integrations"),
            ("content_download", 3, "Security brief"), ("webinar_attended", 2, "Segmenting the shop floor"),
        ),
    ),
    Scene(
        name=("Urs", "Gerber"), title="Maintenance Manager", company="Brunner Automation AG",
        solution="Predictive maintenance", ago=_ago(9, 11), last=("pricing_visit", "Pricing"),
        touches=(
            ("badge_scan", 5, ""), ("content_download", 3, "Buyer's guide to predictive maintenance"),
            ("price_calculator", 2, "Price calculator"),
        ),
    ),
    Scene(
        name=("Maja", "Lindholm"), title="Energy Manager", company="Saarela Paper Oy",
        solution="Energy insight", ago=_ago(4, 26), last=("price_calculator", "Price calculator"),
        touches=(
            ("webinar_attended", 18, "Energy per part"), ("email_click", 9, "Plant notes"),
            ("content_download", 2, "Energy insight primer"), ("pricing_visit", 1, "Pricing"),
        ),
    ),
    # Nobody has his region any more.
    Scene(
        name=("Tomasz", "Wierzbicki"), title="OT Security Manager", company="Kestrel Foods Polska S.A.",
        solution="OT security", ago=_ago(11, 5), last=("pricing_visit", "Pricing"),
        touches=(
            ("webinar_attended", 12, "Segmenting the shop floor"), ("content_download", 6, "OT security checklist"),
            ("content_download", 3, "Security brief"), ("pricing_visit", 1, "Pricing"),
        ),
    ),
    # Two teams have other rules since this morning (rules.py).
    Scene(
        name=("Gareth", "Ashdown"), title="Head of Operations", company="Thornbury Castings Ltd",
        solution="Edge monitoring", ago=_ago(0, 48), last=("price_calculator", "Price calculator"),
        touches=(
            ("content_download", 12, "Nine yards, one view"), ("webinar_attended", 6, "OPC UA without downtime"),
            ("pricing_visit", 1, "Pricing"),
        ),
    ),
    Scene(
        name=("Kayla", "Whitcomb"), title="Plant Manager", company="Prairie Creamery Corp.",
        solution="Energy insight", ago=_ago(1, 35), last=("price_calculator", "Price calculator"),
        touches=(
            ("content_download", 9, "Energy insight primer"), ("webinar_attended", 4, "Energy per part"),
            ("pricing_visit", 1, "Pricing"),
        ),
    ),
    # Private addresses wait in the pool.
    Scene(
        name=("Lukas", "Brenner"), title="Plant Manager", company="", solution="Edge monitoring",
        ago=_ago(6, 14), last=("demo_request", "Demo request"), touches=(("content_download", 8, "ROI worksheet"),),
    ),
    Scene(
        name=("Petra", "Vogel"), title="Process Engineer", company="", solution="Predictive maintenance",
        ago=_ago(0, 12), last=("demo_request", "Demo request"), touches=(("content_download", 3, "ROI worksheet"),),
    ),
)  # fmt: skip
FIVE = (
    (("Katharina", "Seidl"), "VP Operations"),
    (("Martin", "Lechner"), "Maintenance Manager"),
    (("Julia", "Gruber"), "Head of Plant IT"),
    (("Andreas", "Moser"), "Production Engineer"),
    (("Claudia", "Haas"), "Purchasing Manager"),
)
SCRIPTED = len(QUEUE) + len(FIVE) + 3  # leads


def advanced(until: datetime, stages: Sequence[tuple[str, float]]) -> list[Step]:
    """A lead that entered each stage so many days ago; a stage behind the one before means it was sent back."""
    steps: list[Step] = []
    order = list(Stage.values)
    for stage, days_ago in stages:
        back = bool(steps) and order.index(stage) < order.index(steps[-1].stage)
        by = "rule" if stage in (Stage.INQUIRY, Stage.MQL) and not back else "rep"
        reason = ("regress", "Need not confirmed in the meeting") if back else None
        at = _office_day(until - DAY * days_ago)
        if steps:
            at = max(at, steps[-1].at + timedelta(minutes=40))
        steps.append(Step(Kind.REGRESS if back else Kind.ADVANCE, stage, at, by, reason))
    return steps


def _office_day(at: datetime) -> datetime:
    """The same hour, on the Friday before where it is a weekend, within the office's hours."""
    while at.weekday() >= 5:
        at -= DAY
    return at.replace(hour=9 + at.hour % 8, minute=(at.day * 17 + at.minute) % 60)
