"""What the policy comes to for each person."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from scoring.models.versions import ScoringModel


class Score(models.Model):
    """Where a person stands under one version. Written by the pipeline alone; the touches can tell it anew any time.

    acc, base: one accumulator an interest category, in the order of the version's categories; base holds what was
    there at `baseline_at`, the last recycle or disqualification. fit: one total a fit category, fit_total their sum.
    """

    person = models.ForeignKey("funnel.Person", models.CASCADE, db_index=False, related_name="scores")
    model = models.ForeignKey(ScoringModel, models.CASCADE, db_index=False, related_name="scores")
    acc = ArrayField(models.FloatField())
    base = ArrayField(models.FloatField())
    baseline_at = models.DateTimeField(null=True)
    fit = ArrayField(models.FloatField())
    fit_total = models.FloatField(help_text="Unfloored.")
    last_at = models.DateTimeField(null=True, help_text="The latest touch from them.")
    grade = models.CharField(max_length=2)
    band = models.PositiveSmallIntegerField()
    eligible = models.BooleanField(help_text="Interest is at the threshold and the grid says MQL; gates apart.")
    allowed = models.BooleanField(help_text="Every required gate holds and no exclusion does.")
    scored_at = models.DateTimeField()
    next_review_at = models.DateTimeField(null=True)
    rev = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "model"], name="one_score_a_person_and_model")]
        indexes = [
            models.Index(
                fields=["model", "next_review_at"], condition=Q(next_review_at__isnull=False), name="score_review"
            ),
            models.Index("model", "grade", "band", F("person").desc(), name="score_list"),
        ]

    def __str__(self) -> str:
        return f"{self.grade}{self.band}"


class ScoreChange(models.Model):
    """A fact: grade, band or eligibility became another. Nothing else of a score is kept as history."""

    person = models.ForeignKey("funnel.Person", models.CASCADE, db_index=False, related_name="score_changes")
    model = models.ForeignKey(ScoringModel, models.CASCADE, related_name="+")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    from_grade = models.CharField(max_length=2, blank=True, default="")
    grade = models.CharField(max_length=2)
    from_band = models.PositiveSmallIntegerField(null=True)
    band = models.PositiveSmallIntegerField()
    from_eligible = models.BooleanField(default=False)
    eligible = models.BooleanField()
    interest = models.FloatField()
    fit = models.FloatField()
    cause = models.CharField(max_length=60, help_text="activity:17, review, person, rebuild, fill ...")

    class Meta:
        indexes = [models.Index(fields=["person", "-occurred_at"], name="score_change_of_person")]

    def __str__(self) -> str:
        return f"{self.from_grade}{self.from_band or ''} → {self.grade}{self.band}"
