"""The life of a routing policy's version: drafted, published, and retired by the next one."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction

from funnel import versions
from funnel.conditions import check
from funnel.models import Rep
from routing import factors
from routing.fields import FIELDS
from routing.models import Desk, RoutingPolicy, RoutingRule, Seat

MOST_RULES: Final = 300
_RULE = ("position", "name", "stage", "condition", "team_id", "method", "otherwise", "at_work", "demands")


@transaction.atomic
def draft(*, from_policy: RoutingPolicy | None = None, user: User | None, name: str, why: str = "") -> RoutingPolicy:
    """A new draft: a copy of a version, or empty."""
    number = versions.next_number(RoutingPolicy)
    settings = {"weights": from_policy.weights} if from_policy else {}
    made = RoutingPolicy.objects.create(version=number, name=name, why=why, created_by=user, **settings)
    if from_policy is not None:
        rules = from_policy.rules.order_by("position", "id").values(*_RULE)
        RoutingRule.objects.bulk_create(RoutingRule(routing_policy=made, **values) for values in rules)
    return made


def publish(policy: RoutingPolicy, *, user: User | None, why: str = "", now: datetime) -> RoutingPolicy:
    """Let a draft decide from now on; the version that did is retired. Leads that have an owner keep them.

    Raises PolicyProblem for a version that cannot be.
    """
    return versions.publish(policy, problems_of=problems_of, user=user, why=why, now=now)


def problems_of(policy: RoutingPolicy) -> Iterator[str]:
    """What keeps the version from being published, a sentence each."""
    rules = list(policy.rules.select_related("team").order_by("position", "id"))
    if not rules:
        yield "Without a rule nobody would get a lead. Add one; a rule without a condition takes every lead."
    elif not any(rule.stage == RoutingRule.Of.MQL for rule in rules):
        yield "Without a rule for MQLs nobody would get one. Add one; a rule without a condition takes every lead."
    if len(rules) > MOST_RULES:
        yield f"The version has {len(rules):,} rules; at most {MOST_RULES} are possible. Join similar ones."
    for rule in rules:
        yield from (f"Rule “{rule.name}”: {problem}" for problem in check(rule.condition, FIELDS))
        yield from (f"Rule “{rule.name}”: {problem}" for problem in _of_methods(rule))
    for stage in RoutingRule.Of.values:
        yield from _of_order([rule for rule in rules if rule.stage == stage])
    if problem := factors.problem_of(policy.weights):
        yield problem
    desks = set(Desk.objects.values_list("team_id", flat=True))
    for team in sorted({rule.team for rule in rules if rule.team_id not in desks}, key=str):
        yield f"The team “{team}” has no desk, so that nothing says when it works. Give it one under Desks."


def _of_order(rules: Sequence[RoutingRule]) -> Iterator[str]:
    """What is wrong with the order of the rules for leads at one stage."""
    always = next((place for place, rule in enumerate(rules) if rule.condition == {} and _keeps(rule)), len(rules))
    for rule in rules[always + 1 :]:
        yield f"Rule “{rule.name}” is never reached: “{rules[always].name}” before it takes every lead."
    if rules and rules[-1].otherwise == RoutingRule.Otherwise.NEXT:
        yield f"Rule “{rules[-1].name}” leaves leads to the next rule, and is the last. Say what else comes."


def warnings_of(policy: RoutingPolicy) -> Iterator[str]:
    """What would be odd about the version in force as things stand now, a sentence each."""
    rules = list(policy.rules.select_related("team").order_by("position", "id"))
    pooled = {rule.team for rule in rules if RoutingRule.Method.POOL in (rule.method, rule.otherwise)}
    staffed = set(Rep.objects.active().filter(team__in=pooled).values_list("team", flat=True))
    for team in sorted((team for team in pooled if team.pk not in staffed), key=str):
        yield f"The team “{team}” has nobody active, so that nobody could claim from its pool."
    dealt = {rule.team for rule in rules if rule.method != RoutingRule.Method.POOL} - pooled
    seated = set(Seat.objects.filter(rep__active=True, rep__team__in=dealt).values_list("rep__team", flat=True))
    for team in sorted((team for team in dealt if team.pk not in seated), key=str):
        yield f"The team “{team}” has nobody with a seat, so that its leads would wait for somebody."


def _keeps(rule: RoutingRule) -> bool:
    """Whether no lead that meets the rule is left to those behind it."""
    return rule.otherwise != RoutingRule.Otherwise.NEXT


def _of_methods(rule: RoutingRule) -> Iterator[str]:
    if rule.otherwise and rule.otherwise == rule.method:
        yield "what comes if it finds nobody is the same once more. Choose another, or let the lead wait."
    if rule.method == RoutingRule.Method.POOL and rule.otherwise:
        yield "a pool takes every lead, so nothing comes after it. Let “if nobody” wait."
    if rule.stage == RoutingRule.Of.SQL and RoutingRule.Method.POOL in (rule.method, rule.otherwise):
        yield "an SQL goes to somebody, since a meeting with them follows; deal them out."
    if not isinstance(rule.demands, list) or not set(rule.demands) <= set(factors.KINDS):
        yield f"what a rep has to serve is some of {', '.join(factors.KINDS)}."
