"""What a user is told: the list behind the bell, marking it read, and the small answer pages ask for now and then."""

from dataclasses import asdict

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel.admin_acts import posted
from routing.messages.forms import HOURS, ReachForm
from routing.messages.notices import latest, mark_read
from routing.messages.reaching import reach_of, set_reach, to_show, wishes_of
from routing.messages.words import path_of
from routing.models import Notice, Wish

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
    Notice.Kind.HANDED_OVER: ("send", ""),
    Notice.Kind.TAKEN_OVER: ("check", ""),
    Notice.Kind.RETURNED: ("arrow-back-up", "warn"),
    Notice.Kind.INHERITED: ("users-group", ""),
    Notice.Kind.STEPS: ("list-check", ""),
    Notice.Kind.MAIL: ("mail", "bad"),
    Notice.Kind.VERSION: ("adjustments-horizontal", ""),
    Notice.Kind.AGREEMENT: ("file-check", ""),
    Notice.Kind.ACTION: ("list-check", ""),
}


@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """The latest notices, as the bell's list."""
    return _list(request)


@require_GET
def fresh(request: HttpRequest) -> JsonResponse:
    """What the user's browser is to show that is newer than the notice `after`."""
    after = request.GET.get("after", "")
    newer_than = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
    shown = to_show(request.user, after=newer_than, now=timezone.now())
    return JsonResponse({"notices": [asdict(one) for one in shown]})


@require_http_methods(["GET", "POST"])
def settings_page(request: HttpRequest) -> HttpResponse:
    """How the user is told: which kinds in which ways, and in which hours."""
    reach = reach_of(request.user, zone=timezone.get_current_timezone_name())
    form = ReachForm(posted(request), reach=reach, wishes=wishes_of(request.user))
    if request.method == "POST" and form.is_valid():
        hours = {name: form.cleaned_data[name] for name in HOURS}
        set_reach(request.user, **hours, wishes=form.wishes())
        messages.success(request, "Saved: from now on you are told like this.")
        return redirect("routing:notice-settings")
    context = {"form": form, "lines": list(form.lines()), "ways": Wish.Way.labels, "mail_on": settings.MAIL_ON}
    return render(request, "routing/notice_settings.html", context, status=422 if form.is_bound else 200)


@require_POST
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark one notice read and go to what it is about."""
    notice = get_object_or_404(Notice, pk=pk, user=request.user.pk)
    mark_read(request.user, now=timezone.now(), ids=[pk])
    return redirect(path_of(notice))


@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark everything read that the user was told."""
    mark_read(request.user, now=timezone.now())
    return _list(request) if request.htmx else redirect("routing:queue")  # type: ignore[attr-defined]


def _list(request: HttpRequest) -> HttpResponse:
    lines = [(told, *_LOOK.get(Notice.Kind(told.kind), ("bell", ""))) for told in latest(request.user)]
    unread = any(told.read_at is None for told, _icon, _css in lines)
    return render(request, "routing/_notices.html", {"lines": lines, "unread": unread})
