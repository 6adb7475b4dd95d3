"""The pages of reviews: a new one, its minutes, actions and figures, and its end."""

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
    """Save the minutes. Whoever is overtaken keeps what they wrote, with the others' beside it."""
    found, form = _found(pk), MinutesForm(request.POST)
    if not form.is_valid():
        return _page(request, found, minutes_form=form, status=422)
    given = form.cleaned_data
    try:
        reviews.write_minutes(
            found, given["minutes"], revision=given["revision"], user=who(request), now=timezone.now()
        )
    except reviews.Overtaken as overtaken:
        mine = MinutesForm({"minutes": given["minutes"], "revision": overtaken.review.revision})
        return _page(request, overtaken.review, minutes_form=mine, theirs=True, problems=overtaken.problems, status=409)
    except PolicyProblem as refused:
        return _page(request, _found(pk), minutes_form=form, problems=refused.problems, status=409)
    messages.success(request, "The minutes are saved.")
    return redirect("reporting:review", pk=pk)


@require_POST
@may_minute
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a review, with the figures as they are now."""
    asked = request.POST.get("revision", "")
    revision = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
    try:
        reviews.close(_found(pk), revision=revision, copy=shared(), user=who(request), now=timezone.now())
    except reviews.Overtaken as overtaken:
        said = [*overtaken.problems, "It is not closed yet: read them as they stand now."]
        return _page(request, overtaken.review, problems=said, status=409)
    except PolicyProblem as refused:
        return _page(request, _found(pk), problems=refused.problems, status=409)
    messages.success(request, "The review is closed; its figures and minutes stay as they are.")
    return redirect("reporting:review", pk=pk)


@require_POST
@may_minute
def add_action(request: HttpRequest, pk: int) -> HttpResponse:
    """Settle who is to do what by when."""
    found, form = _found(pk), ActionForm(request.POST)
    if form.is_valid():
        try:
            reviews.add_action(found, **form.cleaned_data, now=timezone.now())
        except PolicyProblem as refused:
            for problem in refused.problems:
                form.add_error(None, problem)
        else:
            return redirect(f"{reverse('reporting:review', args=[pk])}#actions")
    return _page(request, found, action_form=form, status=422)


@require_POST
@may_minute
def drop_action(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an action out of a review that is open."""
    action = get_object_or_404(ReviewAction.objects.select_related("review"), pk=pk)
    try:
        reviews.drop_action(action)
    except PolicyProblem as refused:
        messages.error(request, str(refused))
    return redirect(f"{reverse('reporting:review', args=[action.review_id])}#actions")


@require_POST
@may_look
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that an action is done, or is not after all."""
    action = get_object_or_404(ReviewAction.objects.select_related("owner"), pk=pk)
    try:
        reviews.settle(action, done=request.POST.get("done") != "no", user=who(request), now=timezone.now())
    except PolicyProblem as refused:
        messages.error(request, str(refused))
    back = request.POST.get("back", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(back if safe else reverse("reporting:review", args=[action.review_id]))


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
    carried = reviews.carried_to(found)
    pack = found.pack if found.pack is not None else pack_of(found, carried, copy=copy, now=now)
    may_edit = request.user.has_perm(reviews.MAY_MINUTE)
    context: dict[str, Any] = {
        "review": found,
        "pack": revived(pack),
        "halves": dressed(pack["halves"], Source(copy, set(), zone=settings.REPORTING_ZONE, now=now)),
        "carried": carried if found.pack is None else [],
        "actions": found.actions.select_related("owner", "done_by"),
        "today": timezone.localdate(),
        "may_edit": may_edit and found.closed_at is None,
        "may_settle": may_edit,
        "minutes_form": minutes_form or MinutesForm(initial={"minutes": found.minutes, "revision": found.revision}),
        "action_form": action_form or ActionForm(),
        "problems": problems or [],
        "theirs": theirs,
        "here": reverse("reporting:review", args=[found.pk]),
    }
    return render(request, "reporting/review.html", context, status=status)
