"""The page of hand-offs: an account executive's, an SDR's, or everybody's; those that wait are for the oldest first."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Q, QuerySet
from django.urls import reverse

from funnel.access import sight_of
from funnel.models import Stage
from routing.acts.viewer import Viewer
from routing.models import HandOff, Meeting

MOST: Final = 100
LATELY: Final = timedelta(days=90)
_WITH_ROW: Final = ("note", "lead__person", "lead__account", "from_rep", "to_rep", "reason")
_WAITS: Final = Q(
    accepted_at=None, returned_at=None, withdrawn_at=None, lead__stage=Stage.SQL, lead__closed_at=None,
    lead__owner=F("to_rep"),
)  # fmt: skip
_TABS: Final = {"waiting": "Waiting", "taken": "Taken over", "returned": "Returned"}


@dataclass(frozen=True, slots=True)
class Line:
    """One hand-off with the lead's meeting that lies ahead. at: since when it is so."""

    hand_off: HandOff
    meeting: Meeting | None
    at: datetime


def waiting_for(rep_id: int) -> QuerySet[HandOff]:
    """The SQLs that were offered to this rep and wait for an answer, the oldest first."""
    return HandOff.objects.filter(_WAITS, to_rep=rep_id).select_related(*_WITH_ROW).order_by("offered_at", "pk")


def offered_among(lead_ids: Collection[int]) -> dict[int, HandOff]:
    """The offers that wait for an answer among these leads, by lead. One query, none without a lead."""
    if not lead_ids:
        return {}
    found = HandOff.objects.filter(_WAITS, lead__in=lead_ids).select_related("note", "from_rep")
    return {one.lead_id: one for one in found}


def page_of(query: Mapping[str, Any], user: Any, viewer: Viewer, *, now: datetime) -> dict[str, Any]:
    """The context of the page: three queries and those of the viewer, however many hand-offs."""
    states = {
        "waiting": _WAITS,
        "taken": Q(accepted_at__gte=now - LATELY, returned_at=None),
        "returned": Q(returned_at__gte=now - LATELY),
    }
    mine = _seen_by(user, viewer)
    counts = mine.aggregate(**{name: Count("pk", filter=state) for name, state in states.items()})
    tab = query.get("tab", "") if query.get("tab") in states else "waiting"
    found = mine.filter(states[tab]).select_related(*_WITH_ROW)
    order = {"waiting": "offered_at", "taken": "-accepted_at", "returned": "-returned_at"}[tab]
    shown = list(found.order_by(order, "pk")[:MOST])
    ahead = {one.lead_id: one for one in Meeting.objects.filter(lead__in=[one.lead_id for one in shown], outcome="")}
    return {
        "tab": tab,
        "tabs": [
            {"name": name, "title": title, "url": f"{reverse('routing:hand-offs')}?tab={name}", "count": counts[name]}
            for name, title in _TABS.items()
        ],
        "lines": [Line(one, ahead.get(one.lead_id), _since(one)) for one in shown],
        "all_shown": counts[tab] <= MOST,
        "everybodys": viewer.everything,
    }


def _seen_by(user: Any, viewer: Viewer) -> QuerySet[HandOff]:
    """Everybody's for who sees everything, else those of the user's team, on either side."""
    if viewer.everything:
        return HandOff.objects.all()
    reps = sight_of(user).reps
    return HandOff.objects.filter(Q(to_rep__in=reps) | Q(from_rep__in=reps))


def _since(hand_off: HandOff) -> datetime:
    return hand_off.returned_at or hand_off.accepted_at or hand_off.offered_at
