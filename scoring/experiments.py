"""The life of an experiment: drafted with its changed version, started, stopped."""

import secrets
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from funnel import inbox
from funnel.models import Inbox, Stage
from funnel.versions import PolicyProblem
from scoring import services
from scoring.checks import check
from scoring.models import Action, Experiment, ScoringModel, Status

SHARES: Final = (0.01, 0.5)
DAYS: Final = (7, 365)
Kind = Experiment.Kind


@transaction.atomic
def draft(
    *,
    control: ScoringModel,
    kind: str,
    name: str,
    hypothesis: str,
    share: float,
    outcome: str,
    outcome_days: int,
    user: User | None,
    threshold: float | None = None,
    rule: str = "",
    points: float | None = None,
) -> Experiment:
    """An experiment that has not begun, with a draft of the changed version: a copy of `control` with one change.

    threshold: of the changed version. rule, points: the rule's name, and its points in the changed version (0 leaves it
    out). Raises PolicyProblem for what cannot be.
    """
    if problems := list(
        _problems(control, kind=kind, share=share, days=outcome_days, threshold=threshold, points=points)
    ):
        raise PolicyProblem(problems)
    if Experiment.objects.filter(name=name).exists():
        raise PolicyProblem([f"There is an experiment “{name}” already. Give this one another name."])
    changed = services.draft(from_model=control, user=user, name=f"Experiment: {name}"[:120], why=hypothesis)
    said = _change(changed, kind, control=control, threshold=threshold, rule=rule, points=points)
    if problems := check(changed):
        raise PolicyProblem(problems)
    return Experiment.objects.create(
        name=name, hypothesis=hypothesis, kind=kind, change=said, control=control, changed=changed, share=share,
        salt=secrets.token_hex(16), outcome=outcome, outcome_days=outcome_days, created_by=user,
    )  # fmt: skip


def _problems(
    control: ScoringModel, *, kind: str, share: float, days: int, threshold: float | None, points: float | None
) -> list[str]:
    problems = []
    if not control.active:
        problems.append(f"Version {control.version} does not decide at present; only what decides can be tested.")
    if not SHARES[0] <= share <= SHARES[1]:
        problems.append("The share of people in the changed arm lies between 1 % and 50 %.")
    if not DAYS[0] <= days <= DAYS[1]:
        problems.append(f"The outcome is counted within {DAYS[0]} to {DAYS[1]} days.")
    if kind == Kind.THRESHOLD and threshold in (None, control.threshold):
        problems.append(f"Give another threshold than that of version {control.version}, {control.threshold:g}.")
    if kind == Kind.RULE and points is None:
        problems.append("Give the points that the rule has in the changed version; 0 leaves it out.")
    return problems


def _change(
    changed: ScoringModel, kind: str, *, control: ScoringModel, threshold: float | None, rule: str, points: float | None
) -> str:
    """Make the one change, and say it in words."""
    if kind == Kind.THRESHOLD and threshold is not None:
        changed.threshold = threshold
        changed.save(update_fields=["threshold"])
        return f"Threshold {threshold:g} instead of {control.threshold:g}"
    if kind == Kind.RULE and points is not None:
        found = changed.rules.filter(name=rule).first()
        if found is None:
            raise PolicyProblem([f"Version {control.version} has no rule “{rule}”."])
        if found.points == points:
            raise PolicyProblem([f"The rule “{rule}” gives {points:g} points already. Give it other points."])
        before, found.points = found.points, points
        found.save(update_fields=["points"])
        return f"Rule “{rule}”: {points:g} points instead of {before:g}"
    changed.grid = {
        cell: Action.PRIORITY.value if action == Action.MQL else action for cell, action in changed.grid.items()
    }
    changed.save(update_fields=["grid"])
    return "Interest makes no MQL; raised hands do as ever"


@transaction.atomic
def start(experiment: Experiment, *, user: User | None, now: datetime) -> Experiment:
    """Let the changed version decide about its share of the people, as soon as it has scored everybody.

    Raises PolicyProblem for one that has begun, whose control decides no longer, or beside which another runs.
    """
    held = Experiment.objects.select_for_update().get(pk=experiment.pk)
    if held.status != Experiment.Status.DRAFT:
        raise PolicyProblem([f"“{held}” is {held.get_status_display().lower()} already."])
    if not held.control.active:
        version = held.control.version
        raise PolicyProblem([f"Version {version} decides no longer. Make an experiment with the one that does."])
    other = Experiment.objects.filter(status=Experiment.Status.RUNNING, control=held.control).first()
    if other is not None:
        raise PolicyProblem([f"“{other}” runs with the same version. Stop it first: one experiment at a time."])
    if held.changed.status == Status.DRAFT:
        services.publish(held.changed, user=user, why=held.hypothesis, now=now)
    held.status, held.started_at, held.started_by = Experiment.Status.RUNNING, now, user
    try:
        with transaction.atomic():
            held.save(update_fields=["status", "started_at", "started_by"])
    except IntegrityError as error:  # somebody started another in this moment
        raise PolicyProblem(["Another experiment with the same version has just been started."]) from error
    experiment.refresh_from_db()
    return experiment


@transaction.atomic
def stop(experiment: Experiment, *, user: User | None, now: datetime) -> Experiment:
    """Let the control decide about everybody again. Those of the changed arm with an inquiry are decided about at once.

    What was decided stays, and so does who was in which arm: the effect can be read as outcomes ripen. Raises
    PolicyProblem for one that does not run.
    """
    held = Experiment.objects.select_for_update().get(pk=experiment.pk)
    if held.status != Experiment.Status.RUNNING:
        raise PolicyProblem([f"“{held}” does not run."])
    held.status, held.stopped_at, held.stopped_by = Experiment.Status.STOPPED, now, user
    held.save(update_fields=["status", "stopped_at", "stopped_by"])
    waiting = held.assignments.filter(
        changed=True, person__leads__closed_at=None, person__leads__stage=Stage.INQUIRY
    ).distinct()
    people = waiting.order_by("person").values_list("person", flat=True)
    inbox.add(Inbox.Cause.ACTIVATED, ((pk, held.control_id) for pk in people), rank=Inbox.Rank.BULK)
    if not held.changed.active:
        services.retire(held.changed, now=now)
    experiment.refresh_from_db()
    return experiment
