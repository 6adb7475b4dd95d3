"""What the shipped scoring model would make of people and touches, roughly: so that the demo's MQLs are MQLs. Pure."""

import random
from collections.abc import Iterable, Sequence
from datetime import datetime

from demandcenter.demo_world.journeys import RAISING, Offers, Step, Touch
from demandcenter.demo_world.people import Human
from demandcenter.demo_world.rhythm import DAY, near_waking
from funnel.models import Kind, Stage
from scoring import shipped

THRESHOLD = 42.0  # the model's 40, and a little for what the estimate leaves out (counts a day)
MOST_BEFORE = 38.0
GOOD_FIT = 45.0
_SENIORITY = {"C-level": 25.0, "VP": 20.0, "Head": 20.0, "Manager": 12.0, "Staff": 3.0}
_COMPANY_SIZES = ((1000, 20.0), (200, 15.0), (50, 8.0), (0, 0.0))
_TIERS = {1: 25.0, 2: 15.0, 3: 0.0}
_PENALTIES = {"Student": -30.0, "Consultant": -10.0}


def _points() -> dict[str, tuple[str, float]]:
    """Category and points by type of touch."""
    found = {}
    for category in shipped.INTEREST:
        for rule in category["rules"]:
            if rule["kind"] == "touch":
                for name in rule["condition"]["all"][0]["value"]:
                    found[name] = (category["name"], rule["points"])
    return found


_POINTS = _points()
_TERMS = {category["name"]: (category["half_life_days"], category.get("cap", 1e9)) for category in shipped.INTEREST}


def interest(touches: Iterable[Touch], at: datetime) -> float:
    """About how warm these touches leave somebody at a moment."""
    sums = dict.fromkeys(_TERMS, 0.0)
    for touch in touches:
        category, points = _POINTS.get(touch.type, ("", 0.0))
        if category and touch.inbound and touch.at <= at:
            sums[category] += points * 2 ** (-((at - touch.at) / DAY) / _TERMS[category][0])
    return sum(min(_TERMS[name][1], max(0.0, total)) for name, total in sums.items())


def fits(human: Human) -> bool:
    """Whether the model's fit lets this person become an MQL by interest."""
    company = human.company
    fit = _SENIORITY.get(human.seniority, 3.0 if human.title else 0.0) + _PENALTIES.get(human.title, 0.0)
    fit += 20.0 if human.function not in ("", "Other") else 0.0
    if company is None:
        return fit - 15.0 >= GOOD_FIT
    if company.kind in ("competitor", "partner"):
        return False
    fit += _TIERS[company.tier] + next(points for least, points in _COMPANY_SIZES if company.employees >= least)
    return fit + 15.0 >= GOOD_FIT


def fitted(
    dice: random.Random, touches: list[Touch], steps: Sequence[Step], offers: Offers, *, until: datetime
) -> list[Touch]:
    """The touches, in order, as they must have been for these steps: enough for an MQL, or never that many."""
    raised = next((step for step in steps if step.stage == Stage.MQL), None)
    if raised is None or raised.at > until:
        return _kept_cool(touches)
    if raised.kind != Kind.ADVANCE:
        return touches
    return _warmed_up(dice, touches, raised, offers)


def _kept_cool(touches: Sequence[Touch]) -> list[Touch]:
    """Without those that would have made an MQL; the first one is what opened the lead, and stays."""
    kept = list(touches[:1])
    for touch in touches[1:]:
        if interest([*kept, touch], touch.at) < MOST_BEFORE:
            kept.append(touch)
    return kept


def _warmed_up(dice: random.Random, touches: list[Touch], raised: Step, offers: Offers) -> list[Touch]:
    opened = touches[0].at
    while interest(touches, raised.at) < THRESHOLD and opened < raised.at:
        sort = RAISING.draw(dice)
        at = near_waking(dice, max(opened, raised.at - DAY * 14 * dice.random() ** 2))
        if opened <= at <= raised.at:
            touches.append(sort.touch(at, offers))
    return sorted(touches, key=lambda touch: touch.at)
