"""What was known of people at a moment, as the parts of a score need it: read set by set, as of now or of the past."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection

from funnel.conditions import Field, fields_of
from funnel.fields import FIELDS_OF_PEOPLE, FIELDS_OF_TOUCHES
from funnel.models import Account, Exit, Person
from funnel.stages import derive
from scoring.judging import FROM_THEM, MOMENT
from scoring.parts import Alike, Evidence, TouchFact
from scoring.policy import Policy
from scoring.states import baselines

_TOUCHES: Final = """
SELECT t.person_id, t.id, t.type, t.occurred_at, t.recorded_at, {moment}, {from_them}{fields}
FROM funnel_activity t {joins}
WHERE t.person_id = ANY(%s) AND ({known})
ORDER BY t.person_id, 6, t.id
"""
_NOW: Final = "t.voided_at IS NULL"
_AT: Final = "t.recorded_at <= %s AND (t.voided_at IS NULL OR t.voided_at > %s)"
_LEAVING: Final = """
SELECT l.person_id, e.lead_id, e.recorded_at, l.revisit_on
FROM funnel_lead l
JOIN funnel_stageevent e ON e.lead_id = l.id AND e.kind IN ('recycle', 'disqualify') AND e.recorded_at <= %(at)s
WHERE l.person_id = ANY(%(people)s)
  AND (%(solution)s::bigint IS NULL OR l.solution_id IS NULL OR l.solution_id = %(solution)s)
  AND NOT EXISTS (SELECT FROM funnel_stageevent v WHERE v.supersedes_id = e.id AND v.recorded_at <= %(at)s)
ORDER BY e.recorded_at
"""


def read(policy: Policy, person_ids: Collection[int], *, at: datetime, past: bool = True) -> dict[int, Evidence]:
    """What this version asks of each person, as it was known at a moment; not `past`: everything that is known by now.

    Touches by when they were recorded, unless voided by then; attributes from the history of person and account; the
    baseline from the stage events. People who are gone are left out. Three statements, four for the past.
    """
    people = sorted(set(person_ids))
    if not people:
        return {}
    values = _values(policy, people, at if past else None)
    touches = _touches(policy, people, at if past else None)
    left = (_baselines_at if past else _baselines)(people, at, policy.solution_id)
    return {
        pk: Evidence(person_id=pk, values=found, touches=touches.get(pk, ()), baseline_at=left.get(pk))
        for pk, found in values.items()
    }


def _asked(policy: Policy, *groups: str) -> list[Field]:
    """The fields of these groups that any rule or gate of the version asks for."""
    trees = [*(rule.tree for rule in policy.rules), *(gate.tree for gate in policy.gates)]
    names = dict.fromkeys(name for tree in trees for name in fields_of(tree))
    return [field for field in map(FIELDS_OF_TOUCHES.__getitem__, names) if field.group in groups]


def _select(fields: Iterable[Field]) -> tuple[str, list[Any]]:
    fields = list(fields)
    return "".join(f", {field.sql}" for field in fields), [param for field in fields for param in field.params]


# --- people and their accounts -----------------------------------------------------------------------------------


def _values(policy: Policy, people: list[int], at: datetime | None) -> dict[int, dict[str, Any]]:
    fields = _asked(policy, "person", "account")
    columns, params = _select(fields)
    if at is None:
        joins = FIELDS_OF_PEOPLE.joins({field.group for field in fields}, root="person")
        source = f"funnel_person p {joins} WHERE p.id = ANY(%s)"
        params += [people]
    else:
        source = f"""({row_at(Person, "funnel_personhistory", "= ANY(%s)")}) p
            LEFT JOIN LATERAL ({row_at(Account, "funnel_accounthistory", "= p.account_id")}) a ON true
            LEFT JOIN funnel_region ar ON ar.id = a.region_id"""
        params += [people, at, people, at]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT p.id{columns} FROM {source}", params)
        names = [field.name for field in fields]
        return {pk: dict(zip(names, row, strict=True)) for pk, *row in cursor.fetchall()}


def row_at(model: Any, history: str, whose: str, *, at: str = "%s") -> str:
    """The row as it was at a moment (by default a parameter): as kept by the first change after it, else as it is.

    The history holds a row as it was before each change (funnel/history.py). Parameters: those of `whose` and the
    moment, then those of `whose` again.
    """
    columns = ", ".join(field.column for field in model._meta.concrete_fields)
    return f"""
        SELECT DISTINCT ON (id) {columns} FROM (
            SELECT {columns}, pgh_created_at AS changed_at, pgh_id FROM {history}
            WHERE pgh_obj_id {whose} AND pgh_created_at > {at}
            UNION ALL
            SELECT {columns}, 'infinity', NULL FROM {model._meta.db_table} WHERE id {whose}
        ) known ORDER BY id, changed_at, pgh_id"""


# --- touches -----------------------------------------------------------------------------------------------------


def _touches(policy: Policy, people: list[int], at: datetime | None) -> dict[int, list[TouchFact]]:
    fields = _asked(policy, "touch")
    columns, params = _select(fields)
    sql = _TOUCHES.format(
        moment=MOMENT,
        from_them=FROM_THEM,
        fields=columns,
        joins=FIELDS_OF_TOUCHES.joins({"touch"}, root="touch") if fields else "",
        known=_NOW if at is None else _AT,
    )
    names = [field.name for field in fields]
    found = defaultdict(list)
    known: dict[tuple[Any, ...], Alike] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, people, *([] if at is None else [at, at])])
        for person_id, pk, type_, occurred_at, recorded_at, moment, from_them, *values in cursor.fetchall():
            alike = known.get(tuple(values))
            if alike is None:
                alike = known[tuple(values)] = Alike(dict(zip(names, values, strict=True)))
            found[person_id].append(TouchFact(pk, type_, occurred_at, recorded_at, moment, from_them, alike))
    return found


# --- baselines ---------------------------------------------------------------------------------------------------


def _baselines(people: list[int], now: datetime, solution_id: int | None) -> dict[int, datetime]:
    """When what had been earned was set aside by the last recycle or disqualification that stands."""
    found = baselines(people, today=now.astimezone(UTC).date(), solution_id=solution_id)
    return {pk: datetime.fromtimestamp(left, UTC) for pk, left in found.items() if not math.isnan(left)}


def _baselines_at(people: list[int], at: datetime, solution_id: int | None) -> dict[int, datetime]:
    """The same as it stood at a moment of the past."""
    with connection.cursor() as cursor:
        cursor.execute(_LEAVING, {"people": people, "at": at, "solution": solution_id})
        rows = cursor.fetchall()
    exits = {row["lead_id"]: row["exit"] for row in derive({row[1] for row in rows}, as_of=at)} if rows else {}
    today = at.astimezone(UTC).date()
    latest: dict[int, datetime | None] = {}
    for person_id, lead_id, recorded_at, revisit_on in rows:
        if exits.get(lead_id) in (Exit.RECYCLED, Exit.DISQUALIFIED):
            latest[person_id] = None if revisit_on and revisit_on <= today else recorded_at
    return {pk: left for pk, left in latest.items() if left}
