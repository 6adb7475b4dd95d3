"""The admin: every page opens, facts cannot be edited, and nobody becomes more than they are."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel import inbox
from funnel.access import Role
from funnel.models import Account, Campaign, Channel, Inbox, Lead, Person, Region, StageEvent
from tests import factories as make

pytestmark = pytest.mark.django_db
PAGES = sorted(admin.site._registry, key=lambda model: model._meta.label)


def page(model, name: str = "changelist", *args) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


@pytest.fixture
def administrator(client):
    user = make.user(Role.ADMINISTRATOR, is_staff=True)
    client.force_login(user)
    return user


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
def test_every_list_and_form_opens(client, administrator, model):
    make.lead(account=make.account(), owner=make.rep(team=make.team()))
    assert client.get(page(model), {"q": "a"}).status_code == 200
    assert client.get(page(model, "add")).status_code in (200, 403)
    row = model._default_manager.first()
    if row is not None:
        assert client.get(page(model, "change", row.pk)).status_code == 200
        assert client.get(page(model, "history", row.pk)).status_code == 200


def test_leads_are_not_edited_in_the_admin():
    assert Lead not in PAGES


def test_facts_are_read_only_even_for_a_superuser(client):
    client.force_login(make.user(is_staff=True, is_superuser=True))
    event = make.lead().events.get()
    assert client.get(page(StageEvent, "add")).status_code == 403
    assert client.post(page(StageEvent, "change", event.pk), {"kind": "won"}).status_code == 403
    assert client.post(page(StageEvent, "delete", event.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", [Account, Campaign, StageEvent, Person], ids=lambda model: model.__name__)
def test_a_list_costs_the_same_queries_however_long(client, administrator, model):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(page(model))
        return len(captured)

    def one_more(number: int) -> None:
        region, channel = Region.objects.create(name=f"R{number}"), Channel.objects.create(name=f"C{number}")
        Campaign.objects.create(name=f"Campaign {number}", region=region, channel=channel)
        make.lead(account=make.account(region=region, owner=make.rep()))

    one_more(0)
    few = queries()
    for number in range(1, 8):
        one_more(number)
    assert queries() == few


def test_large_tables_are_never_counted(client, administrator):
    make.lead(account=make.account())
    for model in (Account, Person, StageEvent):
        with CaptureQueriesContext(connection) as captured:
            client.get(page(model))
        table = model._meta.db_table
        assert not [
            query for query in captured if "COUNT(*)" in query["sql"].upper() and f'FROM "{table}"' in query["sql"]
        ]


def test_search_finds_how_a_name_begins(client, administrator):
    make.person(last_name="Vontobel", first_name="Lea")
    make.account(name="Brunner Automation AG")
    assert b"Vontobel" in client.get(page(Person), {"q": "vont"}).content
    assert b"Vontobel" not in client.get(page(Person), {"q": "tobel"}).content
    assert b"Brunner" in client.get(page(Account), {"q": "brunner"}).content


def test_the_history_tells_who_changed_which_field(client, administrator):
    account = make.account(name="Brunner")
    region = Region.objects.create(name="DACH")
    Account.objects.filter(pk=account.pk).update(tier=2)  # a load: no user
    form = {
        "name": "Brunner AG", "kind": "customer", "region": region.pk, "tier": 2, "domains-TOTAL_FORMS": 0,
        "domains-INITIAL_FORMS": 0,
    }  # fmt: skip
    assert client.post(page(Account, "change", account.pk), form).status_code == 302
    html = client.get(page(Account, "history", account.pk)).content.decode()
    for said in (
        "Name: Brunner → Brunner AG", "Kind: Prospect → Customer", "Region: – → DACH", "Tier: – → 2",
        "A load or a rule", administrator.username,
    ):  # fmt: skip
        assert said in html, said
    account.refresh_from_db()
    assert account.name_key == "brunner"


def test_an_account_set_by_hand_says_so(client, administrator):
    person, account = make.person(account_match="domain"), make.account()
    form = {
        "first_name": "Lea",
        "last_name": "V",
        "account": account.pk,
        "keys-TOTAL_FORMS": 0,
        "keys-INITIAL_FORMS": 0,
    }
    assert client.post(page(Person, "change", person.pk), form).status_code == 302
    assert list(Inbox.objects.values_list("person", "cause")) == [(person.pk, "person")], "the pipeline hears of it"
    person.refresh_from_db()
    assert (person.account, person.account_match) == (account, Person.Match.PERSON)


def test_marketing_operations_keep_the_words_but_not_the_log_ins(client):
    client.force_login(make.user(Role.MARKETING_OPS, is_staff=True))
    assert client.get(page(Campaign, "add")).status_code == 200
    assert client.get(page(User)).status_code == 403
    index = client.get(reverse("admin:index")).content.decode()
    assert page(Campaign) in index and page(User) not in index


def test_an_administrator_cannot_take_over_a_superuser(client, administrator):
    stronger = make.user(is_superuser=True, is_staff=True)
    for name in ("change", "delete"):
        assert client.post(page(User, name, stronger.pk), {"username": "mine"}).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[stronger.pk])
    assert client.post(password, {"password1": "pinetree-92", "password2": "pinetree-92"}).status_code == 403
    html = client.get(page(User, "change", administrator.pk)).content.decode()
    assert 'name="is_superuser"' not in html and 'name="groups"' in html


def test_the_products_roles_are_not_edited_by_hand(client, administrator):
    role, own = Group.objects.get(name=Role.SDR), Group.objects.create(name="Interns")
    assert 'name="permissions"' not in client.get(page(Group, "change", role.pk)).content.decode()
    assert client.post(page(Group, "delete", role.pk), {"post": "yes"}).status_code == 403
    assert 'name="permissions"' in client.get(page(Group, "change", own.pk)).content.decode()


def test_what_the_pipeline_could_not_work_is_shown_and_tried_again_by_who_may(client):
    ann, bob = make.person(last_name="Arnold"), make.person(last_name="Bolt")
    inbox.add(Inbox.Cause.PERSON, [(ann.pk, ann.pk)])
    inbox.postpone(ann.pk, problem="ZeroDivisionError: by nought", now=timezone.now())
    inbox.add(Inbox.Cause.PERSON, [(bob.pk, bob.pk)])
    address = page(Inbox)
    body = {"action": "try_again_now", "_selected_action": Inbox.objects.get(person=ann).pk}

    client.force_login(make.user(Role.SDR_MANAGER, is_staff=True))
    html = client.get(address).content.decode()
    assert "ZeroDivisionError: by nought" in html and ann.name in html and bob.name not in html
    assert "Try again now" not in html
    client.post(address, body)
    assert Inbox.objects.get(person=ann).not_before is not None

    client.force_login(make.user(Role.MARKETING_OPS, is_staff=True))
    assert "Try again now" in client.get(address).content.decode()
    assert "1 person is tried again now." in client.post(address, body, follow=True).content.decode()
    assert Inbox.objects.get(person=ann).not_before is None
