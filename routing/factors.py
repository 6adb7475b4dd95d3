"""How well a rep fits a lead: the factors of the distribution score, and what of a lead a rep serves at all. Pure.

Definition: domain.md 10.2. The score is the sum of weights times factors between 0 and 1, out of the sum of weights.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import isfinite
from types import MappingProxyType
from typing import Any, Final

OWNERSHIP: Final = "ownership"
MEETING: Final = "meeting"
PRODUCT: Final = "product"
SAME_SOLUTION: Final = "same_solution"
CONNECTION: Final = "connection"
SEGMENT: Final = "segment"
TENURE: Final = "tenure"
CAPACITY: Final = "capacity"
REGION, SOLUTION, LANGUAGE = "region", "solution", "language"

KINDS: Final = (REGION, SOLUTION, LANGUAGE, SEGMENT)  # what a profile says, and a rule may insist on

WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {
        OWNERSHIP: 30.0,
        MEETING: 20.0,
        PRODUCT: 15.0,
        SAME_SOLUTION: 10.0,
        CONNECTION: 10.0,
        SEGMENT: 5.0,
        TENURE: 5.0,
        CAPACITY: 5.0,
    }
)
MOST_WEIGHT: Final = 1000.0

SOON, LATER = 14, 28  # days: a meeting within the first counts in full, within the second by half
ENOUGH_PEOPLE: Final = 3  # at the account; more make no difference
GROWN: Final = 730  # days with the company after which tenure counts in full
HALF_FULL: Final = 10  # undecided MQLs that count as half full where no capacity is set
_ALL_OF_IT: Final = 0.5  # of whoever serves everything of a kind, and so nothing in particular
_PLACES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a rep serves; an empty set is everything of that kind. Segments and languages are `folded`.

    shares: their calendar or call sheet says whom they meet.
    """

    solutions: frozenset[int] = frozenset()
    regions: frozenset[int] = frozenset()
    segments: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    hired_on: date | None = None
    shares: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFacts:
    """What a lead brings to the choice of a rep. What is not known is None, blank or empty.

    owner_id: of its account. regions: the lead's, and those above it. By rep: meetings, in so many days from now with
    the account; same_solution and known, how many others at the account whose leads are or were theirs.
    """

    owner_id: int | None = None
    regions: frozenset[int] = frozenset()
    solution_id: int | None = None
    segment: str = ""
    language: str = ""
    meetings: Mapping[int, float] = field(default_factory=dict)
    same_solution: Mapping[int, int] = field(default_factory=dict)
    known: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A rep who could take the lead, as they stand."""

    rep_id: int
    profile: Profile
    open: int
    capacity: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How well one contender fits, 0 to 100. values: by factor; unsaid: those that take what is neutral instead."""

    score: float
    values: Mapping[str, float]
    unsaid: tuple[str, ...] = ()


def folded(text: str) -> str:
    """A segment as it is compared."""
    return text.strip().casefold()


def language_of(text: str) -> str:
    """A language as it is compared: de of de-AT."""
    return folded(text).replace("_", "-").partition("-")[0]


def problem_of(weights: Any) -> str:
    """What keeps these from being weights, in a sentence; blank: nothing."""
    if not isinstance(weights, Mapping) or set(weights) != set(WEIGHTS):
        return f"Weights are a number for each of {', '.join(WEIGHTS)}."
    for name, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not isfinite(weight):
            return f"The weight of {name} must be a number."
        if not 0 <= weight <= MOST_WEIGHT:
            return f"The weight of {name} must lie between 0 and {MOST_WEIGHT:g}."
    if not any(weights.values()):
        return "One weight at least must be more than 0, or every rep would fit alike."
    return ""


# --- Serving ---------------------------------------------------------------------------------------------------------


def not_served(facts: LeadFacts, profile: Profile, demands: Collection[str]) -> str:
    """The first kind demanded that the rep does not serve; blank: all. What is not known of a lead keeps nobody out."""
    for kind in KINDS:
        if kind in demands and serves(facts, profile, kind) is False:
            return kind
    return ""


def serves(facts: LeadFacts, profile: Profile, kind: str) -> bool | None:
    """Whether the rep serves what the lead has of this kind; None: one of the two does not say."""
    if kind == REGION:
        return bool(facts.regions & profile.regions) if facts.regions and profile.regions else None
    has: Any
    has, served = {
        SOLUTION: (facts.solution_id, profile.solutions),
        LANGUAGE: (facts.language, profile.languages),
        SEGMENT: (facts.segment, profile.segments),
    }[kind]
    return has in served if has and served else None


# --- Fitting ---------------------------------------------------------------------------------------------------------


def fits(
    facts: LeadFacts, contenders: Sequence[Contender], weights: Mapping[str, float], *, today: date
) -> dict[int, Fit]:
    """How well each fits, by rep.

    What nobody can know of a rep is neutral: it neither moves them up nor down on average. A rep whose calendar is not
    shared takes the mean of those who share theirs, counted as if one more shared and met nobody. So while nobody is
    to meet the account all are equal; whoever really meets it stays ahead of those who only might; and who shares but
    does not meet it stays behind them. Leaving the weight out and scaling the rest up would instead lift whoever
    shares nothing above every colleague without a meeting, on every lead. An unknown time with the company takes the
    plain mean of the known ones.
    """
    values = {one.rep_id: _values(facts, one, today) for one in contenders}
    met = [found[MEETING] for found in values.values() if found[MEETING] is not None]
    tenures = [found[TENURE] for found in values.values() if found[TENURE] is not None]
    neutral = {MEETING: sum(met) / (len(met) + 1), TENURE: sum(tenures) / len(tenures) if tenures else 0.0}
    return {rep_id: _fit(found, neutral, weights) for rep_id, found in values.items()}


def score_of(values: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The score of 100 that these factors come to."""
    total = sum(weights.values())
    return round(100 * sum(weights[name] * value for name, value in values.items()) / total, _PLACES)


def _fit(found: Mapping[str, Any], neutral: Mapping[str, float], weights: Mapping[str, float]) -> Fit:
    unsaid = tuple(name for name, value in found.items() if value is None)
    values = {name: round(neutral[name] if value is None else value, _PLACES) for name, value in found.items()}
    return Fit(score=score_of(values, weights), values=values, unsaid=unsaid)


def _values(facts: LeadFacts, one: Contender, today: date) -> dict[str, Any]:
    profile = one.profile
    return {
        OWNERSHIP: 1.0 if facts.owner_id == one.rep_id else 0.0,
        MEETING: _meeting(facts.meetings.get(one.rep_id)) if profile.shares else None,
        PRODUCT: _match(facts, profile, SOLUTION, known=facts.solution_id is not None),
        SAME_SOLUTION: _people(facts.same_solution.get(one.rep_id, 0)),
        CONNECTION: _people(facts.known.get(one.rep_id, 0)),
        SEGMENT: _match(facts, profile, SEGMENT, known=bool(facts.segment)),
        TENURE: None if profile.hired_on is None else min(max((today - profile.hired_on).days / GROWN, 0.0), 1.0),
        CAPACITY: _room(one),
    }


def _meeting(days: float | None) -> float:
    if days is None or days > LATER:
        return 0.0
    return 1.0 if days <= SOON else 0.5


def _match(facts: LeadFacts, profile: Profile, kind: str, *, known: bool) -> float:
    """1: serves just this; a half: serves all of it; 0: serves other things, or nothing is known of the lead."""
    if not known:
        return 0.0
    served = serves(facts, profile, kind)
    return _ALL_OF_IT if served is None else float(served)


def _people(count: int) -> float:
    return min(count, ENOUGH_PEOPLE) / ENOUGH_PEOPLE


def _room(one: Contender) -> float:
    """The share of the capacity that is left."""
    if one.capacity:
        return max(one.capacity - one.open, 0) / one.capacity
    return HALF_FULL / (HALF_FULL + one.open)
