"""What the workers of the ingest queue do. Thin: the services say what happens."""

from celery import shared_task

from funnel.importing import running


@shared_task
def run_import(run_id: int) -> None:
    """Bring in the file of a queued run; of two workers one does."""
    running.work(run_id)


@shared_task
def resume_imports() -> list[int]:
    """Queue again the runs whose hint or worker was lost."""
    return running.take_up_orphans()
