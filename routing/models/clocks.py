import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from routing.models.promises import SlaPromise


class Clock(models.Model):
    """A promise that runs, or ran. Met or breached is `stopped_at <= due_at`, whenever somebody looked.

    One clock a cause: the stage event, touch or meeting that started it. `next_at` is when the sweep looks again: the
    warning, the due time, the later rungs of the ladder, or the end of a pause; null when there is nothing left to do.
    `pauses` are the spans that its times leave out, a cache of the lead's pauses.
    """

    lead = models.ForeignKey("funnel.Lead", models.PROTECT, db_index=False, related_name="clocks")
    kind = models.CharField(max_length=20, choices=SlaPromise.Kind)
    cause = models.CharField(max_length=100, help_text="stage_event:17, activity:17, meeting:17.")
    promise = models.ForeignKey(SlaPromise, models.PROTECT, null=True, db_index=False, related_name="clocks")
    calendar = models.ForeignKey("routing.Calendar", models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField()
    warn_at = models.DateTimeField()
    due_at = models.DateTimeField()
    reassign_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    stopped_by = models.CharField(max_length=100, blank=True, default="", help_text="The cause that stopped it.")
    took = models.FloatField(null=True, help_text="Working minutes from its start to its end, less its pauses.")
    cancelled = models.BooleanField(default=False, help_text="It stopped without anybody having to keep it.")
    warned = models.BooleanField(default=False)
    breach_told = models.BooleanField(default=False)
    reassign_done = models.BooleanField(default=False, help_text="Whether it was to be reassigned has been decided.")
    reassign_again_at = models.DateTimeField(null=True, help_text="Nobody else could be given it: tried again then.")
    expiry_done = models.BooleanField(default=False, help_text="What becomes of what nobody decides was done.")
    pauses = models.JSONField(default=list, help_text="Spans that do not count, as pairs of moments.")
    paused_until = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead", "kind", "cause"], name="one_clock_a_cause"),
            models.UniqueConstraint(
                fields=["lead", "kind"], condition=Q(stopped_at__isnull=True), name="one_running_clock_a_kind"
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="clock_due"),
            models.Index(fields=["due_at", "lead"], condition=Q(stopped_at__isnull=True), name="clock_running"),
            models.Index(fields=["due_at", "kind"], name="clock_by_due_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} until {self.due_at:%Y-%m-%d %H:%M}"


class ClockEvent(models.Model):
    """A fact about a clock, stamped with when it was so, not when it was noticed."""

    class Kind(models.TextChoices):
        STARTED = "started", "Started"
        WARNED = "warned", "Reminded"
        BREACHED = "breached", "Ran out"
        STOPPED = "stopped", "Stopped"
        RESUMED = "resumed", "Runs again"
        PAUSED = "paused", "Stands still"
        REASSIGNED = "reassigned", "Given to somebody else"
        EXPIRED = "expired", "Nobody decided"
        REAPPLIED = "reapplied", "Put under another promise"

    clock = models.ForeignKey(Clock, models.PROTECT, db_index=False, related_name="events")
    kind = models.CharField(max_length=10, choices=Kind)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    cause = models.CharField(max_length=100)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, db_index=False, related_name="+")
    why = models.CharField(max_length=300, blank=True, db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["clock", "kind", "cause"], name="clock_event_once")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.kind


class Pause(models.Model):
    """A fact: from then on the clocks of a lead stand still, until a moment at the latest."""

    class Kind(models.TextChoices):
        REPLY = "reply", "Waiting for the prospect’s reply"
        DATA = "data", "Waiting for missing data"
        AWAY = "away", "The owner is away"

    lead = models.ForeignKey("funnel.Lead", models.PROTECT, db_index=False, related_name="pauses")
    kind = models.CharField(max_length=10, choices=Kind)
    starts_at = models.DateTimeField()
    until = models.DateTimeField()
    why = models.CharField(max_length=300, blank=True, default="")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, db_index=False, related_name="+")
    cause = models.CharField(max_length=100)
    recorded_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead", "cause"], name="pause_once_a_cause"),
            models.CheckConstraint(condition=Q(until__gt=F("starts_at")), name="pause_ends_after_it_starts"),
        ]
        indexes = [models.Index(fields=["until"], condition=Q(kind="away"), name="pause_of_absence")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} until {self.until:%Y-%m-%d %H:%M}"


class PauseEnd(models.Model):
    """A fact: a pause ended before its time."""

    pause = models.OneToOneField(Pause, models.PROTECT, related_name="end")
    ended_at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, db_index=False, related_name="+")
    cause = models.CharField(max_length=100)
    recorded_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.pause} ended {self.ended_at:%Y-%m-%d %H:%M}"
