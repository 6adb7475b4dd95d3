"""The pages of experiments: all of them, a new one in two steps, and one with what it has come to."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel.access import sight_of
from funnel.versions import PolicyProblem
from reporting.experiments.effects import effect
from reporting.experiments.forms import ExperimentForm
from reporting.experiments.sizes import outlook
from scoring import experiments as services
from scoring.models import Experiment, ScoringModel

_WITH = ("control", "changed", "created_by", "started_by", "stopped_by")
ABOUT = {
    "threshold": "A random share of the people needs more or less interest to become an MQL.",
    "rule": "For a random share of the people one rule gives other points, or none.",
    "holdout": "Of a random share of the people interest makes no MQL as long as the experiment runs, so that you see "
    "what would have come without. Raised hands are never withheld.",
}


def may_see(user: Any) -> bool:
    """Experiments count everybody's leads, so they are for roles that see everything and know the scoring policy."""
    return user.has_perm("scoring.view_scoringmodel") and sight_of(user).everything


def may_edit(user: Any) -> bool:
    return may_see(user) and user.has_perms(["scoring.add_scoringmodel", "scoring.change_scoringmodel"])


def only(test: Callable[[Any], bool]) -> Callable[[Any], Any]:
    """A decorator: for log-ins of whom the test holds; others are refused."""

    def decorate(view: Any) -> Any:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not test(request.user):
                raise PermissionDenied
            answer: HttpResponse = view(request, *args, **kwargs)
            return answer

        return guarded

    return decorate


@require_GET
@only(may_see)
def experiments(request: HttpRequest) -> HttpResponse:
    """All experiments, the latest first."""
    context = {"experiments": Experiment.objects.select_related(*_WITH), "may_edit": may_edit(request.user)}
    return render(request, "reporting/experiments.html", context)


@require_http_methods(["GET", "POST"])
@only(may_edit)
def new(request: HttpRequest) -> HttpResponse:
    """Choose what is to be tested; then say how, with how many people it needs."""
    kind = request.GET.get("kind", "")
    versions = list(ScoringModel.objects.filter(active=True).select_related("solution", "region"))
    control = next((one for one in versions if str(one.pk) == request.GET.get("version")), None)
    if kind not in Experiment.Kind.values or control is None:
        kinds = [(value, label, ABOUT[value]) for value, label in Experiment.Kind.choices]
        return render(request, "reporting/experiment_kind.html", {"kinds": kinds, "versions": versions})
    form = ExperimentForm(request.POST or None, control=control, kind=kind)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.draft(user=_who(request), **form.given())
        except PolicyProblem as refused:
            for problem in refused.problems:
                form.add_error(None, problem)
        else:
            return redirect("reporting:experiment", pk=made.pk)
    context = {
        "form": form,
        "kind": Experiment.Kind(kind),
        "about": ABOUT[kind],
        "control": control,
        "outlook": outlook(now=timezone.now()),
    }
    return render(request, "reporting/experiment_new.html", context, status=422 if form.errors else 200)


@require_GET
@only(may_see)
def experiment(request: HttpRequest, pk: int) -> HttpResponse:
    """One experiment and its effect so far."""
    found = get_object_or_404(Experiment.objects.select_related(*_WITH), pk=pk)
    now = timezone.now()
    told = effect(found, now=now)
    context = {
        "experiment": found,
        "effect": told,
        "arms": (told.changed, told.control),
        "about": ABOUT[found.kind],
        "filling": found.status == Experiment.Status.RUNNING and found.changed.filled_at is None,
        "moot": found.status == Experiment.Status.RUNNING and not found.control.active,
        "first_ripe_at": _first_ripe_at(found),
        "may_edit": may_edit(request.user),
        "now": now,
    }
    return render(request, "reporting/experiment.html", context)


def _first_ripe_at(found: Experiment) -> datetime | None:
    first = found.assignments.order_by("assigned_at").values_list("assigned_at", flat=True).first()
    return first + timedelta(days=found.outcome_days) if first else None


@require_POST
@only(may_edit)
def start(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, pk, services.start, "“{}” has begun.")


@require_POST
@only(may_edit)
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, pk, services.stop, "“{}” is stopped. Everybody is decided about by the same version again.")


def _do(request: HttpRequest, pk: int, act: Callable[..., Experiment], said: str) -> HttpResponse:
    found = get_object_or_404(Experiment, pk=pk)
    try:
        act(found, user=_who(request), now=timezone.now())
    except PolicyProblem as refused:
        messages.error(request, " ".join(refused.problems))
    else:
        messages.success(request, said.format(found))
    return redirect("reporting:experiment", pk=pk)


def _who(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the middleware lets nobody else through
    return request.user
