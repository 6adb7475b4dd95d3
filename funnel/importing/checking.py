"""A mapping document, checked as a whole before any row is read. Pure; every fault is a sentence that names its key."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from string import Formatter
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from funnel.importing.mapping import SKIP, Entry, ImportMapping, MappingProblem, did_you_mean
from funnel.importing.reading import is_text_encoding
from funnel.importing.values import (
    AMBIGUOUS,
    EPOCH,
    ISO,
    NONEXISTENT,
    SOURCE_PATTERN,
    TYPES,
    Reading,
    Unreadable,
    reader,
)
from funnel.ingest.rows import Field, Kind

TOP_KEYS: Final = (
    "kind",
    "source",
    "zone",
    "encoding",
    "delimiter",
    "trim",
    "null_values",
    "create_missing",
    "where",
    "fields",
    "attributes",
)
ENTRY_KEYS: Final = (
    "column",
    "constant",
    "template",
    "type",
    "format",
    "zone",
    "ambiguous",
    "nonexistent",
    "decimal",
    "map",
    "null_values",
)
# A field's type -> the types its text may be read as; the first is meant where the mapping says none.
READINGS: Final = {
    "text": ("text",),
    "date": ("date", "datetime"),
    "datetime": ("datetime", "date"),
    "number": ("number",),
    "integer": ("number",),
    "boolean": ("boolean",),
}


def parse(document: Any, kind: Kind) -> ImportMapping:
    """Check a mapping document for this kind of rows. Raises MappingProblem with everything that is wrong."""
    checker = _Checker(kind)
    mapping = checker.mapping(document)
    if checker.problems:
        raise MappingProblem(checker.problems)
    return mapping


class _Checker:
    """Reads a document and collects what is wrong with it."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.problems: list[tuple[str, str]] = []
        self.zone = ZoneInfo("UTC")
        self.nulls = frozenset({""})

    def fault(self, key: str, words: str) -> None:
        self.problems.append((key, words))

    def mapping(self, document: Any) -> ImportMapping:
        said = self._keyed(document, "", TOP_KEYS)
        if said.get("kind") not in (None, self.kind.name):
            self.fault("kind", f"the mapping is for {said['kind']}, not for {self.kind.name}.")
        self.zone = self._zone(said.get("zone"), "zone") or self.zone
        self.nulls = self._texts(said.get("null_values"), "null_values", self.nulls)
        fields = self._entries(said.get("fields"), "fields")
        if not any(key.startswith("fields") for key, _words in self.problems):
            self._complete(fields)
        return ImportMapping(
            kind=self.kind,
            fields=fields,
            attributes=self._entries(said.get("attributes"), "attributes"),
            where=self._where(said.get("where")),
            source=self._source(said.get("source")),
            encoding=self._encoding(said.get("encoding")),
            delimiter=self._delimiter(said.get("delimiter")),
            trim=self._flag(said, "trim"),
            create_missing=self._flag(said, "create_missing"),
        )

    # Parts of the document ---------------------------------------------------------------------

    def _keyed(self, part: Any, key: str, known: Sequence[str]) -> dict[str, Any]:
        if not isinstance(part, dict):
            self.fault(key, "expected keys and values." if key else "The mapping is empty or is not keys and values.")
            return {}
        for name in part:
            if name not in known:
                where = f"{key}.{name}" if key else str(name)
                self.fault(where, f"there is no such key.{did_you_mean(str(name), known)}")
        return part

    def _zone(self, name: Any, key: str) -> ZoneInfo | None:
        if name is None:
            return None
        try:
            return ZoneInfo(str(name))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fault(key, f"there is no time zone “{name}”. It is named like Europe/Amsterdam.")
            return None

    def _texts(self, part: Any, key: str, default: frozenset[str]) -> frozenset[str]:
        if part is None:
            return default
        if not isinstance(part, list) or not all(isinstance(text, str | None) for text in part):
            self.fault(key, 'expected a list of texts, such as ["", "NA"].')
            return default
        return frozenset(text or "" for text in part)

    def _source(self, part: Any) -> str:
        if part is None:
            return ""
        if not isinstance(part, str) or not re.fullmatch(SOURCE_PATTERN, part):
            self.fault("source", "expected a name of 1 to 60 characters without a slash.")
            return ""
        return part

    def _encoding(self, part: Any) -> str:
        if part is not None and not (isinstance(part, str) and part and is_text_encoding(part)):
            self.fault("encoding", f"there is no encoding “{part}”. Common ones are utf-8, utf-16, latin-1 and cp1252.")
            return ""
        return part or ""

    def _delimiter(self, part: Any) -> str:
        words = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
        if part is None:
            return ""
        delimiter = words.get(part, part) if isinstance(part, str) else ""
        if len(delimiter) != 1 or delimiter in '"\r\n':
            self.fault("delimiter", "expected one character, or tab.")
            return ""
        return delimiter

    def _flag(self, said: Mapping[str, Any], key: str) -> bool:
        value = said.get(key)
        if value not in (None, "true", "false", True, False):
            self.fault(key, "expected true or false.")
        return value in ("true", True)

    def _where(self, part: Any) -> dict[str, frozenset[str]]:
        if part is None:
            return {}
        if not isinstance(part, dict):
            self.fault("where", "expected columns with the value, or the list of values, that keep a row.")
            return {}
        kept = {}
        for column, values in part.items():
            listed = values if isinstance(values, list) else [values]
            kept[str(column)] = self._texts(listed, f"where.{column}", frozenset())
        return kept

    # Entries -----------------------------------------------------------------------------------

    def _entries(self, part: Any, section: str) -> dict[str, Entry]:
        if part is None:
            if section == "fields":
                self.fault(section, "says which column each field comes from; it is missing.")
            return {}
        if not isinstance(part, dict):
            self.fault(section, "expected names with the column each comes from.")
            return {}
        if section == "attributes" and part and not self.kind.attributes:
            self.fault(section, f"{self.kind.title.lower()} have no attributes of their own.")
            return {}
        found = {}
        for name, said in part.items():
            key = f"{section}.{name}"
            target = self._target(str(name), section, key)
            if target is not None:
                found[str(name)] = self._entry(target, said, key, attribute=section == "attributes")
        return found

    def _target(self, name: str, section: str, key: str) -> Field | None:
        if section == "attributes":
            return Field(name)
        if name not in self.kind.fields:
            guess = did_you_mean(name, self.kind.fields)
            known = "" if guess else f" There are {', '.join(self.kind.fields)}."
            self.fault(key, f"{self.kind.title.lower()} have no such field.{guess}{known}")
            return None
        return self.kind.fields[name]

    def _entry(self, target: Field, said: Any, key: str, *, attribute: bool) -> Entry:
        if isinstance(said, str):
            said = {"column": said}
        stated = isinstance(said, dict)
        said = self._keyed(said, key, ENTRY_KEYS)
        origins = [origin for origin in ("column", "constant", "template") if origin in said]
        if len(origins) != 1 and stated:
            self.fault(key, "say one of column, constant or template.")
        column = said.get("column", "")
        if not isinstance(column, str) or ("column" in said and not column):
            self.fault(f"{key}.column", "expected the name of a column.")
            column = ""
        entry = Entry(
            target=target.name,
            column=column,
            constant=self._constant(said.get("constant"), f"{key}.constant"),
            template=self._template(said.get("template"), f"{key}.template"),
            values=self._value_map(said.get("map"), f"{key}.map"),
            nulls=self._texts(said.get("null_values"), f"{key}.null_values", self.nulls),
            reading=self._reading(target, said, key, attribute=attribute),
        )
        self._try_fixed_values(target, entry, key, attribute=attribute)
        return entry

    def _constant(self, part: Any, key: str) -> str | None:
        if part is not None and not isinstance(part, str):
            self.fault(key, "expected one value.")
            return None
        return part

    def _template(self, part: Any, key: str) -> tuple[tuple[str, str], ...]:
        if part is None:
            return ()
        try:
            pieces = [(text, column or "") for text, column, _spec, _conversion in Formatter().parse(str(part))]
        except ValueError:
            pieces = []
        if not any(column for _text, column in pieces):
            self.fault(key, 'expected text with columns in braces, such as "{case}/{step}".')
            return ()
        return tuple(pieces)

    def _value_map(self, part: Any, key: str) -> dict[str | None, str | None] | None:
        if part is None:
            return None
        if not isinstance(part, dict) or not all(isinstance(value, str | None) for value in part.values()):
            self.fault(key, "expected each value of the file with what it becomes: a value, null or skip.")
            return None
        return {name or None: value for name, value in part.items()}

    def _reading(self, target: Field, said: Mapping[str, Any], key: str, *, attribute: bool) -> Reading:
        allowed = TYPES if attribute else READINGS[target.type]
        type_ = said.get("type") or allowed[0]
        if type_ not in allowed:
            self.fault(f"{key}.type", f"expected {' or '.join(allowed)}, not “{type_}”.")
            return Reading()
        dated = type_ in ("date", "datetime")
        for name in ("format", "zone", "ambiguous", "nonexistent"):
            if name in said and not dated:
                self.fault(f"{key}.{name}", f"is for dates; {target.name} is read as {type_}.")
        if "decimal" in said and type_ != "number":
            self.fault(f"{key}.decimal", f"is for numbers; {target.name} is read as {type_}.")
        return Reading(
            type=type_,
            format=self._format(said.get("format"), f"{key}.format"),
            zone=self._zone(said.get("zone"), f"{key}.zone") or self.zone,
            ambiguous=self._choice(said.get("ambiguous"), f"{key}.ambiguous", AMBIGUOUS),
            nonexistent=self._choice(said.get("nonexistent"), f"{key}.nonexistent", NONEXISTENT),
            decimal=self._choice(said.get("decimal"), f"{key}.decimal", ("", ".", ",")),
        )

    def _choice(self, value: Any, key: str, allowed: Sequence[str]) -> str:
        if value is None:
            return allowed[0]
        if value not in allowed:
            self.fault(key, f"expected {' or '.join(filter(None, allowed))}, not “{value}”.")
            return allowed[0]
        return value

    def _format(self, value: Any, key: str) -> str:
        if value is None or value == ISO or value in EPOCH:
            return value or ISO
        sample = datetime(2024, 3, 31, tzinfo=UTC)
        try:
            if not isinstance(value, str) or not re.search("%[YyGcxs]", value):
                raise ValueError
            datetime.strptime(sample.strftime(value), value)  # noqa: DTZ007 only to see whether it can be read
        except ValueError:
            names = ", ".join((ISO, *EPOCH))
            self.fault(key, f"“{value}” is no date format. Expected {names}, or a pattern such as %d.%m.%Y %H:%M.")
            return ISO
        return value

    # The mapping as a whole --------------------------------------------------------------------

    def _try_fixed_values(self, target: Field, entry: Entry, key: str, *, attribute: bool) -> None:
        """Constants and mapped values can be judged now instead of on every row."""
        if attribute or (self.problems and self.problems[-1][0].startswith(key)):
            return
        fixed = [(f"{key}.constant", entry.constant)]
        fixed += [(f"{key}.map.{name or ''}", value) for name, value in (entry.values or {}).items() if value != SKIP]
        read = reader(entry.reading, target.type)
        for where, value in fixed:
            if value is None:
                continue
            if target.choices and value not in target.choices:
                guess = did_you_mean(value, target.choices) or f" Expected {', '.join(target.choices)}."
                self.fault(where, f"“{value}” is no {target.name.replace('_', ' ')}.{guess}")
            try:
                read(value)
            except Unreadable as error:
                self.fault(where, str(error))

    def _complete(self, fields: Mapping[str, Entry]) -> None:
        missing = [name for name, target in self.kind.fields.items() if target.required and name not in fields]
        for name in missing:
            self.fault(f"fields.{name}", f"is needed for {self.kind.title.lower()}. {self.kind.fields[name].help}")
        if not missing and not any(name in fields for name in self.kind.key):
            self.fault("fields", f"one of {', '.join(self.kind.key)} is needed to tell the rows apart.")
