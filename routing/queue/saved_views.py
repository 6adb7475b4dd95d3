"""Filters that a user keeps under a name."""

from datetime import datetime
from typing import Any, Final

from routing.models import SavedView

MOST: Final = 50


class NotSaved(ValueError):
    """The view cannot be kept. The message is a sentence for people."""


def save(user: Any, *, page: str, name: str, query: str, now: datetime) -> SavedView:
    """Keep the filters under the name; a view of that name gets them instead. Raises NotSaved."""
    name = " ".join(name.split())
    if not 0 < len(name) <= 60:
        raise NotSaved("Give it a name of 1 to 60 characters.")
    if len(query) > 1000:
        raise NotSaved("These filters are too long to be kept.")
    mine = SavedView.objects.filter(user=user, page=page)
    if mine.count() >= MOST and not mine.filter(name=name).exists():
        raise NotSaved(f"You have {MOST} saved filters; delete one first.")
    return SavedView.objects.update_or_create(
        user=user, page=page, name=name, defaults={"query": query, "saved_at": now}
    )[0]


def forget(user: Any, pk: int) -> str:
    """Delete one of the user's own; returns its name, blank where it is not there."""
    found = SavedView.objects.filter(user=user, pk=pk).first()
    if found is None:
        return ""
    found.delete()
    return found.name
