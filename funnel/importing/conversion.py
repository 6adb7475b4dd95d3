"""From a record of the file to a row with typed values, as the mapping says. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from funnel.importing.mapping import OTHERWISE, SKIP, Entry, ImportMapping, check_columns, nearest
from funnel.importing.reading import Record
from funnel.importing.values import Unreadable, attribute_reader, reader
from funnel.ingest.rows import Row

Evaluate = Callable[[Sequence[str]], Any]
MOST_KNOWN = 1_000  # texts of a column; a column of keys has more, and gains nothing from it
_UNKNOWN = object()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row, and in which field (blank: the row as a whole)."""

    field: str
    words: str


class _Skip(Exception):
    """The value map says to leave the row out."""


class Converter:
    """A mapping bound to the columns of one file."""

    def __init__(self, mapping: ImportMapping, header: Sequence[str]) -> None:
        """Raises MappingProblem where the file lacks a column that the mapping names."""
        check_columns(mapping, header)
        self._positions = {name: position for position, name in enumerate(header)}
        self._trim = mapping.trim
        self._where = [(self._positions[column], kept) for column, kept in mapping.where.items()]
        kinds = mapping.kind.fields
        self._fields = [
            (name, self._evaluation(entry, reader(entry.reading, kinds[name].type)))
            for name, entry in mapping.fields.items()
        ]
        self._attributes = [
            (name, self._evaluation(entry, attribute_reader(entry.reading)))
            for name, entry in mapping.attributes.items()
        ]

    def convert(self, record: Record) -> Row | list[Problem] | None:
        """The record as a row, the problems that keep it out, or None where the mapping leaves it out."""
        if record.problem:
            return [Problem("", record.problem)]
        cells = record.cells
        for position, kept in self._where:
            if cells[position] not in kept and cells[position].strip() not in kept:
                return None
        problems: list[Problem] = []
        try:
            values = _evaluate(self._fields, cells, problems)
            attributes = _evaluate(self._attributes, cells, problems)
        except _Skip:
            return None
        return problems or Row(record.number, values, attributes)

    def _evaluation(self, entry: Entry, read: Callable[[str], Any]) -> Evaluate:
        if entry.template:
            text = self._template_text(entry)
        elif entry.column:
            text = self._column_text(self._positions[entry.column])
        else:
            constant = None if entry.constant is None else read(entry.constant)
            return lambda cells: constant
        nulls, blanks = entry.nulls, "" in entry.nulls
        translate = _translation(entry.values) if entry.values is not None else None

        def evaluate(cells: Sequence[str]) -> Any:
            found: str | None = text(cells)
            if found is None or found in nulls or (blanks and not found.strip()):
                found = None
            if translate:
                found = translate(found)
            return None if found is None else read(found)

        return _remembering(self._positions[entry.column], evaluate) if entry.column else evaluate

    def _column_text(self, position: int) -> Callable[[Sequence[str]], str]:
        if self._trim:
            return lambda cells: cells[position].strip()
        return lambda cells: cells[position]

    def _template_text(self, entry: Entry) -> Callable[[Sequence[str]], str | None]:
        """The template filled in; nothing where every column in it is blank."""
        pieces = [
            (literal, self._column_text(self._positions[column]) if column else None)
            for literal, column in entry.template
        ]

        def fill(cells: Sequence[str]) -> str | None:
            filled, anything = [], False
            for literal, column in pieces:
                filled.append(literal)
                if column:
                    part = column(cells)
                    blank = part in entry.nulls
                    anything = anything or not blank
                    filled.append("" if blank else part)
            return "".join(filled) if anything else None

        return fill


def _remembering(position: int, evaluate: Evaluate) -> Evaluate:
    """The same, reading a cell's text once: most columns hold few different ones. A refused one is read each time."""
    known: dict[str, Any] = {}

    def look(cells: Sequence[str]) -> Any:
        cell = cells[position]
        value = known.get(cell, _UNKNOWN)
        if value is _UNKNOWN:
            value = evaluate(cells)
            if len(known) < MOST_KNOWN:
                known[cell] = value
        return value

    return look


def _evaluate(entries: Sequence[tuple[str, Evaluate]], cells: Sequence[str], problems: list[Problem]) -> dict[str, Any]:
    values = {}
    for name, evaluate in entries:
        try:
            values[name] = evaluate(cells)
        except Unreadable as error:
            problems.append(Problem(name, str(error)))
    return values


def _translation(values: Mapping[str | None, str | None]) -> Callable[[str | None], str | None]:
    """A value map as a function. A blank becomes what the map says of blanks, else stays blank; `*` is any other."""
    has_default = OTHERWISE in values

    def translate(found: str | None) -> str | None:
        if found not in values and found is not None:
            found = found.strip() if found.strip() in values else found
        if found in values:
            result = values[found]
        elif found is None:
            result = None
        elif has_default:
            result = values[OTHERWISE]
        else:
            listed = ", ".join(f"“{name}”" for name in nearest(found, filter(None, values)))
            near = f" Close ones are {listed}." if listed else ""
            raise Unreadable(f"The value map says nothing of “{found[:60]}”.{near} Add it, or * for every other value.")
        if result == SKIP:
            raise _Skip
        return result

    return translate
