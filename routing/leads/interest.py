"""Interest over time: a person's curve with its steps and its fall ahead, and what each touch added. Pure."""

import math
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from django.utils import timezone
from numpy.typing import NDArray

from routing.hours.countdown import moment_words
from scoring.decay import silence
from scoring.parts import Parts

Floats = NDArray[np.float64]

LONGEST_PAST: Final = timedelta(days=180)
SHORTEST_PAST: Final = timedelta(days=21)
LONGEST_AHEAD: Final = timedelta(days=60)
SHORTEST_AHEAD: Final = timedelta(days=10)
GRID: Final = 90  # moments before now, and half as many ahead
MOST_STEPS: Final = 120  # touches whose step is drawn exactly, the latest
BEFORE: Final = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Added:
    """What a touch added: points as its rules give them, what of it counted after caps, interest right after it."""

    points: float
    counted: float
    interest: float

    @property
    def held_back(self) -> bool:
        """Whether a cap, or points below zero, took a part that can be seen."""
        return self.points - self.counted >= 0.05


def interest_at(parts: Parts, moments: Collection[float] | Floats) -> Floats:
    """Interest at each of these moments (seconds since 1970), past or to come, from what had happened by then.

    What a baseline takes off later still counts before it.
    """
    at = np.asarray(list(moments), dtype=float)
    raw = np.zeros((len(at), len(parts.policy.interest)))
    baseline = parts.evidence.baseline_at.timestamp() if parts.evidence.baseline_at else math.inf
    for place, terms in enumerate(parts.policy.interest):
        earned = [one for one in parts.earned if one.rule.category == place and one.lost != "limit"]
        if not earned:
            continue
        points = np.array([one.rule.points for one in earned])
        came = np.array([one.touch.moment for one in earned])
        start = np.array([one.start for one in earned])
        ends = np.array([min(one.until, baseline) if one.lost else one.until for one in earned])
        fades = np.array(
            [0.0 if one.in_window or math.isinf(terms.half_life) else 1 / terms.half_life for one in earned]
        )
        counts = (came <= at[:, None]) & (at[:, None] < ends)
        ages = np.clip((at[:, None] - start) * fades, 0.0, 1000.0)
        raw[:, place] = np.where(counts, points * np.exp2(-ages), 0.0).sum(axis=1)
    raw += silence(parts.policy.curve, _last_before(parts, at), at)
    return np.minimum(parts.policy.curve.caps, np.maximum(0.0, raw)).sum(axis=1)


def added_by(parts: Parts, activity_ids: Collection[int]) -> dict[int, Added]:
    """What each of these touches added, for those that a rule matched. Touches of one moment share its step."""
    wanted = set(activity_ids)
    points: dict[int, float] = defaultdict(float)
    moments: dict[int, float] = {}
    together: dict[float, float] = defaultdict(float)
    for one in parts.earned:
        worth = 0.0 if one.lost == "limit" else one.rule.points
        together[one.touch.moment] += worth
        if one.touch.id in wanted:
            points[one.touch.id] += worth
            moments[one.touch.id] = one.touch.moment
    ids = list(points)
    after = interest_at(parts, [moments[pk] for pk in ids])
    before = interest_at(parts, [moments[pk] - BEFORE for pk in ids])
    added = {}
    for pk, now, then in zip(ids, after, before, strict=True):
        whole = together[moments[pk]]
        share = points[pk] / whole if whole else 0.0
        added[pk] = Added(points[pk], float(now - then) * share, float(now))
    return added


def curve(
    parts: Parts, *, now: datetime, since: datetime, crossing: datetime | None, mql_at: datetime | None
) -> dict[str, Any]:
    """The figure: interest until now in steps, its fall ahead dotted, threshold and exit level, the next crossing.

    since: the lead's beginning; crossing: when it next passes the threshold. Times in the viewer's zone.
    """
    start, end = _span(parts, now=now, since=since, crossing=crossing)
    here = now.timestamp()
    past = _past_moments(parts, start, here)
    ahead = np.linspace(here, end, GRID // 2)
    past_values, ahead_values = interest_at(parts, past), interest_at(parts, ahead)
    top = max(parts.policy.threshold * 1.25, float(past_values.max(initial=0.0)) * 1.15, 10.0)
    data = [
        _line(past, past_values, "%{y:.1f} at %{x|%a %-d %b %H:%M}"),
        _line(ahead, ahead_values, "%{y:.1f} at %{x|%a %-d %b %H:%M}, without a new touch", dash="dot"),
    ]
    shapes = [
        _level(parts.policy.threshold),
        _level(parts.policy.exit_level, dash="dot"),
        {
            "type": "line",
            "x0": _x(here),
            "x1": _x(here),
            "y0": 0,
            "y1": top,
            "line": {"color": "var(--dc-line-2)", "width": 1},
        },
    ]
    notes = [
        _label(parts.policy.threshold, f"Threshold {parts.policy.threshold:g}"),
        _label(parts.policy.exit_level, f"Exit level {parts.policy.exit_level:g}"),
        {
            "x": _x(here), "y": 0, "yanchor": "bottom", "text": f"now {ahead_values[0]:.1f}",
            "xanchor": "left", "xshift": 3, "showarrow": False, "font": {"color": "var(--dc-ink)"},
        },
    ]  # fmt: skip
    if crossing is not None and here < crossing.timestamp() <= end:
        data.append(_mark(crossing, parts.policy.threshold))
        notes.append(_flag(crossing, parts.policy.threshold, moment_words(crossing, now=now), "warn", ax=28, ay=-26))
    if mql_at is not None and start <= mql_at.timestamp() <= here:
        level = float(interest_at(parts, [mql_at.timestamp()])[0])
        notes.append(_flag(mql_at, level, "MQL", "mql", ax=-26, ay=-12))
    layout = {
        "template": None,
        "margin": {"l": 28, "r": 86, "t": 8, "b": 22},
        "xaxis": {
            "type": "date",
            "range": [_x(start), _x(end)],
            "tickformat": "%-d %b",
            "nticks": 6,
            "showgrid": False,
        },
        "yaxis": {"range": [0, top], "nticks": 4},
        "shapes": shapes,
        "annotations": notes,
    }
    return {"data": data, "layout": layout}


def _last_before(parts: Parts, at: Floats) -> Floats:
    """The latest touch from them at or before each moment; nan for none."""
    moments = np.array(sorted(touch.moment for touch in parts.evidence.touches if touch.from_them))
    places = np.searchsorted(moments, at, side="right") - 1
    return np.where(places >= 0, moments[np.maximum(places, 0)] if len(moments) else np.nan, np.nan)


def _span(parts: Parts, *, now: datetime, since: datetime, crossing: datetime | None) -> tuple[float, float]:
    first = min((touch.occurred_at for touch in parts.evidence.touches), default=now)
    start = min(max(min(since, first), now - LONGEST_PAST), now - SHORTEST_PAST)
    end = max((crossing - now) * 1.6 if crossing else SHORTEST_AHEAD, SHORTEST_AHEAD)
    return (start - (now - start) * 0.04).timestamp(), (now + min(end, LONGEST_AHEAD)).timestamp()


def _past_moments(parts: Parts, start: float, here: float) -> Floats:
    """A grid with a moment right before and at every step."""
    steps = sorted({one.touch.moment for one in parts.earned if start < one.touch.moment <= here})[-MOST_STEPS:]
    exact = [moment for step in steps for moment in (step - BEFORE, step)]
    return np.array(sorted({*np.linspace(start, here, GRID), *exact}))


def _x(moment: float) -> str:
    return timezone.localtime(datetime.fromtimestamp(moment, UTC)).strftime("%Y-%m-%dT%H:%M:%S")


def _line(moments: Floats, values: Floats, hover: str, *, dash: str = "solid") -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [_x(moment) for moment in moments],
        "y": [round(float(value), 2) for value in values],
        "line": {"color": "var(--dc-accent)", "width": 2, "dash": dash},
        "hovertemplate": f"{hover}<extra></extra>",
    }


def _mark(moment: datetime, level: float) -> dict[str, Any]:
    line = {"color": "var(--dc-warn)", "width": 2}
    return {
        "type": "scatter", "mode": "markers", "x": [_x(moment.timestamp())], "y": [level], "hoverinfo": "skip",
        "marker": {"color": "var(--dc-surface)", "size": 8, "line": line},
    }  # fmt: skip


def _level(level: float, dash: str = "solid") -> dict[str, Any]:
    line = {"color": "var(--dc-ink-3)", "width": 1, "dash": dash}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "line": line}


def _label(level: float, text: str) -> dict[str, Any]:
    return {
        "xref": "paper", "x": 1, "xanchor": "left", "xshift": 5, "y": level, "yanchor": "middle",
        "text": text, "showarrow": False, "font": {"color": "var(--dc-ink-2)"},
    }  # fmt: skip


def _flag(moment: datetime, level: float, text: str, colour: str, *, ax: int, ay: int) -> dict[str, Any]:
    return {
        "x": _x(moment.timestamp()), "y": level, "ax": ax, "ay": ay, "text": f"<b>{text}</b>", "arrowhead": 0,
        "arrowwidth": 1, "arrowcolor": f"var(--dc-{colour})", "standoff": 4, "font": {"color": f"var(--dc-{colour})"},
    }  # fmt: skip
