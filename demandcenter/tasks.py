"""Tasks of the composition itself. Thin, and harmless however often and late they run: what is to do is in tables."""

import time

from django.core.cache import cache
from django.utils import timezone

from demandcenter import pipeline
from demandcenter.celery import app
from funnel import hints, inbox

LAST_TICK = "periodic-jobs-last-ran"
TURN = 2.0  # seconds after which a task makes room for others, and for a worker that is asked to stop


@app.task(name="demandcenter.tasks.tick")
def tick() -> None:
    """Leave a sign that beat sends, the broker carries and a worker runs; `manage.py doctor` looks for it."""
    cache.set(LAST_TICK, timezone.now(), timeout=None)


@app.task(name=inbox.DRAIN)
def drain() -> None:
    """Work what waits in the inbox; of several at once each takes other people."""
    started = time.monotonic()
    pipeline.drain(seconds=TURN)
    if time.monotonic() - started >= TURN:
        hints.look(inbox.DRAIN)


@app.task(name="demandcenter.tasks.sweep")
def sweep() -> None:
    """Do what only time brings: reviews of scores, revisits, promises that run out, leads that nobody could take."""
    pipeline.sweep(seconds=TURN)
