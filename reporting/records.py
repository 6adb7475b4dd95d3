"""The leads behind a number, as far as the viewer may see them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from funnel.access import sight_of, visible_to
from funnel.models import Lead
from reporting.drill import Drill
from reporting.facts import Copy
from reporting.metrics import Query
from reporting.overview import queries
from reporting.overview.queries import Records
from routing.leads.listing import export_rows, with_row

PAGE = 50
CHUNK = 5_000  # ids fetched at a time where visibility may thin them out
MOST_COUNTED = 100_000  # leads whose visibility is counted one by one; more would take seconds


class Behind(Protocol):
    """The leads behind a number, for whom a copy answers."""

    def count(self, copy: Copy) -> int: ...
    def ids(
        self, copy: Copy, *, below: int | None = None, above: int | None = None, limit: int | None = None
    ) -> list[int]:
        """From the greatest down, or from `above` up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsPage:
    """One page, highest id first. total: how many there are; visible: how many of them this viewer sees, if known."""

    leads: list[Lead]
    total: int
    visible: int | None
    newer: int | None = None
    older: int | None = None


def records_of(drill: Drill, *, zone: str) -> Records:
    """What a drill asks for, as a question to the copy."""
    start, end = drill.view.period.bounds(zone)
    query = Query(start=start, end=end, tz=zone, where=drill.view.where, window=drill.window)
    if drill.show == "step" and drill.to:
        converted = {"all": None, "yes": True, "no": False}[drill.part]
        return queries.step_records(query, drill.stage, drill.to, converted=converted)
    if drill.show == "funnel":
        return queries.funnel_records(query, drill.stage, drill.part)
    if drill.show == "opened":
        return queries.opened_records(query, drill.stage if drill.part == "reached" else None)
    if drill.show == "left":
        where: dict[str, Any] = {**drill.view.where, "reason": [drill.reason]}
        return queries.left_records(replace(query, where=where), drill.stage, drill.exit)
    return queries.reached_records(query, drill.stage, since=drill.since)


def page_of(
    copy: Copy, records: Behind, user: Any, *, below: int | None = None, above: int | None = None
) -> RecordsPage:
    """The page of records below one id or above another, and how many there are."""
    total = records.count(copy)
    visible = _visible(copy, records, user, total)
    if above is not None:
        found = _take(copy, records, user, above=above)
        if len(found) <= PAGE:
            return page_of(copy, records, user)  # the newest end: show a full page rather than its beginning
        leads, more_newer, more_older = found[PAGE - 1 :: -1], True, True
    else:
        found = _take(copy, records, user, below=below)
        leads, more_newer, more_older = found[:PAGE], below is not None, len(found) > PAGE
    return RecordsPage(
        leads=leads,
        total=total,
        visible=visible,
        newer=leads[0].pk if leads and more_newer else None,
        older=leads[-1].pk if leads and more_older else None,
    )


def _visible(copy: Copy, records: Behind, user: Any, total: int) -> int | None:
    if sight_of(user).everything:
        return total
    return _of(user, records.ids(copy)).count() if total <= MOST_COUNTED else None


def _of(user: Any, ids: list[int]) -> QuerySet[Lead]:
    """Those of the ids that the user may see."""
    if len(ids) <= CHUNK:
        return visible_to(Lead.objects.filter(pk__in=ids), user)
    # As one array, because a million parameters are too many; of a short list PostgreSQL plans better by itself.
    array = "{" + ",".join(map(str, ids)) + "}"
    return visible_to(Lead.objects.filter(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [array])), user)


def _take(copy: Copy, records: Behind, user: Any, *, below: int | None = None, above: int | None = None) -> list[Lead]:
    """One more than a page of visible leads, nearest to the cursor first."""
    upwards = above is not None
    size = PAGE + 1 if sight_of(user).everything else CHUNK
    found: list[Lead] = []
    while len(found) <= PAGE:
        ids = records.ids(copy, below=below, above=above, limit=size)
        seen = with_row(_of(user, ids)).order_by("pk" if upwards else "-pk")
        found += seen[: PAGE + 1 - len(found)]
        if len(ids) < size:
            break
        below, above = (None, ids[-1]) if upwards else (ids[-1], None)
    return found


def export_of(copy: Copy, records: Behind, user: Any) -> Iterator[list[str]]:
    """Every visible record as a row of the leads' export, a chunk at a time."""
    below: int | None = None
    while ids := records.ids(copy, below=below, limit=CHUNK):
        yield from export_rows(_of(user, ids))
        below = ids[-1]
