"""The queue: who sees which leads, in which order, with what beside them, and what it costs."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.models import Kind, Lead, Person, Region, Solution
from funnel.stages import Move, move
from routing.acts.viewer import viewer_of
from routing.hours.countdown import Running, face, left_words, moment_words
from routing.queue import waiting
from tests import factories as make
from tests.routing.waiting_rooms import DAY, HOUR, MINUTE, busy, clock, room

pytestmark = pytest.mark.django_db
URL = "/queue/"


@pytest.fixture
def here(client):
    made = room(timezone.now())
    client.force_login(made.sdr)
    return made


def names(response) -> list[str]:
    return [row.lead.person.last_name for row in response.context["rows"]]


# --- Order and tabs -------------------------------------------------------------------------------


def test_hot_first_then_the_nearest_breach_then_the_grade(client, here):
    here.wait("x InTime", due=5 * HOUR)
    here.wait("x Late", due=-HOUR)
    here.wait("x WithoutB", due=None, cell="B2")
    here.wait("x WithoutA", due=None, cell="A4")
    here.wait("x WithoutB1", due=None, cell="B1")
    here.wait("x Unscored", due=None, cell="")
    here.wait("x Hot", due=8 * HOUR, hot=3 * MINUTE)
    assert names(client.get(URL)) == ["Hot", "Late", "InTime", "WithoutA", "WithoutB1", "WithoutB", "Unscored"]


def test_a_lead_in_work_is_in_the_queue_while_its_hot_clock_runs(client, here):
    here.wait("x Fresh")
    lead = make.lead(stages={"mql": make.NOW, "sal": make.NOW + HOUR}, owner=here.sdr.rep)
    assert names(client.get(URL)) == ["Fresh"]
    running = clock(lead, due=here.now + MINUTE, kind="hot")
    response = client.get(URL)
    assert names(response)[0] == lead.person.last_name
    assert not response.context["rows"][0].may_act  # accepted already
    running.stopped_at = here.now
    running.save()
    assert names(client.get(URL)) == ["Fresh"]


def test_what_was_decided_is_gone(client, here):
    for kind in (Kind.ADVANCE, Kind.DISQUALIFY, Kind.RECYCLE):
        lead = here.wait()
        to = {"to_stage": "sal"} if kind == Kind.ADVANCE else {}
        assert move([Move(lead_id=lead.pk, kind=kind, occurred_at=here.now, cause="x", **to)], now=here.now)[0].done
    assert names(client.get(URL)) == []
    assert "Nothing waits for you" in client.get(URL).content.decode()


def test_each_tab_has_its_own_leads_and_tells_how_many(client, here):
    here.wait("x Mine")
    here.wait("x Pooled", owner=None, pool=here.sdr.rep.team)
    here.wait("x Elsewhere", owner=None, pool=make.team())
    here.wait("x Colleague", owner=here.colleague.rep)
    here.wait("x Unrouted", owner=None, due=None)
    response = client.get(URL)
    assert [(tab["name"], tab["count"]) for tab in response.context["tabs"]] == [("mine", 1), ("pool", 1)]
    assert names(client.get(URL, {"tab": "pool"})) == ["Pooled"]
    assert names(client.get(URL, {"tab": "team"})) == ["Mine"]  # not offered to an SDR: their own

    client.force_login(here.manager)
    shown = {tab: names(client.get(URL, {"tab": tab})) for tab in ("team", "pool", "unrouted")}
    assert shown == {"team": ["Mine", "Colleague"], "pool": ["Pooled", "Elsewhere"], "unrouted": ["Unrouted"]}
    assert names(client.get(URL, {"tab": "team", "owner": here.colleague.rep.pk})) == ["Colleague"]


def test_the_unrouted_come_oldest_first(client, here):
    client.force_login(here.manager)
    for name, age in (("Young", HOUR), ("Old", 9 * DAY), ("Middle", DAY)):
        make.lead(person=make.person(last_name=name), stages={"mql": here.now - age})
    assert names(client.get(URL, {"tab": "unrouted"})) == ["Old", "Middle", "Young"]


def test_the_clocks_of_the_tab_are_counted(client, here):
    here.wait(hot=MINUTE)
    here.wait(due=-HOUR)
    here.wait(due=30 * MINUTE)
    here.wait(due=30 * HOUR)
    here.wait(due=None)
    tally = client.get(URL).context["tally"]
    assert (tally.hot, tally.late, tally.warn, tally.ok, tally.without) == (1, 1, 1, 1, 1)


def test_filters_narrow_the_list_and_its_counts(client, here):
    region, solution = Region.objects.create(name="North"), Solution.objects.create(name="Edge")
    here.wait("x Plain", cell="B2")
    here.wait("x Full", cell="A1", region=region, solution=solution)
    for query in ({"region": region.pk}, {"solution": solution.pk}, {"grade": "A"}):
        response = client.get(URL, query)
        assert names(response) == ["Full"], query
        assert response.context["tally"].shown == 1
    assert names(client.get(URL, {"grade": "D"})) == []
    assert "Nothing here matches these filters" in client.get(URL, {"grade": "D"}).content.decode()


@pytest.mark.parametrize(
    "query", [{"tab": "?"}, {"region": "x"}, {"grade": "'"}, {"after": "x"}, {"after": "0_nan_A_1"}]
)
def test_an_address_that_makes_no_sense_shows_the_first_page(client, here, query):
    here.wait("x Only")
    assert names(client.get(URL, query)) == ["Only"]


def test_pages_go_on_where_the_last_one_ended(client, here, monkeypatch):
    monkeypatch.setattr("routing.queue.waiting.places.__kwdefaults__", {"size": 3})
    for number in range(8):
        here.wait(f"x P{number}", due=HOUR if number % 2 else None, cell="" if number == 4 else "B2")
    seen, after = [], ""
    for _page in range(4):
        response = client.get(URL, {"after": after} if after else {})
        seen += names(response)
        after = response.context["next_url"].partition("after=")[2]
        if not after:
            break
    assert len(seen) == len(set(seen)) == 8
    assert set(seen[:4]) == {"P1", "P3", "P5", "P7"} and seen[-1] == "P4"


# --- What a row says ------------------------------------------------------------------------------


def test_a_row_tells_of_the_account(client):
    here = busy(timezone.now())
    client.force_login(here.sdr)
    rows = {row.lead.person.last_name: row for row in client.get(URL).context["rows"]}
    ingrid = rows["Solheim-Dahl"]
    assert ingrid.headline == "Open deal €64\u00a0k, M. Lind"
    assert ingrid.context == "Tier 2, owner M. Lind, 1 other active"
    assert ingrid.last_words == "Demo form" and ingrid.clock.hot and ingrid.also.state == "ok"
    assert rows["Vontobel"].headline == "No open deal, you own it"
    assert rows["Katharina Seidl"].headline == "Customer"
    assert rows["Popescu"].headline.startswith("Recycled in ") and "Timing: project later" in rows["Popescu"].headline
    assert rows["Egger"].headline == "No account matched" and rows["Egger"].grade is None


def test_a_page_costs_the_same_queries_however_many_wait(client, here):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(URL).status_code == 200
        return len(captured)

    here.wait(account=make.account())
    queries()  # the version's rules are read once a process
    few = queries()
    for _number in range(30):
        here.wait(account=make.account(owner=make.rep()), hot=MINUTE)
    assert queries() == few <= 26


# --- Looking again --------------------------------------------------------------------------------


def test_a_list_that_is_still_the_same_is_not_sent_again(client, here):
    lead = here.wait()
    digest = client.get(URL).context["digest"]
    rows = reverse("routing:queue-rows")
    assert client.get(rows, {"tab": "mine", "seen": digest}).status_code == 204
    here.wait("x New")
    fresh = client.get(rows, {"tab": "mine", "seen": digest})
    assert fresh.status_code == 200 and 'id="queue-list"' in fresh.content.decode()
    digest = fresh.context["digest"]
    lead.person.scores.update(rev=2)
    assert client.get(rows, {"tab": "mine", "seen": digest}).status_code == 200


def test_the_pane_shows_the_selected_lead_and_only_to_those_who_may_see_it(client):
    here = busy(timezone.now())
    client.force_login(here.sdr)
    html = client.get(reverse("routing:queue-lead", args=[here.leads[0].pk])).content.decode()
    assert "We run 9 yards" in html and "Ole Brekke" in html and "Discovery" in html
    theirs = here.wait(owner=make.rep(team=make.team()))
    assert client.get(reverse("routing:queue-lead", args=[theirs.pk])).status_code == 404


def test_who_looks_on_sees_everybody_and_acts_on_nobody(client, here):
    here.wait("x Mine")
    client.force_login(make.user(Role.EXECUTIVE))
    response = client.get(URL)
    assert names(response) == ["Mine"] and response.context["asked"].tab == "team"
    html = response.content.decode()
    assert "data-act=" not in html and 'id="bulk"' not in html
    client.force_login(make.user())
    assert "No queue for this log-in" in client.get(URL).content.decode()


def test_the_pulse_counts_what_waits_and_what_is_unread_in_two_queries(client, here):
    here.wait()
    here.wait(owner=here.colleague.rep)
    url = reverse("routing:pulse")
    client.get(url)  # the session is read
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).json() == {"unread": 0, "show": 0, "waiting": 1}
    assert (
        len([query for query in captured if "django_session" not in query["sql"] and "auth_user" not in query["sql"]])
        == 2
    )
    client.force_login(make.user(Role.EXECUTIVE))
    assert client.get(url).json() == {"unread": 0, "show": 0, "waiting": None}


def test_the_pulse_counts_the_leads_of_whom_somebody_covers_for_as_the_page_does(client, here):
    here.wait()
    here.wait(owner=here.colleague.rep)
    cover = make.rep(team=here.sdr.rep.team)  # away too, covered by the SDR
    here.wait(owner=cover)
    today = timezone.now().date()
    make.absence(here.colleague.rep, today - DAY, today + DAY, cover=cover)
    make.absence(cover, today - DAY, today + DAY, cover=here.sdr.rep)
    for user, count in ((here.sdr, 3), (here.colleague, 1)):
        client.force_login(user)
        (tab,) = [tab for tab in client.get(URL).context["tabs"] if tab["name"] == "mine"]
        assert client.get(reverse("routing:pulse")).json()["waiting"] == tab["count"] == count


# --- Acts -----------------------------------------------------------------------------------------

HTMX = {"HX-Request": "true"}


def test_accept_answers_with_an_undo_and_is_counted_today(client, here):
    lead = here.wait("Lea Vontobel")
    answer = client.post(reverse("routing:accept", args=[lead.pk]), headers=HTMX)
    told = json.loads(answer["HX-Trigger"])["acted"]
    assert answer.status_code == 204 and told["lead"] == lead.pk and "Lea Vontobel" in told["text"]
    assert client.get(URL).context["done"] == {"accepted": 1, "rejected": 0, "recycled": 0}
    answer = client.post(told["undo"], headers=HTMX)
    assert answer.status_code == 204 and names(client.get(URL)) == ["Vontobel"]
    assert client.get(URL).context["done"]["accepted"] == 0


def test_the_loser_is_told_who_was_faster(client, here):
    lead = here.wait("Lea Vontobel")
    client.force_login(here.manager)
    assert client.post(reverse("routing:accept", args=[lead.pk]), headers=HTMX).status_code == 204
    client.force_login(here.sdr)
    answer = client.post(reverse("routing:accept", args=[lead.pk]), headers=HTMX)
    assert answer.status_code == 409 and "Hanna Solberg accepted this lead" in answer["HX-Trigger"]


def test_a_reject_without_a_reason_is_asked_for_one_and_keeps_what_was_typed(client, here):
    lead = here.wait()
    url = reverse("routing:reject", args=[lead.pk])
    assert "Pick a reason" in client.get(url, headers=HTMX).content.decode()
    answer = client.post(url, {"text": "Never heard of us", "seen": "mql"}, headers=HTMX)
    html = answer.content.decode()
    assert answer.status_code == 422 and "Pick a reason." in html and "Never heard of us" in html
    lead.refresh_from_db()
    assert lead.closed_at is None


def test_without_a_script_an_act_goes_back_to_the_lead(client, here):
    lead = here.wait("Lea Vontobel")
    answer = client.post(reverse("routing:accept", args=[lead.pk]), follow=True)
    assert answer.redirect_chain[0][0] == reverse("routing:lead", args=[lead.pk])
    assert "Lea Vontobel is accepted." in answer.content.decode()
    assert client.get(reverse("routing:recycle", args=[lead.pk])).status_code == 200


def test_what_left_ones_sight_is_said_so(client, here):
    lead = here.wait(owner=make.rep(team=make.team()))
    answer = client.post(reverse("routing:accept", args=[lead.pk]), headers=HTMX)
    assert answer.status_code == 409 and "another team" in answer["HX-Trigger"]
    assert client.post(reverse("routing:accept", args=[10**12]), headers=HTMX).status_code == 404


def test_a_manager_gives_ticked_leads_to_a_rep(client, here):
    leads = [here.wait(owner=None) for _number in range(3)]
    ids, to = [lead.pk for lead in leads], here.colleague.rep
    assert client.post(reverse("routing:reassign"), {"lead": ids, "rep_id": to.pk}, headers=HTMX).status_code == 403
    client.force_login(here.manager)
    answer = client.post(reverse("routing:reassign"), {"rep_id": to.pk}, headers=HTMX)
    assert answer.status_code == 409 and "at least one lead" in answer["HX-Trigger"]
    answer = client.post(reverse("routing:reassign"), {"lead": ids, "rep_id": to.pk}, headers=HTMX)
    assert answer.status_code == 204 and "Gave 3 leads to Jonas Petersen" in answer["HX-Trigger"]
    assert names(client.get(URL, {"tab": "team"})) == [lead.person.last_name for lead in leads]


# --- Clocks in words ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(seconds=-20), "under a minute late"),
        (-3 * HOUR - 22 * MINUTE, "3 h 22 m late"),
        (108 * timedelta(seconds=1), "1:48 left"),
        (38 * MINUTE, "38 m left"),
        (2 * HOUR + 3 * MINUTE, "2 h 03 m left"),
        (2 * DAY + 3 * HOUR, "2 d 3 h left"),
        (2 * DAY, "2 d left"),
    ],
)
def test_time_left_in_words(left, words):
    assert left_words(left) == words


def test_a_face_tells_the_state_of_a_clock():
    accept = Running("accept", make.NOW, make.NOW + 8 * HOUR, make.NOW + 10 * HOUR)
    assert [face(accept, now=make.NOW + hours * HOUR).state for hours in (1, 8, 10, 11)] == [
        "ok",
        "warn",
        "warn",
        "late",
    ]
    assert face(accept, now=make.NOW + 5 * HOUR).share == 0.5
    hot = Running("hot", make.NOW, make.NOW + 4 * MINUTE, make.NOW + 5 * MINUTE)
    assert face(hot, now=make.NOW + MINUTE).due == "first contact by 12:05"
    assert moment_words(make.NOW - 9 * DAY, now=make.NOW) == "23 May 12:00"


def test_the_undecided_of_a_million_are_read_from_their_index(here):
    """The plan begins with the partial indexes, never with the table of leads."""
    here.wait()
    # Beside a single lead all indexes cost the same, and any of them may be chosen.
    people = Person.objects.bulk_create(Person(email=f"asks{number}@example.com") for number in range(500))
    Lead.objects.bulk_create(
        Lead(person=person, number=1, stage="inquiry", stage_since=here.now, inquiry_at=here.now) for person in people
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    with CaptureQueriesContext(connection) as captured:
        waiting.places(waiting.asked({}, viewer_of(here.sdr)), viewer_of(here.sdr), now=here.now)
    sql = captured[-1]["sql"]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "lead_undecided" in plan or "lead_in_work" in plan, plan
