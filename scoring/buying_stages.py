"""Interest by buying stage: what of it comes from content that helps to learn, to compare, to decide (R94, R95).

A touch stands where its content stands. What a category counts is shared out by what its touches are worth before caps;
points below zero and silence take from each alike, so the shares sum to the interest exactly.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from funnel.models import BuyingStage
from scoring.parts import Parts
from scoring.words import number

LATEST = 2  # pieces of content named

_CONTENT = """
SELECT t.id, coalesce(c.buying_stage, ''), coalesce(c.name, '')
FROM funnel_activity t LEFT JOIN funnel_content c ON c.id = t.content_id WHERE t.id = ANY(%s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePart:
    """What comes from one buying stage; stage is blank for touches whose content does not say.

    interest: of today's; touches: those of them that count something; content: the latest pieces, the last one first.
    """

    stage: str
    name: str
    interest: float
    touches: int
    last_at: datetime
    content: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Learnt:
    """The content of a touch."""

    stage: str
    name: str


def read(activity_ids: Collection[int]) -> dict[int, Learnt]:
    """What content each of these touches was about. One statement, none for no touch."""
    if not activity_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_CONTENT, [list(activity_ids)])
        return {pk: Learnt(stage, name) for pk, stage, name in cursor.fetchall()}


def split(people: Iterable[Parts], *, at: datetime) -> dict[int, list[StagePart]]:
    """The interest of these people at a moment by buying stage, from the first stage on, unsaid last; by person.

    One statement for all of them.
    """
    everybody = list(people)
    learnt = read({earned.touch.id for parts in everybody for earned in parts.earned})
    return {parts.evidence.person_id: _split(parts, learnt, at.timestamp()) for parts in everybody}


def _split(parts: Parts, learnt: Mapping[int, Learnt], moment: float) -> list[StagePart]:
    counted = parts.categories(moment)
    worth = [(earned, parts.points_at(earned, moment)) for earned in parts.earned]
    positive = [(earned, points) for earned, points in worth if points > 0]
    together: dict[int, float] = defaultdict(float)
    for earned, points in positive:
        together[earned.rule.category] += points
    interest: dict[str, float] = defaultdict(float)
    touches: dict[str, dict[int, datetime]] = defaultdict(dict)
    for earned, points in positive:
        stage = learnt[earned.touch.id].stage
        interest[stage] += counted[earned.rule.category][1] * points / together[earned.rule.category]
        touches[stage][earned.touch.id] = earned.touch.occurred_at
    return [
        StagePart(
            stage=stage,
            name=label,
            interest=interest[stage],
            touches=len(touches[stage]),
            last_at=max(touches[stage].values()),
            content=_latest(touches[stage], learnt),
        )
        for stage, label in [*BuyingStage.choices, ("", "Not said")]
        if stage in interest
    ]


def _latest(touches: Mapping[int, datetime], learnt: Mapping[int, Learnt]) -> tuple[str, ...]:
    ordered = sorted(touches, key=lambda pk: (touches[pk], pk), reverse=True)
    return tuple(dict.fromkeys(learnt[pk].name for pk in ordered if learnt[pk].name))[:LATEST]


def whereabouts(stages: Collection[StagePart]) -> str:
    """Where somebody is in buying, in a sentence; empty where no content says."""
    said = [part for part in stages if part.stage]
    if not said:
        return ""
    most, furthest = max(said, key=lambda part: part.interest), said[-1]
    total = sum(part.interest for part in said)
    words = f"Of what content says, {most.name.lower()} gives most: {number(most.interest)} of {number(total)}"
    return f"{words}." if furthest is most else f"{words}; they have come as far as {furthest.name.lower()}."
