"""The comparisons made so far, as a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from reporting.facts import Reading
from reporting.lab import queries
from reporting.lab.bench import SHOWN
from reporting.lab.view import View
from reporting.models import Comparison
from reporting.periods import DAY, day_range
from reporting.sources import mqls_key
from scoring.models import Simulation

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


def latest() -> list[Comparison]:
    """The latest comparisons. One query."""
    return list(Comparison.objects.select_related(*SHOWN).order_by("-id")[:MOST])


def replays(rows: Sequence[Comparison]) -> list[str]:
    """The facts that tell what these came to."""
    return [mqls_key(one.pk) for one in _done(rows)]


def listed(facts: Reading, rows: Sequence[Comparison]) -> list[Past]:
    """These as a list; facts: with their `replays` in them."""
    counts = queries.volumes(facts, {one.pk: (one.starts_at, one.ends_at) for one in _done(rows)})
    return [_past(row, counts) for row in rows]


def _done(rows: Sequence[Comparison]) -> list[Simulation]:
    return [one for row in rows if _is_done(row) for one in (row.live, row.draft)]


def _is_done(row: Comparison) -> bool:
    return all(one.status == Simulation.Status.DONE for one in (row.live, row.draft))


def _past(row: Comparison, counts: dict[int, int]) -> Past:
    zone = ZoneInfo(settings.REPORTING_ZONE)
    first, end = (at.astimezone(zone).date() for at in (row.live.starts_at, row.live.ends_at))
    view = View(draft=row.draft.model.version, live=row.live.model.version, weeks=None, first=first, end=end)
    both: Sequence[Simulation] = (row.live, row.draft)
    done = _is_done(row)
    weeks = (end - first).days / 7
    said = [f"{counts[one.pk] / weeks:,.1f}" for one in both] if done else []
    open_ = next((one for one in both if one.status != Simulation.Status.DONE), row.draft)
    return Past(
        row=row,
        url=reverse("reporting:lab") + view.query(),
        history=day_range(first, end - DAY),
        volume=" → ".join(said),
        state="simulated" if done else open_.get_status_display().lower(),
        problem=next((one.problem for one in both if one.problem), ""),
    )
