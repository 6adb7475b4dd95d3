"""Loading accounts and reps."""

import pytest
from django.db import connection

from funnel.ingest import finish
from funnel.models import Account, AccountDomain, AccountKey, Inbox, PendingParent, Person, Rep
from tests import factories as make
from tests.loading import NOW, load, load_well, problem_of, statuses

pytestmark = pytest.mark.django_db


def parents() -> dict[str, str | None]:
    return dict(Account.objects.values_list("name", "parent__name"))


def test_an_account_is_loaded_by_key_or_else_by_name():
    assert load_well("accounts", {"name": "Acme Inc."}, {"external_id": "7", "name": "Bolt", "tier": 2}) == [
        "created",
        "created",
    ]
    assert load_well("accounts", {"name": "Acme Inc."}, {"external_id": "7", "tier": None}) == ["unchanged", "updated"]
    assert set(AccountKey.objects.values_list("external_id", "account__name")) == {
        ("Acme Inc.", "Acme Inc."),
        ("7", "Bolt"),
    }
    assert dict(Account.objects.values_list("name_key", "tier")) == {"acme": None, "bolt": None}


def test_every_field_lands_and_a_second_load_changes_nothing():
    row = {
        "external_id": "7",
        "name": "Acme",
        "kind": "customer",
        "tier": 1,
        "industry": "technolgy",
        "employees": 2822,
        "revenue": 1100.04,
        "country": "United States",
        "city": "Ulm",
        "phone": "1",
        "region": "North",
        "segment": "large",
        "owner": "Rita",
        "domains": "https://www.Acme.example, acme.test",
        "attributes": {"founded": 1996},
    }
    assert load_well("accounts", row, create_missing=True) == ["created"]
    account = Account.objects.get()
    assert (account.kind, account.employees, str(account.revenue), account.region.name, account.owner.name) == (
        "customer",
        2822,
        "1100.04",
        "North",
        "Rita",
    )
    assert set(account.domains.values_list("domain", flat=True)) == {"acme.example", "acme.test"}
    assert load_well("accounts", row) == ["unchanged"]
    assert load_well("accounts", row | {"domains": "acme.org"}) == ["updated"]
    assert account.domains.count() == 3


def test_parents_may_follow_their_children_in_a_chunk_a_later_one_or_not_at_all():
    load_well(
        "accounts",
        {"name": "Leaf", "parent": "Branch"},
        {"name": "Branch", "parent": "Root"},
        {"name": "Stray", "parent": "Nobody"},
    )
    assert parents() == {"Leaf": "Branch", "Branch": None, "Stray": None}
    load_well("accounts", {"external_id": "r", "name": "Root"})
    (outcome,) = finish("accounts", source="crm", now=NOW)
    assert parents() == {"Leaf": "Branch", "Branch": "Root", "Stray": None, "Root": None}
    assert (outcome.number, outcome.status, outcome.field) == (3, "error", "parent")
    assert "There is no parent “Nobody” among the accounts" in outcome.problem
    assert not PendingParent.objects.exists()


def test_the_same_file_with_parents_twice_changes_nothing():
    file = [{"name": "Leaf", "parent": "Root"}, {"name": "Root", "parent": None}]
    load_well("accounts", *file)
    assert finish("accounts", source="crm", now=NOW) == []
    assert load_well("accounts", *file) == ["unchanged", "unchanged"]


def test_parents_never_run_in_a_circle():
    outcomes = load(
        "accounts", {"name": "A", "parent": "B"}, {"name": "B", "parent": "A"}, {"name": "C", "parent": "C"}
    )
    assert statuses(outcomes) == ["error", "error", "error"]
    assert {outcome.problem for outcome in outcomes} == {"The parents run in a circle."}
    load_well("accounts", {"name": "A"}, {"name": "B", "parent": "A"})
    assert "run in a circle" in problem_of("accounts", {"name": "A", "parent": "B"})
    load_well("accounts", {"name": "D", "parent": "E"})
    load_well("accounts", {"name": "E", "parent": "D"})
    (outcome,) = finish("accounts", source="crm", now=NOW)
    assert outcome.problem == "The parents run in a circle."
    assert parents() == {"A": None, "B": "A", "D": None, "E": "D"}


def test_an_account_that_a_lead_named_first_is_taken_up_by_its_row():
    load_well("people", {"email": "ann@example.com", "account": "Acme"}, create_missing=True)
    assert load_well("accounts", {"external_id": "7", "name": "Acme", "tier": 1}) == ["updated"]
    assert Account.objects.get().tier == 1
    assert load_well("accounts", {"external_id": "9", "name": "Acme"}, source="erp") == ["updated"]
    assert Account.objects.count() == 1


def test_an_account_of_another_source_is_the_same_by_domain_if_the_names_are_alike():
    load_well("accounts", {"external_id": "1", "name": "Acme Inc.", "domains": "acme.example"}, source="erp")
    load_well("accounts", {"external_id": "7", "name": "ACME Corporation", "domains": "acme.example"})
    assert Account.objects.get().name == "ACME Corporation"
    (outcome,) = load("accounts", {"external_id": "8", "name": "Zenith", "domains": "acme.example"}, source="web")
    assert (outcome.status, "belongs to another account" in outcome.warnings[0]) == ("created", True)


def test_two_keys_of_one_source_are_two_accounts_whatever_their_names():
    load_well("accounts", {"external_id": "7", "name": "Acme"}, {"external_id": "8", "name": "Acme"})
    assert Account.objects.count() == 2
    assert "2 accounts are called “Acme”; name the one meant by its key" in problem_of(
        "people", {"email": "ann@example.com", "account": "Acme"}
    )
    assert load_well("people", {"email": "ann@example.com", "account": "8"}) == ["created"]


def test_an_account_is_named_by_key_exact_name_or_name_as_compared():
    load_well(
        "accounts", {"external_id": "7", "name": "Bolt"}, {"external_id": "8", "name": "7"}, {"name": "Acme, Inc."}
    )
    load_well(
        "people",
        {"email": "a@example.com", "account": "7"},
        {"email": "b@example.com", "account": "Bolt"},
        {"email": "c@example.com", "account": "ACME"},
    )
    assert dict(Person.objects.values_list("email", "account__name")) == {
        "a@example.com": "Bolt",
        "b@example.com": "Bolt",
        "c@example.com": "Acme, Inc.",
    }


def test_free_mail_taken_domains_and_nonsense_are_warned_of_and_left_out():
    make.account(name="Bolt").domains.create(domain="bolt.example")
    (outcome,) = load("accounts", {"name": "Acme", "domains": "gmail.com; bolt.example nonsense acme.example"})
    assert outcome.status == "created"
    assert [warning.partition(" ")[0] for warning in outcome.warnings] == ["gmail.com", "“nonsense”", "bolt.example"]
    assert dict(AccountDomain.objects.values_list("domain", "account__name")) == {
        "bolt.example": "Bolt",
        "acme.example": "Acme",
    }


def test_people_who_came_first_are_matched_when_the_load_ends():
    known, stranger = make.person(email="ann@mail.acme.example"), make.person(email="bob@gmail.com")
    load_well("accounts", {"name": "Acme", "domains": "acme.example"})
    assert finish("accounts", source="crm", now=NOW) == []
    known.refresh_from_db()
    stranger.refresh_from_db()
    assert (known.account.name, known.account_match, stranger.account) == ("Acme", "domain", None)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"tier": 1}, "needs a name or an external_id"),
        ({"external_id": "7"}, "A new account needs a name"),
        ({"name": "x" * 201}, "longer than 200 characters"),
        ({"name": "Acme", "tier": 10}, "A tier is a number from 1 to 9, not 10"),
        ({"name": "Acme", "employees": -1}, "-1 is not a whole number from 0"),
        ({"name": "Acme", "employees": 1.5}, "1.5 is not a whole number"),
        ({"name": "Acme", "revenue": 10**12}, "1,000,000,000,000 is too large"),
        ({"name": "Acme", "kind": "friend"}, "“friend” is not one of: prospect, customer"),
    ],
)
def test_what_cannot_be_is_refused_and_the_others_land(row, problem):
    bad, good = load("accounts", row, {"name": "Bolt"})
    assert (bad.status, good.status) == ("error", "created")
    assert problem in bad.problem


def test_a_name_is_not_blanked():
    load_well("accounts", {"external_id": "7", "name": "Acme"})
    assert "cannot be blank" in problem_of("accounts", {"external_id": "7", "name": None})


def test_reps_by_key_or_name_with_team_and_region():
    row = {"name": "Rita", "team": "Dustin", "region": "Central", "email": "Rita@Example.com"}
    assert load_well("reps", row, create_missing=True) == ["created"]
    rep = Rep.objects.get()
    assert (rep.external_id, rep.team.name, rep.region.name, rep.email, rep.active) == (
        "Rita",
        "Dustin",
        "Central",
        "rita@example.com",
        True,
    )
    assert load_well("reps", row) == ["unchanged"]
    assert load_well("reps", {"name": "Rita", "active": False}) == ["updated"]


def test_a_rep_made_by_hand_takes_the_key_of_the_row_with_the_name_once():
    made = make.rep(name="Rita")
    outcomes = load("reps", {"external_id": "1", "name": "Rita"}, {"external_id": "2", "name": "Rita"})
    assert statuses(outcomes) == ["updated", "created"]
    made.refresh_from_db()
    assert (made.source, made.external_id) == ("crm", "1")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"email": "rita@example.com"}, "needs a name or an external_id"),
        ({"external_id": "1"}, "A new rep needs a name"),
        ({"name": "Rita", "email": "rita"}, "“rita” is not an e-mail address"),
        ({"name": "Rita", "team": "Nobody"}, "There is no team “Nobody”"),
    ],
)
def test_reps_that_cannot_be_are_refused(row, problem):
    assert problem in problem_of("reps", row)


def test_a_changed_account_keeps_what_it_was_in_its_history():
    load_well("accounts", {"name": "Acme", "segment": "small"})
    load_well("accounts", {"name": "Acme", "segment": "large"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM funnel_accounthistory")
        assert cursor.fetchone()[0] == 1


def test_news_of_an_account_is_news_of_its_people():
    load_well("accounts", {"name": "Acme", "domains": "acme.example"})
    load_well("people", {"external_id": "1", "email": "ann@acme.example"})
    ann = Person.objects.get()
    Inbox.objects.all().delete()
    load_well("accounts", {"name": "Acme", "industry": "Chemicals"})
    load_well("accounts", {"name": "Acme", "industry": "Chemicals"})
    assert list(Inbox.objects.values_list("person", "cause")) == [(ann.pk, "loaded")]
    load_well("accounts", {"name": "Acme", "industry": "Steel"}, live=True)
    assert list(Inbox.objects.values_list("person", "cause").order_by("id"))[1:] == [(ann.pk, "person")]


def test_people_who_get_their_account_after_a_load_are_news():
    load_well("people", {"external_id": "1", "email": "ann@acme.example"})
    Inbox.objects.all().delete()
    load_well("accounts", {"name": "Acme", "domains": "acme.example"})
    assert not Inbox.objects.exists()
    finish("accounts", source="crm", now=NOW)
    assert list(Inbox.objects.values_list("cause", "rank")) == [("loaded", Inbox.Rank.BULK)]
