"""What people and their accounts score by what they are, and whether the gates let them through (scoring.md 7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from funnel.fields import FIELDS_OF_PEOPLE
from scoring.decay import Floats
from scoring.exchange import fetch, literal
from scoring.models import Gate, ScoreRule
from scoring.policy import GateTerms, Policy, RuleTerms

Ids = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """Of the people who exist, in the order of their ids: fit by category (n, f), and what the gates say.

    required: every gate that must hold does; one that asks for what is not known does not. excluded: one that must not
    hold does.
    """

    people: Ids
    fit: Floats
    required: Flags
    excluded: Flags

    @property
    def allowed(self) -> Flags:
        return self.required & ~self.excluded

    @property
    def totals(self) -> Floats:
        """Unfloored."""
        return self.fit.sum(axis=1)


def read(policy: Policy, people: Iterable[int]) -> Fits:
    """Fit and gates of these people now. One statement."""
    sql, columns = _statement(policy)
    found = fetch(sql, {"people": list(people)}, columns)
    caps = np.array([np.inf if terms.cap is None else terms.cap for terms in policy.fit])
    fit = np.empty((len(found["person"]), len(policy.fit)))
    for place in range(len(policy.fit)):
        fit[:, place] = found[f"fit{place}"]
    return Fits(
        people=found["person"],
        fit=np.minimum(fit, caps),
        required=found["required"].astype(bool),
        excluded=found["excluded"].astype(bool),
    )


@lru_cache(maxsize=16)
def _statement(policy: Policy) -> tuple[str, dict[str, str]]:
    rules = policy.rules_of(ScoreRule.Kind.ATTRIBUTE)
    required, excluded = policy.gates_of(Gate.Kind.REQUIRE), policy.gates_of(Gate.Kind.EXCLUDE)
    conditions = [part.condition for part in rules] + [gate.condition for gate in (*required, *excluded)]
    groups = {group for condition in conditions for group in condition.groups}
    columns = {"person": "bigint"} | {f"fit{place}": "float8" for place in range(len(policy.fit))}
    columns |= {"required": "boolean", "excluded": "boolean"}
    values = ["p.id", *(_category(rules, place) for place in range(len(policy.fit)))]
    values += [_holding(required, " AND ", "true"), _holding(excluded, " OR ", "false")]
    return (
        f"SELECT {', '.join(values)} FROM funnel_person p {FIELDS_OF_PEOPLE.joins(groups, root='person')} "
        "WHERE p.id = ANY(%(people)s) ORDER BY p.id",
        columns,
    )


def _category(rules: Iterable[RuleTerms], place: int) -> str:
    """The points of a category. A condition is evaluated once: yes, no, or not known."""
    cases = [
        f"CASE {literal(rule.condition.sql, rule.condition.params)} WHEN true THEN {rule.points!r}::float8 "
        f"WHEN false THEN 0 ELSE {rule.points_if_unknown!r} END"
        for rule in rules
        if rule.category == place
    ]
    return " + ".join(cases) or "0::float8"


def _holding(gates: Iterable[GateTerms], word: str, otherwise: str) -> str:
    conditions = [f"({literal(gate.condition.sql, gate.condition.params)}) IS TRUE" for gate in gates]
    return f"({word.join(conditions)})" if conditions else otherwise
