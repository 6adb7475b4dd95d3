import pghistory
from django.db import models
from django.db.models import F, Q

from funnel.models.reference import Motion


@pghistory.track(pghistory.UpdateEvent(row=pghistory.Old), pghistory.DeleteEvent(), model_name="CampaignHistory")
class Campaign(models.Model):
    """A campaign, or an always-on program where `ends_on` is blank."""

    name = models.CharField(max_length=300, unique=True)
    channel = models.ForeignKey("funnel.Channel", models.PROTECT, null=True, blank=True)
    region = models.ForeignKey("funnel.Region", models.PROTECT, null=True, blank=True)
    solution = models.ForeignKey("funnel.Solution", models.PROTECT, null=True, blank=True)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="children")
    motion = models.CharField(max_length=12, choices=Motion, default=Motion.NEW)
    topic = models.CharField(max_length=120, blank=True, default="")
    persona = models.CharField(max_length=120, blank=True, default="")
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    budget = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    source = models.CharField(max_length=60, blank=True, default="")
    external_id = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=~Q(external_id=""), name="campaign_key"
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(starts_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="campaign_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CampaignStatus(models.Model):
    """A member status of a campaign; a response is what counts as an inquiry."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="statuses")
    name = models.CharField(max_length=120)
    counts_as_response = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "campaign statuses"
        constraints = [models.UniqueConstraint(fields=["campaign", "name"], name="campaign_status_once")]

    def __str__(self) -> str:
        return self.name


class CostLine(models.Model):
    """Money spent, on the day it is attributed to."""

    class Payer(models.TextChoices):
        MARKETING = "marketing", "Marketing"
        SALES = "sales", "Sales"

    class Nature(models.TextChoices):
        PROGRAM = "program", "Program"
        PEOPLE = "people", "People"

    campaign = models.ForeignKey(Campaign, models.PROTECT, null=True, blank=True, related_name="costs")
    channel = models.ForeignKey("funnel.Channel", models.PROTECT, null=True, blank=True)
    content = models.ForeignKey("funnel.Content", models.PROTECT, null=True, blank=True)
    region = models.ForeignKey("funnel.Region", models.PROTECT, null=True, blank=True)
    payer = models.CharField(max_length=10, choices=Payer, default=Payer.MARKETING)
    nature = models.CharField(max_length=10, choices=Nature, default=Nature.PROGRAM)
    shadow = models.BooleanField(default=False, help_text="Marketing paid for out of sales money.")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    incurred_on = models.DateField()
    source = models.CharField(max_length=60, blank=True, default="")
    external_id = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ["-incurred_on", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], condition=~Q(external_id=""), name="cost_key"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} on {self.incurred_on}"
