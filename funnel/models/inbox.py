from django.db import models


class Inbox(models.Model):
    """Work for the pipeline: something became known about a person that may change a decision.

    Written in the transaction of the fact itself and only ever inserted or deleted; the pipeline takes rows with
    DELETE ... RETURNING. A person whose rows cannot be worked gets `attempts` and `not_before`.
    """

    person = models.ForeignKey("funnel.Person", models.CASCADE, related_name="+")
    cause = models.CharField(max_length=40, help_text="activity, stage_event, person, rebuild ...")
    object_id = models.BigIntegerField(null=True)
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    attempts = models.PositiveSmallIntegerField(db_default=0, default=0)
    not_before = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "inbox"

    def __str__(self) -> str:
        return f"{self.cause} {self.object_id}"
