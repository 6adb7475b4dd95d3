"""The pages of the scoring lab: the comparison, its progress, and the people behind its numbers."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from funnel.access import sight_of
from reporting.facts import shared
from reporting.lab import menus, past, people
from reporting.lab.bench import Bench, bench, replays
from reporting.lab.forms import EditForm, PublishForm, ReviewerForm
from reporting.lab.page import Board, board
from reporting.lab.publishing import reviews_of, will_happen
from reporting.lab.sets import PARTS, BadSet, read_drill
from reporting.lab.view import View, read
from scoring.models import ScoringModel, Simulation


def may_see(user: Any) -> bool:
    """The lab shows everybody's leads, so it is for roles that see everything and know the scoring policy."""
    return user.has_perm("scoring.view_scoringmodel") and sight_of(user).everything


def may_edit(user: Any) -> bool:
    return may_see(user) and user.has_perms(["scoring.add_scoringmodel", "scoring.change_scoringmodel"])


def only(test: Any) -> Any:
    """A decorator: for log-ins of whom the test holds; others are refused."""

    def decorate(view: Any) -> Any:
        @login_required
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not test(request.user):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def today() -> dt.date:
    return timezone.now().astimezone(ZoneInfo(settings.REPORTING_ZONE)).date()


def asked(request: HttpRequest) -> View:
    return read(request.GET, today=today())


@require_GET
@only(may_see)
def lab(request: HttpRequest) -> HttpResponse:
    """The draft beside the version it is compared with."""
    return page(request, asked(request))


def page(
    request: HttpRequest, view: View, *, edit: EditForm | None = None, publish: PublishForm | None = None
) -> HttpResponse:
    """The whole page; edit, publish: a form that came back with problems, which are told with 422."""
    now = timezone.now()
    found = bench(view, zone=settings.REPORTING_ZONE)
    earlier = past.latest()
    asked_for = [*(replays(found.done) if found.done else ()), *past.replays(earlier)]
    with shared().reading(*asked_for) as facts:
        results: dict[str, Any] = {"fresh_at": facts.fresh_at, "past": past.listed(facts, earlier)}
        shown = board(facts, found, found.done, zone=settings.REPORTING_ZONE, now=now) if found.done else None
        if shown:
            results |= people.flip_table(facts, request.GET, found, shown)
    may = may_edit(request.user)
    context = {
        "found": found,
        "view": view,
        "problems": [*view.problems, *found.problems],
        "board": shown,
        "may_edit": may,
        "may_approve": found.editable and found.draft is not None and found.draft.reviewer_id == request.user.pk,
        "stale": found.stale,
        "reviews": reviews_of(found.draft) if found.draft else [],
        "review_days": settings.SCORING_REVIEW_DAYS,
        **_bar(found, reverse("reporting:lab")),
        **progress_of(found),
        **results,
    }
    if may:
        context |= _editing(found, shown, edit, publish)
    refused = (edit and edit.errors) or (publish and publish.errors)
    return render(request, "reporting/lab.html", context, status=422 if refused else 200)


def _bar(found: Bench, path: str) -> dict[str, Any]:
    view = found.view
    return {
        "path": path,
        "version_menus": menus.version_menus(found, path),
        "history": menus.history_options(view, path, today()),
        "history_others": menus.others(view, "from", "to", "weeks"),
        "last_day": menus.last_day(view),
        "menus": [*menus.filter_menus(view, path), menus.outcome_menu(view, path)],
        "holdout_others": menus.others(view, "holdout"),
        "zone": settings.REPORTING_ZONE,
        "here": view.query(),
    }


def _editing(found: Bench, shown: Board | None, edit: EditForm | None, publish: PublishForm | None) -> dict[str, Any]:
    context: dict[str, Any] = {"back_to": found.before}
    if found.editable and found.draft and found.live:
        live = dict(found.live.rules.values_list("name", "points"))
        form = edit or EditForm(model=found.draft, live=live)
        context |= {
            "edit": form,
            "levels": _levels(form, found.live),
            "publish": publish or PublishForm(initial={"why": found.draft.why}),
            "reviewer": ReviewerForm(draft=found.draft),
            "will_happen": will_happen(found, shown),
        }
    return context


def _levels(form: EditForm, live: ScoringModel) -> list[tuple[Any, str]]:
    """The levels of the draft, and what the version compared with says."""
    said = (f"{live.threshold:g}", f"{live.exit_ratio * 100:g}", f"{live.cooldown_days}")
    fields = (form[name] for name in ("threshold", "exit_level", "cooldown_days"))
    return [(field, f"v{live.version}: {was}") for field, was in zip(fields, said, strict=True)]


# --- Progress ------------------------------------------------------------------------------------------------------


def progress_of(found: Bench) -> dict[str, Any]:
    """How far the latest comparison has come: people through and in all, over every simulation of it."""
    if found.latest is None or not found.under_way:
        return {"under_way": False}
    all_ = found.simulations
    through, of = sum(one.people for one in all_), sum(one.people_in_all for one in all_)
    done = sum(one.status == Simulation.Status.DONE for one in all_)
    return {"under_way": True, "through": through, "of": max(of, through), "runs_done": done, "runs": len(all_)}


@require_GET
@only(may_see)
def progress(request: HttpRequest) -> HttpResponse:
    """The progress bar, which asks again; once there are results the page is fetched anew."""
    found = bench(asked(request), zone=settings.REPORTING_ZONE)
    context = progress_of(found)
    if not context["under_way"]:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(
        request,
        "reporting/_lab_progress.html",
        {"found": found, "here": found.view.query(), "may_edit": may_edit(request.user), **context},
    )


# --- People --------------------------------------------------------------------------------------------------------


@require_GET
@only(may_see)
def lab_people(request: HttpRequest) -> HttpResponse:
    """The leads behind a number of the lab, a page at a time."""
    view = asked(request)
    found = bench(view, zone=settings.REPORTING_ZONE)
    problem = next(iter([*view.problems, *found.problems]), "")
    if not problem and found.done is None:
        problem = "These versions were not simulated over this history yet. Simulate them in the lab first."
    try:
        drill = read_drill(request.GET, weeks=-(-(view.end - view.first).days // 7))
        below, above = (people.cursor(request.GET, name) for name in ("below", "above"))
    except BadSet as bad:
        problem = problem or str(bad)
    if problem or found.done is None:
        return render(request, "reporting/lab_people.html", {"problem": problem, "here": view.query()}, status=400)
    with shared().reading(*replays(found.done)) as facts:
        context = people.listed(facts, found, found.done, drill, below=below, above=above, zone=settings.REPORTING_ZONE)
    context |= {"fresh_at": facts.fresh_at, "here": view.query(), "parts": PARTS}
    return render(request, "reporting/lab_people.html", context)
