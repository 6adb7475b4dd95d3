import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from funnel.versions import Version, draft_only


class SlaPolicy(Version):
    """One version of what is promised. Only a draft can be edited; clocks keep the promise they were made under."""

    class Expiry(models.TextChoices):
        ESCALATE = "escalate", "Tell the managers again"
        RECYCLE = "recycle", "Recycle the lead"
        ACCEPT = "accept", "Count the lead as accepted"

    class Absence(models.TextChoices):
        RUN = "run", "Clocks run on, for the cover if there is one"
        UNCOVERED = "uncovered", "Clocks stand still while nobody covers"
        ALWAYS = "always", "Clocks stand still, whoever covers"

    expiry = models.CharField(
        "an MQL that nobody decides",
        max_length=10,
        choices=Expiry,
        default=Expiry.ESCALATE,
        help_text="What becomes of it. Counting it as accepted hides neglect.",
    )
    expires_at = models.FloatField(
        "counts as never decided after",
        default=3,
        validators=[MinValueValidator(1.5), MaxValueValidator(20)],
        help_text="So many times the promised time; 3 of a promise of one day is the end of the third.",
    )
    absence = models.CharField(
        "while an owner is away",
        max_length=10,
        choices=Absence,
        default=Absence.UNCOVERED,
    )

    class Meta:
        ordering = ["-version"]
        verbose_name = "SLA policy"
        verbose_name_plural = "SLA policies"
        constraints = [
            models.UniqueConstraint(fields=["status"], condition=Q(status="published"), name="one_published_sla_policy")
        ]
        triggers = [
            pgtrigger.Protect(
                name="terms_of_draft_only",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__status="draft")
                & (
                    pgtrigger.Q(old__expiry__df=pgtrigger.F("new__expiry"))
                    | pgtrigger.Q(old__expires_at__df=pgtrigger.F("new__expires_at"))
                    | pgtrigger.Q(old__absence__df=pgtrigger.F("new__absence"))
                ),
            )
        ]

    @property
    def policy(self) -> str:
        """How what follows from it names the version."""
        return f"sla:{self.version}"


class SlaPromise(models.Model):
    """How long one kind of clock runs for leads that meet the condition; of a kind the first that holds decides."""

    class Kind(models.TextChoices):
        ACCEPT = "accept", "Accept or reject an MQL"
        HOT = "hot", "First contact of a hot lead"
        FOLLOW_UP = "follow_up", "First follow-up after acceptance"
        WORKING = "working", "Work an accepted lead to an end"
        OUTCOME = "outcome", "Say how a meeting went"
        DECISION = "decision", "Opportunity or not, after the meeting"
        TAKE_OVER = "take_over", "Take over an SQL, or return it"

    class Unit(models.TextChoices):
        BUSINESS_DAYS = "business_days", "Business days"
        BUSINESS_MINUTES = "business_minutes", "Business minutes"
        DAYS = "days", "Days by the calendar"

    sla_policy = models.ForeignKey(SlaPolicy, models.CASCADE, related_name="promises")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=Kind)
    condition = models.JSONField(default=dict, blank=True, help_text="Empty: every lead.")
    amount = models.PositiveIntegerField(
        validators=[
            MinValueValidator(1, "A promise runs for at least 1; leave it out where nothing is promised."),
            MaxValueValidator(20_000, "A promise of more than 20,000 is a typing mistake."),
        ]
    )
    unit = models.CharField(max_length=20, choices=Unit, default=Unit.BUSINESS_DAYS)
    warn_at = models.FloatField(
        default=0.8,
        validators=[MinValueValidator(0.1), MaxValueValidator(1)],
        help_text="The owner is reminded when this share of the time has passed.",
    )
    reassign = models.BooleanField(
        default=False,
        help_text="After one and a half times the promised time the lead goes to somebody else, unless a person has "
        "worked it since.",
    )

    class Meta:
        ordering = ["position", "id"]
        verbose_name = "promise"
        constraints = [
            models.UniqueConstraint(fields=["sla_policy", "name"], name="sla_promise_name"),
            models.CheckConstraint(condition=Q(amount__gte=1), name="sla_promise_lasts"),
        ]
        triggers = [draft_only(table="routing_slapolicy", parent="sla_policy_id", noun="SLA policy")]

    def __str__(self) -> str:
        return f"{self.name}: {self.length}"

    @property
    def length(self) -> str:
        """1 business day, 30 business minutes."""
        unit = self.get_unit_display().lower()
        if self.amount == 1:
            unit = unit.replace("days", "day").replace("minutes", "minute")
        return f"{self.amount:,} {unit}"
