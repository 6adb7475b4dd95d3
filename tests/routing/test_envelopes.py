"""What a notice looks like outside the product, and when it may go out."""

import json
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from routing.messages.envelopes import (
    Told,
    again_after,
    body_for,
    digest_after,
    headers_for,
    mail_of,
    quiet_until,
    signature,
)

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
TOLD = Told(
    key="webhook:3:hot:activity:17", kind="hot", title="Somebody raised a hand",
    sentence="Lea <b> of Acme & Söhne asked for us; answer at once.", lead_id=42, at=AT,
    url="https://demand.example.com/leads/42/",
)  # fmt: skip


def test_signed_json_says_what_and_where():
    told = json.loads(body_for("generic", TOLD))
    assert (told["id"], told["lead"], told["url"]) == (TOLD.key, 42, TOLD.url)
    assert told["sentence"] == TOLD.sentence


def test_the_signature_is_of_the_moment_and_the_body():
    body = body_for("generic", TOLD)
    headers = headers_for(TOLD, body, secret="s3cret", now=AT)
    seconds, _comma, mark = headers["X-Demand-Signature"].partition(",v1=")
    assert mark == signature(body, secret="s3cret", seconds=int(seconds.removeprefix("t=")))
    assert mark != signature(body + b" ", secret="s3cret", seconds=int(AT.timestamp()))
    assert mark != signature(body, secret="s3cret", seconds=int(AT.timestamp()) + 1)
    assert "X-Demand-Signature" not in headers_for(TOLD, body, secret="", now=AT)
    assert headers["X-Demand-Delivery"] == TOLD.key


def test_slack_gets_no_markup_of_ours():
    (text,) = json.loads(body_for("slack", TOLD)).values()
    assert "Lea &lt;b&gt; of Acme &amp; Söhne" in text and text.endswith("<https://demand.example.com/leads/42/|Open>")


def test_teams_gets_a_card_with_the_way_in():
    (attachment,) = json.loads(body_for("teams", TOLD))["attachments"]
    card = attachment["content"]
    assert [block["text"] for block in card["body"]] == [TOLD.title, TOLD.sentence]
    assert card["actions"][0]["url"] == TOLD.url


def test_one_notice_is_a_mail_of_its_own_and_several_are_one():
    assert mail_of([TOLD]) == (TOLD.title, f"{TOLD.sentence}\n\n{TOLD.url}\n")
    subject, text = mail_of([TOLD, TOLD])
    assert subject.startswith("2 notices") and text.count(TOLD.url) == 2


VIENNA = "Europe/Vienna"


@pytest.mark.parametrize(
    ("hour", "since", "until", "ends"),
    [
        ("2026-06-01 21:59", "22:00", "07:00", None),
        ("2026-06-01 22:00", "22:00", "07:00", "2026-06-02 07:00"),
        ("2026-06-02 06:59", "22:00", "07:00", "2026-06-02 07:00"),
        ("2026-06-02 07:00", "22:00", "07:00", None),
        ("2026-06-01 12:30", "12:00", "13:00", "2026-06-01 13:00"),
        ("2026-06-01 13:00", "12:00", "13:00", None),
        ("2026-06-01 13:00", "12:00", "12:00", None),
        ("2026-03-28 23:00", "22:00", "07:00", "2026-03-29 07:00"),  # the night that lacks an hour
    ],
)
def test_quiet_hours_are_those_of_the_wall_clock(hour, since, until, ends):
    zone = ZoneInfo(VIENNA)
    now = datetime.strptime(hour, "%Y-%m-%d %H:%M").replace(tzinfo=zone)
    found = quiet_until(now, zone=VIENNA, since=time.fromisoformat(since), until=time.fromisoformat(until))
    assert found == (datetime.strptime(ends, "%Y-%m-%d %H:%M").replace(tzinfo=zone) if ends else None)


def test_without_quiet_hours_it_is_never_quiet():
    assert quiet_until(AT, zone=VIENNA, since=None, until=None) is None


moments = some.integers(0, 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
times = some.integers(0, 24 * 60 - 1).map(lambda minutes: time(minutes // 60, minutes % 60))


@given(moments, times, times)
def test_quiet_ends_within_a_day_and_not_in_quiet_again(now, since, until):
    ends = quiet_until(now, zone=VIENNA, since=since, until=until)
    if ends is not None:
        assert now < ends <= now + timedelta(hours=26)
        assert ends.astimezone(ZoneInfo(VIENNA)).strftime("%H:%M") >= until.strftime("%H:%M")


@given(moments, times)
def test_the_daily_mail_is_the_first_from_then_on(now, at):
    found = digest_after(now, zone=VIENNA, at=at)
    assert now <= found <= now + timedelta(hours=26)


def test_waiting_grows_up_to_six_hours():
    waits = [again_after(attempts) for attempts in range(1, 12)]
    assert waits[0] == timedelta(minutes=2) and waits == sorted(waits) and waits[-1] == timedelta(hours=6)
