"""The REST API: one router for every address, its description, and a page for people."""

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, path
from django.views.decorators.http import require_GET
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from funnel import api as funnel
from reporting.api import MetricsView, MetricView
from routing import api as routing
from scoring import api as scoring

router = SimpleRouter()
router.register("leads", routing.LeadViewSet, basename="lead")
router.register("activities", funnel.ActivityViewSet, basename="activity")
router.register("people", scoring.PersonViewSet, basename="person")
router.register("accounts", funnel.AccountViewSet, basename="account")
router.register("opportunities", routing.OpportunityViewSet, basename="opportunity")
router.register("meetings", routing.MeetingViewSet, basename="meeting")
router.register("regions", funnel.RegionViewSet, basename="region")
router.register("solutions", funnel.SolutionViewSet, basename="solution")
router.register("channels", funnel.ChannelViewSet, basename="channel")
router.register("content", funnel.ContentViewSet, basename="content")
router.register("campaigns", funnel.CampaignViewSet, basename="campaign")
router.register("reasons", funnel.ReasonViewSet, basename="reason")
router.register("teams", funnel.TeamViewSet, basename="team")
router.register("reps", funnel.RepViewSet, basename="rep")
router.register("glossary", funnel.GlossaryViewSet, basename="glossary-term")


@require_GET
def description(request: HttpRequest) -> HttpResponse:
    """The API for people: every address with its parameters, drawn from the same description as openapi.yaml."""
    return render(request, "demandcenter/api.html", {"groups": _groups()})


@lru_cache  # the description changes with the code only
def _groups() -> list[tuple[str, list[dict[str, Any]]]]:
    """The operations by the first part of their address below /api/."""
    schema = SchemaGenerator(urlconf="demandcenter.urls").get_schema(request=None, public=True)
    groups: dict[str, list[dict[str, Any]]] = {}
    for address, operations in schema["paths"].items():
        for method, operation in operations.items():
            found = {
                "address": address,
                "method": method.upper(),
                "text": "One of them, in full." if "{id}" in address else operation.get("description", ""),
                "parameters": [_parameter(parameter) for parameter in operation.get("parameters", [])],
                "open": "{" not in address,
            }
            groups.setdefault(address.split("/")[2], []).append(found)
    return list(groups.items())


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    kind = parameter.get("schema", {})
    return {
        "name": parameter["name"],
        "place": "in the address" if parameter["in"] == "path" else "",
        "type": kind.get("format") or kind.get("type", ""),
        "choices": [choice for choice in kind.get("enum", []) if choice],
        "text": parameter.get("description", "").partition("* `")[0].strip(),  # choices have a place of their own
    }


urlpatterns: list[URLPattern | URLResolver] = [
    path("", description, name="api"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("metrics/", MetricsView.as_view(), name="metric-list"),
    path("metrics/<slug:name>/", MetricView.as_view(), name="metric-detail"),
    *router.urls,
]
