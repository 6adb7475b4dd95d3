"""Hand-offs and meetings on the pages and over the API: what is offered to whom, and how a refusal is answered."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from funnel.access import Role
from funnel.models import Reason
from routing.models import HandOff, Meeting, SqlDefinition
from routing.sales import handoff
from tests import factories as make
from tests.routing.test_handoff import NOTE, named
from tests.routing.test_to_the_end import DAY, again, at

pytestmark = pytest.mark.django_db
WORDS = {"need": "Two hours lost a week", "next_step": "Demo on Friday"}


@pytest.fixture
def sdr():
    return named(make.user(Role.SDR, team=make.team(), first_name="Mia", last_name="Huber"), "Mia Huber")


@pytest.fixture
def seller():
    return named(make.user(Role.AE, team=make.team("ae"), first_name="Olaf", last_name="Berg"), "Olaf Berg")


@pytest.fixture
def reason():
    return Reason.objects.create(kind="regress", stage="sql", name="Need not confirmed")


def act(client, lead, deed: str, **given):
    return client.post(f"/leads/{lead.pk}/{deed}/", given, headers={"HX-Request": "true"})


def offered(sdr, seller):
    lead = at("sql", owner=sdr.rep)
    handoff.offer(lead.pk, note=NOTE, user=sdr, now=timezone.now(), rep_id=seller.rep.pk)
    return again(lead)


# --- Pages ----------------------------------------------------------------------------------------


def test_an_sdr_hands_over_from_the_leads_page_and_goes_on_seeing_it(client, sdr, seller):
    lead = at("sql", owner=sdr.rep)
    client.force_login(sdr)
    page = f"/leads/{lead.pk}/"
    assert 'data-act="hand-off"' in client.get(page).content.decode()
    empty = act(client, lead, "hand-off", rep_id=seller.rep.pk)
    assert empty.status_code == 422 and "Say it in a sentence" in empty.content.decode()
    unruled = act(client, lead, "hand-off", **WORDS)
    assert unruled.status_code == 422 and "no routing policy. Choose" in unruled.content.decode()
    assert "Two hours lost a week" in unruled.content.decode()  # nothing typed is lost
    done = act(client, lead, "hand-off", **WORDS, rep_id=seller.rep.pk)
    assert done.status_code == 204 and f"/hand-offs/{HandOff.objects.get().pk}/undo/" in done["HX-Trigger"]
    html = client.get(page).content.decode()
    assert "waits for Olaf Berg" in html and "Two hours lost a week" in html and "Take the offer back" in html
    assert 'data-act="hand-off"' not in html and 'data-act="take-over"' not in html


def test_the_seller_takes_over_or_returns(client, sdr, seller, reason):
    lead = offered(sdr, seller)
    client.force_login(seller)
    page = f"/leads/{lead.pk}/"
    html = client.get(page).content.decode()
    assert 'data-act="take-over"' in html and 'data-act="return"' in html
    taken = act(client, lead, "take-over")
    assert taken.status_code == 204 and "yours to sell" in taken["HX-Trigger"]
    assert "Olaf Berg took it over" in client.get(page).content.decode()
    undone = client.post(f"/hand-offs/{HandOff.objects.get().pk}/undo/", headers={"HX-Request": "true"})
    assert undone.status_code == 204 and HandOff.objects.get().state == "offered"
    assert "Pick a reason" in act(client, lead, "return").content.decode()
    returned = act(client, lead, "return", reason_id=reason.pk, text="Only looking")
    assert returned.status_code == 204 and (again(lead).stage, lead.owner) == ("sal", sdr.rep)
    assert '"gone": true' in returned["HX-Trigger"] and client.get(page).status_code == 404
    client.force_login(sdr)
    html = client.get(page).content.decode()
    assert "Returned" in html and "Need not confirmed" in html and "Moved back from SQL to SAL" in html


def test_without_a_script_it_works_too(client, sdr, seller):
    lead = offered(sdr, seller)
    client.force_login(seller)
    answer = client.post(f"/leads/{lead.pk}/take-over/", follow=True)
    assert "is yours to sell" in answer.content.decode()
    late = client.post(f"/leads/{lead.pk}/withdraw/", follow=True)
    assert "Olaf Berg took this SQL over" in late.content.decode()


def test_the_list_is_of_ones_team_and_managers_see_all(client, sdr, seller, reason):
    mine, other = offered(sdr, seller), offered(sdr, named(make.user(Role.AE, team=make.team("ae")), "Ines Roth"))
    for user, count in (
        (seller, 1),
        (sdr, 2),
        (make.user(Role.SDR_MANAGER), 2),
        (make.user(Role.AE, team=make.team()), 0),
    ):
        client.force_login(user)
        html = client.get("/hand-offs/").content.decode()
        assert html.count("data-row ") + html.count("data-row>") == count, user
        assert (str(mine.person) in html) is (count > 0)
    client.force_login(seller)
    act(client, mine, "take-over")
    assert str(mine.person) in client.get("/hand-offs/?tab=taken").content.decode()
    act(client, mine, "return", reason_id=reason.pk)
    html = client.get("/hand-offs/?tab=returned").content.decode()
    assert str(mine.person) in html and "Need not confirmed" in html
    assert "Nothing waits" in client.get("/hand-offs/?tab=else").content.decode()
    assert again(other).stage == "sql"


def test_the_list_costs_the_same_queries_however_long(client, sdr, seller):
    client.force_login(seller)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/hand-offs/")
        return len(captured)

    offered(sdr, seller)
    few = queries()
    for _ in range(6):
        offered(sdr, seller)
    assert queries() == few <= 12


def test_the_meeting_dialog_offers_the_seller_and_says_what_a_booking_makes(client, sdr, seller):
    lead = at("sal", owner=sdr.rep, account=make.account(owner=seller.rep))
    client.force_login(sdr)
    assert f'value="{seller.rep.pk}" selected' in client.get(f"/leads/{lead.pk}/meeting/").content.decode()
    SqlDefinition.objects.create(event="booked", since=timezone.now() - DAY, why="So")
    assert "booked makes the lead an SQL" in client.get(f"/leads/{lead.pk}/meeting/").content.decode()
    when = timezone.localtime() + DAY
    done = act(client, lead, "meeting", starts_at=f"{when:%Y-%m-%dT%H:%M}", executive_id=seller.rep.pk)
    assert done.status_code == 204 and again(lead).stage == "sql"


def test_the_outcome_dialog_says_who_came_and_books_the_next(client, sdr, seller):
    now = timezone.now()
    lead = at("sal", owner=sdr.rep)
    meeting = Meeting.objects.create(lead=lead, rep=sdr.rep, starts_at=now - DAY, booked_at=now - 2 * DAY)
    ours = meeting.attendees.create(rep=seller.rep)
    theirs = meeting.attendees.create(person=lead.person)
    client.force_login(sdr)
    page = f"/meetings/{meeting.pk}/outcome/"
    html = client.get(page).content.decode()
    assert "Olaf Berg" in html and "Our account executive did not come" in html
    when = timezone.localtime() + DAY
    given = {"outcome": "no_show", "came": [ours.pk, theirs.pk], "starts_at": f"{when:%Y-%m-%dT%H:%M}"}
    assert client.post(page, given, headers={"HX-Request": "true"}).status_code == 204
    assert (again(ours).came, again(theirs).came) == (True, False)
    assert Meeting.objects.get(outcome="").instead_of == meeting


# --- API ------------------------------------------------------------------------------------------


def post(client, address: str, body: dict | None = None):
    return client.post(f"/api/{address}/", body or {}, content_type="application/json")


def test_an_sql_is_handed_over_taken_and_returned_over_the_api(client, sdr, seller, reason):
    lead = at("sql", owner=sdr.rep)
    client.force_login(sdr)
    assert {error["attr"] for error in post(client, f"leads/{lead.pk}/hand-off").json()["errors"]} == {
        "need",
        "next_step",
    }
    unruled = post(client, f"leads/{lead.pk}/hand-off", WORDS)
    assert unruled.status_code == 400 and unruled.json()["errors"][0]["attr"] == "rep"
    done = post(client, f"leads/{lead.pk}/hand-off", WORDS | {"rep": seller.rep.pk})
    assert done.status_code == 200 and done.json()["hand_off"] == HandOff.objects.get().pk
    client.force_login(seller)
    (row,) = client.get("/api/hand-offs/?waits=true").json()["results"]
    assert (row["state"], row["to_rep"]["name"], row["note"]["need"]) == ("offered", "Olaf Berg", WORDS["need"])
    assert post(client, f"leads/{lead.pk}/take-over").status_code == 200
    assert client.get("/api/hand-offs/?waits=true").json()["results"] == []
    late = post(client, f"leads/{lead.pk}/withdraw")
    assert late.status_code == 409 and "took this SQL over" in late.json()["errors"][0]["detail"]
    assert post(client, f"leads/{lead.pk}/return", {}).status_code == 400
    assert post(client, f"leads/{lead.pk}/return", {"reason": reason.pk}).status_code == 200
    assert client.get(f"/api/hand-offs/{row['id']}/").status_code == 404  # with the SDR's team again
    client.force_login(sdr)
    one = client.get(f"/api/hand-offs/{row['id']}/").json()
    assert (one["state"], one["reason"]["name"]) == ("returned", "Need not confirmed")


def test_meetings_over_the_api_say_who_is_expected_and_who_came(client, sdr, seller):
    lead = at("sal", owner=sdr.rep)
    client.force_login(sdr)
    now = timezone.now()
    body = {"starts_at": (now - DAY).isoformat(), "executive": seller.rep.pk}
    meeting = post(client, f"leads/{lead.pk}/meetings", body).json()["meeting"]
    found = client.get(f"/api/meetings/{meeting}/").json()
    assert {(one["rep"] or one["person"])["name"] for one in found["attendees"]} == {
        "Mia Huber", "Olaf Berg", lead.person.name,
    }  # fmt: skip
    body = {"outcome": "ae_no_show", "rebook_for": (now + DAY).isoformat()}
    done = post(client, f"meetings/{meeting}/outcome", body).json()
    assert "The next one is" in done["sentence"]
    found = client.get("/api/meetings/").json()["results"]
    assert [one["instead_of"] for one in found] == [meeting, None]
    assert {one["came"] for one in found[1]["attendees"]} == {True, False}


def test_lists_over_the_api_cost_the_same_queries_and_show_what_one_sees(client, sdr, seller):
    client.force_login(seller)

    def queries(name: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/api/{name}/").status_code == 200
        return len(captured)

    few = {}
    for round_ in range(2):
        for _ in range(1 + 5 * round_):
            lead = offered(sdr, seller)
            meeting = Meeting.objects.create(
                lead=lead, rep=seller.rep, starts_at=timezone.now(), booked_at=timezone.now()
            )
            meeting.attendees.create(rep=seller.rep)
        for name in ("hand-offs", "meetings"):
            assert few.setdefault(name, queries(name)) == queries(name)
    client.force_login(make.user(Role.AE, team=make.team("ae")))
    assert client.get("/api/hand-offs/").json()["results"] == []
