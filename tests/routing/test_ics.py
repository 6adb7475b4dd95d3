"""Calendars as files: whom somebody meets when, as far as it can be read, and what cannot."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from routing.seats.ics import read

VIENNA = ZoneInfo("Europe/Vienna")
START, END = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)


def calendar(*events: str) -> str:
    body = "".join(f"BEGIN:VEVENT\r\n{event.strip()}\r\nEND:VEVENT\r\n" for event in events)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{body}END:VCALENDAR\r\n".replace("\r\n", "\n").replace("\n", "\r\n")


def begins(*events: str) -> list[str]:
    feed = read(calendar(*events), zone=VIENNA, start=START, end=END)
    assert feed.problems == ()
    return [f"{meeting.starts_at:%m-%d %H:%M}" for meeting in feed.meetings]


class TestMoments:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("DTSTART:20260610T080000Z", "06-10 08:00"),
            ("DTSTART;TZID=America/New_York:20260610T100000", "06-10 14:00"),
            ('DTSTART;TZID="Europe/London":20260610T100000', "06-10 09:00"),
            ("DTSTART:20260610T100000", "06-10 08:00"),  # local, where the calendar is
            ("DTSTART;TZID=W. Europe Standard Time:20260610T100000", "06-10 08:00"),
            ("DTSTART;VALUE=DATE:20260610", "06-09 22:00"),  # all day
        ],
    )
    def test_a_time_is_read_with_its_zone(self, given, expected):
        assert begins(given) == [expected]

    def test_what_lies_outside_the_span_or_is_cancelled_is_left_out(self):
        assert begins("DTSTART:20260501T080000Z", "DTSTART:20260701T000000Z") == []
        assert begins("DTSTART:20260610T080000Z\nSTATUS:CANCELLED") == []


class TestPeople:
    def test_addresses_titles_and_folded_lines(self):
        event = (
            'DTSTART:20260610T080000Z\nSUMMARY:Pricing\\, with Brun\n ner\nATTENDEE;CN="Brunner; Lea";ROLE=REQ:mai\n'
            " lto:Lea@Brunner.example\nORGANIZER:MAILTO:me@us.example\nATTENDEE:urn:uuid:1\n"
            "BEGIN:VALARM\nATTENDEE:mailto:alarm@x.example\nEND:VALARM"
        )
        (meeting,) = read(calendar(event), zone=VIENNA, start=START, end=END).meetings
        assert meeting.summary == "Pricing, with Brunner"
        assert meeting.people == {"lea@brunner.example", "me@us.example"}


class TestRepeating:
    def test_weekly_at_the_same_time_of_day(self):
        event = "DTSTART;TZID=Europe/Vienna:20260302T090000\nRRULE:FREQ=WEEKLY"
        assert begins(event) == [f"06-{day:02} 07:00" for day in (1, 8, 15, 22, 29)]  # 08:00 UTC in winter

    @pytest.mark.parametrize(
        ("rule", "days"),
        [
            ("FREQ=DAILY;INTERVAL=10", [2, 12, 22]),
            ("FREQ=DAILY;COUNT=3", [2, 3, 4]),
            ("FREQ=DAILY;BYDAY=MO,FR;UNTIL=20260612", [5, 8, 12]),
            ("FREQ=WEEKLY;BYDAY=TU,TH;COUNT=3", [2, 4, 9]),
            ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU;WKST=MO", [2, 15, 16, 29, 30]),
            ("FREQ=MONTHLY", [2]),
            ("FREQ=YEARLY;COUNT=5", [2]),
        ],
    )
    def test_rules(self, rule, days):
        assert begins(f"DTSTART:20260602T100000Z\nRRULE:{rule}") == [f"06-{day:02} 10:00" for day in days]

    def test_a_month_without_such_a_day_is_passed_over(self):
        event = "DTSTART:20260131T100000Z\nRRULE:FREQ=MONTHLY"
        feed = read(calendar(event), zone=VIENNA, start=datetime(2026, 2, 1, tzinfo=UTC), end=END)
        assert [f"{one.starts_at:%m-%d}" for one in feed.meetings] == ["03-31", "05-31"]

    def test_single_occurrences_may_be_left_out_or_moved(self):
        series = "UID:a\nDTSTART:20260602T100000Z\nRRULE:FREQ=WEEKLY\nEXDATE:20260609T100000Z"
        moved = "UID:a\nRECURRENCE-ID:20260616T100000Z\nDTSTART:20260617T150000Z"
        off = "UID:a\nRECURRENCE-ID:20260623T100000Z\nDTSTART:20260623T100000Z\nSTATUS:CANCELLED"
        assert begins(series, moved, off) == ["06-02 10:00", "06-17 15:00", "06-30 10:00"]


class TestWhatCannotBeRead:
    @pytest.mark.parametrize(
        ("event", "said"),
        [
            ("SUMMARY:Hello", "does not say when"),
            ("DTSTART:20261399T100000Z", "is no time"),
            ("DTSTART:20260602T100000Z\nRRULE:FREQ=HOURLY", "HOURLY"),
            ("DTSTART:20260602T100000Z\nRRULE:FREQ=MONTHLY;BYDAY=2TU", "BYDAY"),
            ("DTSTART:20260602T100000Z\nRRULE:FREQ=WEEKLY;INTERVAL=0", "0 times"),
            ("DTSTART:20260602T100000Z\nRRULE:FREQ=WEEKLY;COUNT=some", "no number"),
        ],
    )
    def test_it_is_told_and_the_others_are_read(self, event, said):
        feed = read(calendar(event, "DTSTART:20260610T080000Z"), zone=VIENNA, start=START, end=END)
        assert len(feed.meetings) == 1
        assert len(feed.problems) == 1 and said in feed.problems[0]

    @pytest.mark.parametrize("text", ["", "rep,account,starts_at", "\x00\x01"])
    def test_what_is_no_calendar_is_refused(self, text):
        with pytest.raises(ValueError, match="no calendar file"):
            read(text, zone=VIENNA, start=START, end=END)
