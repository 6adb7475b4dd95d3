"""The life of a run: queued, claimed by one worker, worked, stopped, taken up again. The row is the queue.

A worker gives a sign of life with each chunk. Without one for a minute, and with nobody holding the row's lock, beat
queues the run again and the next worker goes on where the last chunk ended.
"""

from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from funnel import hints
from funnel.access import name_of
from funnel.importing.loading import Load, Progress, Status, Superseded
from funnel.importing.mapping import MappingProblem
from funnel.importing.reading import FileProblem
from funnel.models import ImportRun

TASK: Final = "funnel.tasks.run_import"
STALE: Final = timedelta(seconds=60)
KILLED: Final = (
    "The command that loaded this file ended in the middle. What was settled is in; load the file again for the rest."
)

log = structlog.get_logger(__name__)


# --- By a worker ----------------------------------------------------------------------------------


def start(run: ImportRun, *, live: bool) -> bool:
    """Hand a mapped draft to the workers. live: it happens now, so moves and notices follow. False when it was."""
    with transaction.atomic():
        changed = ImportRun.objects.filter(pk=run.pk, status=Status.DRAFT).update(live=live)
        return bool(changed) and queue(run)


def queue(run: ImportRun) -> bool:
    """Hand a mapped or stopped run to the workers. False when it is neither any more."""
    changed = (
        ImportRun.objects.filter(pk=run.pk, status__in=[Status.DRAFT, Status.FAILED])
        .exclude(file="")
        .update(status=Status.QUEUED, heartbeat_at=timezone.now(), message="", finished_at=None)
    )
    if changed:
        hints.look(TASK, run.pk)
    return bool(changed)


def stop(run: ImportRun, *, by: User) -> bool:
    """Stop a run after the chunk in work. What is in stays in. False when it was not under way."""
    return bool(
        ImportRun.objects.filter(pk=run.pk, status__in=[Status.QUEUED, Status.RUNNING]).update(
            status=Status.FAILED,
            message=f"Stopped by {name_of(by)}. What was settled is in.",
            finished_at=timezone.now(),
        )
    )


def edit_again(run: ImportRun) -> bool:
    """Make a run that stopped before its first row a draft, so that its mapping can be mended."""
    return bool(
        ImportRun.objects.filter(pk=run.pk, status=Status.FAILED, position=0)
        .exclude(file="")
        .update(status=Status.DRAFT, message="", rows=0, finished_at=None)
    )


def work(run_id: int) -> None:
    """Claim a queued run and bring its file in. Does nothing when somebody else has it."""
    now = timezone.now()
    claimed = ImportRun.objects.filter(pk=run_id, status=Status.QUEUED).update(
        status=Status.RUNNING, heartbeat_at=now, started_at=Coalesce("started_at", Value(now))
    )
    if not claimed:
        return
    run = ImportRun.objects.get(pk=run_id)
    try:
        with Path(run.file.path).open("rb") as file:
            load = Load(run, file)
            load.start()
            load.work()
    except Superseded:
        log.info("import_superseded", run=run_id)
    except FileNotFoundError:
        _fail(run_id, "The uploaded file is gone. Upload it again.")
    except (FileProblem, MappingProblem) as problem:
        _fail(run_id, str(problem))
    except (OperationalError, InterfaceError):
        raise  # the run stays as it is, and is taken up again when the database is back
    except Exception:
        _fail(run_id, "The import stopped at an error of the program. What was settled is in; it can be resumed.")
        raise


def take_up_orphans() -> list[int]:
    """Queue again every run that waits or runs without a sign of life; returns their ids.

    A locked row is a sign of life too: its chunk is being written. A file that a command brought is not here, so its
    run can only be closed.
    """
    now = timezone.now()
    with transaction.atomic():
        lost = ImportRun.objects.select_for_update(skip_locked=True).filter(
            status__in=[Status.QUEUED, Status.RUNNING], heartbeat_at__lt=now - STALE
        )
        taken_up = []
        for run in lost:
            if run.file:
                run.status, run.heartbeat_at = Status.QUEUED, now
                hints.look(TASK, run.pk)
                taken_up.append(run.pk)
            else:
                run.status, run.message, run.finished_at = Status.FAILED, KILLED, now
            run.save(update_fields=["status", "heartbeat_at", "message", "finished_at"])
    return taken_up


def _fail(run_id: int, message: str) -> None:
    ImportRun.objects.filter(pk=run_id, status=Status.RUNNING).update(
        status=Status.FAILED, message=message, finished_at=timezone.now()
    )


# --- By a command ---------------------------------------------------------------------------------


def load_file(
    path: Path,
    *,
    kind: str,
    mapping: dict,
    source: str,
    live: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportRun:
    """Bring a file in, here and now; returns its run with the counts.

    dry_run: everything is done in one transaction and taken back, so the answer is what a load would give.
    Raises FileProblem or MappingProblem, before anything is stored, and OSError where there is no such file.
    """
    run = ImportRun(kind=kind, source=source, filename=path.name[:300], mapping=mapping, live=live)
    run.status = Status.RUNNING
    run.started_at = run.heartbeat_at = timezone.now()
    with path.open("rb") as file:
        load = Load(run, file, progress=progress)
        if dry_run:
            with transaction.atomic():
                _bring_in(load)
                transaction.set_rollback(True)
        else:
            _bring_in(load)
    return load.run


def _bring_in(load: Load) -> None:
    run = load.run
    run.save()
    try:
        load.start()
        load.work()
    except Superseded:
        run.refresh_from_db()
    except KeyboardInterrupt:
        _fail(run.pk, "Stopped at the keyboard. What was settled is in; load the file again for the rest.")
        raise
    except (FileProblem, MappingProblem) as problem:
        _fail(run.pk, str(problem))
        raise
