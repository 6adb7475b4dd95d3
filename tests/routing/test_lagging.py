"""Where a rep lags behind the others of the team, and what may help."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from funnel.models import Content, Solution
from routing.floor.lagging import Made, Segment, lagging
from routing.floor.portrait import portrait_of
from routing.models import Assignment, MessageTemplate
from tests import factories as make
from tests.routing.waiting_rooms import HOUR, Room, room

DAY = timedelta(days=1)
MINE = "/today/where-you-stand/"


def segment(rep: tuple[int, int], others: tuple[int, int], name: str = "Edge") -> Segment:
    """rep, others: SQLs of accepted leads."""
    (k, n), (q, m) = rep, others
    return Segment("solution", name, 1, rep=Made(n, n, k), others=Made(m, m, q))


@pytest.mark.parametrize(
    ("rep", "others", "lags"),
    [
        ((40, 100), (54, 100), True),  # the rep's share less theirs: -0.271 to -0.002
        ((41, 100), (54, 100), False),  # -0.261 to 0.008
        ((54, 100), (40, 100), False),  # ahead
        ((0, 10), (20, 20), True),
        ((0, 9), (20, 20), False),  # too few of the rep
        ((0, 10), (19, 19), False),  # too few of the others
        ((0, 50), (0, 50), False),
        ((50, 50), (50, 50), False),
        ((0, 0), (0, 0), False),
    ],
)
def test_a_rep_lags_where_the_difference_is_more_than_chance(rep, others, lags):
    assert bool(lagging([segment(rep, others)])) is lags


def test_the_three_largest_differences_are_named_first():
    made = [segment((share, 100), (90, 100), name) for share, name in ((40, "b"), (10, "d"), (40, "a"), (70, "c"))]
    assert [one.name for one in lagging(made)] == ["d", "a", "b"]


def deal(here: Room, user, solution, *, accepted: int, sqls: int) -> None:
    """Leads of operations people that the user was dealt sixty days ago and accepted; so many became SQLs."""
    at = here.now - 60 * DAY
    for number in range(accepted):
        stages = {"inquiry": at, "mql": at, "sal": at + HOUR} | ({"sql": at + DAY} if number < sqls else {})
        person = make.person(attributes={"persona": "Operations"})
        lead = make.lead(person=person, solution=solution, stages=stages, owner=user.rep)
        Assignment.objects.create(lead=lead, kind="assigned", rep=user.rep, occurred_at=at, cause="test")


@pytest.fixture
def behind(db) -> Room:
    """Mara made nothing of ten accepted leads, Jonas twelve SQLs of twenty."""
    here = room(timezone.now())
    edge = Solution.objects.create(name="Edge")
    deal(here, here.sdr, edge, accepted=10, sqls=0)
    deal(here, here.colleague, edge, accepted=20, sqls=12)
    guide = Content.objects.create(name="A guide", topic="Edge")
    for name, fields in {
        "For operations": {"persona": "operations"},
        "With the guide": {"content": guide},
        "On knowledge": {"body": "Knowledgeable people"},  # names no solution
        "Withdrawn": {"persona": "Operations", "active": False},
    }.items():
        MessageTemplate.objects.create(name=name, medium="email", **({"body": "Hello"} | fields))
    return here


def test_texts_and_leads_that_may_help_are_named(behind):
    found = portrait_of(behind.sdr.rep, now=behind.now)
    told = [(hint.segment.name, [text.name for text in hint.texts], hint.open) for hint in found.hints]
    assert told == [("Operations", ["For operations"], 10), ("Edge", ["With the guide"], 10)]
    assert found.hints[0].segment.rep == Made(10, 10, 0) and found.hints[0].segment.others == Made(20, 20, 12)
    assert found.hints[0].leads_url.endswith("&persona=Operations&state=open")


def test_a_lead_that_both_were_dealt_counts_as_the_reps(behind):
    theirs = Assignment.objects.filter(rep=behind.colleague.rep).order_by("pk").last()
    Assignment.objects.create(
        lead=theirs.lead, kind="assigned", rep=behind.sdr.rep, occurred_at=behind.now - 50 * DAY, cause="test:again"
    )
    found = portrait_of(behind.sdr.rep, now=behind.now)
    assert not found.hints and not found.compared, "the others have 19 now"
    assert dict(found.tables)["Solution"] == [("Edge", Made(11, 11, 0))]


def test_the_manager_and_the_rep_see_it_and_others_do_not(client, behind):
    told = "of 10 accepted leads 0 became SQLs"
    beside = f"/floor/reps/{behind.sdr.rep.pk}/"
    client.force_login(behind.manager)
    assert told in client.get(beside).content.decode()
    assert client.get(MINE).status_code == 404, "no rep"
    client.force_login(behind.sdr)
    assert MINE in client.get("/today/").content.decode()
    page = client.get(MINE)
    html = page.content.decode()
    assert told in html and "12 of 20" in html and "For operations" in html and "A guide" in html
    url = page.context["portrait"].hints[1].leads_url
    assert url.replace("&", "&amp;") in html
    listed = [row.lead.owner for row in client.get(url).context["rows"]]
    assert listed == [behind.sdr.rep] * 10, "as many as the link says"
    client.force_login(behind.colleague)
    assert client.get(beside).status_code == 403
    other = client.get(MINE).content.decode()
    assert told not in other and "Too few leads to compare" in other


def test_the_number_of_queries_depends_neither_on_leads_nor_on_texts(behind):
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            portrait_of(behind.sdr.rep, now=behind.now)
        return len(seen)

    few = queries()
    deal(behind, behind.sdr, Solution.objects.create(name="Core"), accepted=2, sqls=0)
    for number in range(5):
        MessageTemplate.objects.create(name=f"Edge {number}", medium="call", body="Hello")
    found = portrait_of(behind.sdr.rep, now=behind.now)
    assert found.hints[0].open == 12 and len(found.hints[1].texts) == 3
    assert queries() == few == 5
