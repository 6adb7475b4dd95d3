"""The stored scores as columns: where people stand, and when their baseline was taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from scoring.contributions import windows
from scoring.decay import Floats, Points
from scoring.exchange import fetch
from scoring.policy import Policy

Ids = NDArray[np.int64]
Places = NDArray[np.intp]
Flags = NDArray[np.bool_]

# Leads that were recycled or disqualified and stand so: reopened or taken back, they are no longer among them.
_BASELINES: Final = """
SELECT DISTINCT ON (l.person_id) l.person_id,
       CASE WHEN l.revisit_on <= %(today)s THEN 'NaN' ELSE date_part('epoch', e.recorded_at) END
FROM funnel_lead l
JOIN funnel_stageevent e ON e.lead_id = l.id AND e.kind IN ('recycle', 'disqualify')
WHERE l.person_id = ANY(%(people)s) AND l.exit IN ('recycled', 'disqualified')
  AND (%(solution)s::bigint IS NULL OR l.solution_id IS NULL OR l.solution_id = %(solution)s)
  AND NOT EXISTS (SELECT FROM funnel_stageevent v WHERE v.supersedes_id = e.id)
ORDER BY l.person_id, e.recorded_at DESC
"""


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """The scores of n people under one version, in the order of their ids. Times: seconds since 1970.

    acc, base: (n, c); baseline_at, next_review_at: nan for none; last_at: -inf for none; grade, band: places in the
    policy; stored: whether there is a row; where there is none, everything else is as of somebody without a touch.
    """

    people: Ids
    stored: Flags
    acc: Floats
    base: Floats
    baseline_at: Floats
    fit_total: Floats
    last_at: Floats
    grade: Places
    band: Places
    eligible: Flags
    allowed: Flags
    next_review_at: Floats


def read(policy: Policy, people: Ids) -> States:
    """The states of these people, who are sorted. One statement."""
    sql, columns = _reading(policy)
    letters = [letter for letter, _least in policy.grades]
    numbers = [number for number, _least in policy.bands]
    params = {"people": people.tolist(), "model": policy.id, "letters": letters, "numbers": numbers}
    found = fetch(sql, params, columns)
    n, c = len(people), len(policy.interest)
    places = np.searchsorted(people, found["person"])
    values: dict[str, Any] = {"stored": np.zeros(n, bool), "acc": np.zeros((n, c)), "base": np.zeros((n, c))}
    values["stored"][places] = True
    for array in ("acc", "base"):
        for category in range(c):
            values[array][places, category] = found[f"{array}{category}"]
    blank: dict[str, Any] = {"baseline_at": np.nan, "fit_total": 0.0, "last_at": -np.inf, "next_review_at": np.nan}
    blank |= {"grade": 0, "band": 0, "eligible": False, "allowed": False}
    for name, value in blank.items():
        values[name] = np.full(n, value)
        values[name][places] = found[name]
    return States(people=people, **values)


def baselines(people: Sequence[int], *, today: date, solution_id: int | None = None) -> dict[int, float]:
    """When each of these people was last recycled or disqualified, as far as it stands; nan once their day has come.

    solution_id: only leads of this solution or of none count, as for a version that is meant for it. People who never
    were are left out. Seconds since 1970, of the moment it was recorded. One statement.
    """
    if not people:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_BASELINES, {"people": list(people), "today": today, "solution": solution_id})
        return dict(cursor.fetchall())


def points_of(policy: Policy, states: States, at: float) -> Points:
    """What the states count at a moment, as `decay` takes it. One statement where the version has windows."""
    held, expires_at = windows(policy, states.people, at, baselines=states.baseline_at)
    return Points(
        states.acc - states.base, held, np.where(np.isfinite(states.last_at), states.last_at, np.nan), expires_at
    )


@lru_cache(maxsize=16)
def _reading(policy: Policy) -> tuple[str, dict[str, str]]:
    columns = {
        "person": ("s.person_id", "bigint"),
        "baseline_at": ("coalesce(date_part('epoch', s.baseline_at), 'NaN')", "float8"),
        "fit_total": ("s.fit_total", "float8"),
        "last_at": ("coalesce(date_part('epoch', s.last_at), '-infinity')", "float8"),
        "grade": ("array_position(%(letters)s::text[], s.grade::text) - 1", "integer"),
        "band": ("array_position(%(numbers)s::integer[], s.band::integer) - 1", "integer"),
        "eligible": ("s.eligible", "boolean"),
        "allowed": ("s.allowed", "boolean"),
        "next_review_at": ("coalesce(date_part('epoch', s.next_review_at), 'NaN')", "float8"),
    }
    for place in range(len(policy.interest)):
        columns[f"acc{place}"] = (f"s.acc[{place + 1}]", "float8")
        columns[f"base{place}"] = (f"s.base[{place + 1}]", "float8")
    values = ", ".join(value for value, _type in columns.values())
    sql = f"SELECT {values} FROM scoring_score s WHERE s.person_id = ANY(%(people)s) AND s.model_id = %(model)s"
    return sql, {name: type_ for name, (_value, type_) in columns.items()}
