"""The error file of a run: one line for each row that failed or was warned about, as a spreadsheet opens it safely."""

import csv
import dataclasses
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from funnel.downloads import BYTE_ORDER_MARK, inert

COLUMNS: Final = ("row", "line", "level", "field", "problem")
FIRST_ROWS: Final = 5  # of a group
LONGEST_CELL: Final = 32_000  # characters; a spreadsheet holds no more


@dataclass(frozen=True, slots=True)
class ProblemLine:
    """One line: which row, the line of the file where it begins, error or warning, the field, what, and the cells.

    row 0 is the file as a whole.
    """

    row: int
    line: int
    level: str
    field: str
    problem: str
    cells: Sequence[str] = ()


def safe_cell(text: str) -> str:
    """The text as a cell that no spreadsheet runs as a formula; plain numbers stay what they are."""
    text = inert(text)
    if len(text) > LONGEST_CELL:
        text = text[: LONGEST_CELL - 1] + "…"
    return text.replace("\0", "␀")


def write_lines(path: Path, header: Sequence[str], lines: Iterable[ProblemLine], *, size: int) -> int:
    """Append lines to the file of which `size` bytes count; what is beyond was never settled and is taken back.

    Returns the new size. On disk when it returns, so that a settled row never lacks its line.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if not size:
        writer.writerow([safe_cell(name) for name in (*_own_columns(header), *header)])
    for line in lines:
        words = (str(line.row or ""), str(line.line or ""), line.level, line.field, line.problem)
        writer.writerow([safe_cell(cell) for cell in (*words, *line.cells)])
    data = (text.getvalue() if size else BYTE_ORDER_MARK + text.getvalue()).encode("utf-8", "backslashreplace")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("r+b" if path.exists() else "xb") as file:
        file.truncate(size)
        file.seek(size)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return size + len(data)


@dataclass(slots=True)
class ProblemGroup:
    """The same problem on several rows; `rows` are the first of them, `count` says how many there are."""

    level: str
    field: str
    problem: str
    rows: list[int] = dataclasses.field(default_factory=list)
    count: int = 0


def grouped(lines: Iterable[ProblemLine]) -> list[ProblemGroup]:
    """The lines by what they say, errors before warnings, the most frequent first."""
    groups: dict[tuple[str, str, str], ProblemGroup] = {}
    for line in lines:
        key = (line.level, line.field, line.problem)
        group = groups.setdefault(key, ProblemGroup(*key))
        group.count += 1
        if len(group.rows) < FIRST_ROWS:
            group.rows.append(line.row)
    return sorted(groups.values(), key=lambda group: (group.level != "error", -group.count))


def read_lines(path: Path, *, limit: int) -> list[ProblemLine]:
    """The first lines of an error file, without their cells."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = islice(csv.reader(file), 1, limit + 1)
        # A chunk that was killed may have left torn text at the end.
        whole = [row for row in rows if len(row) >= len(COLUMNS) and f"0{row[0]}{row[1]}".isdecimal()]
    return [ProblemLine(int(row[0] or 0), int(row[1] or 0), *row[2:5]) for row in whole]


def _own_columns(header: Sequence[str]) -> list[str]:
    """Our columns under names that the file does not use, so that a mended error file can be loaded again."""
    names = []
    for name in COLUMNS:
        while name in header:
            name = f"import_{name}"  # noqa: PLW2901
        names.append(name)
    return names
