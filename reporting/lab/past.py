"""The comparisons made so far, as a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, F
from django.urls import reverse

from reporting.lab.bench import SHOWN
from reporting.lab.view import View
from reporting.models import Comparison
from reporting.periods import DAY, day_range
from scoring.models import SimulatedLead, Simulation

MOST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A comparison in the list. volume: MQLs a week, live → draft, all leads; empty until both are done."""

    row: Comparison
    url: str
    history: str
    volume: str
    state: str
    problem: str


def listed() -> list[Past]:
    """The latest ones. Two queries."""
    rows = list(Comparison.objects.select_related(*SHOWN).order_by("-id")[:MOST])
    wanted = {pk for row in rows for pk in (row.live_id, row.draft_id)}
    within = {"mql_at__gte": F("simulation__starts_at"), "mql_at__lt": F("simulation__ends_at")}
    made = SimulatedLead.objects.filter(simulation__in=wanted, **within).exclude(lead__exit="void")
    counts = dict(made.values_list("simulation").annotate(leads=Count("id")))
    return [_past(row, counts) for row in rows]


def _past(row: Comparison, counts: dict[int, int]) -> Past:
    zone = ZoneInfo(settings.REPORTING_ZONE)
    first, end = (at.astimezone(zone).date() for at in (row.live.starts_at, row.live.ends_at))
    view = View(draft=row.draft.model.version, live=row.live.model.version, weeks=None, first=first, end=end)
    both: Sequence[Simulation] = (row.live, row.draft)
    done = all(one.status == Simulation.Status.DONE for one in both)
    weeks = (end - first).days / 7
    said = [f"{counts.get(one.pk, 0) / weeks:,.1f}" for one in both] if done else []
    open_ = next((one for one in both if one.status != Simulation.Status.DONE), row.draft)
    return Past(
        row=row,
        url=reverse("reporting:lab") + view.query(),
        history=day_range(first, end - DAY),
        volume=" → ".join(said),
        state="simulated" if done else open_.get_status_display().lower(),
        problem=next((one.problem for one in both if one.problem), ""),
    )
