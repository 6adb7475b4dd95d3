"""How a user is told: the page, what the browser shows, and the webhooks of the admin."""

from datetime import time
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.utils import timezone

from funnel.access import Role
from funnel.sealing import unseal
from routing.messages.notices import Tell, tell
from routing.models import Notice, Reach, Webhook, Wish
from tests import factories as make

pytestmark = pytest.mark.django_db
PAGE = "/notices/settings/"


@pytest.fixture
def user(client):
    made = make.user(Role.SDR, team=make.team())
    client.force_login(made)
    return made


@pytest.fixture
def mail_is_on(settings):
    settings.MAIL_ON = True


def sent(**fields) -> dict:
    return {"zone": "Europe/Vienna", "digest_at": "07:30", "hot_passes": "on"} | fields


def test_ticks_and_hours_are_kept(client, user, mail_is_on):
    html = client.get(PAGE).content.decode()
    assert "A lead for you" in html and 'name="hot-email"' in html
    given = sent(**{"hot-email": "on", "assigned-browser": "on", "quiet_from": "20:00", "quiet_until": "07:00"})
    assert client.post(PAGE, given).status_code == 302
    assert set(Wish.objects.values_list("kind", "way")) == {("hot", "email"), ("assigned", "browser")}
    reach = Reach.objects.get(user=user)
    assert (reach.zone, reach.quiet_from, reach.quiet_until, reach.hot_passes) == (
        "Europe/Vienna", time(20), time(7), True,
    )  # fmt: skip
    client.post(PAGE, sent(**{"hot-email": "on"}))
    assert set(Wish.objects.values_list("kind", "way")) == {("hot", "email")}
    assert Reach.objects.get().quiet_from is None


def test_half_of_quiet_hours_is_told_and_nothing_is_lost(client, user, mail_is_on):
    answer = client.post(PAGE, sent(**{"quiet_from": "20:00", "hot-email": "on"}))
    html = answer.content.decode()
    assert answer.status_code == 422 and "a beginning and an end" in html and 'value="20:00"' in html
    assert not Reach.objects.exists() and not Wish.objects.exists()


def test_without_mail_its_ticks_rest(client, user):
    assert "E-mail is not set up here" in client.get(PAGE).content.decode()
    client.post(PAGE, sent(**{"hot-email": "on", "hot-browser": "on"}))
    assert set(Wish.objects.values_list("kind", "way")) == {("hot", "browser")}


def test_the_browser_is_told_what_was_asked_for_and_is_new(client, user):
    Wish.objects.create(user=user, kind="assigned", way="browser")
    now = timezone.now()
    lead = make.lead(person=make.person(first_name="Mara", last_name="Lind"))
    tell([Tell(user_id=user.pk, kind="assigned", cause="a", lead_id=lead.pk),
          Tell(user_id=user.pk, kind="score", cause="b", lead_id=lead.pk)], now=now)  # fmt: skip
    wanted = Notice.objects.get(kind="assigned")
    assert client.get("/notices/pulse/").json()["show"] == wanted.pk
    (shown,) = client.get("/notices/fresh/?after=0").json()["notices"]
    assert shown == {
        "id": wanted.pk, "title": "A lead for you", "sentence": "Mara Lind is yours to look at.",
        "url": f"/leads/{lead.pk}/",
    }  # fmt: skip
    for after in (str(wanted.pk), "9" * 18):
        assert client.get(f"/notices/fresh/?after={after}").json()["notices"] == []
    assert len(client.get("/notices/fresh/?after=x").json()["notices"]) == 1
    here = timezone.localtime(now)
    around = {"quiet_from": time((here.hour - 1) % 24), "quiet_until": time((here.hour + 2) % 24)}
    Reach.objects.create(user=user, zone="UTC", **around)
    assert client.get("/notices/fresh/?after=0").json()["notices"] == []


def test_a_webhook_is_checked_and_its_secret_is_never_shown(client):
    client.force_login(make.user(Role.SDR_MANAGER, is_staff=True))
    add = "/admin/routing/webhook/add/"
    given = {"name": "Ours", "preset": "generic", "url": "http://10.0.0.1/", "secret": "", "active": "on"}
    html = client.post(add, given).content.decode()
    assert "Only https is posted to" in html and "Give a secret" in html and not Webhook.objects.exists()
    good = given | {"url": "https://hooks.example.com/1", "secret": "s3cret-value", "kinds": ["hot"]}
    assert client.post(add, good).status_code == 302
    hook = Webhook.objects.get()
    page = f"/admin/routing/webhook/{hook.pk}/change/"
    html = client.get(page).content.decode()
    assert "s3cret-value" not in html and hook.sealed not in html and "s3cret" not in hook.sealed
    assert "hooks.example.com" in html and "hooks.example.com/1" not in html and "hooks" not in hook.sealed_url
    client.post(page, good | {"url": "", "secret": "", "name": "Ours too"})
    hook.refresh_from_db()
    assert (hook.name, unseal(hook.sealed), hook.kinds) == ("Ours too", "s3cret-value", ["hot"])
    assert (hook.host, unseal(hook.sealed_url)) == ("hooks.example.com", "https://hooks.example.com/1")
    assert "Give the address to post to" in client.post(add, good | {"url": "", "name": "Third"}).content.decode()


def test_secrets_of_webhooks_that_were_kept_in_plain_are_sealed_by_a_migration():
    hook = make.webhook("https://hooks.example.com/1", name="Ours", sealed="s3cret-value")
    slack = make.webhook("https://hooks.example.com/2", name="Slack", preset="slack")
    migration = import_module("routing.migrations.0016_seal_webhooks")
    migration.seal(apps, None)
    hook.refresh_from_db()
    assert "s3cret" not in hook.sealed and unseal(hook.sealed) == "s3cret-value"
    migration.unseal(apps, None)
    assert list(Webhook.objects.order_by("pk").values_list("pk", "sealed")) == [
        (hook.pk, "s3cret-value"), (slack.pk, "")
    ]  # fmt: skip


def test_addresses_that_were_kept_in_plain_are_sealed_by_a_migration():
    plain = "https://hooks.example.com/T0/B1/x?y=z"
    hook = SimpleNamespace(url=plain, host="", sealed_url="", save=lambda update_fields: None)
    before = SimpleNamespace(get_model=lambda *_names: SimpleNamespace(objects=SimpleNamespace(all=lambda: [hook])))
    migration = import_module("routing.migrations.0019_sealed_addresses")
    migration.seal(before, None)
    assert (hook.host, unseal(hook.sealed_url)) == ("hooks.example.com", plain) and "hooks" not in hook.sealed_url
    hook.url = ""
    migration.unseal(before, None)
    assert hook.url == plain


def test_a_test_to_a_webhook_says_what_came_of_it(client, monkeypatch):
    client.force_login(make.user(Role.SDR_MANAGER, is_staff=True))
    hook = make.webhook("https://hooks.example.com/1", name="Ours", secret="s")
    monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: [(2, 1, 6, "", ("10.0.0.1", 443))])
    answer = client.get(f"/admin/routing/webhook/{hook.pk}/send_a_test", follow=True)
    assert "It did not arrive: hooks.example.com is an address within a network" in answer.content.decode()
