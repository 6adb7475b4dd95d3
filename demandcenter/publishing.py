"""Drafts that publish themselves: of the scoring model, of routing, of what is promised, of cadences."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from funnel import publication
from funnel.versions import Status, Version
from routing.assignment import policies
from routing.cadences import versions as cadences
from routing.messages.notices import tell_of_version
from routing.models import Cadence, RoutingPolicy, SlaPolicy
from routing.sla import versions as sla
from scoring import drafts
from scoring.models import ScoringModel

KINDS: Final[tuple[tuple[type[Version], Callable[..., Any]], ...]] = (
    (ScoringModel, drafts.publish_to_decide),
    (RoutingPolicy, policies.publish),
    (SlaPolicy, sla.publish),
    (Cadence, cadences.publish),
)


def publish_due(*, now: datetime, limit: int) -> int:
    """Publish what is due, and tell whoever scheduled it what came of it. Returns how many."""
    count = 0
    for model, publish in KINDS:
        with transaction.atomic():
            found = publication.publish_due(model, publish, now=now, limit=limit)
            for version in found:
                event = "published" if version.status == Status.PUBLISHED else "held_up"
                tell_of_version(version, user_id=version.scheduled_by_id, event=event, now=now)
        count += len(found)
    return count


@transaction.atomic
def set_aside(now: datetime, problem: str) -> str:
    """Leave the draft that is due first to people, with the problem. Returns which one it was."""
    for model, _publish in KINDS:
        due = model._default_manager.filter(status=Status.DRAFT, publish_at__lte=now).order_by("publish_at", "pk")
        draft = due.select_for_update().first()
        if draft is not None:
            publication.hold_up(draft, problem)
            tell_of_version(draft, user_id=draft.scheduled_by_id, event="held_up", now=now)
            return f"{model._meta.model_name}:{draft.pk}"
    return ""
