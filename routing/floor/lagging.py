"""Where a rep lags behind the others of the team, by kind of lead. Pure.

A rep lags where a smaller share of the leads that they accepted became SQLs than of those that the others accepted, and
the whole 95 % interval of the difference says so. Each kind is compared alone: of twenty kinds one may stand out by
chance, so this is a hint, no verdict.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from funnel.intervals import difference

NEEDED: Final = 10  # accepted leads of the rep
NEEDED_OF_OTHERS: Final = 20
MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Made:
    """Leads of one kind, and how far they came."""

    leads: int = 0
    accepted: int = 0
    sqls: int = 0

    @property
    def share(self) -> float:
        """SQLs of what was accepted; 0 where nothing was."""
        return self.sqls / self.accepted if self.accepted else 0.0


@dataclass(frozen=True, slots=True)
class Segment:
    """Leads of one solution or persona: the rep's, and the others'.

    kind: solution or persona; name: "" where it is not known; pk: of the solution.
    """

    kind: str
    name: str
    pk: int | None
    rep: Made
    others: Made

    @property
    def enough(self) -> bool:
        """Whether both have enough accepted leads to be compared."""
        return self.rep.accepted >= NEEDED and self.others.accepted >= NEEDED_OF_OTHERS

    @property
    def behind(self) -> float:
        """How much smaller the rep's share is, of 1; negative where it is larger."""
        return self.others.share - self.rep.share

    @property
    def lags(self) -> bool:
        _, most = difference(self.rep.sqls, self.rep.accepted, self.others.sqls, self.others.accepted)
        return self.enough and most is not None and most < 0


def lagging(segments: Iterable[Segment]) -> list[Segment]:
    """Where the rep lags, the largest difference first; three at most."""
    found = [segment for segment in segments if segment.lags]
    return sorted(found, key=lambda segment: (-segment.behind, segment.kind, segment.name))[:MOST]
