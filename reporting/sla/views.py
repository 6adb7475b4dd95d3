"""The page of promises, the leads behind its numbers, and both as files."""

import datetime as dt
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from funnel.downloads import csv_response
from reporting.definitions import DEFINITIONS
from reporting.sla import figures
from reporting.sla.asking import BY, CUSTOM, PARTS, PERIODS, Asked, read
from reporting.sla.figures import Figure
from routing.models import Clock, SlaPolicy, SlaPromise

PAGE = 50
KINDS = dict(SlaPromise.Kind.choices)
COLUMNS = (
    "name", "due", "kept", "missed at some time", "overdue now", "attainment", "interval low", "interval high",
    "median working minutes", "first follow-ups within 48 clock hours",
)  # fmt: skip
LEAD_COLUMNS = (
    "lead", "person", "owner", "kind", "promise", "policy", "started", "due", "stopped", "missed", "working minutes",
)  # fmt: skip
may_look = permission_required("routing.view_clock", raise_exception=True)


def _asked(request: HttpRequest, now: dt.datetime) -> Asked:
    today = now.astimezone(ZoneInfo(settings.REPORTING_ZONE)).date()
    return read(request.GET, kinds=KINDS, today=today)


@require_GET
@may_look
def promises(request: HttpRequest) -> HttpResponse:
    """How promises were kept: a table by kind, and one by rep, team, week or month."""
    now = timezone.now()
    asked = _asked(request, now)
    context = {
        "asked": asked,
        "kinds": _linked(figures.by_kind(asked, request.user, now=now), asked, of_kind=True),
        "groups": _linked(figures.by_group(asked, request.user, now=now), asked),
        "periods": [(words, request.path + asked.query(period=key), key == asked.period.key)
                    for key, words in _periods(asked).items()],
        "kind_choices": [(words, request.path + asked.query(kind=key), key == asked.kind)
                         for key, words in {"": "All clocks", **KINDS}.items()],
        "bys": [(words, request.path + asked.query(by=key), key == asked.by) for key, words in BY.items()],
        "by": BY[asked.by],
        "csv_url": reverse("reporting:promises-csv") + asked.query(),
        "words": [DEFINITIONS[name] for name in ("sla-attainment", "sla-missed", "sla-overdue", "time-to-act")],
        "policy": SlaPolicy.objects.filter(status="published").first(),
        "now": now,
    }  # fmt: skip
    return render(request, "reporting/promises.html", context)


def _periods(asked: Asked) -> dict[str, str]:
    """What the menu offers; the days that the address names too, so that it says what is shown."""
    return ({CUSTOM: str(asked.period)} if asked.period.key == CUSTOM else {}) | PERIODS


@require_GET
@may_look
def promises_csv(request: HttpRequest) -> HttpResponseBase:
    """Both tables as a file; it names no person."""
    now = timezone.now()
    asked = _asked(request, now)
    rows = [*figures.by_kind(asked, request.user, now=now), *figures.by_group(asked, request.user, now=now)]
    return csv_response(f"promises-{asked.period.key}.csv", COLUMNS, map(_cells, rows))


@require_GET
@may_look
def leads(request: HttpRequest) -> HttpResponse:
    """The leads behind one number, with their clocks."""
    now = timezone.now()
    asked = _asked(request, now)
    page = Paginator(figures.behind(asked, request.user, now=now), PAGE).get_page(request.GET.get("page"))
    here = asked.query(part=asked.part, group=asked.group)
    joint = "&" if here else "?"
    context = {
        "asked": asked,
        "sentence": _sentence(asked),
        "page": page,
        "kinds": KINDS,
        "newer_url": f"{request.path}{here}{joint}page={page.previous_page_number()}" if page.has_previous() else "",
        "older_url": f"{request.path}{here}{joint}page={page.next_page_number()}" if page.has_next() else "",
        "csv_url": reverse("reporting:promises-leads-csv") + here,
        "back_url": reverse("reporting:promises") + asked.query(),
    }
    return render(request, "reporting/promises_leads.html", context)


@require_GET
@may_look
@permission_required("funnel.export_lead", raise_exception=True)
def leads_csv(request: HttpRequest) -> HttpResponseBase:
    """The same leads as a file, every one."""
    now = timezone.now()
    asked = _asked(request, now)
    found = figures.behind(asked, request.user, now=now)
    return csv_response(f"promises-leads-{asked.part}.csv", LEAD_COLUMNS, _lead_rows(found.iterator(2_000)))


def _linked(rows: list[Figure], asked: Asked, *, of_kind: bool = False) -> list[dict[str, Any]]:
    """Each row with the addresses of the leads behind its numbers."""
    address = reverse("reporting:promises-leads")
    shown = []
    for row in rows:
        about = {"kind": row.key} if of_kind else {"group": row.key}
        urls = {part: address + asked.query(part=part, **about) for part in PARTS}
        shown.append({"row": row, "urls": urls})
    return shown


def _sentence(asked: Asked) -> str:
    kind = f"“{KINDS[asked.kind]}”" if asked.kind else "any kind"
    group = figures.group_name(asked)
    whose = {"": "", "rep": f" with {group}", "team": f" with the team {group}"}.get(
        asked.by if group else "", f" in {group}" if asked.by == "month" else f" in the {group}"
    )
    return f"Promises of {kind}, due {asked.period.when}{whose}, that {PARTS[asked.part]}."


def _cells(row: Figure) -> tuple[Any, ...]:
    low, high = row.interval
    return (row.name, row.n, row.kept, row.missed, row.overdue, row.share, low, high, row.minutes, row.within)


def _lead_rows(clocks: Iterator[Clock]) -> Iterator[tuple[Any, ...]]:
    for clock in clocks:
        promise = clock.promise
        yield (
            clock.lead_id, str(clock.lead.person), str(clock.lead.owner or ""), clock.kind,
            promise.name if promise else "", str(promise.sla_policy) if promise else "", clock.started_at,
            clock.due_at, clock.stopped_at, clock.missed, clock.took,  # type: ignore[attr-defined]
        )  # fmt: skip
