"""Which rule of the published routing policy a lead meets: conditions in order, the first that holds decides."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from funnel.conditions import Compiled, ConditionError
from funnel.conditions import compile as compile_condition
from funnel.versions import Status
from routing.fields import FIELDS
from routing.models import RoutingPolicy, RoutingRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule as a decision needs it.

    broken: its condition can no longer be read, as after an upgrade that took a field away. Every lead that comes so
    far in the list meets it, since nobody knows whether it should go on to the rules behind.
    """

    name: str
    team_id: int
    pooled: bool
    condition: Compiled
    broken: bool = False


_EVERY_LEAD: Final = compile_condition({}, FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A published version: its name as decisions carry it, and its rules in order."""

    name: str
    rules: tuple[Rule, ...]


def published(stage: str = RoutingRule.Of.MQL) -> Policy | None:
    """The policy in force with its rules for leads at this stage, read in two queries."""
    found = RoutingPolicy.objects.filter(status=Status.PUBLISHED).prefetch_related("rules").first()
    if found is None:
        return None
    return Policy(name=found.policy, rules=tuple(_rule(row) for row in found.rules.all() if row.stage == stage))


def _rule(row: RoutingRule) -> Rule:
    pooled = row.method == RoutingRule.Method.POOL
    try:
        condition, broken = compile_condition(row.condition, FIELDS), False
    except ConditionError:
        condition, broken = _EVERY_LEAD, True
    return Rule(name=row.name, team_id=row.team_id, pooled=pooled, condition=condition, broken=broken)


def match(lead_ids: Collection[int], rules: Sequence[Rule]) -> dict[int, Rule]:
    """The rule of each lead that meets one. One statement for all rules; what is not known does not hold."""
    if not lead_ids or not rules:
        return {}
    chosen, joins, params = decision(rules)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT l.id, {chosen} FROM funnel_lead l {joins} WHERE l.id = ANY(%s)", [*params, list(lead_ids)]
        )
        return {lead_id: rules[number] for lead_id, number in cursor.fetchall() if number is not None}


def decision(rules: Sequence[Rule]) -> tuple[str, str, list[Any]]:
    """SQL of the number of the first rule that holds for a lead `l`, the joins it needs, and its parameters."""
    compiled = [rule.condition for rule in rules]
    groups = frozenset().union(*(one.groups for one in compiled))
    cases = " ".join(f"WHEN ({one.sql}) THEN {number}" for number, one in enumerate(compiled))
    return f"CASE {cases} END", FIELDS.joins(groups, root="lead"), [p for one in compiled for p in one.params]
