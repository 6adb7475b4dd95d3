"""Opening leads: a new trip of a person through the funnel, with everything that is frozen at its opening."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from django.db import connection

from funnel import staging
from funnel.models import Exit, Function, Lead, Motion, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A lead to open. Origin, region, segment, solution and account stay as they are here."""

    person_id: int
    source: str = ""
    external_id: str = ""
    entry_stage: str = Stage.INQUIRY.value
    function: str = Function.MARKETING.value
    motion: str = Motion.NEW.value
    channel_id: int | None = None
    content_id: int | None = None
    campaign_id: int | None = None
    region_id: int | None = None
    segment: str = ""
    solution_id: int | None = None
    account_id: int | None = None
    owner_id: int | None = None
    revisit_on: date | None = None


_FROZEN = tuple(field.name for field in fields(Opening))


def last_numbers(person_ids: Collection[int]) -> dict[int, int]:
    """The number of each person's latest lead, for those who have one. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT person_id, max(number) FROM funnel_lead WHERE person_id = ANY(%s) GROUP BY person_id",
            [list(person_ids)],
        )
        return dict(cursor.fetchall())


def open_leads(openings: Sequence[Opening], *, now: datetime, state: dict[str, Any] | None = None) -> list[int]:
    """Insert the leads, numbered after the last of their person, in the order given. Returns their ids.

    A lead begins void and at no stage: the caller moves it with `funnel.stages.move` in the same transaction. state:
    only `funnel.stages` gives another one, which the events that it appends make. The caller holds the locks of people
    who may have leads already (`FOR NO KEY UPDATE`), so that no number is given twice.
    """
    void: dict[str, Any] = {"stage": Stage.INQUIRY.value, "stage_since": now, "closed_at": now, "exit": Exit.VOID.value}
    last = defaultdict(int, last_numbers({opening.person_id for opening in openings}))
    rows = []
    for opening, pk in zip(openings, staging.new_ids(Lead, len(openings)), strict=True):
        last[opening.person_id] += 1
        rows.append(
            {name: getattr(opening, name) for name in _FROZEN}
            | {
                "id": pk,
                "number": last[opening.person_id],
                "recorded_at": now,
            }
            | (state or void)
        )
    staging.insert(Lead, sorted(rows, key=lambda row: (row["source"], row["external_id"])))
    return [row["id"] for row in rows]


def set_revisit(lead_id: int, on: date | None) -> None:
    """When a lead that left is to be looked at again. The caller holds its lock."""
    Lead.objects.filter(pk=lead_id).update(revisit_on=on)
