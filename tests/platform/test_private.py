"""Every address is private unless it is marked; the list of those that are stands here."""

import re
from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver

pytestmark = pytest.mark.django_db
OPEN = {"healthz", "login/", "demo/login/", "admin/login/"}
PLAIN = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")  # a named group of a regular expression
SAMPLES = {"int": "1", "slug": "a", "str": "1", "uuid": "00000000-0000-0000-0000-000000000000", "path": "a"}


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    """Every address below the resolver, with its converters."""
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, pattern)
        elif isinstance(entry, URLPattern):
            yield pattern


def sample(pattern: str) -> str:
    """An address for a pattern with converters: leads/<int:pk>/ -> leads/1/."""
    while "<" in pattern:
        before, _open, rest = pattern.partition("<")
        inside, _close, after = rest.partition(">")
        converter, colon, _name = inside.partition(":")
        pattern = before + SAMPLES.get(converter if colon else "str", "1") + after
    return pattern


PATTERNS = [PLAIN.sub(r"<str:\1>", pattern.replace("^", "").replace("$", "")) for pattern in patterns(get_resolver())]


def test_the_walk_finds_the_pages():
    assert {"leads/", "leads/<int:pk>/", "leads/export.csv", "login/", "admin/login/"} <= set(PATTERNS)


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_sees_a_page_without_logging_in(client, method):
    answers = {pattern: getattr(client, method)(f"/{sample(pattern)}") for pattern in PATTERNS}
    assert [pattern for pattern, answer in answers.items() if not refused(pattern, answer)] == []


def refused(pattern: str, answer: HttpResponse) -> bool:
    location = answer.headers.get("Location", "")
    if pattern in OPEN:
        return answer.status_code in (200, 404, 405, 503) or location == "/login/"
    if pattern.startswith("api/"):
        return answer.status_code in (302, 401)
    return answer.status_code == 302 and location.startswith(("/login/", "/admin/login/"))


def test_a_page_leads_back_after_log_in(client):
    assert client.get("/leads/?stage=mql").headers["Location"] == "/login/?next=/leads/%3Fstage%3Dmql"
