"""The page of cadences: what is in force, how its steps are kept, and what attempts come to."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reporting.cadences import figures
from routing.cadences import versions as cadence_versions
from routing.cadences.capping import caps

EDIT = ("routing.add_cadence", "routing.change_cadence")


@require_GET
@permission_required("routing.view_cadence", raise_exception=True)
def cadences(request: HttpRequest) -> HttpResponse:
    """Cadences with their figures, and what the figures of all attempts say about when and how to begin."""
    now = timezone.now()
    starts, often = figures.by_start(now=now)
    user: Any = request.user
    context = {
        "cadences": figures.of_cadences(now=now),
        "media": figures.by_medium(now=now),
        "starts": starts,
        "often": often,
        "caps": caps(),
        "window": figures.WINDOW.days,
        "answered_words": f"attempts that were answered within {figures.ANSWERS.days} days",
        "ripe_words": f"leads that were an SQL {figures.RIPE.days} days after the MQL; younger ones are left out",
        "may_edit": user.has_perms(EDIT) and user.is_staff,
    }
    return render(request, "reporting/cadences.html", context)


@require_POST
@permission_required(EDIT, raise_exception=True)
def start_from_preset(request: HttpRequest) -> HttpResponse:
    """A draft of the cadence that ships, to be looked at and published in the admin."""
    made = cadence_versions.draft_of_preset(user=request.user)
    messages.success(request, f"“{made}” is a draft. It takes no lead until it is published.")
    return redirect("admin:routing_cadence_change", made.pk)
