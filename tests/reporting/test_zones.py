"""Cutting time in a zone, held against the zone database itself."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.zones import day_start, offsets

ZONES = ["UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo"]
FIRST, LAST = date(2005, 1, 1), date(2030, 1, 1)


@given(
    zone=st.sampled_from(ZONES),
    at=st.datetimes(datetime(2005, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_the_offset_in_force_is_that_of_the_zone(zone: str, at: datetime) -> None:
    naive = at.replace(tzinfo=None)
    shift = next(shift for until, shift in offsets(zone, FIRST, LAST) if until is None or naive < until)
    assert timedelta(seconds=shift) == at.astimezone(ZoneInfo(zone)).utcoffset()


def test_a_zone_without_changes_has_one_offset() -> None:
    assert offsets("UTC", FIRST, LAST) == ((None, 0),)


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        ("UTC", date(2026, 3, 29), datetime(2026, 3, 29, tzinfo=UTC)),
        ("Europe/Amsterdam", date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("Europe/Amsterdam", date(2026, 3, 30), datetime(2026, 3, 29, 22, tzinfo=UTC)),
    ],
)
def test_a_day_starts_at_midnight_of_its_zone(zone: str, day: date, start: datetime) -> None:
    assert day_start(day, zone) == start
