"""Opening leads: a new trip of a person through the funnel, with everything that is frozen at its opening."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from django.db import connection

from funnel import staging
from funnel.models import Function, Lead, Motion, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A lead to open. Origin, region, segment, solution and account stay as they are here.

    of_somebody_new: nobody has to look whether the person has had leads before.
    """

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
    of_somebody_new: bool = False


_FROZEN = tuple(field.name for field in fields(Opening) if field.name != "of_somebody_new")


def last_numbers(person_ids: Collection[int]) -> dict[int, int]:
    """The number of each person's latest lead, for those who have one. One query."""
    if not person_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT person_id, max(number) FROM funnel_lead WHERE person_id = ANY(%s) GROUP BY person_id",
            [list(person_ids)],
        )
        return dict(cursor.fetchall())


def open_leads(openings: Mapping[int, Opening], states: Mapping[int, dict[str, Any]], *, now: datetime) -> None:
    """Insert leads by id (`staging.new_ids`), numbered after the last of their person, in the order given.

    Only `funnel.stages` calls it, which knows the state that each one's events make. The caller holds the locks of
    people who may have leads already (`FOR NO KEY UPDATE`), so that no number is given twice.
    """
    known = {opening.person_id for opening in openings.values() if not opening.of_somebody_new}
    last = defaultdict(int, last_numbers(known))
    rows = []
    for pk, opening in openings.items():
        last[opening.person_id] += 1
        frozen = {name: getattr(opening, name) for name in _FROZEN}
        rows.append(frozen | {"id": pk, "number": last[opening.person_id], "recorded_at": now} | states[pk])
    staging.insert(Lead, sorted(rows, key=lambda row: (row["source"], row["external_id"])))


def set_revisit(lead_id: int, on: date | None) -> None:
    """When a lead that left is to be looked at again. The caller holds its lock."""
    Lead.objects.filter(pk=lead_id).update(revisit_on=on)
