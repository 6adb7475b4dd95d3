"""The life of a scoring version: drafted, published, filled for everybody, active, retired. And scores told anew.

A published version never changes. It is kept up to date beside the active one, so that the two can be compared before
a person lets the new one decide; activating is one pointer that moves.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from funnel import hints, inbox, versions
from funnel.models import Inbox, Lead, Person, Stage
from funnel.versions import PolicyProblem
from scoring import accounts, shipped
from scoring.checks import check
from scoring.models import Experiment, Gate, Score, ScoreCategory, ScoreRule, ScoringModel, Status
from scoring.reviews import next_review
from scoring.scopes import scopes_of

FILL: Final = "scoring.tasks.fill"
RANGE: Final = 20_000  # people whom one step of a fill hands to the pipeline

_POLICY = (
    "threshold", "exit_ratio", "cooldown_days", "grades", "bands", "grid", "accounts", "solution_id", "region_id",
)  # fmt: skip
_CATEGORY = ("name", "axis", "cap", "half_life_days", "position")
_RULE = (
    "name", "kind", "condition", "points", "points_if_unknown", "per_day", "window_days", "after_days", "every_days",
    "position",
)  # fmt: skip
_GATE = ("kind", "name", "condition", "position")


@transaction.atomic
def draft(*, from_model: ScoringModel | None = None, user: User | None, name: str, why: str = "") -> ScoringModel:
    """A new draft: a copy of a version with its scope, or of the model that ships."""
    number = versions.next_number(ScoringModel)
    policy = {field: getattr(from_model, field) for field in _POLICY} if from_model else {}
    model = ScoringModel.objects.create(version=number, name=name, why=why, created_by=user, **policy)
    if from_model is None:
        _write_shipped(model)
    else:
        _copy(from_model, model)
    return model


@transaction.atomic
def draft_changed(rule: ScoreRule, *, points: float | None, user: User | None) -> ScoringModel:
    """A draft of the rule's version in which it gives other points, or, with None, is gone; `why` says so.

    Raises PolicyProblem where that would change nothing.
    """
    if points == rule.points:
        raise PolicyProblem([f"“{rule.name}” gives {points:g} points already; choose another number."])
    why = (
        f"“{rule.name}” is gone." if points is None else f"“{rule.name}” gives {points:g} points, not {rule.points:g}."
    )
    made = draft(from_model=rule.model, user=user, name=rule.model.name, why=why)
    its = made.rules.filter(name=rule.name)
    if points is None:
        its.delete()
    else:
        its.update(points=points)
    return made


@transaction.atomic
def publish(model: ScoringModel, *, user: User | None, why: str = "", now: datetime) -> ScoringModel:
    """Make a draft unchangeable and begin to fill it. Raises PolicyProblem for a version that cannot be.

    It is scored by the pipeline from now on, so the fill has only to reach the people of today.
    """
    held = versions.held_draft(model)
    if problems := [*held.unapproved, *check(held)]:
        raise PolicyProblem(problems)
    held.status, held.landmark = Status.PUBLISHED, now
    held.published_at, held.published_by, held.why = now, user, why or held.why
    held.publish_at = None
    held.filled_at = None if Person.objects.exists() else now
    held.save()
    model.refresh_from_db()
    if model.filled_at is None:
        hints.look(FILL)
    return model


@transaction.atomic
def fill(model: ScoringModel, *, limit: int = RANGE, now: datetime | None = None) -> int:
    """Hand the next people, in order of id, to the pipeline to be scored under this version; returns how many.

    Restartable: `filled_to` commits with the inbox rows. `filled_at` is set when nobody is left and all are scored; a
    version that was to be activated then is.
    """
    held = versions.held(ScoringModel)[model.pk]  # all of them: the end of a fill may activate it
    if held.status != Status.PUBLISHED or held.filled_at is not None:
        return 0
    people = list(Person.objects.filter(pk__gt=held.filled_to).order_by("pk").values_list("pk", flat=True)[:limit])
    if people:
        inbox.add(Inbox.Cause.FILL, ((pk, held.pk) for pk in people), rank=Inbox.Rank.BULK)
        held.filled_to = people[-1]
        held.save(update_fields=["filled_to"])
    elif not Inbox.objects.filter(cause=Inbox.Cause.FILL, object_id=held.pk).exists():
        held.filled_at = now or timezone.now()
        held.save(update_fields=["filled_at"])
        if held.activate_when_filled:
            activate(held, user=held.published_by, now=held.filled_at)
    model.refresh_from_db()
    return len(people)


@transaction.atomic
def activate(model: ScoringModel, *, user: User | None, now: datetime, apply_to_open: bool = False) -> ScoringModel:
    """Let this version decide from now on about the leads of its scope, instead of the one of that scope that did.

    apply_to_open: people with an inquiry of that scope under way are decided about at once; otherwise each when next
    heard of. Raises PolicyProblem for a version that is not published and filled.
    """
    held = {row.pk: row for row in ScoringModel.objects.select_for_update().order_by("pk")}[model.pk]
    if held.status != Status.PUBLISHED:
        raise PolicyProblem([f"Version {held.version} is {held.get_status_display().lower()}; publish it first."])
    if held.filled_at is None:
        raise PolicyProblem([f"Version {held.version} has not scored everybody yet. Wait until it is filled."])
    if not held.active:
        same_scope = ScoringModel.objects.filter(active=True, solution=held.solution_id, region=held.region_id)
        same_scope.update(active=False, deactivated_at=now)
        held.active, held.activated_at, held.activated_by, held.activate_when_filled = True, now, user, False
        held.deactivated_at, held.review_on = None, next_review(now)
        names = ("active", "activated_at", "activated_by", "activate_when_filled", "deactivated_at", "review_on")
        held.save(update_fields=names)
        if held.solution_id is None and held.region_id is None:  # accounts go by the version for all leads
            accounts.note_all()
    if apply_to_open:
        _decide_anew(held)
    model.refresh_from_db()
    return model


def _decide_anew(model: ScoringModel) -> None:
    """Have the people decided about who have an inquiry that this version is for."""
    (scope,) = scopes_of([(model.pk, model.solution_id, model.region_id)]).ordered
    leads = Lead.objects.filter(closed_at=None, stage=Stage.INQUIRY)
    if scope.solution_id is not None:
        leads = leads.filter(solution=scope.solution_id)
    if scope.regions is not None:
        leads = leads.filter(region__in=scope.regions)
    people = leads.order_by("person").values_list("person", flat=True).distinct()
    inbox.add(Inbox.Cause.ACTIVATED, ((pk, model.pk) for pk in people), rank=Inbox.Rank.BULK)


@transaction.atomic
def deactivate(model: ScoringModel, *, now: datetime) -> ScoringModel:
    """Let this version decide no longer: its leads are the next wider scope's. Raises PolicyProblem unless active."""
    held = ScoringModel.objects.select_for_update().get(pk=model.pk)
    if not held.active:
        raise PolicyProblem([f"Version {held.version} does not decide at present."])
    held.active, held.deactivated_at = False, now
    held.save(update_fields=["active", "deactivated_at"])
    model.refresh_from_db()
    return model


@transaction.atomic
def retire(model: ScoringModel, *, now: datetime) -> ScoringModel:
    """Stop keeping a version up to date and drop its scores; what it decided stays. Raises PolicyProblem if active."""
    held = ScoringModel.objects.select_for_update().get(pk=model.pk)
    if held.active:
        raise PolicyProblem(
            [f"Version {held.version} decides at present. Activate another version first, or let it decide no longer."]
        )
    if held.status != Status.PUBLISHED:
        raise PolicyProblem([f"Version {held.version} is {held.get_status_display().lower()}, not published."])
    running = Experiment.objects.filter(status=Experiment.Status.RUNNING, changed=held).first()
    if running is not None:
        raise PolicyProblem([f"Version {held.version} decides in the experiment “{running}”. Stop it first."])
    held.status, held.retired_at = Status.RETIRED, now
    held.save(update_fields=["status", "retired_at"])
    Score.objects.filter(model=held)._raw_delete("default")
    model.refresh_from_db()
    return model


def rebuild(person_ids: Collection[int], *, rank: int = Inbox.Rank.NOW) -> None:
    """Have these people scored anew from their touches, after a merge, a void, a correction; in that transaction."""
    inbox.add(Inbox.Cause.REBUILD, ((pk, None) for pk in sorted(set(person_ids))), rank=rank)


def ship(*, now: datetime, user: User | None = None) -> ScoringModel:
    """The model that decides, or the latest: where there is no version at all, the shipped one, published.

    It decides at once where nobody is to be scored, else once it is filled and somebody activates it.
    """
    known = ScoringModel.objects.order_by("-active", "-version").first()
    if known is not None:
        return known
    with transaction.atomic():
        model = publish(draft(user=user, name=shipped.NAME, why=shipped.WHY), user=user, now=now)
        return activate(model, user=user, now=now) if model.filled_at else model


# --- copies --------------------------------------------------------------------------------------------------------


def _write_shipped(model: ScoringModel) -> None:
    axes = {ScoreCategory.Axis.INTEREST: shipped.INTEREST, ScoreCategory.Axis.FIT: shipped.FIT}
    for axis, categories in axes.items():
        for position, data in enumerate(categories):
            values = {field: data.get(field) for field in ("name", "cap", "half_life_days")}
            category = ScoreCategory.objects.create(model=model, axis=axis, position=position, **values)
            _add_rules(model, {category.pk: data["rules"]})
    Gate.objects.bulk_create(
        Gate(model=model, position=position, **data) for position, data in enumerate(shipped.GATES)
    )


def _add_rules(model: ScoringModel, rules: Mapping[int, Iterable[Mapping[str, Any]]]) -> None:
    """Rules by the id of their category, in order."""
    ScoreRule.objects.bulk_create(
        ScoreRule(model=model, category_id=category, **({"position": position} | dict(rule)))
        for category, its in rules.items()
        for position, rule in enumerate(its)
    )


def _copy(source: ScoringModel, model: ScoringModel) -> None:
    for category in source.categories.order_by("pk"):
        copy = ScoreCategory.objects.create(model=model, **{field: getattr(category, field) for field in _CATEGORY})
        rules = source.rules.filter(category=category).order_by("pk").values(*_RULE)
        _add_rules(model, {copy.pk: rules})
    Gate.objects.bulk_create(Gate(model=model, **values) for values in source.gates.order_by("pk").values(*_GATE))
