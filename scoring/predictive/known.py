"""What was known of leads when they came in, and what became of them: read from the database in chunks.

What stands on the lead is frozen. Person and account are read from their histories as they stood when the lead came in
or, for leads that were recorded later, as they were recorded then: nothing that was learnt since gets in.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np
from django.db import connection

from funnel.conditions import Field as Asked
from funnel.fields import FIELDS_OF_LEADS
from funnel.models import Account, Exit, Person, Stage
from funnel.path import MILESTONES, RANK
from scoring.evidence import row_at
from scoring.models import PredictiveModel
from scoring.predictive.features import Field, Leads

CHUNK: Final = 2_000  # leads read at a time
MOST: Final = 100_000  # leads to learn from, the latest; more teach nothing new and take memory
WITNESSED: Final = timedelta(days=1)  # a lead recorded within this time of coming in was recorded as it came in

_FROZEN: Final = (
    "lead.source_function",
    "lead.channel",
    "lead.solution",
    "lead.region",
    "lead.segment",
    "lead.motion",
)  # not the campaign: those of tomorrow's leads are new, and a name alone says nothing
_PEOPLE: Final = (
    "person.title",
    "person.country",
    "person.language",
    "person.free_mail",
    "person.opted_out",
    "person.do_not_call",
    "account.matched",
    "account.industry",
    "account.employees",
    "account.revenue",
    "account.country",
    "account.segment",
    "account.tier",
    "account.kind",
    "account.region",
)
_ALSO_FROZEN: Final = (
    Asked("lead.content", "Content", "text", "co.name", "lead"),
    Asked(
        "lead.entry_stage", "Came in at", "choice", "l.entry_stage", "lead", choices=dict(Stage.choices)
    ),
)  # fmt: skip
FIELDS: Final = (
    *map(FIELDS_OF_LEADS.__getitem__, _FROZEN),
    *_ALSO_FROZEN,
    *map(FIELDS_OF_LEADS.__getitem__, _PEOPLE),
)

_OPENED: Final = f"LEAST({', '.join(f'l.{column}' for column in MILESTONES.values())})"
_READ: Final = """
SELECT l.id, o.opened_at, o.known_at, {reached}, p.attributes, a.attributes{columns}
FROM funnel_lead l
CROSS JOIN LATERAL (SELECT {opened} AS opened_at, GREATEST({opened}, l.recorded_at) AS known_at) o
LEFT JOIN LATERAL ({person}) p ON true
LEFT JOIN LATERAL ({account}) a ON true
LEFT JOIN funnel_region ar ON ar.id = a.region_id
LEFT JOIN funnel_channel ch ON ch.id = l.channel_id
LEFT JOIN funnel_content co ON co.id = l.content_id
LEFT JOIN funnel_solution so ON so.id = l.solution_id
LEFT JOIN funnel_region re ON re.id = l.region_id
WHERE l.id = ANY(%s)
ORDER BY l.id
"""
_MATURE: Final = f"""
SELECT l.id FROM funnel_lead l
WHERE {_OPENED} <= %(before)s AND l.exit <> ALL(%(not_leads)s) AND l.entry_stage = ANY(%(below)s)
  AND (%(source)s = '' OR l.source = %(source)s)
ORDER BY {_OPENED} DESC, l.id DESC LIMIT %(most)s
"""
_UNTOLD: Final = """
SELECT l.id FROM funnel_lead l
WHERE l.closed_at IS NULL AND l.stage = ANY(%(below)s) AND (%(source)s = '' OR l.source = %(source)s)
  AND NOT EXISTS (SELECT FROM scoring_prediction t WHERE t.lead_id = l.id AND t.model_id = %(model)s)
ORDER BY l.id LIMIT %(most)s
"""


def mature(training: PredictiveModel, *, now: datetime) -> list[int]:
    """The leads whose outcome is known: they came in long enough ago, below the stage in question.

    A lead that left early is no exception: counting it, while others of its day are still under way, would make every
    young lead one that was fast.
    """
    before = now - timedelta(days=training.within_days)
    return _ids(
        _MATURE,
        before=before,
        not_leads=[Exit.VOID, Exit.MERGED],
        below=_below(training.outcome),
        source=training.source,
        most=MOST,
    )


def untold(model: PredictiveModel, *, most: int) -> list[int]:
    """Open leads, not yet where the model looks to, that it has told nothing about."""
    below = _below(model.outcome)
    return _ids(_UNTOLD, below=below, source=model.source, model=model.pk, most=most)


def read(lead_ids: Collection[int], *, outcome: str, within_days: int) -> Leads:
    """What was known of these leads when they came in, in order of id; a statement for each 2,000 of them."""
    ids, table = sorted(lead_ids), _Table()
    window = timedelta(days=within_days)
    for start in range(0, len(ids), CHUNK):
        for pk, opened, known, reached, of_person, of_account, *values in _rows(ids[start : start + CHUNK], outcome):
            table.ids.append(pk)
            table.opened.append(opened)
            table.witnessed.append(known - opened <= WITNESSED)
            table.outcome.append(reached is not None and reached <= opened + window)
            table.add_row(values, of_person, of_account)
    return table.leads()


class _Table:
    """Rows as they come, turned into columns; an attribute that turns up late was not known of the earlier leads."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.opened: list[datetime] = []
        self.witnessed: list[bool] = []
        self.outcome: list[bool] = []
        self.columns: dict[str, list[Any]] = {field.name: [] for field in FIELDS}

    def add_row(self, values: Sequence[Any], of_person: Any, of_account: Any) -> None:
        for field, value in zip(FIELDS, values, strict=True):
            self.columns[field.name].append(_plain(field, value))
        so_far = len(self.ids) - 1
        for prefix, attributes in (("attribute", of_person), ("account_attribute", of_account)):
            for name, value in _known(attributes):
                column = self.columns.setdefault(f"{prefix}.{name}", [])
                column.extend([None] * (so_far - len(column)))
                column.append(value)

    def leads(self) -> Leads:
        count = len(self.ids)
        for column in self.columns.values():
            column.extend([None] * (count - len(column)))
        listed = {field.name: field for field in FIELDS}
        return Leads(
            ids=np.array(self.ids, dtype=np.int64),
            opened=np.array([moment.timestamp() for moment in self.opened]),
            witnessed=np.array(self.witnessed, dtype=np.bool_),
            outcome=np.array(self.outcome, dtype=np.bool_),
            fields={name: _described(name, listed.get(name)) for name in self.columns},
            values=dict(self.columns),
        )


def _rows(ids: list[int], outcome: str) -> Iterable[tuple[Any, ...]]:
    person = row_at(Person, "funnel_personhistory", "= l.person_id", at="o.known_at")
    account = row_at(
        Account, "funnel_accounthistory", "= COALESCE(l.account_id, p.account_id)", at="o.known_at"
    )  # fmt: skip
    sql = _READ.format(
        reached=_reached(outcome),
        opened=_OPENED,
        person=person,
        account=account,
        columns="".join(f", {field.sql}" for field in FIELDS),
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*(param for field in FIELDS for param in field.params), ids])
        yield from cursor.fetchall()


def _reached(stage: str) -> str:
    """When the lead reached a stage that it came in below: its own milestone, else the earliest of a later one."""
    own, *later = [f"l.{column}" for name, column in MILESTONES.items() if RANK[name] >= RANK[stage]]
    return f"COALESCE({own}, LEAST({', '.join(later)}))" if later else own


def _below(stage: str) -> list[str]:
    return [name for name in Stage.values if RANK[name] < RANK[stage]]


def _ids(sql: str, **parameters: Any) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [pk for (pk,) in cursor.fetchall()]


def _known(attributes: Any) -> Iterable[tuple[str, Any]]:
    """What is known of custom attributes, from their JSON; lists and objects are no traits."""
    for name, value in json.loads(attributes or "{}").items():
        plain = value.strip() if isinstance(value, str) else value
        if isinstance(plain, str | int | float) and plain != "":
            yield name, plain


def _plain(field: Asked, value: Any) -> Any:
    """A value of a column; blank text is not known, and a choice is called by its label."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, str):
        value = value.strip()
        return (field.choices or {}).get(value, value) or None
    return value


def _described(name: str, listed: Asked | None) -> Field:
    if listed is not None:
        return Field(name, listed.label, frozen=listed.group == "lead")
    prefix, _, own = name.partition(".")
    words = own.replace("_", " ").strip()
    label = words[:1].upper() + words[1:]
    return Field(name, f"{label} of the account" if prefix == "account_attribute" else label)
