"""An address says the whole view, and nothing of it is dropped in silence."""

import datetime as dt
from urllib.parse import parse_qsl

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from reporting.filters import DIMENSIONS, read
from reporting.periods import COMPARISONS, PRESETS

TODAY = dt.date(2026, 11, 17)


def view(address: str):
    return read(QueryDict(address), today=TODAY)


def test_an_empty_address_is_the_last_thirteen_weeks_of_everything() -> None:
    seen = view("")
    assert str(seen.period) == "17 Aug – 15 Nov 2026"
    assert (seen.basis, seen.compare, seen.is_narrowed, seen.query()) == ("cohort", "before", False, "?")


def test_two_dates_are_a_period_with_both_days_in_it() -> None:
    seen = view("from=2026-01-05&to=2026-01-11")
    assert (seen.period.start, seen.period.end) == (dt.date(2026, 1, 5), dt.date(2026, 1, 12))


def test_filters_say_themselves() -> None:
    seen = view("region=DACH&region=Nordics&owner=&function=sdr")
    assert seen.chosen_words("region") == "2 chosen"
    assert seen.chosen_words("function") == "SDR"
    assert seen.chosen_words("owner") == "Not set"
    assert seen.chosen_words("channel") == "All"
    assert seen.filter_words() == "region DACH or Nordics, source SDR, owner not set"


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("period=fortnight", "There is no period “fortnight”; shown is “Last 13 weeks”."),
        ("basis=vibes", "There is no basis “vibes”; shown is “Cohort”."),
        ("from=2026-13-01", "“2026-13-01” is no date like 2026-11-15; shown is “Last 13 weeks”."),
        ("from=0001-01-01", "0001-01-01 is out of range; shown is “Last 13 weeks”."),
        ("from=2026-02-01&to=2026-01-01", "The period ended before it began; shown is 1 Jan 2026 to 1 Feb 2026."),
    ],
)
def test_what_is_not_understood_is_said(address: str, problem: str) -> None:
    assert view(address).problems == (problem,)


def test_taking_the_last_value_away_takes_the_filter_away() -> None:
    seen = view("region=DACH").choosing("region", [])
    assert seen.query() == "?"
    assert view("").choosing("region", ["DACH", None]).query(by="channel") == "?region=DACH&region=&by=channel"


words = st.one_of(st.none(), st.text("aß&=+%? ,ü\"'<#/", min_size=1, max_size=6))


@given(
    period=st.sampled_from(sorted(PRESETS)),
    compare=st.sampled_from(sorted(COMPARISONS)),
    basis=st.sampled_from(["cohort", "period"]),
    where=st.dictionaries(st.sampled_from(sorted(DIMENSIONS)), st.lists(words, min_size=1, max_size=3, unique=True)),
)
def test_an_address_that_is_written_again_is_the_same_view(
    period: str, compare: str, basis: str, where: dict[str, list[str | None]]
) -> None:
    seen = view(f"period={period}&compare={compare}&basis={basis}")
    for name, values in where.items():
        seen = seen.choosing(name, values)
    again = view(seen.query().removeprefix("?"))
    assert dict(again.where) == dict(seen.where)
    assert (again.period, again.compare, again.basis) == (seen.period, seen.compare, seen.basis)
    assert dict(parse_qsl(again.query())) == dict(parse_qsl(seen.query()))
