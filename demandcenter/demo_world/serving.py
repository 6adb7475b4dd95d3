"""What the reps of the demo serve, whom they are to meet, and what they are to reach this month."""

import calendar
import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from demandcenter.demo_world.companies import Company
from demandcenter.demo_world.reference import SEATS, Ids
from demandcenter.demo_world.rhythm import DAY
from funnel.models import Region, Rep, Solution
from routing.models import HandOff, Quota
from routing.seats import callsheets, profiles

MONTHS: Final = 3  # of which a month's quota is reckoned
MEASURED: Final = timedelta(days=30 * MONTHS)
# A pilot group shares whom it meets; for the others the meeting factor is neutral.
SHARING: Final = ("Magnus Lind", "Petra Holm", "Helen Carter", "Daniel Reyes", "Grace Okafor")
EACH_MEETS: Final = 8
# By rep: solutions (blank: all), languages, segments (blank: all).
_SERVES: Final = {
    "Mara Lindqvist": ((), ("de", "sv", "en"), ()),
    "Anton Keller": ((), ("de",), ()),
    "Birgit Aasen": ((), ("no", "da", "sv"), ()),
    "Jonas Petersen": ((), ("de", "da"), ()),
    "Priya Nair": ((), ("en",), ()),
    "Owen Gallagher": ((), ("en", "nl"), ()),
    "Sanne Postma": ((), ("nl", "en"), ()),
    "Tyler Brooks": (("Edge monitoring", "Predictive maintenance"), ("en",), ()),
    "Grace Okafor": ((), ("en", "fr"), ("Enterprise",)),
    "Magnus Lind": ((), ("de", "sv", "no", "da", "fi", "en"), ("Enterprise",)),
    "Petra Holm": ((), ("de",), ()),
    "Florian Huber": (("Edge monitoring", "Energy insight", "Predictive maintenance"), ("de",), ()),
    "Helen Carter": ((), ("en",), ()),
    "Bram Visser": ((), ("nl", "en"), ()),
    "Daniel Reyes": ((), ("en",), ("Enterprise",)),
    "Megan Cole": ((), ("en",), ()),
}
_BY_REGION: Final = frozenset({"ae"}) | {"Priya Nair", "Owen Gallagher", "Sanne Postma"}


def write(ids: Ids, market: Sequence[Company], *, until: datetime) -> None:
    """Profiles, call sheets and quotas, as they are on the day that begins at `until`."""
    _serve()
    callsheets.read_call_sheet(_sheet(market, until.date()), zone=ZoneInfo("UTC"), origin="Call sheets", now=until)
    Quota.objects.bulk_create(_quotas(ids, until=until))


def _serve() -> None:
    reps = {rep.name: rep for rep in Rep.objects.all()}
    solutions = {solution.name: solution for solution in Solution.objects.all()}
    regions = {region.name: region for region in Region.objects.all()}
    for seat in SEATS:
        if seat.name not in _SERVES:
            continue
        served, languages, segments = _SERVES[seat.name]
        profiles.set_profile(
            reps[seat.name],
            solutions=[solutions[name] for name in served],
            regions=[regions[name] for name in seat.regions] if {seat.kind, seat.name} & _BY_REGION else [],
            segments=segments,
            languages=languages,
        )


def _sheet(market: Sequence[Company], today: date) -> str:
    """A call sheet as sales sends it: who meets which of their accounts in the coming weeks."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(callsheets.COLUMNS)
    for place, name in enumerate(SHARING):
        seat = next(seat for seat in SEATS if seat.name == name)
        own = [
            one for one in market if one.owner == name or (seat.kind == "sdr" and one.country.region in seat.regions)
        ]
        for number, company in enumerate(own[:EACH_MEETS]):
            at = today + DAY * (1 + (number * 5 + place * 3) % 27)
            writer.writerow((name, company.domain, f"{at} {9 + number % 8:02}:30"))
    return text.getvalue()


def _quotas(ids: Ids, *, until: datetime) -> Iterator[Quota]:
    """A little more than the last months brought; room is a little more than that again, so that some are full."""
    handed = HandOff.objects.filter(offered_at__gte=until - MEASURED)
    made, taken = Counter(handed.values_list("from_rep", flat=True)), Counter(handed.values_list("to_rep", flat=True))
    first = until.date().replace(day=1)
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    for seat in SEATS:
        rep = ids.reps[seat.name]
        month = (made if seat.kind == "sdr" else taken)[rep] / MONTHS
        amounts = (
            {Quota.Measure.MEETINGS: 1.25 * month, Quota.Measure.SQLS: 1.1 * month}
            if seat.kind == "sdr"
            else {Quota.Measure.ROOM: 1.4 * month + 2, Quota.Measure.OPPORTUNITIES: 0.8 * month}
        )
        for measure, amount in amounts.items():
            yield Quota(rep_id=rep, measure=measure, starts_on=first, ends_on=last, amount=max(2, math.ceil(amount)))
