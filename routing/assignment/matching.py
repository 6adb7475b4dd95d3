"""Which rules of a routing policy a lead meets: conditions in order, the first that holds decides."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from django.db import connection

from funnel.conditions import ConditionError
from funnel.conditions import compile as compile_condition
from funnel.versions import Status
from routing.assignment import rules as methods
from routing.assignment.rules import Policy, Rule
from routing.fields import FIELDS
from routing.models import RoutingPolicy, RoutingRule

_EVERY_LEAD: Final = compile_condition({}, FIELDS)


def published(stage: str = RoutingRule.Of.MQL) -> Policy | None:
    """The policy in force with its rules for leads at this stage, read in two queries."""
    found = RoutingPolicy.objects.filter(status=Status.PUBLISHED).prefetch_related("rules").first()
    return None if found is None else policy_of(found, stage)


def policy_of(row: RoutingPolicy, stage: str = RoutingRule.Of.MQL) -> Policy:
    """Any version, a draft too, as decisions about leads at this stage need it."""
    rules = tuple(_rule(rule) for rule in row.rules.all() if rule.stage == stage)
    return Policy(name=row.policy, rules=rules, weights=dict(row.weights))


def _rule(row: RoutingRule) -> Rule:
    try:
        condition, broken = compile_condition(row.condition, FIELDS), False
    except ConditionError:
        condition, broken = _EVERY_LEAD, True
    return Rule(
        name=row.name,
        team_id=row.team_id,
        method=row.method,
        otherwise=row.otherwise,
        at_work=row.at_work,
        demands=frozenset(row.demands),
        condition=condition,
        broken=broken,
    )


def match(lead_ids: Collection[int], rules: Sequence[Rule]) -> dict[int, tuple[Rule, ...]]:
    """The rules that each lead meets, in order, up to the first that leaves nothing to those behind it.

    One statement for all rules; what is not known does not hold.
    """
    if not lead_ids or not rules:
        return {}
    compiled = [rule.condition for rule in rules]
    if any(rule.goes_on for rule in rules):
        every = ", ".join(f"CASE WHEN {one.sql} THEN {number} END" for number, one in enumerate(compiled))
        chosen = f"array_remove(ARRAY[{every}]::integer[], NULL)"
    else:
        chosen = f"ARRAY[{_first(rules)}]::integer[]"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT l.id, {chosen} FROM funnel_lead l {_joins(rules)} WHERE l.id = ANY(%s)",
            [*(p for one in compiled for p in one.params), list(lead_ids)],
        )
        return {lead_id: chain for lead_id, met in cursor.fetchall() if (chain := _chain(met, rules))}


def _chain(met: Sequence[int | None], rules: Sequence[Rule]) -> tuple[Rule, ...]:
    found = []
    for number in met:
        if number is not None:
            found.append(rules[number])
            if not rules[number].goes_on:
                break
    return tuple(found)


def decision(rules: Sequence[Rule], *, useful: Collection[int], owners: Collection[int]) -> tuple[str, str, list[Any]]:
    """SQL of whether a lead `l` may find somebody, the joins it needs, and its parameters.

    useful: the numbers of the rules that may have somebody for any lead; owners: reps who may be given leads of their
    accounts now. A lead that a useless rule keeps to itself finds nobody.
    """
    cases: list[str] = []
    params: list[Any] = []
    for number, rule in enumerate(rules):
        sql, values = rule.condition.sql, rule.condition.params
        if number in useful:
            cases.append(f"WHEN {sql} THEN true")
            params += values
            continue
        if rule.method == methods.OWNER and owners and not rule.broken:
            cases.append(f"WHEN ({sql}) AND a.owner_id = ANY(%s::bigint[]) THEN true")
            params += [*values, sorted(owners)]
        if not rule.goes_on:
            cases.append(f"WHEN {sql} THEN false")
            params += values
    return f"coalesce(CASE {' '.join(cases)} ELSE false END, false)" if cases else "false", _joins(rules), params


def _first(rules: Sequence[Rule]) -> str:
    """SQL of the number of the first rule that holds."""
    cases = " ".join(f"WHEN ({rule.condition.sql}) THEN {number}" for number, rule in enumerate(rules))
    return f"CASE {cases} END"


def _joins(rules: Sequence[Rule]) -> str:
    groups: frozenset[str] = frozenset().union(*(rule.condition.groups for rule in rules))
    return FIELDS.joins(groups, root="lead")
