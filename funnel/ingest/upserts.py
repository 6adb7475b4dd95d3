"""Rows that may be updated: read what is stored, compare, write what differs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db import models

from funnel import staging
from funnel.ingest.chunk import Entry


@dataclass(slots=True)
class Draft:
    """What an entry makes of a row of the table: a new one while `id` is None.

    attributes: custom attributes to merge into the row's `attributes`, for tables that have them.
    """

    entry: Entry
    id: int | None
    values: dict[str, Any]
    attributes: dict[str, Any] = field(default_factory=dict)

    def after(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The row as it should be."""
        after = {**before, **self.values}
        if self.attributes:
            after["attributes"] = merged(before.get("attributes", {}), self.attributes)
        return after


def merged(attributes: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Custom attributes with these changes; a None takes the attribute away."""
    return {name: value for name, value in {**attributes, **changes}.items() if value is not None}


def differs(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two rows differ; in attributes the type counts too (1 is not true)."""
    if "attributes" in one and staging.as_json(one["attributes"]) != staging.as_json(other["attributes"]):
        return True
    return one != other


def columns_of(model: type[models.Model], entry: Entry, names: Collection[str]) -> dict[str, Any]:
    """The columns that an entry speaks of, under their database names. A blank is the column's default, or null."""
    values: dict[str, Any] = {}
    for name, column, is_relation, blank in _plan(model, tuple(names)):
        if name in entry.values:
            value = entry.ids.get(name) if is_relation else entry.values[name]
            values[column] = blank if value is None else value
    return values


@cache
def _plan(model: type[models.Model], names: tuple[str, ...]) -> list[tuple[str, str, bool, Any]]:
    """Each field's name, column, whether it refers to another table, and what a blank of it is."""
    return [
        (known.name, column, known.is_relation, None if known.null else known.get_default())
        for column, known in staging.fields_of(model).items()
        if known.name in names
    ]


def save(model: type[models.Model], drafts: Sequence[Draft]) -> None:
    """Insert what is new and update what differs, and give each entry its status. At most eight statements.

    An entry that another part of its row has made `created` or `updated` stays so.
    """
    columns = sorted({column for draft in drafts for column in draft.values})
    if any(draft.attributes for draft in drafts):
        columns.append("attributes")
    if not columns:
        return
    stored = staging.read(model, {draft.id for draft in drafts if draft.id is not None}, columns, lock=True)
    changed: dict[int, Mapping[str, Any]] = {}
    for draft in drafts:
        if draft.id is not None:
            after = draft.after(stored[draft.id])
            if differs(after, stored[draft.id]):
                changed[draft.id] = after
                note_update(draft.entry)
            draft.entry.status = draft.entry.status or "unchanged"
    staging.update(model, changed)
    _insert(model, [draft for draft in drafts if draft.id is None], columns)


def note_update(entry: Entry) -> None:
    """Part of the row was new to us."""
    if entry.status != "created":
        entry.status = "updated"


def _insert(model: type[models.Model], drafts: Sequence[Draft], columns: Sequence[str]) -> None:
    fields = staging.fields_of(model)
    defaults = {column: None if fields[column].null else fields[column].get_default() for column in columns}
    for draft, pk in zip(drafts, staging.new_ids(model, len(drafts)), strict=True):
        draft.id, draft.entry.status = pk, "created"
    staging.insert(model, [{"id": draft.id} | draft.after(defaults) for draft in drafts])
