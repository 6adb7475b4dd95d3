"""How many leads a quota still allows. Pure: what was received is counted from assignments, which nothing changes.

A quota is a number of leads a day or week, and may be a fraction: 0.5 a day is a lead every other day. What a period
leaves over goes on to the next, up to one lead: so a fraction adds up instead of being rounded away. No period has more
than the quota rounded up, and whoever comes back from a holiday is not owed a pile.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from math import ceil, floor
from typing import Final

DAY, WEEK = "day", "week"
# Counted from the last but one boundary of so many periods: far enough back for the fraction to have settled.
_BLOCK: Final = {DAY: 28, WEEK: 8}
_DAYS: Final = {DAY: 1, WEEK: 7}
_MONDAY: Final = date(1970, 1, 5)
_CARRIED: Final = 1.0  # the most that a period leaves to the next
_ROUNDING: Final = 1e-9


def since(today: date, per: str) -> date:
    """The first day whose assignments matter for what is left today."""
    return _start_of(_first(_number(today, per), per), per)


def left(quota: float, received: Mapping[date, int], *, today: date, per: str) -> int:
    """How many more leads today. received: by day, from `since` on."""
    last = _number(today, per)
    counts: dict[int, int] = {}
    for day, count in received.items():
        number = _number(day, per)
        counts[number] = counts.get(number, 0) + count
    carried = 0.0
    for number in range(_first(last, per), last):
        carried = min(max(carried + quota - counts.get(number, 0), 0.0), _CARRIED)
    allowed = min(floor(carried + quota + _ROUNDING), ceil(quota))
    return max(allowed - counts.get(last, 0), 0)


def _number(day: date, per: str) -> int:
    """Which day or week it is, counted from a Monday."""
    return (day - _MONDAY).days // _DAYS[per]


def _first(number: int, per: str) -> int:
    block = _BLOCK[per]
    return (number // block - 1) * block


def _start_of(number: int, per: str) -> date:
    return _MONDAY + timedelta(days=number * _DAYS[per])
