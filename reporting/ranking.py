"""How well a score tells apart what converted from what did not, as pure arithmetic over counts by score."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Counts:
    """scores: different values, rising; leads and converted: how many of each."""

    scores: NDArray[np.float64]
    leads: NDArray[np.int64]
    converted: NDArray[np.int64]

    def at_least(self, threshold: float) -> tuple[int, int]:
        """How many have this score or more, and how many of them converted."""
        reached = self.scores >= threshold
        return int(self.leads[reached].sum()), int(self.converted[reached].sum())

    def mean(self) -> float | None:
        """The mean score; None without leads."""
        count = int(self.leads.sum())
        return float(self.scores @ self.leads) / count if count else None

    def auc(self) -> float | None:
        """The chance that somebody who converted has the higher score of two, one of each kind; ties count half.

        The area under the ROC curve, by the Mann-Whitney statistic. None where one kind is missing.
        """
        hits, misses = self.converted, self.leads - self.converted
        pairs = int(hits.sum()) * int(misses.sum())
        if not pairs:
            return None
        below = np.cumsum(misses) - misses
        twice = int((hits * (2 * below + misses)).sum())  # whole numbers, so that the order of sums does not matter
        return twice / (2 * pairs)


def counts(rows: Sequence[tuple[float, int, int]]) -> Counts:
    """From (score, leads, converted) in any order, each score once."""
    ordered = sorted(rows)
    columns = list(zip(*ordered, strict=True)) if ordered else [(), (), ()]
    return Counts(
        np.array(columns[0], dtype=np.float64),
        np.array(columns[1], dtype=np.int64),
        np.array(columns[2], dtype=np.int64),
    )
