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
from numpy.typing import NDArray

from funnel.conditions import evaluate, fields_of
from funnel.fields import FIELDS_OF_TOUCHES
from scoring.decay import DAY, MOST_DOUBLINGS, Points, interest, next_review, rounded, silence
from scoring.models import Gate, ScoreRule
from scoring.policy import GateTerms, Policy, RuleTerms

Why = Literal["", "limit", "baseline"]
MOST_REVIEWS = 200  # looked through for a change that can be seen


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """What rules may ask of a touch, by field name; one object for all touches of which it is the same."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class TouchFact:
    """A touch as it was known. moment: when it counts from, in seconds since 1970."""

    id: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    moment: float
    from_them: bool
    alike: Alike


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


class Judge:
    """Which rules and raised hands a touch meets. Touches alike are judged once, whoever they belong to."""

    def __init__(self, policy: Policy, *, at: datetime) -> None:
        """at: the moment at which conditions on days are judged."""
        self._at = at
        self._rules = _by_what_they_ask(policy.rules_of(ScoreRule.Kind.TOUCH))
        self._gates = _by_what_they_ask(policy.gates_of(Gate.Kind.FAST_TRACK))
        self._known: dict[tuple[str, Alike, int], tuple[Any, ...]] = {}

    def rules(self, touch: TouchFact, evidence: Evidence) -> tuple[RuleTerms, ...]:
        return self._meets("rules", self._rules, touch.alike, evidence)

    def gates(self, touch: TouchFact, evidence: Evidence) -> tuple[GateTerms, ...]:
        return self._meets("gates", self._gates, touch.alike, evidence)

    def _meets(self, what: str, terms: "_Asking", alike: Alike, evidence: Evidence) -> tuple[Any, ...]:
        everybodys = self._remembered((what, alike, 0), terms.of_touches, alike.values)
        if not terms.of_people:
            return everybodys
        values = {**evidence.values, **alike.values}
        return (*everybodys, *self._remembered((what, alike, evidence.person_id), terms.of_people, values))

    def _remembered(
        self, key: tuple[str, Alike, int], terms: tuple[Any, ...], values: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        found = self._known.get(key)
        if found is None:
            found = tuple(term for term in terms if evaluate(term.tree, values, now=self._at) is True)
            self._known[key] = found
        return found


@dataclass(frozen=True, slots=True)
class _Asking:
    """Terms by whether they ask for the touch alone, or for the person too."""

    of_touches: tuple[Any, ...]
    of_people: tuple[Any, ...]


def _by_what_they_ask(terms: Iterable[RuleTerms] | Iterable[GateTerms]) -> _Asking:
    alone: dict[bool, list[Any]] = {True: [], False: []}
    for term in terms:
        alone[all(FIELDS_OF_TOUCHES[name].group == "touch" for name in fields_of(term.tree))].append(term)
    return _Asking(tuple(alone[True]), tuple(alone[False]))


class Parts:
    """The parts of a person's score under one version; everything at a moment is worked out from them."""

    def __init__(self, policy: Policy, evidence: Evidence, *, at: datetime, judge: Judge | None = None) -> None:
        """at: the moment at which conditions on days are judged. judge: one may serve all people of a list."""
        self.policy = policy
        self.evidence = evidence
        self._judge = judge or Judge(policy, at=at)
        self.earned = self._earned()
        self.scored = [
            _scored(rule, evaluate(rule.tree, evidence.values, now=at))
            for rule in policy.rules_of(ScoreRule.Kind.ATTRIBUTE)
        ]
        self._at = at

    @cached_property
    def gates(self) -> list[tuple[GateTerms, bool | None]]:
        """What must hold and what must not, and whether it does. Lists of many people do not ask for it."""
        return [
            (gate, evaluate(gate.tree, self.evidence.values, now=self._at))
            for kind in (Gate.Kind.REQUIRE, Gate.Kind.EXCLUDE)
            for gate in self.policy.gates_of(kind)
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

    def band_of(self, interest: float) -> int:
        return self.policy.bands[int(self.policy.band_places(np.array([interest]))[0])][0]

    def is_over(self, interest: float) -> bool:
        """Whether this interest is at the threshold, compared as everywhere."""
        return bool(rounded(np.array([interest]))[0] >= self.policy.threshold)

    def fast_tracks(self, *, since: float = -math.inf) -> list[tuple[TouchFact, GateTerms]]:
        """The touches that raised a hand and are not behind the baseline, in the order in which they happened."""
        return [
            (touch, gate)
            for touch in self.evidence.touches
            if touch.moment >= since and not _is_behind(touch, self.evidence)
            for gate in self._judge.gates(touch, self.evidence)
        ]

    def _earned(self) -> list[Earned]:
        """Every match of a touch by a rule, those that count nothing included."""
        matched: dict[int, list[TouchFact]] = defaultdict(list)
        rules: dict[int, RuleTerms] = {}
        for touch in self.evidence.touches:
            for rule in self._judge.rules(touch, self.evidence):
                matched[rule.id].append(touch)
                rules[rule.id] = rule
        found: list[Earned] = []
        for pk, touches in matched.items():
            count = _by_the_day if rules[pk].is_counted else _one_by_one
            found += count(rules[pk], touches, self.evidence)
        return found

    # --- what comes next -------------------------------------------------------------------------------------------

    def reviews(self, moment: float) -> Iterable[tuple[float, float]]:
        """The moments at which a level may be crossed next, and the interest there if nothing new happens."""
        curve = self.policy.curve
        for _ in range(MOST_REVIEWS):
            moment = float(next_review(curve, self._as_points(moment), np.array([moment]), _NEVER)[0])
            if math.isnan(moment):
                return
            yield moment, float(interest(curve, self._as_points(moment), moment)[0])

    def _as_points(self, moment: float) -> Points:
        windows, expires_at = np.zeros((1, len(self.policy.interest))), math.nan
        for earned in self._in_windows:
            if moment < earned.until:
                windows[0, earned.rule.category] += earned.points
                expires_at = float(np.fmin(expires_at, earned.until))
        return Points(self._above, windows, np.array([self.last_at]), np.array([expires_at]))

    @cached_property
    def _above(self) -> NDArray[np.float64]:
        """What has accumulated above the baseline, as the engine keeps it."""
        above = np.zeros((1, len(self.policy.interest)))
        for earned in self.earned:
            if not earned.in_window:
                half_life = self.policy.interest[earned.rule.category].half_life
                above[0, earned.rule.category] += earned.points * _growth(earned.start, half_life, self.policy.landmark)
        return above

    @cached_property
    def _in_windows(self) -> list[Earned]:
        return [earned for earned in self.earned if earned.in_window and earned.points]

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
