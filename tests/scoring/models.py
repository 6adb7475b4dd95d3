"""Model versions for tests, built in a line."""

from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from scoring.models import Gate, ScoreCategory, ScoreRule, ScoringModel, Status

LANDMARK = datetime(2026, 1, 1, tzinfo=UTC)


def touch_rule(category: str, type_: str, points: float, **more: Any) -> dict[str, Any]:
    """Points for each touch of this type."""
    condition = {"field": "touch.type", "op": "is", "value": type_}
    return {"category": category, "kind": "touch", "condition": condition, "points": points, **more}


class Model:
    """A draft that grows call by call, until it is published or active."""

    def __init__(self, *, landmark: datetime = LANDMARK, **fields: Any) -> None:
        self.landmark = landmark
        last = ScoringModel.objects.order_by("-version").first()
        self.row = ScoringModel.objects.create(version=last.version + 1 if last else 1, name="Test", **fields)
        self._names = 0

    def interest(self, name: str, *, half_life: float | None = None, cap: float | None = None) -> "Model":
        return self._category(name, "interest", half_life_days=half_life, cap=cap)

    def fit(self, name: str, *, cap: float | None = None) -> "Model":
        return self._category(name, "fit", cap=cap)

    def rule(self, rule: dict[str, Any]) -> "Model":
        self._names += 1
        category = self.row.categories.get(name=rule["category"])
        ScoreRule.objects.create(model=self.row, **{"name": f"Rule {self._names}", **rule, "category": category})
        return self

    def gate(self, kind: str, condition: dict[str, Any], name: str = "") -> "Model":
        self._names += 1
        Gate.objects.create(model=self.row, kind=kind, condition=condition, name=name or f"Gate {self._names}")
        return self

    def published(self) -> ScoringModel:
        self.row.status, self.row.landmark = Status.PUBLISHED, self.landmark
        self.row.published_at = self.row.filled_at = timezone.now()
        self.row.save()
        return self.row

    def active(self) -> ScoringModel:
        model = self.published()
        ScoringModel.objects.filter(active=True, solution=model.solution, region=model.region).update(active=False)
        ScoringModel.objects.filter(pk=model.pk).update(active=True, activated_at=self.landmark)
        model.refresh_from_db()
        return model

    def _category(self, name: str, axis: str, **fields: Any) -> "Model":
        ScoreCategory.objects.create(model=self.row, name=name, axis=axis, **fields)
        return self
