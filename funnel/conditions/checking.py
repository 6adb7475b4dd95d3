"""What is wrong with a condition, in sentences for whoever wrote it."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from rapidfuzz import fuzz, process

from funnel.conditions.contradictions import contradictions
from funnel.conditions.language import (
    LARGEST,
    MOST_DEEP,
    MOST_LEAVES,
    MOST_LETTERS,
    MOST_VALUES,
    OPERATORS,
    Field,
    Operator,
    date,
    is_readable,
    number,
    operators_of,
    readable,
    several,
    text,
)

_SHAPES: Final = 'a comparison like {"field": "account.industry", "op": "is", "value": "Chemicals"}, or all, any, not'
_MOST_PROBLEMS: Final = 20
_LONGEST_SPAN: Final = 3650  # days
_SCALES: Final = ("lt", "lte", "gt", "gte")


def check(tree: Any, fields: Mapping[str, Field]) -> list[str]:
    """What is wrong with the condition, a sentence each; empty when it can be used. Never raises."""
    found = _Findings(fields)
    found.look_at(tree, deep=0)
    if found.leaves > MOST_LEAVES:
        found.say(
            f"The condition has more than {MOST_LEAVES} comparisons. Use “is one of” with a list, or split the rule."
        )
    problems = found.problems or contradictions(tree, fields)
    return list(dict.fromkeys(problems))[:_MOST_PROBLEMS]


class _Findings:
    """One walk through a tree."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.fields = fields
        self.problems: list[str] = []
        self.leaves = 0

    def say(self, problem: str) -> None:
        self.problems.append(problem)

    def look_at(self, tree: Any, *, deep: int) -> None:
        if self.leaves > MOST_LEAVES:
            return
        if not isinstance(tree, Mapping):
            self.say(f"{_shown(tree)} is no condition; expected {_SHAPES}.")
        elif "field" in tree or "op" in tree:
            self.leaves += 1
            self._comparison(tree)
        elif not tree:
            if deep:
                self.say("A group holds an empty condition; remove it or fill it in.")
        elif len(tree) > 1 or next(iter(tree)) not in ("all", "any", "not"):
            names = ", ".join(_shown(key) for key in list(tree)[:5])
            self.say(f"A group is one of all, any or not; found {names}. Expected {_SHAPES}.")
        elif deep >= MOST_DEEP:
            self.say(f"Groups are nested more than {MOST_DEEP} deep. Flatten the condition, or split the rule.")
        else:
            self._group(*next(iter(tree.items())), deep=deep)

    def _group(self, key: str, parts: Any, *, deep: int) -> None:
        if key == "not":
            if isinstance(parts, Mapping) and not parts:
                self.say("“Not” holds nothing, so it could never hold; remove it or fill it in.")
            else:
                self.look_at(parts, deep=deep + 1)
        elif not isinstance(parts, list | tuple):
            self.say(f"“{key}” takes a list of conditions, not {_shown(parts)}.")
        elif not parts:
            self.say(f"The group “{key}” is empty; remove it or add a comparison.")
        else:
            for part in parts:
                self.look_at(part, deep=deep + 1)

    def _comparison(self, leaf: Mapping[str, Any]) -> None:
        if extra := [key for key in leaf if key not in ("field", "op", "value")]:
            self.say(f"A comparison has field, op and value; {_shown(extra[0])} does not belong there.")
        field = self._field(leaf.get("field"))
        if field is None:
            return
        op = leaf.get("op")
        operator = OPERATORS.get(op) if isinstance(op, str) else None
        fitting = operators_of(field.type)
        if operator is None or op not in fitting:
            words = ", ".join(f"“{OPERATORS[name].words}” ({name})" for name in fitting)
            what = "has no comparison chosen" if op in (None, "") else f"cannot be compared by {_shown(op)}"
            self.say(f"{field.label} {what}; for {_KINDS[field.type]}: {words}.")
            return
        if problem := _value_problem(field, str(op), operator, leaf.get("value")):
            self.say(problem)

    def _field(self, name: Any) -> Field | None:
        if not isinstance(name, str) or not name.strip():
            self.say("A comparison has no field chosen.")
            return None
        field = self.fields.get(name)
        if field is None:
            self.say(f"There is no field {_shown(name)} here.{_nearest(name, self.fields)}")
        return field


_KINDS: Final = {
    "text": "text",
    "number": "a number",
    "boolean": "yes or no",
    "date": "a day",
    "choice": "a choice",
    "any": "a custom field",
}


def _nearest(name: str, fields: Mapping[str, Field]) -> str:
    """A suggestion: the field whose name, last part or label is nearest to what was written."""
    spelled = {way.lower(): known for known in fields for way in (fields[known].label, known.partition(".")[2], known)}
    wanted = name[:200].lower()
    found = process.extractOne(wanted, list(spelled), scorer=fuzz.ratio, score_cutoff=60)
    if found is None:
        return " See the list of fields."
    near = fields[spelled[found[0]]]
    return f" Did you mean {near.name} ({near.label})?"


def _value_problem(field: Field, op: str, operator: Operator, value: Any) -> str | None:
    match operator.takes:
        case "nothing":
            return None if value in (None, "") else f"{field.label} “{operator.words}” takes no value."
        case "list" | "some":
            return _list_problem(field, operator, several(value) if operator.takes == "some" else value)
        case "bounds":
            return _bounds_problem(field, value)
        case "days":
            return _days_problem(field, operator, value)
    if isinstance(value, list | tuple):
        return f"{field.label} “{operator.words}” takes one value; for several use “is one of”."
    return _one_problem(field, value, scale=op in _SCALES)


def _days_problem(field: Field, operator: Operator, value: Any) -> str | None:
    days = number(value)
    if days is None or days != days.to_integral_value() or not 1 <= days <= _LONGEST_SPAN:
        return f"{field.label} “{operator.words}” takes whole days from 1 to {_LONGEST_SPAN:,}."
    return None


def _list_problem(field: Field, operator: Operator, value: Any) -> str | None:
    if not isinstance(value, list | tuple):
        return f"{field.label} “{operator.words}” takes a list of values."
    if not value:
        return f"{field.label} “{operator.words}” has an empty list; add a value."
    if len(value) > MOST_VALUES:
        return f"{field.label} “{operator.words}” has {len(value):,} values; at most {MOST_VALUES:,} are possible."
    return next((problem for item in value if (problem := _one_problem(field, item))), None)


def _bounds_problem(field: Field, value: Any) -> str | None:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return f"{field.label} “is between” takes two values, the lower one first."
    if problem := next((problem for item in value if (problem := _one_problem(field, item, scale=True))), None):
        return problem
    read = date if field.type == "date" else number
    low, high = (read(item) for item in value)
    if low is not None and high is not None and low > high:  # type: ignore[operator]
        return f"{field.label} is between {value[0]} and {value[1]}: the lower one comes first."
    return None


def _one_problem(field: Field, value: Any, *, scale: bool = False) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return f"{field.label} has no value to compare with. For what is not known use “is not known”."
    if isinstance(value, str) and (len(value) > MOST_LETTERS or not is_readable(value)):
        return f"{field.label} is compared with text that is too long (over {MOST_LETTERS} letters) or not readable."
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if field.type == "number" or (field.type == "any" and scale) or (field.type in ("any", "text") and is_number):
        return _number_problem(field, value)
    return _OF_TYPE[field.type](field, value)


def _number_problem(field: Field, value: Any) -> str | None:
    read = _small_number(value)
    if read is None:
        return f"{field.label} takes a number, {_not(value)}."
    return None if abs(read) <= LARGEST else f"{field.label} is compared with a number that is too large."


def _small_number(value: Any) -> Decimal | None:
    return LARGEST * 10 if isinstance(value, int) and abs(value) > LARGEST else number(value)


def _text_problem(field: Field, value: Any) -> str | None:
    return None if text(value) else f"{field.label} takes text, {_not(value)}."


def _boolean_problem(field: Field, value: Any) -> str | None:
    return None if isinstance(value, bool) else f"{field.label} is yes or no (true or false), {_not(value)}."


def _date_problem(field: Field, value: Any) -> str | None:
    return None if date(value) else f"{field.label} takes a day like 2026-05-31, {_not(value)}."


def _choice_problem(field: Field, value: Any) -> str | None:
    choices = field.choices or {}
    if isinstance(value, str) and value in choices:
        return None
    return f"{field.label} is one of {', '.join(choices)}, {_not(value)}."


_OF_TYPE: Final[Mapping[str, Callable[[Field, Any], str | None]]] = {
    "text": _text_problem,
    "any": _text_problem,
    "boolean": _boolean_problem,
    "date": _date_problem,
    "choice": _choice_problem,
}


def _not(value: Any) -> str:
    return f"not {_shown(value)}"


def _shown(value: Any) -> str:
    """What was given, short enough for a sentence."""
    if isinstance(value, str):
        return f"“{readable(value, 60)}”"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, int) and abs(value) > LARGEST:
        return "a very large number"
    return "nothing" if value is None else str(value)[:60]
