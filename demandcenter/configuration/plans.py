"""What applying a file would change, and what forbids it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from demandcenter.configuration.documents import Content, Revision
from demandcenter.configuration.files import read
from demandcenter.configuration.policies import DOCUMENTS
from demandcenter.configuration.sections import (
    SECTIONS,
    ConfigurationError,
    Identity,
    Known,
    Row,
    Section,
    read_known,
    section_of,
)


@dataclass(frozen=True, slots=True)
class Change:
    """One row that differs. before: None for a new row; after: None for one that goes; both hold every column."""

    section: Section
    identity: Identity
    before: Row | None
    after: Row | None

    @property
    def deed(self) -> Literal["create", "change", "delete"]:
        return "create" if self.before is None else "delete" if self.after is None else "change"

    def __str__(self) -> str:
        if self.after is None:
            return f"- {self.section.title(self.before or {})}"
        if self.before is None:
            return f"+ {self.section.title(self.after)}"
        moved = [name for name in self.section.columns if self.before[name] != self.after[name]]
        told = ", ".join(f"{name} {_word(self.before[name])} → {_word(self.after[name])}" for name in moved)
        return f"~ {self.section.title(self.before)}: {told}"


def _word(value: Any) -> str:
    if isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = "–" if value in (None, "") else str(value).lower() if isinstance(value, bool) else str(value)
    return f"{text[:57]}…" if len(text) > 58 else text


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying the file would do. left_alone: rows that only the database has, by section.

    notes: what is to be told of it, once it is applied.
    """

    changes: list[Change]
    left_alone: dict[str, int]
    revisions: list[Revision] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.changes or self.revisions)

    def lines(self) -> Iterator[str]:
        """The plan for people, a line a change."""
        for section in SECTIONS:
            mine = [change for change in self.changes if change.section is section]
            if mine:
                yield section.name
                yield from (f"  {change}" for change in mine)
        for revision in self.revisions:
            yield revision.document.name
            yield from (f"  {line}" for line in revision.lines())
        deeds = [*(change.deed for change in self.changes), *(revision.deed for revision in self.revisions)]
        counts = {deed: deeds.count(deed) for deed in ("create", "change", "delete")}
        stay = sum(self.left_alone.values())
        also = f"; {stay} only in the database stay" if stay else ""
        if self:
            yield ", ".join(f"{number} to {deed}" for deed, number in counts.items()) + also + "."
        else:
            yield f"Nothing differs{also}."


def compare(text: str, *, prune: bool = False) -> Plan:
    """What `apply` would do with this file. Raises ConfigurationError for a file that says what cannot be.

    What only the writing of a policy finds is found by `applying.rehearse`.
    """
    file = read(text)
    told = file.rows
    known = {section.name: read_known(section) for section in SECTIONS}
    changes: list[Change] = []
    left_alone: dict[str, int] = {}
    for section in SECTIONS:
        if section.name not in told:
            continue
        wanted = {section.identity(row): row for row in told[section.name]}
        changes += _differences(section, wanted, known[section.name])
        extra = [identity for identity in known[section.name].rows if identity not in wanted]
        if prune:
            rows = known[section.name].rows
            changes += [Change(section, identity, rows[identity], None) for identity in extra]
        elif extra:
            left_alone[section.name] = len(extra)
    problems = [*_missing_references(changes, known), *_circles(changes, known)]
    if problems:
        raise ConfigurationError(problems)
    return Plan(changes, left_alone, list(_revisions(file.documents)))


def _revisions(contents: Mapping[str, Content]) -> Iterator[Revision]:
    for document in DOCUMENTS:
        if document.name in contents:
            before, after = document.stored(), contents[document.name]
            if before is None or document.facts(before) != document.facts(after):
                yield Revision(document, before, after)


def _differences(section: Section, wanted: Mapping[Identity, Row], known: Known) -> Iterator[Change]:
    for identity, row in wanted.items():
        before = known.rows.get(identity)
        after = (before or _defaults(section)) | row
        if before != after:
            yield Change(section, identity, before, after)


def _defaults(section: Section) -> Row:
    columns = {name: section.column(name) for name in section.columns}
    return {name: None if column.is_relation else column.get_default() for name, column in columns.items()}


def _names_after(section: Section, changes: Iterable[Change], known: Mapping[str, Known]) -> dict[str, Row]:
    """The rows of a section as they would be, by name."""
    rows = dict(known[section.name].rows)
    for change in changes:
        if change.section is section:
            if change.after is None:
                rows.pop(change.identity)
            else:
                rows[change.identity] = change.after
    return {row["name"]: row for row in rows.values() if "name" in row}


def _missing_references(changes: list[Change], known: Mapping[str, Known]) -> Iterator[str]:
    names = {section.name: _names_after(section, changes, known) for section in SECTIONS}
    shared = {section.name: _shared_names(known[section.name]) for section in SECTIONS}
    for change in changes:
        for column in change.section.columns if change.after else ():
            model_field = change.section.column(column)
            if not model_field.is_relation:
                continue
            value = change.after[column] if change.after else None
            place = f"{change.section.name}, “{change.section.title(change.after or {})}”"
            if value is None:
                if not model_field.null:
                    yield f"{place}: {column} is missing."
                continue
            target = section_of(model_field.related_model)
            if value not in names[target.name]:
                yield f"{place}: {column} “{value}” is no {target.noun} of the file or the database."
            elif value in shared[target.name]:
                yield f"{place}: there are two {target.name} “{value}”; rename one of them first."


def _shared_names(known: Known) -> set[Any]:
    """Names that several rows bear, which another system's key tells apart: they cannot be referred to."""
    counts = Counter(row.get("name") for row in known.rows.values())
    return {name for name, count in counts.items() if count > 1}


def _circles(changes: list[Change], known: Mapping[str, Known]) -> Iterator[str]:
    """Rows that are their own parent's parent."""
    for section in SECTIONS:
        if "parent" not in section.columns:
            continue
        rows = _names_after(section, changes, known)
        told: set[str] = set()
        for name in rows:
            way: list[str] = []
            here: str | None = name
            while here in rows and here not in way and here not in told:
                way.append(here)
                here = rows[here]["parent"]
            if here in way:
                circle = [*way[way.index(here) :], here]
                yield f"{section.name}: {' → '.join(circle)} goes round in a circle."
            told.update(way)
