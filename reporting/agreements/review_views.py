"""The pages of reviews: a new one, its minutes, actions and figures, and its end."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel.versions import PolicyProblem
from reporting.agreements import reviews
from reporting.agreements.forms import ActionForm, MinutesForm, ReviewForm
from reporting.agreements.pack import pack_of, revived
from reporting.agreements.shown import dressed
from reporting.agreements.source import Source
from reporting.agreements.views import who
from reporting.facts import shared
from reporting.models import Review, ReviewAction
from reporting.views import Htmx

may_look = permission_required("reporting.view_review", raise_exception=True)
may_minute = permission_required(reviews.MAY_MINUTE, raise_exception=True)


@require_http_methods(["GET", "POST"])
@may_minute
def new(request: HttpRequest) -> HttpResponse:
    """Begin a review: when, about which period, and who is there."""
    form = ReviewForm(request.POST if request.method == "POST" else None, today=timezone.localdate())
    if request.method == "POST" and form.is_valid():
        try:
            made = reviews.begin(**form.given(), user=who(request), now=timezone.now())
        except PolicyProblem as refused:
            for problem in refused.problems:
                form.add_error(None, problem)
        else:
            return redirect("reporting:review", pk=made.pk)
    context = {"form": form}
    return render(request, "reporting/review_new.html", context, status=422 if form.errors else 200)


@require_GET
@may_look
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """One review: its figures as of now, or as they were when it was closed; minutes and actions."""
    return _page(request, _found(pk))


@require_POST
@may_minute
def minutes(request: HttpRequest, pk: int) -> HttpResponse:
    """Save the minutes."""

    def act(found: Review, text: str, revision: int) -> str:
        reviews.write_minutes(found, text, revision=revision, user=who(request), now=timezone.now())
        return "The minutes are saved."

    return _minuted(request, pk, act)


@require_POST
@may_minute
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Save the minutes and close the review, with the figures as they are now."""

    def act(found: Review, text: str, revision: int) -> str:
        reviews.close(found, text, revision=revision, copy=shared(), user=who(request), now=timezone.now())
        return "The review is closed; its figures and minutes stay as they are."

    return _minuted(request, pk, act)


def _minuted(request: HttpRequest, pk: int, act: Callable[[Review, str, int], str]) -> HttpResponse:
    """Do something with the minutes as they were sent.

    Whoever is overtaken keeps what they wrote, with the others' beside it, and nothing was done.
    """
    found, form = _found(pk), MinutesForm(request.POST)
    if not form.is_valid():
        return _page(request, found, minutes_form=form, status=422)
    given = form.cleaned_data
    try:
        said = act(found, given["minutes"], given["revision"])
    except reviews.Overtaken as overtaken:
        mine = MinutesForm({"minutes": given["minutes"], "revision": overtaken.review.revision})
        return _page(request, overtaken.review, minutes_form=mine, theirs=True, problems=overtaken.problems, status=409)
    except PolicyProblem as refused:
        return _page(request, _found(pk), minutes_form=form, problems=refused.problems, status=409)
    messages.success(request, said)
    return redirect("reporting:review", pk=pk)


# --- actions -------------------------------------------------------------------------------------------------------


@require_POST
@may_minute
def add_action(request: Htmx, pk: int) -> HttpResponse:
    """Settle who is to do what by when."""
    found, form = _found(pk), ActionForm(request.POST)
    if form.is_valid():
        try:
            reviews.add_action(found, **form.cleaned_data, user=who(request), now=timezone.now())
        except PolicyProblem as refused:
            for problem in refused.problems:
                form.add_error(None, problem)
        else:
            return _panel(request, found, goes_on=True) if request.htmx else _to_actions(pk)
    if request.htmx:
        return _panel(request, found, form=form, status=422)
    return _page(request, found, action_form=form, status=422)


@require_POST
@may_minute
def drop_action(request: Htmx, pk: int) -> HttpResponse:
    """Take an action out of a review that is open."""
    action = get_object_or_404(ReviewAction.objects.select_related("review"), pk=pk)
    return _acted(request, action, lambda: reviews.drop_action(action, now=timezone.now()))


@require_POST
@may_look
def settle(request: Htmx, pk: int) -> HttpResponse:
    """Say that an action is done, or is not after all."""
    action = get_object_or_404(ReviewAction.objects.select_related("owner"), pk=pk)
    done, user = request.POST.get("done") != "no", who(request)
    return _acted(request, action, lambda: reviews.settle(action, done=done, user=user, now=timezone.now()))


def _acted(request: Htmx, action: ReviewAction, act: Callable[[], None]) -> HttpResponse:
    """Do something with an action, and show the panel that it was asked for on, or the page to go back to."""
    refusal, on, back = "", request.POST.get("on", ""), request.POST.get("back", "")
    try:
        act()
    except PolicyProblem as refused:
        refusal = str(refused)
    if request.htmx and on.isascii() and on.isdigit() and len(on) < 19:
        return _panel(request, _found(int(on)), refusal=refusal)
    if refusal:
        messages.error(request, refusal)
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(back) if safe else _to_actions(action.review_id)


def _to_actions(pk: int) -> HttpResponse:
    return redirect(f"{reverse('reporting:review', args=[pk])}#actions")


def _panel(
    request: HttpRequest,
    found: Review,
    *,
    form: ActionForm | None = None,
    refusal: str = "",
    goes_on: bool = False,
    status: int = 200,
) -> HttpResponse:
    """The actions alone. goes_on: whoever added one goes on with the next."""
    form = form or ActionForm()
    form.fields["text"].widget.attrs |= {"autofocus": True} if goes_on else {}
    context = _actions(request, found, form) | {"refusal": refusal, "pack": revived(found.pack or {})}
    return render(request, "reporting/_review_actions.html", context, status=status)


def _actions(request: HttpRequest, found: Review, form: forms.Form | None) -> dict[str, Any]:
    """What the panel of actions shows."""
    may_minute = request.user.has_perm(reviews.MAY_MINUTE)
    return {
        "review": found,
        "carried": reviews.carried_to(found) if found.pack is None else [],
        "actions": found.actions.select_related("owner", "done_by"),
        "today": timezone.localdate(),
        "may_edit": may_minute and found.closed_at is None,
        "may_settle": may_minute,
        "action_form": form or ActionForm(),
        "here": reverse("reporting:review", args=[found.pk]),
    }


def _found(pk: int) -> Review:
    rows = Review.objects.select_related("minutes_by", "closed_by", "created_by").prefetch_related("attendees")
    return get_object_or_404(rows, pk=pk)


def _page(
    request: HttpRequest,
    found: Review,
    *,
    minutes_form: forms.Form | None = None,
    action_form: forms.Form | None = None,
    problems: list[str] | None = None,
    theirs: bool = False,
    status: int = 200,
) -> HttpResponse:
    copy, now = shared(), timezone.now()
    context = _actions(request, found, action_form)
    pack = found.pack if found.pack is not None else pack_of(found, context["carried"], copy=copy, now=now)
    context |= {
        "pack": revived(pack),
        "halves": dressed(pack["halves"], Source(copy, set(), zone=settings.REPORTING_ZONE, now=now)),
        "minutes_form": minutes_form or MinutesForm(initial={"minutes": found.minutes, "revision": found.revision}),
        "problems": problems or [],
        "theirs": theirs,
    }
    return render(request, "reporting/review.html", context, status=status)
