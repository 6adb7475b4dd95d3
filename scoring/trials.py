"""Experiments under way, as decisions see them: who is in which arm, and when that first mattered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from django.db import connection
from django.db.models import Q

from scoring.models import Experiment, ExperimentAssignment, ScoringModel

_RUNNING = """
SELECT e.id, e.control_id, e.changed_id, e.salt, e.share FROM scoring_experiment e
JOIN scoring_scoringmodel control ON control.id = e.control_id AND control.active
JOIN scoring_scoringmodel changed ON changed.id = e.changed_id
    AND changed.status = 'published' AND changed.filled_at IS NOT NULL
WHERE e.status = 'running' ORDER BY e.id
"""
_LOG = """
INSERT INTO scoring_experimentassignment (experiment_id, person_id, changed, probability, assigned_at)
SELECT t.*, %s FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[], %s::float8[]) t
ON CONFLICT (experiment_id, person_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """A running experiment. control, changed: ids of the two versions."""

    id: int
    control: int
    changed: int
    salt: str
    share: float

    def is_changed(self, person_id: int) -> bool:
        """Whether the changed version decides about this person: the same answer every time."""
        return chance(self.salt, person_id) < self.share

    def decider(self, person_id: int) -> int:
        return self.changed if self.is_changed(person_id) else self.control


def chance(salt: str, person_id: int) -> float:
    """A number from 0 to below 1 that is evenly spread over people and known for each."""
    digest = blake2b(f"{salt}:{person_id}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / (1 << 56)


def running() -> list[Trial]:
    """The experiments by which is decided: both versions know everybody, and the control still decides. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_RUNNING)
        return [Trial(*row) for row in cursor.fetchall()]


def decider(trials: Iterable[Trial], model_id: int | None, person_id: int) -> int | None:
    """The version that decides about this person's leads, where otherwise `model_id` would."""
    return next((trial.decider(person_id) for trial in trials if trial.control == model_id), model_id)


def log(mattered: Iterable[tuple[Trial, int]], *, now: datetime) -> None:
    """Keep for each person, once, in which arm they are. In the transaction that decides. One statement."""
    rows = sorted({(trial.id, person, trial.is_changed(person), trial.share) for trial, person in mattered})
    if not rows:
        return
    chances = [share if changed else 1 - share for _trial, _person, changed, share in rows]
    ids, people, changed = ([row[place] for row in rows] for place in range(3))
    with connection.cursor() as cursor:
        cursor.execute(_LOG, [now, ids, people, changed, chances])


def arm_at(person_id: int, model: ScoringModel, at: datetime) -> ExperimentAssignment | None:
    """The arm in which a person was when a version decided about them, where an experiment chose it. One query."""
    arms = Q(experiment__changed=model, changed=True) | Q(experiment__control=model, changed=False)
    known = ExperimentAssignment.objects.filter(arms, person=person_id, assigned_at__lte=at)
    return known.exclude(experiment__stopped_at__lte=at).select_related("experiment").order_by("-assigned_at").first()


def arm_of(person_id: int) -> ExperimentAssignment | None:
    """The arm in which a person is in an experiment under way, once that has mattered. One query."""
    known = ExperimentAssignment.objects.filter(person=person_id, experiment__status=Experiment.Status.RUNNING)
    return known.select_related("experiment__control", "experiment__changed").order_by("-assigned_at").first()
