"""A model version as the engine uses it: read once, its conditions compiled once, unchanging since it was published.

A version that is meant for one solution hears only touches about it, or about none in particular: its rules and fast
tracks ask for that too, so that whoever reads the policy sees the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from funnel.conditions import Compiled, compile
from funnel.fields import FIELDS_OF_TOUCHES
from scoring.account_terms import AccountTerms
from scoring.account_terms import read as read_accounts
from scoring.decay import DAY, Curve, Floats, Silence, rounded
from scoring.fields import fields_of_gate, fields_of_rule
from scoring.models import Action, Gate, ScoreCategory, ScoreRule, ScoringModel, Status
from scoring.scopes import Scopes, scopes_of

ABOUT: Final = "touch.about"


@dataclass(frozen=True, slots=True)
class CategoryTerms:
    """A category. cap and half_life_days: None for no cap, no decay."""

    id: int
    name: str
    axis: str
    cap: float | None
    half_life_days: float | None

    @property
    def half_life(self) -> float:
        """Seconds; inf where nothing decays."""
        return np.inf if self.half_life_days is None else self.half_life_days * DAY


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """A rule. category: its category's place among those of its axis. condition, tree: the same, as SQL and as JSON."""

    id: int
    name: str
    kind: str
    category: int
    tree: Mapping[str, Any]
    condition: Compiled
    points: float
    points_if_unknown: float = 0.0
    per_day: int | None = None
    window_days: int | None = None
    after_days: int | None = None
    every_days: int | None = None

    @property
    def is_counted(self) -> bool:
        """Whether its touches are counted by the day."""
        return self.per_day is not None or self.window_days is not None


@dataclass(frozen=True, slots=True)
class GateTerms:
    """A gate."""

    id: int
    name: str
    kind: str
    tree: Mapping[str, Any]
    condition: Compiled


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """One version. grades: letter and least fit, from the best. bands: number and least interest, from the highest.

    grid: what each cell ("B2") asks for. landmark: seconds since 1970. solution_id, solution: the one that it hears
    touches about, None for any; scope: the leads that it is meant for, in words, empty for all. Compared by identity:
    one object a version, as long as its scope is called the same.
    """

    id: int
    version: int
    name: str
    solution_id: int | None
    solution: str | None
    scope: str
    threshold: float
    exit_ratio: float
    cooldown_days: int
    grades: tuple[tuple[str, float], ...]
    bands: tuple[tuple[int, float], ...]
    grid: Mapping[str, str]
    landmark: float
    interest: tuple[CategoryTerms, ...]
    fit: tuple[CategoryTerms, ...]
    rules: tuple[RuleTerms, ...]
    gates: tuple[GateTerms, ...]
    accounts: AccountTerms = field(repr=False)
    curve: Curve = field(repr=False)
    qualifies: NDArray[np.bool_] = field(repr=False)

    @property
    def policy(self) -> str:
        """How a decision names the version it was made under."""
        return f"scoring:{self.version}"

    @property
    def title(self) -> str:
        """How people name it: "Fit and interest, version 3, for Edge in DACH"."""
        return f"{self.name}, version {self.version}{f', for {self.scope}' if self.scope else ''}"

    @property
    def exit_level(self) -> float:
        """An MQL cools below this interest."""
        return self.threshold * self.exit_ratio

    @property
    def touches_ask_of_people(self) -> bool:
        """Whether what a touch is worth depends on whose it is, so that it changes with the person."""
        return any(rule.condition.groups & {"person", "account"} for rule in self.rules_of(ScoreRule.Kind.TOUCH))

    def rules_of(self, kind: str) -> tuple[RuleTerms, ...]:
        return tuple(rule for rule in self.rules if rule.kind == kind)

    def gates_of(self, kind: str) -> tuple[GateTerms, ...]:
        return tuple(gate for gate in self.gates if gate.kind == kind)

    def grade_places(self, fit: Floats) -> NDArray[np.intp]:
        """The place among the grades of each fit total."""
        return _places(self.grades, fit)

    def band_places(self, interest: Floats) -> NDArray[np.intp]:
        """The place among the bands of each interest."""
        return _places(self.bands, interest)


def live_policies() -> tuple[list[Policy], Scopes]:
    """Every version that is kept up to date, and which of them decides about which leads.

    One query once they are known; two where one that decides is for a region.
    """
    published = ScoringModel.objects.filter(status=Status.PUBLISHED).order_by("version")
    rows = list(published.values("active", "solution_id", "region_id", *_KEY))
    scopes = scopes_of((row["id"], row["solution_id"], row["region_id"]) for row in rows if row["active"])
    return [_known(*(row[name] for name in _KEY)) for row in rows], scopes


def general_policy() -> Policy | None:
    """The version that decides where no other does; people and accounts as such are scored by it."""
    policies, scopes = live_policies()
    return next((policy for policy in policies if policy.id == scopes.general), None)


def policy_of(model: ScoringModel) -> Policy:
    """The version as the engine uses it. A draft is read anew each time; it counts from now where it has no landmark.

    Raises funnel.conditions.ConditionError where a condition cannot be; see `scoring.checks` for all of it in words.
    """
    if model.status == Status.DRAFT:
        return _read(model)
    solution = model.solution.name if model.solution else None
    region = model.region.name if model.region else None
    return _known(model.pk, model.status, model.published_at, solution, region)


_KEY: Final = ("id", "status", "published_at", "solution__name", "region__name")


@lru_cache(maxsize=32)
def _known(pk: int, status: str, published_at: datetime | None, solution: str | None, region: str | None) -> Policy:
    """status and published_at belong to the key because a test's database may give an id twice; the names of the scope
    because they may be changed.
    """
    return _read(ScoringModel.objects.select_related("solution", "region").get(pk=pk))


def _read(model: ScoringModel) -> Policy:
    return policy_from(
        model,
        list(model.categories.order_by("axis", "position", "id")),
        list(model.rules.order_by("position", "id")),
        list(model.gates.order_by("kind", "position", "id")),
    )


def policy_from(
    model: ScoringModel, categories: Sequence[ScoreCategory], rows: Iterable[ScoreRule], gates: Iterable[Gate]
) -> Policy:
    """A version out of its parts, in order; these need not be saved. Raises as `policy_of` does."""
    axes = {
        axis: tuple(
            CategoryTerms(row.pk, row.name, row.axis, row.cap, row.half_life_days)
            for row in categories
            if row.axis == axis
        )
        for axis in ScoreCategory.Axis.values
    }
    places = {terms.id: place for axis in axes.values() for place, terms in enumerate(axis)}
    solution = model.solution.name if model.solution else None
    rules = tuple(_rule(row, places, solution) for row in rows)
    grades = tuple((str(letter), _least(least)) for letter, least in model.grades)
    bands = tuple((int(number), _least(least)) for number, least in model.bands)
    landmark = model.landmark.timestamp() if model.landmark else 0.0
    return Policy(
        id=model.pk,
        version=model.version,
        name=model.name,
        solution_id=model.solution_id,
        solution=solution,
        scope=model.scope,
        threshold=model.threshold,
        exit_ratio=model.exit_ratio,
        cooldown_days=model.cooldown_days,
        grades=grades,
        bands=bands,
        grid=dict(model.grid),
        landmark=landmark,
        interest=axes[ScoreCategory.Axis.INTEREST],
        fit=axes[ScoreCategory.Axis.FIT],
        rules=rules,
        gates=tuple(_gate(row, solution) for row in gates),
        accounts=read_accounts(model.accounts),
        curve=_curve(model, axes[ScoreCategory.Axis.INTEREST], rules, bands, landmark),
        qualifies=np.array(
            [[model.grid.get(f"{grade}{band}") == Action.MQL for band, _ in bands] for grade, _ in grades]
        ),
    )


def _rule(row: ScoreRule, places: Mapping[int, int], solution: str | None) -> RuleTerms:
    condition = compile(row.condition, fields_of_rule(row.kind))
    tree, condition = _heard(row.condition, condition, solution if row.kind == ScoreRule.Kind.TOUCH else None)
    return RuleTerms(
        id=row.pk,
        name=row.name,
        kind=row.kind,
        category=places[row.category_id],
        tree=tree,
        condition=condition,
        points=row.points,
        points_if_unknown=row.points_if_unknown,
        per_day=row.per_day,
        window_days=row.window_days,
        after_days=row.after_days,
        every_days=row.every_days,
    )


def _gate(row: Gate, solution: str | None) -> GateTerms:
    condition = compile(row.condition, fields_of_gate(row.kind))
    tree, condition = _heard(row.condition, condition, solution if row.kind == Gate.Kind.FAST_TRACK else None)
    return GateTerms(row.pk, row.name, row.kind, tree, condition)


def _heard(tree: Mapping[str, Any], condition: Compiled, solution: str | None) -> tuple[Mapping[str, Any], Compiled]:
    """A condition on touches and that they are about this solution or none: as JSON and as SQL.

    Put together of what is compiled already: a condition may be as deep as conditions can be.
    """
    if solution is None:
        return tree, condition
    about = {"any": [{"field": ABOUT, "op": "is", "value": solution}, {"field": ABOUT, "op": "unknown"}]}
    heard = compile(about, FIELDS_OF_TOUCHES)
    both = Compiled(
        f"({heard.sql} AND {condition.sql})", heard.params + condition.params, heard.groups | condition.groups
    )
    return {"all": [about, tree]}, both


def _curve(
    model: ScoringModel,
    categories: Iterable[CategoryTerms],
    rules: Iterable[RuleTerms],
    bands: Iterable[tuple[int, float]],
    landmark: float,
) -> Curve:
    levels = {least for _number, least in bands} | {model.threshold, model.threshold * model.exit_ratio}
    return Curve(
        landmark=landmark,
        half_lives=np.array([terms.half_life for terms in categories]),
        caps=np.array([np.inf if terms.cap is None else terms.cap for terms in categories]),
        levels=np.array(sorted(level for level in levels if 0 < level < np.inf)),
        silences=tuple(
            Silence(rule.category, rule.points, rule.after_days * DAY, (rule.every_days or np.inf) * DAY)
            for rule in rules
            if rule.kind == ScoreRule.Kind.INACTIVITY and rule.after_days is not None
        ),
    )


def _least(least: float | None) -> float:
    return -np.inf if least is None else float(least)


def _places(steps: tuple[tuple[Any, float], ...], scores: Floats) -> NDArray[np.intp]:
    """The place of the first step, from the top, whose least the score reaches; the last where it reaches none."""
    least = np.array([bound for _name, bound in steps])
    places = len(steps) - np.searchsorted(least[::-1], rounded(scores), side="right")
    return np.minimum(places, len(steps) - 1)
