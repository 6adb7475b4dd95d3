"""Working what is due by time, so that one thing that cannot be worked holds up none of the others."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

BATCH: Final = 500
SMALLER: Final = 8  # times, after a failure: 500, 62, 7, 1
HOPELESS: Final = 10  # things set aside in one run: it does not lie at them

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """One kind of thing that falls due.

    work: works at most `limit` of what is due at `now`, in a transaction of its own; returns how many it was.
    set_aside: takes the one that is due first out of the way and leaves the problem where operators see it; returns
    what it was, or "" when there was none.
    """

    name: str
    work: Callable[[datetime, int], int]
    set_aside: Callable[[datetime, str], str]


def run(timer: Timer, *, now: datetime, deadline: float, problem_of: Callable[[Exception], str | None]) -> int:
    """Work what is due, in batches, until nothing is left or `deadline` (monotonic seconds). Returns how many.

    After a failure the batches get smaller, down to the one thing that fails; that is set aside.
    problem_of: what to tell of a failure, or None where it lies at the database: that is raised.
    """
    done, limit, aside = 0, BATCH, 0
    while time.monotonic() < deadline and aside < HOPELESS:
        try:
            worked = timer.work(now, limit)
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            if limit > 1:
                limit = max(limit // SMALLER, 1)
                continue
            what = timer.set_aside(now, problem)
            log.error("timer_failed", timer=timer.name, what=what, problem=problem, exc_info=error)
            if not what:
                break
            aside, limit = aside + 1, BATCH
        else:
            if not worked:
                break
            done += worked
    return done
