"""The tiles of the Overview as tables, for their files."""

from collections.abc import Callable, Sequence
from typing import Any

from funnel.intervals import wilson
from funnel.models import Stage
from reporting.overview import Board
from reporting.overview.times import NAMES

Table = tuple[Sequence[str], Sequence[Sequence[Any]]]


def strip(board: Board) -> Table:
    """A row a stage: volume, the one before, conversion with its counts and interval, times in days."""
    heading = ["stage", "volume", "volume_before", "to", "converted", "of", "rate", "low", "high", "cohort"]
    rows = [
        [
            tile.stage.value,
            tile.count,
            tile.before,
            tile.step.end.value,
            tile.k,
            tile.n,
            tile.k / tile.n if tile.n else None,
            *wilson(tile.k, tile.n),
            tile.rate.cohort,
            tile.stays.median,
            tile.stays.n,
        ]
        for tile in board.strip
    ]
    return [*heading, "median_days", "timed"], rows


def trend(board: Board) -> Table:
    """A row a day, week or month."""
    frame = board.trend.frame
    columns = [*board.trend.stages]
    rows = [
        [first, whole, *(int(count) for count in counts)]
        for first, whole, *counts in frame[["bucket", "whole", *columns]].itertuples(index=False)
    ]
    return [board.trend.grain, "whole", *(stage.value for stage in columns)], rows


def funnel(board: Board) -> Table:
    """A row a stage of the one cohort."""
    rows = [
        [row.stage.value, row.n, row.on, row.still, 0 if row.stage == Stage.WON else row.left]
        for row in board.funnel.rows
    ]
    return ["stage", "reached", "went_on", "still_open", "left"], rows


def times(board: Board) -> Table:
    """A row a step, percentiles in days."""
    columns = ["label", "n", "excluded", *NAMES]
    return ["step", *columns[1:]], [list(row) for row in board.times.frame[columns].itertuples(index=False)]


def left(board: Board) -> Table:
    """A row a way out."""
    rows = [[row.stage, row.exit, row.reason, row.count] for row in board.left.rows]
    return ["stage", "exit", "reason", "leads"], rows


def by(board: Board) -> Table:
    """A row a value of the dimension."""
    rows = [
        [row.label, row.count, row.k, row.n, row.k / row.n if row.n else None, *wilson(row.k, row.n)]
        for row in board.by.rows
    ]
    return [board.by.dimension.name, "inquiries", "to_mql", "of", "rate", "low", "high"], rows


TILES: dict[str, tuple[str, Callable[[Board], Table]]] = {
    "stages": ("Stages", strip),
    "trend": ("Entered each week", trend),
    "funnel": ("Funnel of one cohort", funnel),
    "times": ("Time in stage", times),
    "left": ("Where they left", left),
    "by": ("By dimension", by),
}
