"""Business time: when a team works, and arithmetic over it. Pure: no database, no clock.

Definition: domain.md 8.3. Time outside hours does not count; a span begun outside hours begins at the next opening.
An instant is working time when the clock on the wall, in the calendar's zone, shows a time within a block of its day:
an hour that a change of clocks leaves out is not worked, one that exists twice is worked twice. A shift over midnight
belongs to the day on which it begins. Every function takes aware datetimes and returns them in UTC; spans are exact to
the microsecond.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Block = tuple[int, int]  # minutes since midnight, [start, end); 1440 ends the day, more lies in the next one
Span = tuple[datetime, datetime]  # two instants in UTC, the end excluded

LONGEST_NIGHT = 14 * 60  # minutes of a shift over midnight
MOST_DAYS = 40 * 366  # no promise of ours runs longer; a span that would is refused instead of computed for minutes
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_WIDEST_OFFSET = timedelta(hours=15)  # zones lie between 12 hours behind UTC and 14 ahead


@dataclass(frozen=True)
class Hours:
    """Weekly working hours in a zone. weekly: blocks of Monday to Sunday; days: dates that differ, and their blocks."""

    zone: ZoneInfo
    weekly: tuple[tuple[Block, ...], ...]
    days: Mapping[date, tuple[Block, ...]]
    public: holidays.HolidayBase | None = None
    _spans: dict[date, tuple[Span, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def blocks(self, day: date) -> tuple[Block, ...]:
        """The working blocks of a day, in order."""
        if day in self.days:
            return self.days[day]
        if self.public is not None and day in self.public:
            return ()
        return self.weekly[day.weekday()]

    def spans(self, day: date) -> tuple[Span, ...]:
        """The working time of a day as instants, in order; worked out once."""
        found = self._spans.get(day)
        if found is None:
            found = self._spans[day] = _spans_of(self.zone, day, self.blocks(day))
        return found


ALWAYS = Hours(zone=ZoneInfo("UTC"), weekly=(((0, 1440),),) * len(WEEKDAYS), days={})  # every hour of every day


def add_minutes(hours: Hours, start: datetime, minutes: float, *, without: Sequence[Span] = ()) -> datetime:
    """The first instant at which so many working minutes have passed since `start`; none: the next opening.

    without: spans that do not count, in order and apart. Raises ValueError for a negative number, and for a span of
    more than 40 years.
    """
    left = _span(minutes)
    for opens, closes in _less(_ahead(hours, start), without):
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    raise _too_long(f"{minutes:g} working minutes")


def subtract(hours: Hours, end: datetime, minutes: float) -> datetime:
    """The last instant since which so many working minutes have passed at `end`: the inverse of `add_minutes`."""
    left = _span(minutes)
    for opens, closes in _back(hours, end):
        if left <= closes - opens:
            return closes - left
        left -= closes - opens
    raise _too_long(f"{minutes:g} working minutes")


def minutes_between(hours: Hours, start: datetime, end: datetime, *, without: Sequence[Span] = ()) -> float:
    """Working minutes from one instant to another; negative when the end comes first.

    without: spans that do not count, in order and apart.
    """
    start, end = _utc(start), _utc(end)
    if end < start:
        return -minutes_between(hours, end, start, without=without)
    total, last = timedelta(), end.astimezone(hours.zone).date()
    for opens, closes in _less(_ahead(hours, start, last=last), without):
        total += max(min(closes, end) - opens, timedelta())
    return total / _MINUTE


def add_days(hours: Hours, start: datetime, days: int) -> datetime:
    """The same time of day on the so-manyth next working day, clipped to that day's hours.

    A span begun outside hours begins at the next opening: Friday 20:00 plus a day is Tuesday at the opening.
    """
    if days < 0:
        raise ValueError("A number of business days cannot be negative.")
    begins = next_opening(hours, start)
    local = begins.astimezone(hours.zone)
    first = local.date()
    if not any(opens <= begins < closes for opens, closes in hours.spans(first)):
        first -= _DAY  # the night of a shift that began the day before
    left = days
    for number in range(MOST_DAYS):
        day = first + timedelta(days=number)
        if number and hours.spans(day):
            left -= 1
        if not left:
            wall = (local.replace(tzinfo=None) + number * _DAY).replace(tzinfo=hours.zone, fold=local.fold)
            return begins if not number else _clip(wall.astimezone(UTC), hours.spans(day))
    raise _too_long(f"{days} business days")


def next_opening(hours: Hours, at: datetime) -> datetime:
    """This instant if it is working time, else the next one that is."""
    for opens, _closes in _ahead(hours, at):
        return opens
    raise _too_long("the wait for the next opening")


def _clip(at: datetime, spans: Sequence[Span]) -> datetime:
    """The instant itself within working time or at its end, else the next opening of the day, else the day's end."""
    for opens, closes in spans:
        if at <= closes:
            return max(at, opens)
    return spans[-1][1]


def _ahead(hours: Hours, start: datetime, *, last: date | None = None) -> Iterator[Span]:
    """Working time from an instant on, in order and apart; up to the end of a day, if one is given."""
    since = _utc(start)
    day = since.astimezone(hours.zone).date() - _DAY  # whose shift may go on after midnight
    for _number in range(MOST_DAYS):
        if last is not None and day > last:
            return
        for opens, closes in hours.spans(day):
            if closes > since:
                yield max(opens, since), closes
                since = closes
        day += _DAY


def _back(hours: Hours, end: datetime) -> Iterator[Span]:
    """Working time up to an instant, the latest first."""
    until = _utc(end)
    day = until.astimezone(hours.zone).date()
    for _number in range(MOST_DAYS):
        for opens, closes in reversed(hours.spans(day)):
            if opens < until:
                yield opens, min(closes, until)
                until = opens
        day -= _DAY


def _less(spans: Iterable[Span], holes: Sequence[Span]) -> Iterator[Span]:
    """The spans without what lies in a hole; both in order and apart."""
    for opens, closes in spans:
        since = opens
        for begins, ends in holes:
            if begins >= closes:
                break
            if begins > since:
                yield since, begins
            since = max(since, ends)
        if since < closes:
            yield since, closes


def _spans_of(zone: ZoneInfo, day: date, blocks: Sequence[Block]) -> tuple[Span, ...]:
    if not blocks:
        return ()
    midnight = datetime.combine(day, time(), UTC)
    offset = _offset(zone, midnight - _WIDEST_OFFSET)
    ends = midnight + 2 * _DAY + _WIDEST_OFFSET  # a shift may go on through the next day
    if offset == _offset(zone, ends):  # clocks change on a few days a year only
        return tuple((midnight + start * _MINUTE - offset, midnight + end * _MINUTE - offset) for start, end in blocks)
    spans = []
    for begins, changes, offset in _stretches(zone, midnight - _WIDEST_OFFSET, ends):
        for start, end in blocks:
            opens = max(midnight + start * _MINUTE - offset, begins)
            closes = min(midnight + end * _MINUTE - offset, changes)
            if opens < closes:
                spans.append((opens, closes))
    return _joined(sorted(spans))


def _stretches(zone: ZoneInfo, begins: datetime, ends: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The parts of a span in which the zone's distance from UTC stays the same."""
    since = at = begins
    while at < ends:
        following = min(at + timedelta(hours=1), ends)
        if _offset(zone, at) != _offset(zone, following):
            change = _change(zone, at, following)
            yield since, change, _offset(zone, at)
            since = change
        at = following
    yield since, ends, _offset(zone, since)


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second at which the zone changes its distance from UTC; it differs at the two instants."""
    offset = _offset(zone, before)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans in order, those that touch made one."""
    joined: list[Span] = []
    for opens, closes in spans:
        if joined and joined[-1][1] == opens:
            joined[-1] = (joined[-1][0], closes)
        else:
            joined.append((opens, closes))
    return tuple(joined)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("Business time needs moments with a time zone.")
    return at.astimezone(UTC)


def _span(minutes: float) -> timedelta:
    if minutes < 0:
        raise ValueError("A number of working minutes cannot be negative.")
    return timedelta(minutes=minutes)


def _too_long(what: str) -> ValueError:
    return ValueError(f"With these hours {what} would take more than 40 years.")


def parse_hours(
    *,
    zone: str,
    weekly: Mapping[str, Sequence[Sequence[str]]],
    days: Mapping[date, Sequence[Sequence[str]]],
    country: str = "",
    subdivision: str = "",
) -> Hours:
    """Hours from their stored form. Raises ValueError with a sentence that says what is wrong."""
    try:
        found = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"There is no time zone “{zone}”; name one like Europe/Vienna.") from error
    if not isinstance(weekly, Mapping) or set(weekly) - set(WEEKDAYS):
        raise ValueError(f"Hours are blocks by weekday: {', '.join(WEEKDAYS)}.")
    week = tuple(_blocks(weekly.get(day, []), day) for day in WEEKDAYS)
    if not any(week):
        raise ValueError("A calendar needs working hours on some day, or no promise would ever run out.")
    for number, day in enumerate(WEEKDAYS):
        following = (number + 1) % len(WEEKDAYS)
        if week[number] and week[following] and week[number][-1][1] - 1440 > week[following][0][0]:
            raise ValueError(f"{day}: the shift over midnight overlaps the first block of {WEEKDAYS[following]}.")
    return Hours(
        zone=found,
        weekly=week,
        days={day: _blocks(blocks, f"{day:%d %b %Y}") for day, blocks in days.items()},
        public=_public(country, subdivision),
    )


def _blocks(told: Sequence[Sequence[str]], day: str) -> tuple[Block, ...]:
    if not isinstance(told, Sequence) or isinstance(told, str):
        raise ValueError(f"{day}: hours are a list of blocks, each a start and an end, like 09:00 to 17:30.")
    blocks = []
    for block in told:
        try:
            start, end = (_minutes(text) for text in block)
        except (TypeError, ValueError):
            raise ValueError(f"{day}: a block is a start and an end, like 09:00 to 17:30.") from None
        if start == end or start >= 1440:
            raise ValueError(f"{day}: a block ends at another time than it starts; a whole day is 00:00 to 24:00.")
        if end < start:  # 22:00 to 06:00 ends on the next day; 17:00 to 09:00 is a typing mistake
            end += 1440  # noqa: PLW2901 the same end, counted from the day on which it begins
            if end - start > LONGEST_NIGHT:
                most = f"{LONGEST_NIGHT // 60} hours"
                raise ValueError(f"{day}: a block that passes midnight lasts at most {most}; is it the wrong way?")
        blocks.append((start, end))
    blocks.sort()
    if any(first[1] > second[0] for first, second in pairwise(blocks)):
        raise ValueError(f"{day}: two blocks overlap.")
    return tuple(blocks)


def _minutes(text: str) -> int:
    if text == "24:00":
        return 1440
    at = time.fromisoformat(text)
    if at.second or at.microsecond or at.tzinfo is not None:
        raise ValueError(f"“{text}” is not a time of day in hours and minutes.")
    return at.hour * 60 + at.minute


def _public(country: str, subdivision: str) -> holidays.HolidayBase | None:
    if not country:
        return None
    try:
        return holidays.country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError as error:
        place = f"{country}, {subdivision}" if subdivision else country
        raise ValueError(f"The public holidays of “{place}” are not known; give a country like AT.") from error
