"""A condition as one SQL expression: TRUE, FALSE, or NULL where it is not known. Values are parameters only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from funnel.conditions.checking import check
from funnel.conditions.language import (
    NEGATIONS,
    NUMERAL,
    ConditionError,
    Field,
    Tree,
    date,
    number,
    several,
    text,
)

_BLANKS: Final = r"E' \t\n\r\f\x0B\u00A0'"  # language.BLANKS
_TODAY = "(CURRENT_TIMESTAMP AT TIME ZONE 'UTC')::date"
_COMPARISONS: Final = {"is": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A boolean expression with a %s for each of `params`; groups: what it needs to be joined (`funnel.fields`)."""

    sql: str
    params: tuple[Any, ...]
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Sql:
    text: str
    params: tuple[Any, ...] = ()


def compile(tree: Tree, fields: Mapping[str, Field]) -> Compiled:
    """The tree as SQL over the aliases of its fields. Raises ConditionError for a tree that `check` refuses."""
    if problems := check(tree, fields):
        raise ConditionError(problems)
    groups: set[str] = set()
    made = _tree(tree, fields, groups)
    return Compiled(made.text, made.params, frozenset(groups))


def _join(template: str, *parts: _Sql) -> _Sql:
    """The parts put into the template's {} in order, their parameters in the same order."""
    return _Sql(template.format(*(part.text for part in parts)), tuple(p for part in parts for p in part.params))


def _value(value: object, cast: str) -> _Sql:
    return _Sql(f"%s::{cast}", (value,))


def _tree(tree: Tree, fields: Mapping[str, Field], groups: set[str]) -> _Sql:
    if "field" in tree:
        field = fields[tree["field"]]
        groups.add(field.group)
        return _leaf(field, tree["op"], tree.get("value"))
    if "not" in tree:
        return _join("(NOT {})", _tree(tree["not"], fields, groups))
    for key, word in (("all", " AND "), ("any", " OR ")):
        if key in tree:
            parts = [_tree(part, fields, groups) for part in tree[key]]
            return _join(f"({word.join(['{}'] * len(parts))})", *parts)
    return _Sql("TRUE")


def _leaf(field: Field, op: str, value: Any) -> _Sql:
    if op in NEGATIONS:
        return _join("(NOT {})", _leaf(field, NEGATIONS[op], value))
    raw = _Sql(field.sql, field.params)
    if field.type in ("text", "any"):
        raw = _join(f"NULLIF(btrim({{}}, {_BLANKS}), '')", raw)
    elif field.type == "choice":
        raw = _join("NULLIF({}, '')", raw)
    if op in ("known", "unknown"):
        return _join(f"({{}} IS {'NOT ' if op == 'known' else ''}NULL)", raw)
    return _BY_TYPE[field.type](raw, op, value)


def _boolean(raw: _Sql, op: str, value: Any) -> _Sql:
    return _join("({} = {})", raw, _value(value, "boolean"))


def _choice(raw: _Sql, op: str, value: Any) -> _Sql:
    return _join("({} = ANY({}))", raw, _value(several(value), "text[]"))


def _number(raw: _Sql, op: str, value: Any) -> _Sql:
    if op == "in":
        return _join("({} = ANY({}))", raw, _value(_numbers(value), "numeric[]"))
    if op == "between":
        low, high = _numbers(value)
        return _join("({} BETWEEN {} AND {})", raw, _value(low, "numeric"), _value(high, "numeric"))
    return _join(f"({{}} {_COMPARISONS[op]} {{}})", raw, _value(number(value), "numeric"))


def _date(raw: _Sql, op: str, value: Any) -> _Sql:
    if op == "within_days":
        return _join(f"({{}} BETWEEN {_TODAY} - {{}} AND {_TODAY})", raw, _value(int(value), "integer"))
    if op == "between":
        low, high = (date(item) for item in value)
        return _join("({} BETWEEN {} AND {})", raw, _value(low, "date"), _value(high, "date"))
    return _join(f"({{}} {_COMPARISONS[op]} {{}})", raw, _value(date(value), "date"))


def _text(raw: _Sql, op: str, value: Any) -> _Sql:
    raw = _join("lower({})", raw)
    wanted = [read for item in several(value) if (read := text(item)) is not None]
    if op == "is":
        return _join("({} = {})", raw, _value(wanted[0], "text"))
    if op == "in":
        return _join("({} = ANY({}))", raw, _value(wanted, "text[]"))
    if op == "word":
        return _join("({} ~ {})", raw, _value(_pattern(wanted), "text"))
    one = {"contains": "(strpos({}, {}) > 0)", "starts_with": "starts_with({}, {})"}[op]
    return _join(f"({' OR '.join(['{}'] * len(wanted))})", *(_join(one, raw, _value(v, "text")) for v in wanted))


def _any(raw: _Sql, op: str, value: Any) -> _Sql:
    """A custom attribute: a number where it reads as one and is compared with one, else text."""
    if op not in ("is", "in", "lt", "lte", "gt", "gte", "between"):
        return _text(raw, op, value)
    if op not in ("is", "in"):
        guarded = f"CASE WHEN \0 ~ '{NUMERAL}' THEN (\0)::numeric END"
        return _number(_fill(guarded, raw), op, value)
    numbers = _numbers(value)
    others = [item for item in several(value) if number(item) is None]
    parts = []
    if others:
        parts.append(_text(raw, "in", others))
    if numbers:
        same = f"CASE WHEN \0 ~ '{NUMERAL}' THEN (\0)::numeric = ANY(\1) WHEN \0 IS NOT NULL THEN FALSE END"
        parts.append(_fill(same, raw, _value(numbers, "numeric[]")))
    return _join(f"({' OR '.join(['{}'] * len(parts))})", *parts)


def _fill(template: str, *parts: _Sql) -> _Sql:
    """Like `_join`, for text with braces of its own and parts that stand in several places: \\0, \\1."""
    made: list[str] = []
    params: list[Any] = []
    for letter in template:
        part = parts[ord(letter)] if ord(letter) < len(parts) else None
        made.append(part.text if part else letter)
        params.extend(part.params if part else ())
    return _Sql("".join(made), tuple(params))


def _numbers(value: Any) -> list[Decimal]:
    return [read for item in several(value) if (read := number(item)) is not None]


def _pattern(words: list[str]) -> str:
    """A regular expression that finds any of the words, whole. Everything but letters and digits is escaped.

    One for them all: PostgreSQL keeps only the 32 expressions it used last, and making one anew takes a while.
    """
    escaped = (
        "".join(letter if letter.isalnum() or ord(letter) > 127 else f"\\{letter}" for letter in word) for word in words
    )
    return rf"(^|[^[:alnum:]_])({'|'.join(escaped)})($|[^[:alnum:]_])"


_BY_TYPE: Mapping[str, Callable[[_Sql, str, Any], _Sql]] = {
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "choice": _choice,
    "any": _any,
}
