"""Two versions deciding side by side about people chosen at random, so that what a change does can be told."""

import pgtrigger
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from scoring.models.versions import ScoringModel


class Experiment(models.Model):
    """A change to a version that decides about a random share of the people, instead of that version.

    control: the version that decides about everybody else. changed: a copy of it with one change; both score everybody.
    salt: with the person it says who is in which arm, the same every time. outcome, outcome_days: what is counted, and
    within how many days of the moment at which the arm first mattered to the person.
    """

    class Kind(models.TextChoices):
        THRESHOLD = "threshold", "Another threshold"
        RULE = "rule", "Other points for one rule"
        HOLDOUT = "holdout", "No MQLs by score"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        RUNNING = "running", "Running"
        STOPPED = "stopped", "Stopped"

    class Outcome(models.TextChoices):
        SAL = "sal", "Accepted by sales"
        SQL = "sql", "SQL"
        WON = "won", "Won"

    name = models.CharField(max_length=120, unique=True)
    hypothesis = models.TextField(max_length=2000)
    kind = models.CharField(max_length=10, choices=Kind)
    change = models.CharField(max_length=200, help_text="The one change, in words.")
    control = models.ForeignKey(ScoringModel, models.PROTECT, related_name="+")
    changed = models.OneToOneField(ScoringModel, models.PROTECT, related_name="experiment")
    share = models.FloatField(validators=[MinValueValidator(0.01), MaxValueValidator(0.5)])
    salt = models.CharField(max_length=32)
    outcome = models.CharField(max_length=3, choices=Outcome)
    outcome_days = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=8, choices=Status, default=Status.DRAFT)
    created_at = models.DateTimeField(db_default=models.functions.Now())
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField(null=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    stopped_at = models.DateTimeField(null=True)
    stopped_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(share__range=(0.01, 0.5)), name="experiment_share"),
            models.CheckConstraint(condition=~Q(control=F("changed")), name="experiment_has_two_arms"),
            models.CheckConstraint(
                condition=Q(status="draft", started_at=None) | ~Q(status="draft") & Q(started_at__isnull=False),
                name="experiment_runs_from_some_moment",
            ),
            models.UniqueConstraint(
                fields=["control"], condition=Q(status="running"), name="one_running_experiment_a_version"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ExperimentAssignment(models.Model):
    """A fact: from this moment on it mattered to a person in which arm they are. Once a person and experiment.

    probability: of the arm in which they are, so that whatever is counted can be weighted by it.
    """

    experiment = models.ForeignKey(Experiment, models.CASCADE, db_index=False, related_name="assignments")
    person = models.ForeignKey("funnel.Person", models.CASCADE, related_name="+")
    changed = models.BooleanField()
    probability = models.FloatField()
    assigned_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["experiment", "person"], name="one_arm_a_person")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"Person {self.person_id}: {'changed' if self.changed else 'control'}"
