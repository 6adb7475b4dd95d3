"""The pages of model quality: the board, the leads behind its numbers, its files, and a draft from a suggestion."""

import datetime as dt
import math
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from funnel.access import role_of
from funnel.downloads import csv_response
from funnel.versions import PolicyProblem
from reporting import ratings
from reporting.bar import bar
from reporting.drill import BadDrill
from reporting.facts import Copy, shared
from reporting.overview.queries import has_leads
from reporting.periods import day_words
from reporting.quality import board as boards
from reporting.quality import disputes
from reporting.quality.board import Board
from reporting.quality.disputes import Dispute
from reporting.quality.queries import Behind, Facts
from reporting.quality.slices import CARRIES, HOW_HINTS, HOWS, Slice, read_leads, read_slice
from reporting.quality.tables import TABLES
from reporting.quality.tables import dispute as dispute_table
from reporting.quality.tallies import DECIDED_AFTER, SQL_WITHIN, WON_WITHIN
from reporting.records import export_of, page_of
from reporting.talking_point import talking_points
from routing.leads.listing import EXPORT_COLUMNS, rows_of
from scoring import reviews, services, simulation
from scoring.models import ScoreRule, ScoringModel

LATEST_REVIEWS = 3
log = structlog.get_logger(__name__)
# Whoever works with scores may see how good they are (requirement R16: quality is visible to everybody); the leads
# behind a number stay those of one's own sight. Only who may change the model may make a draft of it.
may_look = permission_required("scoring.view_scoringmodel", raise_exception=True)
may_change = permission_required("scoring.change_scoringmodel", raise_exception=True)


def today_of(copy: Copy) -> dt.date:
    """The day in the reporting zone by the facts' own clock."""
    return copy.fresh_at.astimezone(ZoneInfo(settings.REPORTING_ZONE)).date()


def deciding() -> list[ScoringModel]:
    """The versions that decide, the one for all leads first."""
    models = ScoringModel.objects.filter(active=True).select_related("solution", "region")
    return sorted(models, key=lambda model: (bool(model.scope), model.version))


def _board(request: HttpRequest, copy: Copy) -> tuple[Board, list[str], list[ScoringModel]]:
    piece, problems = read_slice(request.GET, today=today_of(copy))
    models = deciding()
    return boards.assemble(Facts(copy, settings.REPORTING_ZONE), piece, models), problems, models


@require_GET
@may_look
def quality(request: HttpRequest) -> HttpResponse:
    """How good the score is: by band, by rule, by reason, and what to try."""
    copy = shared()
    context: dict[str, Any] = {"fresh_at": copy.fresh_at}
    if has_leads(copy):
        found, problems, models = _board(request, copy)
        context |= _context(request, copy, found, models) | {"problems": problems}
    return render(request, "reporting/quality.html", context)


def _context(request: HttpRequest, copy: Copy, found: Board, models: list[ScoringModel]) -> dict[str, Any]:
    piece = found.piece
    return {
        "board": found,
        "bar": bar_of(request, copy, piece),
        "hows": [(words, request.path + piece.but(how=how).query(), how == piece.how, HOW_HINTS[how])
                 for how, words in HOWS.items()],
        "exports": [(words, reverse("reporting:quality-csv", args=[name]) + piece.query())
                    for name, (words, _table) in TABLES.items()],
        "dispute_url": reverse("reporting:quality-dispute") + piece.query(),
        "without_cell": request.path + piece.but(cell="").query(),
        "carries": f"{CARRIES:.0%}",
        "days": (DECIDED_AFTER, SQL_WITHIN, WON_WITHIN),
        "reviews": [_review_context(model) for model in models],
        "may_draft": request.user.has_perm("scoring.change_scoringmodel"),
        "ratings": ratings.tables("persona", "solution", "campaign", now=timezone.now()),
        "paths": talking_points(),
        "versions": ScoringModel.objects.select_related("created_by", "published_by", "activated_by")[:20],
    }  # fmt: skip


def bar_of(request: HttpRequest, copy: Copy, piece: Slice) -> Any:
    """The filter bar, with the page's own parts of the address kept."""
    return bar(
        piece.view,
        request.path,
        today=today_of(copy),
        zone=settings.REPORTING_ZONE,
        compares=False,
        extra=dict(piece.pairs()),
    )


@require_GET
@may_look
def quality_csv(request: HttpRequest, name: str) -> HttpResponseBase:
    """One table of the page as a file; it names no person."""
    if name not in TABLES:
        raise Http404
    found, _problems, _models = _board(request, shared())
    return csv_response(f"model-quality-{name}.csv", *TABLES[name][1](found))


# --- a dispute -----------------------------------------------------------------------------------------------------


def _dispute(request: HttpRequest, copy: Copy) -> tuple[Dispute, list[str]]:
    piece, problems = read_slice(request.GET, today=today_of(copy))
    return disputes.dispute(Facts(copy, settings.REPORTING_ZONE), piece), problems


@require_GET
@may_look
def dispute(request: HttpRequest) -> HttpResponse:
    """A quarrel about a slice of the leads: both complaints with their numbers, and what these can tell."""
    copy = shared()
    found, problems = _dispute(request, copy)
    piece = found.piece
    cells = sorted({f"{grade}{band}" for model in deciding() for grade, _ in model.grades for band, _ in model.bands})
    options = [("All", request.path + piece.but(cell="").query(), not piece.cell)]
    options += [(cell, request.path + piece.but(cell=cell).query(), cell == piece.cell) for cell in cells]
    context = {
        "fresh_at": copy.fresh_at,
        "dispute": found,
        "piece": piece,
        "sides": [side for side in (found.inside, found.outside) if side],
        "problems": problems,
        **{
            f"{outcome}_url": piece.but(side="in", outcome=outcome).url()
            for outcome in ("rejected", "accepted", "waiting")
        },
        "bar": bar_of(request, copy, piece),
        "cells": options,
        "csv_url": reverse("reporting:quality-dispute-csv") + piece.query(),
        "quality_url": reverse("reporting:quality") + piece.query(),
        "days": (DECIDED_AFTER, SQL_WITHIN, WON_WITHIN),
    }
    return render(request, "reporting/quality_dispute.html", context)


@require_GET
@may_look
def dispute_csv(request: HttpRequest) -> HttpResponseBase:
    """The numbers of a dispute as a file; it names no person."""
    found, _problems = _dispute(request, shared())
    return csv_response("dispute.csv", *dispute_table(found))


# --- the leads behind a number -------------------------------------------------------------------------------------


@require_GET
@may_look
def leads(request: HttpRequest) -> HttpResponse:
    """The leads behind a number, a page at a time."""
    copy = shared()
    try:
        piece = read_leads(request.GET, today=today_of(copy)).but(names=boards.names_of(deciding()))
        below, above = (_cursor(request, name) for name in ("below", "newer"))
    except BadDrill as problem:
        return _no_number(request, problem)
    found = page_of(copy, Behind(piece, settings.REPORTING_ZONE), request.user, below=below, above=above)
    here = piece.url()
    joint = "&" if "?" in here else "?"
    context = {
        "asked": piece,
        "found": found,
        "rows": rows_of(found.leads),
        "role": role_of(request.user),
        "newer_url": f"{here}{joint}newer={found.newer}" if found.newer else "",
        "older_url": f"{here}{joint}below={found.older}" if found.older else "",
        "csv_url": piece.url("reporting:quality-leads-csv"),
        "fresh_at": copy.fresh_at,
    }
    return render(request, "reporting/drill.html", context)


@require_GET
@may_look
@permission_required("funnel.export_lead", raise_exception=True)
def leads_csv(request: HttpRequest) -> HttpResponseBase:
    """The leads behind a number as a file: all that the viewer may see."""
    copy = shared()
    try:
        piece = read_leads(request.GET, today=today_of(copy)).but(names=boards.names_of(deciding()))
    except BadDrill as problem:
        return _no_number(request, problem)
    log.info("leads exported", user=request.user.get_username(), number=piece.sentence())
    return csv_response(
        "leads.csv", EXPORT_COLUMNS, export_of(copy, Behind(piece, settings.REPORTING_ZONE), request.user)
    )


def _no_number(request: HttpRequest, problem: BadDrill) -> HttpResponse:
    return render(request, "reporting/drill.html", {"problem": str(problem)}, status=400)


def _cursor(request: HttpRequest, name: str) -> int | None:
    asked = request.GET.get(name, "")
    if asked and not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        raise BadDrill(f"In the address {name} is “{asked}”; it is a number.")
    return int(asked) if asked else None


# --- a changed rule ------------------------------------------------------------------------------------------------


@require_POST
@may_change
def draft_changed(request: HttpRequest) -> HttpResponse:
    """A draft in which one rule gives other points, or is gone, to be tried on history. Nothing is applied."""
    rule = get_object_or_404(ScoreRule.objects.select_related("model"), pk=_pk(request.POST.get("rule", "")))
    back = redirect(reverse("reporting:quality"))
    try:
        points = None if "remove" in request.POST else _points(request.POST.get("points", ""))
        made = services.draft_changed(rule, points=points, user=request.user)  # type: ignore[arg-type]
    except PolicyProblem as problem:
        messages.error(request, str(problem))
        return back
    messages.success(request, f"Version {made.version} is a draft: {made.why} Nothing changes until it is published.")
    return redirect(f"{reverse('reporting:lab')}?draft={made.version}&live={rule.model.version}#draft")


@require_POST
@may_change
def replayed(request: HttpRequest) -> HttpResponse:
    """Ask for the nightly replay of the version that decides now."""
    if simulation.refresh(now=timezone.now()) is None:
        messages.error(request, "No version decides yet, so that there is nothing to replay. Activate one first.")
    else:
        messages.success(
            request, "The replay is asked for; a worker does it in the background. Come back in some minutes."
        )
    return redirect("reporting:quality")


@require_POST
@may_change
def reviewed(request: HttpRequest) -> HttpResponse:
    """Record that somebody looked at how good the version that decides is."""
    model = get_object_or_404(ScoringModel, pk=_pk(request.POST.get("model", "")))
    note, asked = request.POST.get("note", ""), request.POST.get("next_on", "")
    try:
        next_on = dt.date.fromisoformat(asked) if asked else None
    except ValueError:
        next_on = dt.date.min  # refused with the words for a day that is not ahead
    try:
        made = reviews.review(model, user=request.user, note=note, now=timezone.now(), next_on=next_on)  # type: ignore[arg-type]
    except PolicyProblem as problem:
        copy = shared()
        context = {"review": _review_context(model), "problems": problem.problems, "note": note, "next_on": asked}
        return render(request, "reporting/quality_review.html", context | {"fresh_at": copy.fresh_at}, status=422)
    messages.success(request, f"The review is recorded. The next one is due on {day_words(made.next_on)}.")
    return redirect("reporting:quality")


def _review_context(model: ScoringModel) -> dict[str, Any]:
    """When a version that decides is to be reviewed, and what the latest reviews said."""
    return {
        "model": model,
        "is_over": model.review_on is not None and model.review_on <= timezone.localdate(),
        "latest": model.reviews.select_related("reviewed_by")[:LATEST_REVIEWS],
        "usual": reviews.next_review(timezone.now()),
    }


def _pk(asked: str) -> int:
    if not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        raise Http404("There is no such rule.")
    return int(asked)


def _points(asked: str) -> float:
    try:
        points = float(asked.replace(",", "."))
    except ValueError:
        points = math.nan
    if not math.isfinite(points):
        raise PolicyProblem([f"“{asked}” is no number of points."])
    return points
