"""What keeps a draft from being published, in sentences for whoever wrote it."""

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any, Final

from funnel import conditions
from scoring import account_terms
from scoring.fields import fields_of_gate, fields_of_rule
from scoring.models import MOST_RULES, SHORTEST_HALF_LIFE, Action, Gate, ScoreCategory, ScoreRule, ScoringModel

LARGEST: Final = 10_000.0  # points, a cap or a threshold
LONGEST_HALF_LIFE: Final = 36_500.0  # days
MOST_STEPS: Final = 9  # grades, or bands


def check(model: ScoringModel) -> list[str]:
    """Everything that cannot be, a sentence each; empty when the version can be published."""
    return check_parts(
        model,
        list(model.categories.order_by("axis", "position", "id")),
        list(model.rules.select_related("category").order_by("position", "id")),
        list(model.gates.order_by("kind", "position", "id")),
    )


def check_parts(
    model: ScoringModel, categories: list[ScoreCategory], rules: list[ScoreRule], gates: list[Gate]
) -> list[str]:
    """The same of parts that need not be saved yet, which the database might refuse with less to say."""
    problems = [*_levels(model), *_steps(model.grades, "grade", "fit"), *_steps(model.bands, "band", "interest")]
    if not problems:
        problems = [*_grid(model), *_lowest_band(model)]
    problems += account_terms.check(model.accounts)
    if len(rules) > MOST_RULES:
        problems.append(f"The version has {len(rules):,} rules; at most {MOST_RULES} are possible. Join similar ones.")
    for category in categories:
        problems += _category(category)
    for rule in rules:
        problems += (f"Rule “{rule.name}”: {problem}" for problem in _rule(rule, model))
    for gate in gates:
        problems += (f"Gate “{gate.name}”: {problem}" for problem in _gate(gate))
    return problems or list(_reach(model, categories, rules))


def _levels(model: ScoringModel) -> Iterator[str]:
    if not _within(model.threshold, 0, LARGEST):
        yield f"The threshold must lie between 0 and {LARGEST:,.0f}."
    if not _within(model.exit_ratio, 0, 1):
        yield "The exit ratio must lie between 0 and 1: an MQL cools below this share of the threshold."


def _steps(steps: Any, noun: str, axis: str) -> Iterator[str]:
    """Problems of grades or bands: pairs of name and least score, from the best down."""
    if not isinstance(steps, list) or not 1 <= len(steps) <= MOST_STEPS or not all(map(_is_pair, steps)):
        yield f"The {noun}s are a list of 1 to {MOST_STEPS} pairs: a name and the least {axis} for it."
        return
    names = [name for name, _least in steps]
    if len(set(map(str, names))) < len(names):
        yield f"Two {noun}s have the same name."
    if noun == "grade" and not all(isinstance(name, str) and 1 <= len(name) <= 2 for name in names):
        yield "A grade is called by one or two letters."
    if noun == "band" and not all(isinstance(name, int) and 1 <= name <= 99 for name in names):
        yield "A band is called by a number from 1 to 99."
    least = [bound for _name, bound in steps]
    if any(bound is None for bound in least[:-1]) or not all(
        bound is None or _within(bound, -LARGEST, LARGEST) for bound in least
    ):
        yield f"Every {noun} but the last needs a least {axis}, a number within ±{LARGEST:,.0f}."
    elif any(above <= below for above, below in zip(least, least[1:], strict=False) if below is not None):
        yield f"The {noun}s begin with the best: each needs a lower least {axis} than the one before."


def _lowest_band(model: ScoringModel) -> Iterator[str]:
    """Whatever a score, it falls into a step: the last has no bound, or one that nothing lies below."""
    if model.grades[-1][1] is not None:
        yield f"The last grade, {model.grades[-1][0]}, takes everybody else, so it has no least fit."
    if (model.bands[-1][1] or 0) > 0:
        yield f"The last band, {model.bands[-1][0]}, takes everybody else, so its least interest is 0."


def _grid(model: ScoringModel) -> Iterator[str]:
    cells = [f"{grade}{band}" for grade, _fit in model.grades for band, _interest in model.bands]
    grid = model.grid if isinstance(model.grid, dict) else {}
    if missing := [cell for cell in cells if grid.get(cell) not in Action.values]:
        yield f"The grid does not say what {', '.join(missing)} ask for. Choose one of: {', '.join(Action.values)}."
    if extra := [str(cell) for cell in grid if cell not in cells]:
        yield f"The grid has cells of no grade and band: {', '.join(extra[:5])}."


def _category(category: ScoreCategory) -> Iterator[str]:
    span, name = category.half_life_days, f"Category “{category.name}”"
    if span is not None and not _within(span, SHORTEST_HALF_LIFE, LONGEST_HALF_LIFE):
        yield (
            f"{name} has a half-life of {span:g} days; it must be {SHORTEST_HALF_LIFE:g} to {LONGEST_HALF_LIFE:,.0f}. "
            "For points that vanish sooner, leave it blank and give the rules a window."
        )
    if span is not None and category.axis == ScoreCategory.Axis.FIT:
        yield f"{name} is about fit, which does not decay. Remove the half-life."
    if category.cap is not None and not _within(category.cap, 0, LARGEST):
        yield f"{name} needs a cap between 0 and {LARGEST:,.0f}, or none."


def _rule(rule: ScoreRule, model: ScoringModel) -> Iterator[str]:
    category = rule.category
    if category.model_id != model.pk:
        yield f"its category “{category.name}” belongs to another version."
    fit = rule.kind == ScoreRule.Kind.ATTRIBUTE
    if fit != (category.axis == ScoreCategory.Axis.FIT):
        what = "what a person is" if fit else "what a person does"
        yield f"it is about {what}, so it needs a category of {'fit' if fit else 'interest'}, not “{category.name}”."
    if not (_within(rule.points, -LARGEST, LARGEST) and _within(rule.points_if_unknown, -LARGEST, LARGEST)):
        yield f"its points must be numbers within ±{LARGEST:,.0f}."
    if rule.window_days is not None and category.half_life_days is not None:
        yield f"a window needs a category that does not decay, and “{category.name}” has a half-life."
    if rule.kind != ScoreRule.Kind.INACTIVITY:
        yield from conditions.check(rule.condition, fields_of_rule(rule.kind))
    elif rule.condition:
        yield "it is about silence, so it has no condition."
    elif rule.points > 0 or rule.after_days is None:
        yield "it takes points off after some days; give it zero or fewer points, and days."


def _gate(gate: Gate) -> Iterator[str]:
    yield from conditions.check(gate.condition, fields_of_gate(gate.kind))
    if gate.condition == {} and gate.kind != Gate.Kind.REQUIRE:
        whom = "excludes everybody" if gate.kind == Gate.Kind.EXCLUDE else "makes every touch an MQL"
        yield f"without a condition it {whom}."


def _reach(model: ScoringModel, categories: Iterable[ScoreCategory], rules: Iterable[ScoreRule]) -> Iterator[str]:
    """A threshold that the caps keep everybody from."""
    most = 0.0
    for category in categories:
        if category.axis == ScoreCategory.Axis.INTEREST and any(
            rule.category_id == category.pk and rule.points > 0 for rule in rules
        ):
            most += float("inf") if category.cap is None else category.cap
    if 0 < most < model.threshold:
        yield (
            f"The caps let interest reach {most:g} at most, below the threshold of {model.threshold:g}: nobody would "
            "qualify by interest. Raise a cap or lower the threshold."
        )


def _is_pair(step: Any) -> bool:
    return isinstance(step, list | tuple) and len(step) == 2


def _within(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and low <= value <= high
