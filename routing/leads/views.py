"""The pages of leads: the list, its export, and one lead with everything that happened to it."""

import json
from typing import Any

import structlog
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from funnel.access import sight_of, visible_to
from funnel.downloads import csv_response
from funnel.keyset import BadCursor, Page, page
from funnel.models import Lead, StageEvent
from funnel.notes import write_note
from routing.acts.forms import NoteForm
from routing.leads import timeline as timelines
from routing.leads.filters import LeadFilter
from routing.leads.listing import EXPORT_COLUMNS, PAGE, count_in_words, export_rows, order_of, rows_of, with_row
from routing.leads.menus import CURSORS, FETCHED, address, menus, without_cursor
from routing.leads.menus import options as options_of
from routing.leads.page import parts_now, score_of, timeline_of, whole

log = structlog.get_logger(__name__)
NOTE_KEPT = "Note saved."

# --- The list -------------------------------------------------------------------------------------


def _filter_of(request: HttpRequest) -> LeadFilter:
    return LeadFilter(request.GET, visible_to(Lead.objects.all(), request.user))


@require_GET
def leads(request: HttpRequest) -> HttpResponse:
    """Leads that the viewer may see, latest moved first."""
    lead_filter = _filter_of(request)
    found, values = lead_filter.qs, lead_filter.values()
    order = order_of(values)
    rows = _page(request, found, order)
    all_of_them = sight_of(request.user).everything and not values
    return render(
        request,
        "routing/leads.html",
        {
            "rows": rows_of(rows.rows),
            "newer_url": address(request.GET, "newer", rows.newer) if rows.newer else "",
            "older_url": address(request.GET, "older", rows.older) if rows.older else "",
            "said": count_in_words(found, narrowed=not all_of_them),
            "menus": menus(lead_filter, request.GET),
            "filter": lead_filter,
            "order": order[0],
            "query": without_cursor(request.GET),
            "now": timezone.now(),
        },
    )


def _page(request: HttpRequest, queryset: QuerySet[Lead], order: tuple[str, str]) -> Page[Lead]:
    """The page that the address asks for; one that makes no sense is the first."""
    older, newer = (request.GET.get(name, "") for name in CURSORS)
    try:
        return page(queryset, order=order, size=PAGE, dress=with_row, older=older, newer=newer)
    except BadCursor:
        return page(queryset, order=order, size=PAGE, dress=with_row)


@require_GET
def options(request: HttpRequest, name: str) -> HttpResponse:
    """The options of one menu of the filter bar."""
    if name not in FETCHED:
        raise Http404
    find = request.GET.get("find", "").strip()
    found, more = options_of(name, request.GET, find=find)
    return render(request, "routing/_options.html", {"options": found, "more": more, "find": find})


@require_GET
@permission_required("funnel.export_lead", raise_exception=True)
def export(request: HttpRequest) -> HttpResponseBase:
    """The list as CSV, streamed: the same filters, every row."""
    log.info("leads exported", user=request.user.get_username(), filters=without_cursor(request.GET).urlencode())
    rows = export_rows(_filter_of(request).qs)
    return csv_response(f"leads-{timezone.localdate()}.csv", EXPORT_COLUMNS, rows)


# --- One lead -------------------------------------------------------------------------------------


def _lead_of(request: HttpRequest, pk: int) -> Lead:
    seen = visible_to(Lead.objects.all(), request.user)
    return get_object_or_404(
        seen.select_related(
            "person", "account__owner", "account__region", "account__parent", "owner__team", "pool", "reason",
            "channel", "content", "campaign", "region", "solution",
        ),
        pk=pk,
    )  # fmt: skip


def _events_of(lead: Lead) -> list[StageEvent]:
    return timelines.ordered(StageEvent.objects.filter(lead=lead).select_related("actor", "reason"))


@require_GET
def lead(request: HttpRequest, pk: int) -> HttpResponse:
    """One lead; for htmx its timeline alone (another kind of entry, or what is older), or its score at some moment."""
    found = _lead_of(request, pk)
    target = request.htmx.target if request.htmx else "main"  # type: ignore[attr-defined]
    if target == "main":
        return _whole_lead(request, found, NoteForm())
    now = timezone.now()
    if target == "score":
        context = score_of(found, request.GET, now=now) | {"lead": found}
        return render(request, "routing/_score.html", context)
    template = "routing/_entries.html" if "older" in request.GET else "routing/_timeline.html"
    return render(request, template, _timeline(request, found) | {"note_form": NoteForm()})


@require_POST
@permission_required("funnel.add_note", raise_exception=True)
def add_note(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a note about the lead; what was typed comes back when it cannot be kept."""
    found = _lead_of(request, pk)
    form = NoteForm(request.POST)
    if form.is_valid():
        write_note(lead=found, author=request.user, text=form.cleaned_data["text"])
        form = NoteForm()
    if not request.htmx:  # type: ignore[attr-defined]
        if form.is_bound:
            return _whole_lead(request, found, form, status=422)
        messages.success(request, NOTE_KEPT)
        return redirect("routing:lead", pk=pk)
    context = _timeline(request, found) | {"note_form": form}
    response = render(request, "routing/_timeline.html", context, status=422 if form.is_bound else 200)
    if not form.is_bound:
        response["HX-Trigger"] = json.dumps({"toast": {"text": NOTE_KEPT, "level": "info"}})
    return response


def _whole_lead(request: HttpRequest, found: Lead, form: NoteForm, *, status: int = 200) -> HttpResponse:
    context = whole(found, _events_of(found), request.GET, request.user, now=timezone.now())
    return render(request, "routing/lead.html", context | {"note_form": form}, status=status)


def _timeline(request: HttpRequest, found: Lead) -> dict[str, Any]:
    parts = parts_now(found, now=timezone.now())
    return timeline_of(found, _events_of(found), request.GET, parts=parts)
