"""What the seats can decide in a week, and how long leads would wait for it. Pure: no database, no clock.

The seats of one calendar are one line: whoever comes first is decided about first, and each decision takes the working
time of a week divided by what the line decides in one. Nights and weekends pass for nothing, as they do for promises.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from routing.hours.calendars import Hours
from routing.seats.distribution import SeatState, deal

HISTORY_WEEKS: Final = 13  # in which a rep's decisions are counted
BUSY: Final = 0.9  # the share of weeks in which a rep decided at most what counts as their capacity

MINUTES: Final = "business_minutes"
BUSINESS_DAYS: Final = "business_days"

_DAY = timedelta(days=1)
_DAY_MINUTES = 1440
_ROUNDING = 1e-6  # minutes
_NOBODY = "A team that decides nothing serves nobody."
Minutes = NDArray[np.float64]
InTime = NDArray[np.bool_]


# --- Capacity ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A receiving seat. weekly: as somebody set it. decided: what the rep decided in each past week, idle ones too.

    calendar_id: whose hours it keeps; None for every hour of every day.
    """

    rep_id: int
    calendar_id: int | None = None
    weekly: int | None = None
    decided: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What the seats can decide in a week, None where nothing tells. by_set + by_history + by_others = seats.

    lines: the same by calendar; empty where nothing tells.
    """

    weekly: int | None
    lines: Mapping[int | None, float]
    seats: int
    by_set: int
    by_history: int
    by_others: int

    @property
    def words(self) -> str:
        """How it was reckoned, as a sentence."""
        if not self.seats:
            return "Nobody receives leads: no seat is set to."
        if self.weekly is None:
            return f"Nothing tells what {_seats(self.seats)} can decide: set it on the seats."
        parts = []
        if self.by_set:
            parts.append(f"{self.by_set} as set")
        if self.by_history:
            parts.append(f"{self.by_history} by what they decided in a busy week (p90 of {HISTORY_WEEKS} weeks)")
        if self.by_others:
            parts.append(f"{self.by_others} without decisions yet, like the median of the others")
        return f"{_seats(self.seats)}: {', '.join(parts)}."


def _seats(seats: int) -> str:
    return f"{seats:,} seat" + ("" if seats == 1 else "s")


def capacity(desks: Iterable[Desk]) -> Capacity:
    """What these seats can decide in a week together.

    A seat counts as it is set; without that as its rep's busy week, and a newcomer as the median of the others.
    """
    seats = list(desks)
    known = {desk.rep_id: weekly for desk in seats if (weekly := _known(desk)) is not None}
    like_others = float(median(known.values())) if known else 0.0
    lines: defaultdict[int | None, float] = defaultdict(float)
    for desk in seats if known else ():
        lines[desk.calendar_id] += known.get(desk.rep_id, like_others)
    as_set = sum(desk.weekly is not None for desk in seats)
    return Capacity(
        weekly=round(sum(lines.values())) if known else None,
        lines=dict(lines),
        seats=len(seats),
        by_set=as_set,
        by_history=len(known) - as_set,
        by_others=len(seats) - len(known) if known else 0,
    )


def _known(desk: Desk) -> int | None:
    return busy_week(desk.decided) or None if desk.weekly is None else desk.weekly


def busy_week(decided: Sequence[int]) -> int:
    """The p90 (nearest rank) of decisions a week; 0 without weeks."""
    return sorted(decided)[ceil(BUSY * len(decided)) - 1] if decided else 0


# --- Waiting -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Promise:
    """A time to decide. unit: business_days, business_minutes, or days by the calendar."""

    amount: int
    unit: str


@dataclass(frozen=True, slots=True)
class Served:
    """In order of arrival: who is decided within the promise, and after how many working minutes."""

    in_time: InTime
    waits: Minutes

    @property
    def k(self) -> int:
        return int(self.in_time.sum())

    @property
    def n(self) -> int:
        return len(self.in_time)


class Axis:
    """Working minutes from a day to another, both included, and where moments stand among them.

    Moments are minutes since 1970. `elapsed` is minutes_between(first, moment) for many at a time.
    """

    def __init__(self, hours: Hours, first: date, last: date) -> None:
        spans = [
            (opens.timestamp() / 60, closes.timestamp() / 60, _wall(opens.astimezone(hours.zone)))
            for day in _days(first, last)
            for opens, closes in hours.spans(day)
        ]
        opens, closes, walls = np.array(spans, dtype=np.float64).reshape(-1, 3).T
        self._opens, self._closes, self._walls = opens, closes, walls
        self._lengths = closes - opens
        self._before = np.concatenate([[0.0], np.cumsum(self._lengths)])
        self._days = np.unique(walls // _DAY_MINUTES)

    @property
    def total(self) -> float:
        return float(self._before[-1])

    def elapsed(self, moments: Minutes) -> Minutes:
        """Working minutes that have passed at each moment."""
        return self._along(self._opens, self._closes, moments)

    def after_days(self, moments: Minutes, days: int) -> Minutes:
        """Working minutes that have passed at the same time of day on the so-manyth next working day (`add_days`)."""
        span = np.searchsorted(self._closes, moments, side="right").clip(max=len(self._opens) - 1)
        wall = self._walls[span] + (moments - self._opens[span]).clip(min=0)
        day = np.searchsorted(self._days, wall // _DAY_MINUTES)
        ahead = self._days[(day + days).clip(max=len(self._days) - 1)]
        return self._along(self._walls, self._walls + self._lengths, ahead * _DAY_MINUTES + wall % _DAY_MINUTES)

    def _along(self, opens: Minutes, closes: Minutes, points: Minutes) -> Minutes:
        """How much of the spans, given by either of the two clocks, lies before each point."""
        span = np.searchsorted(closes, points, side="left")
        inside = span < len(opens)
        within = span.clip(max=len(opens) - 1)
        part = (points - opens[within]).clip(min=0)
        return self._before[span] + np.where(inside, part, 0.0)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + number * _DAY for number in range((last - first).days + 1))


def _wall(local: datetime) -> float:
    """Minutes that the clock on the wall has shown since the year 1."""
    return local.toordinal() * _DAY_MINUTES + local.hour * 60 + local.minute + local.second / 60


def minutes_of(moments: Iterable[datetime]) -> Minutes:
    """Moments as they are reckoned with here: minutes since 1970."""
    return np.array([at.timestamp() / 60 for at in moments], dtype=np.float64)


def serve_lines(arrivals: Minutes, *, lines: Sequence[tuple[Hours, float]], promise: Promise) -> InTime:
    """Leads that arrive at these moments, dealt out among lines by what each decides in a week: who is in time.

    In order of arrival. lines: hours and decisions a week. Raises ValueError where none decides anything.
    """
    moments = np.sort(arrivals)
    seats = [SeatState(rep_id=number, weight=weekly) for number, (_hours, weekly) in enumerate(lines) if weekly > 0]
    if not seats:
        raise ValueError(_NOBODY)
    # One line takes everybody, however many they are.
    dealt = np.array(deal(seats, len(moments)) if len(seats) > 1 else [seats[0].rep_id] * len(moments), dtype=np.int64)
    in_time = np.zeros(len(moments), dtype=bool)
    for seat in seats:
        hours, weekly = lines[seat.rep_id]
        places = dealt == seat.rep_id
        in_time[places] = serve(moments[places], hours=hours, weekly=weekly, promise=promise).in_time
    return in_time


def serve(arrivals: Minutes, *, hours: Hours, weekly: float, promise: Promise) -> Served:
    """Leads that arrive at these moments, decided first come, first served by a line that decides `weekly` a week.

    Nobody waits when the first arrives. Raises ValueError for a line that decides nothing.
    """
    if weekly <= 0:
        raise ValueError(_NOBODY)
    moments = np.sort(arrivals)
    if not len(moments):
        return Served(np.zeros(0, dtype=bool), moments)
    first, last = (datetime.fromtimestamp(moments[end] * 60, hours.zone).date() for end in (0, -1))
    axis = Axis(hours, first, last + (7 * promise.amount * (promise.unit != MINUTES) + 30) * _DAY)
    came, number = axis.elapsed(moments), np.arange(len(moments))
    each = _week(hours) / weekly
    # Whoever comes is done one decision after the later of their coming and the one before being done.
    done = np.maximum.accumulate(came - each * number) + each * (number + 1)
    due = _due(axis, moments, came, promise)
    return Served(done <= due + _ROUNDING, done - came)


def _due(axis: Axis, moments: Minutes, came: Minutes, promise: Promise) -> Minutes:
    if promise.unit == MINUTES:
        return came + promise.amount
    if promise.unit == BUSINESS_DAYS:
        return axis.after_days(moments, promise.amount)
    return axis.elapsed(moments + promise.amount * _DAY_MINUTES)


def _week(hours: Hours) -> float:
    """Working minutes of an ordinary week: its blocks, whatever holidays the weeks at hand have."""
    return float(sum(end - start for blocks in hours.weekly for start, end in blocks))
