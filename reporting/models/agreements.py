"""What marketing and sales promise each other, in versions, and who signed it. Requirement: R101."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from funnel.versions import draft_only

_TERMS = (
    "version", "name", "why", "marketing_signer_id", "sales_signer_id", "marketing_signed_at", "sales_signed_at",
    "in_force_at",
)  # fmt: skip
_CHANGED = " OR ".join(f"OLD.{term} IS DISTINCT FROM NEW.{term}" for term in _TERMS)


class Side(models.TextChoices):
    MARKETING = "marketing", "Marketing"
    SALES = "sales", "Sales"


class Agreement(models.Model):
    """One version of the agreement: drafted, signed by both sides and so in force, retired by the next one.

    Only a draft can be edited, and a signature is given to the words as they stood: `revision` counts the edits, and
    each one takes the signatures back. Values of `status` are those of every versioned policy (funnel/versions.py).
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        IN_FORCE = "published", "In force"
        RETIRED = "retired", "Retired"

    version = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=120)
    why = models.TextField(blank=True, default="", help_text="What this version changes, and why.")
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    revision = models.PositiveIntegerField(default=1)
    marketing_signer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    sales_signer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    marketing_signed_at = models.DateTimeField(null=True)
    sales_signed_at = models.DateTimeField(null=True)
    in_force_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=models.functions.Now())
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    changed_at = models.DateTimeField(db_default=models.functions.Now())
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-version"]
        permissions = [("sign_agreement", "Can be a signer of an agreement")]
        constraints = [
            models.UniqueConstraint(fields=["status"], condition=Q(status="published"), name="one_agreement_in_force"),
            models.UniqueConstraint(fields=["status"], condition=Q(status="draft"), name="one_draft_of_an_agreement"),
            models.CheckConstraint(
                condition=~Q(marketing_signer=F("sales_signer")), name="agreement_is_signed_by_two_people"
            ),
            models.CheckConstraint(
                condition=Q(status="draft", in_force_at=None)
                | Q(in_force_at__isnull=False, marketing_signed_at__isnull=False, sales_signed_at__isnull=False),
                name="agreement_in_force_is_signed",
            ),
            models.CheckConstraint(
                condition=Q(status="retired", retired_at__isnull=False) | ~Q(status="retired") & Q(retired_at=None),
                name="agreement_is_retired_at_some_moment",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="terms_of_a_draft",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(f"OLD.status <> 'draft' AND ({_CHANGED})"),
            ),
            pgtrigger.Protect(
                name="kept_once_signed", operation=pgtrigger.Delete, condition=~pgtrigger.Q(old__status="draft")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"

    @property
    def signatures(self) -> list[tuple[Side, object, object]]:
        """Side, who signs for it, and when they did (None: not yet)."""
        return [
            (Side.MARKETING, self.marketing_signer, self.marketing_signed_at),
            (Side.SALES, self.sales_signer, self.sales_signed_at),
        ]


class Target(models.Model):
    """One promise of one side: a measure of the product (reporting/agreements/measures.py), how much of it, how often.

    value: leads for counts, a share of 1 for rates, stars for ratings.
    """

    class Direction(models.TextChoices):
        LEAST = "least", "At least"
        MOST = "most", "At most"

    class Every(models.TextChoices):
        MONTH = "month", "Month"
        QUARTER = "quarter", "Quarter"

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="targets")
    position = models.PositiveSmallIntegerField(default=0)
    side = models.CharField(max_length=10, choices=Side)
    measure = models.CharField(max_length=40)
    direction = models.CharField(max_length=6, choices=Direction, default=Direction.LEAST)
    value = models.FloatField()
    every = models.CharField("each", max_length=8, choices=Every, default=Every.MONTH)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "measure", "every"], name="one_target_a_measure_and_period"),
            models.CheckConstraint(condition=Q(value__gte=0), name="target_is_not_negative"),
        ]
        triggers = [draft_only(table="reporting_agreement", parent="agreement_id", noun="agreement")]

    def __str__(self) -> str:
        return f"{self.get_side_display()}: {self.measure}"
