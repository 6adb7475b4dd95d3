"""Versions held against each other in the scoring lab."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Comparison(models.Model):
    """A draft held against another version in the scoring lab: two simulations of one history, and what followed.

    `live` is the version compared with, whether or not it decides. `published_at`: when the draft was published.
    """

    live = models.ForeignKey("scoring.Simulation", models.CASCADE, related_name="+")
    draft = models.ForeignKey("scoring.Simulation", models.CASCADE, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    published_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.draft} against {self.live}"
