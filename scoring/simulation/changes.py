"""How one version differs from another, change by change, in words and so that each can be made alone.

A change is data (JSON): what it is about, by name, and what it sets. `apply` makes it to the rows of the version that
it starts from, in memory; nothing is saved.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from funnel.conditions import sentence
from scoring.fields import fields_of_gate, fields_of_rule
from scoring.models import Gate, ScoreCategory, ScoreRule, ScoringModel
from scoring.simulation import versions
from scoring.simulation.versions import CATEGORY_FIELDS, GATE_FIELDS, MODEL_FIELDS, RULE_FIELDS, Version, values_of
from scoring.words import number

Row = TypeVar("Row", ScoreCategory, ScoreRule, Gate)
Data = dict[str, Any]
_STEPS: Final = ("grades", "bands", "grid")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. words: as a sentence. data: as `apply` takes it."""

    words: str
    data: Data


def changes(model: ScoringModel, against: ScoringModel) -> list[Change]:
    """What `model` says otherwise than `against`: its levels, grid, categories, rules and gates, in this order.

    All fields of one rule, category or gate are one change, and so are grades, bands and grid where the grid has other
    cells.
    """
    before, now = versions.read(against), versions.read(model)
    return [
        *_levels(before.model, now.model),
        *_rows("category", before.categories, now.categories, before, now),
        *_rows("rule", before.rules, now.rules, before, now),
        *_rows("gate", before.gates, now.gates, before, now),
    ]


def apply(version: Version, data: Data) -> Version:
    """The version with one change made to it; its rows are copies where they are another's."""
    if data["what"] == "model":
        model = copy.copy(version.model)
        for name, value in data["set"].items():
            setattr(model, name, value)
        return Version(model, version.categories, version.rules, version.gates)
    categories, rules, gates = list(version.categories), list(version.rules), list(version.gates)
    if data["what"] == "category":
        categories = _applied(categories, data, ScoreCategory(model=version.model, axis=data.get("axis", "")))
        known = {category.pk for category in categories}
        rules = [rule for rule in rules if rule.category_id in known]
    elif data["what"] == "rule":
        categories, category = _category_for(categories, data, version)
        rules = _applied(rules, data, ScoreRule(model=version.model), category=category)
    else:
        gates = _applied(gates, data, Gate(model=version.model))
    categories.sort(key=lambda row: (row.axis, row.position, row.pk))
    rules.sort(key=lambda row: (row.position, row.pk))
    gates.sort(key=lambda row: (row.kind, row.position, row.pk))
    return Version(version.model, tuple(categories), tuple(rules), tuple(gates))


def _applied(rows: list[Row], data: Data, blank: Row, *, category: ScoreCategory | None = None) -> list[Row]:
    """The rows without the one that is gone, with the one that is added, or with a changed copy in its place."""
    kept: list[Row] = [row for row in rows if row.name != data["name"]]
    if data["do"] == "remove":
        return kept
    row = copy.copy(next((row for row in rows if row.name == data["name"]), blank))
    for name, value in data["set"].items():
        setattr(row, name, value)
    if data["do"] == "add":
        row.pk, row.name, row.position = data["id"], data["name"], data["position"]
    if category is not None and isinstance(row, ScoreRule):
        row.category = category
    kept.append(row)
    return kept


def _category_for(
    categories: list[ScoreCategory], data: Data, version: Version
) -> tuple[list[ScoreCategory], ScoreCategory | None]:
    """The category that a rule goes to, made where the version has none of the name; None: it stays where it is."""
    wanted = data.get("category")
    if wanted is None:
        return categories, None
    known = next((row for row in categories if row.name == wanted["name"]), None)
    if known is None:
        known = ScoreCategory(model=version.model, pk=wanted["id"], name=wanted["name"], axis=wanted["axis"])
        known.position = wanted["position"]
        for name, value in wanted["set"].items():
            setattr(known, name, value)
        categories = [*categories, known]
    return categories, known


# --- finding them ----------------------------------------------------------------------------------------------------


def _levels(before: ScoringModel, now: ScoringModel) -> Iterator[Change]:
    old, new = values_of(before, MODEL_FIELDS), values_of(now, MODEL_FIELDS)
    differing = [name for name in MODEL_FIELDS if old[name] != new[name]]
    bound = [name for name in differing if name in _STEPS] if set(before.grid) != set(now.grid) else []
    for name in differing:
        if name not in bound:
            words = f"{_NOUNS[name]} {_moved(name, old[name], new[name])}"
            yield Change(words, {"what": "model", "do": "change", "set": {name: getattr(now, name)}})
    if bound:
        words = "Grades, bands and grid are others"
        yield Change(words, {"what": "model", "do": "change", "set": {name: getattr(now, name) for name in _STEPS}})


_NOUNS: Final = {
    "threshold": "The threshold is",
    "exit_ratio": "An MQL cools below",
    "cooldown_days": "The cool-down lasts",
    "grades": "The grades are",
    "bands": "The bands are",
    "grid": "The grid asks for",
}


def _moved(name: str, old: Any, new: Any) -> str:
    if name == "threshold":
        return f"{number(new)} instead of {number(old)}"
    if name == "exit_ratio":
        return f"{new:.0%} of the threshold instead of {old:.0%}"
    if name == "cooldown_days":
        return f"{number(new)} days instead of {number(old)}"
    if name == "grid":
        cells = [cell for cell in old if old[cell] != new.get(cell)]
        return ", ".join(f"{new[cell]} in {cell} instead of {old[cell]}" for cell in cells)
    return (
        ", ".join(
            f"{now[0]} from {_least(now[1])} instead of {_least(before[1])}"
            for before, now in zip(old, new, strict=False)
            if before != now
        )
        or "others"
    )


def _least(least: float | None) -> str:
    return "below" if least is None else number(least)


def _rows(what: str, old: Sequence[Row], new: Sequence[Row], before: Version, now: Version) -> Iterator[Change]:
    known = {row.name: row for row in old}
    for row in new:
        previous = known.pop(row.name, None)
        if previous is None:
            words, values = f"{_called(what, row.name)} is added{_in_words(row)}", _values(row)
            if what != "category":  # a new category counts nothing before a rule stands in it
                yield Change(words, _added(what, row, values, now))
            continue
        values = {name: value for name, value in _values(row).items() if value != _values(previous)[name]}
        category = _category_of(row, now)
        moves = category is not None and category.name != _category_name(previous, before)
        if values or moves:
            told = [_told(name, _values(previous)[name], value, row) for name, value in values.items()]
            told += [f"stands in “{category.name}”"] if moves and category else []
            data: Data = {"what": what, "do": "change", "name": row.name, "set": values}
            if moves and category:
                data["category"] = _category_data(category)
            yield Change(f"{_called(what, row.name)} {', '.join(told)}", data)
    for name in known:
        yield Change(f"{_called(what, name)} is gone", {"what": what, "do": "remove", "name": name})


def _called(what: str, name: str) -> str:
    return f"{what.capitalize()} “{name}”"


def _values(row: ScoreCategory | ScoreRule | Gate) -> Data:
    fields = {ScoreCategory: CATEGORY_FIELDS, ScoreRule: RULE_FIELDS, Gate: GATE_FIELDS}[type(row)]
    return {name: getattr(row, name) for name in fields}


def _added(what: str, row: Row, values: Data, now: Version) -> Data:
    data = {"what": what, "do": "add", "name": row.name, "id": row.pk, "position": row.position, "set": values}
    category = _category_of(row, now)
    return data | ({"category": _category_data(category)} if category else {})


def _category_of(row: ScoreCategory | ScoreRule | Gate, version: Version) -> ScoreCategory | None:
    if not isinstance(row, ScoreRule):
        return None
    return next(category for category in version.categories if category.pk == row.category_id)


def _category_name(row: ScoreCategory | ScoreRule | Gate, version: Version) -> str:
    category = _category_of(row, version)
    return category.name if category else ""


def _category_data(category: ScoreCategory) -> Data:
    return {
        "name": category.name, "id": category.pk, "axis": category.axis, "position": category.position,
        "set": _values(category),
    }  # fmt: skip


# --- in words --------------------------------------------------------------------------------------------------------

_UNITS: Final[Mapping[str, tuple[str, str]]] = {
    "cap": ("counts at most {} points", "has no cap"),
    "half_life_days": ("halves in {} days", "does not decay"),
    "points": ("gives {} points", ""),
    "points_if_unknown": ("gives {} points while it is not known", ""),
    "per_day": ("counts at most {} times a day", "counts without a limit a day"),
    "window_days": ("counts for {} days", "counts without an end"),
    "after_days": ("takes points after {} days", ""),
    "every_days": ("takes points again every {} days", "takes points once"),
}


def _told(name: str, old: Any, new: Any, row: ScoreCategory | ScoreRule | Gate) -> str:
    if name == "condition":
        return f"asks for something else: {_condition(row)}"
    if name == "kind":
        return "is of another kind"
    some, none = _UNITS[name]
    if new is None:
        return none
    return some.format(number(new)) + (f" instead of {number(old)}" if old is not None else "")


def _in_words(row: ScoreCategory | ScoreRule | Gate) -> str:
    if isinstance(row, ScoreRule):
        asked = "" if row.kind == ScoreRule.Kind.INACTIVITY else f": {_condition(row)}"
        return f", {number(row.points)} points{asked}"
    return f": {_condition(row)}" if isinstance(row, Gate) else ""


def _condition(row: ScoreCategory | ScoreRule | Gate) -> str:
    if isinstance(row, ScoreRule):
        return sentence(row.condition, fields_of_rule(row.kind))
    return sentence(row.condition, fields_of_gate(row.kind)) if isinstance(row, Gate) else ""
