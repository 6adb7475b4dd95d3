"""The scoring models that are for a solution or a region, as one document: what it leaves out decides no longer."""

from collections import Counter
from datetime import datetime
from typing import Any

from demandcenter.configuration.documents import Content, Facts
from demandcenter.configuration.scoring_model import (
    content_of,
    facts_of_model,
    models_in_force,
    read_model,
    show_model,
    withdraw,
    write_model,
)
from demandcenter.configuration.shapes import Shape, or_none, text
from funnel.models import Region, Solution
from scoring import scopes, services
from scoring.models import scope_words

SCOPE = Shape(
    "model", {"solution": or_none(text(200)), "region": or_none(text(120))}, {"solution": None, "region": None}
)


class ScopedScoringDocument:
    """Models by scope. Content: `models`, each as of `scoring_model` with its solution and region by name."""

    name = "scoped_scoring_models"

    def stored(self) -> Content:
        models = [model for scope, model in models_in_force().items() if scope != (None, None)]
        return _content(
            content_of(model)
            | {
                "solution": model.solution.name if model.solution else None,
                "region": model.region.name if model.region else None,
            }
            for model in models
        )

    def read(self, told: Any, problems: list[str]) -> Content:
        if not isinstance(told, list):
            problems.append(f"{self.name}: a list is expected, each model beginning with a dash.")
            return _content([])
        found = [self._read(one, number, problems) for number, one in enumerate(told, start=1)]
        for scope, count in Counter(map(_scope, found)).items():
            if scope and count > 1:
                problems.append(f"{self.name}: there are {count} models for {scope}; one decides.")
        return _content(found)

    def _read(self, told: Any, number: int, problems: list[str]) -> Content:
        if not isinstance(told, dict):
            problems.append(f"{self.name}, model {number}: fields are expected, like `name: …`.")
            return {}
        name = told.get("name")
        place = f"{self.name}, model “{name}”" if isinstance(name, str) and name else f"{self.name}, model {number}"
        scope = SCOPE.read({name: told[name] for name in SCOPE.fields if name in told}, place, problems)
        if not any(told.get(name) for name in SCOPE.fields):
            problems.append(f"{place}: it needs a solution or a region; the model for all is `scoring_model`.")
        rest = {name: value for name, value in told.items() if name not in SCOPE.fields}
        return scope | read_model(rest, place, problems)

    def show(self, content: Content) -> Any:
        return [
            {name: model[name] for name in SCOPE.fields if model[name]} | show_model(model)
            for model in content["models"]
        ]

    def facts(self, content: Content) -> Facts:
        return {
            (f"{_scope(model)}, {part}" if part else _scope(model), field): value
            for model in content["models"]
            for (part, field), value in facts_of_model(model).items()
        }

    def write(self, content: Content, *, now: datetime) -> str:
        before = {_scope(model): facts_of_model(model) for model in self.stored()["models"]}
        kept = {_scope(model) for model in content["models"]}
        notes = []
        for model in models_in_force().values():
            if model.scope and model.scope not in kept and withdraw(model, now=now):
                notes.append(f"No scoring model of its own decides about {model.scope} any more.")
        problems = []
        for model in content["models"]:
            if before.get(_scope(model)) != facts_of_model(model):
                try:
                    notes.append(write_model(model, *_found(model), now=now))
                except services.PolicyProblem as refused:
                    problems += [f"for {_scope(model)}: {problem}" for problem in refused.problems]
        if problems:
            raise services.PolicyProblem(problems)
        return " ".join(filter(None, [*notes, *scopes.warnings()]))


def _content(models: Any) -> Content:
    """Content in an order of its own, with a name for the plan."""
    return {"name": "by solution and region", "models": sorted(models, key=_scope)}


def _scope(model: Content) -> str:
    return scope_words(model.get("solution"), model.get("region"))


def _found(model: Content) -> tuple[Solution | None, Region | None]:
    """The rows that the scope names. Raises PolicyProblem where there is none."""
    solution = Solution.objects.filter(name=model["solution"]).first() if model["solution"] else None
    region = Region.objects.filter(name=model["region"]).first() if model["region"] else None
    named = [("solution", model["solution"], solution), ("region", model["region"], region)]
    if missing := [f"There is no {noun} “{name}”." for noun, name, row in named if name and row is None]:
        raise services.PolicyProblem(missing)
    return solution, region
