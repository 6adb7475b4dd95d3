"""The lab's counts against a plain reading, lead by lead; its arithmetic; what the seats can decide."""

from collections import Counter
from datetime import timedelta

import pytest
from django.http import QueryDict
from django.utils import timezone

from funnel.models import Region
from reporting.facts import Copy
from reporting.lab import charts, queries
from reporting.lab.capacity import NARROWED, service
from reporting.lab.changes import Change, effects
from reporting.lab.queries import Question
from reporting.lab.sets import ALL, PARTS, Drill
from reporting.lab.view import OUTCOMES, View, read
from reporting.numbers import HIDDEN_BELOW
from reporting.sources import replay_key
from routing.seats.serving import minutes_of
from tests import factories as make
from tests.reporting.laboratory import (
    DAY,
    END,
    FIRST,
    NOW,
    START,
    STOP,
    Oracle,
    many_leads,
    many_seen,
    simulation,
    version,
)

COUNTED = [people.name for people in ALL.values() if people.source in ("made", "inquiry")]


def question(live: int, draft: int, **fields) -> Question:
    asked = {
        "start": START, "end": STOP, "until": NOW - 60 * DAY, "split": START + 70 * DAY, "first": FIRST, "zone": "UTC",
        "stage": OUTCOMES["sql"].stage, "within": 60, "where": {}, "live_threshold": 40.0, "draft_threshold": 50.0,
    }  # fmt: skip
    return Question(live=live, draft=draft, **asked | fields)


@pytest.fixture
def world(db):
    """Two simulations of 400 leads of all kinds, and who they are."""
    regions = [Region.objects.create(name=name) for name in ("DACH", "Nordics")]
    leads = many_leads(400, seed=11, regions=regions)
    live, draft = (simulation(version(threshold=threshold).row) for threshold in (40, 50))
    seen = {
        "live": {row.lead_id: row for row in many_seen(live, leads, seed=1, threshold=40)},
        "draft": {row.lead_id: row for row in many_seen(draft, leads, seed=2, threshold=50)},
    }
    return leads, live, draft, seen


@pytest.fixture
def facts(world, copy: Copy):
    """The copy with both simulations in it."""
    _leads, live, draft, _seen = world
    with copy.reading(replay_key(live.pk), replay_key(draft.pk)) as found:
        yield found


def oracle(world, asked: Question) -> Oracle:
    leads, _live, _draft, seen = world
    if "region" in asked.where:
        wanted = Region.objects.filter(name=asked.where["region"]).first()
        leads = [lead for lead in leads if lead.region_id == (wanted and wanted.pk)]
    return Oracle(leads, seen, asked.until, asked.split, asked.stage.value, asked.within)


class TestAgainstAPlainReading:
    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"stage": OUTCOMES["accepted"].stage, "within": 14, "until": NOW - 14 * DAY},
            {"where": {"region": "DACH"}},
            {"where": {"region": None}},
        ],
        ids=["SQL", "accepted", "a region", "no region"],
    )
    def test_every_set_and_part_has_the_people_that_it_says(self, world, facts, fields):
        _leads, live, draft, _seen = world
        asked = question(live.pk, draft.pk, **fields)
        found, plain = queries.counts(facts, asked, ("made", "inquiry")), oracle(world, asked)
        empty = 0
        for name in COUNTED:
            for part in PARTS:
                wanted = plain.of(name, part)
                drill = Drill(people=ALL[name], part=part)
                assert found[name, part] == len(wanted), (name, part)
                assert queries.ids(facts, asked, drill, limit=1000) == sorted(wanted, reverse=True), (name, part)
                empty += not wanted
        assert empty < len(COUNTED)  # most sets have somebody

    def test_live_less_who_leaves_plus_who_enters_is_the_draft(self, world, facts):
        _leads, live, draft, _seen = world
        counts = {
            name: n
            for (name, part), n in queries.counts(facts, question(live.pk, draft.pk), ("made",)).items()
            if part == "all"
        }
        left = counts["live"] - counts["leave"] - counts["earlier"]
        assert left + counts["enter"] + counts["later"] == counts["draft"]
        assert counts["kept"] + counts["lost"] == counts["live-good"] > HIDDEN_BELOW

    def test_every_moment_is_in_the_week_that_opens_it(self, world, facts):
        _leads, live, draft, seen = world
        asked = question(live.pk, draft.pk)
        came = queries.arrivals(facts, asked, "live", "draft") | queries.arrivals(facts, asked, "real")
        assert len(came["draft"]) == queries.counts(facts, asked, ("made",))["draft", "all"]
        for name, moments in came.items():
            weeks = Counter((moments - START.timestamp() / 60) // (7 * 24 * 60))
            assert len(weeks) > 20
            for week in range(26):
                assert queries.count(facts, asked, Drill(people=ALL[name], week=week)) == weeks[week]

    def test_the_curve_is_the_plain_count_at_any_threshold_and_the_tile_at_its_own(self, world, facts):
        leads, live, draft, seen = world
        asked = question(live.pk, draft.pk)
        plain, void = oracle(world, asked), {lead.pk for lead in leads if lead.exit == "void"}
        points = {point.points: point for point in charts.curve(queries.peaks(facts, asked, "draft"), low=20, high=80)}
        for at in (20, 35, 50, 51, 80):
            rows = [
                row
                for row in seen["draft"].values()
                if row.lead_id not in void and (plain.made("draft", row.lead) or row.mql_at is None)
                and (row.by == "hand" or row.peak is not None and row.peak >= at)
            ]  # fmt: skip
            assert points[at].leads == len(rows)
            assert points[at].leads == queries.count(facts, asked, Drill(people=ALL["draft-at"], points=at))
            assert points[at].k == queries.count(facts, asked, Drill(people=ALL["draft-at-good"], points=at))
        counts = queries.counts(facts, asked, ("made",))
        own = points[50]
        assert (own.leads, own.k, own.n) == tuple(counts[f"draft{kind}", "all"] for kind in ("", "-good", "-known"))
        assert own.n < own.leads


class TestChanges:
    def test_each_alone_and_what_they_overlap(self):
        changes = [
            Change(name="Threshold", before="40", after="44", simulation=7),
            Change(name="Webinar", before="19", after="8", simulation=8),
        ]
        found = effects(changes, {7: 80, 8: 70}, live=100, draft=60, weeks=10)
        assert [row.delta for row in found.rows] == [-2, -3]
        assert (found.together, found.overlap) == (-4, 1)
        assert (found.rows[1].left, found.rows[1].width) == (5, 45)

    def test_an_overlap_is_not_told_while_a_change_is_not_simulated_alone(self):
        changes = [Change(name="Threshold", simulation=7), Change(name="A gate is added")]
        found = effects(changes, {7: 80}, live=100, draft=60, weeks=10)
        assert [row.delta for row in found.rows] == [-2, None]
        assert found.overlap is None


class TestThresholds:
    def test_the_lowest_threshold_that_the_team_can_serve(self):
        points = charts.curve([(30, "known", True, 40), (50, "known", False, 20)], low=20, high=60)
        assert charts.serves_from(points, weeks=2, capacity=10) == 31
        assert charts.serves_from(points, weeks=2, capacity=None) is None
        assert charts.serves_from(points[:5], weeks=2, capacity=10) is None

    @pytest.mark.parametrize("judged, top", [([("known", True, 20), ("known", False, 60)], 0.27), ([], 1.0)])
    def test_the_axis_of_precision_ends_above_what_is_drawn_and_at_the_whole_where_nothing_is(self, judged, top):
        points = charts.curve([(30, *one) for one in judged] or [(30, "open", False, 5)], low=20, high=40)
        sides = dict.fromkeys(charts.SIDES, points)
        figure = charts.thresholds(
            sides,
            dict.fromkeys(charts.SIDES, (30, 5, 0, 0)),
            dict.fromkeys(charts.SIDES, [""] * len(points)),
            weeks=2,
            names=charts.Names(live="live", draft="draft", outcome="SQL", plural="SQLs"),
            capacity=None,
        )
        assert list(figure.layout.yaxis2.range) == [0, pytest.approx(top)]


class TestCapacity:
    def decided(self, rep, leads: int, *, weeks_ago: float, now):
        for _ in range(leads):
            at = now - timedelta(weeks=weeks_ago)
            make.advance(make.mql(at=at - DAY), "sal", at=at, actor_id=rep.user_id)

    def test_it_is_what_is_set_or_what_reps_really_decided(self, db):
        now = timezone.now()
        team = make.team()
        desk = make.desk(team)
        busy, set_, off = (make.user("SDR", team=team).rep for _ in range(3))
        make.seat(busy)
        make.seat(set_, weekly=12)
        make.seat(off, receiving=False, weekly=99)
        for week in range(2):
            self.decided(busy, 3, weeks_ago=week + 0.5, now=now)
        make.promise()
        found = service(narrowed=False, now=now)
        assert (found.weekly, found.promised) == (15, "1 business day")
        assert "1 as set, 1 by what they decided" in found.words
        assert [weekly for _hours, weekly in found.lines] == [15]
        assert found.lines[0][0].weekly == desk.calendar.as_hours().weekly
        assert found.in_time(minutes_of([now, now])).tolist() == [True, True]

    def test_a_part_of_the_leads_has_no_capacity_of_its_own(self, db):
        assert (service(narrowed=True, now=NOW).weekly, service(narrowed=True, now=NOW).words) == (None, NARROWED)
        assert service(narrowed=False, now=NOW).in_time(minutes_of([NOW])) is None


TODAY = END + 3 * DAY


def viewed(address: str) -> View:
    return read(QueryDict(address), today=TODAY)


class TestTheAddress:
    @pytest.mark.parametrize(
        "address",
        [
            "",
            "draft=14&live=13",
            "from=2026-03-02&to=2026-08-30&outcome=won&within=180&holdout=2026-06-01&solution=Edge&region=",
            "weeks=13",
        ],
    )
    def test_a_view_comes_back_from_its_address(self, address):
        view = viewed(address)
        assert not view.problems
        assert viewed(view.query()[1:]) == view

    def test_the_usual_history_is_26_whole_weeks(self):
        view = viewed("")
        assert (view.first.weekday(), view.weeks_long, view.end) == (0, 26, END)

    @pytest.mark.parametrize(
        ("address", "said"),
        [
            ("from=2026-05-01", "A history needs a first and a last day"),
            ("from=2026-05-01&to=2026-04-01", "ended before it began"),
            ("from=2026-05-xx&to=2026-04-01", "“2026-05-xx” is no date like"),
            ("from=2020-01-01&to=2026-04-01", "at most 1100 days"),
            ("from=2026-09-04&to=2026-09-08", "ends yesterday at the latest"),
            ("outcome=married", "There is no outcome “married”"),
            ("within=0", "within is “0”"),
            ("draft=last", "draft is “last”"),
            ("holdout=2026-01-01", "The holdout begins within the history"),
        ],
    )
    def test_what_it_does_not_understand_is_said(self, address, said):
        view = viewed(address)
        assert said in view.problems[0]
        assert len(view.problems) == 1
