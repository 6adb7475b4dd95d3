"""Who would get a lead under another version, told as the lead's own decision is."""

from datetime import datetime
from typing import Any

from funnel.models import Lead, Team
from routing.assignment.candidates import candidates_of
from routing.assignment.explain import decision_sentence, names_by_id, names_of, passed_of
from routing.assignment.rehearsal import try_lead
from routing.models import RoutingPolicy


def would_be(lead: Lead, policy: RoutingPolicy, *, now: datetime) -> dict[str, Any]:
    """kind, rep_id, team_id, rule, sentence, candidates and what was passed, as in `WhyOwner`. Writes nothing."""
    outcome = try_lead(lead.pk, policy, now=now)
    told = outcome.explanation
    names = names_of(told)
    if outcome.rep_id is not None and outcome.rep_id not in names:
        names |= names_by_id([outcome.rep_id])
    team = Team.objects.filter(pk=outcome.team_id).first() if outcome.team_id else None
    return {
        "kind": outcome.kind,
        "rep_id": outcome.rep_id,
        "team_id": outcome.team_id,
        "rule": outcome.rule,
        "sentence": decision_sentence(told, names, rep_id=outcome.rep_id, pool=str(team or ""), rule=outcome.rule),
        "candidates": candidates_of(told, chosen=outcome.rep_id, names=names),
        "passed": passed_of(told, names),
    }
