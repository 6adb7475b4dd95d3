"""The page of one lead: its path, its timeline, why it stands where it stands, and notes."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from funnel.access import Role
from funnel.models import Campaign, Kind, Note, OpportunityEvent, Reason
from funnel.stages import Move, move
from routing.leads.record import path_of
from tests import factories as make

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def ops(client):
    user = make.user(Role.MARKETING_OPS, first_name="Elif", last_name="Aydın")
    client.force_login(user)
    return user


def url(lead) -> str:
    return reverse("routing:lead", args=[lead.pk])


def titles(response) -> list[str]:
    return [entry.title for _day, _headed, entries in response.context["timeline"].days for entry in entries]


def test_the_path_shows_dates_and_what_was_skipped():
    lead = make.lead(stages={"inquiry": make.NOW, "mql": make.NOW + DAY, "sql": make.NOW + 2 * DAY})
    assert [(step.label, step.state) for step in path_of(lead)] == [
        ("Inquiry", "done"), ("MQL", "done"), ("SAL", "skipped"), ("SQL", "now"),
        ("Opportunity", "ahead"), ("Won", "ahead"),
    ]  # fmt: skip
    assert path_of(lead)[1].at == make.NOW + DAY


def test_the_path_of_a_lead_that_left_ends_with_its_exit():
    lead = make.leave(make.lead(), "recycle", at=make.NOW + DAY)
    assert [(step.label, step.state) for step in path_of(lead)] == [("Inquiry", "done"), ("Recycled", "now")]


def test_the_path_leaves_out_what_lies_above_the_entry_and_ends_at_won():
    lead = make.lead(stages={"sql": make.NOW, "won": make.NOW + DAY}, entry_stage="sql")
    assert [(step.label, step.state) for step in path_of(lead)] == [
        ("SQL", "done"), ("Opportunity", "skipped"), ("Won", "now"),
    ]  # fmt: skip


def test_one_timeline_of_touches_stages_deals_and_notes(client, ops):
    lead = make.lead(stages={"inquiry": make.NOW, "mql": make.NOW + 2 * DAY})
    make.touch(person=lead.person, type="form", occurred_at=make.NOW)  # the moment of the inquiry it led to
    make.touch(person=lead.person, type="webinar_attended", occurred_at=make.NOW + DAY)
    make.touch(person=make.person(), type="someone_else")
    deal = make.opportunity(name="Edge", lead=lead)
    OpportunityEvent.objects.create(
        opportunity=deal, deal_stage="Proposal", state="open", amount=5000, currency="EUR",
        occurred_at=make.NOW + 3 * DAY, cause="c",
    )  # fmt: skip
    Note.objects.create(person=lead.person, lead=lead, author=ops, text="Call again", written_at=make.NOW + 4 * DAY)
    response = client.get(url(lead))
    assert titles(response) == [
        "Elif Aydın wrote", "Edge: Proposal", "Became MQL", "Webinar attended", "Inquiry opened", "Form",
    ]  # fmt: skip
    assert "Call again" in response.content.decode()
    shown = {show: titles(client.get(url(lead), {"show": show})) for show in ("touches", "stages", "deals", "notes")}
    assert shown == {
        "touches": ["Webinar attended", "Form"],
        "stages": ["Became MQL", "Inquiry opened"],
        "deals": ["Edge: Proposal"],
        "notes": ["Elif Aydın wrote"],
    }


def test_older_entries_come_page_by_page_each_once(client, ops, monkeypatch):
    """Many entries of one moment, of several kinds, cut in the middle."""
    monkeypatch.setattr("routing.leads.timeline.read.__kwdefaults__", {"show": "all", "older": "", "size": 3})
    lead = make.lead(stages={"inquiry": make.NOW, "mql": make.NOW, "sal": make.NOW})
    for number in range(4):
        make.touch(person=lead.person, type=f"t{number}", occurred_at=make.NOW)
        Note.objects.create(person=lead.person, author=ops, text=str(number), written_at=make.NOW)
    make.touch(person=lead.person, type="later", occurred_at=make.NOW + HOUR)
    seen, older, headings = [], "", 0
    for _page in range(9):
        response = client.get(url(lead), {"older": older} if older else {}, headers={"HX-Request": "true"})
        seen += [entry.place for _day, _headed, entries in response.context["timeline"].days for entry in entries]
        headings += response.content.decode().count('class="day"')
        older = response.context["timeline"].older
        if not older:
            break
    assert len(seen) == len(set(seen)) == 12
    assert seen == sorted(seen, reverse=True)
    assert headings == 1  # one day has one heading, whatever the pages


def test_stages_of_one_moment_stand_in_path_order(client, ops):
    lead = make.lead(stages={"sal": make.NOW, "mql": make.NOW, "inquiry": make.NOW})
    assert titles(client.get(url(lead))) == ["Became SAL", "Became MQL", "Inquiry opened"]


def test_why_this_stage_names_reason_actor_and_cause(client, ops):
    lead = make.lead(stages={"inquiry": make.NOW, "mql": make.NOW + DAY}, source="crm")
    reason = Reason.objects.create(kind="recycle", name="No money this year")
    at = make.NOW + 2 * DAY
    (moved,) = move(
        [
            Move(
                lead_id=lead.pk, kind=Kind.RECYCLE, occurred_at=at, cause="user:1", actor_id=ops.pk, reason_id=reason.pk
            )
        ],
        now=at,
    )
    assert moved.done
    because = client.get(url(lead)).context["because"]
    assert [line.sentence for line in because] == ["Inquiry opened", "Became MQL", "Recycled at MQL"]
    assert because[-1].details == ("No money this year", "by Elif Aydın", "by hand")


def test_an_event_that_was_taken_back_says_so(client, ops):
    lead = make.lead(stages={"inquiry": make.NOW, "mql": make.NOW + DAY})
    event = lead.events.get(to_stage="mql")
    at = make.NOW + 2 * DAY
    (moved,) = move(
        [Move(lead_id=lead.pk, kind=Kind.VOID, occurred_at=at, cause="undo:1", supersedes_id=event.pk)], now=at
    )
    assert moved.done
    because = client.get(url(lead)).context["because"]
    assert [(line.sentence, line.taken_back) for line in because] == [
        ("Inquiry opened", False), ("Became MQL", True), ("Taken back: Became MQL", False),
    ]  # fmt: skip


def test_other_leads_and_deals_stand_beside(client, ops):
    company = make.account(name="Brunner", employees=1850)
    person = make.person(account=company)
    first = make.leave(make.lead(person=person, account=company), "recycle", at=make.NOW + HOUR)
    lead = make.lead(person=person, account=company, at=make.NOW + DAY)
    make.opportunity(name="Own deal", lead=lead, account=company, amount=64000)
    make.opportunity(name="Sister deal", account=company)
    response = client.get(url(lead))
    assert list(response.context["others"]) == [first]
    assert [deal.name for deal in response.context["deals"]] == ["Own deal"]
    assert [deal.name for deal in response.context["account_deals"]] == ["Sister deal"]
    assert "€64,000" in response.content.decode() and "1,850 people" in response.content.decode()


def test_what_one_may_not_see_does_not_exist(client):
    sdr = make.user(Role.SDR, team=make.team())
    client.force_login(sdr)
    theirs = make.lead(owner=make.rep(team=make.team()))
    assert client.get(url(theirs)).status_code == 404
    assert client.post(reverse("routing:add-note", args=[theirs.pk]), {"text": "Mine"}).status_code == 404
    assert client.get(reverse("routing:lead", args=[10**18])).status_code == 404
    assert client.get(url(make.lead())).status_code == 200  # nobody owns it


def test_a_page_costs_the_same_queries_however_much_happened(client, ops):
    def queries(lead) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url(lead)).status_code == 200
        return len(captured)

    company = make.account()
    lead = make.lead(account=company)
    few = queries(lead)
    campaign = Campaign.objects.create(name="Spring")
    for number in range(60):
        make.touch(person=lead.person, campaign=campaign, occurred_at=make.NOW + number * HOUR)
        Note.objects.create(person=lead.person, author=make.user(), text="x")
    for _number in range(3):
        deal = make.opportunity(lead=lead, account=company, owner=make.rep())
        OpportunityEvent.objects.create(opportunity=deal, state="open", currency="EUR", occurred_at=make.NOW, cause="c")
        make.opportunity(account=company, owner=make.rep())
    assert queries(lead) == few <= 37


# --- Notes ----------------------------------------------------------------------------------------


def test_a_note_is_kept_with_its_author(client, ops):
    lead = make.lead()
    response = client.post(reverse("routing:add-note", args=[lead.pk]), {"text": "  Wants a price.  "}, follow=True)
    note = Note.objects.get()
    assert (note.text, note.author, note.lead, note.person) == ("Wants a price.", ops, lead, lead.person)
    assert "Note saved." in response.content.decode() and "Wants a price." in response.content.decode()


def test_a_note_over_htmx_answers_with_the_timeline(client, ops):
    lead = make.lead()
    response = client.post(
        reverse("routing:add-note", args=[lead.pk]), {"text": "Wants a price."}, headers={"HX-Request": "true"}
    )
    assert "toast" in response["HX-Trigger"]
    assert 'id="timeline"' in response.content.decode() and "Wants a price." in response.content.decode()


@pytest.mark.parametrize(("text", "said"), [("   ", "Write something first"), ("x" * 10_001, "10,000 characters")])
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_note_that_cannot_be_kept_keeps_what_was_typed(client, ops, text, said, headers):
    lead = make.lead()
    response = client.post(reverse("routing:add-note", args=[lead.pk]), {"text": text}, headers=headers)
    html = response.content.decode()
    assert response.status_code == 422 and said in html and text.strip() in html
    assert not Note.objects.exists()


def test_a_note_needs_its_permission(client):
    client.force_login(make.user(Role.EXECUTIVE))
    lead = make.lead()
    assert client.post(reverse("routing:add-note", args=[lead.pk]), {"text": "Hm"}).status_code == 403
    assert "Save note" not in client.get(url(lead)).content.decode()


def test_notes_cannot_carry_markup(client, ops):
    lead = make.lead()
    Note.objects.create(person=lead.person, lead=lead, author=ops, text="<script>alert(1)</script>")
    assert "<script>alert(1)" not in client.get(url(lead)).content.decode()
