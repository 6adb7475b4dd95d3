"""The pages of the reports: the Overview with its fragments, figures and files, and the leads behind a number."""

import datetime as dt
import json
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET
from django_htmx.middleware import HtmxDetails

from funnel.access import role_of
from funnel.downloads import csv_response
from funnel.models import Exit, GlossaryTerm, Stage
from reporting import campaigns as campaign_table
from reporting import ratings
from reporting.bar import Option, bar
from reporting.definitions import DEFINITIONS
from reporting.drill import DID, BadDrill, read_drill
from reporting.facts import Copy, shared
from reporting.filters import DIMENSIONS, View, read
from reporting.overview import Board, assemble, queries
from reporting.overview.asking import END_TO_END, STEPS, Asker
from reporting.periods import day_words, preset
from reporting.quality.slices import CARRIES
from reporting.quality.tallies import DECIDED_AFTER, SQL_WITHIN, WON_WITHIN
from reporting.queries import LEAVING
from reporting.records import export_of, page_of, records_of
from reporting.selection import bounds
from reporting.tiles import TILES
from routing.leads.listing import EXPORT_COLUMNS, rows_of


class Htmx(HttpRequest):
    """A request as the htmx middleware leaves it."""

    htmx: HtmxDetails


log = structlog.get_logger(__name__)
DEFAULT_DIMENSION = "channel"  # by which the Overview's table is split
MOST_CHOICES = 300  # of one filter; what has fewer leads is not listed


def _today(copy: Copy) -> dt.date:
    """The day in the reporting zone by the facts' own clock."""
    return copy.fresh_at.astimezone(ZoneInfo(settings.REPORTING_ZONE)).date()


def _asked(request: HttpRequest, copy: Copy, *, usual: str = "") -> View:
    more = {"usual": usual} if usual else {}
    return read(request.GET, today=_today(copy), **more)


# --- The Overview --------------------------------------------------------------------------------------------------


def _dimension(parameters: QueryDict) -> str:
    asked = parameters.get("by", DEFAULT_DIMENSION)
    return asked if asked in DIMENSIONS else DEFAULT_DIMENSION


def _board(request: HttpRequest, copy: Copy) -> Board:
    view = _asked(request, copy)
    return assemble(copy, view, by=_dimension(request.GET), zone=settings.REPORTING_ZONE)


@require_GET
def overview(request: Htmx) -> HttpResponse:
    """The whole demand engine on one page; htmx gets the part below the top bar."""
    copy = shared()
    context = {"fresh_at": copy.fresh_at, "demo": settings.DEMO}
    if queries.has_leads(copy):
        board = _board(request, copy)
        context |= _overview_context(request, copy, board)
    # A page that comes back from the history needs all of itself.
    partial = request.htmx and not request.htmx.history_restore_request
    response = render(request, f"reporting/{'_partial' if partial else 'overview'}.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _overview_context(request: HttpRequest, copy: Copy, board: Board) -> dict:
    view, by = _asked(request, copy), board.by.dimension.name
    extra = {"by": by} if by != DEFAULT_DIMENSION else {}
    return {
        "board": board,
        "problems": view.problems,
        "blank": _blank(view, copy) if board.is_blank else None,
        "bar": bar(view, request.path, today=_today(copy), zone=settings.REPORTING_ZONE, extra=extra),
        "by_options": _by_options(view, request.path, by),
        "by_rows": [(row, request.path + row.view.query(**extra)) for row in board.by.shown],
        "exports": [
            (words, reverse("reporting:tile-csv", args=[tile]) + view.query(**extra))
            for tile, (words, _) in TILES.items()
        ],
    }


def _blank(view: View, copy: Copy) -> tuple[str, str, str]:
    """What to say and to offer where no lead reached anything: words, the action's words and address."""
    said = f"No lead reached any stage {view.period.when}"
    if view.is_narrowed:
        return f"{said} with these filters.", "Remove the filters", view.without_filters().query()
    first, last = bounds(copy, "leads")
    everything = View(period=preset("all", _today(copy)), basis=view.basis)
    known = f"What is known lies between {day_words(first)} and {day_words(last)}."
    return f"{said}. {known}", "Show all time", everything.query()


def _by_options(view: View, path: str, by: str) -> list[Option]:
    return [
        (dimension.label, path + view.query(**({} if name == DEFAULT_DIMENSION else {"by": name})), name == by, "")
        for name, dimension in DIMENSIONS.items()
    ]


@require_GET
def choices(request: HttpRequest, name: str) -> HttpResponse:
    """What a filter can be set to, with how many leads moved in the period under the other filters."""
    if name not in DIMENSIONS:
        raise Http404
    copy = shared()
    view = _asked(request, copy)
    chosen = view.where.get(name, ())
    query = Asker(copy, view.choosing(name, []), settings.REPORTING_ZONE).query()
    found, more = copy.answer(
        ("choices", name, query.key), lambda: queries.values(copy, query, name, limit=MOST_CHOICES)
    )
    counts = dict(found)
    listed = [*(value for value in chosen if value not in counts), *counts]
    dimension = DIMENSIONS[name]
    context = {
        "dimension": dimension,
        "choices": [(value or "", dimension.words(value), counts.get(value, 0), value in chosen) for value in listed],
        "more": more,
        "counted": f"leads that reached a stage {view.period.when}",
    }
    return render(request, "reporting/_choices.html", context)


@require_GET
def figure(request: HttpRequest, name: str) -> HttpResponse:
    """A chart of the Overview as plotly JSON; the address takes the page's parameters."""
    board = _board(request, shared())
    figures = {"trend": board.trend.figure, "times": board.times.figure}
    if name not in figures:
        raise Http404
    drawn = figures[name]
    text = drawn.to_json() if drawn is not None else json.dumps({"data": [], "layout": {}})
    return HttpResponse(text, content_type="application/json")


@require_GET
def tile_csv(request: HttpRequest, tile: str) -> HttpResponseBase:
    """The figures of one tile as a file; they name no person, so everybody who sees the page may have them."""
    if tile not in TILES:
        raise Http404
    heading, rows = TILES[tile][1](_board(request, shared()))
    return csv_response(f"{tile}.csv", heading, rows)


# --- The leads behind a number -------------------------------------------------------------------------------------


@require_GET
def drill(request: HttpRequest) -> HttpResponse:
    """The leads behind a number, a page at a time."""
    copy = shared()
    try:
        asked = read_drill(request.GET, today=_today(copy))
        below, above = (_cursor(request.GET, name) for name in ("below", "above"))
    except BadDrill as problem:
        return render(request, "reporting/drill.html", {"problem": str(problem)}, status=400)
    found = page_of(copy, records_of(asked, zone=settings.REPORTING_ZONE), request.user, below=below, above=above)
    here = asked.url()
    context = {
        "asked": asked,
        "found": found,
        "rows": rows_of(found.leads),
        "role": role_of(request.user),
        "newer_url": f"{here}&above={found.newer}" if found.newer else "",
        "older_url": f"{here}&below={found.older}" if found.older else "",
        "csv_url": asked.url("reporting:drill-csv"),
        "fresh_at": copy.fresh_at,
    }
    return render(request, "reporting/drill.html", context)


def _cursor(parameters: QueryDict, name: str) -> int | None:
    asked = parameters.get(name, "")
    if asked and not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        raise BadDrill(f"In the address {name} is “{asked}”; it is a number.")
    return int(asked) if asked else None


@require_GET
@permission_required("funnel.export_lead", raise_exception=True)
def drill_csv(request: HttpRequest) -> HttpResponseBase:
    """The leads behind a number as a file: all that the viewer may see."""
    copy = shared()
    try:
        asked = read_drill(request.GET, today=_today(copy))
    except BadDrill as problem:
        return render(request, "reporting/drill.html", {"problem": str(problem)}, status=400)
    log.info("leads exported", user=request.user.get_username(), number=asked.sentence())
    records = records_of(asked, zone=settings.REPORTING_ZONE)
    return csv_response("leads.csv", EXPORT_COLUMNS, export_of(copy, records, request.user))


# --- Campaigns -----------------------------------------------------------------------------------------------------

CAMPAIGN_DIMENSIONS = ("channel", "region", "function", "segment", "solution")


@require_GET
def campaigns(request: HttpRequest) -> HttpResponse:
    """Every campaign with what it brought in, what became of it, and what it cost."""
    copy = shared()
    view = _asked(request, copy, usual="all")
    asked = campaign_table.read_asked(request.GET)
    ask = Asker(copy, view, settings.REPORTING_ZONE)
    found = campaign_table.rows(ask, asked)
    rows, number = campaign_table.page_of(found, asked.page)
    extra = asked.pairs()

    def page(to: int) -> str:
        return request.path + view.query(**extra, page=to)

    context = {
        "fresh_at": copy.fresh_at,
        "view": view,
        "problems": view.problems,
        "asked": asked,
        "rows": campaign_table.shown(ask, rows),
        "ratings": ratings.tables("campaign", now=timezone.now()),
        "stages": campaign_table.LATER,
        "sorts": {
            key: (words, request.path + view.query(**(extra | {"sort": key})), key == asked.sort)
            for key, words in campaign_table.SORTS.items()
        },
        "bar": bar(
            view,
            request.path,
            today=_today(copy),
            zone=settings.REPORTING_ZONE,
            dimensions=CAMPAIGN_DIMENSIONS,
            compares=False,
            extra=extra,
        ),
        "others": [*view.pairs(), *((name, value) for name, value in extra.items() if name != "name")],
        "said": campaign_table.said(found, number),
        "newer_url": page(number - 1) if number > 1 else "",
        "older_url": page(number + 1) if number * campaign_table.PAGE < len(found) else "",
        "csv_url": reverse("reporting:campaigns-csv") + view.query(**extra),
        "window": campaign_table.STEP.window,
    }
    return render(request, "reporting/campaigns.html", context)


@require_GET
def campaigns_csv(request: HttpRequest) -> HttpResponseBase:
    """The campaigns of the page, all of them, as a file."""
    copy = shared()
    view = _asked(request, copy, usual="all")
    found = campaign_table.rows(Asker(copy, view, settings.REPORTING_ZONE), campaign_table.read_asked(request.GET))
    return csv_response("campaigns.csv", *campaign_table.table(found))


# --- Words ---------------------------------------------------------------------------------------------------------


@require_GET
def glossary(request: HttpRequest) -> HttpResponse:
    """Every word and formula that the reports use, and the company's own."""
    own = {term.slug: term for term in GlossaryTerm.objects.all()}
    context = {
        "definitions": DEFINITIONS.values(),
        "stages": [(stage, DID[stage], own.pop(stage.value, None)) for stage in Stage],
        "steps": [*STEPS, END_TO_END],
        "exits": [Exit(name) for name in LEAVING],
        "terms": own.values(),
        "taken": {*DEFINITIONS, "exits", "window", "interval", "mql-quality"},  # anchors of this page
        "decided_after": DECIDED_AFTER,
        "sql_within": SQL_WITHIN,
        "won_within": WON_WITHIN,
        "carries": f"{CARRIES:.0%}",
        "zone": settings.REPORTING_ZONE,
    }
    return render(request, "reporting/glossary.html", context)
