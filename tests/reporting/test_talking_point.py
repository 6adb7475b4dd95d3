"""From which interest buyers agree to talk: the arithmetic, the measuring, and where it is shown."""

from datetime import timedelta

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from funnel.access import Role
from funnel.models import Lead, Solution
from funnel.templatetags.dc import NBSP
from reporting.models import Talk
from reporting.talking_point import point_of, talking_points
from reporting.talks import DAYS, measure
from routing.models import Meeting
from tests import factories as make
from tests.factories import NOW
from tests.scoring.models import Model, touch_rule

DAY = timedelta(days=1)

# --- the arithmetic ------------------------------------------------------------------------------------------------


def test_they_talk_from_the_lowest_band_that_is_clearly_above_all_leads():
    point = point_of({0: (4, 200), 20: (9, 100), 40: (12, 80), 50: (30, 60), 60: (18, 30), 100: (5, 6)})
    assert (point.start, point.k, point.n) == (50, 78, 476)
    assert point.sentence.replace(NBSP, " ") == (
        "They talk from about 50 points on: 53 of 96 leads (55.2 %), "
        "while in all 78 of 476 leads (16.4 %) agreed to talk."
    )
    assert [band.name for band in point.bands][-2:] == ["60 to 69", "100 and more"]


def test_a_band_that_stands_out_alone_is_not_the_point_where_those_above_do_not_follow():
    counts = {0: (40, 200), 30: (20, 40), 40: (5, 100), 50: (5, 100), 60: (50, 80)}
    point = point_of(counts)
    assert [band.start for band in point.bands if band.stands_out] == [30, 60]
    assert point.start == 60


def test_too_few_and_no_difference_are_said():
    few = point_of({0: (1, 30), 50: (3, 4)})
    assert (few.start, few.enough) == (None, False)
    assert few.sentence.startswith("Not enough leads yet: 34 have had their 60 days and 4 of them agreed to talk")
    assert few.bands[1].rate is None and few.bands[1].few
    assert point_of({}).sentence.startswith("Not enough leads yet: 0 ")
    even = point_of({0: (30, 100), 50: (31, 100)})
    assert even.sentence.replace(NBSP, " ") == (
        "No interest stands out: 61 of 200 leads (30.5 %) agreed to talk, whatever they had."
    )


@given(st.dictionaries(st.sampled_from(range(0, 101, 10)), st.integers(1, 300).flatmap(
    lambda n: st.tuples(st.integers(0, n), st.just(n))
)))  # fmt: skip
def test_whatever_the_counts_every_lead_is_told_once_and_the_point_is_above_all(counts):
    point = point_of(counts)
    assert (point.k, point.n) == (sum(band.k for band in point.bands), sum(band.n for band in point.bands))
    if point.start is not None:
        (band,) = (band for band in point.bands if band.start == point.start)
        assert point.enough and band.low > point.k / point.n


# --- measuring -----------------------------------------------------------------------------------------------------


@pytest.fixture
def model(db):
    made = Model(landmark=NOW - 400 * DAY).interest("web").rule(touch_rule("web", "visit", 10))
    return made.rule(touch_rule("web", "demo", 50)).active()


def lead_with(visits: list[float], **fields) -> Lead:
    """A lead opened 100 days ago whose person visits so many days after that."""
    opened = NOW - 100 * DAY
    lead = make.lead(at=opened, **fields)
    for days in visits:
        make.touch(person=lead.person, type="visit", occurred_at=opened + days * DAY, recorded_at=opened + days * DAY)
    return lead


def book(lead: Lead, days: float) -> None:
    at = NOW - 100 * DAY + days * DAY
    Meeting.objects.create(lead=lead, booked_at=at, starts_at=at + DAY)


def measured(lead: Lead) -> tuple[float, int | None]:
    talk = Talk.objects.get(pk=lead.pk)
    return talk.interest, (talk.talked_at - NOW + 100 * DAY).days if talk.talked_at else None


def test_interest_is_that_right_before_they_agreed_else_the_most_in_their_days(model):
    met, silent, late, closed = (lead_with([1, 2, 30, DAYS + 5]) for _ in range(4))
    book(met, 20)
    book(late, DAYS + 1)
    make.leave(closed, "disqualify", at=NOW - 100 * DAY + 10 * DAY)
    raised = lead_with([1])
    demo = make.touch(person=raised.person, type="demo", occurred_at=NOW - 95 * DAY, recorded_at=NOW - 95 * DAY)
    make.advance(raised, "mql", at=NOW - 95 * DAY, cause=f"mql:activity:{demo.pk}:fast_track")
    young = make.lead(at=NOW - (DAYS - 1) * DAY)
    outbound = make.lead(stages={"sal": NOW - 90 * DAY})
    assert measure(now=NOW) == 5
    assert not Talk.objects.filter(pk__in=[young.pk, outbound.pk]).exists()
    assert [measured(lead) for lead in (met, silent, late, closed, raised)] == [
        (20, 20), (30, None), (30, None), (20, None), (10, 5),
    ]  # fmt: skip
    assert measure(now=NOW) == 0


def test_each_lead_is_measured_by_the_version_that_decides_about_it_and_anew_when_another_does(model):
    edge = Solution.objects.create(name="Edge")
    leads = [lead_with([1, 2], solution=edge), lead_with([1, 2])]
    measure(now=NOW)
    assert [measured(lead)[0] for lead in leads] == [20, 20]
    Model(landmark=NOW - 400 * DAY, solution=edge).interest("web").rule(touch_rule("web", "visit", 33)).active()
    assert measure(now=NOW) == 1
    assert [measured(lead)[0] for lead in leads] == [66, 20]


def test_measuring_costs_the_same_statements_for_many_leads(model):
    def statements(leads: int) -> int:
        for _ in range(leads):
            lead_with([1])
        with CaptureQueriesContext(connection) as captured:
            assert measure(now=NOW) == leads
        return len(captured)

    statements(1)
    assert statements(1) == statements(7)


# --- where it is shown ---------------------------------------------------------------------------------------------


def test_paths_are_told_by_the_api_and_on_the_page(client, model):
    edge = Solution.objects.create(name="Edge")
    for solution, interest, talked in ((edge, 55, NOW), (edge, 8, None), (None, 123.4, None)):
        lead = make.lead(solution=solution)
        Talk.objects.create(lead=lead, model=model, interest=interest, talked_at=talked)
    with CaptureQueriesContext(connection) as captured:
        paths = talking_points()
    assert len(captured) == 1
    assert [(path.name, path.point.k, path.point.n) for path in paths] == [
        ("All leads", 1, 3), ("Edge", 1, 2), ("No solution", 0, 1),
    ]  # fmt: skip
    assert [band.start for band in paths[0].point.bands] == [0, 50, 100]
    page = render_to_string("reporting/_talking_point.html", {"paths": paths})
    assert "Edge: Not enough leads yet" in page and "100 and more" in page
    client.force_login(make.user(Role.MARKETING_OPS))
    told = client.get("/api/talking-points/").json()
    assert [(path["solution"], path["n"], path["start"]) for path in told] == [
        (None, 3, None),
        ("Edge", 2, None),
        ("", 1, None),
    ]
    client.force_login(make.user())
    assert client.get("/api/talking-points/").status_code == 403
