from django.db import models
from django.db.models import Q


class Activity(models.Model):
    """One touch: something a person or an account did, or that was done towards them.

    Append-only in spirit: only re-parenting after a merge, voiding, and blanking the payload may change a row.
    `digest` is the MD5 of the touch as received: the same key with another body is refused, never overwritten.
    """

    class Direction(models.TextChoices):
        INBOUND = "in", "From them"
        OUTBOUND = "out", "From us"

    # The indexes below begin with person and campaign; another one for each key alone would only cost.
    person = models.ForeignKey(
        "funnel.Person", models.PROTECT, null=True, blank=True, db_index=False, related_name="activities"
    )
    account = models.ForeignKey("funnel.Account", models.PROTECT, null=True, blank=True, related_name="activities")
    type = models.CharField(max_length=60, help_text="What happened: form, webinar_attended, email_click, call.")
    direction = models.CharField(max_length=3, choices=Direction, default=Direction.INBOUND)
    automatic = models.BooleanField(default=False, help_text="Sent or done by a machine of ours.")
    counts_as_response = models.BooleanField(default=False, help_text="Opens a lead when none is open.")
    channel = models.ForeignKey("funnel.Channel", models.PROTECT, null=True, blank=True)
    campaign = models.ForeignKey("funnel.Campaign", models.PROTECT, null=True, blank=True, db_index=False)
    content = models.ForeignKey("funnel.Content", models.PROTECT, null=True, blank=True)
    solution = models.ForeignKey("funnel.Solution", models.PROTECT, null=True, blank=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    voided_at = models.DateTimeField(null=True, blank=True)
    payload = models.JSONField(default=dict, blank=True, help_text="What else was sent; may be blanked.")
    source = models.CharField(max_length=60)
    external_id = models.CharField(max_length=200)
    digest = models.UUIDField()

    class Meta:
        verbose_name = "touch"
        verbose_name_plural = "touches"
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="activity_key"),
            models.CheckConstraint(
                condition=Q(person__isnull=False) | Q(account__isnull=False), name="activity_is_somebodys"
            ),
        ]
        indexes = [
            models.Index(fields=["person", "-occurred_at", "-id"], name="activity_of_person"),
            models.Index(fields=["account", "-occurred_at"], name="activity_of_account", condition=Q(person=None)),
            models.Index(fields=["campaign", "-occurred_at"], name="activity_of_campaign"),
        ]

    def __str__(self) -> str:
        return self.type
