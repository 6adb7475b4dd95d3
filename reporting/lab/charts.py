"""The lab's two figures: MQLs by week, and what each threshold would come to. Pure; colours are the style sheet's."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from funnel.intervals import wilson
from reporting.charts import MOST_LABELS
from reporting.lab.figures import Names
from reporting.lab.sets import DRAFT, LIVE, SIDES

COLOURS = {LIVE: "var(--dc-ink-3)", DRAFT: "var(--dc-accent)", "real": "var(--dc-mark)", "capacity": "var(--dc-warn)"}
INK = {LIVE: "var(--dc-ink-2)", DRAFT: "var(--dc-accent)", "real": "var(--dc-ink-2)", "capacity": "var(--dc-warn)"}
LEAST_JUDGED = 30  # a precision of fewer is noise, and is not drawn


def weeks(
    starts: Sequence[dt.date],
    series: Mapping[str, Sequence[int]],
    urls: Mapping[str, Sequence[str]],
    *,
    names: Names,
    capacity: int | None,
) -> go.Figure:
    """MQLs by week: `real` as they were made, `live` and `draft` as simulated; the capacity as a line across."""
    words = {"real": "as it was", LIVE: names.live, DRAFT: names.draft}
    traces = [
        go.Scatter(
            x=list(starts),
            y=list(series[name]),
            customdata=list(urls[name]),
            mode="lines" if len(starts) > 1 else "markers",
            name=words[name],
            line={"color": COLOURS[name], "width": 1.5 if name == "real" else 2, "dash": _dash(name)},
            hovertemplate=f"%{{y:,}} {words[name]}<extra></extra>",
        )
        for name in ("real", LIVE, DRAFT)
    ]
    top = max([1, capacity or 0, *(leads for name in series for leads in series[name])]) * 1.12
    ends: list[tuple[float, str, str]] = [
        (series[name][-1], f"<b>{series[name][-1]:,}</b> {words[name]}", name) for name in ("real", *SIDES)
    ]
    if capacity:
        ends.append((capacity, f"Capacity {capacity:,}", "capacity"))
    ticks = list(starts)[:: math.ceil(len(starts) / MOST_LABELS)]
    layout = {
        "template": None,
        "margin": {"l": 34, "r": 104, "t": 8, "b": 22},
        "hovermode": "x unified",
        "xaxis": {
            "type": "date",
            "showgrid": False,
            "range": [starts[0], starts[-1]] if len(starts) > 1 else None,
            "tickvals": ticks,
            "ticktext": [f"{tick.day} {tick:%b}" for tick in ticks],
            "tickangle": 0,
        },
        "yaxis": {"range": [0, top], "nticks": 5, "tickformat": ",d", "rangemode": "tozero"},
        "shapes": [_across(capacity)] if capacity else [],
        "annotations": _apart(starts[-1], ends, least=top * 0.085),
    }
    return go.Figure(traces, layout=layout)


def _dash(name: str) -> str:
    return "dot" if name == "real" else "solid"


def _across(capacity: int, axis: str = "y") -> dict[str, Any]:
    line = {"color": COLOURS["capacity"], "width": 1.25, "dash": "dash"}
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": axis,
        "y0": capacity,
        "y1": capacity,
        "line": line,
    }


def _apart(x: dt.date, ends: Sequence[tuple[float, str, str]], *, least: float) -> list[dict[str, Any]]:
    """Labels at the lines' ends, pushed apart where lines end close together."""
    found: list[dict[str, Any]] = []
    below = -math.inf
    for value, text, name in sorted(ends):
        below = max(value, below + least)
        font = {"size": 11, "color": INK[name]}
        found.append(
            {"x": x, "y": below, "text": text, "xanchor": "left", "xshift": 6, "showarrow": False, "font": font}
        )
    return found


# --- Thresholds ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Point:
    """What one threshold comes to: MQLs in the history, and of those judged n, k good."""

    points: int
    leads: int
    k: int
    n: int


def curve(peaks: Sequence[tuple[float | None, str, bool, int]], *, low: int, high: int) -> list[Point]:
    """A point for each whole threshold from low to high.

    peaks: (whole points reached, or None for a raised hand, which counts at any threshold; state; good; leads).
    """
    reached = {points: [0, 0, 0] for points in range(low, high + 1)}
    for peak, state, good, leads in peaks:
        if peak is not None and peak < low:
            continue
        tally = reached[high if peak is None else min(int(peak), high)]
        tally[0] += leads
        if state == "known":
            tally[1] += leads if good else 0
            tally[2] += leads
    found, total = [], [0, 0, 0]
    for points in sorted(reached, reverse=True):
        total = [above + here for above, here in zip(total, reached[points], strict=True)]
        found.append(Point(points, *total))
    return found[::-1]


def span(thresholds: Sequence[float]) -> tuple[int, int]:
    """The thresholds worth drawing: from half of the lowest to one and three quarters of the highest."""
    return max(1, round(min(thresholds) / 2)), max(10, math.ceil(max(thresholds) * 1.75))


def serves_from(points: Sequence[Point], *, weeks: float, capacity: int | None) -> int | None:
    """The lowest drawn threshold whose MQLs the team can serve; None where no one is."""
    if not capacity:
        return None
    return next((point.points for point in points if point.leads / weeks <= capacity), None)


def thresholds(
    curves: Mapping[str, Sequence[Point]],
    at: Mapping[str, tuple[float, int, int, int]],
    urls: Mapping[str, Sequence[str]],
    *,
    weeks: float,
    names: Names,
    capacity: int | None,
) -> go.Figure:
    """MQLs a week above and precision below, by threshold; `at`: each version's own threshold, MQLs, k and n."""
    traces = [_volume(side, curves[side], urls[side], weeks, names) for side in SIDES]
    traces += [_precision(side, curves[side], urls[side], names) for side in SIDES]
    traces += [mark for side in SIDES for mark in _marks(side, at[side], weeks)]
    low, high = (curves[DRAFT][end].points for end in (0, -1))
    top = max([1.0, capacity or 0, *(point.leads / weeks for side in SIDES for point in curves[side])]) * 1.08
    layout = {
        "template": None,
        "margin": {"l": 42, "r": 14, "t": 18, "b": 22},
        "hovermode": "x unified",
        "xaxis": {"range": [low, high], "nticks": 7, "anchor": "y2", "showgrid": False},
        "yaxis": {"domain": [0.56, 1], "range": [0, top], "nticks": 4, "tickformat": ",d"},
        "yaxis2": {
            "domain": [0, 0.42],
            "range": [0, _highest(curves, at)],
            "nticks": 4,
            "tickformat": ",.0%",
            "anchor": "x",
        },
        "shapes": [*(_upright(side, at[side][0]) for side in SIDES), *([_across(capacity)] if capacity else [])],
        "annotations": _legends(at, capacity),
    }
    return go.Figure(traces, layout=layout)


def _volume(side: str, points: Sequence[Point], urls: Sequence[str], weeks: float, names: Names) -> go.Scatter:
    return go.Scatter(
        x=[point.points for point in points],
        y=[round(point.leads / weeks, 2) for point in points],
        customdata=list(urls),
        mode="lines",
        line={"color": COLOURS[side], "width": 2},
        hovertemplate=f"%{{y:,.1f}} a week, {names.of(side)}<extra></extra>",
    )


def _highest(curves: Mapping[str, Sequence[Point]], at: Mapping[str, tuple[float, int, int, int]]) -> float:
    """The upper end of the precision axis: a little above what is drawn; the whole where nothing is judged."""
    drawn = [point.k / point.n for side in SIDES for point in curves[side] if point.n >= LEAST_JUDGED]
    drawn += [wilson(k, n)[1] or 0 for _threshold, _leads, k, n in at.values() if n >= LEAST_JUDGED]
    return min(1.0, max(drawn) * 1.08) if any(drawn) else 1.0


def _precision(side: str, points: Sequence[Point], urls: Sequence[str], names: Names) -> go.Scatter:
    return go.Scatter(
        x=[point.points for point in points],
        y=[point.k / point.n if point.n >= LEAST_JUDGED else None for point in points],
        customdata=list(urls),
        mode="lines",
        yaxis="y2",
        line={"color": COLOURS[side], "width": 2},
        hovertemplate=f"%{{y:.1%}} precision, {names.of(side)}<extra></extra>",
    )


def _marks(side: str, at: tuple[float, int, int, int], weeks: float) -> list[go.Scatter]:
    """Where a version stands: on its volume, and on its precision with the interval."""
    threshold, leads, k, n = at
    common: dict[str, Any] = {
        "mode": "markers",
        "marker": {"color": COLOURS[side], "size": 8},
        "hoverinfo": "skip",
    }
    found = [go.Scatter(x=[threshold], y=[leads / weeks], **common)]
    low, high = wilson(k, n)
    if n >= LEAST_JUDGED and low is not None and high is not None:
        error = {"type": "data", "symmetric": False, "array": [high - k / n], "arrayminus": [k / n - low]}
        error |= {"color": COLOURS[side], "thickness": 1.5, "width": 4}
        found.append(go.Scatter(x=[threshold], y=[k / n], yaxis="y2", error_y=error, **common))
    return found


def _upright(side: str, threshold: float) -> dict[str, Any]:
    line = {"color": COLOURS[side], "width": 1, "dash": "dot"}
    return {"type": "line", "x0": threshold, "x1": threshold, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _legends(at: Mapping[str, tuple[float, int, int, int]], capacity: int | None) -> list[dict[str, Any]]:
    def text(words: str, name: str, **place: Any) -> dict[str, Any]:
        return {"text": words, "showarrow": False, "font": {"size": 11, "color": INK[name]}} | place

    above = {"yref": "paper", "yanchor": "bottom"}
    left = {"xref": "paper", "x": 0, "xanchor": "left"}
    lower = at[LIVE][0] <= at[DRAFT][0]
    found = [
        text("MQLs a week", LIVE, y=1, **above, **left),
        text("Precision", LIVE, y=0.42, **above, **left),
        text(f"{at[LIVE][0]:g}", LIVE, x=at[LIVE][0], y=1, xanchor="right" if lower else "left", **above),
        text(f"<b>{at[DRAFT][0]:g}</b>", DRAFT, x=at[DRAFT][0], y=1, xanchor="left" if lower else "right", **above),
    ]
    if capacity:
        right = {"xref": "paper", "x": 1, "xanchor": "right"}
        found.append(text(f"Capacity {capacity:,}", "capacity", y=capacity, yref="y", yanchor="bottom", **right))
    return found
