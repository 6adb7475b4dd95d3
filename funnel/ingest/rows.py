"""What goes into the writers and what comes out: kinds of rows with their fields, rows, outcomes."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FieldType = Literal["text", "date", "datetime", "number", "integer", "boolean"]
Status = Literal["created", "updated", "unchanged", "skipped", "error"]


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a row can say.

    type: what the value is in Python: text str, date `datetime.date`, datetime aware `datetime.datetime`, number
    Decimal, int or float, integer int, boolean bool; None is a blank of any type.
    required: no row can land without it. choices: the only values allowed. limit: the longest text.
    refers_to: the reference data that the value names; a missing one can be created on request.
    """

    name: str
    type: FieldType = "text"
    required: bool = False
    help: str = ""
    choices: tuple[str, ...] | None = None
    limit: int | None = None
    refers_to: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of rows that can be loaded.

    key: the fields that name a row; at least one of them must be there. attributes: what becomes of columns that are
    no field: attributes of the `person` or `account`, the `payload` of a touch, or nothing (blank).
    """

    name: str
    title: str
    fields: Mapping[str, Field]
    key: tuple[str, ...]
    attributes: Literal["", "person", "account", "payload"] = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row with typed values. A key that is absent leaves what is stored alone; a None blanks it."""

    number: int
    values: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row: `number` is the row's own. An error wrote nothing and says in `problem` what to mend.

    id: the record that it is, where writing it has shown that.
    """

    number: int
    status: Status
    field: str = ""
    problem: str = ""
    warnings: tuple[str, ...] = ()
    id: int | None = dataclasses.field(default=None, compare=False)
