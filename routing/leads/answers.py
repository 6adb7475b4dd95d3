"""What somebody told us, question by question, on the way (R95): the answers that their touches brought along.

A touch carries them in its payload under `answers`: {question: answer}. They are facts of the touch, as it was: nothing
of the person is changed by them, rules may ask for them (`answer.<question>`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from funnel.models import Activity, Lead
from routing.wording import touch_words

KEY = "answers"
MOST_TOUCHES = 30
LONGEST = 300


@dataclass(frozen=True, slots=True)
class Step:
    """What one touch told. by: the content or what it was; stage: the buying stage of the content, in a word."""

    at: datetime
    by: str
    stage: str
    answers: tuple[tuple[str, str], ...]


def answers_of(lead: Lead) -> list[Step]:
    """What the lead's person told us, the latest first. One query."""
    touches = Activity.objects.filter(person=lead.person_id, voided_at=None, payload__has_key=KEY)
    latest = touches.select_related("content").order_by("-occurred_at", "-id")[:MOST_TOUCHES]
    return [step for step in map(_step, latest) if step.answers]


def _step(touch: Activity) -> Step:
    content = touch.content
    return Step(
        at=touch.occurred_at,
        by=content.name if content else touch_words(touch.type),
        stage=content.get_buying_stage_display() if content else "",
        answers=tuple(_told(touch.payload.get(KEY))),
    )


def _told(answers: Any) -> Iterator[tuple[str, str]]:
    """Questions with their answers as text; what is blank or nested tells nothing."""
    for question, answer in answers.items() if isinstance(answers, dict) else ():
        said = ", ".join(_words(answer))
        if said and str(question).strip():
            yield str(question)[:LONGEST], said[:LONGEST]


def _words(answer: Any) -> Iterable[str]:
    if isinstance(answer, list):
        return [word for one in answer for word in _words(one) if not isinstance(one, list)]
    if isinstance(answer, bool):
        return ["yes" if answer else "no"]
    return [str(answer).strip()] if isinstance(answer, str | int | float) and str(answer).strip() else []
