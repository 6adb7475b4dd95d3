"""What touches add to accumulators, summed by PostgreSQL, and how often a day a rule matched (scoring.md 1, 3, 6).

A batch either adds touches to what people have, or sums all of a person's touches anew. Both read touches through the
same statements, in which every kind of touch (its type, direction, channel and so on, as far as a rule asks) is judged
by the rules once, not every touch.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from funnel.conditions import fields_of
from funnel.fields import FIELDS_OF_TOUCHES
from scoring.decay import DAY, MOST_DOUBLINGS, Floats, growth
from scoring.exchange import fetch, literal
from scoring.models import ScoreRule
from scoring.policy import Policy, RuleTerms

Ids = NDArray[np.int64]

# A time ahead of our clock by more than clocks differ counts from when we heard of it.
MOMENT: Final = (
    "date_part('epoch', CASE WHEN t.occurred_at > t.recorded_at + interval '5 minutes' "
    "THEN t.recorded_at ELSE t.occurred_at END)"
)
FROM_THEM: Final = "(t.direction = 'in' AND NOT t.automatic)"
# The columns of a touch that a field stands on; what asks for anything else is judged touch by touch.
_COLUMNS: Final = {
    "touch.type": "type",
    "touch.direction": "direction",
    "touch.automatic": "automatic",
    "touch.response": "counts_as_response",
    "touch.channel": "channel_id",
    "touch.campaign": "campaign_id",
    "touch.content": "content_id",
    "touch.content_kind": "content_id",
    "touch.solution": "solution_id",
}
_ADDED: Final = """
FROM unnest(%(people)s::bigint[], %(touches)s::bigint[]) taken (person_id, id)
JOIN funnel_activity t ON t.id = taken.id AND t.person_id = taken.person_id AND t.voided_at IS NULL
JOIN scoring_score b ON b.person_id = t.person_id AND b.model_id = %(model)s
"""
# A touch with an inbox row of its person's own is added when that row is worked: counting it here too would be twice.
_ALL: Final = "FROM funnel_activity t"
_BASELINES: Final = """
LEFT JOIN unnest(%(left)s::bigint[], %(left_at)s::float8[]) l (person_id, at) ON l.person_id = t.person_id
CROSS JOIN LATERAL (SELECT to_timestamp(l.at) AS baseline_at) b
"""
_ALL_WHERE: Final = """
WHERE t.person_id = ANY(%(people)s) AND t.voided_at IS NULL
  AND NOT EXISTS (SELECT FROM funnel_inbox i
                  WHERE i.cause = 'activity' AND i.object_id = t.id AND i.person_id = t.person_id)
"""


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """What n people's touches add: to the accumulators and to what the baseline holds (n, c); the latest from them.

    last_at: seconds since 1970, -inf for none.
    """

    acc: Floats
    base: Floats
    last_at: Floats


def add(policy: Policy, people: Ids, touches: Sequence[tuple[int, int]]) -> Contributions:
    """What these touches, (person id, touch id), add to people who have a score. Touches void or gone add nothing.

    people: sorted. Counts days up. Two statements.
    """
    params = {
        "people": [person for person, _touch in touches],
        "touches": [touch for _person, touch in touches],
        "model": policy.id,
    }
    return _contributions(policy, people, "add", params)


def sum_anew(policy: Policy, people: Ids, baselines: Floats) -> Contributions:
    """What all standing touches of these people come to, save those that wait in the inbox. Three statements.

    people: sorted. baselines: seconds since 1970, nan for none. Counts their days anew.
    """
    left = np.isfinite(baselines)
    params = {
        "people": people.tolist(),
        "left": people[left].tolist(),
        "left_at": baselines[left].tolist(),
    }
    counted = [rule.id for rule in _counted(policy)]
    if counted:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM scoring_scoreday WHERE person_id = ANY(%s) AND rule_id = ANY(%s)",
                [params["people"], counted],
            )
    return _contributions(policy, people, "all" if left.any() else "all, no baseline", params)


def _contributions(policy: Policy, people: Ids, source: str, params: Mapping[str, Any]) -> Contributions:
    count, size = len(people), len(policy.interest)
    acc, base = np.zeros((count, size)), np.zeros((count, size))
    last_at = np.full(count, -np.inf)
    sql, columns = _sums(policy, source)
    found = fetch(sql, params, columns)
    places = np.searchsorted(people, found["person"])
    last_at[places] = found["last_at"]
    for category in range(size):
        if f"acc{category}" in columns:
            acc[places, category] = found[f"acc{category}"]
        if f"base{category}" in columns:
            base[places, category] = found[f"base{category}"]
    if _counted(policy):
        _count_days(policy, people, fetch(_days(policy, source), params, _DAY_COLUMNS), acc=acc, base=base)
    return Contributions(acc, base, last_at)


def _count_days(policy: Policy, people: Ids, days: Mapping[str, Any], *, acc: Floats, base: Floats) -> None:
    """Add what the days' counts have come to and take off what they were; rules with a window add nothing here."""
    for rule in _counted(policy):
        if rule.window_days is not None or rule.per_day is None:
            continue
        mine = days["rule"] == rule.id
        where = (np.searchsorted(people, days["person"][mine]), rule.category)
        half_life = policy.interest[rule.category].half_life
        weight = rule.points * growth(days["day"][mine] * DAY, half_life, policy.landmark)
        for sums, now, before in ((acc, "n", "n_before"), (base, "n_base", "n_base_before")):
            more = np.minimum(days[now][mine], rule.per_day) - np.minimum(days[before][mine], rule.per_day)
            np.add.at(sums, where, more * weight)


# --- statements, built once a version ----------------------------------------------------------------------------


def _counted(policy: Policy) -> list[RuleTerms]:
    return [rule for rule in policy.rules_of(ScoreRule.Kind.TOUCH) if rule.is_counted]


@dataclass(frozen=True, slots=True, eq=False)
class _Touches:
    """The two parts of a statement that judge touches: WITH clauses `touch` and `kind`, and expressions over them.

    weights: the points of each category, where it has any rule; hits: whether each counted rule matches.
    """

    clauses: str
    joined: str
    weights: Mapping[int, str]
    hits: Mapping[int, str]


@lru_cache(maxsize=64)
def _touches(policy: Policy, source: str) -> _Touches:
    rules = policy.rules_of(ScoreRule.Kind.TOUCH)
    of_kinds = [rule for rule in rules if _COLUMNS.keys() >= set(fields_of(rule.tree))]
    of_rows = [rule for rule in rules if rule not in of_kinds]
    asked = {_COLUMNS[name] for rule in of_kinds for name in fields_of(rule.tree)} | {"type"}
    columns = sorted(asked)
    table, where = {"add": (_ADDED, ""), "all": (_ALL + _BASELINES, _ALL_WHERE)}.get(source, (_ALL, _ALL_WHERE))
    in_base = "false" if source == "all, no baseline" else "coalesce(t.recorded_at <= b.baseline_at, false)"
    factors = [f"{_factor(policy, span)} AS grown{place}" for place, span in enumerate(_half_lives(policy))]
    base = [f"{MOMENT} AS moment", f"{in_base} AS in_base", f"{FROM_THEM} AS from_them"]
    touch = ["t.person_id", *base, *(f"t.{name}" for name in columns), *_judged(of_rows)]
    kind = [*(f"t.{name}" for name in columns), *_judged(of_kinds)]
    same = " AND ".join(f"{_comparable('touch', name)} = {_comparable('kind', name)}" for name in columns)
    clauses = f"""
        WITH judged AS MATERIALIZED (SELECT {", ".join(touch)} {table} {_joins(of_rows)} {where}),
        touch AS (SELECT t.*{"".join(f", {factor}" for factor in factors)} FROM judged t),
        kind AS MATERIALIZED (
            SELECT {", ".join(kind)}
            FROM (SELECT d.*{_blank_references(asked)} FROM (SELECT DISTINCT {", ".join(columns)} FROM judged) d) t
            {_joins(of_kinds)}
        )"""
    parts = [("kind", of_kinds), ("touch", of_rows)]
    weights: dict[int, str] = {}
    for alias, judged in parts:
        for category in {rule.category for rule in judged if not rule.is_counted}:
            term = f"{alias}.points{category}"
            weights[category] = f"({weights[category]} + {term})" if category in weights else term
    hits = {rule.id: f"{alias}.hit{rule.id}" for alias, judged in parts for rule in judged if rule.is_counted}
    return _Touches(clauses, f"FROM touch JOIN kind ON {same}", weights, hits)


def _judged(rules: Iterable[RuleTerms]) -> list[str]:
    """Points of the rules by category, and whether each counted one matches. What is not known scores nothing."""
    points: dict[int, list[str]] = {}
    hits = []
    for rule in rules:
        condition = literal(rule.condition.sql, rule.condition.params)
        if rule.is_counted:
            hits.append(f"{condition} AS hit{rule.id}")
        else:
            points.setdefault(rule.category, []).append(
                f"CASE WHEN {condition} THEN {rule.points!r}::float8 ELSE 0 END"
            )
    return [f"{' + '.join(cases)} AS points{category}" for category, cases in points.items()] + hits


def _joins(rules: Iterable[RuleTerms]) -> str:
    groups = {group for rule in rules for group in rule.condition.groups}
    return FIELDS_OF_TOUCHES.joins(groups, root="touch")


def _blank_references(asked: Collection[str]) -> str:
    """The references that no rule asks for: the joins name them all."""
    missing = {name for name in _COLUMNS.values() if name.endswith("_id")} - set(asked)
    return "".join(f", NULL::bigint AS {name}" for name in sorted(missing))


def _comparable(alias: str, column: str) -> str:
    """A column to join by: NULLs must meet, and `=` is what a hash join knows."""
    return f"coalesce({alias}.{column}, 0)" if column.endswith("_id") else f"{alias}.{column}"


def _half_lives(policy: Policy) -> list[float]:
    return sorted({terms.half_life for terms in policy.interest if np.isfinite(terms.half_life)})


def _factor(policy: Policy, half_life: float) -> str:
    """decay.growth in SQL."""
    doublings = f"(t.moment - {policy.landmark!r}) / {float(half_life)!r}"
    return f"power(2.0::float8, greatest(-{MOST_DOUBLINGS}, least({MOST_DOUBLINGS}, {doublings})))"


@lru_cache(maxsize=64)
def _sums(policy: Policy, source: str) -> tuple[str, dict[str, str]]:
    touches = _touches(policy, source)
    spans = _half_lives(policy)
    columns = {"person": "bigint", "last_at": "float8"}
    sums = ["touch.person_id", "coalesce(max(touch.moment) FILTER (WHERE touch.from_them), '-infinity')"]
    for category, weight in sorted(touches.weights.items()):
        half_life = policy.interest[category].half_life
        value = f"{weight} * touch.grown{spans.index(half_life)}" if half_life in spans else weight
        sums.append(f"coalesce(sum({value}), 0)")
        columns[f"acc{category}"] = "float8"
        if source != "all, no baseline":
            sums.append(f"coalesce(sum({value}) FILTER (WHERE touch.in_base), 0)")
            columns[f"base{category}"] = "float8"
    return f"{touches.clauses} SELECT {', '.join(sums)} {touches.joined} GROUP BY touch.person_id", columns


_DAY_COLUMNS: Final = {
    "person": "bigint",
    "rule": "bigint",
    "day": "integer",
    "n": "integer",
    "n_before": "integer",
    "n_base": "integer",
    "n_base_before": "integer",
}


@lru_cache(maxsize=64)
def _days(policy: Policy, source: str) -> str:
    """Count the days up; the counts after and before. A day is a number of days since 1970 in UTC."""
    touches = _touches(policy, source)
    values = ", ".join(f"({rule}::bigint, {hit})" for rule, hit in touches.hits.items())
    return f"""{touches.clauses},
        counted AS MATERIALIZED (
            SELECT touch.person_id, matched.rule_id, floor(touch.moment / {DAY})::integer AS day,
                   count(*)::integer AS n, (count(*) FILTER (WHERE touch.in_base))::integer AS n_base
            {touches.joined} CROSS JOIN LATERAL (VALUES {values}) matched (rule_id, hit)
            WHERE matched.hit GROUP BY 1, 2, 3
        ),
        written AS (
            INSERT INTO scoring_scoreday AS d (person_id, rule_id, day, n, n_base)
            SELECT person_id, rule_id, date '1970-01-01' + day, n, n_base FROM counted ORDER BY 1, 2, 3
            ON CONFLICT (person_id, rule_id, day)
            DO UPDATE SET n = d.n + excluded.n, n_base = d.n_base + excluded.n_base
            RETURNING person_id, rule_id, day - date '1970-01-01' AS day, n, n_base
        )
        SELECT w.person_id, w.rule_id, w.day, w.n, w.n - c.n, w.n_base, w.n_base - c.n_base
        FROM written w JOIN counted c USING (person_id, rule_id, day)"""
