from django.db import models


class PendingParent(models.Model):
    """A loaded row that named a parent which had not come yet; settled or reported when its load ends.

    A table, because a load goes on in another process when the first one is killed.
    """

    kind = models.CharField(max_length=20, help_text="accounts or campaigns.")
    source = models.CharField(max_length=60)
    child = models.BigIntegerField()
    parent = models.CharField(max_length=300, help_text="As the row named it.")
    row = models.PositiveBigIntegerField(help_text="The row's number in its file.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "source", "child"], name="pending_parent_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.child}: {self.parent}"
