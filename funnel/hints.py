"""Hints to the workers: "look now", sent when a transaction has committed. Losing one loses nothing.

The rows are the queue and beat looks at them anyway, so a broker that is down must neither fail nor slow down a write.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import structlog
from celery import current_app
from django.db import transaction
from kombu import Connection
from kombu.exceptions import OperationalError

ONE_TRY: Final = {"max_retries": 0, "interval_start": 0, "socket_connect_timeout": 1, "socket_timeout": 2}
PAUSE: Final = 10.0  # seconds without a try after the broker could not be reached
STALE: Final = 10.0  # seconds after which a hint that others follow is not worth a look; without workers none pile up

log = structlog.get_logger(__name__)


class _Line(threading.local):
    """This thread's connection to the broker, and the process that has opened it."""

    connection: Connection | None = None
    process: int = 0


_lock = threading.Lock()
_broken_until = 0.0
_line = _Line()
_unheard = threading.local()  # .tasks: those that this thread sends no hints for
_sent: dict[str, float] = {}  # when the latest hint of a task that is not sent for every fact went out


def look(task: str, *args: Any, pause: float = 0.0) -> None:
    """Ask the workers to run the task of this name once the present transaction has committed.

    pause: seconds in which this process sends no second hint for the task, where one look finds everything there is.
    """
    if task not in getattr(_unheard, "tasks", ()):
        transaction.on_commit(partial(_send, task, args, pause), robust=True)


@contextmanager
def without(task: str) -> Iterator[None]:
    """Send no hints for this task from within, where it is what is running and looks again by itself."""
    before: frozenset[str] = getattr(_unheard, "tasks", frozenset())
    _unheard.tasks = before | {task}
    try:
        yield
    finally:
        _unheard.tasks = before


def _send(task: str, args: tuple[Any, ...], pause: float = 0.0) -> None:
    global _broken_until  # noqa: PLW0603 one circuit breaker a process
    now = time.monotonic()
    with _lock:
        if now < _broken_until or (pause and now - _sent.get(task, -pause) < pause):
            return
        _sent[task] = now
    try:
        _hand_over(task, args, expires=STALE if pause else None)
    except OperationalError as error:
        with _lock:
            _broken_until = time.monotonic() + PAUSE
        log.warning("hint_not_sent", task=task, error=str(error))


def _hand_over(task: str, args: tuple[Any, ...], *, expires: float | None) -> None:
    """Send over this thread's connection; a new one is tried once where the kept one has died with its broker.

    Raises OperationalError when the broker cannot be reached.
    """
    kept = _line.connection if _line.process == os.getpid() else None  # a fork must not share its parent's socket
    if kept is not None:
        try:
            return _publish(kept, task, args, expires=expires)
        except OperationalError:
            _line.connection = None
            kept.release()
    connection = current_app.connection_for_write()
    # A connection of its own: the pooled ones try again for seconds, which is right for workers only.
    connection.transport_options = {**(connection.transport_options or {}), **ONE_TRY}
    try:
        _publish(connection, task, args, expires=expires)
    except OperationalError:
        connection.release()
        raise
    _line.connection, _line.process = connection, os.getpid()
    return None


def _publish(connection: Connection, task: str, args: tuple[Any, ...], *, expires: float | None) -> None:
    current_app.send_task(task, args, connection=connection, retry=False, ignore_result=True, expires=expires)
