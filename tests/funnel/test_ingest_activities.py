"""Loading touches: facts, once each, of people who may be new."""

from datetime import timedelta, timezone

import pytest

from funnel.ingest import record
from funnel.models import Account, Activity, Inbox, Person
from tests.loading import NOW, day, load, load_well, problem_of, rows, statuses

pytestmark = pytest.mark.django_db

CLICK = {"external_id": "1", "email": "Ann@Example.com", "type": "email_click", "occurred_at": day(1)}


def test_a_touch_lands_with_its_person_and_what_else_was_sent():
    full = CLICK | {
        "first_name": "Ann",
        "direction": "in",
        "counts_as_response": True,
        "channel": "Mail",
        "campaign": "Spring",
        "content": "Guide",
        "solution": "Pumps",
        "attributes": {"url": "https://example.com/?a=1", "depth": 3, "tags": ["a", "b"]},
    }
    assert load_well("activities", full, create_missing=True) == ["created"]
    touch = Activity.objects.get()
    assert (touch.person.email, touch.person.first_name, touch.campaign.name) == ("ann@example.com", "Ann", "Spring")
    assert (touch.counts_as_response, touch.automatic, touch.direction) == (True, False, "in")
    assert touch.payload == {"url": "https://example.com/?a=1", "depth": 3, "tags": ["a", "b"]}
    assert list(Inbox.objects.values_list("person", "cause", "rank")) == [(touch.person_id, "loaded", Inbox.Rank.BULK)]


def test_the_same_touch_again_is_unchanged_however_it_is_written():
    load_well("activities", CLICK)
    zone = timezone(timedelta(hours=2))
    same = CLICK | {"email": " ANN@example.com", "occurred_at": day(1).astimezone(zone), "direction": None}
    assert load_well("activities", same, CLICK) == ["unchanged", "unchanged"]
    assert Activity.objects.count() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"type": "email_open"},
        {"email": "bob@example.com"},
        {"occurred_at": day(1) + timedelta(microseconds=1)},
        {"automatic": True},
        {"attributes": {"url": "/"}},
        {"channel": "Mail"},
    ],
)
def test_the_same_key_with_another_body_is_an_error(other):
    load_well("activities", CLICK)
    assert "“1” was loaded before with another body" in problem_of("activities", CLICK | other, create_missing=True)
    assert "“1” was loaded before with another body" in problem_of("activities", CLICK, CLICK | other)
    assert (Activity.objects.count(), Person.objects.count()) == (1, 1)


def test_a_key_twice_in_a_file_lands_once():
    outcomes = load("activities", CLICK, CLICK, CLICK | {"type": "call"})
    assert statuses(outcomes) == ["created", "unchanged", "error"]
    assert Activity.objects.get().type == "email_click"


def test_the_key_is_the_sources_own():
    load_well("activities", CLICK)
    assert load_well("activities", CLICK | {"type": "call"}, source="phone") == ["created"]


def test_people_are_found_by_email_or_key_and_only_what_is_blank_is_filled_in():
    load_well("people", {"external_id": "7", "email": "ann@example.com", "title": "CTO"})
    load_well(
        "activities",
        {"external_id": "a", "person_id": "7", "type": "call", "occurred_at": day(1), "title": "CEO", "phone": "1"},
        CLICK | {"external_id": "b"},
        {"external_id": "c", "person_id": "8", "type": "call", "occurred_at": day(1)},
    )
    ann = Person.objects.get(email="ann@example.com")
    assert (ann.title, ann.phone, ann.activities.count()) == ("CTO", "1", 2)
    assert Person.objects.get(keys__external_id="8").activities.count() == 1


def test_an_old_touch_does_not_change_an_email():
    load_well("people", {"external_id": "7", "email": "ann@new.example"})
    load_well("activities", CLICK | {"email": "ann@old.example", "person_id": "7"})
    assert Person.objects.get().email == "ann@new.example"


def test_a_touch_may_be_of_an_account_alone():
    account = Account.objects.create(name="Acme", name_key="acme")
    load_well("activities", {"external_id": "1", "account": "Acme", "type": "intent", "occurred_at": day(1)})
    touch = Activity.objects.get()
    assert (touch.person, touch.account) == (None, account)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"email": None}, "needs a person (“email” or “person_id”) or an account"),
        ({"email": "ann"}, "is not an e-mail address"),
        ({"type": None}, "“type” is missing"),
        ({"occurred_at": None}, "“occurred_at” is missing"),
        ({"external_id": ""}, "“external_id” is missing"),
        ({"direction": "up"}, "“up” is not one of: in, out"),
        ({"occurred_at": NOW + timedelta(minutes=6)}, "lies in the future"),
        ({"campaign": "Spring"}, "There is no campaign “Spring”"),
        ({"attributes": {"x": object()}}, "cannot be stored"),
    ],
)
def test_what_cannot_be_is_refused_and_the_others_land(said, problem):
    bad, good = load("activities", CLICK | said, CLICK | {"external_id": "2", "email": "bob@example.com"})
    assert (bad.status, good.status) == ("error", "created")
    assert problem in bad.problem
    assert list(Person.objects.values_list("email", flat=True)) == ["bob@example.com"]


def test_a_recorded_touch_tells_the_pipeline_once_and_may_come_from_a_clock_ahead():
    touch = CLICK | {"occurred_at": NOW + timedelta(hours=1)}
    account = {"external_id": "2", "account": "Acme", "type": "intent", "occurred_at": day(1)}
    Account.objects.create(name="Acme", name_key="acme")
    assert statuses(record(rows(touch, account), source="web", now=NOW)) == ["created", "created"]
    assert statuses(record(rows(touch, account), source="web", now=NOW)) == ["unchanged", "unchanged"]
    of_person = Activity.objects.get(external_id="1")
    assert list(Inbox.objects.filter(cause="activity").values_list("person", "object_id")) == [
        (of_person.person_id, of_person.pk)
    ]


def test_a_person_with_many_touches_in_one_chunk_is_one_person():
    load_well("activities", *(CLICK | {"external_id": str(number)} for number in range(50)))
    assert Person.objects.get().activities.count() == 50
    assert Inbox.objects.count() == 1, "scores follow the history once"
