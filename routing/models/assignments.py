import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q


class Assignment(models.Model):
    """A fact: who was to work a lead from now on, and why. The database refuses any change.

    The lead's owner and pool are a cache of the latest one, written by `funnel.owners`. `explanation` holds every
    candidate by id with what counted for and against, no personal data; see routing/assignment/explain.py
    """

    class Kind(models.TextChoices):
        ASSIGNED = "assigned", "Dealt out"
        POOLED = "pooled", "Put into a pool"
        UNROUTED = "unrouted", "Nobody could take it"
        CLAIMED = "claimed", "Claimed from the pool"
        REASSIGNED = "reassigned", "Given to somebody else"
        RELEASED = "released", "Given back"

    lead = models.ForeignKey("funnel.Lead", models.PROTECT, db_index=False, related_name="assignments")
    kind = models.CharField(max_length=12, choices=Kind)
    rep = models.ForeignKey("funnel.Rep", models.PROTECT, null=True, db_index=False, related_name="assignments")
    team = models.ForeignKey("funnel.Team", models.PROTECT, null=True, related_name="+", help_text="The pool's.")
    previous = models.ForeignKey("funnel.Rep", models.PROTECT, null=True, db_index=False, related_name="+")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    policy = models.CharField(max_length=40, blank=True, default="")
    rule = models.CharField(max_length=120, blank=True, default="", help_text="The rule that decided, by its name.")
    explanation = models.JSONField(default=dict)
    cause = models.CharField(max_length=300)

    class Meta:
        permissions = [
            ("work_lead", "Can accept, reject, recycle and claim leads"),
            ("reassign_lead", "Can give leads to somebody else"),
            ("work_deal", "Can make opportunities and close them"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["lead", "cause"], name="assignment_once_a_cause"),
            models.CheckConstraint(
                condition=Q(kind__in=["assigned", "claimed", "reassigned"], rep__isnull=False, team=None)
                | Q(kind__in=["pooled", "released"], rep=None, team__isnull=False)
                | Q(kind__in=["unrouted", "released"], rep=None, team=None),
                name="assignment_names_a_rep_or_a_pool",
            ),
        ]
        indexes = [
            models.Index(fields=["lead", "-occurred_at", "-id"], name="assignment_of_lead"),
            models.Index(fields=["rep", "-occurred_at"], name="assignment_of_rep"),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.kind} {self.rep or self.team or ''}".strip()
