"""A version as it is to be replayed: its rows in memory, so that one of them can be another without being saved."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from scoring.models import Gate, ScoreCategory, ScoreRule, ScoringModel
from scoring.policy import Policy, policy_from

MODEL_FIELDS: Final = ("threshold", "exit_ratio", "cooldown_days", "grades", "bands", "grid")
CATEGORY_FIELDS: Final = ("cap", "half_life_days")
RULE_FIELDS: Final = (
    "kind", "condition", "points", "points_if_unknown", "per_day", "window_days", "after_days", "every_days",
)  # fmt: skip
GATE_FIELDS: Final = ("kind", "condition")


@dataclass(frozen=True, slots=True)
class Version:
    """The rows of a version, in the order in which they count."""

    model: ScoringModel
    categories: tuple[ScoreCategory, ...]
    rules: tuple[ScoreRule, ...]
    gates: tuple[Gate, ...]

    def policy(self) -> Policy:
        """As the engine uses it. Raises funnel.conditions.ConditionError where a condition cannot be."""
        return policy_from(self.model, self.categories, self.rules, self.gates)

    def digest(self) -> str:
        """The same for the same names, numbers and conditions, whatever the ids and in whatever order."""
        names = {row.pk: row.name for row in self.categories}
        said = {
            "model": values_of(self.model, MODEL_FIELDS),
            "scope": [self.model.solution_id, self.model.region_id],
            "categories": {row.name: [row.axis, values_of(row, CATEGORY_FIELDS)] for row in self.categories},
            "rules": {row.name: [names[row.category_id], values_of(row, RULE_FIELDS)] for row in self.rules},
            "gates": {row.name: values_of(row, GATE_FIELDS) for row in self.gates},
        }
        text = json.dumps(said, sort_keys=True, cls=DjangoJSONEncoder)
        return hashlib.sha256(text.encode()).hexdigest()


def read(model: ScoringModel) -> Version:
    """The version as it is stored by now. Four queries."""
    held = ScoringModel.objects.select_related("solution", "region").get(pk=model.pk)
    return Version(
        held,
        tuple(held.categories.order_by("axis", "position", "id")),
        tuple(held.rules.order_by("position", "id")),
        tuple(held.gates.order_by("kind", "position", "id")),
    )


def digest_of(model: ScoringModel) -> str:
    """What the version says by now, in 64 characters: a draft that was edited gives others."""
    return read(model).digest()


def values_of(row: Model, fields: Iterable[str]) -> dict[str, Any]:
    """These fields of a row by name, numbers alike however they were written."""
    found = {name: getattr(row, name) for name in fields}
    return {
        name: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in found.items()
    }
