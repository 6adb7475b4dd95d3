from django.conf import settings
from django.db import models
from django.db.models import Q


class Meeting(models.Model):
    """A conversation with a prospect: booked, and later held or not."""

    class Outcome(models.TextChoices):
        HELD = "held", "Held"
        NO_SHOW = "no_show", "Nobody came"
        CANCELLED = "cancelled", "Cancelled"

    lead = models.ForeignKey("funnel.Lead", models.PROTECT, related_name="meetings")
    rep = models.ForeignKey("funnel.Rep", models.PROTECT, null=True, related_name="meetings")
    booked_at = models.DateTimeField()
    booked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    starts_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True, default="")
    outcome_at = models.DateTimeField(null=True)
    outcome_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="", outcome_at=None) | ~Q(outcome="") & Q(outcome_at__isnull=False),
                name="meeting_outcome_has_a_time",
            ),
            models.UniqueConstraint(fields=["lead"], condition=Q(outcome=""), name="one_meeting_ahead_a_lead"),
        ]

    def __str__(self) -> str:
        return f"Meeting {self.starts_at:%Y-%m-%d %H:%M}"
