"""Whether more interest means better MQLs: acceptance and SQLs by tenths of interest, and in words. Pure."""

from collections.abc import Sequence
from statistics import NormalDist

import plotly.graph_objects as go

from funnel.intervals import Z_95, difference, wilson
from funnel.templatetags.dc import percent
from reporting.numbers import FEW_BELOW, HIDDEN_BELOW
from reporting.quality.tallies import Tenth, certain

LEAST_GROUPS = 3


def verdict(tenths: Sequence[Tenth]) -> str:
    """Rising, falling, or not to be told, in a sentence with its numbers."""
    groups = [one for one in tenths if one.tally.decided >= HIDDEN_BELOW]
    if len(groups) < LEAST_GROUPS or sum(one.tally.decided for one in groups) < FEW_BELOW:
        return "Too few decided MQLs of known score to say whether more interest means better MQLs."
    first, last = groups[0], groups[-1]
    low, high = percent(first.tally.acceptance, 0), percent(last.tally.acceptance, 0)
    ends = f"{low} accepted {points(first)}, {high} {points(last)}"
    worst = _worst_step_down(groups)
    if worst:
        before, after = worst
        return (
            f"Not monotone: MQLs {points(after)} were accepted less ({_accepted(after)}) than those {points(before)} "
            f"({_accepted(before)}), more than chance explains."
        )
    rates = [one.tally.acceptance or 0.0 for one in groups]
    if _apart(last, first) > 0:
        if rates == sorted(rates):
            return f"Monotone: acceptance rises with interest throughout ({ends})."
        return f"Rising: acceptance grows with interest, with dips that chance explains ({ends})."
    return f"Flat: more interest does not show in acceptance ({ends}; the difference may be chance)."


def _accepted(tenth: Tenth) -> str:
    return f"{percent(tenth.tally.acceptance, 0)}, {tenth.tally.accepted:,} of {tenth.tally.decided:,}"


def _worst_step_down(groups: Sequence[Tenth]) -> tuple[Tenth, Tenth] | None:
    """The two groups of which the one with more interest was accepted less for certain, and most so."""
    # Of many pairs some differ by chance: together they may do so as rarely as one alone would.
    pairs = len(groups) * (len(groups) - 1) / 2
    z = NormalDist().inv_cdf(1 - 0.025 / pairs)
    found = [
        (_apart(after, before, z=z), place, other)
        for place, before in enumerate(groups)
        for other, after in enumerate(groups)
        if other > place
    ]
    least, place, other = min(found)
    return (groups[place], groups[other]) if least < 0 else None


def _apart(one: Tenth, other: Tenth, *, z: float = Z_95) -> float:
    return certain(difference(one.tally.accepted, one.tally.decided, other.tally.accepted, other.tally.decided, z=z))


def points(tenth: Tenth) -> str:
    """Of which interest: with 40 to 44 points."""
    if tenth.above is None:
        return "of any interest" if tenth.upto is None else f"with up to {tenth.upto:.0f} points"
    return (
        f"above {tenth.above:.0f} points"
        if tenth.upto is None
        else f"with {tenth.above:.0f} to {tenth.upto:.0f} points"
    )


def chart(tenths: Sequence[Tenth], urls: Sequence[str], *, base: float | None) -> go.Figure | None:
    """Acceptance with its interval, and SQLs, by mean interest; None without a rate. base: acceptance of all."""
    lines = [
        _line(tenths, urls, "Accepted", "var(--dc-sal)", [(one.tally.accepted, one.tally.decided) for one in tenths]),
        _line(tenths, urls, "SQL", "var(--dc-sql)", [(one.tally.sql, one.tally.sql_of) for one in tenths]),
    ]
    known = [line for line in lines if line is not None]
    if not known:
        return None
    layout = {
        "template": None,
        "margin": {"l": 38, "r": 12, "t": 8, "b": 34},
        "xaxis": {"title": {"text": "Interest at the MQL, mean of each tenth", "standoff": 6}, "showgrid": False},
        "yaxis": {"range": [0, 100], "ticksuffix": " %", "nticks": 5},
        "shapes": []
        if base is None
        else [
            {
                "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": base * 100, "y1": base * 100,
                "line": {"color": "var(--dc-mark)", "width": 1, "dash": "dot"},
            }
        ],
    }  # fmt: skip
    return go.Figure(known, layout=layout)


def _line(
    tenths: Sequence[Tenth], urls: Sequence[str], name: str, colour: str, rates: Sequence[tuple[int, int]]
) -> go.Scatter | None:
    shown = [
        (tenth.mean, k, n, url, *wilson(k, n))
        for tenth, url, (k, n) in zip(tenths, urls, rates, strict=True)
        if n >= HIDDEN_BELOW
    ]
    if not shown:
        return None
    values = [k / n * 100 for _mean, k, n, *_ in shown]
    return go.Scatter(
        x=[mean for mean, *_ in shown],
        y=values,
        customdata=[url for _mean, _k, _n, url, *_ in shown],
        text=[f"{k:,} / {n:,}" for _mean, k, n, *_ in shown],
        mode="lines+markers",
        name=name,
        line={"color": colour, "width": 1.5},
        marker={"size": 6},
        error_y={
            "type": "data", "symmetric": False, "thickness": 1, "width": 3, "color": colour,
            "array": [(high or 0) * 100 - value for value, (*_, high) in zip(values, shown, strict=True)],
            "arrayminus": [value - (low or 0) * 100 for value, (*_, low, _high) in zip(values, shown, strict=True)],
        },
        hovertemplate=f"{name}: %{{y:.0f}} % (%{{text}}) at %{{x:.0f}} points<extra></extra>",
    )  # fmt: skip
