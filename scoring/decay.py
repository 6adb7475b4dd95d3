"""Forward decay: what accumulated points are worth at a moment, and when that next falls below a level. Pure.

Points of half-life h earned at t are accumulated as p * 2^((t - L)/h), L being the landmark of the model version, so
that adding commutes; at T they are worth acc * 2^(-(T - L)/h). Between reviews (a window runs out, a silence grows)
interest only falls, hence the moment of the next change can be told in advance.

Shapes: n people, c interest categories in the order of the version. Times are seconds since 1970 (UTC), spans seconds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY = 86_400.0
MOST_DOUBLINGS = 500.0  # a touch of another century must neither overflow nor underflow
DECIMALS = 6  # scores are compared with levels after rounding to so many
FARTHEST = 100 * 365.25 * DAY  # no review is planned further ahead
_HALF = 0.5 * 10.0**-DECIMALS
_EXACT = 0.01  # seconds, of a bisection


@dataclass(frozen=True, slots=True, eq=False)
class Silence:
    """Points lost in a category after so long without a touch from them; again every so often (inf: once)."""

    category: int
    points: float
    after: float
    every: float = np.inf


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """How the interest of one model version behaves in time.

    half_lives: a category's, inf where nothing decays. caps: inf where there is none. levels: what interest may fall
    below with consequences, ascending and positive.
    """

    landmark: float
    half_lives: Floats
    caps: Floats
    levels: Floats
    silences: tuple[Silence, ...] = ()

    @property
    def decays(self) -> NDArray[np.bool_]:
        return np.isfinite(self.half_lives)


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """What n people have: accumulated above their baseline and in windows that are open (n, c), and who is how silent.

    last_at: the latest touch from each, nan for none. expires_at: when the next of the windows runs out, nan for never.
    """

    above: Floats
    windows: Floats
    last_at: Floats
    expires_at: Floats


def growth(moments: Floats, half_life: Floats | float, landmark: float) -> Floats:
    """What a point earned at these moments weighs in an accumulator; 1 where nothing decays."""
    return np.exp2(np.clip((moments - landmark) / half_life, -MOST_DOUBLINGS, MOST_DOUBLINGS))


def held(curve: Curve, points: Points, at: Floats | float) -> Floats:
    """What each category counts at a moment (n, c): decayed, silence taken off, not below zero, not above its cap."""
    return clamp(curve, _worth(curve, points.above, at) + points.windows + silence(curve, points.last_at, at))


def interest(curve: Curve, points: Points, at: Floats | float) -> Floats:
    """The interest of each person at a moment (n): the sum of what the categories count."""
    return held(curve, points, at).sum(axis=1)


def silence(curve: Curve, last_at: Floats, at: Floats | float) -> Floats:
    """The points that silence has taken by a moment (n, c), zero or less."""
    lost = np.zeros((len(last_at), len(curve.caps)))
    for rule in curve.silences:
        lost[:, rule.category] += rule.points * _steps(rule, last_at, at)
    return lost


def rounded(scores: Floats) -> Floats:
    """Scores as they are compared with a level."""
    return np.round(scores, DECIMALS)


def next_review(curve: Curve, points: Points, at: Floats, due: Floats) -> Floats:
    """When each person's grade, band or eligibility may next become another (n); nan for never.

    The earliest of: interest falls below a level, a window runs out, a silence grows, `due` (the end of a cool-down,
    nan for none). Always a whole second after `at`, so that at the review the change is there.
    """
    worth = _worth(curve, points.above, at)
    lost = silence(curve, points.last_at, at)
    values = worth + points.windows + lost
    moments = np.fmin(points.expires_at, due)
    moments = np.fmin(moments, _next_silence(curve, values, points.last_at, at))
    moments = np.fmin(moments, at + _next_crossing(curve, worth, points.windows, lost))
    moments = np.maximum(np.floor(moments), np.floor(at)) + 1  # keeps nan
    return np.where(moments < at + FARTHEST, moments, np.nan)


def _worth(curve: Curve, above: Floats, at: Floats | float) -> Floats:
    moments = np.broadcast_to(np.asarray(at, dtype=float), (len(above),))[:, None]
    return above * np.exp2(
        np.clip((curve.landmark - moments) / curve.half_lives[None, :], -MOST_DOUBLINGS, MOST_DOUBLINGS)
    )


def clamp(curve: Curve, values: Floats) -> Floats:
    """What of the categories' sums counts (n, c): not less than nothing, not more than each one's cap."""
    return np.minimum(curve.caps, np.maximum(0.0, values))


def _steps(rule: Silence, last_at: Floats, at: Floats | float) -> Floats:
    """How many times the rule has taken its points by then."""
    over = np.nan_to_num(at - last_at - rule.after, nan=-1.0, posinf=-1.0)
    return np.where(over >= 0, 1 + np.floor(over / rule.every), 0.0)


def _next_silence(curve: Curve, values: Floats, last_at: Floats, at: Floats) -> Floats:
    """When a silence next takes points that are there to be taken; nan for never."""
    moments = np.full(len(last_at), np.nan)
    for rule in curve.silences:
        taken = _steps(rule, last_at, at)
        following = np.where(taken > 0, taken * rule.every if np.isfinite(rule.every) else np.nan, 0.0)
        matters = (values[:, rule.category] > 0) & (rule.points < 0)
        moments = np.fmin(moments, np.where(matters, last_at + rule.after + following, np.nan))
    return moments


def _next_crossing(curve: Curve, worth: Floats, windows: Floats, lost: Floats) -> Floats:
    """Seconds until interest falls below the highest level it is at now, windows and silences staying as they are.

    Nan for never. Closed form where all categories that hold anything have one half-life, bisection otherwise.
    """
    fades = curve.decays
    still = clamp(curve, worth + windows + lost)
    fixed = still[:, ~fades].sum(axis=1)
    place = np.searchsorted(curve.levels, rounded(still.sum(axis=1)), side="right") - 1
    goals = np.where(place >= 0, curve.levels[place] if len(curve.levels) else np.nan, np.nan) - _HALF - fixed
    spans = np.full(len(worth), np.nan)
    values, offsets = worth[:, fades], (windows + lost)[:, fades]
    half_lives, caps = curve.half_lives[fades], curve.caps[fades]
    falls = np.nan_to_num(goals, nan=-1.0) > 0
    alive = (values > 0) & falls[:, None]
    falls &= alive.any(axis=1)
    longest = np.where(alive, half_lives, -np.inf).max(axis=1, initial=-np.inf)
    shortest = np.where(alive, half_lives, np.inf).min(axis=1, initial=np.inf)
    for chosen, solve in ((falls & (longest == shortest), _closed_form), (falls & (longest > shortest), _bisect)):
        if chosen.any():
            spans[chosen] = solve(
                np.maximum(values[chosen], 0.0),
                offsets[chosen],
                caps=caps,
                half_lives=longest[chosen, None] if solve is _closed_form else half_lives,
                goals=goals[chosen],
            )
    return spans


def _closed_form(values: Floats, offsets: Floats, *, caps: Floats, half_lives: Floats, goals: Floats) -> Floats:
    """Seconds until the sum falls to the goal. half_lives: the one of each person (n, 1).

    With y = 2^(-t/h) the sum is a line in pieces: a category counts nothing below one y and its cap above another.
    Between the two ends of the piece that meets the goal, y follows by proportion.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        begins = np.where(values > 0, -offsets / values, 1.0)
        fills = np.where(values > 0, (caps - offsets) / values, 1.0)
    ends = np.ones((len(values), 1))
    knots = np.sort(np.clip(np.concatenate([0 * ends, begins, fills, ends], axis=1), 0.0, 1.0), axis=1)
    sums = np.minimum(caps, np.maximum(0.0, values[:, None, :] * knots[:, :, None] + offsets[:, None, :])).sum(axis=2)
    low = np.minimum((sums < goals[:, None]).sum(axis=1) - 1, knots.shape[1] - 2)[:, None]
    low_y, high_y = (np.take_along_axis(knots, low + k, axis=1)[:, 0] for k in (0, 1))
    low_sum, high_sum = (np.take_along_axis(sums, low + k, axis=1)[:, 0] for k in (0, 1))
    y = low_y + (goals - low_sum) / (high_sum - low_sum) * (high_y - low_y)
    return np.maximum(0.0, -half_lives[:, 0] * np.log2(y))


def _bisect(values: Floats, offsets: Floats, *, caps: Floats, half_lives: Floats, goals: Floats) -> Floats:
    """The same by halving an interval at whose end everything is worth less than the goal. half_lives: (c)."""
    near = np.zeros(len(values))
    far = np.where(values > 0, half_lives, 0.0).max(axis=1) * np.maximum(np.log2(values.sum(axis=1) / goals), 0.0) + 1.0
    while (far - near).max() > _EXACT:
        middle = (near + far) / 2
        faded = values * np.exp2(-middle[:, None] / half_lives) + offsets
        above = np.minimum(caps, np.maximum(0.0, faded)).sum(axis=1) >= goals
        near, far = np.where(above, middle, near), np.where(above, far, middle)
    return far
