"""Rows that may be updated: read what is stored, compare, write what differs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import models

from funnel import staging
from funnel.ingest.chunk import Chunk, Entry


@dataclass(slots=True)
class Draft:
    """What an entry makes of a row of the table: a new one while `id` is None."""

    entry: Entry
    id: int | None
    values: dict[str, Any]
    new: bool = False


def columns_of(model: type[models.Model], entry: Entry, names: Collection[str]) -> dict[str, Any]:
    """The columns that an entry speaks of, under their database names. A blank is the column's default, or null."""
    values: dict[str, Any] = {}
    for column, field in staging.fields_of(model).items():
        if field.name in names and field.name in entry.values:
            value = entry.ids.get(field.name) if field.is_relation else entry.values[field.name]
            values[column] = field.get_default() if value is None and not field.null else value
    return values


def numbers_fit(chunk: Chunk, model: type[models.Model], names: Iterable[str]) -> None:
    """Fail rows whose decimals have more digits than the column."""
    for name in names:
        field = model._meta.get_field(name)
        assert isinstance(field, models.DecimalField)
        largest = Decimal(10) ** ((field.max_digits or 0) - (field.decimal_places or 0))
        for entry in chunk.entries:
            value = entry.values.get(name)
            if value is not None and abs(value) >= largest:
                chunk.fail(entry, f"{value:,} is too large.", name)
    chunk.sift()


def save(model: type[models.Model], drafts: Sequence[Draft]) -> None:
    """Insert what is new and update what differs; tells each entry its status. Four statements at most.

    Entries that were `updated` by another part of their row before stay so.
    """
    columns = sorted({column for draft in drafts for column in draft.values})
    known = [draft for draft in drafts if draft.id is not None]
    stored = staging.read(model, {draft.id for draft in known if draft.id}, columns, lock=True) if columns else {}
    changed: dict[int, Mapping[str, Any]] = {}
    for draft in known:
        assert draft.id is not None
        before = stored.get(draft.id, {})
        after = before | draft.values
        if after != before:
            changed[draft.id] = after
            draft.entry.status = "updated"
        elif draft.entry.status is None:
            draft.entry.status = "unchanged"
    staging.update(model, changed)
    _insert(model, [draft for draft in drafts if draft.id is None], columns)


def _insert(model: type[models.Model], drafts: Sequence[Draft], columns: Sequence[str]) -> None:
    fields = staging.fields_of(model)
    defaults = {c: None if fields[c].null else fields[c].get_default() for c in columns}
    for draft, pk in zip(drafts, staging.new_ids(model, len(drafts)), strict=True):
        draft.id, draft.new, draft.entry.status = pk, True, "created"
    staging.insert(model, [{"id": draft.id} | defaults | draft.values for draft in drafts])
