"""Replays of a scoring version as the quality pages read them: which rules made each MQL, in a line a lead."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from funnel.models import Lead
from scoring.models import ScoreRule, ScoringModel, SimulatedLead, Simulation
from tests import factories as make
from tests.scoring.models import Model, touch_rule


def scoring_model(*names: str, threshold: float = 40) -> ScoringModel:
    """An active version with a touch rule of each name, in one interest category, and one rule of fit."""
    draft = Model(threshold=threshold).interest("web", half_life=30).fit("company")
    for name in names:
        draft.rule(touch_rule("web", name.lower(), 20, name=name))
    fits = {"field": "account.tier", "op": "is", "value": 1}
    draft.rule({"category": "company", "kind": "attribute", "condition": fits, "points": 50, "name": "Wanted account"})
    return draft.active()


def replay(model: ScoringModel, *, days: int = 400, status: str = "done", ends_at: datetime = make.NOW) -> Simulation:
    return Simulation.objects.create(
        model=model, digest="d", starts_at=ends_at - timedelta(days=days), ends_at=ends_at, status=status,
        finished_at=ends_at,
    )  # fmt: skip


def made(
    simulation: Simulation,
    lead: Lead,
    points: Mapping[str, float],
    *,
    by: str = "score",
    interest: float | None = None,
    grade: str = "A",
    band: int = 1,
    fit: float = 50,
) -> SimulatedLead:
    """The lead as an MQL of the replay, with what each rule gave, by the rule's name."""
    rules = dict(ScoreRule.objects.filter(model=simulation.model, name__in=points).values_list("name", "pk"))
    assert rules.keys() == points.keys()
    return SimulatedLead.objects.create(
        simulation=simulation, lead=lead, person=lead.person, mql_at=lead.mql_at, by=by, fit=fit, grade=grade,
        band=band, interest=sum(points.values()) if interest is None else interest,
        rule_ids=[rules[name] for name in points], points=list(points.values()),
    )  # fmt: skip
