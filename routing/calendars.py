"""Business time: when a team works, and arithmetic over it. Pure: no database, no clock.

Definition: domain.md 8.3. Time outside hours does not count; a span begun outside hours begins at the next opening.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Block = tuple[int, int]  # minutes since midnight, [start, end); 1440 ends the day


@dataclass(frozen=True)
class Hours:
    """Weekly working hours in a zone. weekly: blocks of Monday to Sunday; days: dates that differ, and their blocks."""

    zone: ZoneInfo
    weekly: tuple[tuple[Block, ...], ...]
    days: Mapping[date, tuple[Block, ...]]
    public: holidays.HolidayBase | None = None

    def blocks(self, day: date) -> tuple[Block, ...]:
        """The working blocks of a day, in order."""
        if day in self.days:
            return self.days[day]
        if self.public is not None and day in self.public:
            return ()
        return self.weekly[day.weekday()]


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
    return Hours(
        zone=found,
        weekly=week,
        days={day: _blocks(blocks, f"{day:%d %b %Y}") for day, blocks in days.items()},
        public=_public(country, subdivision),
    )


def _blocks(told: Sequence[Sequence[str]], day: str) -> tuple[Block, ...]:
    blocks = []
    for block in told:
        try:
            start, end = (_minutes(text) for text in block)
        except (TypeError, ValueError):
            raise ValueError(f"{day}: a block is a start and an end, like 09:00 to 17:30.") from None
        if start >= end:
            raise ValueError(f"{day}: a block ends after it starts; split one that passes midnight in two.")
        blocks.append((start, end))
    blocks.sort()
    if any(first[1] > second[0] for first, second in zip(blocks, blocks[1:], strict=False)):
        raise ValueError(f"{day}: two blocks overlap.")
    return tuple(blocks)


def _minutes(text: str) -> int:
    if text == "24:00":
        return 1440
    at = time.fromisoformat(text)
    return at.hour * 60 + at.minute


def _public(country: str, subdivision: str) -> holidays.HolidayBase | None:
    if not country:
        return None
    try:
        return holidays.country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError as error:
        place = f"{country}, {subdivision}" if subdivision else country
        raise ValueError(f"The public holidays of “{place}” are not known; give a country like AT.") from error
