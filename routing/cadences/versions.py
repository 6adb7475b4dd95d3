"""The life of a cadence's version: drafted, published, retired by the next one or by hand. Runs keep their version."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from funnel import versions
from funnel.conditions import check
from funnel.versions import PolicyProblem, Status
from routing.cadences.preset import PRESET, TEMPLATES
from routing.cadences.templating import unknown_places
from routing.fields import FIELDS
from routing.models import Cadence, CadenceStep, MessageTemplate
from routing.models.cadences import MOST_DAYS

MOST_STEPS: Final = 60
_TERMS: Final = ("position", "condition", "on_acceptance", "stop_on_reply", "stop_on_meeting")
_STEP: Final = ("position", "day", "medium", "template_id")


@transaction.atomic
def draft(*, name: str, from_cadence: Cadence | None = None, user: Any = None, why: str = "") -> Cadence:
    """A new draft: a copy of a version, or empty."""
    terms = {term: getattr(from_cadence, term) for term in _TERMS} if from_cadence else {}
    number = versions.next_number(Cadence, name=name)
    made = Cadence.objects.create(name=name, version=number, why=why, created_by=user, **terms)
    if from_cadence is not None:
        steps = from_cadence.steps.order_by("position").values(*_STEP)
        CadenceStep.objects.bulk_create(CadenceStep(cadence=made, **values) for values in steps)
    return made


@transaction.atomic
def draft_of_preset(*, user: Any = None) -> Cadence:
    """A draft of the cadence that ships, with those of its templates that are not in the library yet."""
    number = versions.next_number(Cadence, name=PRESET["name"])
    for told in TEMPLATES:
        MessageTemplate.objects.get_or_create(name=told["name"], defaults=told)
    templates = dict(MessageTemplate.objects.values_list("name", "pk"))
    made = Cadence.objects.create(
        name=PRESET["name"], version=number, why=PRESET["why"], created_by=user,
        on_acceptance=PRESET["on_acceptance"],
    )  # fmt: skip
    CadenceStep.objects.bulk_create(
        CadenceStep(cadence=made, position=place, day=day, medium=medium, template_id=templates[template])
        for place, (day, medium, template) in enumerate(PRESET["steps"], start=1)
    )
    return made


def publish(cadence: Cadence, *, user: Any = None, why: str = "", now: datetime) -> Cadence:
    """Let a draft take leads from now on; the version of its name that did is retired, and its runs go on.

    Raises PolicyProblem for a version that cannot be.
    """
    return versions.publish(cadence, problems_of=problems_of, user=user, why=why, now=now, name=cadence.name)


def retire(cadence: Cadence) -> Cadence:
    """Take no more leads; runs go on to their end. Raises PolicyProblem for one that is not in force."""
    if not Cadence.objects.filter(pk=cadence.pk, status=Status.PUBLISHED).update(status=Status.RETIRED):
        raise PolicyProblem([f"{cadence} is not in force."])
    cadence.refresh_from_db()
    return cadence


def problems_of(cadence: Cadence) -> Iterator[str]:
    """What keeps the version from being published, a sentence each."""
    steps = list(cadence.steps.select_related("template").order_by("position"))
    if not steps:
        yield "Without a step there is nothing to do. Add one."
    if len(steps) > MOST_STEPS:
        yield f"The cadence has {len(steps)} steps; at most {MOST_STEPS} are possible."
    for before, step in zip(steps, steps[1:], strict=False):
        if step.day < before.day:
            yield f"Step {step.position} comes on day {step.day}, before step {before.position} on day {before.day}."
    for step in steps:
        if step.day > MOST_DAYS:
            yield f"Step {step.position} comes on day {step.day}; at most {MOST_DAYS} are possible."
        if step.template and step.template.medium != step.medium:
            yield f"Step {step.position} is made by {step.get_medium_display().lower()}, its template is for another."
        for place in unknown_places(f"{step.template.subject} {step.template.body}") if step.template else ():
            yield f"The template “{step.template}” names {{{place}}}, which nothing fills."
    yield from (f"Its condition: {problem}" for problem in check(cadence.condition, FIELDS))
