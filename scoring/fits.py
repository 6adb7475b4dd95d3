"""What people and their accounts score by what they are, and whether the gates let them through (scoring.md 7)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from funnel.fields import FIELDS_OF_PEOPLE
from scoring.decay import Floats
from scoring.exchange import fetch, literal
from scoring.models import Gate, ScoreRule
from scoring.policy import GateTerms, Policy, RuleTerms

Ids = NDArray[np.int64]
Flags = NDArray[np.bool_]

_NOTHING: Final = "0::float8"


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
    return Fits(
        people=found["person"],
        fit=capped(policy, found),
        required=found["required"].astype(bool),
        excluded=found["excluded"].astype(bool),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a version asks of a person, over the aliases p, a and ar: type and expression of each column by name.

    groups: what has to be joined.
    """

    columns: Mapping[str, tuple[str, str]]
    groups: frozenset[str]

    @property
    def types(self) -> dict[str, str]:
        return {name: type_ for name, (type_, _value) in self.columns.items()}

    @property
    def values(self) -> str:
        return ", ".join(value for _type, value in self.columns.values())


@lru_cache(maxsize=16)
def asked(policy: Policy) -> Asked:
    """The points of each fit category before its cap (fit0 ...), and what the gates say: required, excluded."""
    rules = policy.rules_of(ScoreRule.Kind.ATTRIBUTE)
    required, excluded = policy.gates_of(Gate.Kind.REQUIRE), policy.gates_of(Gate.Kind.EXCLUDE)
    conditions = [part.condition for part in rules] + [gate.condition for gate in (*required, *excluded)]
    columns = {
        f"fit{place}": ("float8", " + ".join(points_of(rule) for rule in rules if rule.category == place) or _NOTHING)
        for place in range(len(policy.fit))
    }
    columns["required"] = ("boolean", _holding(required, " AND ", "true"))
    columns["excluded"] = ("boolean", _holding(excluded, " OR ", "false"))
    return Asked(columns, frozenset(group for condition in conditions for group in condition.groups))


def points_of(rule: RuleTerms) -> str:
    """What an attribute rule gives, as SQL. The condition is evaluated once: yes, no, or not known."""
    return (
        f"CASE {literal(rule.condition.sql, rule.condition.params)} WHEN true THEN {rule.points!r}::float8 "
        f"WHEN false THEN 0 ELSE {rule.points_if_unknown!r} END"
    )


def capped(policy: Policy, columns: Mapping[str, Floats]) -> Floats:
    """The columns fit0 ... side by side (n, f), each at most its category's cap."""
    caps = np.array([np.inf if terms.cap is None else terms.cap for terms in policy.fit])
    fit = np.empty((len(columns["required"]), len(policy.fit)))
    for place in range(len(policy.fit)):
        fit[:, place] = columns[f"fit{place}"]
    return np.minimum(fit, caps)


@lru_cache(maxsize=16)
def _statement(policy: Policy) -> tuple[str, dict[str, str]]:
    found = asked(policy)
    return (
        f"SELECT p.id, {found.values} FROM funnel_person p {FIELDS_OF_PEOPLE.joins(found.groups, root='person')} "
        "WHERE p.id = ANY(%(people)s) ORDER BY p.id",
        {"person": "bigint"} | found.types,
    )


def _holding(gates: Iterable[GateTerms], word: str, otherwise: str) -> str:
    conditions = [f"({literal(gate.condition.sql, gate.condition.params)}) IS TRUE" for gate in gates]
    return f"({word.join(conditions)})" if conditions else otherwise
