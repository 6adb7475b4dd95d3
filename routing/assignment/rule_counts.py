"""What the rules of the routing policy came to: how many leads each decided about, found nobody for, or sent wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from routing.assignment import wrong_routes
from routing.models import Assignment, RoutingRule

Of = RoutingRule.Of


@dataclass(frozen=True, slots=True, kw_only=True)
class OfRule:
    """One rule by its name, of whichever version. stage: of the leads that it is about; leads: decided about; nobody:
    of them unrouted then; wrong: said to have gone to the wrong person. The latter two are known of MQLs: an SQL that
    nobody can take is not offered, and one that was is accepted or returned.
    """

    rule: str
    stage: str
    leads: int
    nobody: int
    wrong: int

    @property
    def share(self) -> float | None:
        """Wrong routes of the leads that somebody got; None where nobody got one."""
        return self.wrong / (self.leads - self.nobody) if self.leads > self.nobody else None


def by_rule(*, start: datetime, end: datetime) -> Sequence[OfRule]:
    """What was decided in [start, end) by rule, MQLs first, most leads first. Two queries."""
    decided: Any = Assignment.objects.filter(
        actor=None, policy__startswith="routing:", occurred_at__gte=start, occurred_at__lt=end
    ).exclude(explanation__method="kept")
    stage = Coalesce(KeyTextTransform("stage", "explanation"), Value(Of.MQL.value, TextField()))
    counts = decided.values("rule", stage=stage).annotate(
        leads=Count("lead", distinct=True), nobody=Count("lead", distinct=True, filter=Q(kind="unrouted"))
    )
    wrong = {one.rule: one.count for one in wrong_routes.by_rule(start=start, end=end)}
    found = [OfRule(**row, wrong=wrong.pop(row["rule"], 0) if row["stage"] == Of.MQL else 0) for row in counts]
    found += [OfRule(rule=rule, stage=Of.MQL, leads=0, nobody=0, wrong=count) for rule, count in wrong.items()]
    return sorted(found, key=lambda one: (one.stage, -one.leads, -one.wrong, one.rule))
