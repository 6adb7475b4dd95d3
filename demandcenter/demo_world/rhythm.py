"""When things happen: growth and seasons over months, weekdays and office hours over days. Times here are local."""

import bisect
import math
import random
from collections.abc import Hashable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)

DAY = timedelta(days=1)
OPENS, CLOSES = 9, 18  # office hours
GROWTH_A_YEAR = 0.37
_WEEKDAYS = (1.0, 1.12, 1.1, 1.04, 0.86, 0.17, 0.21)
_MONTHS = (0.96, 1.03, 1.07, 1.02, 1.02, 0.98, 0.87, 0.82, 1.04, 1.12, 1.1, 0.9)  # at the middle of each month
_YEAR_END = 0.45  # from 23 December to 2 January


def volume(day: date, first: date) -> float:
    """How much comes in on a day, in proportion to others."""
    growth = (1 + GROWTH_A_YEAR) ** ((day - first).days / 365)
    return growth * _season(day) * _WEEKDAYS[day.weekday()]


def _season(day: date) -> float:
    if (day.month, day.day) >= (12, 23) or (day.month, day.day) <= (1, 2):
        return _YEAR_END
    place = day.month - 1 + (day.day - 15.5) / 30.5
    month, share = math.floor(place), place - math.floor(place)
    return _MONTHS[month % 12] * (1 - share) + _MONTHS[(month + 1) % 12] * share


def spread(total: int, first: date, last: date, dice: random.Random) -> dict[date, int]:
    """Share `total` out over the days from first to last, both included; the sum is exact."""
    days = [first + DAY * number for number in range((last - first).days + 1)]
    sums = list(accumulate(volume(day, first) * about(dice, 1, 0.09) for day in days))
    ends = [round(total * part / sums[-1]) for part in sums]
    return {day: end - start for day, start, end in zip(days, [0, *ends], ends, strict=False)}


def waking(dice: random.Random, day: date) -> datetime:
    """A moment of a day at which somebody might read or fill in something: mostly late in the morning."""
    hours = dice.triangular(7.2, 21.4, 10.6)
    return datetime.combine(day, time()) + timedelta(hours=hours)


def near_waking(dice: random.Random, moment: datetime) -> datetime:
    """The moment itself, or a waking one soon after; weekends are mostly left alone."""
    if moment.weekday() >= 5 and dice.random() < 0.8:
        return waking(dice, (moment + DAY * (7 - moment.weekday())).date())
    if 7 <= moment.hour < 22:
        return moment
    return waking(dice, moment.date() if moment.hour < 7 else (moment + DAY).date())


def in_office(dice: random.Random, moment: datetime) -> datetime:
    """The moment itself if somebody is at work then, else early in the next office day."""
    if moment.weekday() < 5 and OPENS <= moment.hour < CLOSES:
        return moment
    day = moment.date() if moment.hour < OPENS else (moment + DAY).date()
    while day.weekday() >= 5:
        day += DAY
    return datetime.combine(day, time(OPENS)) + timedelta(minutes=dice.expovariate(1 / 45) % 500)


def after_office_hours(dice: random.Random, moment: datetime, hours: float) -> datetime:
    """So many office hours after the moment."""
    moment = in_office(dice, moment)
    while True:
        closing = datetime.combine(moment.date(), time(CLOSES))
        left = (closing - moment).total_seconds() / 3600
        if hours <= left:
            return moment + timedelta(hours=hours)
        hours -= left
        day = moment.date() + DAY
        while day.weekday() >= 5:
            day += DAY
        moment = datetime.combine(day, time(OPENS))


def about(dice: random.Random, median: float, sigma: float) -> float:
    """A duration: half are shorter than the median, a few are much longer."""
    return median * math.exp(dice.gauss(0, sigma))


class Urn(Generic[T]):
    """Draws things by their weights."""

    def __init__(self, weights: Mapping[T, float] | Sequence[tuple[T, float]]) -> None:
        pairs = list(weights.items()) if isinstance(weights, Mapping) else list(weights)
        self.things = [thing for thing, _ in pairs]
        self._sums = list(accumulate(weight for _, weight in pairs))

    def draw(self, dice: random.Random) -> T:
        return self.things[bisect.bisect(self._sums, dice.random() * self._sums[-1])]
