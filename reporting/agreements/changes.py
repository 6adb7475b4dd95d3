"""What was changed in a time about how leads are scored, routed, promised and worked: versions, who and why.

Read from the versions themselves; a change that is not stored as one is not told here.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import F, QuerySet

from funnel.access import name_of
from reporting.models import Agreement
from routing.models import Cadence, RoutingPolicy, SlaPolicy, SqlDefinition
from scoring.models import ScoringModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that applies since a moment. by: who decided it, blank where the product shipped it."""

    what: str
    name: str
    at: dt.datetime
    by: str
    why: str


# What it is called, its table, the moment from which a version applies, and those who decided.
_VERSIONED: Final[tuple[tuple[str, Any, str, tuple[str, ...]], ...]] = (
    ("Scoring", ScoringModel, "activated_at", ("activated_by",)),
    ("Routing", RoutingPolicy, "published_at", ("published_by",)),
    ("Promises", SlaPolicy, "published_at", ("published_by",)),
    ("Cadence", Cadence, "published_at", ("published_by",)),
    ("What makes an SQL", SqlDefinition, "since", ("decided_by",)),
    ("Agreement", Agreement, "in_force_at", ("marketing_signer", "sales_signer")),
)


def changes(*, since: dt.datetime, until: dt.datetime) -> list[Change]:
    """What began to apply from one moment up to, not including, another, in order. One query a kind."""
    return sorted(_found(since, until), key=lambda one: one.at)


def _found(since: dt.datetime, until: dt.datetime) -> Iterator[Change]:
    for what, table, at, by in _VERSIONED:
        rows: QuerySet[Any] = table.objects.filter(**{f"{at}__gte": since, f"{at}__lt": until})
        for row in rows.annotate(applies_at=F(at)).select_related(*by):
            users = [getattr(row, name) for name in by]
            said = " and ".join(name_of(user) for user in users if user)
            yield Change(what=what, name=str(row), at=row.applies_at, by=said, why=row.why)
