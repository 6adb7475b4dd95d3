"""A CSV file as a stream of records in constant memory. Pure: bytes in, records out.

What is wrong with one record is said on that record and reading goes on with the next line; only a file that cannot be
read as a table at all raises `FileProblem`.
"""

import codecs
import csv
import gzip
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple, cast

MAX_CELL: Final = 1_000_000  # characters of one cell
MAX_RECORD: Final = 4_000_000  # characters of one record, however many lines it spans
BLOCK: Final = 1 << 20
SAMPLE: Final = 1 << 16
DELIMITERS: Final = ",;\t|"
FALLBACK: Final = "cp1252"  # Latin-1 as Windows writes it

csv.field_size_limit(MAX_CELL)

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins like that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNREADABLE = "\udcff"  # stands for bytes that are no text in the file's encoding; no text ever holds it
_MARKED = re.compile("[\ud800-\udfff]")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*$', re.IGNORECASE)
_NOT_CSV = {
    b"PK\x03\x04": "This is an Excel workbook or a ZIP archive. Save the sheet as CSV and load that.",
    b"\xd0\xcf\x11\xe0": "This is an old Excel workbook. Save the sheet as CSV and load that.",
    b"%PDF": "This is a PDF, not a CSV file.",
}


def _mark(error: UnicodeError) -> tuple[str, int]:
    """Stand-in for undecodable bytes, so that their row can be refused and the others land."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _UNREADABLE, error.end


codecs.register_error("demand.mark", _mark)


class FileProblem(Exception):
    """The file cannot be used. The message says why and what to do."""


class Record(NamedTuple):
    """One record of the file: `number` counts data records from 1, `line` is the line of the file where it begins.

    `problem` says why the record cannot be used; its cells are then whatever could be made out.
    """

    number: int
    line: int
    cells: list[str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first pass over the file found: how to read it, and about how long it is."""

    encoding: str
    delimiter: str
    lines: int
    compressed: bool
    warnings: tuple[str, ...] = ()


# --- How to read it -------------------------------------------------------------------------------


def survey(file: BinaryIO, *, encoding: str = "", delimiter: str = "", whole: bool = True) -> Survey:
    """Find out how to read the file, in one pass.

    encoding, delimiter: what the mapping says; blank means find out. A byte order mark wins over both. whole: look at
    every byte; otherwise only at the beginning, for a first look.
    Raises FileProblem for what is no table of text.
    """
    file.seek(0)
    compressed = file.read(2) == b"\x1f\x8b"
    stream = _unpacked(file, compressed=compressed)
    try:
        head = stream.read(SAMPLE)
        _refuse_other_formats(head)
        marked = next((name for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), "")
        given = marked or _known_encoding(encoding)
        if not given and head[:4096].count(0) > len(head[:4096]) // 4:
            raise FileProblem(
                "The file looks like UTF-16 without a byte order mark. Say encoding: utf-16-le (or utf-16-be) in the "
                "mapping, or save the file as UTF-8."
            )
        census = _Census(given or "utf-8")
        block = head
        while block:
            census.take(block)
            block = stream.read(BLOCK) if whole else b""
        if whole:
            census.end()  # torn text at the end of the file
    except (EOFError, gzip.BadGzipFile) as error:
        raise FileProblem(f"The compressed file is damaged: {error}.") from error
    used, warnings = (given, ()) if given else census.verdict()
    sample = head.decode(used, "demand.mark")
    return Survey(used, delimiter or _sniff(sample), census.lines, compressed, warnings)


def _unpacked(file: BinaryIO, *, compressed: bool) -> BinaryIO:
    file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb")) if compressed else file


def _refuse_other_formats(head: bytes) -> None:
    if not head.strip():
        raise FileProblem("The file is empty.")
    for magic, words in _NOT_CSV.items():
        if head.startswith(magic):
            raise FileProblem(words)


def _known_encoding(name: str) -> str:
    if not name:
        return ""
    if not is_text_encoding(name):
        raise FileProblem(f"There is no encoding “{name}”. Common ones are utf-8, utf-16, latin-1 and cp1252.")
    return name


def is_text_encoding(name: str) -> bool:
    """Whether files can be written in the encoding of this name."""
    try:
        "".encode(name)
    except LookupError:  # unknown, or not an encoding of text
        return False
    return True


class _Census:
    """Counts lines, readable characters beyond ASCII and unreadable bytes, block by block."""

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)("demand.mark")
        self._returns = 0
        self._feeds = 0
        self.good = 0
        self.bad = 0
        self.first_bad_line = 0

    def take(self, block: bytes, *, final: bool = False) -> None:
        text = self._decoder.decode(block, final)
        if not text.isascii():
            bad = text.count(_UNREADABLE)
            self.good += len(text) - len(text.encode("ascii", "ignore")) - bad
            if bad and not self.bad:
                self.first_bad_line = self._feeds + text.count("\n", 0, text.index(_UNREADABLE)) + 1
            self.bad += bad
        self._feeds += text.count("\n")
        self._returns += text.count("\r")

    def end(self) -> None:
        self.take(b"", final=True)

    @property
    def lines(self) -> int:
        return self._feeds or self._returns

    def verdict(self) -> tuple[str, tuple[str, ...]]:
        """UTF-8, unless what is beyond ASCII is mostly none. A UTF-8 file with a torn row stays UTF-8."""
        if self.good >= self.bad:
            return "utf-8", ()
        return FALLBACK, (
            f"The file is not UTF-8 (line {self.first_bad_line}), so it was read as Latin-1 (Windows-1252). "
            "If letters look wrong, say encoding: in the mapping.",
        )


def _sniff(sample: str) -> str:
    """The delimiter under which the first records agree best on how many cells a record has."""
    lines = sample.lstrip("\ufeff").splitlines(keepends=True)
    if len(lines) > 2:
        lines.pop()  # may be torn
    if lines and (said := _SEPARATOR_LINE.match(lines[0])):
        return said[1]

    def merit(delimiter: str) -> tuple[float, int]:
        try:
            widths = [len(cells) for cells in csv.reader(lines[:50], delimiter=delimiter) if cells]
        except csv.Error:
            return 0.0, 0
        if not widths or widths[0] < 2:
            return 0.0, 0
        return widths.count(widths[0]) / len(widths), widths[0]

    return max(DELIMITERS, key=merit)  # of equals the first: the comma


# --- Reading --------------------------------------------------------------------------------------


class _TooLong(Exception):
    """A record goes on beyond the maximum."""


@dataclass(slots=True)
class _Lines:
    """Hands lines to the csv reader and keeps those of the present record.

    A record that cannot be read costs its first line only; the lines after it are handed out again, so that a stray
    quote does not swallow what follows.
    """

    text: io.TextIOWrapper
    line: int = 0
    taken: list[str | None] = field(default_factory=list)  # None: a line beyond the maximum, not kept
    _again: deque[str | None] = field(default_factory=deque)
    _length: int = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if line == "":
            raise StopIteration
        self.line += 1
        self.taken.append(line)
        if line is None:
            raise _TooLong
        self._length += len(line)
        if self._length > MAX_RECORD:
            raise _TooLong
        return line

    def _read(self) -> str | None:
        line = self.text.readline(MAX_RECORD + 1)
        if len(line) <= MAX_RECORD:
            return line
        while line and not line.endswith(("\n", "\r")):
            line = self.text.readline(MAX_RECORD)
        return None

    def begin(self) -> None:
        self.taken.clear()
        self._length = 0

    def give_back(self) -> str:
        """Take the present record for its first line only; returns that line."""
        first, *rest = self.taken
        self._again.extendleft(reversed(rest))
        self.line -= len(rest)
        return first or ""


class Table:
    """A file opened by what its survey found: the header, then the records one at a time."""

    def __init__(self, file: BinaryIO, found: Survey) -> None:
        """Open the file from its beginning. Raises FileProblem when it has no usable header."""
        self._file = file
        stream = _unpacked(file, compressed=found.compressed)
        self._text = io.TextIOWrapper(stream, encoding=found.encoding, errors="demand.mark", newline="")
        self._lines = _Lines(self._text)
        self._reader = csv.reader(self._lines, delimiter=found.delimiter, strict=True)
        self._number = 0
        self.header = self._read_header()

    def _read_header(self) -> list[str]:
        for record in self._records():
            if record.problem:
                raise FileProblem(f"The header (line {record.line}) cannot be read. {record.problem}")
            if not _SEPARATOR_LINE.match(self._lines.taken[0] or ""):
                self._number = 0
                return [cell.strip("\ufeff \t") for cell in record.cells]
        raise FileProblem("The file is empty.")

    def __iter__(self) -> Iterator[Record]:
        return self._records(width=len(self.header))

    def bytes_read(self) -> int:
        """How far into the file reading has come, in bytes of the file as it lies there."""
        return self._file.tell()

    def close(self) -> None:
        """Let go of the file without closing it: it is the caller's."""
        self._text.detach()

    def _records(self, *, width: int = 0) -> Iterator[Record]:
        while True:
            self._lines.begin()
            start = self._lines.line + 1
            problem = ""
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except (csv.Error, _TooLong) as error:
                cells = [self._lines.give_back().rstrip("\r\n")]
                problem = _in_words(error)
            if not problem:
                if not any(cells):
                    continue
                problem = self._unfit(cells, width)
            self._number += 1
            yield Record(self._number, start, cells, problem)

    def _unfit(self, cells: list[str], width: int) -> str:
        for line in self._lines.taken:
            if line and "\0" in line:
                return "The row holds a NUL byte, which no text can hold. Remove it in the source."
            if line and not line.isascii() and _MARKED.search(line):
                return f"The row holds bytes that are not {self._text.encoding.upper()}. Save the file in one encoding."
        if width and len(cells) != width:
            return f"The row has {len(cells)} cells, the header {width}. Look for a missing quote or delimiter."
        return ""


def _in_words(error: Exception) -> str:
    said = str(error)
    if "field larger" in said:
        return f"A cell is longer than {MAX_CELL:,} characters, or a quote is never closed."
    if isinstance(error, _TooLong):
        return f"The row is longer than {MAX_RECORD:,} characters, or a quote is never closed."
    if "unexpected end" in said:
        return "A quote is opened here and never closed."
    return "The quotes in the row do not match: a quote inside a quoted cell is written twice."
