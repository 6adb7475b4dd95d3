"""Trainings: asked for by a person or by the week, taken by a worker, and what people decide about their fields.

The row is the queue: a training waits in its table until a worker has written down what came of it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from funnel import hints
from funnel.access import name_of
from funnel.models import Stage
from scoring.models import PredictiveModel
from scoring.predictive import known, leaks, learning
from scoring.predictive.features import Leads
from scoring.predictive.learning import CannotLearn, Lesson

LEARN: Final = "scoring.tasks.learn"
GIVEN_UP: Final = timedelta(minutes=30)  # after which a training whose worker has not been heard of is taken again
OUTCOMES: Final = {
    Stage.SAL.value: "were accepted",
    Stage.SQL.value: "became SQL",
    Stage.OPPORTUNITY.value: "became an opportunity",
    Stage.WON.value: "were won",
}
_TAKE: Final = """
UPDATE scoring_predictivemodel SET status = 'running', started_at = %(now)s
WHERE id = (
    SELECT id FROM scoring_predictivemodel
    WHERE status = 'waiting' OR (status = 'running' AND started_at < %(given_up)s)
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id
"""


class Unaskable(Exception):
    """Why a training cannot be asked for, in a sentence for people."""


def did(training: PredictiveModel) -> str:
    """What leads came to, in words that follow their number: "became SQL within 90 days"."""
    return f"{OUTCOMES[training.outcome]} within {training.within_days} days"


def in_use() -> PredictiveModel | None:
    """The model that tells likelihoods: the latest training that came to something."""
    return PredictiveModel.objects.filter(status=PredictiveModel.Status.DONE).first()


def latest() -> PredictiveModel | None:
    """The latest training, whatever came of it; the next one is asked for like it."""
    return PredictiveModel.objects.first()


@transaction.atomic
def ask(
    *, outcome: str, within_days: int, source: str = "", overrides: Sequence[Mapping[str, Any]] = (), user: User | None
) -> PredictiveModel:
    """Ask for a training; a worker takes it. Asking for what waits already is answered with that one.

    Raises Unaskable where scikit-learn is missing, the outcome cannot be predicted, or the window is not 1 to 730 days.
    """
    if not learning.is_installed():
        raise Unaskable(learning.NOT_INSTALLED)
    if outcome not in OUTCOMES:
        raise Unaskable(f"“{outcome}” cannot be predicted; choose one of {', '.join(OUTCOMES)}.")
    if not 1 <= within_days <= 730:
        raise Unaskable("Give leads between 1 and 730 days to come to it.")
    asked = {"outcome": outcome, "within_days": within_days, "source": source, "overrides": [*overrides]}
    waiting = PredictiveModel.objects.filter(status=PredictiveModel.Status.WAITING, **asked).first()
    training = waiting or PredictiveModel.objects.create(**asked, asked_by=user)
    hints.look(LEARN)
    return training


@transaction.atomic
def override(field: str, *, use: bool, reason: str, user: User, now: datetime) -> PredictiveModel:
    """Decide about a field against what the latest training did with it, and learn anew.

    The decision stands with its reason in this training and in those that are asked for like it, until decided
    otherwise. Raises Unaskable without a reason, or for a field that the latest training does not know.
    """
    reason = reason.strip()
    last = PredictiveModel.objects.select_for_update().exclude(fields=[]).first()
    labels = {row["name"]: row["label"] for row in last.fields} if last else {}
    if last is None or field not in labels:
        raise Unaskable("The latest training knows no such field. Train first, then decide about its fields.")
    if not reason:
        raise Unaskable(f"Say why “{labels[field]}” is to be {'used' if use else 'left out'}: others will ask.")
    newest = latest() or last
    decision = {
        "field": field,
        "use": use,
        "reason": reason[:300],
        "by": name_of(user),
        "at": now.isoformat(),
    }
    kept = [row for row in newest.overrides if row["field"] != field]
    return ask(
        outcome=newest.outcome,
        within_days=newest.within_days,
        source=newest.source,
        overrides=[*kept, decision],
        user=user,
    )


def ask_again() -> PredictiveModel | None:
    """The weekly training: like the latest that was asked for; none where nobody ever asked, or one is under way."""
    last = latest()
    if last is None or last.status in (PredictiveModel.Status.WAITING, PredictiveModel.Status.RUNNING):
        return None
    return ask(
        outcome=last.outcome, within_days=last.within_days, source=last.source, overrides=last.overrides, user=None
    )


# --- learning ------------------------------------------------------------------------------------------------------


def train_next(*, now: datetime) -> PredictiveModel | None:
    """Take a training that waits, learn, and write down what came of it; None where none waits."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"now": now, "given_up": now - GIVEN_UP})
        taken = cursor.fetchone()
    if taken is None:
        return None
    training = PredictiveModel.objects.get(pk=taken[0])
    found = _trained(training, now=now)
    # A worker that was given up and comes back all the same writes over nobody.
    PredictiveModel.objects.filter(
        pk=training.pk, status=PredictiveModel.Status.RUNNING, started_at=training.started_at
    ).update(**found)
    training.refresh_from_db()
    return training


def _trained(training: PredictiveModel, *, now: datetime) -> dict[str, Any]:
    """The columns that a training comes to."""
    ids = known.mature(training, now=now)
    leads = known.read(ids, outcome=training.outcome, within_days=training.within_days)
    found = _counts(leads)
    if problem := learning.too_few(found["positives"], len(leads) - found["positives"], came_to_it=did(training)):
        return found | {"status": PredictiveModel.Status.REFUSED, "problem": f"{problem} Nothing was learnt."}
    flags = leaks.find(leads)
    decided = {row["field"]: row for row in training.overrides}
    used = [name for name in leads.fields if (decided[name]["use"] if name in decided else name not in flags)]
    try:
        lesson = learning.learn(leads, used)
    except CannotLearn as problem:
        fields = [_field(leads, name, flags, decided, None) for name in leads.fields]
        return found | {"status": PredictiveModel.Status.REFUSED, "problem": str(problem), "fields": fields}
    return found | {
        "status": PredictiveModel.Status.DONE,
        "problem": "",
        "fields": [_field(leads, name, flags, decided, lesson) for name in leads.fields],
        "learnt": lesson.learnt.as_dict(),
        "evaluation": lesson.evaluation,
        "trained_at": timezone.now(),
    }


def _counts(leads: Leads) -> dict[str, Any]:
    moments = [datetime.fromtimestamp(at, timezone.get_default_timezone()) for at in leads.opened.tolist()]
    return {
        "n": len(leads),
        "positives": int(leads.outcome.sum()),
        "witnessed": int(leads.witnessed.sum()),
        "opened_from": min(moments, default=None),
        "opened_to": max(moments, default=None),
    }


def _field(
    leads: Leads,
    name: str,
    flags: Mapping[str, list[str]],
    decided: Mapping[str, Mapping[str, Any]],
    lesson: Lesson | None,
) -> dict[str, Any]:
    """What became of a field. spread: how far it moves the log-odds of leads apart; levels: its columns' weights."""
    spread = lesson.spread if lesson else {}
    return {
        "name": name,
        "label": leads.fields[name].label,
        "known": sum(value is not None for value in leads.values[name]),
        "used": name in spread,
        "flags": list(flags.get(name, ())),
        "override": decided.get(name),
        "unusable": lesson.unusable.get(name, "") if lesson else "",
        "spread": spread.get(name, 0.0),
        "levels": lesson.learnt.levels_of(name) if lesson else [],
    }
