"""A scoring model as a document: levels, grid, and the categories with their rules."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q

from demandcenter.configuration import account_terms
from demandcenter.configuration.documents import Content, Facts, facts_of
from demandcenter.configuration.shapes import (
    Shape,
    mapping,
    number,
    or_none,
    plain,
    positive,
    text,
    tree,
    untouched,
    whole,
)
from funnel.models import Region, Solution
from scoring import services
from scoring.checks import check_parts
from scoring.models import Action, Gate, ScoreCategory, ScoreRule, ScoringModel, Status

Axis, Kind = ScoreCategory.Axis, ScoreRule.Kind

_NAME = text(120)
_DAYS = dict.fromkeys(("per_day", "window_days", "after_days", "every_days"), or_none(positive))
RULE = Shape(
    "rule",
    {"name": _NAME, "points": number, "condition": tree, **_DAYS},
    {"condition": {}, **dict.fromkeys(_DAYS)},
)
FIT_RULE = Shape(
    "rule",
    {"name": _NAME, "points": number, "points_if_unknown": number, "condition": tree},
    {"points_if_unknown": 0.0, "condition": {}},
)
CATEGORY = Shape(
    "category",
    {"name": text(80), "half_life_days": or_none(number), "cap": or_none(number), "rules": untouched},
    {"half_life_days": None, "cap": None, "rules": None},
)
FIT_CATEGORY = Shape(
    "category",
    {"name": text(80), "cap": or_none(number), "rules": untouched},
    {"cap": None, "rules": None},
)
GATE = Shape("gate", {"name": _NAME, "condition": tree})
_AXES = {Axis.INTEREST.value: (CATEGORY, RULE), Axis.FIT.value: (FIT_CATEGORY, FIT_RULE)}
_LEVELS = ("threshold", "exit_ratio", "cooldown_days")


def _default(name: str) -> Any:
    return ScoringModel._meta.get_field(name).get_default()  # type: ignore[union-attr]


def _steps(value: Any) -> list[list[Any]]:
    """Grades or bands, from the best: name -> least."""
    return [[name, None if least is None else number(least)] for name, least in mapping(value).items()]


def _grid(value: Any) -> dict[str, str]:
    """Rows of grades, columns of bands, as cells: A1 -> mql."""
    cells = {f"{grade}{band}": asked for grade, row in mapping(value).items() for band, asked in mapping(row).items()}
    for cell, asked in cells.items():
        if asked not in Action.values:
            raise ValueError(f"{cell} must be one of {', '.join(Action.values)}.")
    return cells


MODEL = Shape(
    "model",
    {
        "name": _NAME,
        "why": text(10_000, blank=True),
        "threshold": number,
        "exit_ratio": number,
        "cooldown_days": whole,
        "grades": _steps,
        "bands": _steps,
        "grid": _grid,
        "accounts": account_terms.read,
        "interest": untouched,
        "fit": untouched,
        "gates": untouched,
    },
    {
        "why": "",
        **{name: _default(name) for name in (*_LEVELS, "grades", "bands", "grid", "accounts")},
        **dict.fromkeys(("interest", "fit", "gates")),
    },
)


class ScoringDocument:
    """How people are scored where no other model does it, as of the version that decides, or will once it is filled."""

    name = "scoring_model"

    def stored(self) -> Content | None:
        model = models_in_force().get((None, None))
        return content_of(model) if model else None

    def read(self, told: Any, problems: list[str]) -> Content:
        return read_model(told, self.name, problems)

    def show(self, content: Content) -> Content:
        return show_model(content)

    def facts(self, content: Content) -> Facts:
        return facts_of_model(content)

    def write(self, content: Content, *, now: datetime) -> str:
        return write_model(content, None, None, now=now)


# --- one model -----------------------------------------------------------------------------------------------------


def read_model(told: Any, place: str, problems: list[str]) -> Content:
    """What the file says of one model, with defaults filled in; what is wrong with its form goes to `problems`."""
    content = MODEL.read(told, place, problems)
    for axis, (category, rule) in _AXES.items():
        content[axis] = category.read_all(content.get(axis), f"{place}, {axis}", problems)
        for part in content[axis]:
            part["rules"] = rule.read_all(part.get("rules"), place, problems)
    gates = content.get("gates") or {}
    known = Shape("gates", dict.fromkeys(Gate.Kind.values, untouched), dict.fromkeys(Gate.Kind.values))
    kinds = known.read(gates, f"{place}, gates", problems)
    content["gates"] = {kind: GATE.read_all(kinds.get(kind), place, problems) for kind in Gate.Kind.values}
    problems += (f"{place}: {twice}" for twice in _twice(content))
    problems += (f"{place}, {mixed}" for mixed in _mixed(content))
    return content


def show_model(content: Content) -> Content:
    """The model as the file shows it."""
    shown: Content = {name: plain(content[name]) for name in ("name", "why", *_LEVELS) if content[name] != ""}
    for name in ("grades", "bands"):
        shown[name] = {step: plain(least) for step, least in content[name]}
    shown["grid"] = {
        grade: {band: content["grid"].get(f"{grade}{band}") for band, _least in content["bands"]}
        for grade, _least in content["grades"]
    }
    shown["accounts"] = account_terms.show(content["accounts"])
    for axis, (category, rule) in _AXES.items():
        shown[axis] = [
            category.write(part) | {"rules": [rule.write(one) for one in part["rules"]]} for part in content[axis]
        ]
    shown["gates"] = {kind: [GATE.write(one) for one in gates] for kind, gates in content["gates"].items() if gates}
    return shown


def facts_of_model(content: Content) -> Facts:
    """What two models are compared by."""
    found = facts_of("", {name: content[name] for name in ("name", *_LEVELS)})
    for name in ("grades", "bands"):
        found |= facts_of(name, {str(step): least for step, least in content[name]})
    found |= facts_of("grid", content["grid"])
    found |= account_terms.facts(content["accounts"])
    for axis in _AXES:
        for category in content[axis]:
            own = {name: value for name, value in category.items() if name not in ("name", "rules")}
            found |= facts_of(f"category “{category['name']}”", own | {"axis": axis})
            for rule in category["rules"]:
                found |= facts_of(f"rule “{rule['name']}”", rule | {"category": category["name"]})
    for kind, gates in content["gates"].items():
        for gate in gates:
            found |= facts_of(f"gate “{gate['name']}”", gate | {"kind": kind})
    return found


def write_model(content: Content, solution: Solution | None, region: Region | None, *, now: datetime) -> str:
    """Publish the model for the leads of a solution and region and let it decide once it is filled.

    Returns a sentence where that is later. Raises PolicyProblem for one that cannot be.
    """
    model = services.draft(user=None, name=content["name"], why=content["why"])
    model.gates.all().delete()  # a draft begins as the model that ships
    model.categories.all().delete()
    model.solution, model.region = solution, region
    for name in (*_LEVELS, "grades", "bands", "grid", "accounts"):
        setattr(model, name, content[name])
    categories = list(_categories(model, content))
    rules = [rule for category, told in categories for rule in _rules(model, category, told)]
    gates = list(_gates(model, content))
    if problems := check_parts(model, [category for category, _told in categories], rules, gates):
        raise services.PolicyProblem(problems)
    model.save()
    for category, _told in categories:
        category.save()
    for rule in rules:
        rule.category_id = rule.category.pk
    ScoreRule.objects.bulk_create(rules)
    Gate.objects.bulk_create(gates)
    services.publish(model, user=None, now=now)
    return _put_in_force(model, now=now)


# --- the database ------------------------------------------------------------------------------------------------


def models_in_force() -> dict[tuple[int | None, int | None], ScoringModel]:
    """By solution and region the version that is to decide once it is filled, else the one that does."""
    versions = ScoringModel.objects.filter(status=Status.PUBLISHED).select_related("solution", "region")
    found = {}
    for model in versions.filter(Q(active=True) | Q(activate_when_filled=True)).order_by("activate_when_filled"):
        found[model.solution_id, model.region_id] = model
    return found


def _put_in_force(model: ScoringModel, *, now: datetime) -> str:
    _overtake(model, now=now)
    if model.filled_at is not None:
        services.activate(model, user=None, now=now)
        return ""
    ScoringModel.objects.filter(pk=model.pk).update(activate_when_filled=True)
    return f"Version {model.version} of the scoring model decides as soon as it has scored everybody."


def withdraw(model: ScoringModel, *, now: datetime) -> bool:
    """Let no version of this one's scope decide any more, at once or once it is filled. Whether one did."""
    _overtake(model, now=now)
    deciding = ScoringModel.objects.filter(active=True, solution=model.solution_id, region=model.region_id).first()
    if deciding is not None:
        services.deactivate(deciding, now=now)
    return deciding is not None


def _overtake(model: ScoringModel, *, now: datetime) -> None:
    """Give up versions of the same scope that were to decide once they are filled."""
    waiting = ScoringModel.objects.filter(activate_when_filled=True, solution=model.solution_id, region=model.region_id)
    for overtaken in waiting:
        ScoringModel.objects.filter(pk=overtaken.pk).update(activate_when_filled=False)
        services.retire(overtaken, now=now)


def _categories(model: ScoringModel, content: Content) -> Iterator[tuple[ScoreCategory, list[dict[str, Any]]]]:
    """The categories, not saved yet, each with its rules as told."""
    for axis in _AXES:
        for position, told in enumerate(content[axis]):
            own = {name: value for name, value in told.items() if name != "rules"}
            yield ScoreCategory(model=model, axis=axis, position=position, **own), told["rules"]


def _rules(model: ScoringModel, category: ScoreCategory, told: list[dict[str, Any]]) -> Iterator[ScoreRule]:
    for position, rule in enumerate(told):
        kind = _kind(category.axis, rule)
        yield ScoreRule(model=model, category=category, kind=kind, position=position, **rule)


def _gates(model: ScoringModel, content: Content) -> Iterator[Gate]:
    for kind, gates in content["gates"].items():
        for position, gate in enumerate(gates):
            yield Gate(model=model, kind=kind, position=position, **gate)


def _kind(axis: str, rule: Mapping[str, Any]) -> str:
    if axis == Axis.FIT:
        return Kind.ATTRIBUTE.value
    return Kind.INACTIVITY.value if rule["after_days"] is not None else Kind.TOUCH.value


def content_of(model: ScoringModel) -> Content:
    """A version as compared with the file."""
    content: Content = {name: getattr(model, name) for name in ("name", "why", *_LEVELS, "grid", "accounts")}
    for name in ("grades", "bands"):
        content[name] = [[step, None if least is None else float(least)] for step, least in getattr(model, name)]
    rules = list(model.rules.order_by("position", "id"))
    categories = list(model.categories.order_by("position", "id"))
    for axis, (category_shape, rule_shape) in _AXES.items():
        content[axis] = [
            _values(category, category_shape)
            | {"rules": [_values(rule, rule_shape) for rule in rules if rule.category_id == category.pk]}
            for category in categories
            if category.axis == axis
        ]
    gates = list(model.gates.order_by("position", "id"))
    content["gates"] = {kind: [_values(gate, GATE) for gate in gates if gate.kind == kind] for kind in Gate.Kind.values}
    return content


def _values(row: Any, shape: Shape) -> dict[str, Any]:
    return {name: getattr(row, name) for name in shape.fields if name != "rules"}


def _mixed(content: Content) -> Iterator[str]:
    """Rules that are about touches and about silence at once."""
    for category in content[Axis.INTEREST]:
        for rule in category["rules"]:
            silent, name = rule.get("after_days") is not None, rule.get("name")
            if silent and (rule.get("per_day") or rule.get("window_days")):
                yield f"rule “{name}”: after_days is about silence; per_day and window_days are about touches."
            if not silent and rule.get("every_days"):
                yield f"rule “{name}”: every_days needs after_days."


def _twice(content: Content) -> Iterator[str]:
    """Names that the database would refuse: a version knows its categories, rules and gates by name."""
    categories = [category for axis in _AXES for category in content[axis]]
    named = {
        "categories": [category.get("name") for category in categories],
        "rules": [rule.get("name") for category in categories for rule in category["rules"]],
        "gates": [gate.get("name") for gates in content["gates"].values() for gate in gates],
    }
    for noun, names in named.items():
        for name, count in Counter(names).items():
            if name and count > 1:
                yield f"there are {count} {noun} “{name}”; give each a name of its own."
