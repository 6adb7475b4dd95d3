"""The candidates of a kept decision, and what a sentence says of each. Pure; explain.py has the shape that is kept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from routing import factors
from routing.wording import NOBODY

GONE: Final = "Somebody who is gone"

FACTOR_NAMES: Final[Mapping[str, str]] = {
    factors.OWNERSHIP: "Owns the account",
    factors.MEETING: "Meets the account soon",
    factors.PRODUCT: "Serves the solution",
    factors.SAME_SOLUTION: "Has others there for the solution",
    factors.CONNECTION: "Knows others there",
    factors.SEGMENT: "Serves the segment",
    factors.TENURE: "Time with the company",
    factors.CAPACITY: "Room left",
}

_WHY: Final[Mapping[str, str]] = {
    "inactive": "No longer active",
    "not_receiving": "Receives nothing new",
    "at_quota": "Has reached the lead quota",
    "not_at_work": "Not at work then",
    "wrong_route": "Said that it was not theirs",
    "had_it": "Had it when the promise ran out",
    "no_room": "No room for more SQLs in this period",
    "other_region": "Serves other regions",
    "other_solution": "Serves other solutions",
    "other_language": "Serves other languages",
    "other_segment": "Serves other segments",
}
_COUNTED: Final[Mapping[str, str]] = {
    "inactive": "no longer active",
    "not_receiving": "set to receive nothing new",
    "away": "away",
    "at_capacity": "at capacity",
    "at_quota": "at their lead quota",
    "not_at_work": "not at work",
    "wrong_route": "who said it was not theirs",
    "had_it": "who had it when the promise ran out",
    "no_room": "without room for more SQLs",
    "other_region": "for other regions",
    "other_solution": "for other solutions",
    "other_language": "for other languages",
    "other_segment": "for other segments",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """What one factor said of a candidate. value: 0 to 1; points: what it added to the score of 100.

    said: False where nothing was known and it took what is neutral.
    """

    name: str
    label: str
    value: float
    points: float
    said: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One rep as they stood when it was decided. level: leads so far by weight; open: undecided MQLs then.

    work: leads in hand, where that decided; score and factors: where the distribution score decided.
    """

    rep_id: int
    name: str
    chosen: bool
    eligible: bool
    level: float
    weight: float
    open: int
    capacity: int | None
    work: int | None
    score: float | None
    factors: tuple[Factor, ...]
    why: str
    sentence: str


def reps_in(told: Mapping[str, Any]) -> set[int]:
    """Everybody whom an explanation names."""
    parts = [told, *told.get("passed", ())]
    reps = {candidate["rep"] for part in parts for candidate in part.get("candidates", ())}
    return reps | {part["owner"] for part in parts if part.get("owner") is not None}


def candidates_of(told: Mapping[str, Any], *, chosen: int | None, names: Mapping[int, str]) -> tuple[Candidate, ...]:
    """The candidates of a decision, the chosen one first, then those who could, in the order in which they came."""
    made = [
        _candidate(one, told, chosen=one["rep"] == chosen, name=names.get(one["rep"], GONE))
        for one in told.get("candidates", ())
    ]
    return tuple(sorted(made, key=lambda one: (not one.chosen, not one.eligible, _order(one), one.rep_id)))


def _order(one: Candidate) -> float:
    if one.score is not None:
        return -one.score
    return one.level if one.work is None else one.work / one.weight


def _candidate(told: Mapping[str, Any], decision: Mapping[str, Any], *, chosen: bool, name: str) -> Candidate:
    return Candidate(
        rep_id=told["rep"],
        name=name,
        chosen=chosen,
        eligible=told["eligible"],
        level=told["level"],
        weight=told["weight"],
        open=told["open"],
        capacity=told.get("capacity"),
        work=told.get("work"),
        score=told.get("score"),
        factors=tuple(_factors(told, decision.get("weights", factors.WEIGHTS))),
        why=told.get("why", ""),
        sentence=_said_of(told, decision, chosen=chosen),
    )


def _factors(told: Mapping[str, Any], weights: Mapping[str, float]) -> Iterator[Factor]:
    """Those that count, the heaviest first."""
    values, unsaid = told.get("factors", {}), set(told.get("unsaid", ()))
    total = sum(weights.values())
    for name, label in FACTOR_NAMES.items():
        if name in values and weights.get(name):
            points = 100 * weights[name] * values[name] / total
            yield Factor(name=name, label=label, value=values[name], points=round(points, 1), said=name not in unsaid)


# --- sentences ---------------------------------------------------------------------------------------------------


def _said_of(told: Mapping[str, Any], decision: Mapping[str, Any], *, chosen: bool) -> str:
    """At capacity, 61 open MQLs of 40; Away until Mon 23 Nov; Next in turn."""
    why = told.get("why", "")
    if why == "at_capacity":
        noun = "SQL" if decision.get("stage") == "sql" else "MQL"
        return f"At capacity, {told['open']} open {noun}{'' if told['open'] == 1 else 's'} of {told['capacity']}"
    if why == "at_quota" and told.get("quota"):
        return f"{_WHY[why]}, {told['quota']}"
    if why == "away":
        back = date.fromisoformat(told["until"]) + timedelta(days=1)
        return f"Away until {back:%a} {back.day} {back:%b}"
    if why:
        return _WHY.get(why, why)
    return {
        "score": "Fits best" if chosen else "Fits less",
        "least_open": "Has the least open work" if chosen else "Has more open work, or had a lead later",
        "owner": "Owns the account",
    }.get(decision.get("method", ""), "Next in turn" if chosen else "Later in turn")


def turn_sentence(told: Mapping[str, Any], rep_id: int | None) -> str:
    """Why it was this rep among the others."""
    able = [candidate for candidate in told.get("candidates", ()) if candidate["eligible"]]
    chosen = next((candidate for candidate in able if candidate["rep"] == rep_id), None)
    if chosen is None:
        return "their turn"
    if len(able) == 1:
        return "nobody else could take it"
    others = [candidate for candidate in able if candidate is not chosen]
    if "score" in chosen:
        return _of_score(chosen, others)
    if "work" in chosen:
        return _of_work(chosen, others)
    level = chosen["level"]
    if any(candidate["level"] == level for candidate in others):
        return f"{level:,.0f} leads for their weight so far, as few as anybody who could take it"
    return f"{level:,.0f} leads for their weight so far, the fewest of {len(able)} who could take it"


def _of_score(chosen: Mapping[str, Any], others: list[Mapping[str, Any]]) -> str:
    score, best = chosen["score"], max(other["score"] for other in others)
    if score == best:
        return f"{score:.0f} of 100, as others, and given a lead least recently of them"
    places = 0 if round(score) > round(best) else 1 if round(score, 1) > round(best, 1) else 2
    return f"{score:.{places}f} of 100, before {best:.{places}f} of the next"


def _of_work(chosen: Mapping[str, Any], others: list[Mapping[str, Any]]) -> str:
    work = chosen["work"] / chosen["weight"]
    said = f"{chosen['work']} {'lead' if chosen['work'] == 1 else 'leads'} in hand"
    if any(other["work"] / other["weight"] == work for other in others):
        return f"{said}, as few for their weight as others, and given a lead least recently of them"
    return f"{said}, the fewest for their weight of {len(others) + 1} who could take it"


def nobody_sentence(reason: str, told: Mapping[str, Any], names: Mapping[int, str]) -> str:
    """Why nobody was found, from what an explanation keeps, in one or two sentences."""
    if reason == "owner_unavailable":
        return _of_owner(told, names)
    said = NOBODY.get(reason, "Nobody could take it.")
    if reason == "owner_without_seat" and told.get("owner") in names:
        return f"{names[told['owner']]} owns the account and has no seat."
    counts: dict[str, int] = {}
    for candidate in told.get("candidates", ()):
        counts[candidate.get("why", "")] = counts.get(candidate.get("why", ""), 0) + 1
    parts = [f"{count} {_COUNTED[why]}" for why, count in counts.items() if why in _COUNTED]
    return f"{said} Of its seats: {', '.join(parts)}." if parts else said


def _of_owner(told: Mapping[str, Any], names: Mapping[int, str]) -> str:
    name = names.get(told.get("owner", 0))
    candidate = next(iter(told.get("candidates", ())), None)
    if candidate is None or name is None:
        return NOBODY["owner_unavailable"]
    why = _said_of(candidate, {**told, "method": "owner"}, chosen=False)
    return f"{name} owns the account and could not take it: {why[:1].lower()}{why[1:]}."
