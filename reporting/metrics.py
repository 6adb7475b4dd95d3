"""The figures: volume, conversion, velocity, win rate, pipeline. Counts come from queries.py, arithmetic happens here.

Every function takes the copy of the facts and a `Query` and gives a pandas frame with one row a combination of the
dimensions in `query.by` (blank is None), ordered by them. Words and formulas: definitions.py.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from funnel.intervals import wilson
from funnel.models import DealState, Stage
from funnel.path import RANK
from reporting import queries, ranking
from reporting.balance import WAYS, balances
from reporting.dimensions import QueryError
from reporting.facts import Copy, Rows
from reporting.queries import LEAVING, OPENED, Arrow

OBJECTS = ("leads", "opportunities")
BASES = ("cohort", "period")
PARTS = ("numerator", "denominator", "rest")
DEAL_CLOSES = (DealState.WON, DealState.LOST, DealState.NO_DECISION)


@dataclass(frozen=True, kw_only=True)
class Query:
    """What is asked, apart from which metric.

    start, end: aware moments, half-open; None has no limit. tz: where days and months begin. where: dimension ->
    label, or several, None for blank. by: dimensions to split by. window: days, inclusive, for conversion by cohort.
    as_of: only what was recorded by then; None is the latest. Raises QueryError for what makes no sense.
    """

    object: str = "leads"
    basis: str = "cohort"
    start: datetime | None = None
    end: datetime | None = None
    tz: str = "UTC"
    where: Mapping[str, Any] = field(default_factory=dict)
    by: tuple[str, ...] = ()
    window: int | None = None
    as_of: datetime | None = None

    def __post_init__(self) -> None:
        _one_of("object", self.object, OBJECTS)
        _one_of("basis", self.basis, BASES)
        for name in ("start", "end", "as_of"):
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise QueryError(f"The {name} of a query needs a time zone.")
        if self.start and self.end and self.start > self.end:
            raise QueryError("The period ends before it begins.")
        if self.window is not None and self.window < 0:
            raise QueryError("A window is a number of days, 0 or more.")
        try:
            ZoneInfo(self.tz)
        except (ZoneInfoNotFoundError, ValueError):
            raise QueryError(f"There is no time zone “{self.tz}”; write it like Europe/Amsterdam.") from None
        if len(set(self.by)) < len(self.by):
            raise QueryError("A figure is split by each dimension once.")
        object.__setattr__(self, "by", tuple(self.by))
        where = {name: _labels(name, value) for name, value in self.where.items()}
        object.__setattr__(self, "where", MappingProxyType(where))

    @property
    def key(self) -> tuple[Any, ...]:
        """The question as something that can be looked up."""
        fixed = (self.object, self.basis, self.start, self.end, self.tz, self.by, self.window, self.as_of)
        return (*fixed, tuple(self.where.items()))


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise QueryError(f"There is no {name} “{value}”. There are: {', '.join(known)}.")


def _labels(dimension: str, value: Any) -> tuple[str | None, ...]:
    """The labels that a filter lets pass, as text: 5 is “5”, and a yes or no of an attribute is “true” or “false”."""
    values = value if isinstance(value, list | tuple | set | frozenset) else [value]
    for one in values:
        if one is not None and not isinstance(one, str | int | float):
            raise QueryError(f"A filter by {dimension} takes a label, a list of labels, or null for blank.")
    return tuple(None if one is None else str(one).lower() if isinstance(one, bool) else str(one) for one in values)


# --- the metrics -----------------------------------------------------------------------------------------------


def volume(copy: Copy, query: Query, *, from_stage: str = OPENED) -> pd.DataFrame:
    """Leads that opened (or reached `from_stage`), or deals; columns count, value.

    By `stage`: leads that reached each stage or left by each exit, with how many were imputed or passed through; by
    cohort of the leads opened in the period, by period of any. Deals: also amount and without_amount.
    """
    _no_window(query, "volume")
    if query.object == "opportunities":
        return _with_value(_framed(copy, query, ("deals",), lambda: queries.deals(copy, query)))
    if "stage" not in query.by:
        _check_stage(from_stage, opening=True)
        key = ("opened", from_stage)
        return _with_value(_framed(copy, query, key, lambda: queries.opened(copy, query, from_stage)))
    stages = (*Stage.values, *LEAVING)
    return _with_value(_framed(copy, query, ("reach",), lambda: queries.reach(copy, query, stages)))


def conversion(copy: Copy, query: Query, *, from_stage: str = Stage.INQUIRY, to_stage: str = Stage.WON) -> pd.DataFrame:
    """Of what reached one stage, the share that reached another, or left by an exit (domain.md 3.4 to 3.7).

    Columns: numerator, denominator, value (NaN without a denominator), low, high (Wilson 95 %) and, by cohort,
    mature, immature. By `stage`: each step of the path between the two. For opportunities from_stage is their opening
    and to_stage how they closed.
    """
    arrow = _arrow(query, from_stage, to_stage)
    if query.basis == "period":
        _no_window(query, "conversion by period")
        frame = _framed(copy, query, ("period", arrow), lambda: queries.conversion_by_period(copy, query, arrow))
    else:
        judged_at = _judged_at(copy, query)
        key = ("cohort", arrow, judged_at if query.window is not None else None)
        frame = _framed(copy, query, key, lambda: queries.conversion_by_cohort(copy, query, arrow, judged_at))
    return _with_rate(frame, "numerator", "denominator")


def velocity(copy: Copy, query: Query, *, from_stage: str = Stage.INQUIRY, to_stage: str = Stage.WON) -> pd.DataFrame:
    """Days between two own milestones: n, median, p75, p90, mean, min, excluded (domain.md 3.2, 4.3).

    By cohort, of those that reached the first stage in the period; by period, the second. To an exit: until it closed.
    """
    _no_window(query, "velocity")
    arrow = _arrow(query, from_stage, to_stage)
    return _framed(copy, query, ("days", arrow), lambda: queries.durations(copy, query, arrow))


def win_rate(copy: Copy, query: Query) -> pd.DataFrame:
    """won, lost, no_decision, win_rate = won / (won + lost) with low and high, broad_rate, won_value.

    By period, of what closed in it; by cohort, of what was opened in it (domain.md 4.4).
    """
    _no_window(query, "win-rate")
    frame = _framed(copy, query, ("closes",), lambda: queries.closes(copy, query))
    frame["decided"] = frame["won"] + frame["lost"]
    frame = _with_rate(frame, "won", "decided", rate="win_rate").drop(columns="decided")
    closed = frame["won"] + frame["lost"] + frame["no_decision"]
    frame["broad_rate"] = _ratio(frame["won"], closed)
    frame["won_value"] = frame["won_value"].fillna(0.0)
    return frame


def pipeline(copy: Copy, query: Query) -> pd.DataFrame:
    """Open deals: count, amount (NaN where none has one), without_amount; with a period, those opened in it."""
    _no_window(query, "pipeline")
    if query.object != "opportunities":
        raise QueryError("Pipeline is made of opportunities; ask for those.")
    query = replace(query, basis="cohort")
    return _framed(copy, query, ("pipeline",), lambda: queries.deals(copy, query, open_only=True))


def balance(copy: Copy, query: Query) -> pd.DataFrame:
    """Stage by stage: open_start + entered = open_end + left, with `left` split by where to (domain.md 3.3)."""
    _no_window(query, "balance")
    frame = _framed(copy, query, ("balance",), lambda: balances(copy, query), by=(*query.by, "stage"))
    frame["left"] = frame[list(WAYS)].sum(axis=1)
    return frame[[*query.by, "stage", "open_start", "entered", "left", *WAYS, "open_end"]]


def score_quality(
    copy: Copy,
    query: Query,
    *,
    from_stage: str = Stage.INQUIRY,
    to_stage: str = Stage.WON,
    thresholds: tuple[float, ...] = (),
) -> pd.DataFrame:
    """How well fit tells the leads that reached a stage from those that did not (domain.md 7.6).

    One row for all leads of the cohort, whose `threshold` is NaN, and one a threshold for those whose person's fit is
    at least so much. Columns: threshold, leads, converted, precision (converted / leads), recall (of all that
    converted), unscored (leads of people without a score, counted nowhere else); and of all leads score_min,
    score_max, score_mean, auc. Fit is the raw total under the model for all leads that is active now: no as-of.
    """
    _no_window(query, "score-quality")
    if query.object != "leads":
        raise QueryError("Scores are those of people; ask for their leads.")
    if query.basis != "cohort":
        raise QueryError("Score-quality follows one cohort of leads; there is none by period.")
    if query.as_of is not None:
        raise QueryError("Scores stand here as they are now; ask without as-of.")
    arrow = _arrow(query, from_stage, to_stage)
    if "stage" in query.by:
        raise QueryError("Score-quality is not split by stage; it compares the stage reached with the score.")
    found = queries.scores(copy, query, arrow)
    names = [*query.by, *_QUALITY]
    rows = [row for group, told in _by_score(found, len(query.by)) for row in _qualities(group, told, thresholds)]
    return _frame(Rows(names, rows), query.by)


_QUALITY = (
    "threshold", "leads", "converted", "precision", "recall", "unscored", "score_min", "score_max", "score_mean", "auc",
)  # fmt: skip
_Told = list[tuple[float | None, int, int]]  # score (None: of people without one), leads, converted


def _by_score(found: Rows, dimensions: int) -> Iterator[tuple[tuple[Any, ...], _Told]]:
    """The counts by score of each combination of dimensions; of the empty one, even where there are no leads."""
    if not found.rows and not dimensions:
        yield (), []
    for group, rows in groupby(found.rows, key=lambda row: row[:dimensions]):
        yield group, [row[dimensions:] for row in rows]


def _qualities(group: tuple[Any, ...], told: _Told, thresholds: tuple[float, ...]) -> Iterator[tuple[Any, ...]]:
    counts = ranking.counts([(score, leads, hits) for score, leads, hits in told if score is not None])
    unscored = sum(leads for score, leads, _hits in told if score is None)
    everyone, converted = counts.at_least(float("-inf"))
    ends = (float(counts.scores[0]), float(counts.scores[-1])) if everyone else (None, None)
    share, recall = _share(converted, everyone), _share(converted, converted)
    yield (*group, None, everyone, converted, share, recall, unscored, *ends, counts.mean(), counts.auc())
    for threshold in thresholds:
        leads, hits = counts.at_least(threshold)
        yield (*group, threshold, leads, hits, _share(hits, leads), _share(hits, converted), unscored, *[None] * 4)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def lead_ids(
    copy: Copy,
    query: Query,
    *,
    from_stage: str = OPENED,
    to_stage: str = "",
    part: str = "denominator",
    after: int | None = None,
    limit: int = 100,
) -> list[int]:
    """The leads (or deals) behind one conversion figure, newest id first; for the next page give the last as `after`.

    part: numerator, denominator, or rest (counted, and did not arrive). Without to_stage: all that reached from_stage.
    """
    _one_of("part", part, PARTS)
    if not to_stage and part != "denominator":
        raise QueryError("The numerator of a conversion needs the stage to which it leads.")
    arrow = _arrow(query, from_stage, to_stage or (DealState.WON if query.object == "opportunities" else Stage.WON))
    if query.basis == "period":
        _no_window(query, "conversion by period")
    alone = replace(query, by=())
    rows = queries.ids(copy, alone, arrow, part=part, judged_at=_judged_at(copy, query), after=after, limit=limit)
    return [found for (found,) in rows.rows]


METRICS: dict[str, Callable[..., pd.DataFrame]] = {
    "volume": volume,
    "conversion": conversion,
    "velocity": velocity,
    "win-rate": win_rate,
    "pipeline": pipeline,
    "score-quality": score_quality,
}


# --- the arithmetic --------------------------------------------------------------------------------------------


def _framed(
    copy: Copy, query: Query, key: tuple[Any, ...], ask: Callable[[], Rows], by: tuple[str, ...] | None = None
) -> pd.DataFrame:
    """The answer as a frame of the caller's own. by: its dimensions where they are not the query's."""
    if query.as_of is not None and query.as_of > copy.fresh_at:
        raise QueryError(f"The facts are complete up to {copy.fresh_at.isoformat()}; ask as of then or before.")
    frame: pd.DataFrame = copy.answer((*key, query.key), lambda: _frame(ask(), query.by if by is None else by))
    return frame.copy()


def _frame(rows: Rows, by: tuple[str, ...]) -> pd.DataFrame:
    """Rows as a frame whose dimensions hold text or None."""
    columns = dict(zip(rows.names, zip(*rows.rows, strict=True) if rows.rows else [()] * len(rows.names), strict=True))
    dimensions = {name: pd.Series(columns.pop(name), dtype=object) for name in by}
    figures = {name: pd.Series(values, dtype=_figure_type(name)) for name, values in columns.items()}
    return pd.DataFrame(dimensions | figures)


_FRACTIONS = frozenset(
    (
        "amount",
        "won_value",
        "median",
        "p75",
        "p90",
        "mean",
        "min",
        *(set(_QUALITY) - {"leads", "converted", "unscored"}),
    )
)


def _figure_type(name: str) -> str:
    return "float64" if name in _FRACTIONS else "int64"


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    """part / whole, NaN where there is no whole (domain.md D8)."""
    return part / whole.where(whole != 0)


def _with_rate(frame: pd.DataFrame, part: str, whole: str, *, rate: str = "value") -> pd.DataFrame:
    limits = [wilson(int(k), int(n)) for k, n in zip(frame[part], frame[whole], strict=True)]
    frame[rate] = _ratio(frame[part], frame[whole])
    frame["low"] = pd.Series([low for low, _ in limits], dtype="float64", index=frame.index)
    frame["high"] = pd.Series([high for _, high in limits], dtype="float64", index=frame.index)
    return frame


def _with_value(frame: pd.DataFrame) -> pd.DataFrame:
    frame["value"] = frame["count"]
    return frame


def _judged_at(copy: Copy, query: Query) -> datetime:
    """When leads must be old enough for the window: at the whole minute, so that an answer is good for as long."""
    return query.as_of or copy.fresh_at.replace(second=0, microsecond=0)


# --- what may be asked -----------------------------------------------------------------------------------------


def _no_window(query: Query, what: str) -> None:
    if query.window is not None:
        raise QueryError(f"A window belongs to conversion by cohort; {what} has none.")


def _arrow(query: Query, from_stage: str, to_stage: str) -> Arrow:
    if query.object == "opportunities":
        _one_of("way a deal closes", to_stage, DEAL_CLOSES)
        return Arrow(OPENED, to_stage)
    _check_stage(from_stage, opening=True)
    _check_stage(to_stage, exits=True)
    if to_stage in RANK and RANK.get(from_stage, 0) >= RANK[to_stage]:
        raise QueryError(f"{Stage(to_stage).label} does not come after {Stage(from_stage).label}.")
    if "stage" in query.by and to_stage not in RANK:
        raise QueryError("Steps by stage lead to a stage of the path, not to an exit.")
    return Arrow(from_stage, to_stage)


def _check_stage(name: str, *, opening: bool = False, exits: bool = False) -> None:
    known = (*Stage.values, *(LEAVING if exits else ()))
    if not (opening and name == OPENED):
        _one_of("stage" if not exits else "stage or exit", name, known)
