"""Frames to plotly figures. Pure; colours are variables of the style sheet, so a figure serves light and dark alike."""

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from funnel.models import Stage

COLOURS = {
    Stage.INQUIRY: "var(--dc-inq)",
    Stage.MQL: "var(--dc-mql)",
    Stage.SAL: "var(--dc-sal)",
    Stage.SQL: "var(--dc-sql)",
    Stage.OPPORTUNITY: "var(--dc-opp)",
    Stage.WON: "var(--dc-won)",
}
REFERENCE = "var(--dc-mark)"
LABEL = {"size": 11, "color": "var(--dc-ink)"}
MOST_LABELS = 6  # of dates below a chart
MINUTE = 1 / 1440  # of a day; a log axis has no zero, so shorter stays are drawn as one minute
TIME_TICKS = [(1 / 1440, "1 min"), (1 / 24, "1 h"), (0.25, "6 h"), (1, "1 d"), (7, "7 d"), (30, "30 d"), (120, "120 d")]
TIME_TICKS += [(365, "1 y"), (1460, "4 y")]


def trend(
    counts: pd.DataFrame, before: pd.DataFrame | None, *, stages: Sequence[Stage], lead: Stage, monthly: bool = False
) -> go.Figure:
    """Lines of how many leads entered each stage, a bucket a point.

    counts: bucket (first day), whole (False where only part of the bucket lies in the period), and for each stage a
    column of counts, with `{stage}_url` for the records behind each point. before: bucket (already moved onto the
    present axis) and the column `lead` of the period before; None without one.
    """
    known = [_line(counts, stage) for stage in stages]
    tops = [int(counts[stage].max()) for stage in stages]
    if before is not None and len(before):
        known.insert(0, _line_before(before, lead))
        tops.append(int(before[lead].max()))
    top = max([1, *tops])
    layout: dict[str, Any] = {
        "template": None,
        "margin": {"l": 34, "r": 62, "t": 6, "b": 22},
        "hovermode": "x unified",
        "xaxis": _dates(counts["bucket"].tolist(), monthly=monthly),
        "yaxis": {"range": [0, top * 1.1], "nticks": 5, "tickformat": ",d", "rangemode": "tozero"},
        "annotations": _end_labels(counts, stages, top),
    }
    return go.Figure(known, layout=layout)


def _line(counts: pd.DataFrame, stage: Stage) -> go.Scatter:
    """A stage's line; only a bucket that is not whole, or is alone, has a mark."""
    alone = len(counts) == 1
    return go.Scatter(
        x=counts["bucket"].tolist(),
        y=counts[stage].tolist(),
        customdata=counts[f"{stage}_url"].tolist(),
        mode="lines+markers",
        name=stage.label,
        line={"color": COLOURS[stage], "width": 2},
        marker={
            "symbol": ["circle" if whole else "circle-open" for whole in counts["whole"]],
            "size": [0 if whole and not alone else 7 for whole in counts["whole"]],
        },
        cliponaxis=False,
        hovertemplate=f"%{{y:,}} {stage.label}<extra></extra>",
    )


def _line_before(before: pd.DataFrame, stage: Stage) -> go.Scatter:
    return go.Scatter(
        x=before["bucket"].tolist(),
        y=before[stage].tolist(),
        mode="lines",
        name=f"{stage.label} before",
        line={"color": REFERENCE, "width": 1.5, "dash": "dot"},
        hovertemplate=f"%{{y:,}} {stage.label} before<extra></extra>",
    )


def _dates(buckets: list[dt.date], *, monthly: bool) -> dict[str, Any]:
    """An axis from the first bucket to the last, with few enough labels for a phone."""
    ticks = buckets[:: math.ceil(len(buckets) / MOST_LABELS)]
    return {
        "type": "date",
        "showgrid": False,
        "range": [buckets[0], buckets[-1]] if len(buckets) > 1 else None,
        "tickvals": ticks,
        "ticktext": [f"{tick:%b %Y}" if monthly else f"{tick.day} {tick:%b}" for tick in ticks],
        "tickangle": 0,
    }


def _end_labels(counts: pd.DataFrame, stages: Sequence[Stage], top: int) -> list[dict[str, Any]]:
    """The last figure of each line at its end, pushed apart where lines end close together."""
    if not len(counts):
        return []
    ends = sorted(((int(counts[stage].iloc[-1]), stage) for stage in stages), key=lambda end: end[0])
    least = top * 0.085
    heights: list[float] = []
    for value, _ in ends:
        heights.append(max(value, heights[-1] + least) if heights else value)
    last = counts["bucket"].iloc[-1]
    return [
        {
            "x": last,
            "y": height,
            "text": f"<b>{value:,}</b> {stage.label}",
            "xanchor": "left",
            "xshift": 6,
            "showarrow": False,
            "font": LABEL,
        }
        for (value, stage), height in zip(ends, heights, strict=True)
    ]


def stage_times(times: pd.DataFrame) -> go.Figure | None:
    """One lying box a step: p25 to p75 with the median, whiskers p10 to p90, in days on a log axis.

    times: label, stage (whose colour it takes), said (the median in words), p10, p25, median, p75, p90, in the order
    from top to bottom. Steps without a median are left out; without any there is no figure.
    """
    known = times[times["median"].notna()]
    if known.empty:
        return None
    traces, labels = [], []
    for step in known.iloc[::-1].to_dict("records"):
        traces.append(
            go.Box(
                orientation="h",
                y=[step["label"]],
                lowerfence=[max(step["p10"], MINUTE)],
                q1=[max(step["p25"], MINUTE)],
                median=[max(step["median"], MINUTE)],
                q3=[max(step["p75"], MINUTE)],
                upperfence=[max(step["p90"], MINUTE)],
                line={"color": COLOURS[step["stage"]], "width": 1.5},
                fillcolor="var(--dc-sunken)",
                width=0.55,
                hoverinfo="skip",
            )
        )
        labels.append(
            {
                "xref": "paper",
                "x": 1,
                "xanchor": "left",
                "xshift": 6,
                "y": step["label"],
                "text": f"<b>{step['said']}</b>",
                "showarrow": False,
                "font": LABEL,
            }
        )
    low = math.log10(max(known["p10"].min(), MINUTE)) - 0.15
    high = math.log10(max(known["p90"].max(), MINUTE * 10)) + 0.1
    ticks = _time_ticks(low, high)
    layout = {
        "template": None,
        "margin": {"l": 84, "r": 54, "t": 4, "b": 22},
        "xaxis": {
            "type": "log",
            "range": [low, high],
            "tickvals": [at for at, _ in ticks],
            "ticktext": [words for _, words in ticks],
            "tickangle": 0,
        },
        "yaxis": {"showgrid": False, "ticks": ""},
        "annotations": labels,
    }
    return go.Figure(traces, layout=layout)


def _time_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """The times to write below an axis from 10^low to 10^high days, far enough apart to be read on a phone."""
    ticks: list[tuple[float, str]] = []
    for at, words in TIME_TICKS:
        place = math.log10(at)
        if low <= place <= high and (not ticks or place - math.log10(ticks[-1][0]) >= 0.13 * (high - low)):
            ticks.append((at, words))
    return ticks
