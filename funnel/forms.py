"""The forms of the Import page: a file with its kind and source, and the mapping of its columns."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django import forms
from django.http import QueryDict

from funnel.importing import documents, guessing
from funnel.importing.guessing import Sample
from funnel.importing.mapping import OTHERWISE, SKIP
from funnel.importing.values import SOURCE_PATTERN, Reading, Unreadable, reader
from funnel.ingest import KINDS, Field, Kind

SAMPLES: Final = 3
NULL: Final = "~"  # what a blank is called in the form's menus
MIXED: Final = "mixed"  # fields differ; what each says stays
ABBREVIATIONS: Final = {"id": "ID", "mql": "MQL", "sal": "SAL", "sql": "SQL", "email": "e-mail"}
COLUMN: Final = "column:"  # before a column's name in the menu of origins


class UploadForm(forms.Form):
    """Step 1: the file, what its rows are, and which system they come from."""

    file = forms.FileField(
        label="File",
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.gz,text/csv", "class": "visually-hidden"}),
    )
    kind = forms.ChoiceField(label="What a row is", choices=[(kind.name, kind.title) for kind in KINDS.values()])
    source = forms.RegexField(
        label="Source",
        regex=rf"^{SOURCE_PATTERN}$",
        help_text="The system the rows come from, such as hubspot. A row is known by its source and its id there, and "
        "how you map this source is remembered.",
        error_messages={"invalid": "A name of 1 to 60 characters without a slash."},
        widget=forms.TextInput(attrs={"list": "sources", "autocomplete": "off"}),
    )
    mapping = forms.FileField(
        label="Mapping file",
        required=False,
        help_text="A YAML mapping saved earlier, if there is one.",
        widget=forms.FileInput(attrs={"accept": ".yaml,.yml"}),
    )

    def clean_mapping(self) -> dict[str, Any] | None:
        """The document in the mapping file; whether it fits is said on the next step, where it can be mended."""
        uploaded = self.cleaned_data.get("mapping")
        return read_document(uploaded.read()) if uploaded else None


def read_document(data: bytes) -> dict[str, Any]:
    """The mapping document in these bytes of YAML. Raises forms.ValidationError."""
    try:
        document = documents.load(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise forms.ValidationError("The mapping file is not UTF-8 text.") from error
    except documents.DocumentProblem as problem:
        raise forms.ValidationError(f"The mapping file cannot be read. {problem}") from problem
    if not isinstance(document, dict) or not isinstance(document.get("fields"), dict):
        raise forms.ValidationError("A mapping file says which column each field comes from, under fields:.")
    return document


# --- What step 2 shows ----------------------------------------------------------------------------


@dataclass(slots=True)
class Translation:
    """One value of the file and what it becomes: undecided (blank), NULL, skip, or a value."""

    value: str
    means: str
    count: int


@dataclass(slots=True)
class Line:
    """One target field on the page."""

    target: Field
    origin: str = ""  # "", "constant", "template" or COLUMN with a column's name
    constant: str = ""
    template: str = ""
    type: str = ""
    format: str = ""
    formats: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    read_as: str = ""
    translations: list[Translation] = field(default_factory=list)
    otherwise: str = ""
    problems: list[str] = field(default_factory=list)

    needed: bool = False

    @property
    def label(self) -> str:
        return field_label(self.target.name)

    @property
    def is_first(self) -> bool:
        """Shown at once rather than among the fields that could be filled too."""
        return bool(self.needed or self.origin or self.problems)

    @property
    def is_date(self) -> bool:
        return self.target.type in ("date", "datetime")

    @property
    def formats_other(self) -> list[str]:
        """All others, and whatever else the mapping says."""
        known = [*guessing.FORMATS, *([self.format] if self.format not in guessing.FORMATS else [])]
        return [pattern for pattern in known if pattern not in self.formats]

    @property
    def unclear(self) -> bool:
        """Day and month could be the other way round."""
        return {"%d/%m/%Y", "%m/%d/%Y"} <= {pattern[:8] for pattern in self.formats} or (
            {"%d-%m-%Y", "%m-%d-%Y"} <= {pattern[:8] for pattern in self.formats}
        )


@dataclass(slots=True)
class AttributeLine:
    """One column of the file that no field takes, and whether it is kept as an attribute."""

    place: int
    column: str
    samples: list[str]
    kept: bool = False
    name: str = ""
    type: str = "text"


class MappingForm:
    """Step 2: a mapping document as a form, and a posted form as a document.

    What the form does not show (several templates, blanks of one field, a second condition) is carried over.
    """

    def __init__(self, document: Mapping[str, Any], kind: Kind, sample: Sample) -> None:
        self.document = dict(document)
        self.kind = kind
        self.sample = sample
        self.problems: list[str] = []  # those of no single field

    # Reading a post ----------------------------------------------------------------------------

    def take(self, post: QueryDict) -> None:
        """Make the document what was posted."""
        self._take_options(post)
        fields = {}
        for name, target in self.kind.fields.items():
            said = self._posted_entry(name, target, post)
            if said is not None:
                fields[name] = said
        self.document["fields"] = fields
        self._take_common(post)
        if self.kind.attributes:
            self.document["attributes"] = self._posted_attributes(post)
        self.document = {key: value for key, value in self.document.items() if value not in ({}, None, "")}
        self.document.setdefault("fields", {})

    def _take_options(self, post: QueryDict) -> None:
        for key in ("zone", "encoding", "delimiter"):
            self.document[key] = post.get(key, "").strip() or None
        for key in ("trim", "create_missing"):
            self.document[key] = "true" if key in post else None
        blanks = [text.strip() for text in post.get("blanks", "").split(",") if text.strip()]
        self.document["null_values"] = ["", *blanks] if blanks else None
        if len(self.document.get("where") or {}) <= 1:
            column, values = post.get("where-column", ""), post.get("where-values", "").splitlines()
            kept = [text.strip() for text in values if text.strip()] or [""]
            self.document["where"] = {column: kept} if column else None

    def _posted_entry(self, name: str, target: Field, post: QueryDict) -> dict[str, Any] | None:
        origin = post.get(f"from.{name}", "")
        before = self._said(name)
        if origin == "constant":
            return self._detailed(target, {"constant": post.get(f"constant.{name}", "").strip() or None}, before, post)
        if origin == "template":
            return self._detailed(target, {"template": post.get(f"template.{name}", "").strip()}, before, post)
        if not origin.startswith(COLUMN):
            return None
        column = origin.removeprefix(COLUMN)
        if column != before.get("column"):
            return guessing.entry(target, column, self.sample)
        said = self._detailed(target, {"column": column}, before, post)
        translated = self._posted_translations(name, before, post)
        if translated:
            said["map"] = translated
        return said

    def _detailed(
        self, target: Field, origin: dict[str, Any], before: Mapping[str, Any], post: QueryDict
    ) -> dict[str, Any]:
        """The origin with what was said of it: type and format from the post, the rest as it was."""
        kept = {
            key: value
            for key, value in before.items()
            if key not in ("column", "constant", "template", "type", "format", "map")
        }
        said = origin | kept
        if target.type in ("date", "datetime") and "constant" not in origin:
            type_, pattern = post.get(f"type.{target.name}"), post.get(f"format.{target.name}", "").strip()
            said |= {"type": type_} if type_ else {}
            said |= {"format": pattern} if pattern else {}
        return said

    def _posted_translations(self, name: str, before: Mapping[str, Any], post: QueryDict) -> dict[str, str | None]:
        shown = dict(zip(post.getlist(f"value.{name}"), post.getlist(f"means.{name}"), strict=False))
        translated = {text: means for text, means in (before.get("map") or {}).items() if text not in shown}
        if f"otherwise.{name}" in post:
            shown[OTHERWISE] = post.get(f"otherwise.{name}", "")
            translated.pop(OTHERWISE, None)
        return translated | {text: None if means == NULL else means for text, means in shown.items() if means}

    def _take_common(self, post: QueryDict) -> None:
        """What is said once for all dates or all numbers."""
        for name, said in self.document["fields"].items():
            type_ = self.kind.fields[name].type
            keys = {"datetime": ("ambiguous", "nonexistent"), "number": ("decimal",), "integer": ("decimal",)}
            for key in keys.get(type_, ()):
                value = post.get(key, MIXED)
                if value == MIXED or "constant" in said:
                    continue
                said.pop(key, None)
                if value:
                    said[key] = value

    def _posted_attributes(self, post: QueryDict) -> dict[str, Any]:
        """The ticked columns; attributes that are no plain column stay as they were."""
        before = {name: _entry(said) for name, said in (self.document.get("attributes") or {}).items()}
        by_column = {said["column"]: said for said in before.values() if "column" in said}
        found = {name: said for name, said in before.items() if said.get("column") not in self.sample.columns}
        for place, column in enumerate(self.sample.header):
            if f"keep.{place}" not in post or column not in self.sample.columns:
                continue
            name = post.get(f"called.{place}", "").strip() or guessing.attribute_name(column)
            name = f"{name}_{place}" if name in found else name
            kept = {key: value for key, value in by_column.get(column, {}).items() if key not in ("column", "type")}
            type_ = post.get(f"sort.{place}") or guessing.attribute(column, self.sample).get("type", "text")
            found[name] = {"column": column} | ({"type": type_} if type_ != "text" else {}) | kept
        return found

    # Showing a document ------------------------------------------------------------------------

    def lines(self, problems: Sequence[tuple[str, str]] = ()) -> list[Line]:
        """The target fields, the needed ones first. problems: (key, sentence) as the check gave them."""
        lines = [self._line(target) for target in self.kind.fields.values()]
        for key, words in problems:
            parts = key.split(".")
            line = next(
                (line for line in lines if parts[0] == "fields" and line.target.name == parts[1:2][0:1][0]), None
            )
            if line:
                line.problems.append(words[:1].upper() + words[1:])
            else:
                self.problems.append(f"{key}: {words}" if key else words)
        return sorted(lines, key=lambda line: not line.needed)

    def _said(self, name: str) -> dict[str, Any]:
        return _entry((self.document.get("fields") or {}).get(name))

    def _line(self, target: Field) -> Line:
        said = self._said(target.name)
        line = Line(target, needed=target.required or target.name in self.kind.key)
        if "constant" in said:
            line.origin, line.constant = "constant", said["constant"] or ""
        elif "template" in said:
            line.origin, line.template = "template", str(said["template"])
        elif said.get("column"):
            self._describe_column(line, said)
        return line

    def _describe_column(self, line: Line, said: Mapping[str, Any]) -> None:
        column = said["column"]
        line.origin = COLUMN + column
        values = self.sample.columns.get(column, [])
        line.samples = self.sample.distinct(column)[:SAMPLES]
        if line.is_date:
            line.formats = guessing.date_formats(values) if values else []
            line.type = said.get("type") or line.target.type
            line.format = said.get("format") or "iso"
            line.read_as = _read_as(line)
        shown = guessing.to_translate(line.target, column, self.sample)
        known: Mapping[str, str | None] = said.get("map") or {}
        shown += [text for text in known if text not in shown and text != OTHERWISE]
        if shown:
            line.translations = [Translation(text, _means(known, text), values.count(text)) for text in shown]
            line.otherwise = _means(known, OTHERWISE)

    def attributes(self) -> list[AttributeLine]:
        """The columns that no field takes."""
        if not self.kind.attributes:
            return []
        taken = {_entry(said).get("column") for said in (self.document.get("fields") or {}).values()}
        kept = {
            said["column"]: (name, said.get("type") or "text")
            for name, said in ((name, _entry(said)) for name, said in (self.document.get("attributes") or {}).items())
            if "column" in said
        }
        lines = []
        for place, column in enumerate(self.sample.header):
            if column in self.sample.columns and (column not in taken or column in kept):
                line = AttributeLine(place, column, self.sample.distinct(column)[:SAMPLES])
                line.kept = column in kept
                guess = guessing.attribute(column, self.sample).get("type", "text")
                line.name, line.type = kept.get(column, (guessing.attribute_name(column), guess))
                lines.append(line)
        return lines

    def options(self) -> dict[str, Any]:
        """What holds for the whole file, as the page shows it."""
        said = self.document
        where = said.get("where") or {}
        column, values = next(iter(where.items()), ("", []))
        blanks = [text for text in said.get("null_values") or () if text]
        return {
            "zone": said.get("zone") or "UTC",
            "encoding": said.get("encoding") or "",
            "delimiter": said.get("delimiter") or "",
            "trim": said.get("trim") == "true",
            "create_missing": said.get("create_missing") == "true",
            "blanks": ", ".join(blanks),
            "where_column": column,
            "where_values": "\n".join(text or "" for text in (values if isinstance(values, list) else [values])),
            "where_more": len(where) > 1,
            "ambiguous": self._common("ambiguous", ("datetime",)),
            "nonexistent": self._common("nonexistent", ("datetime",)),
            "decimal": self._common("decimal", ("number", "integer")),
        }

    def _common(self, key: str, types: Sequence[str]) -> str:
        """What all fields of these types say of a key, or MIXED."""
        fields = self.document.get("fields") or {}
        values = {
            _entry(said).get(key) or ""
            for name, said in fields.items()
            if name in self.kind.fields and self.kind.fields[name].type in types and "constant" not in _entry(said)
        }
        return values.pop() if len(values) == 1 else MIXED if values else ""


def field_label(name: str) -> str:
    """A field's name as people read it: mql_at becomes MQL at."""
    words = [ABBREVIATIONS.get(word, word) for word in name.split("_")]
    return " ".join(words)[:1].upper() + " ".join(words)[1:]


def _entry(said: Any) -> dict[str, Any]:
    """An entry of a document in its long form."""
    if isinstance(said, str):
        return {"column": said}
    return dict(said) if isinstance(said, dict) else {}


def _means(known: Mapping[str, str | None], text: str) -> str:
    return (known[text] or NULL) if text in known else ""


def _read_as(line: Line) -> str:
    """What the first sample becomes, so that a wrong format is seen."""
    if not line.samples:
        return ""
    reading = Reading(type=line.type, format=line.format, ambiguous="earlier", nonexistent="forward")
    try:
        moment = reader(reading, "datetime")(line.samples[0])
    except (Unreadable, ValueError) as error:
        return str(error)
    return f"{moment:%-d %B %Y}" if line.type == "date" else f"{moment:%-d %B %Y, %H:%M}"


SKIP_ROW = (SKIP, "leave the row out")
BLANK = (NULL, "blank")
ENCODINGS = (
    ("", "UTF-8, found by itself"),
    ("cp1252", "Windows-1252 (Latin-1)"),
    ("utf-16", "UTF-16"),
    ("utf-16-le", "UTF-16 without a mark"),
    ("iso8859-15", "Latin-9"),
)
DELIMITERS = (("", "found by itself"), (",", "comma"), (";", "semicolon"), ("tab", "tab"), ("|", "bar"))
FORMAT_NAMES = {"iso": "2024-03-31 (ISO)", "epoch": "seconds since 1970", "epoch_ms": "milliseconds since 1970"}


def format_in_words(pattern: str) -> str:
    """A date format as people know it: %d.%m.%Y becomes DD.MM.YYYY."""
    words = {"d": "DD", "m": "MM", "Y": "YYYY", "H": "hh", "M": "mm", "S": "ss", "I": "hh", "p": "AM", "b": "Mon",
             "B": "Month"}  # fmt: skip
    return FORMAT_NAMES.get(pattern) or re.sub(r"%(\w)", lambda found: words.get(found[1], found[0]), pattern)
