"""Histories played again under a version: what it would have made of what was known at each moment."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from scoring.models.versions import ScoringModel


class Simulation(models.Model):
    """One replay of a stretch of history under one version, in chunks of people, and how far it has come.

    The row is the queue: a worker takes a waiting or running one, works the people after `person_to`, and commits the
    two together, so that a replay killed midway goes on where it stood. `digest` is what the version said when it ran:
    a draft may change afterwards, and the replay is then of an earlier text. A `part` of another simulation replays
    one of its changes alone; `change` says which.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    model = models.ForeignKey(ScoringModel, models.CASCADE, related_name="simulations")
    digest = models.CharField(max_length=64)
    part_of = models.ForeignKey("self", models.CASCADE, null=True, related_name="parts")
    change = models.JSONField(null=True, help_text="The one change to the version it is compared with; null: all.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    asked_at = models.DateTimeField(db_default=models.functions.Now())
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    problem = models.CharField(max_length=300, blank=True, default="")
    person_to = models.BigIntegerField(default=0, help_text="The last person who is through.")
    people = models.PositiveIntegerField(default=0, help_text="Through so far.")
    people_in_all = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="simulation_ends_after_it_starts"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(status__in=("waiting", "running")), name="simulation_to_do"),
        ]

    def __str__(self) -> str:
        return f"Simulation {self.pk} of {self.model}"


class SimulatedLead(models.Model):
    """What a simulation made of one lead: an MQL at a moment and why, or how near it came.

    mql_at: null where it never becomes one; before the stretch where the version would not have left it an inquiry for
    it. by: score, or hand (a raised hand). touch: what brought it; null for a review. interest, fit, grade, band: at
    that moment, without one at the peak. peak: the most interest the person had, MQL or not, while the lead was open
    and everything but the threshold allowed an MQL of it (gates, cool-down, a grade with some cell that says MQL); null
    where nothing ever did. rule_ids, points: what each rule, of interest and of fit, contributed at that moment, before
    caps, only for MQLs.
    """

    class By(models.TextChoices):
        SCORE = "score", "Score"
        HAND = "hand", "Raised hand"

    simulation = models.ForeignKey(Simulation, models.CASCADE, db_index=False, related_name="leads")
    lead = models.ForeignKey("funnel.Lead", models.CASCADE, related_name="+")
    person = models.ForeignKey("funnel.Person", models.CASCADE, related_name="+")
    mql_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=5, choices=By, blank=True, default="")
    touch = models.BigIntegerField(null=True)
    interest = models.FloatField()
    fit = models.FloatField()
    grade = models.CharField(max_length=2)
    band = models.PositiveSmallIntegerField()
    peak = models.FloatField(null=True)
    rule_ids = ArrayField(models.BigIntegerField(), default=list)
    points = ArrayField(models.FloatField(), default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["simulation", "lead"], name="one_simulated_lead")]
        indexes = [
            # Its MQLs, a tenth of its leads, of which every figure is made.
            models.Index(
                fields=["simulation", "mql_at"],
                include=["lead"],
                condition=Q(mql_at__isnull=False),
                name="simulated_mql",
            ),
        ]

    def __str__(self) -> str:
        return f"Lead {self.lead_id} in simulation {self.simulation_id}"
