from django.conf import settings
from django.db import models
from django.db.models import Q

from funnel.versions import Status, draft_only


class RoutingPolicy(models.Model):
    """One version of who gets which lead: rules in order, the first that holds decides. Only a draft can be edited.

    MQLs go by the rules for MQLs, SQLs on their way to an account executive by those for SQLs.
    """

    version = models.PositiveIntegerField(unique=True, editable=False)
    name = models.CharField(max_length=120)
    why = models.TextField(blank=True, default="", help_text="What this version changes, and why.")
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT, editable=False)
    created_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )
    published_at = models.DateTimeField(null=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ["-version"]
        verbose_name_plural = "routing policies"
        constraints = [
            models.UniqueConstraint(
                fields=["status"], condition=Q(status="published"), name="one_published_routing_policy"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"

    @property
    def policy(self) -> str:
        """How a decision names the version it was made under."""
        return f"routing:{self.version}"


class RoutingRule(models.Model):
    """Leads that meet the condition go to the team, dealt out in turn or into its pool."""

    class Method(models.TextChoices):
        ROUND_ROBIN = "round_robin", "Dealt out in turn, by weight"
        POOL = "pool", "Wait in the team's pool until somebody claims them"

    class Of(models.TextChoices):
        MQL = "mql", "MQLs, for somebody to work"
        SQL = "sql", "SQLs, for somebody to sell"

    routing_policy = models.ForeignKey(RoutingPolicy, models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=120)
    stage = models.CharField(max_length=12, choices=Of, default=Of.MQL, help_text="Which leads it is about.")
    condition = models.JSONField(default=dict, blank=True, help_text="Empty: every lead.")
    team = models.ForeignKey("funnel.Team", models.PROTECT, related_name="+")
    method = models.CharField(max_length=12, choices=Method, default=Method.ROUND_ROBIN)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["routing_policy", "name"], name="routing_rule_name")]
        triggers = [
            draft_only(table="routing_routingpolicy", parent="routing_policy_id", noun="routing policy"),
        ]

    def __str__(self) -> str:
        return self.name
