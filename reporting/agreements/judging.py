"""Whether a promise was kept in a period. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reporting.models.agreements import Target
from reporting.numbers import FEW_BELOW, HIDDEN_BELOW


class Verdict(StrEnum):
    MET = "met"
    MISSED = "missed"
    SO_FAR = "so_far"  # the period runs still, or its leads have not had their time
    FEW = "few"  # too small a number to tell
    NO_DATA = "no_data"


WORDS: Final = {
    Verdict.MET: "met",
    Verdict.MISSED: "missed",
    Verdict.SO_FAR: "so far",
    Verdict.FEW: "too few to tell",
    Verdict.NO_DATA: "no data",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """What a measure came to. value: as the target's; None is no data. n: what a rate or mean is of, None for counts.

    k: of them, for rates; low, high: the 95 % interval of a rate.
    """

    value: float | None
    n: int | None = None
    k: int | None = None
    low: float | None = None
    high: float | None = None

    @property
    def is_few(self) -> bool:
        """A small sample: the interval is the message (domain.md 3.7)."""
        return self.n is not None and 0 < self.n < FEW_BELOW

    @property
    def is_hidden(self) -> bool:
        """So small that a rate or mean says nothing."""
        return self.n is not None and 0 < self.n < HIDDEN_BELOW


def judge(direction: str, promised: float, actual: Actual, *, final: bool) -> Verdict:
    """Whether the promise was kept. final: the period is over, and all that belongs to it had the time to happen.

    Before that only a count can be decided, where what is still to come cannot change it: enough is enough, and too
    many are too many.
    """
    if actual.value is None:
        return Verdict.NO_DATA if final else Verdict.SO_FAR
    if actual.is_hidden:
        return Verdict.FEW if final else Verdict.SO_FAR
    at_least = direction == Target.Direction.LEAST
    holds = actual.value >= promised if at_least else actual.value <= promised
    if final or (actual.n is None and holds == at_least):
        return Verdict.MET if holds else Verdict.MISSED
    return Verdict.SO_FAR
