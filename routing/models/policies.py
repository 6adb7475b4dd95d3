import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from funnel.versions import Version, draft_only
from routing import factors


def standard_weights() -> dict[str, float]:
    """The weights of a new policy. Definition: domain.md 10.2."""
    return dict(factors.WEIGHTS)


def standard_demands() -> list[str]:
    """What of a rep's profile a new rule insists on."""
    return [factors.REGION, factors.SOLUTION, factors.LANGUAGE]


class RoutingPolicy(Version):
    """One version of who gets which lead: rules in order, the first that holds decides. Only a draft can be edited.

    MQLs go by the rules for MQLs, SQLs on their way to an account executive by those for SQLs.
    """

    weights = models.JSONField(
        default=standard_weights, blank=True, help_text="What each factor of the distribution score counts."
    )

    class Meta:
        ordering = ["-version"]
        verbose_name_plural = "routing policies"
        constraints = [
            models.UniqueConstraint(
                fields=["status"], condition=Q(status="published"), name="one_published_routing_policy"
            )
        ]
        triggers = [
            pgtrigger.Protect(
                name="weights_of_a_draft",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__weights__df=pgtrigger.F("new__weights")) & ~pgtrigger.Q(old__status="draft"),
            ),
        ]

    def clean(self) -> None:
        if problem := factors.problem_of(self.weights):
            raise ValidationError({"weights": problem})

    @property
    def policy(self) -> str:
        """How a decision names the version it was made under."""
        return f"routing:{self.version}"


class RoutingRule(models.Model):
    """Leads that meet the condition go to the team, or to the owner of their account, by one of these methods."""

    class Method(models.TextChoices):
        ROUND_ROBIN = "round_robin", "Dealt out in turn, by weight"
        LEAST_OPEN = "least_open", "To whoever has the least open work, by weight"
        SCORE = "score", "To whoever fits best, by distribution score"
        OWNER = "owner", "To the owner of the account"
        POOL = "pool", "Wait in the team's pool until somebody claims them"

    class Of(models.TextChoices):
        MQL = "mql", "MQLs, for somebody to work"
        SQL = "sql", "SQLs, for somebody to sell"

    class Otherwise(models.TextChoices):
        """What happens to a lead that the method finds nobody for."""

        WAIT = "", "It waits, with the reason, until somebody can take it"
        NEXT = "next", "The next rule that it meets decides"
        ROUND_ROBIN = "round_robin", "The team, in turn"
        LEAST_OPEN = "least_open", "Whoever of the team has the least open work"
        SCORE = "score", "Whoever of the team fits best"
        POOL = "pool", "The team's pool"

    class AtWork(models.TextChoices):
        HOT = "hot", "Hot leads to those at work, while somebody is; others at any hour"
        ALWAYS = "always", "Only to those at work now"
        NEVER = "never", "At any hour, hot leads too"

    routing_policy = models.ForeignKey(RoutingPolicy, models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=120)
    stage = models.CharField(max_length=12, choices=Of, default=Of.MQL, help_text="Which leads it is about.")
    condition = models.JSONField(default=dict, blank=True, help_text="Empty: every lead.")
    team = models.ForeignKey("funnel.Team", models.PROTECT, related_name="+")
    method = models.CharField(max_length=12, choices=Method, default=Method.ROUND_ROBIN)
    otherwise = models.CharField(
        "if nobody",
        max_length=12,
        choices=Otherwise,
        blank=True,
        default=Otherwise.WAIT,
        help_text="What happens where that finds nobody.",
    )
    at_work = models.CharField(
        "working hours", max_length=6, choices=AtWork, default=AtWork.HOT, help_text="Who may be given a lead now."
    )
    demands = models.JSONField(
        default=standard_demands,
        blank=True,
        help_text="What of a lead a rep has to serve, by the profile of the seat: region, solution, language, segment.",
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["routing_policy", "name"], name="routing_rule_name")]
        triggers = [
            draft_only(table="routing_routingpolicy", parent="routing_policy_id", noun="routing policy"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if not isinstance(self.demands, list) or not set(self.demands) <= set(factors.KINDS):
            raise ValidationError({"demands": f"Demands are some of {', '.join(factors.KINDS)}."})
