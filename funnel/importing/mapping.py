"""What a checked mapping is, and whether a file has the columns that it names. Pure; `checking` reads the document."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rapidfuzz import fuzz, process, utils

from funnel.importing.values import Reading
from funnel.ingest.rows import Kind

SKIP: Final = "skip"  # in a value map: leave the row out
OTHERWISE: Final = "*"  # in a value map: any value that is not listed


class MappingProblem(Exception):
    """The mapping cannot be used; `problems` are (key, sentence) pairs."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"{key}: {words}" if key else words for key, words in problems))
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one value of a row comes from: a column, a constant, or a template of columns.

    target: the field's or attribute's name. values: the value map (a None key stands for a blank, a None value for a
    blank value), or None. nulls: texts that mean blank.
    """

    target: str
    column: str = ""
    constant: str | None = None
    template: tuple[tuple[str, str], ...] = ()  # (literal text, column after it), the last column may be blank
    values: Mapping[str | None, str | None] | None = None
    nulls: frozenset[str] = frozenset({""})
    reading: Reading = field(default_factory=Reading)

    @property
    def columns(self) -> list[str]:
        """The columns of the file that it needs."""
        return [self.column] if self.column else [column for _literal, column in self.template if column]


@dataclass(frozen=True, slots=True)
class ImportMapping:
    """A checked mapping. fields and attributes by target; where: column -> the texts that keep a row."""

    kind: Kind
    fields: Mapping[str, Entry]
    attributes: Mapping[str, Entry]
    where: Mapping[str, frozenset[str]]
    source: str = ""
    encoding: str = ""
    delimiter: str = ""
    trim: bool = False
    create_missing: bool = False


def nearest(name: str, known: Iterable[str], *, limit: int = 3) -> list[str]:
    """The known names that come closest to a name that is not known."""
    found = process.extract(
        name, list(known), scorer=fuzz.WRatio, processor=utils.default_process, score_cutoff=65, limit=limit
    )
    return [match for match, _score, _index in found]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean “a” or “b”?`, or nothing."""
    close = nearest(name, known)
    return f" Did you mean {' or '.join(f'“{match}”' for match in close)}?" if close else ""


def check_columns(mapping: ImportMapping, header: Sequence[str]) -> None:
    """Check that the file has the columns that the mapping names, each once. Raises MappingProblem."""
    if not any(header):
        raise MappingProblem([("", "The first line of the file names no column.")])
    named = [
        *((f"fields.{entry.target}", column) for entry in mapping.fields.values() for column in entry.columns),
        *((f"attributes.{entry.target}", column) for entry in mapping.attributes.values() for column in entry.columns),
        *((f"where.{column}", column) for column in mapping.where),
    ]
    problems = []
    for key, column in named:
        if column not in header:
            guess = did_you_mean(column, filter(None, header))
            columns = "" if guess else f" Its columns are {', '.join(filter(None, header))}."
            problems.append((key, f"the file has no column “{column}”.{guess}{columns}"))
        elif header.count(column) > 1:
            problems.append((key, f"the file has {header.count(column)} columns called “{column}”; rename one."))
    if problems:
        raise MappingProblem(problems)
