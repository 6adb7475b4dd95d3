"""The stored scores as columns: where people stand, what their windows hold, and when their baseline was taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from scoring.decay import DAY, Floats, Points
from scoring.exchange import fetch
from scoring.models import ScoreRule
from scoring.policy import Policy, RuleTerms

Ids = NDArray[np.int64]
Places = NDArray[np.intp]
Flags = NDArray[np.bool_]

_1970: Final = date(1970, 1, 1).toordinal()
# Leads that were recycled or disqualified and stand so: reopened or taken back, they are no longer among them.
_BASELINES: Final = """
SELECT DISTINCT ON (l.person_id) l.person_id,
       CASE WHEN l.revisit_on <= %(today)s THEN 'NaN' ELSE date_part('epoch', e.recorded_at) END
FROM funnel_lead l
JOIN funnel_stageevent e ON e.lead_id = l.id AND e.kind IN ('recycle', 'disqualify')
WHERE l.person_id = ANY(%(people)s) AND l.exit IN ('recycled', 'disqualified')
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

    @property
    def above(self) -> Floats:
        """What has accumulated above the baseline."""
        return self.acc - self.base


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


def baselines(people: Sequence[int], *, today: date) -> dict[int, float]:
    """When each of these people was last recycled or disqualified, as far as it stands; nan once their day has come.

    People who never were are left out. Seconds since 1970, of the moment it was recorded. One statement.
    """
    if not people:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_BASELINES, {"people": list(people), "today": today})
        return dict(cursor.fetchall())


def windows(policy: Policy, people: Ids, at: Floats | float) -> tuple[Floats, Floats]:
    """What open windows hold above the baseline (n, c), and when the next one runs out (n), nan for none."""
    held = np.zeros((len(people), len(policy.interest)))
    expires_at = np.full(len(people), np.nan)
    rules = [rule for rule in policy.rules_of(ScoreRule.Kind.TOUCH) if rule.window_days is not None]
    if not rules or not len(people):
        return held, expires_at
    now = np.broadcast_to(np.asarray(at, dtype=float), (len(people),))
    first = int(now.min() // DAY) - max(rule.window_days or 0 for rule in rules)
    params = {"people": people.tolist(), "rules": [rule.id for rule in rules], "first": date.fromordinal(first + _1970)}
    found = fetch(_WINDOWS, params, _WINDOW_COLUMNS)
    for rule in rules:
        mine = found["rule"] == rule.id
        places = np.searchsorted(people, found["person"][mine])
        ends = (found["day"][mine] + (rule.window_days or 0)) * DAY
        points = rule.points * (_counts(rule, found["n"][mine]) - _counts(rule, found["n_base"][mine]))
        is_open = (ends > now[places]) & (points != 0)
        np.add.at(held, (places[is_open], rule.category), points[is_open])
        np.fmin.at(expires_at, places[is_open], ends[is_open])
    return held, expires_at


def points_of(policy: Policy, states: States, at: Floats | float) -> Points:
    """What the states count, as `decay` takes it. One statement where the version has windows."""
    held, expires_at = windows(policy, states.people, at)
    return Points(states.above, held, np.where(np.isfinite(states.last_at), states.last_at, np.nan), expires_at)


def _counts(rule: RuleTerms, n: NDArray[Any]) -> NDArray[Any]:
    return n if rule.per_day is None else np.minimum(n, rule.per_day)


_WINDOW_COLUMNS: Final = {"person": "bigint", "rule": "bigint", "day": "integer", "n": "integer", "n_base": "integer"}
_WINDOWS: Final = """
SELECT person_id, rule_id, day - date '1970-01-01', n, n_base FROM scoring_scoreday
WHERE person_id = ANY(%(people)s) AND rule_id = ANY(%(rules)s) AND day >= %(first)s
"""


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
