"""The queue's pages: the whole, its rows as they are now, and what stands beside the selected one."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from funnel.access import visible_to
from funnel.keyset import BadCursor
from funnel.models import Lead, Region, Rep, Solution
from routing.acts.viewer import TAB_TITLES, Viewer, viewer_of
from routing.models import SavedView
from routing.queue import saved_views, waiting
from routing.queue.detail import detail_of
from routing.queue.rows import rows_of
from routing.queue.waiting import Asked, Place, Tally, pulse_of
from scoring.models import ScoringModel

PAGE_NAME = "queue"
REDRAWN_EVERY = 5  # minutes after which rows are drawn anew though nothing happened: interest decays meanwhile
FILTERS = (("show", "Show"), ("solution", "Solution"), ("region", "Region"), ("grade", "Grade"), ("owner", "Rep"))


@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """The queue with its filters; the selected lead is fetched beside it."""
    now = timezone.now()
    viewer = viewer_of(request.user)
    asked = waiting.asked(request.GET, viewer)
    context = _list(request, viewer, asked, _standing(viewer, asked, now), now=now)
    here = _query(request.GET, asked).urlencode()
    saved = list(SavedView.objects.filter(user=request.user.pk, page=PAGE_NAME))
    context |= {
        "menus": _menus(request.GET, asked),
        "reps": _reps(viewer),
        "here": here,
        "saved": saved,
        "saved_now": next((view for view in saved if view.query == here), None),
    }
    return render(request, "routing/queue.html", context)


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the filters of the address under a name."""
    viewer = viewer_of(request.user)
    told = QueryDict(request.POST.get("query", ""))
    query = _query(told, waiting.asked(told.dict(), viewer)).urlencode()
    try:
        made = saved_views.save(
            request.user, page=PAGE_NAME, name=request.POST.get("name", ""), query=query, now=timezone.now()
        )
    except saved_views.NotSaved as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"These filters are saved as “{made.name}”. Their address can be sent to anybody.")
    return redirect(f"{reverse('routing:queue')}?{query}")


@require_POST
def forget_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a saved view of the user's own."""
    if name := saved_views.forget(request.user, pk):
        messages.success(request, f"The saved filters “{name}” are deleted.")
    return redirect("routing:queue")


@require_GET
def rows(request: HttpRequest) -> HttpResponse:
    """The list alone, as it is now; 204 while it is still what the page has (`seen`)."""
    now = timezone.now()
    viewer = viewer_of(request.user)
    asked = waiting.asked(request.GET, viewer)
    standing = _standing(viewer, asked, now)
    if request.GET.get("seen") == standing.digest:
        return HttpResponse(status=204)
    return render(request, "routing/_queue_list.html", _list(request, viewer, asked, standing, now=now))


@require_GET
def beside(request: HttpRequest, pk: int) -> HttpResponse:
    """Why this lead is here, its account, its last touches, and why it is yours."""
    now = timezone.now()
    seen = visible_to(Lead.objects.all(), request.user)
    lead = get_object_or_404(
        seen.select_related("person", "account__owner", "account__region", "solution", "owner", "pool"), pk=pk
    )
    viewer = viewer_of(request.user)
    return render(request, "routing/_queue_side.html", detail_of(lead, viewer, now=now) | {"lead": lead, "now": now})


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the list is at one moment, before anything is dressed for the eye."""

    places: list[Place]
    following: str
    tally: Tally
    done: dict[str, int]
    digest: str


def _standing(viewer: Viewer, asked: Asked, now: datetime) -> _Standing:
    try:
        places, following = waiting.places(asked, viewer, now=now)
    except BadCursor:
        places, following = waiting.places(Asked(asked.tab, asked.filters), viewer, now=now)
    tally = waiting.tally(asked, viewer, now=now)
    midnight = timezone.make_aware(datetime.combine(timezone.localdate(now), time.min))
    done = waiting.done_today(viewer.user_id, since=midnight) if viewer.may_work else {}
    salt = f"{asked.after} {int(now.timestamp()) // (60 * REDRAWN_EVERY)} {done}"
    return _Standing(places, following, tally, done, waiting.digest(places, tally, salt=salt))


def _list(request: HttpRequest, viewer: Viewer, asked: Asked, standing: _Standing, *, now: datetime) -> dict[str, Any]:
    query = _query(request.GET, asked)
    return {
        "rows": rows_of(standing.places, viewer, now=now, unrouted=asked.tab == "unrouted"),
        "viewer": viewer,
        "asked": asked,
        "tabs": [_tab(tab, asked, standing.tally) for tab in viewer.tabs],
        "tally": standing.tally,
        "done": standing.done,
        "digest": standing.digest,
        "next_url": _address(query, after=standing.following) if standing.following else "",
        "first_url": _address(query) if asked.after else "",
        "rows_url": f"{reverse('routing:queue-rows')}?{_query(request.GET, asked, page=True).urlencode()}",
        "bulk": viewer.may_reassign and asked.tab in ("pool", "team", "unrouted"),
        "now": now,
    }


def _tab(tab: str, asked: Asked, tally: Tally) -> dict[str, Any]:
    url = f"{reverse('routing:queue')}?tab={tab}"
    return {"name": tab, "title": TAB_TITLES[tab], "url": url, "on": tab == asked.tab, "count": tally.tabs[tab]}


def _query(query: QueryDict, asked: Asked, *, page: bool = False) -> QueryDict:
    """What the address says and was understood; with `page` the place in the list too."""
    kept = QueryDict(mutable=True)
    kept["tab"] = asked.tab
    for name, value in asked.filters.items():
        kept[name] = str(value)
    if page and asked.after:
        kept["after"] = asked.after
    return kept


def _address(query: QueryDict, **changed: str) -> str:
    copy = query.copy()
    for name, value in changed.items():
        copy[name] = value
        if not value:
            del copy[name]
    return f"{reverse('routing:queue')}?{copy.urlencode()}"


def _menus(query: QueryDict, asked: Asked) -> list[dict[str, Any]]:
    """The menus of the filter bar. Two or three short queries."""
    kept = _query(query, asked)
    choices: dict[str, list[tuple[str, str]]] = {
        "show": list(waiting.SHOWS.items()),
        "solution": [(str(pk), name) for pk, name in Solution.objects.values_list("pk", "name")],
        "region": [(str(pk), name) for pk, name in Region.objects.values_list("pk", "name")],
        "grade": [(letter, f"Fit {letter}") for letter in _grades()],
    }
    if asked.tab == "team":
        choices["owner"] = [(str(rep.pk), rep.name) for rep in Rep.objects.active()]
    return [
        _menu(name, title, choices[name], str(asked.filters.get(name, "")), kept)
        for name, title in FILTERS
        if choices.get(name) or name in asked.filters
    ]


def _menu(name: str, title: str, choices: list[tuple[str, str]], value: str, query: QueryDict) -> dict[str, Any]:
    options = [("All", _address(query, **{name: ""}), not value)]
    options += [(label, _address(query, **{name: key}), key == value) for key, label in choices]
    label = dict(choices).get(value, "Unknown") if value else "All"
    return {"name": name, "title": title, "value": label, "set": bool(value), "options": options}


def _grades() -> list[str]:
    """The letters of the versions that decide."""
    found = ScoringModel.objects.filter(active=True).order_by("version").values_list("grades", flat=True)
    return sorted({letter for grades in found for letter, _least in grades})


def _reps(viewer: Viewer) -> list[Rep]:
    """Whom leads can be given to."""
    if not viewer.may_reassign:
        return []
    return list(Rep.objects.active().select_related("team").order_by("team__name", "name"))


@require_GET
def pulse(request: HttpRequest) -> JsonResponse:
    """How many notices are unread, the newest that the browser may show, and how many leads wait. Two queries."""
    return JsonResponse(pulse_of(request.user.pk or 0, now=timezone.now()))
