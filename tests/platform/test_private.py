"""Every address is private unless it is marked; the list of those that are stands here."""

from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

pytestmark = pytest.mark.django_db
OPEN = {"healthz", "login/", "demo/login/", "admin/login/"}
SAMPLES = {"int": "1", "slug": "a", "str": "a", "uuid": "00000000-0000-0000-0000-000000000000", "path": "a"}


def addresses(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every pattern below the resolver as (pattern, an address that matches it)."""
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from addresses(entry, pattern)
        elif isinstance(entry, URLPattern):
            yield pattern, pattern


def sample(pattern: str) -> str:
    """An address for a pattern with converters: leads/<int:pk>/ -> leads/1/."""
    while "<" in pattern:
        before, _open, rest = pattern.partition("<")
        inside, _close, after = rest.partition(">")
        converter, colon, _name = inside.partition(":")
        pattern = before + SAMPLES.get(converter if colon else "str", "a") + after
    return pattern


PATTERNS = [pattern for pattern, _ in addresses(get_resolver()) if "(" not in pattern and "^" not in pattern]


def test_the_walk_finds_the_pages():
    assert {"leads/", "leads/<int:pk>/", "leads/export.csv", "login/", "admin/login/"} <= set(PATTERNS)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_sees_a_page_without_logging_in(client, pattern, method):
    response = getattr(client, method)(f"/{sample(pattern)}")
    if pattern in OPEN:
        assert response.status_code in (200, 404, 405, 503) or response.headers.get("Location") == "/login/"
    elif pattern.startswith("api/"):
        assert response.status_code in (302, 401, 403)
    else:
        assert response.status_code == 302, pattern
        assert response.headers["Location"].startswith(("/login/", "/admin/login/"))


def test_a_page_leads_back_after_log_in(client):
    assert client.get("/leads/?stage=mql").headers["Location"] == "/login/?next=/leads/%3Fstage%3Dmql"
