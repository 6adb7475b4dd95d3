"""Touches and leads over the API: one or many, an answer a row, and what it costs."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from funnel.access import Role
from funnel.models import Activity, Channel, Inbox, Lead, Person, StageEvent
from funnel.tokens import create_token
from tests import factories as make
from tests.threads import at_once

pytestmark = pytest.mark.django_db
TOUCHES, LEADS = "/api/activities/", "/api/leads/"


@pytest.fixture
def send(client):
    """POST as the web site's token, which stands for somebody of marketing operations."""
    user = make.user(Role.MARKETING_OPS)
    secret = create_token(user=user, name="website", now=timezone.now()).secret

    def post(address: str, body: object, **headers: str):
        text = body if isinstance(body, str) else json.dumps(body)
        bearer = {"Authorization": f"Bearer {secret}"} | headers
        return client.post(address, text, content_type="application/json", headers=bearer)

    return post


def touch(number: int = 1, **fields) -> dict:
    return {
        "external_id": f"t{number}", "type": "form", "email": f"p{number}@acme.example",
        "occurred_at": "2026-06-01T09:30:00Z",
    } | fields  # fmt: skip


def answers(response, status: int) -> list[dict]:
    assert response.status_code == status, response.json()
    return response.json()["results"]


def problems(response) -> dict[str | None, str]:
    body = response.json()
    assert response.status_code == 400 and body["type"] == "validation_error", body
    return {error["attr"]: error["detail"] for error in body["errors"]}


# --- Touches --------------------------------------------------------------------------------------


def test_one_touch_lands_once(send):
    Channel.objects.create(name="Organic search")
    body = touch(channel="Organic search", counts_as_response=True, payload={"page": "/pricing"})
    response = send(TOUCHES, body)
    made = Activity.objects.get()
    assert response.status_code == 201 and response.json() == {"index": 0, "status": "created", "id": made.pk}
    assert (made.source, made.person.email, made.payload) == ("website", "p1@acme.example", {"page": "/pricing"})
    assert Inbox.objects.filter(person=made.person, cause="activity", object_id=made.pk).count() == 1
    again = send(TOUCHES, body)
    assert again.status_code == 200 and again.json() == {"index": 0, "status": "unchanged", "id": made.pk}
    assert Activity.objects.count() == 1


def test_many_touches_land_and_each_says_what_became_of_it(send):
    send(TOUCHES, touch(1))
    rows = [touch(1), touch(2), touch(3, occurred_at="soon"), touch(1, type="call"), {"type": "x"}, "row"]
    found = answers(send(TOUCHES, rows), 207)
    assert [(row["index"], row["status"]) for row in found] == [
        (0, "unchanged"), (1, "created"), (2, "error"), (3, "error"), (4, "error"), (5, "error"),
    ]  # fmt: skip
    attrs = [[error["attr"] for error in row.get("errors", [])] for row in found]
    assert attrs == [[], [], ["occurred_at"], ["external_id"], ["external_id"], [None]]
    assert found[1]["id"] == Activity.objects.get(external_id="t2").pk and found[3]["id"] is None
    assert Activity.objects.count() == 2


def test_a_list_says_by_its_status_how_it_went(send):
    assert len(answers(send(TOUCHES, [touch(1), touch(2)]), 201)) == 2
    answers(send(TOUCHES, [touch(1), touch(2)]), 200)
    answers(send(TOUCHES, [touch(1), touch(3)]), 201)


def test_a_touch_needs_a_key_or_the_request_has_one(send):
    keyless = touch()
    del keyless["external_id"]
    assert "Idempotency-Key" in problems(send(TOUCHES, keyless))["external_id"]
    for status in (201, 200):
        answers(send(TOUCHES, [keyless, keyless | {"type": "call"}], **{"Idempotency-Key": "batch-7"}), status)
    assert set(Activity.objects.values_list("external_id", flat=True)) == {"batch-7/0", "batch-7/1"}


def test_values_are_read_and_what_makes_no_sense_is_said(send):
    wrong = touch(
        counts_as_response="perhaps", occurred_at=17, type={"a": 1}, direction="sideways", colour="red",
        source="a/b", payload=[1],
    )  # fmt: skip
    found = problems(send(TOUCHES, wrong))
    assert set(found) == {"counts_as_response", "occurred_at", "type", "colour", "source", "payload"}
    assert found["colour"].startswith("There is no field “colour”.") and "“payload”" in found["colour"]
    assert "Did you mean “external_id”?" in problems(send(TOUCHES, touch(externl_id="7")))["externl_id"]
    assert "sideways" in problems(send(TOUCHES, touch(direction="sideways")))["direction"]
    assert problems(send(TOUCHES, touch(channel="Nowhere")))["channel"]
    fine = touch(occurred_at="2026-06-01T11:30:00+02:00", counts_as_response="yes", person_id=42, source="crm")
    assert send(TOUCHES, fine).status_code == 201
    made = Activity.objects.get()
    assert (made.source, made.counts_as_response, made.occurred_at.hour) == ("crm", True, 9)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "1926-05-01", "2126-05-01T10:00:00Z"])
def test_a_touch_of_another_century_harms_nobody(send, at):
    found = answers(send(TOUCHES, [touch(1, occurred_at=at), touch(2)]), 207 if at.startswith("0001") else 201)
    assert found[1] == {"index": 1, "status": "created", "id": found[1]["id"]}, "the others are not doubted"
    assert found[0]["status"] == "error" or any(
        "in the future" in said or "long ago" in said for said in found[0]["warnings"]
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [("[]", "no row"), (json.dumps([{}] * 1001), "1,000 rows"), ("{nope", "JSON"), ("[" * 100_000, "nested")],
)  # fmt: skip
def test_a_body_that_cannot_be_taken_is_refused_whole(send, body, said):
    response = send(TOUCHES, body)
    assert response.status_code == 400 and said in response.json()["errors"][0]["detail"]


def test_deep_payloads_odd_characters_and_huge_numbers_are_errors_of_their_row(send):
    deep: dict = {}
    for _ in range(40):
        deep = {"deeper": deep}
    rows = [touch(1, payload=deep), touch(2, type="a\x00b"), touch(3, type=[[]] * 3), touch(4)]
    found = answers(send(TOUCHES, rows), 207)
    assert [row["status"] for row in found] == ["error", "error", "error", "created"]
    too_large = touch(5, payload={"n": 0})
    assert send(TOUCHES, json.dumps(too_large).replace(": 0}", ": 1e999}")).status_code == 400


def test_a_body_that_is_too_large_is_refused_before_it_is_read(send, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
    response = send(TOUCHES, touch(payload={"text": "x" * 2**20}))
    assert response.status_code == 413 and response.json()["type"] == "client_error"


def test_a_batch_costs_the_same_queries_however_many_rows(send):
    Channel.objects.create(name="Web")

    def queries(numbers: range) -> int:
        with CaptureQueriesContext(connection) as captured:
            answers(send(TOUCHES, [touch(number, channel="Web") for number in numbers]), 201)
        return len(captured)

    queries(range(1))  # the token notes that it is used
    few = queries(range(1, 2))
    assert queries(range(2, 502)) == few <= 22


def test_who_may_not_send_is_told(client):
    for role in (Role.SDR, Role.EXECUTIVE, None):
        client.force_login(make.user(role))
        for address in (TOUCHES, LEADS):
            response = client.post(address, "[{}]", content_type="application/json")
            assert response.status_code == 403 and "role" in response.json()["errors"][0]["detail"]
    assert not Activity.objects.exists()


def test_a_user_without_a_token_names_the_source(client):
    client.force_login(make.user(Role.ADMINISTRATOR))
    assert "source" in problems(client.post(TOUCHES, touch(), content_type="application/json"))
    assert client.post(TOUCHES, touch(source="crm"), content_type="application/json").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_the_same_batch_from_two_sides_at_once_lands_once():
    user = make.user(Role.MARKETING_OPS)
    secret = create_token(user=user, name="website", now=timezone.now()).secret
    rows = [touch(number % 60, external_id=f"t{number}") for number in range(200)]

    def post() -> list[dict]:
        bearer = {"Authorization": f"Bearer {secret}"}
        return Client().post(TOUCHES, rows, content_type="application/json", headers=bearer).json()["results"]

    sides = at_once(post, post)
    for one, other in zip(*sides, strict=True):
        assert {one["status"], other["status"]} == {"created", "unchanged"} and one["id"] == other["id"]
    assert Activity.objects.count() == 200 and Person.objects.count() == 60
    assert Inbox.objects.filter(cause="activity").count() == 200


# --- Leads ----------------------------------------------------------------------------------------


def test_a_lead_comes_in_now_and_twice_is_once(send):
    body = {"external_id": "L1", "email": "lea@acme.example", "first_name": "Lea", "attributes": {"size": 12}}
    response = send(LEADS, body)
    lead = Lead.objects.get()
    assert response.status_code == 201 and response.json()["id"] == lead.pk
    assert (lead.stage, lead.source, lead.person.first_name) == ("inquiry", "website", "Lea")
    assert abs(lead.inquiry_at - timezone.now()) < timedelta(minutes=1) and lead.person.attributes == {"size": 12}
    event = StageEvent.objects.get()
    assert Inbox.objects.filter(cause="stage_event", object_id=event.pk).exists()
    again = send(LEADS, body)
    assert again.status_code == 200 and again.json()["status"] == "unchanged"
    assert StageEvent.objects.count() == 1


def test_leads_come_in_at_later_stages_and_bad_ones_say_why(send):
    rows = [
        {"external_id": "L1", "email": "a@acme.example", "mql_at": "2026-06-01T10:00:00Z"},
        {"external_id": "L2", "email": "b@acme.example", "inquiry_at": "2126-01-01T00:00:00Z"},
        {"external_id": "L3", "email": "not an address"},
        {"external_id": "L4", "email": "a@acme.example"},
    ]
    found = answers(send(LEADS, rows), 207)
    assert [row["status"] for row in found] == ["created", "error", "error", "error"]
    assert [row["errors"][0]["attr"] for row in found[1:]] == ["inquiry_at", "email", "external_id"]
    assert Lead.objects.get().stage == "mql"


def test_a_batch_of_leads_costs_the_same_queries_however_many(send):
    def queries(numbers: range) -> int:
        rows = [{"external_id": f"L{n}", "email": f"p{n}@acme.example"} for n in numbers]
        with CaptureQueriesContext(connection) as captured:
            answers(send(LEADS, rows), 201)
        return len(captured)

    queries(range(1))
    assert queries(range(1, 2)) <= (some := queries(range(2, 62)))  # from fifty leads on, a temporary table
    assert queries(range(62, 562)) == some <= 40


# --- The list of touches --------------------------------------------------------------------------


def test_touches_are_listed_and_narrowed(client):
    client.force_login(make.user(Role.EXECUTIVE))
    lea, account = make.person(), make.account()
    first, second = make.touch(person=lea), make.touch(account=account, type="visit")
    rows = client.get(TOUCHES).json()["results"]
    assert [row["id"] for row in rows] == [second.pk, first.pk] and rows[0]["account"]["name"] == account.name
    assert [row["id"] for row in client.get(TOUCHES, {"person": lea.pk}).json()["results"]] == [first.pk]
    key = {"source": "test", "external_id": second.external_id}
    assert [row["id"] for row in client.get(TOUCHES, key).json()["results"]] == [second.pk]
    for half, missing in (({"source": "test"}, "source"), ({"external_id": "1"}, "external_id")):
        assert problems(client.get(TOUCHES, half)).keys() == {"source", "external_id"} - {missing}
    page = client.get(TOUCHES, {"size": 1}).json()
    assert [row["id"] for row in client.get(page["next"]).json()["results"]] == [first.pk]


def test_touches_are_seen_with_their_person(client):
    team = make.team()
    mine, theirs = make.lead(owner=make.rep(team=team)), make.lead(owner=make.rep())
    seen, hidden = make.touch(person=mine.person), make.touch(person=theirs.person)
    client.force_login(make.user(Role.SDR, team=team))
    assert [row["id"] for row in client.get(TOUCHES).json()["results"]] == [seen.pk]
    assert client.get(f"{TOUCHES}{hidden.pk}/").status_code == 404
    assert Person.objects.count() == 2
