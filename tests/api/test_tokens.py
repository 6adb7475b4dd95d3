"""Tokens: who they stand for, when they end, and what is kept of them."""

import hashlib
import io
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.models import ApiToken
from funnel.tokens import TokenProblem, create_token, revoke
from tests import factories as make

pytestmark = pytest.mark.django_db


LIST, ADD = reverse("admin:funnel_apitoken_changelist"), reverse("admin:funnel_apitoken_add")


@pytest.fixture
def ops():
    return make.user(Role.MARKETING_OPS)


def get(client, secret: str, scheme: str = "Bearer"):
    return client.get("/api/regions/", headers={"Authorization": f"{scheme} {secret}"})


def said(response) -> str:
    body = response.json()
    assert response.status_code == 401 and body["type"] == "client_error", body
    assert response["WWW-Authenticate"].startswith("Bearer")
    return body["errors"][0]["detail"]


def test_a_token_opens_the_api_as_its_user(client, ops):
    made = create_token(user=ops, name="website", now=timezone.now())
    assert get(client, made.secret).status_code == get(client, made.secret, "bearer").status_code == 200
    assert client.get("/api/regions/").status_code == 401
    assert get(client, made.secret, "Basic").status_code == 401


def test_only_a_hash_of_the_secret_is_kept(ops):
    made = create_token(user=ops, name="website", now=timezone.now())
    kept = ApiToken.objects.values().get()
    assert made.secret not in repr(kept) and made.secret.startswith(kept["start"]) and len(kept["start"]) <= 12
    assert kept["digest"] == hashlib.sha256(made.secret.encode()).hexdigest()
    assert create_token(user=ops, name="website", now=timezone.now()).secret != made.secret


def test_what_opens_nothing_says_why(client, ops):
    now = timezone.now()
    ended = create_token(user=ops, name="old", days=1, now=now - timedelta(days=2))
    gone = create_token(user=ops, name="gone", now=now)
    revoke(gone.token, now=now)
    left = create_token(user=make.user(Role.SDR, username="left"), name="left", now=now)
    left.token.user.is_active = False
    left.token.user.save()
    assert "ended on" in said(get(client, ended.secret))
    assert "revoked on" in said(get(client, gone.secret))
    assert "no longer active" in said(get(client, left.secret))
    for secret in ("", "dc_short", gone.secret[:-1] + "é", gone.secret + "x", "x" * 10_000):
        assert "not known" in said(get(client, secret))


def test_use_is_noted_to_the_minute_without_a_write_a_request(client, ops):
    made = create_token(user=ops, name="website", now=timezone.now())
    get(client, made.secret)
    used = ApiToken.objects.get().last_used_at
    assert used is not None and used.second == used.microsecond == 0
    with CaptureQueriesContext(connection) as captured:
        get(client, made.secret)
    written = [query for query in captured.captured_queries if query["sql"].startswith("UPDATE")]
    assert len(written) <= (ApiToken.objects.get().last_used_at > used)


@pytest.mark.parametrize(("name", "days"), [("", 10), ("a/b", 10), ("x" * 61, 10), ("web", 0), ("web", 731)])
def test_a_token_has_a_name_and_an_end(ops, name, days):
    with pytest.raises(TokenProblem):
        create_token(user=ops, name=name, days=days, now=timezone.now())
    assert not ApiToken.objects.exists()


def test_the_command_shows_the_secret_once(client, ops):
    out, err = io.StringIO(), io.StringIO()
    call_command("api_token", ops.username, "--name", "crm", "--days", "30", stdout=out, stderr=err)
    assert get(client, out.getvalue().strip()).status_code == 200
    token = ApiToken.objects.get()
    assert token.name == "crm" and (token.expires_at - timezone.now()).days in (29, 30)
    for arguments in (["nobody", "--name", "crm"], [ops.username, "--name", "a/b"]):
        with pytest.raises(CommandError):
            call_command("api_token", *arguments)


# --- In the admin ---------------------------------------------------------------------------------


@pytest.fixture
def administrator(client):
    user = make.user(Role.ADMINISTRATOR, is_staff=True)
    client.force_login(user)
    return user


def test_the_admin_makes_a_token_and_shows_its_secret_once(client, administrator, ops):
    response = client.post(ADD, {"name": "website", "user": ops.pk, "days": 30})
    token = ApiToken.objects.get()
    (secret,) = set(re.findall(r"dc_[\w-]{43}", response.content.decode()))
    assert "no-store" in response["Cache-Control"] and get(client, secret).status_code == 200
    for address in (LIST, reverse("admin:funnel_apitoken_change", args=[token.pk])):
        html = client.get(address).content.decode()
        assert secret not in html and token.start in html
    assert (token.user, (token.expires_at - token.created_at).days) == (ops, 30)


def test_the_admin_refuses_what_makes_no_token(client, administrator):
    strongest = make.user(is_superuser=True)
    for given in ({"name": "a/b"}, {"days": 0}, {"days": 731}, {"user": strongest.pk}, {"user": ""}):
        response = client.post(ADD, {"name": "web", "user": administrator.pk, "days": 30} | given)
        assert response.status_code == 200 and response.context["errors"], given
    assert not ApiToken.objects.exists()


def test_the_admin_revokes(client, administrator, ops):
    made = create_token(user=ops, name="website", now=timezone.now())
    client.post(LIST, {"action": "revoke_tokens", "_selected_action": [made.token.pk]})
    assert "revoked" in said(get(client, made.secret))


def test_only_administrators_make_tokens(client):
    client.force_login(make.user(Role.MARKETING_OPS, is_staff=True))
    assert client.get(ADD).status_code == client.post(ADD, {}).status_code == 403
