import pghistory
from django.db import models
from django.db.models import F, Q


@pghistory.track(pghistory.UpdateEvent(row=pghistory.Old), pghistory.DeleteEvent(), model_name="AccountHistory")
class Account(models.Model):
    """A company, or a part of one under its `parent`."""

    class Kind(models.TextChoices):
        PROSPECT = "prospect", "Prospect"
        CUSTOMER = "customer", "Customer"
        PARTNER = "partner", "Partner"
        COMPETITOR = "competitor", "Competitor"

    name = models.CharField(max_length=300)
    name_key = models.CharField(max_length=300, db_index=True, help_text="The name as compared: see accounts.py.")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.PROSPECT)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="children")
    owner = models.ForeignKey("funnel.Rep", models.SET_NULL, null=True, blank=True, related_name="accounts")
    region = models.ForeignKey("funnel.Region", models.PROTECT, null=True, blank=True)
    segment = models.CharField(max_length=80, blank=True, default="")
    tier = models.PositiveSmallIntegerField(null=True, blank=True, help_text="1 is the most wanted.")
    industry = models.CharField(max_length=120, blank=True, default="")
    employees = models.PositiveIntegerField(null=True, blank=True)
    revenue = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    country = models.CharField(max_length=80, blank=True, default="")
    city = models.CharField(max_length=120, blank=True, default="")
    phone = models.CharField(max_length=60, blank=True, default="")
    attributes = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=~Q(parent=F("id")), name="account_is_not_its_own_parent"),
            models.CheckConstraint(condition=Q(tier__isnull=True) | Q(tier__range=(1, 9)), name="account_tier_1_to_9"),
        ]

    def __str__(self) -> str:
        return self.name


class AccountDomain(models.Model):
    """An e-mail domain that belongs to one account. Free-mail domains never stand here (accounts.py)."""

    domain = models.CharField(max_length=253, unique=True)
    account = models.ForeignKey(Account, models.CASCADE, related_name="domains")

    class Meta:
        ordering = ["domain"]

    def __str__(self) -> str:
        return self.domain


class AccountKey(models.Model):
    """What another system calls the account."""

    source = models.CharField(max_length=60)
    external_id = models.CharField(max_length=200)
    account = models.ForeignKey(Account, models.CASCADE, related_name="keys")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="account_key")]

    def __str__(self) -> str:
        return f"{self.source}: {self.external_id}"
