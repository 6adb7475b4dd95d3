"""The figures once more, in plain Python over plain rows, written from the definitions and not from the SQL."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

PATH = ("inquiry", "mql", "sal", "sql", "opportunity", "won")


@dataclass
class Trip:
    """A lead as a report sees it."""

    entry: str
    milestones: dict[str, datetime]
    exit: str = ""
    closed_at: datetime | None = None
    passthrough: bool = False
    labels: dict[str, str | None] = field(default_factory=dict)

    def reached(self, stage: str) -> datetime | None:
        own = self.milestones.get(stage)
        if own is not None or PATH.index(stage) < PATH.index(self.entry):
            return own
        later = [at for name, at in self.milestones.items() if PATH.index(name) > PATH.index(stage)]
        return min(later, default=None)

    def opened(self) -> datetime | None:
        return self.reached(self.entry)

    def moment(self, stage: str) -> datetime | None:
        if stage == "":
            return self.opened()
        if stage in PATH:
            return self.reached(stage)
        return self.closed_at if self.exit == stage else None

    def own(self, stage: str) -> datetime | None:
        if stage in PATH:
            return None if stage == "mql" and self.passthrough else self.milestones.get(stage)
        return self.moment(stage)

    def applies(self, stage: str) -> bool:
        return stage == "" or PATH.index(self.entry) <= PATH.index(stage)


@dataclass(frozen=True)
class Question:
    basis: str = "cohort"
    start: datetime | None = None
    end: datetime | None = None
    zone: str = "UTC"
    by: tuple[str, ...] = ()
    window: int | None = None

    def covers(self, at: datetime) -> bool:
        return (self.start is None or at >= self.start) and (self.end is None or at < self.end)

    def label(self, trip: Trip, at: datetime) -> tuple[str | None, ...]:
        local = at.astimezone(ZoneInfo(self.zone))
        calendar = {"month": f"{local:%Y-%m}", "quarter": f"{local.year}Q{(local.month + 2) // 3}"}
        return tuple(calendar[name] if name in calendar else trip.labels[name] for name in self.by)


Table = dict[tuple[str | None, ...], dict[str, Any]]


def conversion(trips: Iterable[Trip], asked: Question, start: str, end: str, now: datetime) -> Table:
    """Label -> numerator, denominator and, by cohort, mature, immature."""
    found: dict[tuple[str | None, ...], Counter[str]] = defaultdict(Counter)
    for trip in trips:
        begun, arrived = trip.moment(start), trip.moment(end)
        if begun is None or not trip.applies(start):
            continue
        if asked.basis == "period":
            if asked.covers(begun):
                found[asked.label(trip, begun)]["denominator"] += 1
            if arrived is not None and asked.covers(arrived):
                found[asked.label(trip, arrived)]["numerator"] += 1
        elif asked.covers(begun):
            row = found[asked.label(trip, begun)]
            if asked.window is None:
                hit, counted = arrived is not None, True
                mature = hit or trip.exit != ""
            else:
                limit = begun + timedelta(days=asked.window)
                hit, counted = arrived is not None and arrived <= limit, limit <= now
                mature = counted
            row["numerator"] += hit and counted
            row["denominator"] += counted
            row["mature"] += mature
            row["immature"] += not mature
    names = ["numerator", "denominator"] + (["mature", "immature"] if asked.basis == "cohort" else [])
    return {label: {name: counts[name] for name in names} for label, counts in found.items()}


def velocity(trips: Iterable[Trip], asked: Question, start: str, end: str) -> Table:
    """Label -> n, median, p75, p90, mean, min, excluded in days."""
    found: dict[tuple[str | None, ...], list[float]] = defaultdict(list)
    for trip in trips:
        begun, arrived = trip.own(start), trip.own(end)
        if begun is None or arrived is None:
            continue
        at = begun if asked.basis == "cohort" else arrived
        if asked.covers(at):
            found[asked.label(trip, at)].append((arrived - begun) / timedelta(days=1))
    return {label: _spread(days) for label, days in found.items()}


def _spread(days: list[float]) -> dict[str, Any]:
    kept = sorted(day for day in days if day >= 0)
    shares = {"median": 0.5, "p75": 0.75, "p90": 0.9}
    return {
        "n": len(kept),
        **{name: percentile(kept, share) for name, share in shares.items()},
        "mean": fmean(kept) if kept else None,
        "min": kept[0] if kept else None,
        "excluded": len(days) - len(kept),
    }


def percentile(ordered: list[float], share: float) -> float | None:
    """Linear interpolation between order statistics."""
    if not ordered:
        return None
    place = (len(ordered) - 1) * share
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def volume(trips: Iterable[Trip], asked: Question, stages: Iterable[str]) -> Table:
    """(label ..., stage) -> count, imputed, passthrough."""
    found: dict[tuple[str | None, ...], Counter[str]] = defaultdict(Counter)
    stages = list(stages)
    for trip in trips:
        for stage in stages:
            arrived, opened = trip.moment(stage), trip.opened()
            at = opened if asked.basis == "cohort" else arrived
            if arrived is None or at is None or not asked.covers(at):
                continue
            row = found[*asked.label(trip, at), stage]
            row["count"] += 1
            row["imputed"] += stage in PATH and stage not in trip.milestones
            row["passthrough"] += stage == "mql" and trip.passthrough
    return {label: {name: row[name] for name in ("count", "imputed", "passthrough")} for label, row in found.items()}


def rows(
    frame: Any, by: Iterable[str], figures: Iterable[str], clean: Callable[[Any], Any] = lambda value: value
) -> Table:
    """A frame in the same form."""
    by, figures = list(by), list(figures)
    return {
        tuple(record[name] for name in by): {name: clean(record[name]) for name in figures}
        for record in frame.to_dict("records")
    }
