"""The file: YAML to typed rows, and the database to YAML."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml
from django.core.exceptions import ValidationError
from django.db import models

from demandcenter.configuration.documents import Content
from demandcenter.configuration.policies import DOCUMENTS
from demandcenter.configuration.sections import SECTIONS, ConfigurationError, Identity, Row, Section, read_known


@dataclass(frozen=True, slots=True)
class File:
    """What a file says: typed rows by section, and the contents of its documents by name."""

    rows: dict[str, list[Row]]
    documents: dict[str, Content]


def export() -> str:
    """All sections and documents as YAML; the same data always gives the same text."""
    told: dict[str, Any] = {}
    for section in SECTIONS:
        rows = read_known(section).rows.values()
        told[section.name] = [{name: _plain(value) for name, value in row.items()} for row in rows]
    for document in DOCUMENTS:
        if (content := document.stored()) is not None:
            told[document.name] = document.show(content)
    text = yaml.safe_dump(told, allow_unicode=True, sort_keys=False, width=110)
    return f"# Reference data of Demand Center: `manage.py config diff FILE` compares, `apply FILE` applies.\n{text}"


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal | float):
        return int(value) if value == int(value) else float(value)
    return value


class _Loader(yaml.SafeLoader):
    """YAML that refuses the same key twice in one mapping, which it would otherwise forget silently."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        seen = set()
        for key_node, _value in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"“{key}” stands there twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read(text: str) -> File:
    """What the file says, typed. Raises ConfigurationError with every problem found."""
    try:
        told = yaml.load(text, Loader=_Loader)  # noqa: S506 a safe loader
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError([f"This is not YAML: {' '.join(str(error).split())}"]) from error
    if told is None:
        told = {}
    if not isinstance(told, dict):
        raise ConfigurationError(["The file is a mapping of sections to lists of rows, like `regions:` and its rows."])
    sections = {section.name: section for section in SECTIONS}
    documents = {document.name: document for document in DOCUMENTS}
    problems: list[str] = []
    found: dict[str, list[Row]] = {}
    contents: dict[str, Content] = {}
    for name, rows in told.items():
        if name in documents:
            if rows is not None:
                contents[name] = documents[name].read(rows, problems)
        elif name not in sections:
            problems.append(f"There is no section “{name}”. There are: {', '.join([*sections, *documents])}.")
        elif rows is not None and not isinstance(rows, list):
            problems.append(f"{name}: a list of rows is expected, each beginning with a dash.")
        else:
            found[name] = list(_rows(sections[name], rows or [], problems))
    if problems:
        raise ConfigurationError(problems)
    return File(found, contents)


def _rows(section: Section, rows: list[Any], problems: list[str]) -> Iterator[Row]:
    seen: set[Identity] = set()
    for number, told in enumerate(rows, start=1):
        place = f"{section.name}, row {number}"
        if not isinstance(told, dict):
            problems.append(f"{place}: fields are expected, like `{section.key[-1]}: …`.")
            continue
        unknown = [str(name) for name in told if name not in section.columns]
        if unknown:
            known = ", ".join(section.columns)
            problems.append(f"{place}: there is no field {', '.join(unknown)}. There are: {known}.")
            continue
        row, wrong = _row(section, told)
        problems += [f"{place}: {sentence}" for sentence in wrong]
        if wrong:
            continue
        names = section.either or section.key[-1:]
        if not any(row.get(name) for name in names):
            problems.append(f"{place}: {' or '.join(names)} is missing; it names the row.")
            continue
        identity = section.identity(row)
        if identity in seen:
            problems.append(f"{place}: “{section.title(row)}” stands there twice.")
        seen.add(identity)
        yield row


def _row(section: Section, told: Mapping[str, Any]) -> tuple[Row, list[str]]:
    row, wrong = {}, []
    for name, value in told.items():
        try:
            row[name] = _checked(section.column(name), value)
        except ValueError as error:
            wrong.append(f"{name} {error}")
    return row, wrong


def _checked(column: models.Field, value: Any) -> Any:
    """The value as the database gives it. Raises ValueError with the rest of a sentence: "must be …"."""
    typed = _typed(column, value)
    if typed not in (None, "") and not column.is_relation:
        try:
            column.run_validators(typed)
        except ValidationError as error:
            raise ValueError(f"“{typed}” is refused: {' '.join(error.messages)}") from error
    return typed


def _typed(column: models.Field, value: Any) -> Any:
    if value is None:
        return _blank(column)
    if column.is_relation:
        return _text(value, 300)
    if column.choices:
        choices = [str(choice) for choice, _label in column.flatchoices]
        if value not in choices and not (value == "" and column.blank):
            raise ValueError(f"must be one of {', '.join(choices)}.")
        return value
    if isinstance(column, models.JSONField):
        return _json(column, value)
    for kind, typed in _TYPES:
        if isinstance(column, kind):
            return typed(value)
    return _text(value, getattr(column, "max_length", None))


def _blank(column: models.Field) -> Any:
    if column.null:
        return None
    if column.empty_strings_allowed and column.blank:
        return ""
    raise ValueError("must not be empty.")


def _text(value: Any, longest: int | None) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text; put it in quotes: '{value}'.")
    if longest and len(value) > longest:
        raise ValueError(f"must have at most {longest} characters.")
    if "\x00" in value:
        raise ValueError("must not contain a NUL character.")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false.")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number.")
    return value


def _decimal(value: Any) -> Decimal:
    try:
        if isinstance(value, bool):
            raise InvalidOperation
        found = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("must be a number.") from None
    if not found.is_finite():
        raise ValueError("must be a number.")
    return found


def _float(value: Any) -> float:
    return float(_decimal(value))


def _json(column: models.Field, value: Any) -> Any:
    """A mapping or a list, whichever the column holds."""
    kind = type(column.get_default())
    if not isinstance(value, kind):
        raise ValueError(f"must be a {'mapping' if kind is dict else 'list'}.")
    return value


def _date(value: Any) -> date:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ValueError("must be a day, like 2026-03-31.")
    return value


_TYPES: list[tuple[type[models.Field], Any]] = [
    (models.BooleanField, _boolean),
    (models.IntegerField, _integer),
    (models.DecimalField, _decimal),
    (models.FloatField, _float),
    (models.DateField, _date),
]
