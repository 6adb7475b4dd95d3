"""Past decisions made again: the seats as each decision kept them, and what goes differently from then on. Pure."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Protocol

from routing.assignment import rules
from routing.assignment.deciding import Choice, Dealer, Wanted
from routing.assignment.rules import Policy
from routing.factors import Fit, LeadFacts, Profile
from routing.seats.distribution import LEVEL_PLACES, SeatState
from routing.seats.places import AT_CAPACITY, AT_QUOTA, AWAY, INACTIVE, NOT_AT_WORK, NOT_RECEIVING, Place

_OF_THE_REP: Final = (INACTIVE, NOT_RECEIVING, AWAY, AT_CAPACITY, AT_QUOTA)  # whatever the lead
_SOMEBODY: Final = 0  # who could claim from a pool then: nobody kept it
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Decision(Protocol):
    """What is kept of a decision."""

    lead_id: int
    rep_id: int | None
    occurred_at: datetime
    policy: str
    rule: str
    explanation: Any


class Today(Protocol):
    """The seats of today, for what nothing was kept of."""

    @property
    def teams(self) -> Mapping[int, Sequence[Place]]: ...
    @property
    def others(self) -> Mapping[int, Place]: ...


@dataclass(slots=True)
class _Given:
    """Who was given how many leads so far in the walk, and how many of them are undecided still."""

    counts: Counter[int] = field(default_factory=Counter)
    open: Counter[int] = field(default_factory=Counter)
    _over: list[tuple[datetime, int]] = field(default_factory=list)

    def give(self, rep_id: int, *, over_at: datetime, counts: bool) -> None:
        self.counts[rep_id] += counts
        self.open[rep_id] += 1
        heapq.heappush(self._over, (over_at, rep_id))

    def forward(self, now: datetime) -> None:
        """Let what was decided by now be open no more."""
        while self._over and self._over[0][0] <= now:
            self.open[heapq.heappop(self._over)[1]] -= 1


@dataclass(frozen=True, slots=True)
class _Kept:
    """A candidate as it was kept, less what the walk had given it by then."""

    told: Mapping[str, Any]
    level: float
    open: int


class Recall:
    """One walk through past decisions under a version. over_at: by lead when it was decided about; None: not yet."""

    def __init__(self, policy: Policy, today: Today, *, over_at: Mapping[int, datetime | None]) -> None:
        self.policy = policy
        self._over_at = over_at
        self._places = {place.rep_id: place for team in today.teams.values() for place in team} | dict(today.others)
        self._today = {team_id: [place.rep_id for place in team] for team_id, team in today.teams.items()}
        self._kept: dict[int, dict[int, _Kept]] = defaultdict(dict)  # team -> rep -> as kept last
        self._was, self._would = _Given(), _Given()
        self._last: dict[int, datetime] = {}  # whom the walk gave something else than they got

    def forward(self, decision: Decision) -> None:
        """Go on to the next decision: take in what it kept."""
        self._was.forward(decision.occurred_at)
        self._would.forward(decision.occurred_at)
        told = decision.explanation
        for part in [*told.get("passed", ()), told]:
            if part.get("team") is not None and "candidates" in part:
                self._kept[part["team"]] = {one["rep"]: self._as_kept(one) for one in part["candidates"]}

    def count(self, decision: Decision, choice: Choice) -> None:
        """Count whom the lead went to, and whom it would go to."""
        over_at = self._over_at.get(decision.lead_id) or _NEVER
        method = decision.explanation.get("method")
        if decision.rep_id is not None:
            self._was.give(decision.rep_id, over_at=over_at, counts=method != rules.OWNER)
        if choice.rep_id is not None:
            by_owner = choice.explanation.get("method") == rules.OWNER
            self._would.give(choice.rep_id, over_at=over_at, counts=not by_owner)
        if choice.rep_id != decision.rep_id:
            for rep_id in (choice.rep_id, decision.rep_id):
                if rep_id is not None:
                    self._last[rep_id] = decision.occurred_at + timedelta(microseconds=len(self._last))

    def team(self, team_id: int, decision: Decision, *, as_kept: bool) -> list[Place]:
        """The seats of a team at a decision. as_kept: with all that kept them out then, whatever the rule asks now."""
        kept = self._kept.get(team_id)
        if kept:
            return [self._place(rep_id, one, decision, as_kept=as_kept) for rep_id, one in kept.items()]
        return [self._of_today(rep_id) for rep_id in self._today.get(team_id, ())]

    def other(self, rep_id: int) -> Place | None:
        """The seat of an account's owner, as it is today but for what the walk gave."""
        return self._of_today(rep_id) if rep_id in self._places else None

    def owner_as_kept(self, decision: Decision) -> Place | None:
        """The seat of the account's owner as the decision kept it; None where there was none."""
        told = decision.explanation
        for part in [*told.get("passed", ()), told]:
            if part.get("owner") is not None and part.get("candidates"):
                (one,) = part["candidates"]
                return self._place(one["rep"], self._as_kept(one), decision, as_kept=True)
        return None

    # --- as it was ---

    def _as_kept(self, told: Mapping[str, Any]) -> _Kept:
        rep_id = told["rep"]
        level = told["level"] - self._was.counts[rep_id] / told["weight"]
        return _Kept(told, level, told["open"] - self._was.open[rep_id])

    def _place(self, rep_id: int, kept: _Kept, decision: Decision, *, as_kept: bool) -> Place:
        told, weight = kept.told, kept.told["weight"]
        level = round(kept.level + self._would.counts[rep_id] / weight, LEVEL_PLACES)
        open_ = max(kept.open + self._would.open[rep_id], 0)
        why = told.get("why", "")
        capacity = told.get("capacity")
        if not as_kept and why not in _OF_THE_REP:
            why = ""
        if capacity is not None and why in ("", AT_CAPACITY):
            why = AT_CAPACITY if open_ >= capacity else ""
        today = self._places.get(rep_id)
        return Place(
            seat_id=0,
            team_id=0,
            user_id=None,
            state=SeatState(rep_id=rep_id, weight=weight, calibration=level * weight, left=0 if why else None),
            open=open_,
            capacity=capacity,
            work=max(told.get("work", told["open"]) - told["open"] + open_, 0),
            why=why,
            until=date.fromisoformat(told["until"]) if told.get("until") else None,
            at_work=told.get("why") != NOT_AT_WORK,
            last_at=self._last_at(rep_id, told, decision),
            kept=_fit(told) if "factors" in told else None,
            quota=told.get("quota", ""),
            profile=today.profile if today else Profile(),
        )

    def _last_at(self, rep_id: int, told: Mapping[str, Any], decision: Decision) -> datetime | None:
        if rep_id in self._last:
            return self._last[rep_id]
        if told.get("order"):  # within the batch: after everything before it
            return decision.occurred_at + timedelta(microseconds=told["order"])
        return datetime.fromisoformat(told["last"]) if told.get("last") else None

    def _of_today(self, rep_id: int) -> Place:
        place = self._places[rep_id]
        more = self._would.counts[rep_id] - self._was.counts[rep_id]
        open_ = max(place.open + self._would.open[rep_id] - self._was.open[rep_id], 0)
        state = replace(place.state, calibration=place.state.calibration + more)
        return replace(place, state=state, open=open_, work=max(place.work + open_ - place.open, 0))


def _fit(told: Mapping[str, Any]) -> Fit:
    return Fit(score=told["score"], values=told["factors"], unsaid=tuple(told.get("unsaid", ())))


def replayed(recall: Recall, decision: Decision, wanted: Wanted) -> Choice:
    """The decision made again under the walk's version. wanted: the lead as it is today."""
    recall.forward(decision)
    own = decision.policy == recall.policy.name
    wanted = _as_decided(decision, recall.policy, wanted) if own else wanted
    teams = {rule.team_id for rule in wanted.rules if rule.deals}
    owner = wanted.facts.owner_id
    others = {}
    if owner is not None and any(rule.method == rules.OWNER for rule in wanted.rules):
        place = recall.owner_as_kept(decision) if own else recall.other(owner)
        if place is not None:
            others[owner] = place
    dealer = Dealer(
        teams={team_id: recall.team(team_id, decision, as_kept=own) for team_id in teams},
        others=others,
        staffed=dict.fromkeys((rule.team_id for rule in wanted.rules), (_SOMEBODY,)),
        weights=recall.policy.weights,
        today=decision.occurred_at.date(),
    )
    choice = dealer.choose(replace(wanted, had=decision.explanation.get("had")))
    recall.count(decision, choice)
    return choice


def _as_decided(decision: Decision, policy: Policy, wanted: Wanted) -> Wanted:
    """The lead by what was kept alone: the rules it met, whose account it was, and nothing else to ask."""
    told = decision.explanation
    met = list(dict.fromkeys([*(one["rule"] for one in told.get("passed", ())), decision.rule]))
    by_name = {rule.name: rule for rule in policy.rules}
    return Wanted(
        lead_id=wanted.lead_id,
        rules=tuple(
            replace(by_name[name], demands=frozenset(), at_work=rules.NEVER, broken=told.get("reason") == "broken_rule")
            for name in met
            if name in by_name
        ),
        facts=LeadFacts(owner_id=_owner_of(told)),
    )


def _owner_of(told: Mapping[str, Any]) -> int | None:
    return next((one["owner"] for one in [*told.get("passed", ()), told] if one.get("owner") is not None), None)
