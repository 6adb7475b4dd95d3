"""Rows in: files, the API one by one and in batches, against the ORM and Django REST framework on the same rows."""

import csv
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.test import Client
from django.utils import timezone

from demandcenter.benchmark import plain, scenery
from demandcenter.benchmark.measuring import Finding, Target, rounds
from demandcenter.benchmark.population import tidy
from demandcenter.benchmark.scenery import SOURCE, Scenery, batches
from demandcenter.processes import CONCURRENCY
from funnel import ingest
from funnel.importing.loading import CHUNK_ROWS
from funnel.importing.running import load_file
from funnel.ingest import Row
from funnel.models import ImportRun

AREA = "ingest"
BATCH = 500
MOST_ROWS = 20_000
PLAIN_ROWS = 2_000  # of the slow ways: rates are compared
SINGLES = 100
ODOO_SINGLES, ODOO_BATCHES = 15, 67  # leads a second over its own API, on another machine
DRF_THERE = 640  # touches a second that Django REST framework stored there, at the least
SCORED = 100_000  # of the people, at most; a first score would cost more than a touch more


def measure(leads: int) -> Iterator[Finding]:
    """Findings about rows coming in, in a database of so many leads."""
    there = scenery.set_up(leads)
    there.active = SCORED
    scenery.score(SCORED)
    tidy()  # the scores are new to the planner too
    yield from _touches_over_http(there)
    yield from _by_file(there, "touches", there.touches, plain.bulk_create_touches)
    yield from _by_file(there, "leads", there.newcomers, plain.bulk_create_leads)
    yield from _leads_over_http(there)


def _size(there: Scenery) -> int:
    return there.effort.of(max(BATCH, min(MOST_ROWS, there.leads // BATCH * BATCH)), least=50)


# --- Over the API -----------------------------------------------------------------------------------


def _touches_over_http(there: Scenery) -> Iterator[Finding]:
    """Batches of 500, each posted when the one before is answered, until the worker beside it has scored them all."""
    client, references = scenery.system(there.company.administrator), plain.References()
    size = _size(there)
    few = min(size, PLAIN_ROWS)

    def ours() -> None:
        for batch in batches(there.touches(size), BATCH):
            _post(client, "/api/activities/", batch)
        scenery.await_workers()

    def theirs() -> None:
        for batch in batches(there.touches(few), BATCH):
            plain.post_touches(batch, references, there.company.administrator)

    with scenery.workers():
        taken = rounds(ours, theirs, effort=there.effort)
    yield Finding(
        area=AREA,
        name=f"touches over HTTP in batches of {BATCH}, deduplicated and scored by {CONCURRENCY} processes beside",
        unit="rows/s",
        leads=there.leads,
        ours=size / taken[0],
        comparison=few / taken[1],
        against="Django REST framework, ModelSerializer(many=True), stored only",
        target=Target("at least", 10),
    )


def _leads_over_http(there: Scenery) -> Iterator[Finding]:
    client, references = scenery.system(there.company.administrator), plain.References()
    singles, size = there.effort.of(SINGLES, least=2), there.effort.of(BATCH, least=20)

    def ones() -> None:
        for row in there.newcomers(singles):
            _post(client, "/api/leads/", [row])

    def batch() -> None:
        _post(client, "/api/leads/", there.newcomers(size))

    def theirs() -> None:
        for row in there.newcomers(singles):
            plain.create_lead(row, references)

    def yardstick() -> None:
        plain.post_touches(there.touches(size), references, there.company.administrator)

    one, many, orm, drf = rounds(ones, batch, theirs, yardstick, effort=there.effort)
    pace = size / drf / DRF_THERE  # of this machine, at this moment, beside that one
    for name, ours, odoo, least in (
        ("one a request", singles / one, ODOO_SINGLES, 8),
        (f"{BATCH} a request", size / many, ODOO_BATCHES, 30),
    ):
        for comparison, against, target in (
            (singles / orm, "the ORM, one lead after the other, without HTTP", None),
            (odoo, "Odoo 18, measured elsewhere", Target("at least", least)),
            (odoo * pace, "the same at the pace of this machine, by Django REST framework", Target("at least", least)),
        ):
            yield Finding(
                area=AREA, name=f"leads over HTTP, {name}", unit="leads/s", leads=there.leads, ours=ours,
                comparison=comparison, against=against, target=target,
            )  # fmt: skip
    scenery.drain()


def _post(client: Client, address: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Send rows; raises RuntimeError unless they landed."""
    response = client.post(address, rows, content_type="application/json")
    if response.status_code != 201:
        raise RuntimeError(f"{address} answered {response.status_code}: {response.content[:500]!r}")


# --- By file ----------------------------------------------------------------------------------------

Make = Callable[[int], list[dict[str, Any]]]


def _by_file(
    there: Scenery, what: str, make: Make, bulk_create: Callable[[plain.Rows, plain.References], None]
) -> Iterator[Finding]:
    """The import of a file, against `bulk_create` of the file's rows and the writer alone, given typed rows."""
    kind = {"touches": "activities", "leads": "leads"}[what]
    size, references = _size(there), plain.References()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"

        def prepare() -> None:
            rows[:] = make(size)
            _write(file, rows)
            rows[:] = map(scenery.typed, rows)

        def ours() -> None:
            run = load_file(file, kind=kind, mapping=_mapping(file), source=SOURCE)
            if run.status != ImportRun.Status.DONE or run.created != size:
                raise RuntimeError(f"The import brought {run.created:,} of {size:,} rows in. {run.message}")

        def by_orm() -> None:
            with file.open(encoding="utf-8", newline="") as text:
                bulk_create(list(csv.DictReader(text)), references)

        def writer_alone() -> None:
            for chunk in batches(rows, CHUNK_ROWS):
                numbered = [Row(number, row) for number, row in enumerate(chunk)]
                ingest.write(kind, numbered, source=SOURCE, now=timezone.now())

        def by_copy() -> None:
            plain.copy_touches(rows, references)

        works = [ours, by_orm, writer_alone] + ([by_copy] if what == "touches" else [])
        ours_taken, *others = rounds(*works, effort=there.effort, prepare=prepare)
    for taken, (against, least) in zip(others, _OTHERS_THAN_A_FILE, strict=False):
        yield Finding(
            area=AREA,
            name=f"CSV import of {what}",
            unit="rows/s",
            leads=there.leads,
            ours=size / ours_taken,
            comparison=size / taken,
            against=against,
            target=Target("at least", least) if least else None,
        )


_OTHERS_THAN_A_FILE = (
    ("bulk_create of the file's rows; identity, duplicates and problems are not looked for", 2),
    ("the set-based writer alone, given typed rows: no file, mapping or account of the run", 0.8),
    ("COPY of typed rows and one INSERT with joins; problems are not looked for", 0),
)


def _write(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _mapping(file: Path) -> dict[str, Any]:
    """Every column is the field of its name."""
    with file.open(encoding="utf-8", newline="") as text:
        return {"zone": "UTC", "fields": {name: name for name in next(csv.reader(text)) if name != "source"}}
