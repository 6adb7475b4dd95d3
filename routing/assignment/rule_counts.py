"""What the rules of the routing policy came to: how many leads each decided about, found nobody for, or sent wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from routing.assignment import wrong_routes
from routing.models import Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class OfRule:
    """One rule by its name, of whichever version. leads: decided about; nobody: of them unrouted then; wrong: said to
    have gone to the wrong person.
    """

    rule: str
    leads: int
    nobody: int
    wrong: int

    @property
    def share(self) -> float | None:
        """Wrong routes of the leads that somebody got; None where nobody got one."""
        return self.wrong / (self.leads - self.nobody) if self.leads > self.nobody else None


def by_rule(*, start: datetime, end: datetime) -> Sequence[OfRule]:
    """What was decided in [start, end) by rule, most leads first. Two queries."""
    decided: Any = Assignment.objects.filter(
        actor=None, policy__startswith="routing:", occurred_at__gte=start, occurred_at__lt=end
    ).exclude(Q(explanation__method="kept") | Q(explanation__has_key="stage"))
    counts = decided.values("rule").annotate(
        leads=Count("lead", distinct=True), nobody=Count("lead", distinct=True, filter=Q(kind="unrouted"))
    )
    wrong = {one.rule: one.count for one in wrong_routes.by_rule(start=start, end=end)}
    found = [
        OfRule(rule=row["rule"], leads=row["leads"], nobody=row["nobody"], wrong=wrong.pop(row["rule"], 0))
        for row in counts
    ]
    found += [OfRule(rule=rule, leads=0, nobody=0, wrong=count) for rule, count in wrong.items()]
    return sorted(found, key=lambda one: (-one.leads, -one.wrong, one.rule))
