"""The life of a cadence's version: drafted, published, retired by the next one or by hand. Runs keep their version."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Max

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
    _lock()
    terms = {term: getattr(from_cadence, term) for term in _TERMS} if from_cadence else {}
    made = Cadence.objects.create(name=name, version=_next_version(name), why=why, created_by=user, **terms)
    if from_cadence is not None:
        steps = from_cadence.steps.order_by("position").values(*_STEP)
        CadenceStep.objects.bulk_create(CadenceStep(cadence=made, **values) for values in steps)
    return made


@transaction.atomic
def draft_of_preset(*, user: Any = None) -> Cadence:
    """A draft of the cadence that ships, with those of its templates that are not in the library yet."""
    _lock()
    for told in TEMPLATES:
        MessageTemplate.objects.get_or_create(name=told["name"], defaults=told)
    templates = dict(MessageTemplate.objects.values_list("name", "pk"))
    made = Cadence.objects.create(
        name=PRESET["name"], version=_next_version(PRESET["name"]), why=PRESET["why"], created_by=user,
        on_acceptance=PRESET["on_acceptance"],
    )  # fmt: skip
    CadenceStep.objects.bulk_create(
        CadenceStep(cadence=made, position=place, day=day, medium=medium, template_id=templates[template])
        for place, (day, medium, template) in enumerate(PRESET["steps"], start=1)
    )
    return made


@transaction.atomic
def publish(cadence: Cadence, *, user: Any = None, why: str = "", now: datetime) -> Cadence:
    """Let a draft take leads from now on; the version of its name that did is retired, and its runs go on.

    Raises PolicyProblem for a version that cannot be.
    """
    _lock()
    held = Cadence.objects.get(pk=cadence.pk)
    if held.status != Status.DRAFT:
        raise PolicyProblem([f"{held} is {held.get_status_display().lower()} already."])
    if problems := list(problems_of(held)):
        raise PolicyProblem(problems)
    Cadence.objects.filter(name=held.name, status=Status.PUBLISHED).update(status=Status.RETIRED)
    held.status, held.why = Status.PUBLISHED, why or held.why
    held.published_at, held.published_by = now, user
    held.save(update_fields=["status", "why", "published_at", "published_by"])
    cadence.refresh_from_db()
    return held


@transaction.atomic
def retire(cadence: Cadence) -> Cadence:
    """Take no more leads; runs go on to their end. Raises PolicyProblem for one that is not in force."""
    _lock()
    held = Cadence.objects.get(pk=cadence.pk)
    if held.status != Status.PUBLISHED:
        raise PolicyProblem([f"{held} is not in force."])
    held.status = Status.RETIRED
    held.save(update_fields=["status"])
    return held


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


def _next_version(name: str) -> int:
    return (Cadence.objects.filter(name=name).aggregate(last=Max("version"))["last"] or 0) + 1


def _lock() -> None:
    """One draft or publication at a time: two drafts at once need two numbers."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE routing_cadence IN SHARE ROW EXCLUSIVE MODE")
