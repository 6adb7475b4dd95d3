from django.conf import settings
from django.db import models


class Departure(models.Model):
    """A rep left, and what they had went to others. `moved` says what went where: kind -> {id: rep id}."""

    rep = models.ForeignKey("funnel.Rep", models.PROTECT, related_name="departures")
    to_rep = models.ForeignKey(
        "funnel.Rep", models.PROTECT, null=True, related_name="+", help_text="Null: dealt out among the team."
    )
    left_at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    moved = models.JSONField(default=dict)
    was_receiving = models.BooleanField(default=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-left_at", "-id"]

    def __str__(self) -> str:
        return f"{self.rep} left {self.left_at:%Y-%m-%d}"
