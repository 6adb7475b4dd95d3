"""Why a lead has the owner it has, and why not the others: the kept decision as sentences, with the names of today.

An assignment keeps codes and numbers only (`Assignment.explanation`):

    method      round_robin, least_open, score, owner (of the account), pool, kept (an active owner keeps the lead) or
                none (nobody could take it)
    reason      no_policy, no_rule, broken_rule, no_seats, nobody_available, no_owner, owner_without_seat,
                owner_unavailable, empty_pool, kept, or nobody_else (its owner was to lose it); `why` then says which
                of the others it was
    team        whose seats or pool the rule names
    owner       the account's owner, where one was asked for
    weights     of the factors, where the score decided
    candidates  each seat as it stood at that moment: rep, level, weight, open (undecided MQLs), capacity, quota,
                eligible, why (routing/seats/places.py), until (the last day away); where it counted also work (leads in
                hand), score, factors, unsaid (factors that took what is neutral), last and order (when they were last
                given a lead, before the batch and within it)
    had         who was to lose the lead, a promise having run out
    stage       sql where an SQL went to an account executive; left out of MQLs
    passed      the methods that found nobody before: rule, method, why, and what was kept of each as above

What a person did keeps `by` and `before` instead (routing/acts/ownership.py).
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from funnel.access import name_of
from funnel.conditions import sentence as condition_sentence
from funnel.models import Lead, Rep
from routing.assignment import candidates
from routing.assignment.candidates import GONE, Candidate, candidates_of, nobody_sentence, turn_sentence
from routing.fields import FIELDS
from routing.models import Assignment, RoutingRule
from routing.wording import assignment_sentence

_ENGINE: Final = ("round_robin", "least_open", "score", "owner", "pool", "kept", "none")


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
class Passed:
    """A rule, or one of its methods, that found nobody before the one that decided."""

    rule: str
    method: str
    why: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyOwner:
    """Why the lead is where it is.

    owner, pool: whose it is now, by name. rule, condition, method, policy, decided_at: of the latest decision of
    routing, `candidates` of it, the chosen one first, and `passed`, what found nobody before; all empty for a lead that
    routing never decided about. weights: of the factors, where the score decided.
    """

    lead_id: int
    sentence: str
    owner: str
    pool: str
    rule: str
    condition: str
    method: str
    policy: str
    decided_at: datetime | None
    weights: Mapping[str, float]
    candidates: tuple[Candidate, ...]
    passed: tuple[Passed, ...]
    history: tuple[Change, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values; moments stay datetimes."""
        return asdict(self)


def why_owner(lead: Lead) -> WhyOwner:
    """Why this owner and not another. A constant number of queries."""
    # In the order of the lead's lock: whoever waited for it has an earlier moment than whom they waited for.
    ledger = list(Assignment.objects.filter(lead=lead).select_related("rep", "team", "actor").order_by("-pk"))
    decision = next((row for row in ledger if row.explanation.get("method") in _ENGINE), None)
    told = decision.explanation if decision else {}
    names = names_of(told) | ({lead.owner_id: str(lead.owner)} if lead.owner_id else {})
    return WhyOwner(
        lead_id=lead.pk,
        sentence=_sentence(lead, ledger[0] if ledger else None, names),
        owner=str(lead.owner or ""),
        pool=str(lead.pool or ""),
        rule=decision.rule if decision else "",
        condition=_condition(decision) if decision else "",
        method=told.get("method", ""),
        policy=decision.policy if decision else "",
        decided_at=decision.occurred_at if decision else None,
        weights=told.get("weights", {}),
        candidates=candidates_of(told, chosen=decision.rep_id if decision else None, names=names),
        passed=passed_of(told, names),
        history=tuple(map(_change, ledger)),
    )


def names_of(told: Mapping[str, Any]) -> dict[int, str]:
    """The names of today of everybody in an explanation. One query."""
    return names_by_id(candidates.reps_in(told))


def names_by_id(rep_ids: Collection[int]) -> dict[int, str]:
    return dict(Rep.objects.filter(pk__in=rep_ids).values_list("pk", "name"))


def passed_of(told: Mapping[str, Any], names: Mapping[int, str]) -> tuple[Passed, ...]:
    """What found nobody before the decision, in order."""
    return tuple(
        Passed(rule=one["rule"], method=one["method"], why=one["why"], sentence=nobody_sentence(one["why"], one, names))
        for one in told.get("passed", ())
    )


# --- the answer in one sentence -------------------------------------------------------------------


def _sentence(lead: Lead, latest: Assignment | None, names: Mapping[int, str]) -> str:
    if latest is None or (latest.rep_id, latest.team_id) != (lead.owner_id, lead.pool_id):
        return _from_elsewhere(lead)
    if latest.actor is not None:
        return f"{_change(latest).sentence}, by {name_of(latest.actor)}."
    told = latest.explanation
    if told.get("method") not in _ENGINE:
        return f"{_change(latest).sentence}."
    return decision_sentence(told, names, rep_id=latest.rep_id, pool=str(lead.pool or ""), rule=latest.rule)


def decision_sentence(
    told: Mapping[str, Any], names: Mapping[int, str], *, rep_id: int | None, pool: str, rule: str
) -> str:
    """A decision of routing in one sentence. rep_id, pool: who got the lead, and the name of the pool's team."""
    by_rule = f"by the rule “{rule}”" if rule else "by routing"
    rep = names.get(rep_id or 0, GONE)
    method = told.get("method")
    if method in ("round_robin", "least_open", "score"):
        words = {"round_robin": "was next", "least_open": "had the least work", "score": "fits best"}
        return f"{rep} {words[method]} {by_rule}: {turn_sentence(told, rep_id)}."
    if method == "none":
        return why_nobody(told, names)
    if told.get("reason") == "nobody_else":
        return f"{rep} keeps it, though a promise ran out. {nobody_sentence(told.get('why', ''), told, names)}"
    sentences = {
        "owner": f"{rep} owns the account and gets its leads {by_rule}.",
        "kept": f"{rep} had it already and keeps it.",
        "pool": f"It waits in the pool of {pool} {by_rule}; whoever claims it there owns it.",
    }
    empty = " Nobody could claim it there then: its team had nobody active." if told.get("reason") else ""
    return sentences[method or "pool"] + (empty if method == "pool" else "")


def _from_elsewhere(lead: Lead) -> str:
    """The ledger does not say who it is: nobody has routed it, or an import has named another owner since."""
    if lead.owner:
        return f"{lead.owner} came with the lead from its source; routing has not decided about it."
    if lead.pool:
        return f"The pool of {lead.pool} came with the lead from its source; routing has not decided about it."
    return "Nobody owns it. Routing decides when it becomes an MQL."


def why_nobody(told: Mapping[str, Any], names: Mapping[int, str] | None = None) -> str:
    """Why nobody could take a lead, from the explanation of its assignment, in one or two sentences."""
    return nobody_sentence(told.get("reason", ""), told, names or {})


# --- its parts ------------------------------------------------------------------------------------


def _condition(decision: Assignment) -> str:
    """The rule's condition in words, as its version has it; blank where the version is gone or nothing applied."""
    _kind, _colon, version = decision.policy.partition(":")
    if not decision.rule or not version.isdigit():
        return ""
    rule = RoutingRule.objects.filter(routing_policy__version=int(version), name=decision.rule).first()
    return condition_sentence(rule.condition, FIELDS) if rule else ""


def _change(row: Assignment) -> Change:
    kept = row.explanation.get("method") == "kept"
    sentence = assignment_sentence(row.kind, rep=str(row.rep or ""), team=str(row.team or ""), kept=kept)
    return Change(
        at=row.occurred_at,
        kind=row.kind,
        sentence=f"{sentence}{_after(row)}",
        rep_id=row.rep_id,
        team_id=row.team_id,
        by=name_of(row.actor) if row.actor else "",
        rule=row.rule,
        policy=row.policy,
    )


def _after(row: Assignment) -> str:
    """What led to it, where that is not the lead's own way."""
    if row.cause.startswith("wrong_route:"):
        return ", after a wrong route"
    if row.cause.endswith(":reassign:again"):
        return ", as soon as somebody else could take it after a promise ran out"
    return ", after a promise ran out" if "had" in row.explanation else ""
