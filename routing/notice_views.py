"""What a user is told: the list behind the bell, marking it read, and the small answer pages ask for now and then."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from routing.models import Notice
from routing.notices import latest, mark_read
from routing.queue import pulse_of

# kind: (icon, colour)
_LOOK = {
    Notice.Kind.ASSIGNED: ("user-check", ""),
    Notice.Kind.HOT: ("flame", "bad"),
    Notice.Kind.WARNED: ("clock-exclamation", "warn"),
    Notice.Kind.BREACHED: ("alert-octagon", "bad"),
    Notice.Kind.UNROUTED: ("route", "warn"),
    Notice.Kind.TAKEN: ("user-x", ""),
    Notice.Kind.REVISIT: ("calendar-time", ""),
    Notice.Kind.SCORE: ("trending-down", ""),
    Notice.Kind.REVIEW: ("target", "warn"),
}


@require_GET
def pulse(request: HttpRequest) -> JsonResponse:
    """How many notices are unread and how many leads wait for the user. One query."""
    return JsonResponse(pulse_of(request.user.pk or 0))


@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """The latest notices, as the bell's list."""
    return _list(request)


@require_POST
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark one notice read and go to what it is about."""
    notice = get_object_or_404(Notice, pk=pk, user=request.user.pk)
    mark_read(request.user, now=timezone.now(), ids=[pk])
    if notice.kind == Notice.Kind.REVIEW:
        return redirect("reporting:quality")
    return redirect("routing:lead", pk=notice.lead_id) if notice.lead_id else redirect("routing:queue")


@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark everything read that the user was told."""
    mark_read(request.user, now=timezone.now())
    return _list(request) if request.htmx else redirect("routing:queue")  # type: ignore[attr-defined]


def _list(request: HttpRequest) -> HttpResponse:
    lines = [(told, *_LOOK.get(Notice.Kind(told.kind), ("bell", ""))) for told in latest(request.user)]
    unread = any(told.read_at is None for told, _icon, _css in lines)
    return render(request, "routing/_notices.html", {"lines": lines, "unread": unread})
