"""Loading opportunities."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from funnel import opportunities, staging
from funnel.ingest import references
from funnel.ingest.chunk import Chunk, Entry
from funnel.ingest.upserts import Draft, columns_of, note_update, save
from funnel.models import DealState, Opportunity
from funnel.opportunities import STANDING, Change, Standing, contradiction

_COLUMNS = (
    "name",
    "account",
    "owner",
    "solution",
    "region",
    "motion",
    "opened_at",
    "expected_close_on",
    "lead",
)
_STANDING = ("deal_stage", "state", "amount", "currency", "closed_at", "reason")


@dataclass(slots=True, eq=False)
class Deal:
    """One row on its way: the deal it is, its columns, where it stood and where it stands now."""

    entry: Entry
    id: int | None
    columns: dict[str, Any]
    before: Standing | None
    now: Standing
    events: int = 0


def write(chunk: Chunk) -> None:
    """Opportunities by (source, external id); every change of stage, state or amount becomes an event."""
    chunk.fold_repeats(lambda entry: entry.key)
    for entry in chunk.entries:
        chunk.refuse_future(entry, "opened_at")
    chunk.sift()
    references.look_up(chunk, "account", "owner", "solution", "region")
    _look_up_leads(chunk)
    known = staging.find_keys("funnel_opportunity", {entry.key for entry in chunk.entries}, source=chunk.source)
    stored = staging.read(Opportunity, known.values(), (*STANDING, "opened_at"), lock=True)
    states = {
        entry: entry.text("state") or _stored_state(stored.get(known.get(entry.key, 0))) for entry in chunk.entries
    }
    references.look_up_reasons(chunk, [(entry, state) for entry, state in states.items() if state != DealState.OPEN])
    deals = [
        deal
        for entry in sorted(chunk.entries, key=lambda entry: entry.key)
        if (deal := _deal(chunk, entry, known.get(entry.key), stored))
    ]
    chunk.sift()
    _default_regions([deal for deal in deals if deal.id is None])
    _open(chunk, [deal for deal in deals if deal.id is None])
    _change(chunk, [deal for deal in deals if deal.id is not None and deal.before is not None])


def _stored_state(row: Mapping[str, Any] | None) -> str:
    return row["state"] if row else DealState.OPEN.value


def _look_up_leads(chunk: Chunk) -> None:
    if not chunk.uses("lead"):
        return
    wanted = {entry.values["lead"] for entry in chunk.entries if entry.values.get("lead")}
    known = staging.find_keys("funnel_lead", wanted, source=chunk.source)
    for entry in chunk.entries:
        key = entry.values.get("lead")
        entry.ids["lead"] = known.get(key) if key else None
        if key and key not in known:
            chunk.fail(entry, f"There is no lead “{key:.80}” of source “{chunk.source}”. Load the leads first.", "lead")
    chunk.sift()


def _deal(chunk: Chunk, entry: Entry, pk: int | None, stored: Mapping[int, Mapping[str, Any]]) -> Deal | None:
    """What the row makes of the deal; None where that cannot be."""
    columns = columns_of(Opportunity, entry, _COLUMNS)
    if columns.get("region_id", 0) is None:
        del columns["region_id"]  # a blank leaves the region to the owner
    row = stored.get(pk) if pk is not None else None
    before = Standing(**{column: row[column] for column in STANDING}) if row else None
    said = columns_of(Opportunity, entry, _STANDING)
    if not said.get("currency", "-"):
        said["currency"] = settings.CURRENCY
    if said.get("state") == DealState.OPEN:
        said = {"closed_at": None, "reason_id": None} | said
    now = replace(before or Standing(currency=settings.CURRENCY), **said)
    if entry.values.get("reason") and now.state == DealState.OPEN:
        now = replace(now, reason_id=None)
        entry.warnings.append("A reason belongs to a closed deal; it was left out.")
    field, problem = contradiction(now, now=chunk.now)
    if problem:
        chunk.fail(entry, problem, field)
        return None
    opened_at = columns["opened_at"] if "opened_at" in columns else (row or {}).get("opened_at")
    if opened_at and now.closed_at and opened_at > now.closed_at:
        entry.warnings.append("It closed before it was opened; it is left out of times.")
    return Deal(entry, pk, columns, before, now)


def _default_regions(deals: Sequence[Deal]) -> None:
    """A new deal without a region is in its owner's, or the owner's team's. One query."""
    lacking = [deal for deal in deals if not deal.columns.get("region_id") and deal.columns.get("owner_id")]
    regions = _regions_of({deal.columns["owner_id"] for deal in lacking})
    for deal in lacking:
        deal.columns["region_id"] = regions.get(deal.columns["owner_id"])


def _regions_of(rep_ids: Collection[int]) -> dict[int, int]:
    if not rep_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id, coalesce(r.region_id, t.region_id) FROM funnel_rep r "
            "LEFT JOIN funnel_team t ON t.id = r.team_id WHERE r.id = ANY(%s)",
            [list(rep_ids)],
        )
        return dict(cursor.fetchall())


def _open(chunk: Chunk, deals: Sequence[Deal]) -> None:
    columns = sorted({column for deal in deals for column in deal.columns})
    fields = staging.fields_of(Opportunity)
    blank = {column: None if fields[column].null else fields[column].get_default() for column in columns}
    rows, changes = [], []
    for deal, pk in zip(deals, staging.new_ids(Opportunity, len(deals)), strict=True):
        deal.id, deal.entry.status = pk, "created"
        keys = {"id": pk, "source": chunk.source, "external_id": deal.entry.key, "recorded_at": chunk.now}
        rows.append(keys | blank | deal.columns)
        opened_at: datetime | None = deal.columns.get("opened_at")
        closed_at = deal.now.closed_at
        if opened_at and closed_at and opened_at < closed_at:
            # All that is known of the time between: it was open.
            changes.append(_changed(chunk, deal, Standing(currency=deal.now.currency), opened_at))
        changes.append(_changed(chunk, deal, deal.now, closed_at or opened_at or chunk.now))
    opportunities.open_deals(rows, changes, now=chunk.now)


def _change(chunk: Chunk, deals: Sequence[Deal]) -> None:
    """What a known deal's row says: of its standing through its one writer, of the rest by comparison."""
    save(Opportunity, [Draft(deal.entry, deal.id, deal.columns) for deal in deals])
    events = _event_counts({deal.id for deal in deals if deal.id is not None})
    changes = []
    for deal in deals:
        assert deal.id is not None
        assert deal.before is not None
        deal.events = events.get(deal.id, 0)
        closing = deal.now.closed_at if deal.now.closed_at != deal.before.closed_at else None
        changes.append(_changed(chunk, deal, deal.now, closing or chunk.now))
    for deal, changed in zip(deals, opportunities.change_deals(changes, now=chunk.now), strict=True):
        if changed:
            note_update(deal.entry)
        deal.entry.status = deal.entry.status or "unchanged"


def _changed(chunk: Chunk, deal: Deal, standing: Standing, at: datetime) -> Change:
    assert deal.id is not None
    deal.events += 1
    cause = f"load:opportunity/{chunk.source}/{deal.entry.key}/{deal.events}"
    return Change(opportunity_id=deal.id, standing=standing, occurred_at=at, cause=cause)


def _event_counts(ids: Collection[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT opportunity_id, count(*) FROM funnel_opportunityevent "
            "WHERE opportunity_id = ANY(%s) GROUP BY opportunity_id",
            [list(ids)],
        )
        return dict(cursor.fetchall())
