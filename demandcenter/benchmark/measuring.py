"""Keeping time: medians of several rounds after a warm-up, and the rows that a benchmark reports."""

import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db import connection, connections

TRIAL = 1_000  # with fewer leads nothing is measured in earnest


@dataclass(frozen=True, slots=True)
class Target:
    """What a ratio of ours to the comparison should be."""

    side: Literal["at least", "at most"]
    ratio: float

    def __str__(self) -> str:
        return f"{'>=' if self.side == 'at least' else '<='} {self.ratio:g}"

    def met(self, ratio: float) -> bool:
        return ratio >= self.ratio if self.side == "at least" else ratio <= self.ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One row of the report. ours and comparison are of `unit`; against: what the comparison is.

    target: None where there is nothing to reach here, only something to tell.
    """

    area: str
    name: str
    unit: str
    leads: int
    ours: float
    comparison: float
    against: str
    target: Target | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.comparison

    def as_row(self) -> dict[str, Any]:
        """As the command prints it; `met` is None without a target."""
        return {
            "area": self.area,
            "name": self.name,
            "unit": self.unit,
            "leads": self.leads,
            "ours": round(self.ours, 4),
            "comparison": round(self.comparison, 4),
            "against": self.against,
            "ratio": round(self.ratio, 4),
            "target": str(self.target) if self.target else None,
            "met": self.target.met(self.ratio) if self.target else None,
        }


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to do: with very few leads just enough to see that everything runs."""

    leads: int

    def of(self, usual: int, *, least: int) -> int:
        return least if self.leads < TRIAL else usual


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def rounds(
    *works: Callable[[], object], effort: Effort, times: int = 3, prepare: Callable[[], object] = lambda: None
) -> list[float]:
    """The median seconds of each work. They take turns, so that a slow moment of the machine meets them all.

    prepare: is called before each of them, apart from its time.
    """
    warm_up, times = effort.of(1, least=0), effort.of(times, least=1)
    found: list[list[float]] = [[] for _ in works]
    for number in range(warm_up + times):
        for work, taken in zip(works, found, strict=True):
            prepare()
            took = seconds(work)
            if number >= warm_up:
                taken.append(took)
    return [statistics.median(taken) for taken in found]


def at_once(works: Sequence[Callable[[], object]], *, warm_ups: Sequence[Callable[[], object]] = ()) -> float:
    """Run the works at the same time, each in a process with a connection of its own; returns the seconds.

    warm_ups: what each process does before, not timed. The time ends when the last has done its work.
    Raises RuntimeError if one of them fails; it says on standard error how.
    """
    connections.close_all()  # a connection that two processes share would mix their answers
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(works) + 1)

    def run(warm_up: Callable[[], object], work: Callable[[], object]) -> None:
        try:
            connection.ensure_connection()
            warm_up()
            barrier.wait()
            work()
            barrier.wait()
        except BaseException:
            barrier.abort()  # nobody waits for one who will not come
            raise
        connections.close_all()

    pairs = zip(warm_ups or [lambda: None] * len(works), works, strict=True)
    processes = [context.Process(target=run, args=pair, daemon=True) for pair in pairs]
    for process in processes:
        process.start()
    try:
        barrier.wait()
        started = time.perf_counter()
        barrier.wait()
        taken = time.perf_counter() - started
    except threading.BrokenBarrierError:
        raise RuntimeError("One of those that worked at the same time has failed.") from None
    finally:
        for process in processes:
            process.join()
    return taken


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies, by linear interpolation."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
