"""That somebody looked at how good a version is."""

from django.conf import settings
from django.db import models

from scoring.models.versions import ScoringModel


class ModelReview(models.Model):
    """A fact: who reviewed a version when, what they found, and when the next look was to be."""

    model = models.ForeignKey(ScoringModel, models.PROTECT, related_name="reviews")
    reviewed_at = models.DateTimeField()
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    note = models.TextField(help_text="What was looked at, and what follows from it.")
    next_on = models.DateField(help_text="The day of the next review.")

    class Meta:
        ordering = ["-reviewed_at", "-id"]

    def __str__(self) -> str:
        return f"Review of version {self.model.version} on {self.reviewed_at:%Y-%m-%d}"
