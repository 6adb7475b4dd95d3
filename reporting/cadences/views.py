"""The page of cadences: what is in force, how its steps are kept, and what attempts come to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from funnel.access import visible_to
from funnel.downloads import csv_response
from funnel.models import Lead
from reporting.cadences import figures, outreach, personas
from reporting.cadences.figures import Share
from reporting.cadences.outreach import OFTEN, PARTS, Cell, Group
from routing.cadences import versions as cadence_versions
from routing.cadences.capping import caps
from routing.leads.listing import EXPORT_COLUMNS, export_rows

log = structlog.get_logger(__name__)
PAGE: Final = 50
COLUMNS: Final = (
    "persona", "media", "attempts", "leads", "sql in time", "share", "interval low", "interval high", "still open",
    "too young",
)  # fmt: skip
may_look = permission_required("routing.view_cadence", raise_exception=True)
EDIT = ("routing.add_cadence", "routing.change_cadence")


@require_GET
@may_look
def cadences(request: HttpRequest) -> HttpResponse:
    """Cadences with their figures, and what the figures of all attempts say about when, how and how often to try."""
    now = timezone.now()
    worked, answered = outreach.cells(now=now), figures.answered(now=now)
    by_persona = _by_persona(worked, personas.read(request.GET))
    user: Any = request.user
    context = {
        "cadences": figures.of_cadences(now=now),
        "media": figures.by_medium(answered),
        "their_media": figures.by_medium(answered, by_persona["chosen"].persona),
        "starts": outreach.by_start(worked),
        "often": outreach.by_often(worked),
        "caps": caps(),
        "window": figures.WINDOW.days,
        "ripe": outreach.RIPE.days,
        "answered_words": f"attempts that were answered within {figures.ANSWERS.days} days",
        "ripe_words": f"leads that were an SQL {outreach.RIPE.days} days after the MQL; younger ones are left out",
        "may_edit": user.has_perms(EDIT) and user.is_staff,
    }
    return render(request, "reporting/cadences.html", context | by_persona)


def _by_persona(worked: Sequence[Cell], asked: Group) -> dict[str, Any]:
    """The tables by persona, each number with the address of the leads behind it."""
    here, leads = reverse("reporting:cadences"), reverse("reporting:cadences-leads")
    named, everybody = personas.by_persona(worked), personas.total(worked)
    chosen = next((row for row in named if row.persona == asked.persona is not None), everybody)
    rows = [*named, everybody]
    return {
        "personas": [
            {
                "row": row,
                "on": row is chosen,
                "url": f"{here}{personas.query_of(Group(persona=row.persona))}#personas",
                "urls": {part: leads + personas.query_of(Group(persona=row.persona, part=part)) for part in PARTS},
                "named": row.persona is not None or row is everybody,
            }
            for row in rows
        ],
        "chosen": chosen,
        "mixes": [_shown(mix, Group(persona=chosen.persona), leads) for mix in personas.by_mix(worked, chosen.persona)],
        "bands": OFTEN,
        "untried": personas.untried(worked),
        "few": figures.FEW,
        "personas_csv": reverse("reporting:cadences-personas-csv"),
    }


def _shown(mix: personas.Mix, group: Group, leads: str) -> dict[str, Any]:
    """A row of the mixes, each of its cells with the address of its leads."""
    places: list[tuple[int | None, Share]] = [*enumerate(mix.shares), (None, mix.all)]
    cells = [
        {"share": share, "url": leads + personas.query_of(group, media=mix.media, often=place)}
        for place, share in places
    ]
    return {"name": mix.all.name, "cells": cells}


@require_GET
@may_look
def personas_csv(_request: HttpRequest) -> HttpResponseBase:
    """Every persona, mix and number of attempts as a file; it names nobody."""
    return csv_response(
        "outreach-by-persona.csv", COLUMNS, map(_line, personas.merged(outreach.cells(now=timezone.now())))
    )


def _line(cell: Cell) -> tuple[Any, ...]:
    assert cell.often is not None
    share = Share("", cell.won, cell.n)
    media, often = personas.mix_words(cell.media), OFTEN[cell.often]
    return (cell.persona, media, often, cell.n, cell.won, share.value, *share.interval, cell.open, cell.young)


@require_GET
@may_look
def leads(request: HttpRequest) -> HttpResponse:
    """The leads behind one number, with how each was tried."""
    now = timezone.now()
    group = personas.read(request.GET)
    found = _behind(request, group, now=now).select_related("person", "owner")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    here = personas.query_of(group)
    joint = "&" if here else "?"
    context = {
        "sentence": personas.sentence(group),
        "page": page,
        "rows": _rows(list(page), now=now),
        "newer_url": f"{request.path}{here}{joint}page={page.previous_page_number()}" if page.has_previous() else "",
        "older_url": f"{request.path}{here}{joint}page={page.next_page_number()}" if page.has_next() else "",
        "csv_url": reverse("reporting:cadences-leads-csv") + here,
        "back_url": f"{reverse('reporting:cadences')}{personas.query_of(Group(persona=group.persona))}#personas",
    }
    return render(request, "reporting/cadences_leads.html", context)


@require_GET
@may_look
@permission_required("funnel.export_lead", raise_exception=True)
def leads_csv(request: HttpRequest) -> HttpResponseBase:
    """The same leads as a file, every one."""
    group = personas.read(request.GET)
    log.info("leads exported", user=request.user.get_username(), number=personas.sentence(group))
    return csv_response("leads.csv", EXPORT_COLUMNS, export_rows(_behind(request, group, now=timezone.now())))


def _behind(request: HttpRequest, group: Group, *, now: datetime) -> Any:
    return visible_to(outreach.behind(group, now=now), request.user)


def _rows(found: Sequence[Lead], *, now: datetime) -> list[dict[str, Any]]:
    tried = outreach.tried([lead.pk for lead in found], now=now)
    return [{"lead": lead, "how": tried[lead.pk], "media": personas.mix_words(tried[lead.pk].media)} for lead in found]


@require_POST
@permission_required(EDIT, raise_exception=True)
def start_from_preset(request: HttpRequest) -> HttpResponse:
    """A draft of the cadence that ships, to be looked at and published in the admin."""
    made = cadence_versions.draft_of_preset(user=request.user)
    messages.success(request, f"“{made}” is a draft. It takes no lead until it is published.")
    return redirect("admin:routing_cadence_change", made.pk)
