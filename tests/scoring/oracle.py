"""What scores must come to, told in plain Python from single touches. Shares no code with the engine."""

import math
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Touch:
    """A touch as it is in the database. drained: the pipeline has taken its inbox row."""

    id: int
    person: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    inbound: bool = True
    automatic: bool = False
    void: bool = False
    drained: bool = False

    @property
    def moment(self) -> datetime:
        ahead = self.occurred_at - self.recorded_at > timedelta(minutes=5)
        return self.recorded_at if ahead else self.occurred_at

    @property
    def day(self) -> date:
        return self.moment.astimezone(UTC).date()


@dataclass(frozen=True)
class Rule:
    category: str
    type: str
    points: float
    per_day: int | None = None
    window: int | None = None
    only_title: str = ""


@dataclass(frozen=True)
class Quiet:
    category: str
    points: float
    after: int
    every: int | None = None


@dataclass(frozen=True)
class Category:
    half_life: float | None = None
    cap: float = math.inf


@dataclass(frozen=True)
class Model:
    categories: dict[str, Category]
    rules: list[Rule]
    quiet: list[Quiet] = field(default_factory=list)
    threshold: float = 40
    bands: tuple[tuple[int, float], ...] = ((1, 60), (2, 40), (3, 20), (4, 0))


@dataclass(frozen=True)
class Score:
    interest: float
    band: int
    over: bool
    last_at: datetime | None


def score(model: Model, touches: list[Touch], *, at: datetime, baseline: datetime | None, title: str = "") -> Score:
    """One person's score at a moment, from the drained touches that stand."""
    mine = [touch for touch in touches if touch.drained and not touch.void]
    theirs = [touch.moment for touch in mine if touch.inbound and not touch.automatic]
    last_at = max(theirs, default=None)
    interest = 0.0
    for name, category in model.categories.items():
        above = _worth(model, name, mine, at, title)
        if baseline is not None:
            below = [touch for touch in mine if touch.recorded_at <= baseline]
            above -= _worth(model, name, below, at, title)
        above += sum(_lost(rule, last_at, at) for rule in model.quiet if rule.category == name)
        interest += min(category.cap, max(0.0, above))
    shown = round(interest, 6)
    band = next((number for number, least in model.bands if shown >= least), model.bands[-1][0])
    return Score(interest, band, shown >= model.threshold, last_at)


def _worth(model: Model, name: str, touches: list[Touch], at: datetime, title: str) -> float:
    total = 0.0
    for rule in model.rules:
        if rule.category != name or (rule.only_title and rule.only_title != title):
            continue
        matching = [touch for touch in touches if touch.type == rule.type]
        if rule.per_day is None and rule.window is None:
            total += sum(rule.points * _left(model.categories[name], touch.moment, at) for touch in matching)
            continue
        days: dict[date, int] = {}
        for touch in matching:
            days[touch.day] = days.get(touch.day, 0) + 1
        for day, number in days.items():
            begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
            counted = number if rule.per_day is None else min(rule.per_day, number)
            if rule.window is None:
                total += rule.points * counted * _left(model.categories[name], begins, at)
            elif at < begins + rule.window * DAY:
                total += rule.points * counted
    return total


def _left(category: Category, since: datetime, at: datetime) -> float:
    return 1.0 if category.half_life is None else 0.5 ** ((at - since) / DAY / category.half_life)


def _lost(rule: Quiet, last_at: datetime | None, at: datetime) -> float:
    if last_at is None or at < last_at + rule.after * DAY:
        return 0.0
    times = 1 + ((at - last_at - rule.after * DAY) // (rule.every * DAY) if rule.every else 0)
    return rule.points * times


def drained(touch: Touch) -> Touch:
    return replace(touch, drained=True)
