"""The life of a routing policy's version: drafted, published, and retired by the next one."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Max

from funnel.conditions import check
from funnel.versions import PolicyProblem, Status
from routing.fields import FIELDS
from routing.models import Desk, RoutingPolicy, RoutingRule

MOST_RULES: Final = 300
_RULE = ("position", "name", "stage", "condition", "team_id", "method")


@transaction.atomic
def draft(*, from_policy: RoutingPolicy | None = None, user: User | None, name: str, why: str = "") -> RoutingPolicy:
    """A new draft: a copy of a version, or empty."""
    _lock()
    last = RoutingPolicy.objects.aggregate(last=Max("version"))["last"] or 0
    made = RoutingPolicy.objects.create(version=last + 1, name=name, why=why, created_by=user)
    if from_policy is not None:
        rules = from_policy.rules.order_by("position", "id").values(*_RULE)
        RoutingRule.objects.bulk_create(RoutingRule(routing_policy=made, **values) for values in rules)
    return made


@transaction.atomic
def publish(policy: RoutingPolicy, *, user: User | None, why: str = "", now: datetime) -> RoutingPolicy:
    """Let a draft decide from now on; the version that did is retired. Leads that have an owner keep them.

    Raises PolicyProblem for a version that cannot be.
    """
    _lock()
    held = RoutingPolicy.objects.get(pk=policy.pk)
    if held.status != Status.DRAFT:
        raise PolicyProblem([f"Version {held.version} is {held.get_status_display().lower()} already."])
    if problems := list(problems_of(held)):
        raise PolicyProblem(problems)
    RoutingPolicy.objects.filter(status=Status.PUBLISHED).update(status=Status.RETIRED)
    held.status, held.why = Status.PUBLISHED, why or held.why
    held.published_at, held.published_by = now, user
    held.save(update_fields=["status", "why", "published_at", "published_by"])
    policy.refresh_from_db()
    return held


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
    for stage in RoutingRule.Of.values:
        yield from _never_reached([rule for rule in rules if rule.stage == stage])
    for rule in rules:
        if rule.stage == RoutingRule.Of.SQL and rule.method == RoutingRule.Method.POOL:
            yield f"Rule “{rule.name}”: an SQL goes to somebody, since a meeting with them follows; deal them out."
    desks = set(Desk.objects.values_list("team_id", flat=True))
    for team in sorted({rule.team for rule in rules if rule.team_id not in desks}, key=str):
        yield f"The team “{team}” has no desk, so that nothing says when it works. Give it one under Desks."


def _never_reached(rules: Sequence[RoutingRule]) -> Iterator[str]:
    always = next((place for place, rule in enumerate(rules) if rule.condition == {}), len(rules))
    for rule in rules[always + 1 :]:
        yield f"Rule “{rule.name}” is never reached: “{rules[always].name}” before it takes every lead."


def _lock() -> None:
    """One draft or publication at a time: two drafts at once need two numbers, and only one version decides."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE routing_routingpolicy IN SHARE ROW EXCLUSIVE MODE")
