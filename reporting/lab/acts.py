"""What is done in the lab: draft, edit, simulate, cancel, review, publish now or at a moment, one step back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from funnel import publication
from funnel.access import name_of
from funnel.versions import PolicyProblem
from reporting.lab import bench as benches
from reporting.lab.bench import Bench, bench
from reporting.lab.forms import EditForm, PublishForm, ReviewerForm
from reporting.lab.view import View
from reporting.lab.views import asked, may_edit, may_see, only, page
from reporting.models import Comparison
from routing.messages.notices import tell_of_version
from scoring import drafts, services
from scoring.checks import check
from scoring.models import ScoringModel


def _who(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _back(view: View, anchor: str = "") -> HttpResponse:
    return HttpResponseRedirect(reverse("reporting:lab") + view.query() + anchor)


def _refused(request: HttpRequest, view: View, refused: PolicyProblem) -> HttpResponse:
    for problem in refused.problems:
        messages.error(request, problem)
    return _back(view)


def _found(request: HttpRequest) -> Bench:
    return bench(asked(request), zone=settings.REPORTING_ZONE)


@require_POST
@only(may_edit)
def new_draft(request: HttpRequest) -> HttpResponse:
    """A draft that begins as the version compared with."""
    found = _found(request)
    if found.live is None:
        messages.error(request, "There is no version to begin with. Publish one in the admin first.")
        return _back(found.view)
    made = services.draft(from_model=found.live, user=_who(request), name=found.live.name)
    messages.success(request, f"Version {made.version} is a draft, so far the same as v{found.live.version}.")
    return _back(replace(found.view, draft=made.version, live=found.live.version), "#draft")


@require_POST
@only(may_edit)
def edit(request: HttpRequest) -> HttpResponse:
    """Other numbers for the draft; what is wrong stands beside its field, and nothing typed is lost."""
    found = _found(request)
    if not found.editable or found.draft is None:
        messages.error(request, "Only a draft can be edited. Make a draft from this version first.")
        return _back(found.view)
    live = dict(found.live.rules.values_list("name", "points")) if found.live else {}
    form = EditForm(request.POST, model=found.draft, live=live)
    if not form.is_valid():
        return page(request, found.view, edit=form)
    try:
        over = drafts.edit(found.draft, **form.values()) if form.has_changed() else ""
    except PolicyProblem as refused:
        return _refused(request, found.view, refused)
    messages.success(request, f"Version {found.draft.version} is saved. {over}".strip())
    if "simulate" in request.POST:
        return _simulate(request, found)
    return _back(found.view, "#draft")


@require_POST
@only(may_edit)
def simulate(request: HttpRequest) -> HttpResponse:
    """Ask for both versions over the history; a worker does it, and the page shows how far it has come."""
    return _simulate(request, _found(request))


def _simulate(request: HttpRequest, found: Bench) -> HttpResponse:
    if found.live is None or found.draft is None:
        messages.error(request, "There are no two versions to compare. Make a draft first.")
        return _back(found.view)
    try:
        benches.compare(found, user=_who(request), zone=settings.REPORTING_ZONE)
    except PolicyProblem as refused:
        return _refused(request, found.view, refused)
    return _back(found.view, "#main")  # else the browser keeps the place in the form that it came from


@require_POST
@only(may_edit)
def cancel(request: HttpRequest) -> HttpResponse:
    """Stop the simulations under way. What was shown before stays."""
    found = _found(request)
    if found.latest is not None and found.under_way:
        benches.cancel(found.latest)
        messages.success(request, "The simulation is cancelled.")
    return _back(found.view)


@require_POST
@only(may_edit)
def publish(request: HttpRequest) -> HttpResponse:
    """Publish the draft, with who and why; it decides once it has scored everybody."""
    found = _found(request)
    if not found.editable or found.draft is None:
        messages.error(request, "Only a draft can be published; somebody may have been faster.")
        return _back(found.view)
    form = PublishForm(request.POST)
    if not form.is_valid():
        return page(request, found.view, publish=form)
    now = timezone.now()
    try:
        made = drafts.publish_to_decide(found.draft, user=_who(request), why=form.cleaned_data["why"], now=now)
    except PolicyProblem as refused:
        for problem in refused.problems:
            form.add_error(None, problem)
        return page(request, found.view, publish=form)
    if found.done is not None:
        Comparison.objects.filter(pk=found.done.pk).update(published_at=now)
    follows = "It decides from now on." if made.active else "It decides as soon as it has scored everybody."
    messages.success(request, f"Version {made.version} is published. {follows}")
    return _back(_both(found))


@require_POST
@only(may_edit)
def schedule(request: HttpRequest) -> HttpResponse:
    """Let the draft publish itself at a moment, with who and why."""
    found = _found(request)
    if not found.editable or found.draft is None:
        messages.error(request, "Only a draft can be published; somebody may have been faster.")
        return _back(found.view)
    form = PublishForm(request.POST, scheduled=True)
    if not form.is_valid():
        return page(request, found.view, publish=form)
    at, why, now = form.cleaned_data["at"], form.cleaned_data["why"], timezone.now()
    try:
        publication.schedule(found.draft, at=at, problems_of=check, user=_who(request), why=why, now=now)
    except PolicyProblem as refused:
        for problem in refused.problems:
            form.add_error(None, problem)
        return page(request, found.view, publish=form)
    messages.success(request, f"Version {found.draft.version} publishes itself {_moment(at)}.")
    return _back(_both(found), "#publish")


@require_POST
@only(may_edit)
def unschedule(request: HttpRequest) -> HttpResponse:
    """Let the draft wait for somebody to publish it."""
    return _with_draft(request, publication.unschedule, "Version {version} waits for somebody to publish it.")


@require_POST
@only(may_edit)
def reviewer(request: HttpRequest) -> HttpResponse:
    """Ask somebody to look the draft over, or nobody."""
    found = _found(request)
    if found.draft is None:
        return _back(found.view)
    form = ReviewerForm(request.POST, draft=found.draft)
    if not form.is_valid():
        messages.error(request, str(form.errors["reviewer"][0]))
        return _back(found.view, "#publish")
    whom = form.cleaned_data["reviewer"]

    def ask(draft: ScoringModel) -> None:
        publication.ask_for_review(draft, reviewer=whom)
        if whom is not None and whom != request.user:
            tell_of_version(draft, user_id=whom.pk, event="asked", now=timezone.now())

    said = f"{name_of(whom)} is asked to look version {{version}} over." if whom else "Nobody has to look it over."
    return _with_draft(request, ask, said)


@require_POST
@only(may_see)
def approve(request: HttpRequest) -> HttpResponse:
    """Say, as whoever was asked to look it over, that the draft may be published."""

    def approved(draft: ScoringModel) -> None:
        now = timezone.now()
        seen = request.POST.get("seen", "")
        publication.approve(draft, user=request.user, seen=int(seen) if seen.isdecimal() else -1, now=now)
        tell_of_version(draft, user_id=draft.created_by_id, event="approved", now=now)

    return _with_draft(request, approved, "Version {version} is approved.")


def _with_draft(request: HttpRequest, do: Callable[[ScoringModel], None], said: str) -> HttpResponse:
    found = _found(request)
    if found.draft is None:
        messages.error(request, "There is no such version.")
        return _back(found.view)
    try:
        do(found.draft)
    except PolicyProblem as refused:
        return _refused(request, found.view, refused)
    messages.success(request, said.format(version=found.draft.version))
    return _back(_both(found), "#publish")


def _moment(at: datetime) -> str:
    local = timezone.localtime(at)
    return f"on {local.day} {local:%B %Y} at {local:%H:%M}"


def _both(found: Bench) -> View:
    """The same comparison, whichever version decides meanwhile."""
    assert found.draft is not None
    return replace(found.view, draft=found.draft.version, live=found.live.version if found.live else None)


@require_POST
@only(may_edit)
def step_back(request: HttpRequest) -> HttpResponse:
    """Let the version decide again that did before."""
    found = _found(request)
    before = found.before
    if before is None:
        messages.error(request, "No version that decided before is kept up to date any more. Make a draft from it.")
        return _back(found.view)
    try:
        services.activate(before, user=_who(request), now=timezone.now())
    except PolicyProblem as refused:
        return _refused(request, found.view, refused)
    messages.success(request, f"Version {before.version} decides again.")
    return _back(found.view)
