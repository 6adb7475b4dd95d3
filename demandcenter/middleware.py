"""Times are shown in the zone of the person who looks, which their browser names in a cookie (static/js/theme.js)."""

import zoneinfo
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

ZONE_COOKIE = "dc_zone"


@lru_cache(maxsize=256)
def zone_named(name: str) -> zoneinfo.ZoneInfo | None:
    """The zone, or None for a name that no zone has (a cookie may hold anything)."""
    return zoneinfo.ZoneInfo(name) if name in zoneinfo.available_timezones() else None


def viewer_zone(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Activate the viewer's zone for the request; without a valid cookie TIME_ZONE stands."""

    def middleware(request: HttpRequest) -> HttpResponse:
        zone = zone_named(unquote(request.COOKIES.get(ZONE_COOKIE, "")))
        with timezone.override(zone or timezone.get_default_timezone()):
            return get_response(request)

    return middleware
