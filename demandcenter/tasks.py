"""Tasks of the composition itself."""

from django.core.cache import cache
from django.utils import timezone

from demandcenter.celery import app

LAST_TICK = "periodic-jobs-last-ran"


@app.task(name="demandcenter.tasks.tick")
def tick() -> None:
    """Leave a sign that beat sends, the broker carries and a worker runs; `manage.py doctor` looks for it."""
    cache.set(LAST_TICK, timezone.now(), timeout=None)
