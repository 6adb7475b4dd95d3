import pgtrigger
from django.conf import settings
from django.db import models


class WrongRoute(models.Model):
    """A fact: somebody said that a lead was not theirs to decide about, and it went to another. It stays an MQL.

    rule, policy: of the decision that was wrong. The database refuses any change.
    """

    lead = models.ForeignKey("funnel.Lead", models.PROTECT, db_index=False, related_name="wrong_routes")
    rep = models.ForeignKey("funnel.Rep", models.PROTECT, null=True, related_name="+", help_text="Who had it.")
    rule = models.CharField(max_length=120, blank=True, default="")
    policy = models.CharField(max_length=40, blank=True, default="")
    reason = models.ForeignKey("funnel.Reason", models.PROTECT, related_name="+")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    occurred_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["lead"], name="wrong_route_of_lead"),
            models.Index(fields=["occurred_at"], name="wrong_route_when"),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"Wrong route: {self.rule or 'no rule'}"


class WrongRouteTakenBack(models.Model):
    """A fact: whoever said that a lead was not theirs took it back; it counts against no rule any more."""

    wrong_route = models.OneToOneField(WrongRoute, models.PROTECT, related_name="taken_back")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    occurred_at = models.DateTimeField()

    class Meta:
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.wrong_route}, taken back"
