"""A routing policy as a decision needs it: its rules in order, and the methods by which they find somebody. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from funnel.conditions import Compiled
from routing.factors import WEIGHTS

ROUND_ROBIN, LEAST_OPEN, SCORE, OWNER, POOL = "round_robin", "least_open", "score", "owner", "pool"
NEXT, WAIT = "next", ""  # what else may come when a method finds nobody
HOT, ALWAYS, NEVER = "hot", "always", "never"  # who has to be at work for a lead

DEALING: Final = (ROUND_ROBIN, LEAST_OPEN, SCORE)  # methods that choose among the seats of a team


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. otherwise: what comes when the method finds nobody; demands: what of a lead a rep has to serve.

    broken: its condition can no longer be read, as after an upgrade that took a field away. Every lead that comes so
    far in the list meets it, since nobody knows whether it should go on to the rules behind.
    """

    name: str
    team_id: int
    condition: Compiled
    method: str = ROUND_ROBIN
    otherwise: str = WAIT
    at_work: str = HOT
    demands: frozenset[str] = frozenset()
    broken: bool = False

    @property
    def steps(self) -> tuple[str, ...]:
        """The methods to try, in order."""
        return (self.method,) if self.otherwise in (WAIT, NEXT) else (self.method, self.otherwise)

    @property
    def goes_on(self) -> bool:
        """Whether a lead that it finds nobody for is left to the rules behind it."""
        return self.otherwise == NEXT and not self.broken

    @property
    def deals(self) -> bool:
        """Whether it may choose among the seats of its team."""
        return any(step in DEALING for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A version: its name as decisions carry it, its rules in order, and the weights of its distribution score."""

    name: str
    rules: tuple[Rule, ...]
    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))
