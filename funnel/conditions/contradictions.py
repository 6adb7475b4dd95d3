"""Comparisons that can never hold together.

Only what is certain is said: within `all`, fields that have one value, number ranges that do not meet, texts that
exclude each other, and a comparison with what must not be known.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from funnel.conditions.language import Field, Tree, date, number, several, text
from funnel.conditions.sentences import sentence

Bound = tuple[Decimal | dt.date, bool]  # the value, and whether it is itself within
_READERS: Mapping[str, Any] = {"number": number, "date": date}


def contradictions(tree: Tree, fields: Mapping[str, Field]) -> list[str]:
    """A sentence for each field whose comparisons exclude each other. The tree is one of the right shape."""
    return [
        f"{sentence({'all': leaves}, fields)}: this can never hold."
        for together in _groups(tree)
        for name, leaves in _by_field(together).items()
        if len(leaves) > 1 and _exclude(leaves, fields[name])
    ]


def _groups(tree: Tree) -> Iterator[list[Tree]]:
    """Every set of comparisons that must hold together: those of an `all`, and of the `all` within it."""
    together: list[Tree] = []
    rest: list[Tree] = [tree]
    while rest:
        part = rest.pop()
        if "field" in part:
            together.append(part)
        elif "all" in part:
            rest.extend(reversed(part["all"]))
        elif "any" in part and len(part["any"]) == 1:
            rest.append(part["any"][0])
        else:
            for inner in part.get("any", [part["not"]] if "not" in part else []):
                yield from _groups(inner)
    yield together


def _by_field(leaves: list[Tree]) -> dict[str, list[Tree]]:
    found: dict[str, list[Tree]] = defaultdict(list)
    for leaf in leaves:
        found[leaf["field"]].append(leaf)
    return found


def _exclude(leaves: list[Tree], field: Field) -> bool:
    ops = {leaf["op"] for leaf in leaves}
    if "unknown" in ops:
        return len(ops) > 1
    return _no_range(leaves, field) or _no_value(leaves, field)


def _no_range(leaves: list[Tree], field: Field) -> bool:
    """Whether the ranges of numbers or days do not meet."""
    read = _READERS.get(field.type, number)
    lows: list[Bound] = []
    highs: list[Bound] = []
    for leaf in leaves:
        values = [found for item in several(leaf.get("value")) if (found := read(item)) is not None]
        if not values or field.type not in ("number", "date", "any"):
            continue
        op = leaf["op"]
        if op in ("gt", "gte", "between") or (op == "is" and field.type != "any"):
            lows.append((values[0], op != "gt"))
        if op in ("lt", "lte", "between") or (op == "is" and field.type != "any"):
            highs.append((values[-1], op != "lt"))
    if not lows or not highs:
        return False
    low, low_within = max(lows, key=lambda bound: (bound[0], not bound[1]))
    high, high_within = min(highs, key=lambda bound: (bound[0], bound[1]))
    return low > high or (low == high and not (low_within and high_within))  # type: ignore[operator]


def _no_value(leaves: list[Tree], field: Field) -> bool:
    """Whether no value is left of those that `is` and `in` allow."""
    allowed: set[Any] | None = None
    refused: set[Any] = set()
    for leaf in leaves:
        values = {_key(item, field) for item in several(leaf.get("value"))}
        if leaf["op"] in ("is", "in"):
            allowed = values if allowed is None else allowed & values
        elif leaf["op"] in ("is_not", "not_in"):
            refused |= values
    if field.type == "boolean":
        allowed = {True, False} if allowed is None else allowed
    return allowed is not None and not allowed - refused


def _key(value: Any, field: Field) -> Any:
    if field.type == "boolean":
        return value
    if field.type == "date":
        return date(value)
    read = number(value) if field.type in ("number", "any") else None
    return text(value) if read is None else read
