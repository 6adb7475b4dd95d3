"""Scores as leads show them: each under the version that decides about it (scoring/scopes.py).

Two leads of one person may stand differently, so everything here is by lead. The number of statements grows with the
number of versions that decide about these leads, never with the leads.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from scoring.engine import Reading, state_of
from scoring.explain import Reason, strongest
from scoring.models import ScoringModel, Status
from scoring.policy import Policy, live_policies
from scoring.scopes import scopes_of

Told = TypeVar("Told")


class OfLead(Protocol):
    """What of a lead it takes."""

    pk: int
    person_id: int
    solution_id: int | None
    region_id: int | None


def readings_of(leads: Collection[OfLead], *, at: datetime) -> dict[int, Reading]:
    """The score of each lead's person at a moment that does not lie before their last touch, by lead."""
    return _by_version(leads, lambda people, policy: state_of(people, at=at, policy=policy))


def reasons_of(leads: Collection[OfLead], *, now: datetime, count: int = 3) -> dict[int, list[Reason]]:
    """The reasons that weigh most in the score of each lead's person now, by lead."""
    return _by_version(leads, lambda people, policy: strongest(people, now=now, count=count, policy=policy))


def policy_for(lead: OfLead) -> Policy | None:
    """The version that decides about a lead; None where none does."""
    return _policies_for([lead]).get(lead.pk)


def model_for(lead: OfLead, *, at: datetime) -> ScoringModel | None:
    """The version that decided about such a lead at a moment, else the one that does now.

    As far as it is known: of a version that was activated several times only the last stretch is.
    """
    versions = ScoringModel.objects.exclude(status=Status.DRAFT).select_related("solution", "region")
    latest: dict[tuple[int | None, int | None], ScoringModel] = {}
    for model in versions.filter(activated_at__lte=at).order_by("activated_at", "version"):
        latest[model.solution_id, model.region_id] = model
    stood = [model for model in latest.values() if model.deactivated_at is None or model.deactivated_at > at]
    then = _deciding(stood, lead)
    return then or _deciding(versions.filter(active=True), lead)


def _deciding(models: Iterable[ScoringModel], lead: OfLead) -> ScoringModel | None:
    by_id = {model.pk: model for model in models}
    scopes = scopes_of((model.pk, model.solution_id, model.region_id) for model in by_id.values())
    chosen = scopes.model_of(lead.solution_id, lead.region_id)
    return by_id[chosen] if chosen is not None else None


def _policies_for(leads: Iterable[OfLead]) -> dict[int, Policy]:
    policies, scopes = live_policies()
    by_id = {policy.id: policy for policy in policies}
    chosen = {lead.pk: scopes.model_of(lead.solution_id, lead.region_id) for lead in leads}
    return {pk: by_id[model_id] for pk, model_id in chosen.items() if model_id is not None}


def _by_version(leads: Collection[OfLead], read: Callable[[set[int], Policy], dict[int, Told]]) -> dict[int, Told]:
    """What `read` tells of people under one version, told of each lead by its own; leads without a score left out."""
    policies = _policies_for(leads) if leads else {}
    together: dict[int, list[OfLead]] = defaultdict(list)
    for lead in leads:
        if lead.pk in policies:
            together[policies[lead.pk].id].append(lead)
    told: dict[int, Told] = {}
    for group in together.values():
        found = read({lead.person_id for lead in group}, policies[group[0].pk])
        told |= {lead.pk: found[lead.person_id] for lead in group if lead.person_id in found}
    return told
