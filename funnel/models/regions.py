from django.db import models


class Region(models.Model):
    """A region or local unit; the hub is a region without a parent."""

    name = models.CharField(max_length=120, unique=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
