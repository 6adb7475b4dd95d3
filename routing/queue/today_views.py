"""The page Today: what a rep does next, and its list as it is now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from funnel.models import Rep
from routing.acts.viewer import Viewer, viewer_of
from routing.day.agenda import end_of_day
from routing.queue import waiting
from routing.queue.today import SECTIONS, Spot, spots
from routing.queue.today_rows import sections_of
from routing.queue.views import REDRAWN_EVERY


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for. rep: whose day, None for nobody's; hands: the reps whose leads it shows, those whom
    the rep stands in for too; section: that one alone.
    """

    rep: Rep | None
    hands: tuple[int, ...] = ()
    section: str = ""
    callable_only: bool = False
    own: bool = True

    def query(self, **changed: str) -> str:
        parts = {
            "rep": "" if self.own or self.rep is None else str(self.rep.pk),
            "section": self.section,
            "show": "callable" if self.callable_only else "",
        } | changed
        return "&".join(f"{name}={value}" for name, value in parts.items() if value)


@require_GET
def today(request: HttpRequest) -> HttpResponse:
    """The day of the viewer; of any rep for those who see everything."""
    now = timezone.now()
    viewer = viewer_of(request.user)
    asked = _asked(request, viewer)
    context = _list(viewer, asked, _spots(asked, now), now=now)
    reps = Rep.objects.active().select_related("team").order_by("team__name", "name") if viewer.everything else ()
    return render(request, "routing/today.html", context | {"menus": _menus(asked, reps)})


@require_GET
def rows(request: HttpRequest) -> HttpResponse:
    """The list alone; 204 while it is still what the page has (`seen`)."""
    now = timezone.now()
    viewer = viewer_of(request.user)
    asked = _asked(request, viewer)
    found = _spots(asked, now)
    if request.GET.get("seen") == _digest(found, now):
        return HttpResponse(status=204)
    return render(request, "routing/_today_list.html", _list(viewer, asked, found, now=now))


def _asked(request: HttpRequest, viewer: Viewer) -> Asked:
    """What makes no sense, or is not this viewer's to see, is left out."""
    told = request.GET.get("rep", "")
    wanted = int(told) if told.isascii() and told.isdigit() and len(told) < 18 and viewer.everything else viewer.rep_id
    section = request.GET.get("section", "")
    return Asked(
        rep=Rep.objects.filter(pk=wanted).select_related("team").first() if wanted else None,
        hands=viewer.hands if wanted == viewer.rep_id else (wanted,) if wanted else (),
        section=section if section in SECTIONS else "",
        callable_only=request.GET.get("show") == "callable",
        own=wanted == viewer.rep_id,
    )


def _spots(asked: Asked, now: datetime) -> list[Spot]:
    if asked.rep is None:
        return []
    return spots(asked.hands, now=now, until=end_of_day(now), section=asked.section, callable_only=asked.callable_only)


def _list(viewer: Viewer, asked: Asked, found: list[Spot], *, now: datetime) -> dict[str, Any]:
    sections = sections_of(found, viewer, now=now)
    query = asked.query()
    return {
        "sections": sections,
        "total": sum(section.total for section in sections),
        "viewer": viewer,
        "asked": asked,
        "digest": _digest(found, now),
        "rows_url": f"{reverse('routing:today-rows')}?{query}",
        "all_url": f"{reverse('routing:today')}?{asked.query(section='')}",
        "section_url": f"{reverse('routing:today')}?{asked.query(section='-')}"[:-1],
        "now": now,
    }


def _digest(found: list[Spot], now: datetime) -> str:
    """A mark that is another one as soon as the page would look different."""
    facts = [(spot.section, spot.total, spot.task_id, spot.meeting_id, spot.offered_at) for spot in found]
    nothing = waiting.Tally({}, 0, 0, 0, 0, 0)
    salt = f"{int(now.timestamp()) // (60 * REDRAWN_EVERY)} {facts}"
    return waiting.digest([spot.place for spot in found], nothing, salt=salt)


def _menus(asked: Asked, reps: Any) -> list[dict[str, Any]]:
    def address(**changed: str) -> str:
        return f"{reverse('routing:today')}?{asked.query(**changed)}"

    show = [("Everybody", address(show=""), not asked.callable_only)]
    show += [("Callable now", address(show="callable"), asked.callable_only)]
    menus = [{"name": "show", "title": "Show", "value": show[asked.callable_only][0], "set": asked.callable_only,
              "options": show}]  # fmt: skip
    if reps:
        options = [(rep.name, address(rep=str(rep.pk)), asked.rep == rep, str(rep.team or "")) for rep in reps]
        name = asked.rep.name if asked.rep else "Pick a rep"
        menus.append({"name": "rep", "title": "Day of", "value": name, "set": not asked.own, "options": options})
    return menus
