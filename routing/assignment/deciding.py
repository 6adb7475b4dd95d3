"""Whom each lead of a batch goes to, one after the other, and why nobody else. Pure: no database, no clock.

Every choice keeps each candidate as they stood, so that it can be explained and made again from what was kept.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from routing import factors
from routing.assignment import rules
from routing.assignment.rules import Rule
from routing.factors import Contender, Fit, LeadFacts
from routing.seats.distribution import LEVEL_PLACES, SeatState, join, settle
from routing.seats.places import (
    AT_CAPACITY,
    HAD_IT,
    JOINED,
    NOT_AT_WORK,
    OTHER,
    RETURNED,
    WRONG_ROUTE,
    Moved,
    Place,
    Settled,
)

ASSIGNED, POOLED, UNROUTED = "assigned", "pooled", "unrouted"
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A lead that wants somebody. rules: those that it meets, in order. refused: reps who said it is not theirs.

    had: who is to lose it, having let a promise run out.
    """

    lead_id: int
    rules: tuple[Rule, ...]
    facts: LeadFacts = LeadFacts()
    hot: bool = False
    refused: frozenset[int] = frozenset()
    had: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a lead comes to. reason: the code of why it has nobody, or `empty_pool`; blank otherwise."""

    kind: str
    rep_id: int | None = None
    team_id: int | None = None
    rule: str = ""
    reason: str = ""
    explanation: dict[str, Any] = field(default_factory=dict)


class Dealer:
    """Deals the leads of one batch. What it gives counts for the leads after it.

    teams: the seats of every team that a rule may deal in. others: seats of account owners elsewhere, by rep. staffed:
    by team who could claim from its pool.
    """

    def __init__(
        self,
        *,
        teams: Mapping[int, Sequence[Place]],
        others: Mapping[int, Place] | None = None,
        staffed: Mapping[int, Collection[int]] | None = None,
        weights: Mapping[str, float] = factors.WEIGHTS,
        today: date,
    ) -> None:
        self._staffed, self._weights, self._today = staffed or {}, weights, today
        self._teams = {team_id: _seated(places) for team_id, places in teams.items()}
        self._chairs = {chair.rep_id: chair for chairs in self._teams.values() for chair in chairs}
        for rep_id, place in (others or {}).items():
            self._chairs.setdefault(rep_id, _Chair(place, place.state))
        self._dealt = 0

    def choose(self, wanted: Wanted) -> Choice:
        """Decide about one lead, and count it."""
        passed: list[dict[str, Any]] = []
        reason, found = "no_rule", {"method": "none"}
        rule = None
        for rule in wanted.rules:
            if rule.broken:
                return _nobody(rule, "broken_rule", {}, passed)
            for step in rule.steps:
                found = self._step(step, rule, wanted)
                reason = found.pop("reason", "")
                if not reason or reason == "empty_pool":
                    return self._made(step, rule, found, reason, passed)
                passed.append(_passed(step, rule, reason, found))
            if not rule.goes_on:
                break
        if passed:
            passed.pop()  # the last one is the answer itself
        return _nobody(rule, reason, found, passed)

    def settled(self) -> list[Settled]:
        """Every place of the teams after the batch. Owners elsewhere keep their level: a match does not count."""
        return [one for chairs in self._teams.values() for one in _settled(chairs)]

    # --- one step of a rule ---

    def _step(self, step: str, rule: Rule, wanted: Wanted) -> dict[str, Any]:
        """What the explanation keeps of one method; with `rep` when it found somebody, else with `reason`."""
        if step == rules.POOL:
            empty = not {*self._staffed.get(rule.team_id, ())} - {wanted.had}
            return {"team": rule.team_id, **({"reason": "empty_pool"} if empty else {})}
        if step == rules.OWNER:
            return self._owner(rule, wanted)
        chairs = self._teams.get(rule.team_id, ())
        if not chairs:
            return {"team": rule.team_id, "candidates": [], "reason": "no_seats"}
        whys = self._whys(chairs, rule, wanted)
        able = [chair for chair in chairs if not whys[chair.rep_id]]
        fits = self._fits(able, wanted) if step == rules.SCORE else {}
        told = {
            "team": rule.team_id,
            "candidates": [chair.told(step, whys[chair.rep_id], fits.get(chair.rep_id)) for chair in chairs],
        }
        if step == rules.SCORE:
            told["weights"] = dict(self._weights)
        if not able:
            return told | {"reason": "nobody_available"}
        return told | {"rep": min(able, key=lambda chair: chair.rank(step, fits.get(chair.rep_id))).rep_id}

    def _owner(self, rule: Rule, wanted: Wanted) -> dict[str, Any]:
        owner = wanted.facts.owner_id
        if owner is None:
            return {"reason": "no_owner"}
        chair = self._chairs.get(owner)
        if chair is None:
            return {"owner": owner, "reason": "owner_without_seat"}
        why = self._why(chair, rule, wanted)
        if not why and wanted.hot and rule.at_work == rules.HOT and rule.otherwise and not chair.place.at_work:
            why = NOT_AT_WORK  # a hot lead goes to somebody else rather than wait for the morning
        told = {"owner": owner, "candidates": [chair.told(rules.OWNER, why, None)]}
        return told | ({"reason": "owner_unavailable"} if why else {"rep": owner})

    def _whys(self, chairs: Sequence["_Chair"], rule: Rule, wanted: Wanted) -> dict[int, str]:
        """By rep what keeps them from this lead. Of a hot one those off work, while somebody able is at work."""
        whys = {chair.rep_id: self._why(chair, rule, wanted) for chair in chairs}
        if wanted.hot and rule.at_work == rules.HOT:
            able = [chair for chair in chairs if not whys[chair.rep_id]]
            if any(chair.place.at_work for chair in able):
                whys |= {chair.rep_id: NOT_AT_WORK for chair in able if not chair.place.at_work}
        return whys

    def _why(self, chair: "_Chair", rule: Rule, wanted: Wanted) -> str:
        if chair.rep_id == wanted.had:
            return HAD_IT
        if why := chair.why:
            return why
        if chair.rep_id in wanted.refused:
            return WRONG_ROUTE
        if kind := factors.not_served(wanted.facts, chair.place.profile, rule.demands):
            return f"{OTHER}{kind}"
        if rule.at_work == rules.ALWAYS and not chair.place.at_work:
            chair.was_off = True
            return NOT_AT_WORK
        return ""

    def _fits(self, able: Sequence["_Chair"], wanted: Wanted) -> dict[int, Fit]:
        if all(chair.place.kept for chair in able):
            return {chair.rep_id: _weighed(chair.place.kept, self._weights) for chair in able if chair.place.kept}
        contenders = [
            Contender(rep_id=chair.rep_id, profile=chair.place.profile, open=chair.open, capacity=chair.place.capacity)
            for chair in able
        ]
        return factors.fits(wanted.facts, contenders, self._weights, today=self._today)

    def _made(self, step: str, rule: Rule, found: dict[str, Any], reason: str, passed: list[dict[str, Any]]) -> Choice:
        rep_id = found.pop("rep", None)
        explanation = {"method": step, **found, **({"passed": passed} if passed else {})}
        if rep_id is None:
            if reason:
                explanation["reason"] = reason
            return Choice(kind=POOLED, team_id=rule.team_id, rule=rule.name, reason=reason, explanation=explanation)
        self._dealt += 1
        self._chairs[rep_id].take(self._dealt, counts=step != rules.OWNER)
        return Choice(kind=ASSIGNED, rep_id=rep_id, rule=rule.name, explanation=explanation)


def _weighed(fit: Fit, weights: Mapping[str, float]) -> Fit:
    """A fit that was kept, under these weights."""
    return replace(fit, score=factors.score_of(fit.values, weights))


def _passed(step: str, rule: Rule, reason: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """A step that found nobody, on the way to one that did."""
    return {"rule": rule.name, "method": step, "why": reason, **found}


def _nobody(rule: Rule | None, reason: str, found: Mapping[str, Any], passed: list[dict[str, Any]]) -> Choice:
    explanation = {"method": "none", "reason": reason, **{k: v for k, v in found.items() if k != "method"}}
    if passed:
        explanation["passed"] = passed
    return Choice(kind=UNROUTED, rule=rule.name if rule else "", reason=reason, explanation=explanation)


# --- Chairs ----------------------------------------------------------------------------------------------------------


class _Chair:
    """A place in the course of the batch."""

    __slots__ = ("_base", "counted", "given", "order", "place", "state", "was_off")

    def __init__(self, place: Place, state: SeatState) -> None:
        self.place, self.state = place, state
        self.given = self.counted = 0
        self.order: tuple[int, Any] = (0, place.last_at or _LONG_AGO)
        self.was_off = False
        self._base: dict[str, Any] | None = None

    @property
    def rep_id(self) -> int:
        return self.place.rep_id

    @property
    def level(self) -> float:
        return (self.state.calibration + self.state.assigned + self.counted) / self.state.weight

    @property
    def open(self) -> int:
        return self.place.open + self.given

    @property
    def why(self) -> str:
        if self.place.why:
            return self.place.why
        full = self.state.left is not None and self.given >= self.state.left
        return (self.place.room or AT_CAPACITY) if full else ""

    def take(self, number: int, *, counts: bool) -> None:
        self.given += 1
        self.counted += counts
        self.order = (1, number)
        self._base = None

    def rank(self, step: str, fit: Fit | None) -> tuple[Any, ...]:
        """The least is chosen. Ties: in turn, the lowest rep id; else whoever was given a lead least recently."""
        if step == rules.ROUND_ROBIN:
            return (round(self.level, LEVEL_PLACES), self.rep_id)
        if step == rules.LEAST_OPEN:
            return ((self.place.work + self.given) / self.state.weight, self.order, self.rep_id)
        return (-fit.score if fit else 0.0, self.order, self.rep_id)

    def told(self, step: str, why: str, fit: Fit | None) -> dict[str, Any]:
        """The rep as they stand, so and so many leads into the batch."""
        told = self._as_it_stands()
        if step == rules.LEAST_OPEN or fit is not None:
            last_at = self.place.last_at
            told = told | {"last": last_at.isoformat() if last_at else None, "order": self._turn()}
        if step == rules.LEAST_OPEN:
            told = told | {"work": self.place.work + self.given}
        if fit is not None:
            told = told | {"score": fit.score, "factors": dict(fit.values), "unsaid": list(fit.unsaid)}
        return told | {"eligible": False, "why": why} if why else told

    def _turn(self) -> int:
        """Which lead of this batch was its latest; 0: none."""
        return self.order[1] if self.order[0] else 0

    def _as_it_stands(self) -> dict[str, Any]:
        if self._base is None:  # it changes with each lead that they take only
            place = self.place
            self._base = {
                "rep": place.rep_id,
                "level": round(self.level, LEVEL_PLACES),
                "weight": self.state.weight,
                "open": self.open,
                "eligible": True,
                **({"capacity": place.capacity} if place.capacity is not None else {}),
                **({"until": place.until.isoformat()} if place.until is not None else {}),
                **({"quota": place.quota} if place.quota else {}),
            }
        return self._base


def _seated(places: Sequence[Place]) -> list[_Chair]:
    """Places as the batch begins: newcomers level with whoever is next."""
    states = join([place.state for place in places])
    return [_Chair(place, state) for place, state in zip(places, states, strict=True)]


def _settled(chairs: Sequence[_Chair]) -> list[Settled]:
    counted = [chair.rep_id for chair in chairs for _ in range(chair.counted)]
    uncounted = [chair.rep_id for chair in chairs for _ in range(chair.given - chair.counted)]
    absent = {chair.rep_id for chair in chairs if chair.was_off}
    states = settle([chair.state for chair in chairs], counted, uncounted=uncounted, absent=absent)
    return [_after(chair, state) for chair, state in zip(chairs, states, strict=True)]


def _after(chair: _Chair, state: SeatState) -> Settled:
    """The place after the batch, and what has moved its level besides leads."""
    place, began = chair.place, chair.state.level
    moved = []
    if place.starting:
        before = None if place.starting == JOINED else place.state.level
        moved.append(Moved(kind=place.starting, before=before, after=round(began, 3)))
    elif place.paused_level is not None and chair.state.receives and round(began - place.paused_level, 3):
        moved.append(Moved(kind=RETURNED, before=round(place.paused_level, 3), after=round(began, 3)))
    paused = None
    if not state.receives:
        was = place.paused_level if not chair.state.receives and not place.starting else None
        paused = chair.level if was is None else was
    return Settled(place=place, state=state, paused_level=paused, moved=tuple(moved))
