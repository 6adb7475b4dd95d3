"""Whose leads are whose: the routing policy of the demo, as it has been for long, and as it is since this morning.

MQLs were all dealt out in turn; two teams try other methods now. SQLs go to the owner of the account, else to somebody
of the area, by a method that suits its team.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from demandcenter.demo_world.reference import AMERICA, AREAS, CENTRAL, EAST, SOUTH, WEST, Ids
from routing.assignment import policies
from routing.models import RoutingPolicy, RoutingRule

POOLED = "Central & North, private addresses"
OWNED = "SQLs of accounts with an owner"
_NAME = "Leads by region"
_WHY = "Each region has its team; whoever writes from a private address waits in the pool. SQLs go to account owners."
_WHY_NOW = (
    "West: colleagues had twenty leads more in hand than others. America: two reps asked for the accounts they meet "
    "and know. Both on trial until the end of the quarter."
)
Method = RoutingRule.Method
_SQLS = {
    CENTRAL: Method.SCORE,
    EAST: Method.ROUND_ROBIN,
    WEST: Method.ROUND_ROBIN,
    SOUTH: Method.LEAST_OPEN,
    AMERICA: Method.SCORE,
}
NOW = {WEST: Method.LEAST_OPEN, AMERICA: Method.SCORE}  # of MQLs, since this morning


def sqls_of(area: str) -> str:
    """What the rule for an area's SQLs is called."""
    return f"SQLs of {area}"


def publish_first(ids: Ids, manager: User, *, at: datetime) -> RoutingPolicy:
    """The version that has decided since the world began."""
    policy = policies.draft(user=manager, name=_NAME, why=_WHY)
    unknown = {"field": "account.matched", "op": "is", "value": False}
    rows = [_row(ids, "SDR", CENTRAL, POOLED, {"all": [_in(CENTRAL), unknown]}, method=Method.POOL)]
    # Whoever of the team is next takes a lead from any of its regions: turns are to be the same for all.
    rows += [_row(ids, "SDR", area, area, _in(area), demands=[]) for area in AREAS]
    of_sqls: dict[str, Any] = {"stage": RoutingRule.Of.SQL}
    owned = of_sqls | {"method": Method.OWNER, "otherwise": RoutingRule.Otherwise.NEXT}
    rows.append(_row(ids, "AE", CENTRAL, OWNED, {}, **owned))
    rows += [_row(ids, "AE", area, sqls_of(area), _in(area), method=_SQLS[area], **of_sqls) for area in AREAS]
    for place, row in enumerate(rows):
        row.routing_policy, row.position = policy, place
    RoutingRule.objects.bulk_create(rows)
    return policies.publish(policy, user=manager, now=at)


def publish_now(manager: User, *, at: datetime) -> RoutingPolicy:
    """The version in force: as before, apart from what two teams try."""
    before = RoutingPolicy.objects.get(status="published")
    policy = policies.draft(from_policy=before, user=manager, name=_NAME, why=_WHY_NOW)
    for area, method in NOW.items():
        policy.rules.filter(name=area).update(method=method, demands=["region", "solution", "language"])
    return policies.publish(policy, user=manager, now=at)


def _in(area: str) -> dict[str, Any]:
    return {"field": "lead.region", "op": "in", "value": list(AREAS[area])}


def _row(ids: Ids, kind: str, area: str, name: str, condition: dict[str, Any], **more: Any) -> RoutingRule:
    return RoutingRule(name=name, condition=condition, team_id=ids.teams[f"{kind} {area}"], **more)
