"""Why a lead has the owner it has, and why not the others: the kept decision as sentences, with the names of today.

An assignment keeps codes and numbers only (`Assignment.explanation`):

    method      round_robin, pool, kept (an active owner keeps the lead) or none (nobody could take it)
    reason      no_policy, no_rule, broken_rule, no_seats, nobody_available or kept
    team        whose seats or pool the rule names
    candidates  each seat as it stood at that moment: rep, level, weight, open (undecided MQLs), capacity, eligible,
                why (inactive, not_receiving, away, at_capacity, no_room), until (the last day away)
    stage       sql where an SQL went to an account executive; left out of MQLs

What a person did keeps `by` and `before` instead (ownership.py).
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from funnel.conditions import sentence as condition_sentence
from funnel.models import Lead, Rep
from routing.fields import FIELDS
from routing.models import Assignment, RoutingRule
from routing.notices import WHY_UNROUTED
from routing.wording import assignment_sentence

_ENGINE: Final = ("round_robin", "pool", "kept", "none")
GONE: Final = "Somebody who is gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One rep as they stood when it was decided. level: leads so far by weight; open: undecided MQLs then."""

    rep_id: int
    name: str
    chosen: bool
    eligible: bool
    level: float
    weight: float
    open: int
    capacity: int | None
    why: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry of the ledger, newest first in `WhyOwner.history`. by: who did it; blank for routing itself."""

    at: datetime
    kind: str
    sentence: str
    rep_id: int | None
    team_id: int | None
    by: str
    rule: str
    policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyOwner:
    """Why the lead is where it is.

    owner, pool: whose it is now, by name. rule, condition, policy, decided_at: of the latest decision of routing, and
    `candidates` of it, the chosen one first; all empty for a lead that routing never decided about.
    """

    lead_id: int
    sentence: str
    owner: str
    pool: str
    rule: str
    condition: str
    policy: str
    decided_at: datetime | None
    candidates: tuple[Candidate, ...]
    history: tuple[Change, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values; moments stay datetimes."""
        return asdict(self)


def why_owner(lead: Lead) -> WhyOwner:
    """Why this owner and not another. A constant number of queries."""
    # In the order of the lead's lock: whoever waited for it has an earlier moment than whom they waited for.
    ledger = list(Assignment.objects.filter(lead=lead).select_related("rep", "team", "actor").order_by("-pk"))
    decision = next((row for row in ledger if row.explanation.get("method") in _ENGINE), None)
    return WhyOwner(
        lead_id=lead.pk,
        sentence=_sentence(lead, ledger[0] if ledger else None),
        owner=str(lead.owner or ""),
        pool=str(lead.pool or ""),
        rule=decision.rule if decision else "",
        condition=_condition(decision) if decision else "",
        policy=decision.policy if decision else "",
        decided_at=decision.occurred_at if decision else None,
        candidates=_candidates(decision) if decision else (),
        history=tuple(map(_change, ledger)),
    )


# --- the answer in one sentence -------------------------------------------------------------------


def _sentence(lead: Lead, latest: Assignment | None) -> str:
    if latest is None or (latest.rep_id, latest.team_id) != (lead.owner_id, lead.pool_id):
        return _from_elsewhere(lead)
    if latest.actor is not None:
        return f"{_change(latest).sentence}, by {_name(latest.actor)}."
    told = latest.explanation
    by_rule = f"by the rule “{latest.rule}”" if latest.rule else "by routing"
    method = told.get("method")
    if method == "round_robin":
        return f"{lead.owner} was next {by_rule}: {_turn(told, latest.rep_id)}."
    if method == "none":
        return why_nobody(told)
    sentences = {
        "kept": f"{lead.owner} had it already and keeps it.",
        "pool": f"It waits in the pool of {lead.pool} {by_rule}; whoever claims it there owns it.",
    }
    return sentences.get(method or "", f"{_change(latest).sentence}.")


def _from_elsewhere(lead: Lead) -> str:
    """The ledger does not say who it is: nobody has routed it, or an import has named another owner since."""
    if lead.owner:
        return f"{lead.owner} came with the lead from its source; routing has not decided about it."
    if lead.pool:
        return f"The pool of {lead.pool} came with the lead from its source; routing has not decided about it."
    return "Nobody owns it. Routing decides when it becomes an MQL."


def why_nobody(told: Mapping[str, Any]) -> str:
    """Why nobody could take a lead, from the explanation of its assignment, in one or two sentences."""
    said = WHY_UNROUTED.get(told.get("reason", ""), "Nobody could take it.")
    counts: dict[str, int] = {}
    for candidate in told.get("candidates", ()):
        counts[candidate.get("why", "")] = counts.get(candidate.get("why", ""), 0) + 1
    parts = [f"{count} {_COUNTED[why]}" for why, count in counts.items() if why in _COUNTED]
    return f"{said} Of its seats: {', '.join(parts)}." if parts else said


_SAID: Final = {
    "inactive": "No longer active",
    "not_receiving": "Receives nothing new",
    "no_room": "No room for more SQLs in this period",
}
_COUNTED: Final = {
    "inactive": "no longer active",
    "not_receiving": "set to receive nothing new",
    "away": "away",
    "at_capacity": "at capacity",
    "no_room": "without room for more SQLs",
}


def _turn(told: Mapping[str, Any], rep_id: int | None) -> str:
    """Why it was this rep's turn among the others."""
    able = [candidate for candidate in told.get("candidates", ()) if candidate["eligible"]]
    chosen = next((candidate for candidate in able if candidate["rep"] == rep_id), None)
    if chosen is None:
        return "their turn"
    if len(able) == 1:
        return "nobody else could take it"
    level = chosen["level"]
    if any(candidate["level"] == level for candidate in able if candidate is not chosen):
        return f"{level:,.0f} leads for their weight so far, as few as anybody who could take it"
    return f"{level:,.0f} leads for their weight so far, the fewest of {len(able)} who could take it"


# --- its parts ------------------------------------------------------------------------------------


def _condition(decision: Assignment) -> str:
    """The rule's condition in words, as its version has it; blank where the version is gone or nothing applied."""
    _kind, _colon, version = decision.policy.partition(":")
    if not decision.rule or not version.isdigit():
        return ""
    rule = RoutingRule.objects.filter(routing_policy__version=int(version), name=decision.rule).first()
    return condition_sentence(rule.condition, FIELDS) if rule else ""


def _candidates(decision: Assignment) -> tuple[Candidate, ...]:
    told = decision.explanation.get("candidates", ())
    names = _names({candidate["rep"] for candidate in told})
    made = [_candidate(one, decision, names.get(one["rep"], GONE)) for one in told]
    return tuple(sorted(made, key=lambda one: (not one.chosen, not one.eligible, one.level, one.rep_id)))


def _candidate(told: Mapping[str, Any], decision: Assignment, name: str) -> Candidate:
    chosen = told["rep"] == decision.rep_id
    return Candidate(
        rep_id=told["rep"],
        name=name,
        chosen=chosen,
        eligible=told["eligible"],
        level=told["level"],
        weight=told["weight"],
        open=told["open"],
        capacity=told.get("capacity"),
        why=told.get("why", ""),
        sentence=_said_of(told, chosen=chosen, noun="SQL" if decision.explanation.get("stage") == "sql" else "MQL"),
    )


def _said_of(told: Mapping[str, Any], *, chosen: bool, noun: str) -> str:
    """At capacity, 61 open MQLs of 40; Away until Mon 23 Nov; Next in turn."""
    why = told.get("why", "")
    if why == "at_capacity":
        return f"At capacity, {told['open']} open {noun}{'' if told['open'] == 1 else 's'} of {told['capacity']}"
    if why == "away":
        back = date.fromisoformat(told["until"]) + timedelta(days=1)
        return f"Away until {back:%a} {back.day} {back:%b}"
    if why:
        return _SAID.get(why, why)
    return "Next in turn" if chosen else "Later in turn"


def _change(row: Assignment) -> Change:
    kept = row.explanation.get("reason") == "kept"
    return Change(
        at=row.occurred_at,
        kind=row.kind,
        sentence=assignment_sentence(row.kind, rep=str(row.rep or ""), team=str(row.team or ""), kept=kept),
        rep_id=row.rep_id,
        team_id=row.team_id,
        by=_name(row.actor) if row.actor else "",
        rule=row.rule,
        policy=row.policy,
    )


def _name(user: Any) -> str:
    return user.get_full_name() or user.get_username()


def _names(rep_ids: Collection[int]) -> dict[int, str]:
    return dict(Rep.objects.filter(pk__in=rep_ids).values_list("pk", "name"))
