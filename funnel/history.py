"""What the triggers kept of a row: every change of a field, by whom and when, the latest first."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Field, Model

from funnel.access import name_of

MOST_CHANGES = 200  # kept rows read for one page


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one change, in words."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a row. who: the name of the user, empty when a load or a rule did it."""

    at: datetime
    who: str
    fields: list[FieldChange]


def changes_of(row: Model) -> list[Change]:
    """The changes of a row whose model is tracked with pghistory, the latest first, at most 200.

    A kept row holds what the fields were before its change; what they became stands in the next one, or in the row.
    """
    kept = list(row.history.select_related("pgh_context").order_by("-pgh_id")[:MOST_CHANGES])  # type: ignore[attr-defined]
    if not kept:
        return []
    names = {field.name for field in type(kept[0])._meta.fields}
    fields = [field for field in type(row)._meta.fields if field.name in names and not field.primary_key]
    words = {field: _Words(field, [row, *kept]) for field in fields}
    users = _users(kept)
    changes = []
    for after, before in pairwise([row, *kept]):
        moved = [
            FieldChange(str(field.verbose_name).capitalize(), words[field].of(before), words[field].of(after))
            for field in fields
            if getattr(before, field.attname) != getattr(after, field.attname)
        ]
        context = before.pgh_context.metadata if before.pgh_context else {}
        if moved:
            changes.append(Change(before.pgh_created_at, users.get(context.get("user"), ""), moved))
    return changes


def _users(kept: list[Any]) -> dict[Any, str]:
    ids = {row.pgh_context.metadata.get("user") for row in kept if row.pgh_context} - {None}
    return {user.pk: name_of(user) for user in User.objects.filter(pk__in=ids)}


class _Words:
    """The values of one field as people read them; the names of related rows are fetched once."""

    def __init__(self, field: Field, rows: list[Any]) -> None:
        self.field = field
        self.names: dict[Any, str] = dict(field.flatchoices)
        if field.is_relation and field.related_model:
            ids = {getattr(row, field.attname) for row in rows} - {None}
            found = field.related_model._default_manager.in_bulk(list(ids)) if ids else {}
            self.names = {pk: str(found.get(pk, f"{pk} (deleted)")) for pk in ids}

    def of(self, row: Any) -> str:
        value = getattr(row, self.field.attname)
        if value in (None, ""):
            return "–"
        return str(value if isinstance(value, dict) else self.names.get(value, value))
