"""Paging by key: every row once, in both directions, however many share a moment."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnel.keyset import EPOCH, BadCursor, decode, encode, page
from funnel.models import Lead
from tests import factories as make

ORDER = ("stage_since", "id")


@given(
    st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=2_000_000)),
    st.integers(min_value=0, max_value=(1 << 63) - 1),
)
def test_a_cursor_says_the_moment_to_the_microsecond(since, number):
    moment = EPOCH + since
    assert decode(encode([moment, number]), ORDER) == [moment, number]


@given(st.floats(min_value=0, allow_nan=False, allow_infinity=False), st.integers(min_value=0, max_value=1 << 62))
def test_a_cursor_says_a_number_to_its_last_bit(engagement, number):
    assert decode(encode([engagement, number]), ORDER, floats=True) == [engagement, number]


def test_what_is_no_number_is_no_cursor():
    for text in (f"{0x7FF0 << 48}-1", "99999999999999999999999-1", "x-1"):
        with pytest.raises(BadCursor):
            decode(text, ORDER, floats=True)


@pytest.mark.parametrize(
    "text", ["", "x", "1", "1-2-3", "-5-3", "1-", "99999999999999999999999-1", "1-9223372036854775808"]
)
def test_other_texts_are_no_cursors(text):
    with pytest.raises(BadCursor):
        decode(text, ORDER)


@pytest.mark.django_db
@pytest.mark.parametrize("moments", [[0] * 9, [0, 0, 0, 1, 1, 2, 3, 3, 3], list(range(9))])
def test_pages_hold_every_row_once_in_both_directions(moments):
    for hours in moments:
        make.lead(at=make.NOW + timedelta(hours=hours))
    expected = list(Lead.objects.order_by("-stage_since", "-id").values_list("pk", flat=True))

    down, pages, cursor = [], [], ""
    while True:
        got = page(Lead.objects.all(), size=2, older=cursor)
        down += [lead.pk for lead in got.rows]
        pages.append(got)
        if not got.older:
            break
        cursor = got.older
    assert down == expected
    assert pages[0].newer == "" and all(one.newer for one in pages[1:])

    up, cursor = [], pages[-1].newer
    while cursor:
        got = page(Lead.objects.all(), size=2, newer=cursor)
        up = [lead.pk for lead in got.rows] + up
        cursor = got.newer
    # The newest page comes full, so upwards it may overlap with the page below it.
    assert list(dict.fromkeys(up)) == expected[:-1]
    assert up[:2] == expected[:2]


@pytest.mark.django_db
def test_rows_that_arrive_meanwhile_do_not_shift_the_next_page():
    leads = [make.lead(at=make.NOW + timedelta(hours=number)) for number in range(4)]
    first = page(Lead.objects.all(), size=2)
    make.lead(at=make.NOW + timedelta(days=1))
    second = page(Lead.objects.all(), size=2, older=first.older)
    assert [lead.pk for lead in second.rows] == [leads[1].pk, leads[0].pk]
