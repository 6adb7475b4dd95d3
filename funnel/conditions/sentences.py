"""A condition in words."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from funnel.conditions.language import MOST_DEEP, OPERATORS, SAID_OF_DATES, Field, date, number, readable, several

ALWAYS = "Always"
_ONE_ONLY = {"in": "is", "not_in": "is_not"}  # how a list of one value is said
_MOST_SAID = 8  # values of a list; the others are counted


def sentence(tree: Any, fields: Mapping[str, Field], *, most: int | None = None) -> str:
    """The condition in words, without a full stop. Says what it can of a tree that `check` refuses.

    most: letters at most; a longer sentence is cut.
    """
    said = _said(tree, fields, deep=0, inside=False)
    said = said[:1].upper() + said[1:]
    return said if most is None or len(said) <= most else f"{said[: most - 1].rstrip()}…"


def full_sentence(tree: Any, fields: Mapping[str, Field]) -> str:
    """The condition in words with its full stop."""
    said = sentence(tree, fields)
    return said if said.endswith("…") else f"{said}."


def _said(tree: Any, fields: Mapping[str, Field], *, deep: int, inside: bool) -> str:
    if not isinstance(tree, Mapping) or deep > MOST_DEEP + 1:
        return "…"
    if "field" in tree:
        return _leaf(tree, fields)
    if "not" in tree:
        return f"not ({_said(tree['not'], fields, deep=deep + 1, inside=False)})"
    for key, word in (("all", " and "), ("any", " or ")):
        if key in tree and isinstance(tree[key], list | tuple):
            parts = [_said(part, fields, deep=deep + 1, inside=len(tree[key]) > 1) for part in tree[key]]
            said = word.join(parts) or "…"
            return f"({said})" if inside and len(parts) > 1 else said
    return "…" if tree else ALWAYS.lower()


def _leaf(leaf: Mapping[str, Any], fields: Mapping[str, Field]) -> str:
    name, op, value = leaf.get("field"), leaf.get("op"), leaf.get("value")
    field = fields.get(name) if isinstance(name, str) else None
    label = _begun_small(field.label) if field else f"“{readable(name, 80)}”" if isinstance(name, str) and name else "…"
    if not isinstance(op, str) or op not in OPERATORS:
        return f"{label} …"
    if field and field.type == "boolean" and op in ("is", "is_not") and isinstance(value, bool):
        return f"{label}: {'yes' if value is (op == 'is') else 'no'}"
    words = OPERATORS[op].words
    if op in _ONE_ONLY and isinstance(value, list | tuple) and len(value) == 1:
        words = OPERATORS[_ONE_ONLY[op]].words
    if field and field.type == "date":
        words = SAID_OF_DATES.get(op, words)
    return f"{label} {words} {_value(op, value, field)}".rstrip()


def _value(op: str, value: Any, field: Field | None) -> str:
    takes = OPERATORS[op].takes
    if takes == "nothing":
        return ""
    if takes == "days":
        return f"{_one(value, field)} days"
    if takes == "bounds" and isinstance(value, list | tuple) and len(value) == 2:
        return f"{_one(value[0], field)} and {_one(value[1], field)}"
    values = several(value)
    if len(values) == 1:
        return _one(values[0], field)
    said = [_one(item, field) for item in values[:_MOST_SAID]]
    more = len(values) - len(said)
    if more:
        return f"{', '.join(said)} or {more:,} more"
    return f"{', '.join(said[:-1])} or {said[-1]}" if said else "…"


def _one(value: Any, field: Field | None) -> str:
    if value is None or value == "" or isinstance(value, list | tuple | Mapping):
        return "…"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        read = number(value)
        return f"{read:,f}" if read is not None and abs(read) < Decimal(10) ** 30 else "…"
    if isinstance(value, dt.date):
        return str(date(value))
    if field and field.choices and isinstance(value, str) and value in field.choices:
        return _begun_small(field.choices[value])
    return f"“{readable(str(value), 80)}”"


def _begun_small(label: str) -> str:
    """“Industry” within a sentence; a word of capitals keeps them."""
    return label if label[:2].isupper() or label[:1] == "“" else label[:1].lower() + label[1:]
