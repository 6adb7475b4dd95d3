"""Touches as the rules see them: the beginning of every statement over touches, built once a version.

Every kind of touch (its type, direction, channel and so on, as far as a rule asks) is judged by the rules once, not
every touch; what asks for more than that, such as the person's title, is judged touch by touch.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from funnel.conditions import fields_of
from funnel.fields import FIELDS_OF_TOUCHES
from scoring.exchange import literal
from scoring.policy import RuleTerms

# A time ahead of our clock by more than clocks differ counts from when we heard of it.
MOMENT: Final = (
    "date_part('epoch', CASE WHEN t.occurred_at > t.recorded_at + interval '5 minutes' "
    "THEN t.recorded_at ELSE t.occurred_at END)"
)
FROM_THEM: Final = "(t.direction = 'in' AND NOT t.automatic)"
# The columns of a touch that a field stands on.
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


@dataclass(frozen=True, slots=True)
class Source:
    """Which touches, as FROM and WHERE over the alias t. extra: further columns of theirs, as expressions by name."""

    table: str
    where: str = "true"
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """WITH clauses, and what may be said over them.

    joined: FROM clause with the aliases touch (person_id, moment, in_base, from_them and the extra columns) and kind.
    points: by category, an expression of what the rules that are not counted by the day give a touch. hits: an array
    of the ids of those that are and match it; empty text where there are none.
    """

    clauses: str
    joined: str
    points: Mapping[int, str]
    hits: str


def judge(rules: Sequence[RuleTerms], source: Source, *, based: bool) -> Judged:
    """The statement's beginning for these rules. based: whether anybody has a baseline (`left` and `left_at`)."""
    of_kinds = [rule for rule in rules if _COLUMNS.keys() >= set(fields_of(rule.tree))]
    of_rows = [rule for rule in rules if rule not in of_kinds]
    asked = {_COLUMNS[name] for rule in of_kinds for name in fields_of(rule.tree)} | {"type"}
    columns = sorted(asked)
    values = {
        "person_id": "t.person_id",
        "moment": MOMENT,
        "in_base": "coalesce(t.recorded_at <= to_timestamp(b.left_at), false)" if based else "false",
        "from_them": FROM_THEM,
        **dict(source.extra),
        **{name: f"t.{name}" for name in columns},
    }
    baselines = _BASELINES if based else ""
    same = " AND ".join(f"{_comparable('touch', name)} = {_comparable('kind', name)}" for name in columns)
    clauses = f"""
        WITH touch AS MATERIALIZED (
            SELECT {", ".join([*(f"{value} AS {name}" for name, value in values.items()), *_judged(of_rows)])}
            FROM {source.table} {baselines} {_joins(of_rows)} WHERE {source.where}
        ),
        kind AS MATERIALIZED (
            SELECT {", ".join([*(f"t.{name}" for name in columns), *_judged(of_kinds)])}
            FROM (SELECT d.*{_blanks(asked)} FROM (SELECT DISTINCT {", ".join(columns)} FROM touch) d) t
            {_joins(of_kinds)}
        )"""
    parts = (("kind", of_kinds), ("touch", of_rows))
    points: dict[int, str] = {}
    for alias, judged in parts:
        for category in {rule.category for rule in judged if not rule.is_counted}:
            term = f"{alias}.points{category}"
            points[category] = f"({points[category]} + {term})" if category in points else term
    hits = [f"{alias}.hits" for alias, judged in parts if any(rule.is_counted for rule in judged)]
    return Judged(clauses, f"FROM touch JOIN kind ON {same}", points, " || ".join(hits))


_BASELINES: Final = "LEFT JOIN unnest(%(left)s::bigint[], %(left_at)s::float8[]) b (id, left_at) ON b.id = t.person_id"


def _judged(rules: Iterable[RuleTerms]) -> list[str]:
    """Points by category, and which counted rules match. A condition that is not known to hold scores nothing."""
    points: dict[int, list[str]] = {}
    hits = []
    for rule in rules:
        condition = literal(rule.condition.sql, rule.condition.params)
        if rule.is_counted:
            hits.append(f"CASE WHEN {condition} THEN {rule.id}::bigint END")
        else:
            points.setdefault(rule.category, []).append(
                f"CASE WHEN {condition} THEN {rule.points!r}::float8 ELSE 0 END"
            )
    values = [f"{' + '.join(cases)} AS points{category}" for category, cases in points.items()]
    return [*values, f"array_remove(ARRAY[{', '.join(hits)}], NULL) AS hits"] if hits else values


def _joins(rules: Iterable[RuleTerms]) -> str:
    return FIELDS_OF_TOUCHES.joins({group for rule in rules for group in rule.condition.groups}, root="touch")


def _blanks(asked: Collection[str]) -> str:
    """The references that no rule asks for: the joins of a touch name them all."""
    missing = {name for name in _COLUMNS.values() if name.endswith("_id")} - set(asked)
    return "".join(f", NULL::bigint AS {name}" for name in sorted(missing))


def _comparable(alias: str, column: str) -> str:
    """A column to join by: NULLs must meet, and `=` is what a hash join knows."""
    return f"coalesce({alias}.{column}, 0)" if column.endswith("_id") else f"{alias}.{column}"
