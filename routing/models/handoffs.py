from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q


class HandOff(models.Model):
    """An SQL on its way from the SDR who made it to the account executive who is to sell.

    Offered, and then taken over or returned; withdrawn where the SDR or a manager took it back before that. A lead
    that was returned and offered again has another row. The moments are what clocks and quotas go by.
    """

    lead = models.ForeignKey("funnel.Lead", models.PROTECT, db_index=False, related_name="hand_offs")
    from_rep = models.ForeignKey("funnel.Rep", models.PROTECT, null=True, related_name="handed_off")
    to_rep = models.ForeignKey("funnel.Rep", models.PROTECT, related_name="taken_over")
    offered_at = models.DateTimeField()
    offered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    returned_at = models.DateTimeField(null=True)
    returned_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reason = models.ForeignKey("funnel.Reason", models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    policy = models.CharField(max_length=40, blank=True, default="")
    rule = models.CharField(max_length=120, blank=True, default="", help_text="Blank: somebody chose whom.")
    cause = models.CharField(max_length=300)

    class Meta:
        ordering = ["-offered_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["lead", "cause"], name="hand_off_once_a_cause"),
            models.UniqueConstraint(
                fields=["lead"],
                condition=Q(accepted_at=None, returned_at=None, withdrawn_at=None),
                name="one_hand_off_offered_a_lead",
            ),
            models.CheckConstraint(
                condition=Q(returned_at=None, reason=None) | Q(returned_at__isnull=False, reason__isnull=False),
                name="hand_off_returned_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(accepted_at=None, returned_at=None),
                name="hand_off_withdrawn_before_an_answer",
            ),
        ]
        indexes = [models.Index(fields=["lead", "-offered_at"], name="hand_off_of_lead")]

    def __str__(self) -> str:
        return f"Hand-off {self.pk}"

    @property
    def state(self) -> str:
        """offered, accepted, returned or withdrawn."""
        if self.returned_at:
            return "returned"
        if self.withdrawn_at:
            return "withdrawn"
        return "accepted" if self.accepted_at else "offered"


class HandOffNote(models.Model):
    """What the account executive has to know, so that the conversation goes on where it was. Free text: erasable."""

    hand_off = models.OneToOneField(HandOff, models.CASCADE, related_name="note")
    person = models.ForeignKey("funnel.Person", models.CASCADE, related_name="+")
    need = models.TextField()
    next_step = models.TextField()
    answered = models.TextField(blank=True, default="", help_text="What they asked and what we said.")
    unanswered = models.TextField(blank=True, default="", help_text="What they asked and nobody answered yet.")
    consumed = models.JSONField(default=list, help_text="Touches until then: touch, what, content, at.")

    def __str__(self) -> str:
        return self.need[:60]


class Quota(models.Model):
    """What a rep is to reach in a period, or at most has room for."""

    class Measure(models.TextChoices):
        MEETINGS = "meetings", "Meetings held"
        SQLS = "sqls", "SQLs that were taken over"
        OPPORTUNITIES = "opportunities", "Opportunities made"
        ROOM = "room", "Room for new SQLs, at most"

    rep = models.ForeignKey("funnel.Rep", models.CASCADE, related_name="quotas")
    measure = models.CharField(max_length=15, choices=Measure)
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="The last day that counts.")
    amount = models.PositiveIntegerField(validators=[MinValueValidator(1)])

    class Meta:
        verbose_name = "sales quota"
        ordering = ["-starts_on", "rep", "measure"]
        constraints = [
            models.UniqueConstraint(fields=["rep", "measure", "starts_on"], name="quota_once_a_period"),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="quota_ends_after_it_starts"),
        ]
        indexes = [models.Index(fields=["ends_on"], name="quota_by_end")]

    def __str__(self) -> str:
        return f"{self.rep}: {self.amount} {self.get_measure_display().lower()} from {self.starts_on}"
