"""Whether the copy holds what PostgreSQL holds, row by row."""

from typing import Any

from django.db import connection

from reporting.facts import Copy
from reporting.sources import ON_DEMAND, SOURCES, Source


def differences(copy: Copy) -> dict[str, tuple[set[Any], set[Any]]]:
    """Facts whose rows differ: (only in PostgreSQL, only in the copy). Empty when the two agree."""
    copy.need(*ON_DEMAND)
    found = {}
    for name, source in SOURCES.items():
        theirs, ours = _postgres(source), _copy(copy, source)
        if theirs != ours:
            found[name] = (set(theirs) - set(ours), set(ours) - set(theirs))
    return found


def _postgres(source: Source) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(source.select())
        return sorted((tuple(map(_blank, row)) for row in cursor.fetchall()), key=repr)


def _copy(copy: Copy, source: Source) -> list[tuple[Any, ...]]:
    return sorted(copy.rows(f"SELECT {', '.join(source.columns)} FROM {source.name}").rows, key=repr)


def _blank(value: Any) -> Any:
    return None if value == "" else value
