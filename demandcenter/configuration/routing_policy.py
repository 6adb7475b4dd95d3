"""The routing policy as one document: rules in order, the first that holds decides."""

from datetime import datetime
from typing import Any

from demandcenter.configuration.documents import Content, Facts, facts_of
from demandcenter.configuration.shapes import Shape, one_of, text, tree, untouched
from funnel.models import Team
from funnel.versions import Status
from routing import policies
from routing.models import RoutingPolicy, RoutingRule

Method, Of = RoutingRule.Method, RoutingRule.Of

RULE = Shape(
    "rule",
    {
        "name": text(120),
        "stage": one_of(*Of.values),
        "team": text(120),
        "method": one_of(*Method.values),
        "condition": tree,
    },
    {"stage": Of.MQL.value, "method": Method.ROUND_ROBIN.value, "condition": {}},
)
POLICY = Shape(
    "policy", {"name": text(120), "why": text(10_000, blank=True), "rules": untouched}, {"why": "", "rules": None}
)


class RoutingDocument:
    """Who gets which lead, as of the published version."""

    name = "routing_policy"

    def stored(self) -> Content | None:
        policy = RoutingPolicy.objects.filter(status=Status.PUBLISHED).first()
        if policy is None:
            return None
        rules = policy.rules.select_related("team").order_by("position", "id")
        return {
            "name": policy.name,
            "why": policy.why,
            "rules": [
                {
                    "name": rule.name,
                    "stage": rule.stage,
                    "team": rule.team.name,
                    "method": rule.method,
                    "condition": rule.condition,
                }
                for rule in rules
            ],
        }

    def read(self, told: Any, problems: list[str]) -> Content:
        content = POLICY.read(told, self.name, problems)
        content["rules"] = RULE.read_all(content.get("rules"), self.name, problems)
        names = [rule.get("name") for rule in content["rules"]]
        for name in sorted({name for name in names if name and names.count(name) > 1}):
            problems.append(f"{self.name}: there are two rules “{name}”; give each a name of its own.")
        return content

    def show(self, content: Content) -> Content:
        return POLICY.write(content) | {"rules": [RULE.write(rule) for rule in content["rules"]]}

    def facts(self, content: Content) -> Facts:
        found = facts_of("", {"name": content["name"]})
        for place, rule in enumerate(content["rules"], start=1):
            found |= facts_of(f"rule “{rule['name']}”", rule | {"place": place})
        return found

    def write(self, content: Content, *, now: datetime) -> str:
        teams = dict(Team.objects.values_list("name", "pk"))
        missing = [rule for rule in content["rules"] if rule["team"] not in teams]
        if missing:
            raise policies.PolicyProblem(
                f"Rule “{rule['name']}”: team “{rule['team']}” is no team of the file or the database."
                for rule in missing
            )
        policy = policies.draft(user=None, name=content["name"], why=content["why"])
        RoutingRule.objects.bulk_create(
            RoutingRule(
                routing_policy=policy,
                position=place,
                name=rule["name"],
                stage=rule["stage"],
                team_id=teams[rule["team"]],
                method=rule["method"],
                condition=rule["condition"],
            )
            for place, rule in enumerate(content["rules"])
        )
        policies.publish(policy, user=None, now=now)
        return ""
