"""The routing policy as one document: rules in order, the first that holds decides."""

from datetime import datetime
from typing import Any

from demandcenter.configuration.documents import Content, Facts, facts_of
from demandcenter.configuration.shapes import Shape, mapping, one_of, text, tree, untouched
from funnel.models import Team
from funnel.versions import PolicyProblem, Status
from routing import factors
from routing.assignment import policies
from routing.models import RoutingPolicy, RoutingRule
from routing.models.policies import standard_demands, standard_weights

Method, Of = RoutingRule.Method, RoutingRule.Of


def _weights(value: Any) -> dict[str, float]:
    """Weights by factor; those that are left out are the standard ones."""
    given = mapping(value)
    if unknown := sorted(str(name) for name in given if name not in factors.WEIGHTS):
        raise ValueError(f"names no factor by {', '.join(unknown)}; there are: {', '.join(factors.WEIGHTS)}.")
    weights = {**factors.WEIGHTS, **given}
    if problem := factors.problem_of(weights):
        raise ValueError(f"cannot be: {problem}")
    return {name: float(weight) for name, weight in weights.items()}


def _demands(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(one in factors.KINDS for one in value):
        raise ValueError(f"must be a list of some of {', '.join(factors.KINDS)}.")
    return [kind for kind in factors.KINDS if kind in value]


RULE = Shape(
    "rule",
    {
        "name": text(120), "stage": one_of(*Of.values), "team": text(120), "method": one_of(*Method.values),
        "otherwise": one_of(*RoutingRule.Otherwise.values), "at_work": one_of(*RoutingRule.AtWork.values),
        "demands": _demands, "condition": tree,
    },
    {
        "stage": Of.MQL.value, "method": Method.ROUND_ROBIN.value, "otherwise": "",
        "at_work": RoutingRule.AtWork.HOT.value, "demands": standard_demands(), "condition": {},
    },
)  # fmt: skip
POLICY = Shape(
    "policy",
    {"name": text(120), "why": text(10_000, blank=True), "weights": _weights, "rules": untouched},
    {"why": "", "weights": standard_weights(), "rules": None},
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
            "weights": {name: float(weight) for name, weight in policy.weights.items()},
            "rules": [
                {
                    "name": rule.name,
                    "stage": rule.stage,
                    "team": rule.team.name,
                    "method": rule.method,
                    "otherwise": rule.otherwise,
                    "at_work": rule.at_work,
                    "demands": [one for one in factors.KINDS if one in rule.demands],
                    "condition": rule.condition,
                }
                for rule in rules
            ],  # fmt: skip
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
        found = facts_of("", {"name": content["name"]}) | facts_of("weights", content["weights"])
        for place, rule in enumerate(content["rules"], start=1):
            found |= facts_of(f"rule “{rule['name']}”", rule | {"place": place})
        return found

    def write(self, content: Content, *, now: datetime) -> str:
        teams = dict(Team.objects.values_list("name", "pk"))
        missing = [rule for rule in content["rules"] if rule["team"] not in teams]
        if missing:
            raise PolicyProblem(
                f"Rule “{rule['name']}”: team “{rule['team']}” is no team of the file or the database."
                for rule in missing
            )
        policy = policies.draft(user=None, name=content["name"], why=content["why"])
        policy.weights = content["weights"]
        policy.save(update_fields=["weights"])
        RoutingRule.objects.bulk_create(
            RoutingRule(
                routing_policy=policy,
                position=place,
                name=rule["name"],
                stage=rule["stage"],
                team_id=teams[rule["team"]],
                method=rule["method"],
                otherwise=rule["otherwise"],
                at_work=rule["at_work"],
                demands=rule["demands"],
                condition=rule["condition"],
            )
            for place, rule in enumerate(content["rules"])
        )
        policies.publish(policy, user=None, now=now)
        return " ".join(policies.warnings_of(policy))
