from django.db import models


class Inbox(models.Model):
    """Work for the pipeline: something became known about a person that may change a decision.

    Written in the transaction of the fact itself and only ever inserted or deleted; the pipeline takes rows with
    DELETE ... RETURNING. A person whose rows cannot be worked gets `attempts`, `not_before` and the `problem`.
    """

    class Cause(models.TextChoices):
        """What became known. `object_id` is the row that the cause names."""

        ACTIVITY = "activity", "A touch came in"
        STAGE_EVENT = "stage_event", "A lead moved"
        BY_RULE = "by_rule", "The rule moved a lead: owner and clocks follow, scores and decisions stand"
        PERSON = "person", "What we know of the person changed"
        REBUILD = "rebuild", "Touches were merged, voided or corrected"
        LOADED = "loaded", "History was loaded: scores follow, no decision is taken"
        FILL = "fill", "A new scoring model is being filled: scores follow, no decision is taken"
        ACTIVATED = "activated", "Another scoring model decides from now on"

    class Rank(models.IntegerChoices):
        """What goes first: a raised hand, then somebody waiting, then work in bulk (`funnel.inbox` has the order)."""

        HAND = 2, "Raised hand"
        NOW = 0, "Now"
        BULK = 1, "In bulk"

    person = models.ForeignKey("funnel.Person", models.CASCADE, related_name="+")
    cause = models.CharField(max_length=40, choices=Cause)
    object_id = models.BigIntegerField(null=True)
    rank = models.PositiveSmallIntegerField(choices=Rank, default=Rank.NOW, db_default=Rank.NOW)
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    attempts = models.PositiveSmallIntegerField(db_default=0, default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True, default="", db_default="", help_text="Why the latest attempt failed.")

    class Meta:
        indexes = [
            # Rows that wait for another attempt stand apart: the others are found without passing them.
            models.Index(fields=["rank", "id"], condition=models.Q(not_before=None), name="inbox_ready"),
            models.Index(fields=["not_before"], condition=models.Q(not_before__isnull=False), name="inbox_postponed"),
            # A rebuild leaves touches out that the pipeline has yet to add.
            models.Index(fields=["object_id"], condition=models.Q(cause="activity"), name="inbox_touch"),
        ]
        verbose_name_plural = "inbox"

    def __str__(self) -> str:
        return f"{self.cause} {self.object_id}"
