"""What is planted in the demo to be found: bends in the odds, and a few people with a fate of their own."""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from demandcenter.demo_world.campaigns import DOWNTIME, WEBINAR_STORY_BEGAN, Program
from demandcenter.demo_world.companies import Company, domain_of
from demandcenter.demo_world.desks import AWAY, AWAY_SINCE, CAPPED_FOR
from demandcenter.demo_world.journeys import Odds, Step, scaled
from demandcenter.demo_world.names import BY_CODE
from demandcenter.demo_world.reference import AREA_OF, BUSY, GONE_FOR, SEATS, SOUTH
from demandcenter.demo_world.rhythm import DAY
from funnel.models import Kind, Stage

PILING_UP_FOR = timedelta(days=45)
BEATS_THE_STANDARD = "Nordics"
UNOWNED = "CEE"


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
    return odds


def is_without_rep(region: str, day: date, *, today: datetime) -> bool:
    return region == UNOWNED and day >= (today - GONE_FOR).date()


def whose_turn(sdr: str, region: str, raised: datetime, *, until: datetime) -> str:
    """Who gets an MQL that would be this rep's: a colleague, where the rep is full by now or away."""
    full = sdr == BUSY and raised > until - CAPPED_FOR
    away = sdr == AWAY and raised.date() >= (until - AWAY_SINCE).date()
    if not (full or away):
        return sdr
    return next(seat.name for seat in SEATS if seat.kind == "sdr" and region in seat.regions and seat.name != sdr)


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
    sdr = whose_turn(sdr, region, steps[raised].at, until=until)
    if region not in ("DACH", BEATS_THE_STANDARD) or len(steps) == raised + 1:
        return steps, sdr
    if not until - PILING_UP_FOR <= steps[raised].at <= until - CAPPED_FOR:
        return steps, sdr
    # Whom the others would reject lies with him undecided; of the good ones some of his own.
    accepted = steps[raised + 1].stage == Stage.SAL
    if (not accepted and dice.random() < 0.9) or (sdr == BUSY and dice.random() < 0.65):
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
# Who is on Mara's list: name, title, company, solution, how many days ago it became an MQL and how long that took.
QUEUE = (
    (("Ingrid", "Solheim-Dahl"), "Head of Plant IT", "Halvard Marine Systems AS", "Edge monitoring", 0.3, 6),
    (("Lea", "Vontobel"), "VP Operations", "Brunner Automation AG", "Edge monitoring", 0.9, 20),
    (("Jens", "Thorup"), "Maintenance Manager", "Fjordlys Energi A/S", "Predictive maintenance", 1.2, 9),
    (("Henrik", "Aalto"), "IT Architect", "Saarela Paper Oy", "OT security", 1.4, 15),
    (("Florian", "Egger"), "Digitalisation Lead", "Tauern Logistik AG", "Edge monitoring", 1.8, 11),
)
FIVE = (
    (("Katharina", "Seidl"), "VP Operations"),
    (("Martin", "Lechner"), "Maintenance Manager"),
    (("Julia", "Gruber"), "Head of Plant IT"),
    (("Andreas", "Moser"), "Production Engineer"),
    (("Claudia", "Haas"), "Purchasing Manager"),
)
SCRIPTED = len(QUEUE) + len(FIVE) + 4  # leads


def raised(until: datetime, *, days_ago: float, took: float) -> list[Step]:
    """An MQL of a few days ago that nobody has decided on yet."""
    at = _office_day(until - DAY * days_ago)
    return [
        Step(Kind.ADVANCE, Stage.INQUIRY, at - DAY * took, "rule"),
        Step(Kind.ADVANCE, Stage.MQL, at, "rule"),
    ]


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
