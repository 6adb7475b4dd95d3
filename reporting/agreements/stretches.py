"""The months and quarters by which promises are judged, and which version of the agreement judges one. Pure."""

import datetime as dt
from typing import Final

from reporting.models.agreements import Target
from reporting.periods import DAY, Period, shift_months

Every = Target.Every
MONTHS: Final = {Every.MONTH: 1, Every.QUARTER: 3}


def stretch(every: str, day: dt.date) -> Period:
    """The month or quarter in which a day lies."""
    months = MONTHS[Every(every)]
    first = dt.date(day.year, (day.month - 1) // months * months + 1, 1)
    return Period("custom", first, shift_months(first, months))


def latest(every: str, today: dt.date, count: int) -> list[Period]:
    """So many of them, the one that runs first."""
    running = stretch(every, today)
    return [stretch(every, shift_months(_first(running), -MONTHS[Every(every)] * back)) for back in range(count)]


def within(every: str, first: dt.date, last: dt.date) -> list[Period]:
    """Those that have a day of a review's period (both days included), the latest first."""
    found = [stretch(every, last)]
    while _first(found[-1]) > first:
        found.append(stretch(every, _first(found[-1]) - DAY))
    return found


def words(period: Period) -> str:
    """Oct 2026, Q4 2026; any other stretch as its days."""
    first = _first(period)
    if period.months == 1:
        return f"{first:%b %Y}"
    if period.months == MONTHS[Every.QUARTER] and first.month % 3 == 1:
        return f"Q{(first.month + 2) // 3} {first.year}"
    return str(period)


def judges(in_force: dt.datetime | None, retired: dt.datetime | None, ends: dt.datetime, *, now: dt.datetime) -> bool:
    """Whether a version judges the period that ends then: the one in force at its end does, or now while it runs.

    So each period is judged by one version, whole, also where the version came into force in the midst of it.
    """
    at = min(ends, now)
    return in_force is not None and in_force <= at and (retired is None or retired >= at)


def _first(period: Period) -> dt.date:
    assert period.start is not None  # months and quarters have both ends
    return period.start
