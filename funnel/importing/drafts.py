"""Runs that are still being mapped: made from an upload, looked at, changed, thrown away."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from django.contrib.auth.models import User
from django.core.files import File
from django.db import transaction
from django.utils import timezone

from funnel.importing.checking import TOP_KEYS, parse
from funnel.importing.conversion import Converter
from funnel.importing.guessing import Sample, guess
from funnel.importing.loading import Status, Tally
from funnel.importing.mapping import MappingProblem
from funnel.importing.problems import ProblemLine
from funnel.importing.reading import Survey, Table, survey
from funnel.ingest import KINDS, Row, write
from funnel.models import ImportRun

_OF_ONE_FILE: Final = ("fields", "attributes", "where", "encoding", "delimiter")
SAMPLE_ROWS: Final = 1_000
PREVIEW_ROWS: Final = 200


def create(
    *, file: File, kind: str, source: str, by: User, zone: str, document: dict[str, Any] | None = None
) -> ImportRun:
    """Keep an uploaded file and give it a first mapping.

    The mapping is the given document; else that of the last run of this kind and source, as far as the file has its
    columns; else what names and values suggest. Raises FileProblem for a file that cannot be read.
    """
    given = document or {}
    stream = cast(BinaryIO, file.file)
    found = survey(stream, encoding=given.get("encoding") or "", delimiter=given.get("delimiter") or "")
    table = Table(stream, found)
    sample = Sample(table.header, list(islice(table, SAMPLE_ROWS)))
    table.close()
    if document is None:
        document = _first_mapping(kind, source, sample) | _how_to_read(found)
        document.setdefault("zone", zone)
    run = ImportRun(
        kind=kind,
        source=source,
        filename=(file.name or "upload.csv")[-300:],
        mapping=document,
        rows=max(found.lines - 1, 0),
        message=" ".join(found.warnings),
        started_by=by,
    )
    file.seek(0)
    run.file.save(file.name or "upload.csv", file, save=True)
    return run


def _first_mapping(kind: str, source: str, sample: Sample) -> dict[str, Any]:
    document = {"trim": "true", "create_missing": "true"} | guess(KINDS[kind], sample)
    last = (
        ImportRun.objects.filter(kind=kind, source=source)
        .exclude(status=Status.DRAFT)
        .exclude(mapping={})
        .order_by("-id")
        .values_list("mapping", flat=True)
        .first()
    )
    if not last:
        return document
    document |= {key: value for key, value in last.items() if key not in _OF_ONE_FILE}
    document["fields"] |= _that_fit(last.get("fields") or {}, sample.header)
    document["attributes"] = _that_fit(last.get("attributes") or {}, sample.header)
    document["where"] = {column: kept for column, kept in (last.get("where") or {}).items() if column in sample.header}
    return {key: value for key, value in document.items() if value not in ({}, None)}


def _that_fit(entries: dict[str, Any], header: Any) -> dict[str, Any]:
    """The entries of an earlier mapping whose column this file has; constants and templates come along."""
    return {
        name: said
        for name, said in entries.items()
        if (said if isinstance(said, str) else said.get("column", header[0])) in header
    }


def _how_to_read(found: Survey) -> dict[str, Any]:
    """How this file is written, where it is not plain UTF-8 with commas; a later file may be written otherwise."""
    told: dict[str, Any] = {}
    if found.encoding not in ("utf-8", "utf-8-sig"):
        told["encoding"] = found.encoding
    if found.delimiter != ",":
        told["delimiter"] = "tab" if found.delimiter == "\t" else found.delimiter
    return told


def sample_of(run: ImportRun) -> Sample:
    """The first records of the run's file. Raises FileProblem, FileNotFoundError."""
    said = run.mapping
    with Path(run.file.path).open("rb") as file:
        found = survey(file, encoding=said.get("encoding") or "", delimiter=said.get("delimiter") or "", whole=False)
        table = Table(file, found)
        sample = Sample(table.header, list(islice(table, SAMPLE_ROWS)))
        table.close()
    return sample


def in_order(kind: str, fields: Iterable[str]) -> list[str]:
    """Field names in the order in which their kind has them; the database keeps no order."""
    known = list(KINDS[kind].fields)
    return sorted(fields, key=lambda name: known.index(name) if name in known else len(known))


def as_file(run: ImportRun) -> dict[str, Any]:
    """The run's mapping as a document for a file, in the order in which one reads it."""
    document = run.mapping | {"kind": run.kind, "source": run.source}
    fields = document.get("fields") or {}
    parts = {"fields": {name: fields[name] for name in in_order(run.kind, fields)}}
    return {key: parts.get(key, document[key]) for key in TOP_KEYS if document.get(key) is not None}


def keep_mapping(run: ImportRun, document: dict[str, Any]) -> bool:
    """Keep the mapping of a draft as it stands, finished or not. False when the run is no draft any more."""
    run.mapping = document
    return bool(ImportRun.objects.filter(pk=run.pk, status=Status.DRAFT).update(mapping=document))


def discard(run: ImportRun) -> bool:
    """Throw a draft and its file away. False when the run is no draft any more."""
    with transaction.atomic():
        deleted, _ = ImportRun.objects.filter(pk=run.pk, status=Status.DRAFT).delete()
        if deleted:
            transaction.on_commit(lambda: run.file.storage.delete(str(run.file.name)), robust=True)
    return bool(deleted)


class Preview:
    """The first rows of a draft as they would be stored, and what would become of them: written and taken back."""

    def __init__(self, run: ImportRun) -> None:
        """Raises MappingProblem, FileProblem, FileNotFoundError."""
        sample = sample_of(run)
        mapping = parse(run.mapping, KINDS[run.kind])
        converter = Converter(mapping, sample.header)
        self.fields = [*in_order(run.kind, mapping.fields), *mapping.attributes]
        self.looked_at = len(sample.records[:PREVIEW_ROWS])
        self.rows: list[Row] = []
        tally = Tally()
        by_number = {record.number: record for record in sample.records[:PREVIEW_ROWS]}
        for record in by_number.values():
            converted = converter.convert(record)
            if converted is None:
                tally.counts["skipped"] += 1
            elif isinstance(converted, Row):
                self.rows.append(converted)
            else:
                tally.refused(record, converted)
        outcomes = write(
            run.kind,
            self.rows,
            source=run.source,
            now=timezone.now(),
            live=run.live,
            create_missing=mapping.create_missing,
            dry_run=True,
        )
        for outcome in outcomes:
            tally.outcome(by_number[outcome.number], outcome)
        self.counts: dict[str, int] = tally.counts
        self.lines: list[ProblemLine] = sorted(tally.lines, key=lambda line: line.row)


def problems_of(run: ImportRun) -> list[tuple[str, str]]:
    """What is still wrong with a draft's mapping, as (key, sentence) pairs."""
    try:
        mapping = parse(run.mapping, KINDS[run.kind])
        Converter(mapping, sample_of(run).header)
    except MappingProblem as problem:
        return problem.problems
    return []
