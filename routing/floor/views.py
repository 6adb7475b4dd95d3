"""The floor: managers see who has what, and give leads to somebody else by dragging, by key, or many at once."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel.models import Rep
from routing.acts.answering import given
from routing.acts.doing import Invalid, Refused
from routing.acts.viewer import Viewer, viewer_of
from routing.decisions.forms import LeaveForm
from routing.floor import leaving
from routing.floor import standing as floors
from routing.floor.complaints import by_program
from routing.floor.portrait import portrait_of
from routing.models import Departure
from routing.sales import attainments


def _viewer(request: HttpRequest) -> Viewer:
    """Who may look at the floor: whoever gives leads to others, and whoever sees everything."""
    viewer = viewer_of(request.user)
    if not (viewer.everything or viewer.may_reassign):
        raise PermissionDenied
    return viewer


@require_GET
def floor(request: HttpRequest) -> HttpResponse:
    """Load, turns, promises, absences and quotas by rep; what presses, and what nobody has."""
    viewer, now = _viewer(request), timezone.now()
    teams = floors.teams_of(viewer)
    team_id = _team(request, viewer, {team.pk for team in teams})
    reps = floors.reps_of(request.user, team_id=team_id)
    desks = floors.desks(reps, now=now)
    context: dict[str, Any] = {
        "now": now,
        "viewer": viewer,
        "menu": _menu(teams, team_id),
        "team_id": team_id,
        "desks": desks,
        "may_see_levels": request.user.is_staff and request.user.has_perm("routing.view_seat"),
        "pressing": floors.pressing(reps, everybody=viewer.everything and team_id is None, now=now),
        "nobodys": floors.nobodys() if viewer.everything else None,
        "away": [desk for desk in desks if desk.back_at],
        "overdue": sum(desk.overdue for desk in desks),
        "due_today": sum(desk.due_today for desk in desks),
        "fit": attainments.fit(now=now) if viewer.everything else None,
    }
    return render(request, "routing/floor.html", context)


@require_GET
def leads(request: HttpRequest, pk: int) -> HttpResponse:
    """What one rep works on, to be given to others, and what kind of rep they are."""
    viewer, now = _viewer(request), timezone.now()
    rep = get_object_or_404(Rep, pk=pk)
    if rep.pk not in floors.reps_of(request.user, team_id=None):
        raise PermissionDenied
    context = {
        "rep": rep,
        "items": floors.leads_of(pk, now=now),
        "viewer": viewer,
        "empty": "Nothing in work.",
        "portrait": portrait_of(rep, now=now),
    }
    return render(request, "routing/_floor_rep.html", context)


@require_GET
def yours(request: HttpRequest) -> HttpResponse:
    """The same for the rep: what they make of which leads, and what may help. Nobody else's."""
    rep = get_object_or_404(Rep.objects.active(), user=request.user)
    context = {"rep": rep, "portrait": portrait_of(rep, now=timezone.now())}
    return render(request, "routing/where_you_stand.html", context)


@require_GET
def complaints(request: HttpRequest) -> HttpResponse:
    """Leads that were never followed up beside leads that were called poor, by campaign."""
    if not _viewer(request).everything:
        raise PermissionDenied
    return render(request, "routing/_complaints.html", {"programs": by_program(now=timezone.now())})


# --- A rep leaves ---------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@permission_required("routing.reassign_lead", raise_exception=True)
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    """What the rep has, who is to take it, and the act."""
    now = timezone.now()
    rep = get_object_or_404(Rep.objects.active().select_related("team"), pk=pk)
    form = LeaveForm(given(request), rep=rep)
    if request.method == "POST" and form.is_valid():
        taker = form.cleaned_data["to_rep_id"]
        try:
            departure = leaving.leave(pk, to_rep_id=taker.pk if taker else None, user=request.user, now=now)
        except Invalid as problem:
            form.add_error(problem.field, problem.sentence)
        except Refused as refusal:
            messages.error(request, refusal.sentence)
            return redirect("routing:floor")
        else:
            messages.success(request, f"{rep} has left; everything they had is with others.")
            return redirect("routing:departure", departure.pk)
    has = leaving.belongings(rep, now=now)
    return render(
        request, "routing/leave.html", {"rep": rep, "form": form, "has": has}, status=422 if form.is_bound else 200
    )


@require_GET
def departure(request: HttpRequest, pk: int) -> HttpResponse:
    """What went where when a rep left."""
    viewer, now = _viewer(request), timezone.now()
    found = get_object_or_404(Departure.objects.select_related("rep", "to_rep", "actor", "undone_by"), pk=pk)
    context = {
        "departure": found,
        "shares": leaving.shares(found),
        "may_undo": viewer.may_reassign and found.undone_at is None and now <= found.left_at + leaving.UNDO_WITHIN,
        "until": found.left_at + leaving.UNDO_WITHIN,
    }
    return render(request, "routing/departure.html", context)


@require_POST
@permission_required("routing.reassign_lead", raise_exception=True)
def undo_departure(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        found = leaving.come_back(pk, user=request.user, now=timezone.now())
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, f"Taken back: {found.rep} has what is still where it went.")
    return redirect("routing:departure", pk)


# --- Their parts ----------------------------------------------------------------------------------


def _team(request: HttpRequest, viewer: Viewer, known: set[int]) -> int | None:
    """The team that is asked for; a manager who belongs to one that others work in begins with it."""
    asked = request.GET.get("team", "")
    if asked == "all":
        return None
    if asked.isascii() and asked.isdigit() and int(asked) in known:
        return int(asked)
    return viewer.team_id if viewer.team_id in known and floors.has_others(viewer) else None


def _menu(teams: list[Any], team_id: int | None) -> dict[str, Any] | None:
    if len(teams) < 2:
        return None
    here = reverse("routing:floor")
    options = [("All teams", f"{here}?team=all", team_id is None)]
    options += [(team.name, f"{here}?team={team.pk}", team.pk == team_id) for team in teams]
    return {"value": next(label for label, _url, on in options if on), "options": options, "set": team_id is not None}
