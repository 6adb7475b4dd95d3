"""The same logic in Python, for one set of values."""

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from funnel.conditions.language import NEGATIONS, Tree, date, fold, is_dynamic, number, several, text

_COMPARE = {
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "is": lambda a, b: a == b,
}


def evaluate(tree: Tree, values: Mapping[str, Any], *, now: dt.datetime | None = None) -> bool | None:
    """Whether the tree holds for the values by field name; None: not known. What has no value is not known.

    now: only needed where the tree says `within_days`. The tree must be one that `check` accepts.
    """
    if "field" in tree:
        return _leaf(tree, values.get(tree["field"]), now)
    if "not" in tree:
        held = evaluate(tree["not"], values, now=now)
        return None if held is None else not held
    if "any" in tree:
        found = {evaluate(part, values, now=now) for part in tree["any"]}
        return True if True in found else None if None in found else False
    found = {evaluate(part, values, now=now) for part in tree.get("all", ())}
    return False if False in found else None if None in found else True


def _leaf(leaf: Tree, value: Any, now: dt.datetime | None) -> bool | None:
    op, wanted = leaf["op"], leaf.get("value")
    if op in NEGATIONS:
        held = _leaf({**leaf, "op": NEGATIONS[op]}, value, now)
        return None if held is None else not held
    dynamic = is_dynamic(leaf["field"])
    value = _read(value, dynamic=dynamic)
    if op in ("known", "unknown"):
        return (value is None) is (op == "unknown")
    return None if value is None else _compare(value, op, wanted, dynamic=dynamic, now=now)


def _compare(value: Any, op: str, wanted: Any, *, dynamic: bool, now: dt.datetime | None) -> bool | None:
    match value:
        case bool():
            return value is wanted if op == "is" else None
        case dt.date():
            return _of_date(value, op, wanted, now)
        case Decimal():
            return _of_number(value, op, wanted)
        case _:
            return _of_any(value, op, wanted) if dynamic else _of_text(value, op, wanted)


def _read(value: Any, *, dynamic: bool) -> Any:
    """The value as it is compared. Lists and objects of a custom attribute are not known."""
    if dynamic:
        return text(value) if isinstance(value, bool | int | float | str | Decimal) else None
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return fold(value) or None
    if isinstance(value, dt.date):
        return date(value)
    return number(value)


def _of_number(value: Decimal, op: str, wanted: Any) -> bool | None:
    numbers = [read for item in several(wanted) if (read := number(item)) is not None]
    if op == "in":
        return value in numbers
    if op == "between":
        return numbers[0] <= value <= numbers[1]
    return _COMPARE[op](value, numbers[0])


def _of_date(value: dt.date, op: str, wanted: Any, now: dt.datetime | None) -> bool | None:
    if op == "within_days":
        if now is None:
            raise ValueError("within_days needs to be told what time it is.")
        today = now.astimezone(dt.UTC).date()
        return today - dt.timedelta(days=int(wanted)) <= value <= today
    days = [read for item in several(wanted) if (read := date(item)) is not None]
    if op == "between":
        return days[0] <= value <= days[1]
    return _COMPARE[op](value, days[0])


def _of_text(value: str, op: str, wanted: Any) -> bool | None:
    texts = [read for item in several(wanted) if (read := text(item)) is not None]
    if op in ("is", "in"):
        return value in texts
    if op == "contains":
        return any(part in value for part in texts)
    if op == "starts_with":
        return any(value.startswith(part) for part in texts)
    return any(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", value) is not None for part in texts)


def _of_any(value: str, op: str, wanted: Any) -> bool | None:
    as_number = number(value)
    if op in ("is", "in"):
        numbers = [read for item in several(wanted) if (read := number(item)) is not None]
        texts = [text(item) for item in several(wanted) if number(item) is None]
        return (as_number is not None and as_number in numbers) or value in texts
    if op in ("lt", "lte", "gt", "gte", "between"):
        return None if as_number is None else _of_number(as_number, op, wanted)
    return _of_text(value, op, wanted)
