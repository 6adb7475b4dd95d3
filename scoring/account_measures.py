"""What the people of many accounts come to together at a moment, and when that will next be another."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from scoring import contributions, states
from scoring.decay import DAY, Floats, Points, interest
from scoring.engagement import WEEK, WEEKS_BEFORE, Engagement, Places, engage, is_over, momentum
from scoring.policy import Policy

Ids = NDArray[np.int64]

FADED: Final = 1.0  # engagement below which nobody needs to look again tomorrow
_HALVINGS: Final = 17  # of a day: to the second
_MEMBERS: Final = """
SELECT p.id, p.account_id, p.title
FROM funnel_person p JOIN scoring_score s ON s.person_id = p.id AND s.model_id = %s
WHERE p.account_id = ANY(%s) ORDER BY p.id
"""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """n accounts at a moment. members: ids of their people, with the place of each one's account and role, and points.

    weeks (n, 2): points earned this week and in a week before. last_at, next_at (n): nan for none; seconds since 1970.
    """

    accounts: Ids
    tiers: list[int | None]
    engagement: Engagement
    thresholds: Floats
    weeks: Floats
    last_at: Floats
    next_at: Floats
    members: Ids
    groups: Places
    roles: Places
    interest: Floats

    @property
    def over(self) -> NDArray[np.bool_]:
        return is_over(self.engagement.score, self.thresholds)


def measure(policy: Policy, accounts: Ids, *, now: datetime) -> Measured:
    """What the people of these accounts (sorted) come to at a moment. Five statements."""
    at = now.timestamp()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, tier FROM funnel_account WHERE id = ANY(%s)", [accounts.tolist()])
        tiers = dict(cursor.fetchall())
        cursor.execute(_MEMBERS, [policy.id, accounts.tolist()])
        rows = cursor.fetchall()
    members = np.array([pk for pk, _account, _title in rows], dtype=np.int64)
    groups = np.searchsorted(accounts, np.array([account for _pk, account, _title in rows], dtype=np.int64))
    roles = np.array([policy.accounts.place_of(title) for _pk, _account, title in rows], dtype=np.intp)
    known = states.read(policy, members)
    points = states.points_of(policy, known, at)
    shown = interest(policy.curve, points, at)
    today = int(at // DAY)
    earned = contributions.earned(policy, members, today - WEEK * (1 + WEEKS_BEFORE) + 1, baselines=known.baseline_at)
    whose = groups[np.searchsorted(members, earned.people)] if len(members) else groups
    count = len(accounts)
    last_at = np.full(count, -np.inf)
    np.maximum.at(last_at, groups, known.last_at)
    levels = np.array([policy.accounts.threshold_of(tiers.get(pk)) for pk in accounts.tolist()])
    together = engage(policy.accounts.weights, groups, roles, shown, count=count)
    weeks = momentum(whose, earned.days, earned.points, today=today, count=count)
    return Measured(
        accounts=accounts,
        tiers=[tiers.get(pk) for pk in accounts.tolist()],
        engagement=together,
        thresholds=levels,
        weeks=weeks,
        last_at=np.where(np.isfinite(last_at), last_at, np.nan),
        next_at=_next(_Group(policy, groups, roles, points, count), together.score, weeks, levels, at),
        members=members,
        groups=groups,
        roles=roles,
        interest=shown,
    )


# --- what comes next ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """People in groups, whose engagement can be told at any moment at which nothing new has happened."""

    policy: Policy
    groups: Places
    roles: Places
    points: Points
    count: int

    def at(self, moments: Floats) -> Floats:
        """The engagement of each group at its own moment."""
        held = interest(self.policy.curve, self.points, moments[self.groups])
        return engage(self.policy.accounts.weights, self.groups, self.roles, held, count=self.count).score


def _next(group: _Group, score: Floats, weeks: Floats, levels: Floats, at: float) -> Floats:
    """When to look at each account again: as it falls below its threshold within a day, as a window of its people
    runs out, else in a day, as its week is another then; nan once there is nothing left that changes.
    """
    tomorrow = np.full(group.count, at + DAY)
    falls = is_over(score, levels) & ~is_over(group.at(tomorrow), levels)
    moments = tomorrow.copy()
    if falls.any():
        low, high = np.full(group.count, at), tomorrow.copy()
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            over = is_over(group.at(middle), levels)
            low, high = np.where(over, middle, low), np.where(over, high, middle)
        moments = np.where(falls, high, moments)
    opens = np.full(group.count, np.nan)
    np.fmin.at(opens, group.groups, group.points.expires_at)
    changes = (score >= FADED) | (weeks > 0).any(axis=1) | np.isfinite(opens)
    return np.where(changes, np.floor(np.fmin(moments, opens)) + 1, np.nan)
