"""Nested documents of the file: a policy in versions, written as one readable whole.

The database keeps versions that never change; the file says which policy is to be in force. Applying another one makes
a new version; applying the same one changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

Content = dict[str, Any]  # a document with all its fields, as compared
Facts = dict[tuple[str, str], Any]  # (part, field) -> value; every part has the field ""

MOST_LINES = 20


class Document(Protocol):
    """One policy of the file."""

    name: str

    def stored(self) -> Content | None:
        """What is in force, or on its way there; None where there is none."""

    def read(self, told: Any, problems: list[str]) -> Content:
        """What the file says, with defaults filled in; what is wrong with its form goes to `problems`."""

    def show(self, content: Content) -> Content:
        """The content as the file shows it."""

    def facts(self, content: Content) -> Facts:
        """What two contents are compared by. The order of parts and the reasons given are not among it."""

    def write(self, content: Content, *, now: datetime) -> str:
        """Make it a version and let it decide. Returns a sentence to tell, or none.

        Raises ValueError with `problems`, a sentence each, for content that cannot be.
        """


@dataclass(frozen=True, slots=True)
class Revision:
    """A document that differs. before: None where there is none yet."""

    document: Document
    before: Content | None
    after: Content

    @property
    def deed(self) -> Literal["create", "change"]:
        return "create" if self.before is None else "change"

    def lines(self) -> Iterator[str]:
        """What differs, a line a part."""
        if self.before is None:
            yield f"+ {self.after['name']}"
            return
        yield f"~ {self.before['name']}"
        found = list(_differences(self.document.facts(self.before), self.document.facts(self.after)))
        yield from (f"  {line}" for line in found[:MOST_LINES])
        if len(found) > MOST_LINES:
            yield f"  and {len(found) - MOST_LINES} more"


def _differences(before: Facts, after: Facts) -> Iterator[str]:
    for part in dict.fromkeys(part for part, _field in (*before, *after)):
        if (part, "") not in before:
            yield f"+ {part}"
        elif (part, "") not in after:
            yield f"- {part}"
        else:
            names = dict.fromkeys(name for owner, name in (*before, *after) if owner == part)
            moved = [
                f"{name} {_word(before.get((part, name)))} → {_word(after.get((part, name)))}"
                for name in names
                if before.get((part, name)) != after.get((part, name))
            ]
            if moved:
                yield f"~ {part}: {', '.join(moved)}" if part else ", ".join(moved)


def _word(value: Any) -> str:
    text = "–" if value in (None, "", {}) else f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text[:57]}…" if len(text) > 58 else text


def facts_of(part: str, fields: Mapping[str, Any]) -> Facts:
    """The facts of one part: a field each, and that it is there."""
    return {(part, ""): None} | {(part, name): value for name, value in fields.items()}


def places(problems: Iterable[str], document: Document) -> list[str]:
    """Sentences of a service, with the document they are about before them."""
    return [f"{document.name}, {problem[:1].lower()}{problem[1:]}" for problem in problems]
