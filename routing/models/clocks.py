import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q


class SlaPolicy(models.Model):
    """What is promised for one kind of clock. Running clocks keep the time they were given."""

    class Kind(models.TextChoices):
        ACCEPT = "accept", "Accept or reject an MQL"
        HOT = "hot", "First contact of a hot lead"

    class Unit(models.TextChoices):
        BUSINESS_DAYS = "business_days", "Business days"
        BUSINESS_MINUTES = "business_minutes", "Business minutes"
        DAYS = "days", "Days by the calendar"

    kind = models.CharField(max_length=20, choices=Kind, unique=True)
    amount = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(1_000)])
    unit = models.CharField(max_length=20, choices=Unit, default=Unit.BUSINESS_DAYS)
    warn_at = models.FloatField(
        default=0.8,
        validators=[MinValueValidator(0.1), MaxValueValidator(1)],
        help_text="The owner is reminded when this share of the time has passed.",
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["kind"]
        verbose_name = "SLA policy"
        verbose_name_plural = "SLA policies"

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.amount} {self.get_unit_display().lower()}"


class Clock(models.Model):
    """A promise that runs, or ran. Met or breached is `stopped_at <= due_at`, whenever somebody looked.

    One clock a cause: the stage event or touch that started it. `next_at` is when the sweep looks again (the warning,
    then the due time); null when there is nothing left to tell.
    """

    lead = models.ForeignKey("funnel.Lead", models.PROTECT, db_index=False, related_name="clocks")
    kind = models.CharField(max_length=20, choices=SlaPolicy.Kind)
    cause = models.CharField(max_length=100, help_text="stage_event:17, activity:17.")
    calendar = models.ForeignKey("routing.Calendar", models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField()
    warn_at = models.DateTimeField()
    due_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    stopped_by = models.CharField(max_length=100, blank=True, default="", help_text="The cause that stopped it.")
    cancelled = models.BooleanField(default=False, help_text="It stopped without anybody having to keep it.")
    warned = models.BooleanField(default=False)
    breach_told = models.BooleanField(default=False)
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

    clock = models.ForeignKey(Clock, models.PROTECT, db_index=False, related_name="events")
    kind = models.CharField(max_length=10, choices=Kind)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    cause = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["clock", "kind", "cause"], name="clock_event_once")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.kind
