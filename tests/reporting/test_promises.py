"""The promises page: kept, missed at some time, overdue now, by kind, rep, team and period, and who is behind it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from funnel.access import Role
from reporting.periods import preset
from reporting.sla import figures
from reporting.sla.asking import Asked, read
from routing.models import Assignment, Clock, ClockEvent, SlaPromise
from tests import factories as make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)  # a Monday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALL = preset("all", NOW.date())


@pytest.fixture
def team():
    return make.team(name="DACH")


@pytest.fixture
def sdr(team):
    return make.user(Role.SDR, team=team, username="mara")


@pytest.fixture
def ops():
    return make.user(Role.MARKETING_OPS)


def clock(*, due: timedelta, ended: timedelta | None = None, kind: str = "accept", owner=None, **fields) -> Clock:
    """A clock that was due so long from now, and ended so long after it was due; it started two days before."""
    lead = fields.pop("lead", None) or make.lead(owner=owner)
    due_at = NOW + due
    started = fields.pop("started_at", due_at - 2 * DAY)
    return Clock.objects.create(
        lead=lead, kind=kind, cause=f"c{Clock.objects.count()}", started_at=started, warn_at=due_at, due_at=due_at,
        stopped_at=None if ended is None else due_at + ended, **fields,
    )  # fmt: skip


def rows(asked: Asked, user) -> dict[str, tuple[int, int, int, int]]:
    return {one.name: (one.n, one.kept, one.missed, one.overdue) for one in figures.by_group(asked, user, now=NOW)}


def test_missed_at_some_time_is_told_apart_from_overdue_now(ops):
    clock(due=-3 * DAY, ended=-HOUR)  # kept
    clock(due=-3 * DAY, ended=HOUR)  # missed, done since
    clock(due=-3 * DAY)  # missed and still open
    clock(due=3 * DAY)  # has time
    clock(due=-3 * DAY, ended=HOUR, cancelled=True)  # called off
    moved = clock(due=5 * DAY, ended=-6 * DAY)  # ran out once; another version gave it more time
    ClockEvent.objects.create(clock=moved, kind="breached", occurred_at=NOW - 9 * DAY, cause="due")
    (one,) = figures.by_kind(Asked(period=ALL), ops, now=NOW)
    assert (one.n, one.kept, one.missed, one.overdue) == (4, 1, 3, 1)
    assert one.share == 0.25 and one.interval[0] < 0.25 < one.interval[1] and one.few


def test_a_clock_counts_in_the_period_in_which_it_was_due(ops):
    clock(due=-14 * DAY - HOUR, ended=40 * DAY)
    clock(due=-13 * DAY, ended=HOUR)
    june = read({"period": "month"}, kinds={}, today=NOW.date())
    assert [one.n for one in figures.by_kind(june, ops, now=NOW)] == [2]
    may = read({"period": "last-month"}, kinds={}, today=NOW.date())
    assert figures.by_kind(may, ops, now=NOW) == []


def test_a_row_is_whose_lead_it_was_when_the_clock_ended(ops, sdr, team):
    other = make.rep(name="Jonas", team=make.team(name="Nordics"))
    lead = make.lead(owner=other)
    Assignment.objects.create(lead=lead, kind="assigned", rep=sdr.rep, occurred_at=NOW - 9 * DAY, cause="a")
    Assignment.objects.create(lead=lead, kind="reassigned", rep=other, occurred_at=NOW - DAY, cause="b")
    clock(due=-3 * DAY, lead=lead)
    clock(due=-3 * DAY, ended=-HOUR)
    passed_on = make.lead(owner=other)
    Assignment.objects.create(lead=passed_on, kind="reassigned", rep=other, occurred_at=NOW - 4 * DAY, cause="c")
    Assignment.objects.create(lead=passed_on, kind="assigned", rep=sdr.rep, occurred_at=NOW - 9 * DAY, cause="d")
    clock(due=-3 * DAY, ended=-DAY, lead=passed_on)
    asked = Asked(period=ALL)
    assert rows(asked, ops) == {"mara": (2, 1, 1, 1), "nobody": (1, 1, 0, 0)}, "by what ended it, it went to Jonas"
    assert rows(Asked(period=ALL, by="team"), ops) == {"DACH": (2, 1, 1, 1), "nobody": (1, 1, 0, 0)}
    behind = figures.behind(Asked(period=ALL, part="missed", group=str(sdr.rep.pk)), ops, now=NOW)
    assert [one.lead for one in behind] == [lead]
    assert figures.behind(Asked(period=ALL, group="none"), ops, now=NOW).count() == 1


def test_by_week_and_by_month_in_order(ops):
    clock(due=-14 * DAY, ended=-HOUR)
    clock(due=-7 * DAY, ended=HOUR)
    assert list(rows(Asked(period=ALL, by="week"), ops)) == ["week of 8 Jun 2026", "week of 1 Jun 2026"]
    assert rows(Asked(period=ALL, by="month"), ops) == {"June 2026": (2, 1, 1, 0)}
    behind = figures.behind(Asked(period=ALL, by="week", group="2026-06-08"), ops, now=NOW)
    assert [one.due_at for one in behind] == [NOW - 7 * DAY]


def test_the_median_is_of_working_time_and_48_hours_stand_beside_follow_ups(ops):
    for took, ended in ((60, -47 * HOUR), (200, HOUR), (90, -2 * DAY)):
        clock(due=-3 * DAY, ended=ended, kind="follow_up", took=took)
    clock(due=-3 * DAY, kind="follow_up")
    (one,) = figures.by_kind(Asked(period=ALL), ops, now=NOW)
    assert (one.minutes, one.took) == (90, "1 h 30 m")
    assert (one.n, one.within) == (4, 2), "one took two days and an hour, one is open"


def test_every_number_is_the_count_of_the_leads_behind_it(ops, sdr):
    for n in range(12):
        owner = sdr.rep if n % 3 else None
        ended = (None, -HOUR, 5 * HOUR)[n % 3]
        clock(due=-timedelta(days=n + 1), ended=ended, kind=("accept", "hot")[n % 2], owner=owner)
    for by in ("rep", "team", "week", "month"):
        for one in figures.by_group(Asked(period=ALL, by=by), ops, now=NOW):
            for part, number in (("all", one.n), ("kept", one.kept), ("missed", one.missed), ("overdue", one.overdue)):
                asked = Asked(period=ALL, by=by, part=part, group=one.key)
                assert figures.behind(asked, ops, now=NOW).count() == number, (by, part, one)


def test_who_sees_their_team_only_counts_their_team_only(sdr, ops):
    clock(due=-3 * DAY, owner=sdr.rep)
    clock(due=-3 * DAY, owner=make.rep(team=make.team()))
    assert [one.n for one in figures.by_kind(Asked(period=ALL), sdr, now=NOW)] == [1]
    assert [one.n for one in figures.by_kind(Asked(period=ALL), ops, now=NOW)] == [2]


def test_addresses_say_what_they_ask_for_and_nonsense_is_as_usual():
    kinds = dict(SlaPromise.Kind.choices)
    asked = read({"period": "year", "kind": "hot", "by": "week", "part": "missed", "group": "2026-06-01"}, kinds=kinds,
                 today=date(2026, 6, 15))  # fmt: skip
    assert asked.query(part="missed", group="2026-06-01") == (
        "?period=year&kind=hot&by=week&part=missed&group=2026-06-01"
    )
    odd = read({"period": "x", "kind": "x", "by": "x", "part": "x", "group": "'"}, kinds=kinds, today=date(2026, 6, 15))
    assert (odd.kind, odd.by, odd.part, odd.group, odd.query()) == ("", "rep", "all", "", "")


def test_the_page_its_leads_and_its_files(client, ops, sdr):
    missed = clock(due=-DAY, ended=HOUR, owner=sdr.rep)
    for one in Clock.objects.all():
        Clock.objects.filter(pk=one.pk).update(due_at=datetime.now(UTC) - DAY, stopped_at=datetime.now(UTC))
    client.force_login(ops)
    page = client.get("/promises/?period=all").content.decode()
    assert "Accept or reject an MQL" in page and "Missed at some time" in page and "mara" in page
    address = f"/promises/leads/?period=all&part=missed&group={sdr.rep.pk}"
    assert address.replace("&", "&amp;") in page
    behind = client.get(address).content.decode()
    assert f"/leads/{missed.lead_id}/" in behind and "were missed at some time" in behind and "with mara" in behind
    table = b"".join(client.get("/promises.csv?period=all").streaming_content).decode()
    assert "Accept or reject an MQL,1,0,1,0" in table
    assert b"accept" in b"".join(client.get("/promises/leads.csv?period=all").streaming_content)
    client.force_login(sdr)
    assert client.get("/promises/leads.csv").status_code == 403
    client.force_login(make.user())
    assert client.get("/promises/").status_code == 403


def test_the_number_of_queries_does_not_grow(client, ops, django_assert_max_num_queries):
    client.force_login(ops)
    counts = []
    for count in (1, 30):
        for _ in range(count):
            clock(due=-DAY, ended=HOUR, owner=make.rep(team=make.team()))
        with django_assert_max_num_queries(30) as captured:
            client.get("/promises/?period=all")
        counts.append(len(captured))
    assert counts[0] == counts[1]
