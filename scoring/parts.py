"""The parts of one person's score: each touch's points, each attribute's, and what they come to at a moment. Pure.

The same semantics as the engine (docs/scoring.md), touch by touch instead of in sums, so that everything can be shown.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import numpy as np

from funnel.conditions import evaluate, fields_of
from scoring.decay import DAY, MOST_DOUBLINGS, Points, next_review, silence
from scoring.models import Gate, ScoreRule
from scoring.policy import GateTerms, Policy, RuleTerms

Why = Literal["", "limit", "baseline"]
MOST_REVIEWS = 200  # looked through for a change that can be seen


@dataclass(frozen=True, slots=True, eq=False)
class TouchFact:
    """A touch as it was known. moment: when it counts from, in seconds since 1970. values: by field name."""

    id: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    moment: float
    from_them: bool
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What was known of a person. baseline_at: what was recorded by then no longer counts; None for no baseline."""

    person_id: int
    values: Mapping[str, Any]
    touches: Sequence[TouchFact]
    baseline_at: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Earned:
    """One rule that matched one touch.

    start: when its points count from, the day's start where the rule counts by the day. until: when a window ends.
    lost: why it counts nothing: over the rule's limit a day, or before the baseline.
    """

    rule: RuleTerms
    touch: TouchFact
    start: float
    until: float = math.inf
    lost: Why = ""

    @property
    def in_window(self) -> bool:
        return self.rule.window_days is not None

    @property
    def points(self) -> float:
        """What it was worth at the start."""
        return 0.0 if self.lost else self.rule.points


@dataclass(frozen=True, slots=True)
class Scored:
    """One attribute rule. holds: None where it asks for what is not known."""

    rule: RuleTerms
    points: float
    holds: bool | None


class Parts:
    """The parts of a person's score under one version; everything at a moment is worked out from them."""

    def __init__(self, policy: Policy, evidence: Evidence, *, at: datetime) -> None:
        """at: the moment at which conditions on days are judged."""
        self.policy = policy
        self.evidence = evidence
        self.earned = _earned(policy, evidence, at)
        self.scored = [
            _scored(rule, evaluate(rule.tree, evidence.values, now=at))
            for rule in policy.rules_of(ScoreRule.Kind.ATTRIBUTE)
        ]
        self.gates = [
            (gate, evaluate(gate.tree, evidence.values, now=at))
            for kind in (Gate.Kind.REQUIRE, Gate.Kind.EXCLUDE)
            for gate in policy.gates_of(kind)
        ]

    # --- fit -------------------------------------------------------------------------------------------------------

    @cached_property
    def fits(self) -> list[tuple[float, float]]:
        """Of each fit category what its rules come to, and what of it counts."""
        raw = [0.0] * len(self.policy.fit)
        for scored in self.scored:
            raw[scored.rule.category] += scored.points
        return [
            (points, points if terms.cap is None else min(points, terms.cap))
            for points, terms in zip(raw, self.policy.fit, strict=True)
        ]

    @property
    def fit(self) -> float:
        """The raw total: unfloored."""
        return sum(counted for _raw, counted in self.fits)

    @property
    def grade(self) -> str:
        return self.policy.grades[int(self.policy.grade_places(np.array([self.fit]))[0])][0]

    @property
    def allowed(self) -> bool:
        """Every gate that must hold does, and none that must not."""
        return all(held is True if gate.kind == Gate.Kind.REQUIRE else held is not True for gate, held in self.gates)

    @property
    def excluded_by(self) -> list[GateTerms]:
        return [gate for gate, held in self.gates if gate.kind == Gate.Kind.EXCLUDE and held]

    # --- interest --------------------------------------------------------------------------------------------------

    def points_at(self, earned: Earned, moment: float) -> float:
        """What one match is worth at a moment."""
        if earned.lost or moment >= earned.until:
            return 0.0
        return earned.points * self._share_left(earned, moment)

    def _share_left(self, earned: Earned, moment: float) -> float:
        half_life = self.policy.interest[earned.rule.category].half_life
        if earned.in_window or math.isinf(half_life):
            return 1.0
        landmark = self.policy.landmark
        return _growth(earned.start, half_life, landmark) / _growth(moment, half_life, landmark)

    def silences(self, moment: float) -> list[tuple[RuleTerms, float]]:
        """What each inactivity rule has taken by a moment, zero or less."""
        taken = []
        for rule, step in zip(self._inactivity, self.policy.curve.silences, strict=True):
            alone = silence(_only(self.policy.curve, step), np.array([self.last_at]), moment)
            taken.append((rule, float(alone[0, rule.category])))
        return taken

    def categories(self, moment: float) -> list[tuple[float, float]]:
        """Of each interest category what its parts come to, and what of it counts: from zero to its cap."""
        raw: dict[int, list[float]] = defaultdict(list)
        for earned in self.earned:
            raw[earned.rule.category].append(self.points_at(earned, moment))
        for rule, points in self.silences(moment):
            raw[rule.category].append(points)
        sums = [math.fsum(raw[place]) for place in range(len(self.policy.interest))]
        return [
            (points, min(math.inf if terms.cap is None else terms.cap, max(0.0, points)))
            for points, terms in zip(sums, self.policy.interest, strict=True)
        ]

    def interest(self, moment: float) -> float:
        return math.fsum(counted for _raw, counted in self.categories(moment))

    def band(self, moment: float) -> int:
        return self.policy.bands[int(self.policy.band_places(np.array([self.interest(moment)]))[0])][0]

    def is_over(self, level: float, moment: float) -> bool:
        return round(self.interest(moment), 6) >= level

    def fast_tracks(self) -> list[tuple[TouchFact, GateTerms]]:
        """The touches that raised a hand and are not behind the baseline, in the order in which they happened."""
        return [
            (touch, gate)
            for touch in self.evidence.touches
            if not _is_behind(touch, self.evidence)
            for gate in self.policy.gates_of(Gate.Kind.FAST_TRACK)
            if evaluate(gate.tree, {**self.evidence.values, **touch.values}, now=touch.occurred_at)
        ]

    # --- what comes next -------------------------------------------------------------------------------------------

    def reviews(self, moment: float) -> Iterable[float]:
        """The moments after this one at which a level may be crossed while nothing new happens."""
        for _ in range(MOST_REVIEWS):
            due = float(next_review(self.policy.curve, self._as_points(moment), np.array([moment]), _NEVER)[0])
            if math.isnan(due):
                return
            yield due
            moment = due

    def _as_points(self, moment: float) -> Points:
        above, windows = np.zeros((2, 1, len(self.policy.interest)))
        expires_at = math.nan
        for earned in self.earned:
            half_life = self.policy.interest[earned.rule.category].half_life
            if not earned.in_window:
                grown = _growth(earned.start, half_life, self.policy.landmark)
                above[0, earned.rule.category] += earned.points * grown
            elif moment < earned.until and earned.points:
                windows[0, earned.rule.category] += earned.points
                expires_at = float(np.fmin(expires_at, earned.until))
        return Points(above, windows, np.array([self.last_at]), np.array([expires_at]))

    @cached_property
    def last_at(self) -> float:
        """The latest touch from them; nan for none."""
        return max((touch.moment for touch in self.evidence.touches if touch.from_them), default=math.nan)

    @cached_property
    def _inactivity(self) -> list[RuleTerms]:
        return [rule for rule in self.policy.rules_of(ScoreRule.Kind.INACTIVITY) if rule.after_days is not None]


_NEVER = np.array([np.nan])


def _growth(moment: float, half_life: float, landmark: float) -> float:
    """decay.growth of one moment."""
    return 2.0 ** max(-MOST_DOUBLINGS, min(MOST_DOUBLINGS, (moment - landmark) / half_life))


def _scored(rule: RuleTerms, holds: bool | None) -> Scored:
    return Scored(rule, rule.points_if_unknown if holds is None else rule.points if holds else 0.0, holds)


def _only(curve: Any, step: Any) -> Any:
    return type(curve)(curve.landmark, curve.half_lives, curve.caps, curve.levels, (step,))


def _is_behind(touch: TouchFact, evidence: Evidence) -> bool:
    return evidence.baseline_at is not None and touch.recorded_at <= evidence.baseline_at


def _earned(policy: Policy, evidence: Evidence, at: datetime) -> list[Earned]:
    """Every match of a touch by a rule, those that count nothing included."""
    found: list[Earned] = []
    for rule in policy.rules_of(ScoreRule.Kind.TOUCH):
        matched = [touch for touch in evidence.touches if _matches(rule, touch, evidence, at)]
        found += _by_the_day(rule, matched, evidence) if rule.is_counted else _one_by_one(rule, matched, evidence)
    return found


def _matches(rule: RuleTerms, touch: TouchFact, evidence: Evidence, at: datetime) -> bool:
    names = fields_of(rule.tree)
    values = {name: touch.values[name] if name in touch.values else evidence.values.get(name) for name in names}
    return evaluate(rule.tree, values, now=at) is True


def _one_by_one(rule: RuleTerms, matched: Iterable[TouchFact], evidence: Evidence) -> Iterable[Earned]:
    for touch in matched:
        yield Earned(rule, touch, touch.moment, lost="baseline" if _is_behind(touch, evidence) else "")


def _by_the_day(rule: RuleTerms, matched: Iterable[TouchFact], evidence: Evidence) -> Iterable[Earned]:
    """A day counts at most so many, from its start. Those behind the baseline have used up their part of the limit."""
    days: dict[float, list[TouchFact]] = defaultdict(list)
    for touch in matched:
        days[touch.moment // DAY].append(touch)
    for day, touches in days.items():
        until = (day + rule.window_days) * DAY if rule.window_days is not None else math.inf
        ordered = sorted(touches, key=lambda touch: (not _is_behind(touch, evidence), touch.moment, touch.id))
        for place, touch in enumerate(ordered):
            over = rule.per_day is not None and place >= rule.per_day
            lost: Why = "baseline" if _is_behind(touch, evidence) else "limit" if over else ""
            yield Earned(rule, touch, day * DAY, until, lost)
