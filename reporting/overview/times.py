"""Time in stage: how the stays of each step spread."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from funnel.templatetags.dc import days
from reporting import charts
from reporting.overview.asking import STEPS, Asker, short_label
from reporting.overview.queries import PERCENTILES
from reporting.overview.strip import Tile

NAMES = ["p10", "p25", "median", "p75", "p90"]
assert len(NAMES) == len(PERCENTILES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The figure, its words, and the frame behind it: label, stage, n, excluded and the percentiles in days."""

    basis: str
    said: str
    figure: go.Figure | None
    frame: pd.DataFrame


def times(ask: Asker, tiles: Sequence[Tile]) -> Times:
    """A box a step from the times that the strip has asked for already."""
    by_period = ask.view.basis == "period"
    rows = [_row(tile) for tile in tiles[: len(STEPS)]]
    frame = pd.DataFrame(rows)
    said = "; ".join(f"{row['label']} {row['said']}" for row in rows)
    return Times(
        basis="steps finished in the period" if by_period else "converters of mature cohorts",
        said=f"Median time of each step: {said}",
        figure=charts.stage_times(frame),
        frame=frame,
    )


def _row(tile: Tile) -> dict:
    found = tile.stays.percentiles or (None,) * len(NAMES)
    return {
        "label": f"{short_label(tile.step.start)} → {short_label(tile.step.end)}",
        "stage": tile.stage,
        "said": days(tile.stays.median),
        "n": tile.stays.n,
        "excluded": tile.stays.excluded,
        **dict(zip(NAMES, found, strict=True)),
    }
