"""The description of the API: committed, valid, and readable by people."""

import io

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command

from funnel.access import Role
from tests import factories as make


def test_the_committed_description_is_that_of_the_code():
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    committed = (settings.BASE_DIR / "openapi.yaml").read_text()
    assert yaml.safe_load(out.getvalue()) == yaml.safe_load(committed), "run make openapi and look at the change"


@pytest.mark.django_db
def test_the_page_lists_every_address(client):
    client.force_login(make.user(Role.MARKETING_OPS))
    html = client.get("/api/").content.decode()
    schema = yaml.safe_load((settings.BASE_DIR / "openapi.yaml").read_text())
    assert [address for address in schema["paths"] if address not in html] == []
    assert 'href="/api/leads/"' in html and 'href="/api/leads/{id}/"' not in html
    assert "<script" not in html.partition("</main>")[0].partition("<main")[2]


@pytest.mark.django_db
def test_the_description_is_served(client):
    client.force_login(make.user(Role.MARKETING_OPS))
    assert yaml.safe_load(client.get("/api/schema/").content)["openapi"].startswith("3.")


@pytest.mark.django_db
def test_the_page_shows_what_a_body_says_with_an_example(client):
    client.force_login(make.user(Role.MARKETING_OPS))
    html = client.get("/api/").content.decode()
    operations = yaml.safe_load((settings.BASE_DIR / "openapi.yaml").read_text())["paths"]
    bodies = [
        operation["post"]["requestBody"]
        for operation in operations.values()
        if "requestBody" in operation.get("post", {})
    ]
    assert len(bodies) >= 10
    for body in bodies:
        (example,) = body["content"]["application/json"]["examples"].values()
        for name in example["value"]:
            assert f"<dt>{name}</dt>" in html and f"&quot;{name}&quot;" in html, name
