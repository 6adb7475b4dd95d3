"""The reviews in which marketing and sales look at what they promised each other. Requirement: R103."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Review(models.Model):
    """One meeting about one period: who was there, what was said, and the figures that were looked at.

    While it is open the figures are those of now. Closing it stores them in `pack`, in words and numbers, and from then
    on the database lets nothing of it change: leads that come in late, a merge or another definition would otherwise
    alter what people had in front of them when they agreed on what to do. Actions live on; what became of them is
    theirs. revision: counts the changes to the minutes, so that of two windows one wins and the other one is told.
    """

    held_on = models.DateField()
    starts_on = models.DateField(help_text="The first day of the period that it is about.")
    ends_on = models.DateField(help_text="The last day of that period.")
    attendees = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Attendance", related_name="+")
    guests = models.CharField(max_length=300, blank=True, default="", help_text="Who was there without a log-in.")
    minutes = models.TextField(blank=True, default="")
    revision = models.PositiveIntegerField(default=1)
    minutes_at = models.DateTimeField(null=True)
    minutes_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    pack = models.JSONField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=models.functions.Now())
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-held_on", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="review_period_ends_after_it_begins"),
            models.CheckConstraint(
                condition=Q(closed_at=None, pack=None) | Q(closed_at__isnull=False, pack__isnull=False),
                name="closed_review_keeps_its_figures",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="closed_for_good",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__closed_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"Review of {self.held_on:%Y-%m-%d}"


class Attendance(models.Model):
    """Somebody with a log-in was at a review."""

    review = models.ForeignKey(Review, models.CASCADE, db_index=False, related_name="attendances")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["review", "user"], name="attendance_once")]

    def __str__(self) -> str:
        return f"{self.user} at review {self.review_id}"


class ReviewAction(models.Model):
    """What somebody is to do by a day, as a review settled it. Open ones are shown at each later review."""

    review = models.ForeignKey(Review, models.CASCADE, related_name="actions")
    text = models.CharField(max_length=300)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    due_on = models.DateField()
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        ordering = ["due_on", "id"]
        indexes = [models.Index(fields=["due_on"], condition=Q(done_at=None), name="open_action_due")]

    def __str__(self) -> str:
        return self.text
