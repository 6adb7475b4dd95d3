"""What past outcomes taught about new leads. It informs people; no stage, owner or order depends on it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from funnel.path import Stage


class PredictiveModel(models.Model):
    """One training: what was asked for, what it was learnt from, and what came of it.

    The row is the queue: a worker takes a waiting one (or one whose worker died) and writes the result into it. The
    latest that is done is in use. `overrides`: what people decided about fields against, or for, the flags of this
    training, each {field, use, reason, by, at}. `fields`: what became of every field; `learnt`: encodings and weights
    (`scoring.predictive.likelihood.Learnt`), numbers only; `evaluation`: `scoring.predictive.evaluation.evaluate`.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Learning"
        DONE = "done", "Done"
        REFUSED = "refused", "Not learnt"

    outcome = models.CharField(max_length=12, choices=Stage, default=Stage.SQL)
    within_days = models.PositiveSmallIntegerField(default=90)
    source = models.CharField(max_length=60, blank=True, default="", help_text="Leads of this source only.")
    overrides = models.JSONField(default=list)
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    problem = models.CharField(max_length=500, blank=True, default="", help_text="Why nothing was learnt.")
    asked_at = models.DateTimeField(db_default=models.functions.Now())
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    started_at = models.DateTimeField(null=True)
    trained_at = models.DateTimeField(null=True)
    opened_from = models.DateTimeField(null=True, help_text="When the first lead that it was learnt from came in.")
    opened_to = models.DateTimeField(null=True)
    n = models.PositiveIntegerField(default=0, help_text="Leads whose outcome is known.")
    positives = models.PositiveIntegerField(default=0, help_text="Of them, those that came to it.")
    witnessed = models.PositiveIntegerField(default=0, help_text="Of them, those recorded as they came in.")
    fields = models.JSONField(default=list)
    learnt = models.JSONField(null=True)
    evaluation = models.JSONField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="done")
                | Q(learnt__isnull=False, evaluation__isnull=False, trained_at__isnull=False),
                name="predictive_model_done_has_learnt",
            ),
            models.CheckConstraint(condition=Q(within_days__range=(1, 730)), name="predictive_model_window_days"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(status__in=("waiting", "running")), name="predictive_model_to_do"),
        ]

    def __str__(self) -> str:
        return f"Training {self.pk}"

    @property
    def target(self) -> str:
        """What leads are said to come to: "SQL within 90 days"."""
        return f"{Stage(self.outcome).label} within {self.within_days} days"


class Prediction(models.Model):
    """The likelihood of one lead, from what was known of it when it came in.

    log_odds: before calibration; it is the base of the model plus all contributions. contributions: the strongest, as
    {field, words, log_odds}; rest: the sum of the others.
    """

    lead = models.OneToOneField("funnel.Lead", models.CASCADE, primary_key=True, related_name="prediction")
    model = models.ForeignKey(PredictiveModel, models.CASCADE, related_name="predictions")
    probability = models.FloatField()
    log_odds = models.FloatField()
    contributions = models.JSONField(default=list)
    rest = models.FloatField(default=0.0)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(probability__range=(0.01, 0.99)), name="prediction_is_never_certain"),
        ]

    def __str__(self) -> str:
        return f"{self.probability:.0%} for lead {self.lead_id}"
