"""Who works on the floor: the demo's reps and as many newcomers as are asked for, each with a pace of their own."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import F

from demandcenter import demo
from demandcenter.demo_world.names import COUNTRIES
from demandcenter.demo_world.reference import SOURCE
from demandcenter.demo_world.stories import BUSY
from funnel.access import Role
from funnel.models import Rep, Team
from routing.hours.calendars import Hours, minutes_between
from routing.models import Absence, Desk, Quota, Seat

PACES = (0.12, 0.4, 1.5, 3.0)  # decisions an hour; the slow ones break promises
SELLING_PACES = (0.05, 0.3, 1.0)  # offers answered in an hour
BUSY_PACE = 0.1
ROOMIER = 4  # times: more comes in on the floor than the demo had in a month
AWAY_EVERY = 5  # one rep in so many is away for some days; nobody covers for the second one, the fourth ...
Tried = Callable[[str, Callable[[], object]], None]  # does a deed, and notes by the act's name where it was refused


@dataclass(slots=True)
class Hand:
    """A rep at work. pace: decisions an hour; due: decisions they have come to owe, in fractions."""

    rep: Rep
    user: User
    hours: Hours
    pace: float
    dice: random.Random
    away: list[tuple[date, date]] = field(default_factory=list)
    due: float = 0.0

    def works(self, since: datetime, until: datetime) -> bool:
        """Whether they were at work at some time of the span."""
        today = until.astimezone(self.hours.zone).date()
        here = not any(starts <= today <= ends for starts, ends in self.away)
        return here and minutes_between(self.hours, since, until) > 0

    def comes_to(self, span: timedelta, *, most: int) -> int:
        """How many decisions they come to in a span at work; fractions are carried over."""
        self.due = min(self.due + self.pace * (span / timedelta(hours=1)), most)
        whole = int(self.due)
        self.due -= whole
        return whole


def hire(count: int, dice: random.Random, *, start: datetime, days: int) -> list[Hand]:
    """Have so many reps who receive MQLs: newcomers join the teams in turn, some reps are away for a while.

    Returns everybody's hands, in order of name. Raises ValueError where the demo has more already.
    """
    there = Seat.objects.filter(receiving=True, rep__active=True, rep__team__kind=Team.Kind.SDR).count()
    if count < there:
        raise ValueError(f"The demo has {there} reps who receive leads; there cannot be fewer.")
    dealing = Team.objects.filter(kind=Team.Kind.SDR, desk__isnull=False, reps__seat__receiving=True)
    teams = list(dealing.distinct().order_by("name"))
    for number in range(count - there):
        _newcomer(number, teams[number % len(teams)], dice)
    hands = _hands(Team.Kind.SDR, PACES, dice)
    _send_some_away(hands, dice, start=start, days=days)
    return hands


def executives(dice: random.Random) -> list[Hand]:
    """The hands of the account executives, in order of name; with room for what the floor brings them."""
    Quota.objects.filter(measure=Quota.Measure.ROOM).update(amount=F("amount") * ROOMIER)
    return _hands(Team.Kind.AE, SELLING_PACES, dice)


def _newcomer(number: int, team: Team, dice: random.Random) -> None:
    country = COUNTRIES[number % len(COUNTRIES)]
    name = f"{dice.choice(country.first)} {dice.choice(country.last)} {number + 1}"  # nobody else's name
    user = demo.create_colleague(name, Role.SDR)
    rep = Rep.objects.create(
        name=name, email=user.email, user=user, team=team, region_id=team.region_id, source=SOURCE,
        external_id=f"floor-{number + 1}",
    )  # fmt: skip
    Seat.objects.create(rep=rep, weight=dice.choice((0.5, 1.0, 1.0, 1.5)))


def _hands(kind: str, paces: Sequence[float], dice: random.Random) -> list[Hand]:
    hours = {desk.team_id: desk.calendar.as_hours() for desk in Desk.objects.select_related("calendar")}
    seats = Seat.objects.filter(receiving=True, rep__active=True, rep__user__isnull=False, rep__team__kind=kind)
    hands = []
    for seat in seats.select_related("rep__user", "calendar").order_by("rep__name"):
        rep = seat.rep
        assert rep.user is not None and rep.team_id is not None, "asked for above; a seat receives in a team"
        own = seat.calendar.as_hours() if seat.calendar else hours[rep.team_id]
        pace = BUSY_PACE if rep.name == BUSY else dice.choice(paces)
        hands.append(Hand(rep, rep.user, own, pace, random.Random(f"{rep.name} {dice.random()}")))
    return hands


def _send_some_away(hands: Sequence[Hand], dice: random.Random, *, start: datetime, days: int) -> None:
    for absence in Absence.objects.filter(ends_on__gte=start.date()):
        for hand in hands:
            if hand.rep.pk == absence.rep_id:
                hand.away.append((absence.starts_on, absence.ends_on))
    for place, hand in enumerate(hands):
        if place % AWAY_EVERY or hand.away or days < 3:
            continue
        starts = start.date() + timedelta(days=dice.randrange(1, max(2, days - 2)))
        ends = starts + timedelta(days=dice.randrange(1, 4))
        mates = [one for one in hands if one.rep.team_id == hand.rep.team_id and one is not hand and not one.away]
        cover = mates[0].rep if mates and not place // AWAY_EVERY % 2 else None
        Absence.objects.create(
            rep=hand.rep, starts_on=starts, ends_on=ends, cover=cover, note="Away", recorded_at=start
        )
        hand.away.append((starts, ends))
