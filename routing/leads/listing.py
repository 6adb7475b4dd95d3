"""The leads list as data: one page of rows, how many there are, and the rows of an export."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from funnel.models import Exit, Function, Lead, Stage
from funnel.path import MILESTONES
from routing.leads.filters import opened_at
from routing.leads.grades import Grade, grades_of

PAGE = 50
MOST_COUNTED = 1000
EXPORT_CHUNK = 5000

_SHOWN = ("person", "account", "owner", "channel", "campaign", "region", "solution")


def order_of(values: Mapping[str, Any]) -> tuple[str, str]:
    """Latest moved first; a list narrowed by when leads were opened is in that order, so that an index answers it."""
    return ("opened", "id") if {"opened_from", "opened_to"} & values.keys() else ("stage_since", "id")


def with_row(queryset: QuerySet[Lead]) -> QuerySet[Lead]:
    """All that a row of the list shows, in the same query."""
    return queryset.select_related(*_SHOWN).annotate(opened=opened_at())


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. since: when the lead came to where it stands now, the exit included."""

    lead: Lead
    company: str
    since: datetime
    reached: list[tuple[str, str, datetime | None]]  # stage, its label, when
    grade: Grade | None = None

    @property
    def reached_words(self) -> str:
        return "Reached " + (", ".join(label for _stage, label, at in self.reached if at) or "no stage")


def rows_of(leads: Sequence[Lead]) -> list[Row]:
    """The lines of these leads. Two queries, for their grades."""
    grades = grades_of(leads)
    return [
        Row(
            lead=lead,
            company=lead.account.name if lead.account else lead.person.company,
            since=lead.closed_at or lead.stage_since,
            reached=[(stage, Stage(stage).label, getattr(lead, column)) for stage, column in MILESTONES.items()],
            grade=grades.get(lead.pk),
        )
        for lead in leads
    ]


def count_in_words(queryset: QuerySet[Lead], *, narrowed: bool) -> str:
    """How many leads: exact up to a thousand, "1,000+" beyond it; of all leads what PostgreSQL estimates.

    An exact count of a million rows would cost more than the page it stands on.
    """
    number = queryset.order_by()[: MOST_COUNTED + 1].count()
    if number <= MOST_COUNTED:
        return f"{number:,} lead" if number == 1 else f"{number:,} leads"
    if narrowed:
        return f"{MOST_COUNTED:,}+ leads"
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'funnel_lead'::regclass")
        estimate = int(cursor.fetchone()[0])
    if estimate <= MOST_COUNTED:  # not analysed yet
        return f"{MOST_COUNTED:,}+ leads"
    digits = 10 ** max(len(str(estimate)) - 3, 0)
    return f"about {round(estimate / digits) * digits:,} leads"


_EXPORT: dict[str, Any] = {
    "lead": "pk",
    "pass": "number",
    "first_name": "person__first_name",
    "last_name": "person__last_name",
    "email": "person__email",
    "title": "person__title",
    "company": Coalesce("account__name", "person__company"),
    "stage": "stage",
    "stage_since": "stage_since",
    "exit": "exit",
    "reason": "reason__name",
    "closed_at": "closed_at",
    "owner": "owner__name",
    "function": "function",
    "channel": "channel__name",
    "campaign": "campaign__name",
    "content": "content__name",
    "region": "region__name",
    "solution": "solution__name",
    **{column: column for column in MILESTONES.values()},
    "source": "source",
    "external_id": "external_id",
}
EXPORT_COLUMNS = tuple(_EXPORT)
_WORDS = {"stage": dict(Stage.choices), "exit": dict(Exit.choices), "function": dict(Function.choices)}


def export_rows(queryset: QuerySet[Lead]) -> Iterator[list[Any]]:
    """The leads as rows under `EXPORT_COLUMNS`, by id, a chunk at a time in constant memory.

    By id, because an id never changes: a lead that moves during a long export is neither lost nor repeated.
    """
    cells = queryset.order_by("pk").values_list(*_EXPORT.values())
    last = 0
    while True:
        rows: list[tuple[Any, ...]] = list(cells.filter(pk__gt=last)[:EXPORT_CHUNK])
        yield from ([_told(name, value) for name, value in zip(EXPORT_COLUMNS, row, strict=True)] for row in rows)
        if len(rows) < EXPORT_CHUNK:
            return
        last = rows[-1][0]


def _told(name: str, value: Any) -> Any:
    """Stages and exits by their labels, times in the viewer's zone."""
    if name in _WORDS:
        return _WORDS[name].get(value, "")
    return timezone.localtime(value) if isinstance(value, datetime) else value
