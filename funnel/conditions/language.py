"""Words of the condition language: types, operators, and how a value that somebody gave is read."""

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

Tree = Mapping[str, Any]
Type = Literal["text", "number", "boolean", "date", "choice", "any"]
Group = Literal["touch", "person", "account", "lead", "score", "territory"]

MOST_DEEP: Final = 5  # groups inside groups
MOST_LEAVES: Final = 100  # comparisons of a condition
MOST_VALUES: Final = 1000  # of one list
MOST_LETTERS: Final = 300  # of one text
LARGEST: Final = Decimal(10) ** 18
BLANKS: Final = " \t\n\r\f\v\u00a0"
# Read as a number from the JSON of a custom attribute; the same expression serves Python and PostgreSQL.
NUMERAL: Final = r"^[+-]?([0-9]{1,200}([.][0-9]{0,200})?|[.][0-9]{1,200})$"
_NUMERAL = re.compile(NUMERAL.removesuffix("$") + r"\Z")
# Custom attributes: what is stored says whether it is a number or text.
DYNAMIC: Final = ("attribute", "account_attribute", "payload", "answer")


class ConditionError(ValueError):
    """A condition that cannot be: `problems` are sentences for whoever wrote it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class Field:
    """What a condition may ask for.

    sql: an expression over the aliases of `funnel.fields`, without "%" except for one %s for each of `params`.
    type "any": text of a custom attribute, a number where it reads as one. choices: value -> label.
    suggests: where values to choose from are looked up.
    """

    name: str
    label: str
    type: Type
    sql: str
    group: Group
    choices: Mapping[str, str] | None = None
    help: str = ""
    params: tuple[Any, ...] = ()
    suggests: str = ""


@dataclass(frozen=True, slots=True)
class Operator:
    """takes: what stands beside it: nothing, one value, a list, one or a list, two bounds, or a count of days."""

    words: str
    takes: Literal["nothing", "one", "list", "some", "bounds", "days"]
    types: frozenset[str]


_WORDS = frozenset({"text", "choice", "any"})
_SCALE = frozenset({"number", "any", "date"})
_ALL = frozenset({"text", "number", "boolean", "date", "choice", "any"})

OPERATORS: Final[Mapping[str, Operator]] = {
    "is": Operator("is", "one", _ALL),
    "is_not": Operator("is not", "one", _ALL),
    "in": Operator("is one of", "list", frozenset({"text", "choice", "any", "number"})),
    "not_in": Operator("is none of", "list", frozenset({"text", "choice", "any", "number"})),
    "contains": Operator("contains", "some", frozenset({"text", "any"})),
    "not_contains": Operator("does not contain", "some", frozenset({"text", "any"})),
    "starts_with": Operator("starts with", "some", frozenset({"text", "any"})),
    "word": Operator("has the word", "some", frozenset({"text", "any"})),
    "lt": Operator("is less than", "one", _SCALE),
    "lte": Operator("is at most", "one", _SCALE),
    "gt": Operator("is more than", "one", _SCALE),
    "gte": Operator("is at least", "one", _SCALE),
    "between": Operator("is between", "bounds", _SCALE),
    "within_days": Operator("is within the last", "days", frozenset({"date"})),
    "known": Operator("is known", "nothing", _ALL),
    "unknown": Operator("is not known", "nothing", _ALL),
}
SAID_OF_DATES: Final = {"lt": "is before", "lte": "is not after", "gt": "is after", "gte": "is not before"}
NEGATIONS: Final = {"is_not": "is", "not_in": "in", "not_contains": "contains"}


def operators_of(type_: str) -> list[str]:
    """The operators that fit a field's type, in the order in which they are offered."""
    return [name for name, operator in OPERATORS.items() if type_ in operator.types]


def fold(text: str) -> str:
    """Text as it is compared: letter by letter in lower case, as PostgreSQL's lower() does it, no blanks around."""
    text = text.strip(BLANKS)
    # Letter by letter: Python's own lower() looks at neighbours (a final sigma) and may lengthen the text.
    return text.lower() if text.isascii() else "".join(letter.lower()[0] for letter in text)


def number(value: object) -> Decimal | None:
    """A number as given by somebody: a number, or text that reads as one; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, int | Decimal):
        read = Decimal(value)
        return read if read.is_finite() else None
    if isinstance(value, str) and _NUMERAL.match(value.strip(BLANKS)):
        return Decimal(value.strip(BLANKS))
    return None


def text(value: object) -> str | None:
    """Text as given by somebody, folded; yes and no as true and false; None for what is no text or blank."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return fold(value) or None
    if (read := number(value)) is not None:
        return f"{read:f}"
    return None


def date(value: object) -> dt.date | None:
    """A day as given by somebody: a date, or text like 2026-05-31. A moment counts as its UTC day."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).date() if value.tzinfo else value.date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value.strip(BLANKS))
        except ValueError:
            return None
    return None


def readable(value: str, most: int) -> str:
    """Text that somebody gave, cut and fit to be shown and stored: no zero bytes, no halves of letters."""
    return value[:most].replace("\0", "").encode("utf-8", "replace").decode()


def is_readable(value: str) -> bool:
    """Whether the database can hold the text."""
    return readable(value, len(value)) == value


def several(value: object) -> list[Any]:
    """A value or a list of them as a list."""
    return list(value) if isinstance(value, list | tuple) else [value]


def leaves(tree: object, *, deep: int = 0) -> Iterator[Tree]:
    """The comparisons of a tree in order; whatever is no tree, or lies deeper than is allowed, is left out."""
    if not isinstance(tree, Mapping) or deep > MOST_DEEP:
        return
    if "field" in tree:
        yield tree
    for key in ("all", "any", "not"):
        for part in several(tree.get(key)):
            yield from leaves(part, deep=deep + 1)


def fields_of(tree: object) -> list[str]:
    """The names of the fields that a tree asks for, each once, in order."""
    return list(dict.fromkeys(leaf["field"] for leaf in leaves(tree) if isinstance(leaf["field"], str)))


def is_dynamic(name: str) -> bool:
    """Whether the field is a custom one, whose values say what they are."""
    return name.partition(".")[0] in DYNAMIC
