"""Bringing one file in: chunk by chunk, each with its account in one transaction, so that a kill leaves whole chunks.

Before each chunk the run's row is locked and looked at: whoever finds that it has moved on, or was stopped, gives up.
So two workers never write one chunk twice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from django.db import transaction
from django.utils import timezone

from funnel.importing.checking import parse
from funnel.importing.conversion import Converter, Problem
from funnel.importing.mapping import ImportMapping
from funnel.importing.problems import ProblemLine, write_lines
from funnel.importing.reading import FileProblem, Record, Survey, Table, survey
from funnel.ingest import KINDS, Outcome, Row, finish, write
from funnel.memory import collector_paused
from funnel.models import ImportRun

CHUNK_ROWS: Final = 5_000
CHUNK_CHARACTERS: Final = 8_000_000  # a chunk of enormous cells ends earlier

Status = ImportRun.Status
Progress = Callable[[int, int], None]  # rows settled, bytes of the file read


class Superseded(Exception):
    """Somebody else works on the run now, or it was stopped."""


@dataclass(slots=True)
class Tally:
    """What became of some rows, and what there is to say about them."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("created", "updated", "unchanged", "skipped", "warnings", "errors"), 0)
    )
    lines: list[ProblemLine] = field(default_factory=list)

    def error(self, record: Record, field_: str, words: str) -> None:
        self.counts["errors"] += 1
        self.lines.append(ProblemLine(record.number, record.line, "error", field_, words, record.cells))

    def warning(self, record: Record, words: str) -> None:
        self.counts["warnings"] += 1
        self.lines.append(ProblemLine(record.number, record.line, "warning", "", words, record.cells))

    def refused(self, record: Record, problems: Sequence[Problem]) -> None:
        fields = ", ".join(problem.field for problem in problems if problem.field)
        if len(problems) == 1:
            words = problems[0].words
        else:
            words = " ".join(f"{problem.field}: {problem.words}" for problem in problems)
        self.error(record, fields, words)

    def outcome(self, record: Record, outcome: Outcome) -> None:
        if outcome.status == "error":
            self.error(record, outcome.field, outcome.problem)
            return
        self.counts[outcome.status] += 1
        if outcome.warnings:
            self.warning(record, " ".join(outcome.warnings))


class Load:
    """The work on one run: reads the file on from where the run stands and settles it chunk by chunk."""

    def __init__(self, run: ImportRun, file: BinaryIO, *, progress: Progress | None = None) -> None:
        """Check mapping and file against each other. Raises MappingProblem or FileProblem before any row is read."""
        self.run = run
        self._file = file
        self._progress = progress
        self._mapping: ImportMapping = parse(run.mapping, KINDS[run.kind])
        self._found: Survey = survey(file, encoding=self._mapping.encoding, delimiter=self._mapping.delimiter)
        table = self._open()
        self._header = table.header
        self._converter = Converter(self._mapping, table.header)
        table.close()

    def _open(self) -> Table:
        return Table(self._file, self._found)

    def start(self) -> None:
        """Note how long the file is, and what there is to say about it as a whole."""
        if self.run.position or self.run.problems_size:
            return
        tally = Tally()
        for words in self._found.warnings:
            tally.warning(Record(0, 0, []), words)
        with transaction.atomic():
            run = self._lock()
            run.rows = max(self._found.lines - 1, 0)  # about; exact at the end
            self._book(run, tally)

    def work(self) -> None:
        """Settle the rest of the file, then what had to wait for its end. Raises Superseded."""
        table = self._open()
        records = iter(table)
        skipped = sum(1 for _ in islice(records, self.run.position))
        if skipped < self.run.position:
            raise FileProblem(f"The file has only {skipped:,} rows, but {self.run.position:,} were read before.")
        for records_of_chunk in _chunks(records):
            self._settle(records_of_chunk)
            if self._progress:
                self._progress(self.run.position, table.bytes_read())
        table.close()
        self._finish()

    @collector_paused()
    def _settle(self, records: Sequence[Record]) -> None:
        tally = Tally()
        rows: list[Row] = []
        by_number = {record.number: record for record in records}
        for record in records:
            converted = self._converter.convert(record)
            if converted is None:
                tally.counts["skipped"] += 1
            elif isinstance(converted, Row):
                rows.append(converted)
            else:
                tally.refused(record, converted)
        with transaction.atomic():
            run = self._lock()
            outcomes = write(
                run.kind,
                rows,
                source=run.source,
                now=timezone.now(),
                live=run.live,
                create_missing=self._mapping.create_missing,
            )
            for outcome in outcomes:
                tally.outcome(by_number[outcome.number], outcome)
            run.position = records[-1].number
            self._book(run, tally)

    def _finish(self) -> None:
        with transaction.atomic():
            run = self._lock()
            late = finish(run.kind, source=run.source, now=timezone.now(), live=run.live)
            tally = Tally()
            records = self._records({outcome.number for outcome in late})
            for outcome in sorted(late, key=lambda outcome: outcome.number):
                tally.outcome(records.get(outcome.number, Record(outcome.number, 0, [])), outcome)
            run.rows = run.position
            run.status, run.finished_at = Status.DONE, timezone.now()
            run.message = "" if run.rows else "The file has no rows below its header."
            self._book(run, tally)

    def _records(self, numbers: set[int]) -> dict[int, Record]:
        """The records of these numbers, read again."""
        if not numbers:
            return {}
        table = self._open()
        found = {record.number: record for record in islice(table, max(numbers)) if record.number in numbers}
        table.close()
        return found

    def _lock(self) -> ImportRun:
        run = ImportRun.objects.select_for_update(of=("self",)).get(pk=self.run.pk)
        if run.status != Status.RUNNING or run.position != self.run.position:
            raise Superseded
        return run

    def _book(self, run: ImportRun, tally: Tally) -> None:
        """Enter counts and lines into the account of the locked run, and keep it as what we know."""
        for name, count in tally.counts.items():
            setattr(run, name, getattr(run, name) + count)
        if tally.lines:
            tally.lines.sort(key=lambda line: line.row)
            run.problems.name = run.problems.name or _problems_name(run)
            run.problems_size = write_lines(Path(run.problems.path), self._header, tally.lines, size=run.problems_size)
        run.heartbeat_at = timezone.now()
        run.save()
        self.run = run


def _chunks(records: Iterator[Record]) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    characters = 0
    for record in records:
        chunk.append(record)
        characters += sum(map(len, record.cells))
        if len(chunk) == CHUNK_ROWS or characters > CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _problems_name(run: ImportRun) -> str:
    return f"imports/{timezone.now():%Y/%m}/run-{run.pk}-problems.csv"
