"""Touches as the rules see them: the beginning of every statement over touches.

What kind of touch it is (type, direction, made by a machine, counts as a response) says for most rules whether they
match, so every kind is judged once a version and process, not every touch. Rules that ask for more, such as the
campaign or the person's title, judge touch by touch.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.db import connection

from funnel.conditions import fields_of
from funnel.fields import FIELDS_OF_TOUCHES
from scoring.exchange import Columns, fetch, literal
from scoring.models import ScoreRule
from scoring.policy import GateTerms, Policy, RuleTerms

# A time ahead of our clock by more than clocks differ counts from when we heard of it.
MOMENT: Final = (
    "date_part('epoch', CASE WHEN t.occurred_at > t.recorded_at + interval '5 minutes' "
    "THEN t.recorded_at ELSE t.occurred_at END)"
)
FROM_THEM: Final = "(t.direction = 'in' AND NOT t.automatic)"
MOST_KINDS: Final = 1000  # remembered; types are free text, so somebody may send a new one every time
# What makes a kind: columns that never change, so that a judgement holds for ever.
OF_KINDS: Final = ("touch.type", "touch.direction", "touch.automatic", "touch.response")
KIND: Final = ("type", "direction", "automatic", "counts_as_response")
_BASELINES: Final = "LEFT JOIN unnest(%(left)s::bigint[], %(left_at)s::float8[]) b (id, left_at) ON b.id = t.person_id"

Kind = tuple[str, str, bool, bool]


@dataclass(frozen=True, slots=True)
class Source:
    """Which touches, as FROM and WHERE over the alias t. extra: further columns of theirs, as expressions by name."""

    table: str
    where: str
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """The kinds of touches known so far, judged: points of each by category, and (place, id) of the rules that are
    counted by the day and match it.
    """

    policy: Policy
    places: Mapping[Kind, int]
    points: Sequence[Sequence[float]]
    hits: frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A statement's beginning. clauses: WITH touch (person_id, moment, in_base, from_them, the extra columns, kind).

    points: by category, an expression over touch of what rules that are not counted give; hits: a table expression
    (hit: rule_id) to join laterally, one row a counted rule that matches the touch. unknown: a condition that holds
    for a touch of a kind that is not judged yet.
    """

    clauses: str
    points: Mapping[int, str]
    hits: str
    unknown: str = "touch.kind IS NULL"


def fetch_judged(policy: Policy, source: Source, build: Any, params: Mapping[str, Any], columns: Columns) -> Any:
    """Run a statement that `build(kinds)` gives, after learning the kinds of touches that it meets for the first time.

    A row whose first column is 0 says that there are such.
    """
    kinds = _known(policy)[0]
    while True:
        found = fetch(build(kinds), params, columns)
        first = next(iter(columns))
        if not len(found[first]) or found[first].min() > 0:
            return found
        kinds = _learn(kinds, source, params)
        _known(policy)[0] = kinds


@lru_cache(maxsize=64)
def _known(policy: Policy) -> list[Kinds]:
    """What this process knows, in a list of one to be replaced; threads that learn at once each know enough."""
    return [Kinds(policy, {}, [[] for _ in policy.interest], frozenset())]


def judge(kinds: Kinds, source: Source, rules: Sequence[RuleTerms], *, based: bool) -> Judged:
    """The beginning for these rules. based: whether anybody has a baseline (params `left`, `left_at`)."""
    of_rows = [rule for rule in rules if not is_of_kinds(rule)]
    values = {
        "person_id": "t.person_id",
        "moment": MOMENT,
        "in_base": "coalesce(t.recorded_at <= to_timestamp(b.left_at), false)" if based else "false",
        "from_them": FROM_THEM,
        "kind": "k.place",
        **dict(source.extra),
        **_judged(of_rows),
    }
    same = " AND ".join(f"k.{name} = t.{name}" for name in KIND)
    clauses = f"""
        WITH touch AS MATERIALIZED (
            SELECT {", ".join(f"{value} AS {name}" for name, value in values.items())}
            FROM {source.table} LEFT JOIN {_table(kinds)} ON {same}
            {_BASELINES if based else ""} {_joins(of_rows)} WHERE {source.where}
        )"""
    points = {category: _lookup(kinds, category) for category in _categories(rules, of_kinds=True)}
    for category in _categories(rules, of_kinds=False):
        term = f"touch.points{category}"
        points[category] = f"({points[category]} + {term})" if category in points else term
    return Judged(clauses, points, _hits(kinds, rules))


def is_of_kinds(terms: RuleTerms | GateTerms) -> bool:
    """Whether a touch's kind alone says if it matches."""
    return set(fields_of(terms.tree)) <= set(OF_KINDS)


def _categories(rules: Iterable[RuleTerms], *, of_kinds: bool) -> list[int]:
    return sorted({rule.category for rule in rules if not rule.is_counted and is_of_kinds(rule) == of_kinds})


def _lookup(kinds: Kinds, category: int) -> str:
    """The points of the touch's kind: a constant array is read faster than a table is joined."""
    points = ",".join(map(repr, kinds.points[category]))
    return f"('{{{points}}}'::float8[])[touch.kind]"


def _hits(kinds: Kinds, rules: Sequence[RuleTerms]) -> str:
    counted = {rule.id for rule in rules if rule.is_counted}
    pairs = ", ".join(f"({place}, {rule}::bigint)" for place, rule in sorted(kinds.hits) if rule in counted)
    tables = [f"SELECT m.rule_id FROM (VALUES {pairs}) m (place, rule_id) WHERE m.place = touch.kind"] if pairs else []
    if any(rule.is_counted and not is_of_kinds(rule) for rule in rules):
        tables.append("SELECT unnest(touch.hits)")
    return f"({' UNION ALL '.join(tables) or 'SELECT NULL::bigint WHERE false'}) hit (rule_id)"


def _table(kinds: Kinds) -> str:
    rows = ", ".join(
        literal(f"(%s, %s::text, %s::text, {automatic}, {response})", (place, type_, direction))
        for (type_, direction, automatic, response), place in kinds.places.items()
    )
    names = f"k (place, {', '.join(KIND)})"
    if rows:
        return f"(VALUES {rows}) {names}"
    return f"(SELECT NULL::integer, NULL::text, NULL::text, NULL::boolean, NULL::boolean WHERE false) {names}"


def _judged(rules: Iterable[RuleTerms]) -> dict[str, str]:
    """Points by category, and which counted rules match. A condition that is not known to hold scores nothing."""
    points: dict[str, list[str]] = {}
    hits = []
    for rule in rules:
        condition = literal(rule.condition.sql, rule.condition.params)
        if rule.is_counted:
            hits.append(f"CASE WHEN {condition} THEN {rule.id}::bigint END")
        else:
            case = f"CASE WHEN {condition} THEN {rule.points!r}::float8 ELSE 0 END"
            points.setdefault(f"points{rule.category}", []).append(case)
    values = {name: " + ".join(cases) for name, cases in points.items()}
    return values | ({"hits": f"array_remove(ARRAY[{', '.join(hits)}], NULL)"} if hits else {})


def _joins(rules: Iterable[RuleTerms]) -> str:
    return FIELDS_OF_TOUCHES.joins({group for rule in rules for group in rule.condition.groups}, root="touch")


# --- learning ----------------------------------------------------------------------------------------------------


def _learn(kinds: Kinds, source: Source, params: Mapping[str, Any]) -> Kinds:
    """Judge the kinds of the touches that are not known yet. Two statements."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT {', '.join(f't.{name}' for name in KIND)} FROM {source.table} WHERE {source.where}",
            params,
        )
        met = cursor.fetchall()
    if len(kinds.places) > MOST_KINDS:
        kinds = Kinds(kinds.policy, {}, [[] for _ in kinds.points], frozenset())
    new = sorted(set(met) - kinds.places.keys())
    rules = [rule for rule in kinds.policy.rules_of(ScoreRule.Kind.TOUCH) if is_of_kinds(rule)]
    points = [list(known) for known in kinds.points]
    hits = set(kinds.hits)
    first = len(kinds.places) + 1
    for place, (given, matched) in enumerate(_judge_kinds(kinds.policy, rules, new), start=first):
        for category, value in enumerate(given):
            points[category].append(value)
        hits |= {(place, rule) for rule in matched}
    places = dict(kinds.places) | {kind: place for place, kind in enumerate(new, start=first)}
    return Kinds(kinds.policy, places, points, frozenset(hits))


def _judge_kinds(
    policy: Policy, rules: Sequence[RuleTerms], new: Sequence[Kind]
) -> list[tuple[Sequence[float], Sequence[int]]]:
    judged = _judged(rules)
    values = [judged.get(f"points{category}", "0::float8") for category in range(len(policy.interest))]
    values.append(judged.get("hits", "'{}'::bigint[]"))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(values)} FROM unnest(%s::text[], %s::text[], %s::boolean[], %s::boolean[]) "
            f"WITH ORDINALITY t ({', '.join(KIND)}, place) ORDER BY place",
            [list(column) for column in zip(*new, strict=True)] if new else [[], [], [], []],
        )
        return [(row[:-1], row[-1]) for row in cursor.fetchall()]
