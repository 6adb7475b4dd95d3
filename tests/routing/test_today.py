"""Today: which leads stand in which section, in which order, what a row says, and what the page costs."""

import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.models import Lead, Person
from routing.day import agenda, attempts, snoozes, work
from routing.day.agenda import end_of_day
from routing.day.work import Wanted
from routing.models import Attempt, Clock, Meeting, Task, TaskEvent
from routing.queue.today import MOST, PAGE, spots
from routing.sales import handoff
from tests import factories as make
from tests.routing.waiting_rooms import DAY, HOUR, MINUTE, clock, room, score

pytestmark = pytest.mark.django_db
URL, HTMX = "/today/", {"HX-Request": "true"}


@pytest.fixture
def here(client):
    made = room(timezone.now())
    client.force_login(made.sdr)
    return made


def in_work(here, name: str = "", *, stage: str = "sal", cell: str = "B2", owner=None, **about) -> Lead:
    """An accepted lead of the SDR's."""
    person = make.person(last_name=name or "Doe", **about)
    stages = {"mql": here.now - 2 * DAY, "sal": here.now - DAY} | ({"sql": here.now - HOUR} if stage == "sql" else {})
    lead = make.lead(person=person, stages=stages, owner=owner or here.sdr.rep)
    if cell:
        score(person, cell)
    return lead


def due(lead, at, kind="next") -> Task:
    wanted = Wanted(lead_id=lead.pk, kind=kind, due_at=at, cause=f"test:{at.timestamp()}")
    (pk,) = work.make([wanted], actor_id=None, now=at)
    return Task.objects.get(pk=pk)


def shown(response) -> dict[str, list[str]]:
    return {
        section.name: [item.row.lead.person.last_name for item in section.items]
        for section in response.context["sections"]
    }


# --- Sections and order ---------------------------------------------------------------------------


def test_every_lead_stands_once_where_it_is_to_be_dealt_with(client, here):
    here.wait("x New")
    wrote = in_work(here, "Wrote")
    due(wrote, here.now - HOUR, kind="reply")
    due(wrote, here.now - HOUR)  # a date too: it is answered first
    due(in_work(here, "Dated"), here.now - HOUR)
    met = in_work(here, "Met")
    Meeting.objects.create(lead=met, booked_at=here.now - DAY, starts_at=here.now - HOUR)
    in_work(here, "Handed", stage="sql")
    back = make.lead(person=make.person(last_name="Back"), at=here.now - DAY, owner=here.sdr.rep)
    make.advance(back, "mql", at=here.now - HOUR, cause="mql:revisit:1")
    in_work(here, "Idle")
    later = in_work(here, "Later")
    due(later, here.now + 3 * DAY)
    ahead = in_work(here, "Ahead")
    Meeting.objects.create(lead=ahead, booked_at=here.now, starts_at=here.now + DAY)
    in_work(here, "Theirs", owner=here.colleague.rep)
    make.leave(in_work(here, "Closed"), "recycle", at=here.now)
    assert shown(client.get(URL)) == {
        "replies": ["Wrote"], "new": ["New"], "handed": ["Handed"], "due": ["Dated"], "meetings": ["Met"],
        "revisits": ["Back"], "idle": ["Idle"],
    }  # fmt: skip


def test_hot_first_then_the_nearest_breach_then_the_score(client, here):
    here.wait("x InTime", due=5 * HOUR)
    here.wait("x Late", due=-HOUR)
    here.wait("x WithoutB", due=None, cell="B2")
    here.wait("x WithoutA", due=None, cell="A4")
    here.wait("x Hot", due=8 * HOUR, hot=3 * MINUTE)
    assert shown(client.get(URL)) == {"new": ["Hot", "Late", "InTime", "WithoutA", "WithoutB"]}


def test_dates_stand_by_their_time_and_a_raised_hand_in_work_among_the_replies(client, here):
    for name, at in (("Second", -HOUR), ("First", -2 * DAY)):
        due(in_work(here, name), here.now + at)
    clock(in_work(here, "Hand"), due=here.now + MINUTE, kind="hot", lasts=5 * MINUTE)
    assert shown(client.get(URL)) == {"replies": ["Hand"], "due": ["First", "Second"]}


def test_a_snoozed_lead_is_out_of_queue_and_today_until_it_wakes(client, here):
    lead = here.wait("x Asleep", due=None)
    done = snoozes.snooze(lead.pk, until=here.now + DAY, user=here.sdr, now=here.now)
    assert shown(client.get(URL)) == {}
    assert [row.lead.pk for row in client.get("/queue/").context["rows"]] == []
    assert client.get(reverse("routing:pulse")).json()["waiting"] == 0
    assert [row.lead.pk for row in client.get("/queue/", {"show": "snoozed"}).context["rows"]] == [lead.pk]
    clock(lead, due=timezone.now() + 6 * MINUTE, kind="hot", lasts=5 * MINUTE)  # a hand raised since
    assert shown(client.get(URL)) == {"new": ["Asleep"]}
    Clock.objects.all().delete()
    assert shown(client.get(URL)) == {}
    snoozes.wake(done.snooze_id, user=here.sdr, now=here.now)
    assert shown(client.get(URL)) == {"new": ["Asleep"]}


def test_callable_now_shows_who_is_within_hours_and_has_a_number(here):
    noon = timezone.now().replace(year=2026, month=6, day=1, hour=12)  # a Monday
    about = {"country": "Germany", "phone": "+49 30 1"}
    wanted = {
        "Here": about, "ByNumber": {"phone": "+44 20 1"}, "Away": about | {"country": "Japan"},
        "Nowhere": {"phone": "030 1"}, "NoNumber": {"country": "Germany"}, "Never": about | {"do_not_call": True},
    }  # fmt: skip
    leads = {in_work(here, name, **fields).pk: name for name, fields in wanted.items()}
    found = spots([here.sdr.rep.pk], now=noon, until=end_of_day(noon), callable_only=True)
    assert sorted(leads[spot.place.lead_id] for spot in found) == ["ByNumber", "Here"]


def test_the_queue_can_be_narrowed_to_who_is_callable(client, here):
    for country in ("Germany", "Japan", ""):
        here.wait(f"x In{country}", country=country, phone="030 1")
    rows = {row.lead.person.last_name: row for row in client.get("/queue/").context["rows"]}
    narrowed = {row.lead.person.last_name for row in client.get("/queue/", {"show": "callable"}).context["rows"]}
    assert narrowed == {name for name, row in rows.items() if row.there.callable}
    assert rows["In"].there.callable is None and "In" not in narrowed


# --- Who sees whose day ---------------------------------------------------------------------------


def test_a_manager_looks_at_the_day_of_anybody_and_an_sdr_at_their_own(client, here):
    here.wait("x Mine")
    here.wait("x Colleague", owner=here.colleague.rep)
    assert shown(client.get(URL, {"rep": here.colleague.rep.pk})) == {"new": ["Mine"]}
    client.force_login(here.manager)
    assert "Whose day?" in client.get(URL).content.decode()
    assert shown(client.get(URL, {"rep": here.colleague.rep.pk})) == {"new": ["Colleague"]}
    client.force_login(make.user(Role.SDR))
    assert "No day for this log-in" in client.get(URL).content.decode()


def test_an_account_executive_finds_what_was_handed_over(client, here):
    ae = make.user(Role.AE, team=make.team("ae"))
    lead = in_work(here, "Handed", stage="sql", owner=ae.rep)
    client.force_login(ae)
    response = client.get(URL)
    assert shown(response) == {"handed": ["Handed"]}
    assert reverse("routing:log", args=[lead.pk]) in response.content.decode()


def test_what_was_offered_says_who_asks_what_they_need_and_is_answered_there(client, here):
    seller = make.user(Role.AE, team=make.team("ae"))
    lead = in_work(here, "Offered", stage="sql")
    due(lead, here.now - HOUR)  # a date of the SDR's does not hide the offer
    note = handoff.Note(need="Two hours lost a week per crane", next_step="A demo on Friday")
    handoff.offer(lead.pk, note=note, user=here.sdr, rep_id=seller.rep.pk, now=here.now - HOUR)
    client.force_login(seller)
    response = client.get(URL)
    html = response.content.decode()
    assert shown(response)["handed"] == ["Offered"]
    assert "Mara Lindqvist, 1 h 00 m ago: Two hours lost a week per crane" in html
    assert f"/leads/{lead.pk}/take-over/" in html and f"/leads/{lead.pk}/return/" in html
    client.post(f"/leads/{lead.pk}/take-over/", headers=HTMX)
    assert "take-over" not in client.get(URL).content.decode()


def test_empty_days_say_what_comes_next(client, here):
    assert "All done for today" in client.get(URL).content.decode()
    assert "Nobody can be called now" in client.get(URL, {"show": "callable"}).content.decode()
    assert "Nothing left here" in client.get(URL, {"section": "due"}).content.decode()


# --- Looking again --------------------------------------------------------------------------------


def test_a_day_that_is_still_the_same_is_not_sent_again(client, here):
    lead = here.wait("x Only", due=None)
    digest = client.get(URL).context["digest"]
    rows = reverse("routing:today-rows")
    assert client.get(rows, {"seen": digest}).status_code == 204
    attempts.log(lead.pk, medium="call", outcome="no_answer", user=here.sdr, now=timezone.now())
    fresh = client.get(rows, {"seen": digest})
    assert fresh.status_code == 200 and shown(fresh) == {"idle": ["Only"]}


def test_a_long_section_is_cut_off_with_its_count_and_opens_alone(client, here):
    for _number in range(PAGE + 2):
        here.wait(due=None)
    (section,) = client.get(URL).context["sections"]
    assert (len(section.items), section.total, section.more) == (PAGE, PAGE + 2, 2)
    (alone,) = client.get(URL, {"section": "new"}).context["sections"]
    assert len(alone.items) == alone.total == PAGE + 2 <= MOST


# --- Acts by address ------------------------------------------------------------------------------


def test_one_request_logs_a_call_and_one_takes_it_back(client, here):
    lead = here.wait("Lea Vontobel", due=None)
    url = reverse("routing:log", args=[lead.pk])
    answer = client.post(url, {"medium": "call", "outcome": "voicemail"}, headers=HTMX)
    told = json.loads(answer["HX-Trigger"])["acted"]
    assert answer.status_code == 204 and told["lead"] == lead.pk and "voicemail" in told["text"]
    back = client.post(told["undo"], headers=HTMX)
    assert back.status_code == 204 and json.loads(back["HX-Trigger"])["acted"]["undone"]
    assert client.post(url, {"medium": "call", "outcome": "voicemail"}, headers=HTMX).status_code == 204  # done again
    assert Attempt.objects.filter(taken_back_at=None).count() == 1


def test_the_form_of_a_call_keeps_what_was_typed_and_says_what_is_wrong(client, here):
    lead = here.wait("Lea Vontobel", due=None)
    url = reverse("routing:log", args=[lead.pk])
    assert "The lead is accepted with it." in client.get(url, headers=HTMX).content.decode()
    said = {"medium": "call", "text": "She was in a meeting", "next_at": "2020-01-01T09:00"}
    answer = client.post(url, said, headers=HTMX)
    html = answer.content.decode()
    assert answer.status_code == 422 and "Say what came of it." in html and "She was in a meeting" in html
    answer = client.post(url, said | {"outcome": "connected"}, headers=HTMX)
    assert answer.status_code == 422 and "lies ahead" in answer.content.decode()
    lead.refresh_from_db()
    assert lead.stage == "mql" and not lead.notes.exists()


@pytest.mark.parametrize("soon", ["1h", "next", "1w"])
def test_a_date_is_picked_from_a_few_or_typed(client, here, soon):
    lead = in_work(here)
    url = reverse("routing:plan", args=[lead.pk])
    assert client.post(url, {"soon": soon}, headers=HTMX).status_code == 204
    assert Task.objects.get(lead=lead).shown_at > timezone.now()
    exactly = timezone.localtime(here.now + 5 * DAY).strftime("%Y-%m-%dT%H:%M")
    assert client.post(url, {"next_at": exactly, "soon": soon}, headers=HTMX).status_code == 204
    shown_at = Task.objects.get(lead=lead, state="open").shown_at
    assert timezone.localtime(shown_at).strftime("%Y-%m-%dT%H:%M") == exactly


def test_tasks_are_done_skipped_put_off_and_snoozed_by_address(client, here):
    lead = in_work(here)
    first = due(lead, here.now)
    for address, said in (("put-off", {"soon": "1w"}), ("done", {}), ("skip", {})):
        answer = client.post(f"/tasks/{first.pk}/{address}/", said, headers=HTMX)
        assert answer.status_code == 204, address
        undo = json.loads(answer["HX-Trigger"])["acted"]["undo"]
        assert client.post(undo, headers=HTMX).status_code == 204
    first.refresh_from_db()
    assert (first.state, first.shown_at) == ("open", first.due_at)
    snoozed = client.post(reverse("routing:snooze", args=[lead.pk]), {"soon": "1w"}, headers=HTMX)
    assert snoozed.status_code == 204 and shown(client.get(URL)) == {}
    client.post(json.loads(snoozed["HX-Trigger"])["acted"]["undo"], headers=HTMX)
    assert shown(client.get(URL)) == {"due": ["Doe"]}


def test_the_page_of_a_lead_tells_what_is_next_and_what_was_done(client, here):
    lead = in_work(here, "Seidl")
    agenda.plan(lead.pk, next_at=here.now + DAY, user=here.sdr, now=here.now)
    attempts.log(lead.pk, medium="call", outcome="wrong_number", user=here.sdr, now=here.now)
    html = client.get(reverse("routing:lead", args=[lead.pk])).content.decode()
    assert "To do" in html and "Next date: made" in html and "wrong number" in html


# --- What it costs --------------------------------------------------------------------------------


def crowd(here, size: int) -> None:
    """That many leads of the SDR's, half of them undecided, with clocks, scores, dates and answers."""
    start = Person.objects.count()
    people = Person.objects.bulk_create(
        Person(email=f"crowd{start + n}@example.com", last_name=f"C{n}", country="Germany", phone="+49 1")
        for n in range(size)
    )
    at = here.now - DAY
    leads = Lead.objects.bulk_create(
        Lead(person=person, number=1, owner=here.sdr.rep, stage_since=at, mql_at=at,
             stage="mql" if n % 2 else "sal", sal_at=None if n % 2 else at)
        for n, person in enumerate(people)
    )  # fmt: skip
    Clock.objects.bulk_create(
        Clock(lead=lead, kind="accept", cause=f"stage_event:{lead.pk}", started_at=at, warn_at=at,
              due_at=here.now + n * MINUTE)
        for n, lead in enumerate(leads) if n % 2
    )  # fmt: skip
    work.make(
        [Wanted(lead_id=lead.pk, kind="next" if n % 4 else "reply", due_at=at, cause="crowd")
         for n, lead in enumerate(leads) if not n % 2],
        actor_id=None, now=at,
    )  # fmt: skip


@pytest.mark.parametrize("url", [URL, f"{URL}?show=callable", "/queue/", "/queue/?show=callable"])
def test_the_page_costs_the_same_queries_however_many_leads(client, here, monkeypatch, url):
    monkeypatch.setattr("routing.hours.reach.callable_now", lambda _now: (["germany"], []))  # at any hour of any day

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            response = client.get(url)
        assert response.status_code == 200 and b"C1" in response.content
        return len(captured)

    crowd(here, 10)
    queries()  # the version's rules are read once a process
    few = queries()
    crowd(here, 190)
    assert queries() == few <= 26


def test_five_thousand_leads_are_one_statement_over_partial_indexes(here):
    crowd(here, 5000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE funnel_lead")
    with CaptureQueriesContext(connection) as captured:
        found = spots([here.sdr.rep.pk], now=here.now, until=end_of_day(here.now))
    (query,) = [one for one in captured if "WITH mine" in one["sql"]]
    assert {spot.section: spot.total for spot in found} == {"replies": 1250, "new": 2500, "due": 1250}
    assert len(found) == 3 * PAGE
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {query['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    read = set(re.findall(r"Scan (?:using|on) (lead_\w+)", plan))
    assert read and read <= {"lead_undecided", "lead_in_work"} and "Seq Scan on funnel_lead" not in plan, plan
    assert TaskEvent.objects.count() == 2500
