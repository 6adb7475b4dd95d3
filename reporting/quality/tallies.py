"""What became of a set of MQLs, as counts, and how two sets differ. Pure.

Each rate has the MQLs that are old enough for it (domain.md 3.5): a young one is a "not yet", not a "no".
"""

from dataclasses import dataclass, fields

from funnel.intervals import difference, wilson
from reporting.numbers import FEW_BELOW

DECIDED_AFTER = 14  # days an MQL is given to be accepted or rejected
SQL_WITHIN = 59  # days to become an SQL: those, and 45 for the step from SAL
WON_WITHIN = 209  # days to be won: those, and 30 and 120 for the steps after

Interval = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts of MQLs. decided: accepted or rejected, of those old enough (`old`); sql_of, won_of: old enough for each.

    known: those of which the latest replay tells the score at the moment; by_hand: of them, made by a raised hand.
    """

    made: int = 0
    known: int = 0
    by_hand: int = 0
    old: int = 0
    decided: int = 0
    accepted: int = 0
    sql_of: int = 0
    sql: int = 0
    won_of: int = 0
    won: int = 0

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(**{one.name: getattr(self, one.name) - getattr(other, one.name) for one in fields(self)})

    @property
    def rejected(self) -> int:
        return self.decided - self.accepted

    @property
    def acceptance(self) -> float | None:
        return share(self.accepted, self.decided)

    @property
    def accepted_between(self) -> Interval:
        return wilson(self.accepted, self.decided)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenth:
    """About a tenth of the MQLs by their interest: above one number of points, up to another; their mean."""

    above: float | None
    upto: float | None
    mean: float
    tally: Tally


def share(k: int, n: int) -> float | None:
    """k / n, None without n."""
    return k / n if n else None


def lift(k: int, n: int, base_k: int, base_n: int) -> float | None:
    """How many times the base's rate this one is; None where either is not known or the base is nought."""
    one, base = share(k, n), share(base_k, base_n)
    return one / base if one is not None and base else None


def apart(one: Tally, other: Tally) -> Interval:
    """The interval of the difference in acceptance, the first minus the second."""
    return difference(one.accepted, one.decided, other.accepted, other.decided)


def certain(between: Interval) -> float:
    """How far an interval of a difference keeps from nought, with its sign; 0 where it holds nought or is not known."""
    low, high = between
    if low is None or high is None:
        return 0.0
    return low if low > 0 else high if high < 0 else 0.0


def is_enough(*many: Tally) -> bool:
    """Each of them has so many decisions that it may be ranked (domain.md 3.7)."""
    return all(one.decided >= FEW_BELOW for one in many)
