"""Who takes the leads of the benchmark: a seat for each rep, hours that are always open, and a rule a region."""

from typing import Any

from django.utils import timezone

from demandcenter.benchmark import scenery
from demandcenter.benchmark.population import Company
from routing.assignment import policies
from routing.models import Calendar, Desk, RoutingRule, Seat


def open_desks(company: Company) -> None:
    """One team a region, whose leads are dealt out in turn; hours that are always open, so that every clock runs."""
    week = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    calendar = Calendar.objects.create(name="Always open", zone="UTC", hours=week)
    Desk.objects.bulk_create(Desk(team_id=team, calendar=calendar) for team in company.teams)
    Seat.objects.bulk_create(Seat(rep_id=rep) for rep in company.reps)
    rule_by(company)


def rule_by(company: Company, **fields: Any) -> None:
    """Let the leads of each region go to its team, by these fields of a rule."""
    policy = policies.draft(user=None, name="By region")
    RoutingRule.objects.bulk_create(
        RoutingRule(
            routing_policy=policy, position=place, name=name, team_id=team,
            condition={"field": "lead.region", "op": "is", "value": name}, **fields,
        )
        for place, (team, name) in enumerate(zip(company.teams, scenery.REGIONS, strict=True))
    )  # fmt: skip
    policies.publish(policy, user=None, now=timezone.now())
