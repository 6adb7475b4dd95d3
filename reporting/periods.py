"""Stretches of days as the reports cut them: whole weeks, months, quarters, years, or any two dates. Pure.

Days are days of the reporting zone. An end is exclusive here and inclusive in words and addresses, as people write it.
"""

import datetime as dt
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

WEEKS = {"4w": 4, "13w": 13, "26w": 26, "52w": 52}
PRESETS = {
    "4w": "Last 4 weeks",
    "13w": "Last 13 weeks",
    "26w": "Last 26 weeks",
    "52w": "Last 52 weeks",
    "month": "This month to date",
    "last-month": "Last month",
    "quarter": "This quarter to date",
    "last-quarter": "Last quarter",
    "year": "This year to date",
    "last-year": "Last year",
    "all": "All time",
}
COMPARISONS = {"before": "The period before", "year": "The year before", "none": "Nothing"}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
WEEK = dt.timedelta(days=7)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `start` up to, not including, `end`; None is open. `key` names the preset, or is "custom"."""

    key: str
    start: dt.date | None
    end: dt.date | None

    @property
    def days(self) -> int | None:
        return None if self.start is None or self.end is None else (self.end - self.start).days

    @property
    def months(self) -> int:
        """How many whole calendar months it is made of; 0 when it is not cut at months."""
        if self.start is None or self.end is None or self.start.day != 1 or self.end.day != 1:
            return 0
        return (self.end.year - self.start.year) * 12 + self.end.month - self.start.month

    def __str__(self) -> str:
        if self.start is None and self.end is None:
            return "all time"
        if self.start is None or self.end is None:
            return f"up to {day_words(self.end - DAY)}" if self.end else f"since {day_words(self.start or dt.date.min)}"
        return day_range(self.start, self.end - DAY)

    @property
    def when(self) -> str:
        """The period as a part of a sentence: from 17 Aug to 15 Nov 2026."""
        if self.start is None or self.end is None:
            return "at any time" if self.start is self.end else str(self)
        last = self.end - DAY
        if self.start == last:
            return f"on {day_words(last)}"
        return f"from {day_words(self.start, year=self.start.year != last.year)} to {day_words(last)}"

    def bounds(self, zone: str) -> tuple[dt.datetime | None, dt.datetime | None]:
        """Its first moment and the first moment after it, at midnight of the zone."""
        tz = ZoneInfo(zone)
        first = None if self.start is None else dt.datetime.combine(self.start, dt.time(), tz)
        after = None if self.end is None else dt.datetime.combine(self.end, dt.time(), tz)
        return first, after


def day_words(day: dt.date, *, year: bool = True) -> str:
    """15 Nov 2026, or 15 Nov."""
    return f"{day.day} {day:%b %Y}" if year else f"{day.day} {day:%b}"


def day_range(first: dt.date, last: dt.date, *, year: bool = True) -> str:
    """17 Aug – 15 Nov 2026; the year once where it is the same."""
    if first == last:
        return day_words(first, year=year)
    return f"{day_words(first, year=year and first.year != last.year)} – {day_words(last, year=year)}"


def preset(key: str, today: dt.date) -> Period:
    """The preset of that name as it falls on this day. Weeks are whole ones, from Monday, before the present week."""
    if key == "all":
        return Period(key, None, None)
    if key in WEEKS:
        monday = monday_of(today)
        return Period(key, monday - WEEKS[key] * WEEK, monday)
    months = _MONTHS[key.removeprefix("last-")]
    first = dt.date(today.year, (today.month - 1) // months * months + 1, 1)
    if key.startswith("last-"):
        return Period(key, shift_months(first, -months), first)
    return Period(key, first, today + DAY)


def monday_of(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday())


def shift_months(day: dt.date, months: int) -> dt.date:
    """The same day so many months on, or the last day of that month where it has no such day."""
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    following = dt.date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    return min(dt.date(year, month + 1, 1) + dt.timedelta(days=day.day - 1), following - DAY)


def compared(period: Period, how: str) -> Period | None:
    """What a period is compared with: as many days (or the months) right before it, or the same a year before.

    A year is 52 weeks for periods of whole weeks, so that weekdays match, and twelve months otherwise.
    """
    if how == "none" or period.start is None or period.end is None:
        return None
    days = (period.end - period.start).days
    if how == "year":
        if days % 7 == 0 and not period.months:
            return Period("custom", period.start - 52 * WEEK, period.end - 52 * WEEK)
        return Period("custom", shift_months(period.start, -12), shift_months(period.end, -12))
    if period.key in _MONTHS:  # to date: the same stretch of the month, quarter or year before
        start = shift_months(period.start, -_MONTHS[period.key])
        return Period("custom", start, min(start + dt.timedelta(days=days), period.start))
    if period.months:
        return Period("custom", shift_months(period.start, -period.months), period.start)
    return Period("custom", period.start - dt.timedelta(days=days), period.start)


def mature(period: Period, window: int, now: dt.datetime) -> Period:
    """The last cohort of the same make of which every lead has had `window` days by `now` (domain.md 3.5).

    Whole months move by their number of months, everything else by whole weeks; a period that is old enough stays
    as it is. now: in the reporting zone, for its days.
    """
    newest = (now - dt.timedelta(days=window)).date()  # the day that is only partly old enough
    if period.end is None:
        return replace(period, key="custom", end=newest)
    if period.end <= newest:
        return period
    start, end = period.start, period.end
    if period.months and start is not None:
        while end > newest:
            start, end = shift_months(start, -period.months), start
        return Period("custom", start, end)
    weeks = -((newest - end).days // 7) * WEEK
    return Period("custom", None if start is None else start - weeks, end - weeks)
