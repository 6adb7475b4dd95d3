from datetime import timedelta
from typing import Final

import pgtrigger
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

_SLACK: Final = timedelta(minutes=10)  # to fill a form in


class Meeting(models.Model):
    """A conversation with a prospect: booked, and later held or not. Both moments stay, whichever makes SQLs."""

    class Outcome(models.TextChoices):
        HELD = "held", "Held"
        NO_SHOW = "no_show", "The prospect did not come"
        AE_NO_SHOW = "ae_no_show", "Our account executive did not come"
        MOVED = "moved", "Moved to another time"
        CANCELLED = "cancelled", "Cancelled"

    lead = models.ForeignKey("funnel.Lead", models.PROTECT, related_name="meetings")
    rep = models.ForeignKey("funnel.Rep", models.PROTECT, null=True, related_name="meetings")
    booked_at = models.DateTimeField()
    booked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    starts_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True, default="")
    outcome_at = models.DateTimeField(null=True)
    outcome_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    instead_of = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="replacement", help_text="The one that did not take place."
    )

    class Meta:
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="", outcome_at=None) | ~Q(outcome="") & Q(outcome_at__isnull=False),
                name="meeting_outcome_has_a_time",
            ),
            models.UniqueConstraint(fields=["lead"], condition=Q(outcome=""), name="one_meeting_ahead_a_lead"),
        ]
        indexes = [models.Index(fields=["rep"], condition=Q(outcome=""), name="meeting_ahead_of_rep")]

    def __str__(self) -> str:
        return f"Meeting {self.starts_at:%Y-%m-%d %H:%M}"


class Attendee(models.Model):
    """Somebody who is expected at a meeting, of ours or of theirs. came: null until somebody says how it went."""

    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="attendees")
    rep = models.ForeignKey("funnel.Rep", models.PROTECT, null=True, related_name="attendances")
    person = models.ForeignKey("funnel.Person", models.CASCADE, null=True, related_name="+")
    expected = models.BooleanField(default=True, help_text="Off: came without having been expected.")
    came = models.BooleanField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(rep=None, person__isnull=False) | Q(rep__isnull=False, person=None),
                name="attendee_is_ours_or_theirs",
            ),
            models.UniqueConstraint(fields=["meeting", "rep"], name="attendee_rep_once"),
            models.UniqueConstraint(fields=["meeting", "person"], name="attendee_person_once"),
        ]

    def __str__(self) -> str:
        return str(self.rep or self.person)


class SqlDefinition(models.Model):
    """What makes a lead an SQL from a moment on: that a meeting was booked, or that it was held. Never changed after.

    The latest one whose moment has come is in force. Leads that became SQLs under another one stay what they are, and
    the stage event says which was in force then (`sql:3`).
    """

    class Event(models.TextChoices):
        BOOKED = "booked", "A meeting is booked"
        HELD = "held", "A meeting was held"

    event = models.CharField(max_length=10, choices=Event)
    since = models.DateTimeField(unique=True, help_text="From when on; never a moment that has passed.")
    why = models.TextField(help_text="Why it is to be so: those who are measured by SQLs will ask.")
    decided_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ["-since"]
        verbose_name = "SQL definition"
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.get_event_display()}, since {timezone.localtime(self.since):%Y-%m-%d %H:%M}"

    @property
    def policy(self) -> str:
        """How a stage event names the definition it was made under."""
        return f"sql:{self.pk}"

    def clean(self) -> None:
        if self.since is not None and self.since < timezone.now() - _SLACK:
            raise ValidationError({"since": "The past is not judged anew: name a moment from now on."})
