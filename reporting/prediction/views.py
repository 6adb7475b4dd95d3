"""The Prediction page, and what people ask of it: a training, or a decision about a field."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reporting.prediction import page
from reporting.prediction.figures import reliability
from reporting.prediction.forms import AskForm, DecideForm
from scoring.models import PredictiveModel
from scoring.predictive import learning, runs

may_see = permission_required("scoring.view_predictivemodel", raise_exception=True)
may_ask = permission_required("scoring.change_scoringmodel", raise_exception=True)
PENDING = (PredictiveModel.Status.WAITING, PredictiveModel.Status.RUNNING)


@require_GET
@may_see
def prediction(request: HttpRequest) -> HttpResponse:
    """What the training in use taught, or the one that the address asks for."""
    return _page(request)


@require_GET
@may_see
def progress(request: HttpRequest) -> HttpResponse:
    """How far the latest training is. Once it is through the page is offered anew: a reason half typed is kept."""
    newest = runs.latest()
    context = {"newest": newest, "pending": newest is not None and newest.status in PENDING, "followed": True}
    return render(request, "reporting/_prediction_progress.html", context)


@require_POST
@may_ask
def train(request: HttpRequest) -> HttpResponse:
    """Ask for a training; what people decided about fields goes on to stand."""
    last = runs.latest()
    form = AskForm(request.POST, like=last)
    if not form.is_valid():
        return _page(request, ask=form, status=422)
    try:
        runs.ask(**form.cleaned_data, overrides=last.overrides if last else (), user=request.user)  # type: ignore[arg-type]
    except runs.Unaskable as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, "A training was asked for. It runs in the background; this page follows it.")
    return redirect("reporting:prediction")


@require_POST
@may_ask
def decide(request: HttpRequest) -> HttpResponse:
    """Use a field or leave it out, for a reason, and train anew."""
    form = DecideForm(request.POST)
    if not form.is_valid():
        messages.error(request, "That was no decision about a field. Open the field again.")
        return redirect("reporting:prediction")
    given = form.cleaned_data
    user: Any = request.user  # somebody who may ask is logged in
    try:
        runs.override(given["field"], use=given["use"], reason=given["reason"], user=user, now=timezone.now())
    except runs.Unaskable as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, "Kept with your reason. A training with it was asked for.")
    return redirect("reporting:prediction")


def _page(request: HttpRequest, *, ask: AskForm | None = None, status: int = 200) -> HttpResponse:
    newest, shown, in_use = runs.latest(), _shown(request), runs.in_use()
    context: dict[str, Any] = {
        "installed": learning.is_installed(),
        "not_installed": learning.NOT_INSTALLED,
        "may_ask": request.user.has_perm("scoring.change_scoringmodel"),
        "ask": ask or AskForm(like=newest),
        "newest": newest,
        "pending": newest is not None and newest.status in PENDING,
        "in_use": in_use,
        "shown": shown,
        "history": page.history(
            PredictiveModel.objects.select_related("asked_by").defer("learnt")[: page.MOST_TRAININGS]
        ),
    }
    if shown is not None:
        context |= {
            "did": runs.did(shown),
            "fields": page.rows_of(shown),
        }
        if shown.evaluation:
            context |= {
                "figures": page.numbers_of(shown),
                "tenths": page.tenths_of(shown),
                "reliability": reliability(shown.evaluation["tenths"]),
                "tested_how": page.tested_how(shown),
            }
    return render(request, "reporting/prediction.html", context, status=status)


def _shown(request: HttpRequest) -> PredictiveModel | None:
    asked = request.GET.get("training", "")
    if asked.isascii() and asked.isdigit() and len(asked) < 18:
        return get_object_or_404(PredictiveModel, pk=int(asked))
    return runs.in_use() or PredictiveModel.objects.exclude(fields=[]).first()
