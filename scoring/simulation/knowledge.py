"""What was known of people and their accounts, and until when: every version of a row, from its history.

The history holds a row as it was before each change (funnel/history.py), so that it says what was known until then;
the row itself says what is known since the last change.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.db.models import Model
from numpy.typing import NDArray

from funnel.models import Account, Person
from scoring.decay import Floats
from scoring.exchange import fetch
from scoring.fits import Flags, asked, capped, points_of
from scoring.models import ScoreRule
from scoring.policy import Policy

Ids = NDArray[np.int64]


def clauses() -> str:
    """The beginning of a statement: what was known of `people` (a parameter) and of the accounts that were theirs."""
    people = _versions(Person, "funnel_personhistory", "= ANY(%(people)s)")
    accounts = _versions(Account, "funnel_accounthistory", "IN (SELECT account_id FROM person_then)")
    return f"WITH person_then AS MATERIALIZED ({people}), account_then AS MATERIALIZED ({accounts})"


def account_joins(*, at: str = "") -> str:
    """The accounts to rows p of person_then: as known at a moment (an expression), or all the while p was known."""
    since, until = (f"<= {at}", f"> {at}") if at else ("< p.until", "> p.since")
    return f"""
        LEFT JOIN account_then a ON a.id = p.account_id AND a.since {since} AND a.until {until}
        LEFT JOIN funnel_region ar ON ar.id = a.region_id"""


SINCE: Final = "date_part('epoch', greatest(p.since, a.since))"
UNTIL: Final = "date_part('epoch', least(p.until, a.until))"


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What people were worth by what they were, in the order of their ids and of time; several rows a person.

    since: when it was known, in seconds since 1970, -inf for always. fit: by category (n, f).
    """

    people: Ids
    since: Floats
    fit: Floats
    required: Flags
    excluded: Flags

    @property
    def totals(self) -> Floats:
        return self.fit.sum(axis=1)


def read(policy: Policy, people: Ids) -> Known:
    """Fit and gates of these people under a version, as they were known from when on. One statement."""
    found = asked(policy)
    sql = f"""{clauses()}
        SELECT p.id, {SINCE} AS since, {found.values}
        FROM person_then p {account_joins()} ORDER BY p.id, since"""
    columns = fetch(sql, {"people": people.tolist()}, {"person": "bigint", "since": "float8"} | found.types)
    return Known(
        people=columns["person"],
        since=columns["since"],
        fit=capped(policy, columns),
        required=columns["required"].astype(bool),
        excluded=columns["excluded"].astype(bool),
    )


def attribute_points(policy: Policy, people: Ids) -> tuple[Ids, Floats, Floats]:
    """What each attribute rule gave these people: who, since when, and the points (n, rules). One statement.

    In the order of ids and of time, as `read`. rules: in the order of `policy.rules_of("attribute")`.
    """
    rules = policy.rules_of(ScoreRule.Kind.ATTRIBUTE)
    values = "".join(f", {points_of(rule)}" for rule in rules)
    sql = f"""{clauses()}
        SELECT p.id, {SINCE} AS since{values}
        FROM person_then p {account_joins()} ORDER BY p.id, since"""
    types = {"person": "bigint", "since": "float8"} | {f"rule{place}": "float8" for place in range(len(rules))}
    columns = fetch(sql, {"people": people.tolist()}, types)
    points = np.empty((len(columns["person"]), len(rules)))
    for place in range(len(rules)):
        points[:, place] = columns[f"rule{place}"]
    return columns["person"], columns["since"], points


def _versions(model: type[Model], history: str, whose: str) -> str:
    """Every version of these rows: what it said, since when and until when. Changes of one moment are one change."""
    fields: list[Any] = list(model._meta.concrete_fields)
    columns = ", ".join(str(field.column) for field in fields)
    return f"""
        SELECT * FROM (
            SELECT {columns}, until, coalesce(lag(until) OVER (PARTITION BY id ORDER BY until, pgh_id), '-infinity')
                AS since
            FROM (
                SELECT {columns}, pgh_created_at AS until, pgh_id FROM {history} WHERE pgh_obj_id {whose}
                UNION ALL
                SELECT {columns}, 'infinity', NULL FROM {model._meta.db_table} WHERE id {whose}
            ) kept
        ) version WHERE since < until"""
