"""The reliability of a prediction as a plotly figure. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from funnel.intervals import wilson


def reliability(tenths: Sequence[Mapping[str, Any]]) -> go.Figure | None:
    """What was said of each tenth of leads against what came, with 95 % intervals; None without leads.

    tenths: n, k, mean as `scoring.predictive.evaluation.evaluate` tells them. On the diagonal it meant what it said.
    """
    if not tenths:
        return None
    shares = [tenth["k"] / tenth["n"] for tenth in tenths]
    bounds = [wilson(tenth["k"], tenth["n"]) for tenth in tenths]
    top = min(1.0, 1.1 * max(*(tenth["mean"] for tenth in tenths), *(high or 0 for _, high in bounds)))
    axis: dict[str, Any] = {"range": [0, top], "tickformat": ".0%", "nticks": 6}
    diagonal = go.Scatter(
        x=[0, top],
        y=[0, top],
        mode="lines",
        line={"color": "var(--dc-mark)", "width": 1.5, "dash": "dot"},
        hoverinfo="skip",
    )
    came = go.Scatter(
        x=[tenth["mean"] for tenth in tenths],
        y=shares,
        mode="markers",
        marker={"color": "var(--dc-accent)", "size": 7},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [(high or 0) - share for (_, high), share in zip(bounds, shares, strict=True)],
            "arrayminus": [share - (low or 0) for (low, _), share in zip(bounds, shares, strict=True)],
            "color": "var(--dc-accent)",
            "thickness": 1,
            "width": 3,
        },
        text=[f"{tenth['k']:,} / {tenth['n']:,}" for tenth in tenths],
        hovertemplate="said %{x:.0%}, came %{y:.1%} = %{text}<extra></extra>",
        cliponaxis=False,
    )
    layout = {
        "template": None,
        "margin": {"l": 44, "r": 14, "t": 8, "b": 36},
        "xaxis": axis | {"title": {"text": "likelihood said", "standoff": 6}},
        "yaxis": axis | {"title": {"text": "came to it", "standoff": 6}},
    }
    return go.Figure([diagonal, came], layout=layout)
