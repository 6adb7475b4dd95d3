"""Where a version of the scoring model stands in its life, and what activating it would end, in words for the admin."""

from typing import Any

from django.db.models import Max
from django.utils import timezone

from funnel.models import Person
from scoring.models import ScoringModel, Status
from scoring.scopes import scopes_now

LATEST_REVIEWS = 3  # shown of a version


def deciding_about(solution_id: int | None, region_id: int | None) -> ScoringModel | None:
    """The version that decides at present about leads of this solution and region."""
    deciding = scopes_now().model_of(solution_id, region_id)
    return None if deciding is None else ScoringModel.objects.get(pk=deciding)


def what_ends(model: ScoringModel, before: ScoringModel | None) -> list[str]:
    if before is None:
        return []
    if (before.solution_id, before.region_id) == (model.solution_id, model.region_id):
        return [f"{before} stops deciding. It is kept up to date until it is retired."]
    return [f"{before} decides about {model.scope} no longer; it goes on deciding about other leads."]


def state_of(model: ScoringModel) -> str:
    """Where a version stands, in a word or two."""
    if model.active:
        return "Decides"
    if model.status == Status.PUBLISHED:
        return "Ready" if model.filled_at else "Scoring people"
    return model.get_status_display()


def life_of(model: ScoringModel) -> dict[str, Any]:
    """A version's state, and how far everybody is scored by it (share: 0 to 1, by the ids of people)."""
    share = None
    if model.status == Status.PUBLISHED and model.filled_at is None:
        last = Person.objects.aggregate(last=Max("pk"))["last"] or 0
        share = min(1.0, model.filled_to / last) if last else 1.0
    return {
        "model": model,
        "state": state_of(model),
        "share": share,
        "percent": round((share or 0) * 100),
        "overdue": model.review_on is not None and model.review_on <= timezone.localdate(),
        "reviews": model.reviews.select_related("reviewed_by")[:LATEST_REVIEWS],
    }
