"""Editing a draft of the scoring policy, and letting it decide."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from funnel import publication
from funnel.versions import PolicyProblem
from scoring import services
from scoring.models import ScoreCategory, ScoreRule, ScoringModel, Status


@dataclass(frozen=True, slots=True)
class CategoryNumbers:
    """Of a category: the most it contributes, and its half-life in days; None for no cap, no decay."""

    cap: float | None
    half_life_days: float | None


@transaction.atomic
def edit(
    model: ScoringModel,
    *,
    threshold: float,
    exit_ratio: float,
    cooldown_days: int,
    categories: Mapping[int, CategoryNumbers],
    points: Mapping[int, float],
    remove: Collection[int] = (),
) -> str:
    """Give a draft other numbers. categories, points: by the ids of its categories and rules; others stay as they are.

    remove: rules that go. Returns what is over with the text that was: an approval, a schedule; else "". Raises
    PolicyProblem for a version that is no draft any more; nothing is changed then.
    """
    held = ScoringModel.objects.select_for_update().get(pk=model.pk)
    if held.status != Status.DRAFT:
        raise PolicyProblem([f"Version {held.version} was published meanwhile. To go on, make a draft from it."])
    held.threshold, held.exit_ratio, held.cooldown_days = threshold, exit_ratio, cooldown_days
    held.save(update_fields=["threshold", "exit_ratio", "cooldown_days"])
    kept = list(held.categories.filter(pk__in=categories))
    for category in kept:
        numbers = categories[category.pk]
        category.cap, category.half_life_days = numbers.cap, numbers.half_life_days
    ScoreCategory.objects.bulk_update(kept, ["cap", "half_life_days"])
    held.rules.filter(pk__in=remove).delete()
    rules = list(held.rules.filter(pk__in=points))
    for rule in rules:
        rule.points = points[rule.pk]
    ScoreRule.objects.bulk_update(rules, ["points"])
    over = publication.changed(held)
    model.refresh_from_db()
    return over


@transaction.atomic
def publish_to_decide(model: ScoringModel, *, user: User | None, why: str, now: datetime) -> ScoringModel:
    """Publish a draft that is to decide as soon as it has scored everybody, instead of one of its scope that waits.

    Raises PolicyProblem for a version that cannot be.
    """
    services.publish(model, user=user, why=why, now=now)
    if model.filled_at is not None:
        return services.activate(model, user=user, now=now)
    _same_scope(model).filter(activate_when_filled=True).update(activate_when_filled=False)
    ScoringModel.objects.filter(pk=model.pk).update(activate_when_filled=True)
    model.refresh_from_db()
    return model


def one_step_back(model: ScoringModel) -> ScoringModel | None:
    """The version that decided last, before the present one, in this one's scope and is still kept up to date."""
    kept = _same_scope(model).filter(status=Status.PUBLISHED, active=False, filled_at__isnull=False)
    return kept.filter(activated_at__isnull=False).order_by("-activated_at").first()


def _same_scope(model: ScoringModel) -> QuerySet[ScoringModel]:
    return ScoringModel.objects.filter(solution=model.solution_id, region=model.region_id)
