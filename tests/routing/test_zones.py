"""The time where somebody is, and whether one calls then: what follows from country and number, and what does not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.hours.zones import callable_now, prefix_of, there

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)


def at(hour: int, minute: int = 0, day: int = 1) -> datetime:
    return datetime(2026, 6, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("country", "phone", "hour", "callable_", "said"),
    [
        ("Germany", "", 8, True, "10:00 there"),
        ("de", "", 8, True, "10:00 there"),
        ("Österreich", "", 15, False, "17:00 there"),  # until five
        ("United Kingdom", "", 8, True, "09:00 there"),
        ("UK", "", 7, False, "08:00 there"),
        ("", "+47 55 00 01 42", 8, True, "10:00 there"),
        ("", "0043 1 58858", 8, True, "10:00 there"),
        ("India", "+43 1 58858", 8, True, "13:30 there"),  # the country goes before the number
    ],
)
def test_the_clock_of_one_zone(country, phone, hour, callable_, said):
    found = there(country, phone, now=at(hour))
    assert (found.callable, found.said) == (callable_, said)


@pytest.mark.parametrize(
    ("country", "phone"), [("", ""), ("", "0664 1234567"), ("Atlantis", ""), ("Atlantis", "+43 1 58858")]
)
def test_what_is_not_known_is_not_guessed(country, phone):
    assert there(country, phone, now=at(10)).callable is None


def test_a_country_of_several_zones_is_callable_while_all_of_them_are():
    assert there("US", "", now=at(15)).callable is None  # morning in New York, dawn in Honolulu
    assert there("US", "", now=at(8)).callable is False  # night everywhere
    assert there("US", "", now=at(15)).said == "05:00 to 11:00 there"
    assert there("Spain", "", now=at(9)).callable is True  # the Canaries are an hour behind, and within hours too


def test_nobody_is_called_at_the_weekend_of_the_country():
    assert there("Germany", "", now=at(10, day=6)).callable is False  # a Saturday
    assert there("Israel", "", now=at(8, day=7)).callable is True  # a Sunday
    assert there("Saudi Arabia", "", now=at(8, day=5)).callable is False  # a Friday


def test_summer_time_is_that_of_the_place():
    assert there("Germany", "", now=datetime(2026, 1, 5, 8, tzinfo=UTC)).said == "09:00 there"


@settings(deadline=None)  # two looks at every zone of the world
@given(st.integers(0, 366 * 24 * 60), st.text(max_size=12) | st.from_regex(r"\+[0-9]{1,12}", fullmatch=True))
def test_the_list_for_queries_says_the_same_as_the_single_answer(minutes, phone):
    now = MONDAY + timedelta(minutes=minutes)
    names, prefixes = callable_now(now)
    assert there("germany", "", now=now).callable is ("germany" in names)
    assert (there("usa", "", now=now).callable is True) == ("usa" in names)
    prefix = prefix_of(phone)
    assert (there("", phone, now=now).callable is True) == (bool(prefix) and prefix in prefixes)


def test_no_prefix_begins_another():
    from routing.hours.zones import _PREFIXES

    assert not [(one, other) for one in _PREFIXES for other in _PREFIXES if one != other and other.startswith(one)]
