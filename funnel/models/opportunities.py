import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from funnel.models.reference import Motion


class DealState(models.TextChoices):
    """Where a deal stands, apart from what its stage is called."""

    OPEN = "open", "Open"
    WON = "won", "Won"
    LOST = "lost", "Lost"
    NO_DECISION = "no_decision", "No decision"


@pghistory.track(
    pghistory.UpdateEvent(row=pghistory.Old),
    pghistory.DeleteEvent(),
    model_name="OpportunityHistory",
    exclude=["recorded_at"],
)
class Opportunity(models.Model):
    """A deal. Deal stage, state, amount and close are a cache of its events, written by `funnel.opportunities`."""

    name = models.CharField(max_length=300, blank=True, default="")
    account = models.ForeignKey("funnel.Account", models.PROTECT, null=True, blank=True, related_name="opportunities")
    lead = models.ForeignKey(
        "funnel.Lead", models.PROTECT, null=True, blank=True, related_name="opportunities", help_text="What led to it."
    )
    owner = models.ForeignKey("funnel.Rep", models.PROTECT, null=True, blank=True, related_name="opportunities")
    region = models.ForeignKey("funnel.Region", models.PROTECT, null=True, blank=True)
    solution = models.ForeignKey("funnel.Solution", models.PROTECT, null=True, blank=True)
    motion = models.CharField(max_length=12, choices=Motion, default=Motion.NEW)
    deal_stage = models.CharField(max_length=80, blank=True, default="", help_text="The stage's name in the CRM.")
    state = models.CharField(max_length=12, choices=DealState, default=DealState.OPEN)
    amount = models.DecimalField(max_digits=16, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, default="EUR")
    opened_at = models.DateTimeField(null=True, blank=True)
    expected_close_on = models.DateField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    reason = models.ForeignKey("funnel.Reason", models.PROTECT, null=True, blank=True)
    source = models.CharField(max_length=60, blank=True, default="")
    external_id = models.CharField(max_length=200, blank=True, default="")
    recorded_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)

    class Meta:
        verbose_name_plural = "opportunities"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=~Q(external_id=""), name="opportunity_key"
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at__isnull=True) | ~Q(state="open") & Q(closed_at__isnull=False),
                name="opportunity_closed_has_a_date",
            ),
        ]
        indexes = [
            models.Index(fields=["account"], name="opportunity_of_account"),
            models.Index(fields=["lead"], name="opportunity_of_lead"),
            models.Index(fields=["owner", "state"], name="opportunity_of_owner"),
        ]

    def __str__(self) -> str:
        return self.name or f"Opportunity {self.pk}"


class OpportunityContact(models.Model):
    """A person on the customer's side of a deal."""

    opportunity = models.ForeignKey(Opportunity, models.CASCADE, related_name="contacts")
    person = models.ForeignKey("funnel.Person", models.PROTECT, related_name="deals")
    role = models.CharField(max_length=60, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["opportunity", "person"], name="opportunity_contact_once")]

    def __str__(self) -> str:
        return self.role


class OpportunityEvent(models.Model):
    """What a deal looked like after a change: the history of its stage, its state and its amount."""

    opportunity = models.ForeignKey(Opportunity, models.PROTECT, related_name="events")
    deal_stage = models.CharField(max_length=80, blank=True, default="")
    state = models.CharField(max_length=12, choices=DealState)
    amount = models.DecimalField(max_digits=16, decimal_places=2, null=True)
    currency = models.CharField(max_length=3)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    cause = models.CharField(max_length=300)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["opportunity", "cause"], name="opportunity_event_once")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.deal_stage} {self.amount or ''}".strip()
