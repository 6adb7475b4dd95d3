"""Where the days of a time zone begin, as pure arithmetic."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_STEP = timedelta(days=1)


def day_start(day: date, zone: str) -> datetime:
    """The first moment of a day in a zone, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


@lru_cache(maxsize=256)
def offsets(zone: str, first: date, last: date) -> tuple[tuple[datetime | None, int], ...]:
    """The zone's offsets in force from `first` to `last`: (until, seconds east of UTC), until in UTC without a zone.

    The last one holds on (until None).
    """
    info = ZoneInfo(zone)
    at, end = datetime.combine(first, time(), UTC), datetime.combine(last, time(), UTC)
    found: list[tuple[datetime | None, int]] = []
    offset = _offset(info, at)
    while at < end:
        ahead = at + _STEP
        if _offset(info, ahead) != offset:
            change = _change(info, at, ahead)
            found.append((change.replace(tzinfo=None), offset))
            offset = _offset(info, change)
            at = change
        else:
            at = ahead
    return (*found, (None, offset))


def _offset(info: ZoneInfo, at: datetime) -> int:
    shift = at.astimezone(info).utcoffset()
    assert shift is not None
    return int(shift.total_seconds())


def _change(info: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second in (before, after] that has another offset than `before`."""
    old = _offset(info, before)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if _offset(info, middle) == old:
            before = middle
        else:
            after = middle
    return after
