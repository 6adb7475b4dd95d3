"""How engaged people are together: those of an account, or those who buy together. Pure: no database, no clock.

    engagement = min(100, sum over roles of weight x min(cap, sum of the interest of those in the role))

domain.md 7.5. A cap a role keeps a big company from being engaged by its size alone: twenty readers in one role are not
a decision. Everything is worked out for many groups at once; one group is a set of one.

Shapes: n groups, r roles in the order of the terms, m members of any group.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.decay import Floats, rounded

Places = NDArray[np.intp]

MOST = 100.0
WEEK = 7  # days
WEEKS_BEFORE = 3  # whose mean a week is held against


@dataclass(frozen=True, slots=True)
class RoleTerms:
    """A role. cap: the most interest that counts of everybody in it together. weight: of what counts."""

    role: str
    weight: float
    cap: float
    counts_as_breadth: bool = True


@dataclass(frozen=True, slots=True)
class Weights:
    """The roles, and from how much interest on somebody counts as engaged."""

    roles: tuple[RoleTerms, ...]
    engaged_from: float


@dataclass(frozen=True, slots=True, eq=False)
class Engagement:
    """What members come to, by group.

    score (n): 0 to 100. points, counted (n, r): the interest of those in the role, and what of it counts. adds (n, r):
    what the role adds to the score before the limit of 100. depth (n): all interest, before caps and weights. people
    (n): members who are engaged. breadth (n): distinct roles with somebody engaged, those that say nothing left out.
    """

    score: Floats
    points: Floats
    counted: Floats
    adds: Floats
    depth: Floats
    people: Places
    breadth: Places


def engage(weights: Weights, groups: Places, roles: Places, interest: Floats, *, count: int) -> Engagement:
    """The engagement of `count` groups. groups, roles, interest (m): each member's place, role and points now.

    The order of members makes no difference. Interest below zero counts as none.
    """
    held = np.maximum(interest, 0.0)
    shape = (count, len(weights.roles))
    points, engaged = np.zeros(shape), np.zeros(shape, dtype=np.intp)
    np.add.at(points, (groups, roles), held)
    np.add.at(engaged, (groups, roles), (rounded(held) >= weights.engaged_from).astype(np.intp))
    counted = np.minimum(points, np.array([terms.cap for terms in weights.roles]))
    adds = counted * np.array([terms.weight for terms in weights.roles])
    says = np.array([terms.counts_as_breadth for terms in weights.roles], dtype=bool)
    return Engagement(
        score=np.minimum(adds.sum(axis=1), MOST),
        points=points,
        counted=counted,
        adds=adds,
        depth=points.sum(axis=1),
        people=engaged.sum(axis=1),
        breadth=(engaged[:, says] > 0).sum(axis=1),
    )


def is_over(score: Floats, thresholds: Floats) -> NDArray[np.bool_]:
    """Whether each score is at its threshold, compared as everywhere."""
    over: NDArray[np.bool_] = rounded(score) >= thresholds
    return over


def momentum(groups: Places, days: NDArray[np.integer], points: Floats, *, today: int, count: int) -> Floats:
    """Points earned this week and, as a mean, in the three before (n, 2). days, points (m): what was earned when.

    Days are counted since 1970 (UTC); this week is today and the six days before. What is older is left out.
    """
    weeks = by_week(groups, days, points, today=today, count=count, weeks=1 + WEEKS_BEFORE)
    return np.stack([weeks[:, -1], weeks[:, :-1].mean(axis=1)], axis=1)


def by_week(groups: Places, days: NDArray[np.integer], points: Floats, *, today: int, count: int, weeks: int) -> Floats:
    """Points by week (n, weeks), the latest last; see `momentum`."""
    sums = np.zeros((count, weeks))
    places = weeks - 1 - (today - days) // WEEK
    inside = (places >= 0) & (days <= today)
    np.add.at(sums, (groups[inside], places[inside]), points[inside])
    return sums
