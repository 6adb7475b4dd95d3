"""What the model that decides makes of the demo's people, touch by touch: so that the demo's MQLs are its MQLs. Pure.

The same semantics as the engine (docs/scoring.md) but for windows, for one person at a time and quick enough to try
touches out. A replay of the finished demo finds the same MQLs by the same touches; a test says so.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from demandcenter.demo_world.journeys import Touch
from funnel.conditions import evaluate, fields_of
from scoring.decay import DAY, DECIMALS
from scoring.judging import is_of_kinds
from scoring.models import Gate, ScoreRule
from scoring.policy import GateTerms, Policy, RuleTerms

TRIES: Final = 60  # touches tried out to warm somebody up

Kind = tuple[str, bool, bool, bool]


@dataclass(frozen=True, slots=True)
class Profile:
    """What somebody is, to the model. values: by the names of fields. grade: its place."""

    values: Mapping[str, Any]
    fit: float
    grade: int
    allowed: bool
    excluded: bool


@dataclass(frozen=True, slots=True)
class Leave:
    """A recycle or disqualification, and when the day to look again comes (inf: never), in seconds since 1970."""

    at: float
    revisit: float = math.inf


@dataclass(frozen=True, slots=True)
class Reached:
    """An MQL that the model makes. touch: None for one that only time brings."""

    touch: Touch | None
    by_hand: bool
    interest: float


@dataclass(slots=True, eq=False)
class Behind:
    """What somebody has done and what became of it, as far as it counts."""

    touches: list[Touch] = field(default_factory=list)
    leave: Leave | None = None


class Meter:
    """One version of the model, applied to the demo's people."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        touch_rules = policy.rules_of(ScoreRule.Kind.TOUCH)
        hands = policy.gates_of(Gate.Kind.FAST_TRACK)
        self._rules_of_kinds = [rule for rule in touch_rules if is_of_kinds(rule)]
        self._other_rules = [rule for rule in touch_rules if not is_of_kinds(rule)]
        self._hands_of_kinds = [gate for gate in hands if is_of_kinds(gate)]
        self._other_hands = [gate for gate in hands if not is_of_kinds(gate)]
        self._known: dict[Kind, tuple[list[RuleTerms], bool]] = {}
        self._holds = _Answers()
        self.rates = [1.0 / terms.half_life for terms in policy.interest]
        self.caps = [math.inf if terms.cap is None else terms.cap for terms in policy.interest]

    def profile(self, values: Mapping[str, Any]) -> Profile:
        """What the model makes of somebody with these values."""
        fits = [0.0] * len(self.policy.fit)
        for rule in self.policy.rules_of(ScoreRule.Kind.ATTRIBUTE):
            holds = self._holds(rule, values)
            fits[rule.category] += rule.points_if_unknown if holds is None else rule.points if holds else 0.0
        fit = sum(min(got, math.inf if t.cap is None else t.cap) for got, t in zip(fits, self.policy.fit, strict=True))
        excluded = any(self._holds(gate, values) for gate in self.policy.gates_of(Gate.Kind.EXCLUDE))
        required = all(self._holds(gate, values) for gate in self.policy.gates_of(Gate.Kind.REQUIRE))
        grade = int(self.policy.grade_places(np.array([fit]))[0])
        return Profile(values, fit, grade, required and not excluded, excluded)

    def can_qualify(self, profile: Profile) -> bool:
        """Whether interest alone may make an MQL of somebody like this."""
        return profile.allowed and bool(self.policy.qualifies[profile.grade].any())

    def raises_hand(self, profile: Profile, touch: Touch) -> bool:
        """Whether the touch makes an MQL at once."""
        return not profile.excluded and self.judged(profile, touch)[1]

    def judged(self, profile: Profile, touch: Touch) -> tuple[list[RuleTerms], bool]:
        """The rules that the touch meets, and whether it raises a hand."""
        kind = (touch.type, touch.inbound, touch.automatic, touch.response)
        if kind not in self._known:
            values = _values_of(touch)
            self._known[kind] = (self._met(self._rules_of_kinds, values), bool(self._met(self._hands_of_kinds, values)))
        rules, hand = self._known[kind]
        if self._other_rules or (self._other_hands and not hand):
            values = {**profile.values, **_values_of(touch)}
            rules = [*rules, *self._met(self._other_rules, values)]
            hand = hand or bool(self._met(self._other_hands, values))
        return rules, hand

    def _met(self, terms: Sequence[Any], values: Mapping[str, Any]) -> list[Any]:
        return [term for term in terms if self._holds(term, values)]

    def qualifies(self, profile: Profile, interest: float) -> bool:
        """Whether interest and grid say MQL."""
        shown = round(interest, DECIMALS)
        if shown < self.policy.threshold or not profile.allowed:
            return False
        band = next((n for n, (_name, least) in enumerate(self.policy.bands) if shown >= least), -1)
        return bool(self.policy.qualifies[profile.grade, band])


class _Answers:
    """Whether conditions hold; asked once for the same values."""

    def __init__(self) -> None:
        self._asked: dict[int, tuple[str, ...]] = {}
        self._known: dict[tuple[Any, ...], bool | None] = {}

    def __call__(self, terms: RuleTerms | GateTerms, values: Mapping[str, Any]) -> bool | None:
        names = self._asked.get(id(terms))
        if names is None:
            names = self._asked[id(terms)] = tuple(fields_of(terms.tree))
        key = (id(terms), *(values.get(name) for name in names))
        if key not in self._known:
            self._known[key] = evaluate(terms.tree, values)
        return self._known[key]


def _values_of(touch: Touch) -> dict[str, Any]:
    return {
        "touch.type": touch.type,
        "touch.direction": "in" if touch.inbound else "out",
        "touch.automatic": touch.automatic,
        "touch.response": touch.response,
        "touch.channel": touch.channel,
        "touch.content": touch.offer,
    }


class _State:
    """Somebody's interest, as touches come in and time goes on."""

    __slots__ = ("acc", "at", "days", "last", "meter", "profile")

    def __init__(self, meter: Meter, profile: Profile) -> None:
        self.meter, self.profile = meter, profile
        self.acc = [0.0] * len(meter.rates)
        self.at, self.last = -math.inf, -math.inf
        self.days: dict[tuple[int, int], int] = {}

    def copy(self) -> "_State":
        other = _State(self.meter, self.profile)
        other.acc, other.at, other.last, other.days = [*self.acc], self.at, self.last, dict(self.days)
        return other

    def wait(self, at: float) -> None:
        if at > self.at:
            span = at - self.at
            if math.isfinite(span):
                self.acc = [got * 2.0 ** (-span * rate) for got, rate in zip(self.acc, self.meter.rates, strict=True)]
            self.at = at

    def add(self, touch: Touch, *, counts: bool = True) -> bool:
        """Take in what was recorded; without points where it lies behind. Whether it raises a hand."""
        self.wait(touch.recorded)
        rules, hand = self.meter.judged(self.profile, touch)
        for rule in rules:
            start = touch.utc
            if rule.per_day is not None:
                day = int(touch.utc // DAY)
                met = self.days[rule.id, day] = self.days.get((rule.id, day), 0) + 1
                if met > rule.per_day:
                    continue
                start = day * DAY
            if counts:
                rate = self.meter.rates[rule.category]
                self.acc[rule.category] += rule.points * 2.0 ** (-(self.at - start) * rate)
        if touch.inbound and not touch.automatic:
            self.last = max(self.last, touch.utc)
        return hand

    def interest(self) -> float:
        lost = [0.0] * len(self.acc)
        for step in self.meter.policy.curve.silences:
            over = self.at - self.last - step.after
            if 0 <= over < math.inf:
                lost[step.category] += step.points * (1 + (over // step.every if math.isfinite(step.every) else 0))
        return sum(
            min(cap, max(0.0, got + less)) for cap, got, less in zip(self.meter.caps, self.acc, lost, strict=True)
        )


@dataclass(slots=True, eq=False)
class Trial:
    """Trying touches out on somebody's way to an MQL, from when an inquiry came in. named: it takes touches that count
    as a response, since something else of theirs is at work.
    """

    meter: Meter
    profile: Profile
    behind: Behind
    named: bool = False

    def first(self, touches: Sequence[Touch], *, until: float = math.inf) -> Reached | None:
        """The first MQL that these touches make, those of the trip, in the order in which they were recorded."""
        return next(self._reached(touches, until), None)

    def kept_cool(self, touches: Sequence[Touch], *, until: float) -> list[Touch] | None:
        """Without those that would make an MQL by `until`; None where even the first does, or time itself."""
        if self.first(touches[:1]) is not None:
            return None
        kept = list(touches[:1])
        state, rest = self._begin(touches[0]), touches[1:]
        state.add(touches[0])
        for touch in sorted(rest, key=lambda touch: touch.recorded):
            tried = state.copy()
            if not (tried.add(touch) and not self.profile.excluded) and not self._is_reached(tried, touch):
                kept.append(touch)
                state = tried
        return kept if self.first(kept, until=until) is None else None

    def warmed_up(self, touches: list[Touch], raising: Touch, more: Callable[[], Touch | None]) -> list[Touch] | None:
        """The touches with as many more as it takes for the raising one to make the MQL; None where none will do.

        more: gives another touch that may come in before, or None.
        """
        for _ in range(TRIES):
            reached = self.first([*touches, raising], until=raising.recorded)
            if reached is not None:
                return touches if reached.touch is raising else None
            another = more()
            if another is not None and self.first([*touches, another], until=raising.recorded) is None:
                touches = sorted([*touches, another], key=lambda touch: touch.at)
        return None

    def _reached(self, touches: Sequence[Touch], until: float) -> Iterator[Reached]:
        state = self._begin(touches[0])
        waits = iter([*self._waits(touches[0].recorded, until), math.inf])
        wait = next(waits)
        others = [touch for touch in self.behind.touches if touch.recorded > touches[0].recorded]
        for touch in [*sorted([*touches, *others], key=lambda touch: touch.recorded), None]:
            while wait < (touch.recorded if touch else until):
                state = self._after(wait, state, touches)
                if self._is_reached(state, None):
                    yield Reached(None, False, state.interest())
                wait = next(waits)
            if touch is None:
                return
            hand = state.add(touch) and not self.profile.excluded
            if touch in others:
                continue
            if hand or self._is_reached(state, touch):
                yield Reached(touch, hand, state.interest())

    def _waits(self, since: float, until: float) -> list[float]:
        """When time alone may make an MQL: a cool-down ends, a day to look again comes."""
        leave = self.behind.leave
        if leave is None:
            return []
        ends = (leave.at + self.meter.policy.cooldown_days * DAY, leave.revisit)
        return sorted(at for at in ends if since < at < until)

    def _begin(self, opening: Touch) -> _State:
        """Where somebody stands when an inquiry comes in."""
        before = [touch for touch in self.behind.touches if touch.recorded <= opening.recorded]
        return self._with(_State(self.meter, self.profile), before, opening.recorded)

    def _after(self, at: float, state: _State, touches: Iterable[Touch]) -> _State:
        leave = self.behind.leave
        if leave is not None and at == leave.revisit:  # what was set aside counts again
            state = self._with(_State(self.meter, self.profile), self.behind.touches, at)
            for touch in touches:
                if touch.recorded < at:
                    state.add(touch)
        state.wait(at)
        return state

    def _with(self, state: _State, touches: Iterable[Touch], at: float) -> _State:
        leave = self.behind.leave
        behind = leave.at if leave is not None and at < leave.revisit else -math.inf
        for touch in touches:
            state.add(touch, counts=touch.recorded > behind)
        return state

    def _is_reached(self, state: _State, touch: Touch | None) -> bool:
        leave = self.behind.leave
        if leave is not None and state.at < leave.at + self.meter.policy.cooldown_days * DAY:
            return False
        if self.named and not (touch and touch.response):
            return False
        return self.meter.qualifies(self.profile, state.interest())
