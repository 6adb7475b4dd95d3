"""A figure asked for by name and plain values, as the command and the API take them, and its answer as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from reporting.definitions import DEFINITIONS
from reporting.facts import Copy
from reporting.metrics import METRICS, Query, QueryError
from reporting.zones import day_start

_BOTH = {"from_stage", "to_stage"}
STAGES = {"conversion": _BOTH, "velocity": _BOTH, "score-quality": _BOTH, "volume": {"from_stage"}}
YEARS = range(1900, 2200)
OF_DEALS = {"win-rate", "pipeline"}  # metrics that are about opportunities unless told otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of one metric. first and last: days of the zone, both included; None takes the metric's default."""

    metric: str
    tz: str
    object: str | None = None
    basis: str | None = None
    first: date | None = None
    last: date | None = None
    from_stage: str | None = None
    to_stage: str | None = None
    window: int | None = None
    thresholds: tuple[float, ...] = ()
    by: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """about: what the figure is (metric, definition, basis, fresh_at ...); rows: no data is None, never NaN."""

    about: dict[str, str]
    columns: list[str]
    rows: list[dict[str, Any]]


def answer(copy: Copy, question: Question) -> Answer:
    """The metric's rows. Raises QueryError, whose message says what to ask instead."""
    definition = DEFINITIONS[question.metric]
    query = _query(question)
    frame = METRICS[definition.name](copy, query, **_stages(question), **_thresholds(question))
    about = {
        "metric": definition.name,
        "object": query.object,
        "definition": definition.sentence,
        "formula": definition.formula,
        "unit": definition.unit,
        "basis": query.basis,
        "zone": query.tz,
        "fresh_at": copy.fresh_at.isoformat(),
    }
    rows = [_plain(record) for record in frame.to_dict("records")]
    return Answer(about=about, columns=[str(name) for name in frame.columns], rows=rows)


def _query(question: Question) -> Query:
    query = Query(
        object=question.object or ("opportunities" if question.metric in OF_DEALS else "leads"),
        basis=question.basis or DEFINITIONS[question.metric].bases[0],
        tz=question.tz,
        where=question.where,
        by=question.by,
        window=question.window,
    )
    as_of = question.as_of
    if as_of is not None and as_of.tzinfo is None:
        as_of = as_of.replace(tzinfo=ZoneInfo(query.tz))
    for day in (question.first, question.last):
        if day is not None and day.year not in YEARS:
            raise QueryError(f"A period lies between {YEARS[0]} and {YEARS[-1]}; {day} does not.")
    start = day_start(question.first, query.tz) if question.first else None
    end = day_start(question.last + timedelta(days=1), query.tz) if question.last else None
    return replace(query, start=start, end=end, as_of=as_of)


def _stages(question: Question) -> dict[str, str]:
    asked = {"from_stage": question.from_stage, "to_stage": question.to_stage}
    given = {name: stage for name, stage in asked.items() if stage is not None}
    for name in sorted(given.keys() - STAGES.get(question.metric, set())):
        raise QueryError(f"A {name.replace('_', '-')} has no meaning for {question.metric}.")
    return given


def _thresholds(question: Question) -> dict[str, tuple[float, ...]]:
    if not question.thresholds:
        return {}
    if question.metric != "score-quality":
        raise QueryError(f"A threshold has no meaning for {question.metric}; it belongs to score-quality.")
    if not all(map(isfinite, question.thresholds)):
        raise QueryError("A threshold is a number of points.")
    return {"thresholds": question.thresholds}


def _plain(record: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): None if pd.isna(value) else value for name, value in record.items()}
