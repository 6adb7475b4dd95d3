"""Loading people: one human, by e-mail or key, with typed attributes and their account."""

import pytest

from funnel.models import Inbox, Person, PersonKey
from tests import factories as make
from tests.loading import load, load_well, problem_of, statuses

pytestmark = pytest.mark.django_db

ANN = {"external_id": "7", "email": "Ann@Example.com", "first_name": "Ann"}


def test_a_person_is_made_once_and_found_by_email_or_key():
    assert load_well("people", ANN) == ["created"]
    assert load_well("people", ANN) == ["unchanged"]
    assert load_well("people", {"email": "ANN@example.COM ", "title": "CTO"}) == ["updated"]
    assert load_well("people", {"external_id": "7", "city": "Ulm"}) == ["updated"]
    person = Person.objects.get()
    assert (person.email, person.first_name, person.title, person.city) == ("ann@example.com", "Ann", "CTO", "Ulm")


def test_a_row_with_both_attaches_its_key_to_the_person_known_by_email():
    person = make.person(email="ann@example.com")
    assert load_well("people", ANN) == ["updated"]
    assert load_well("people", ANN | {"external_id": "8"}, source="erp") == ["updated"]
    assert set(person.keys.values_list("source", "external_id")) == {("crm", "7"), ("erp", "8")}


def test_a_person_known_by_key_takes_the_new_email():
    load_well("people", ANN)
    assert load_well("people", {"external_id": "7", "email": "ann@new.example"}) == ["updated"]
    assert Person.objects.get().email == "ann@new.example"


def test_somebody_new_may_have_the_email_that_somebody_known_gives_up():
    load_well("people", ANN)
    taken = {"external_id": "8", "email": "ann@example.com"}
    assert load_well("people", ANN | {"email": "ann@new.example"}, taken) == ["updated", "created"]
    assert dict(PersonKey.objects.values_list("external_id", "person__email")) == {
        "7": "ann@new.example",
        "8": "ann@example.com",
    }


def test_when_email_and_key_are_of_two_people_the_email_decides():
    load_well("people", ANN, {"external_id": "8", "email": "bob@example.com"})
    (outcome,) = load("people", {"external_id": "7", "email": "bob@example.com", "title": "CFO"})
    assert "“7” is the key of another person" in outcome.warnings[0]
    assert dict(Person.objects.values_list("email", "title")) == {"ann@example.com": "", "bob@example.com": "CFO"}


def test_blanks_blank_but_absent_columns_stay_and_an_email_is_never_blanked():
    load_well("people", ANN | {"title": "CTO", "opted_out": True})
    load_well("people", {"external_id": "7", "email": None, "title": None, "opted_out": None})
    person = Person.objects.get()
    assert (person.email, person.title, person.opted_out, person.first_name) == ("ann@example.com", "", False, "Ann")


def test_attributes_are_merged_with_their_types_and_a_blank_takes_one_away():
    load_well("people", ANN | {"attributes": {"size": 5, "vip": True, "note": "a\tb\\n"}})
    load_well("people", ANN | {"attributes": {"vip": 1, "note": None, "rate": 1.5}})
    attributes = Person.objects.get().attributes
    assert attributes == {"size": 5, "vip": 1, "rate": 1.5}
    assert attributes["vip"] is not True


def test_rows_of_one_person_in_a_file_come_to_one_person():
    outcomes = load("people", {"email": "ann@example.com"}, ANN, {"external_id": "7", "title": "CTO"})
    assert statuses(outcomes) == ["created", "skipped", "unchanged"]
    assert (Person.objects.get().title, PersonKey.objects.count()) == ("CTO", 1)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"first_name": "Ann"}, "needs an e-mail or an external_id"),
        ({"email": "ann.example.com"}, "is not an e-mail address"),
        ({"external_id": "7", "opted_out": "yes"}, "“yes” is not yes or no"),
        ({"external_id": "7" * 201}, "at most 200 fit"),
    ],
)
def test_what_cannot_be_is_refused(row, problem):
    assert problem in problem_of("people", row)
    assert not Person.objects.exists()


def test_the_account_is_the_given_one_else_by_domain_else_by_company_name():
    acme, bolt = make.account(name="Acme Corp."), make.account(name="Bolt")
    acme.name_key = "acme"
    acme.save()
    bolt.domains.create(domain="bolt.example")
    load_well(
        "people",
        {"email": "given@bolt.example", "account": "Acme Corp."},
        {"email": "domain@mail.bolt.example", "company": "Acme Corp."},
        {"email": "name@gmail.com", "company": "ACME, Inc."},
        {"email": "none@gmail.com", "company": "Unheard"},
    )
    assert {
        email.partition("@")[0]: (account, match)
        for email, account, match in Person.objects.values_list("email", "account__name", "account_match")
    } == {
        "given": ("Acme Corp.", "given"),
        "domain": ("Bolt", "domain"),
        "name": ("Acme Corp.", "name"),
        "none": (None, ""),
    }


def test_a_new_email_domain_moves_a_matched_person_to_the_other_account():
    for name in ("acme", "bolt"):
        make.account(name=name).domains.create(domain=f"{name}.example")
    load_well("people", {"external_id": "7", "email": "ann@acme.example"})
    load_well("people", {"external_id": "7", "email": "ann@bolt.example"})
    assert Person.objects.get().account.name == "bolt"


def test_an_account_set_by_somebody_is_never_changed_by_a_file():
    acme, _ = make.account(name="Acme"), make.account(name="Bolt")
    make.person(email="ann@example.com", account=acme, account_match="person")
    load("people", ANN | {"account": "Bolt"})
    assert Person.objects.get().account == acme


def test_scores_follow_history_and_live_rows_are_decided_on():
    load_well("people", ANN)
    load_well("people", ANN)
    assert list(Inbox.objects.values_list("cause", "rank")) == [("loaded", Inbox.Rank.BULK)]
    Inbox.objects.all().delete()
    load_well("people", ANN | {"title": "CTO"}, {"email": "bob@example.com"}, live=True)
    assert list(Inbox.objects.values_list("cause", "rank")) == [("person", Inbox.Rank.NOW)] * 2
    load_well("people", ANN | {"title": "CTO"}, live=True)
    assert Inbox.objects.count() == 2
