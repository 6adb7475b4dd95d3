import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Least

from funnel.models.reference import Function, Motion
from funnel.path import MILESTONES, Exit, Kind, Stage


class LeadQuerySet(models.QuerySet["Lead"]):
    def open(self) -> "LeadQuerySet":
        return self.filter(closed_at=None)


class Lead(models.Model):
    """One trip of one person through the funnel (architecture.md calls it a pass: number 1, 2, 3 ...).

    Stage, milestones, exit and reason are a cache of the lead's stage events, written only by `funnel.stages`.
    A milestone is that stage's own first standing entry and null where the stage was skipped. Origin, region,
    segment, solution and account are frozen when the lead opens, so that a report balances ever after.
    """

    # Where an index of several columns begins with a foreign key, a second one for the key alone only costs.
    person = models.ForeignKey("funnel.Person", models.PROTECT, db_index=False, related_name="leads")
    number = models.PositiveIntegerField(help_text="Which trip of this person it is.")
    stage = models.CharField(max_length=12, choices=Stage, default=Stage.INQUIRY, editable=False)
    stage_since = models.DateTimeField(editable=False, help_text="Latest entry into the present stage.")
    inquiry_at = models.DateTimeField(null=True, editable=False)
    mql_at = models.DateTimeField(null=True, editable=False)
    sal_at = models.DateTimeField(null=True, editable=False)
    sql_at = models.DateTimeField(null=True, editable=False)
    opportunity_at = models.DateTimeField(null=True, editable=False)
    won_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    exit = models.CharField(max_length=12, choices=Exit, blank=True, default="", editable=False)
    reason = models.ForeignKey("funnel.Reason", models.PROTECT, null=True, blank=True, editable=False)
    passthrough = models.BooleanField(default=False, editable=False, help_text="Its MQL was only passed through.")

    owner = models.ForeignKey("funnel.Rep", models.PROTECT, null=True, blank=True, db_index=False, related_name="leads")
    pool = models.ForeignKey(
        "funnel.Team", models.PROTECT, null=True, blank=True, related_name="pool", help_text="Who may claim it."
    )
    developed_by = models.ForeignKey(
        "funnel.Rep", models.PROTECT, null=True, editable=False, db_index=False, related_name="developed",
        help_text="Who made it an SQL and handed it on; they go on seeing it.",
    )  # fmt: skip
    revisit_on = models.DateField(null=True, blank=True)
    revisited_on = models.DateField(null=True, editable=False, help_text="The revisit date that was acted upon.")

    entry_stage = models.CharField(max_length=12, choices=Stage, default=Stage.INQUIRY)
    function = models.CharField(max_length=10, choices=Function, default=Function.MARKETING)
    motion = models.CharField(max_length=12, choices=Motion, default=Motion.NEW)
    channel = models.ForeignKey("funnel.Channel", models.PROTECT, null=True, blank=True)
    content = models.ForeignKey("funnel.Content", models.PROTECT, null=True, blank=True)
    campaign = models.ForeignKey(
        "funnel.Campaign", models.PROTECT, null=True, blank=True, db_index=False, related_name="leads"
    )
    region = models.ForeignKey("funnel.Region", models.PROTECT, null=True, blank=True)
    segment = models.CharField(max_length=80, blank=True, default="")
    solution = models.ForeignKey("funnel.Solution", models.PROTECT, null=True, blank=True)
    account = models.ForeignKey(
        "funnel.Account", models.PROTECT, null=True, blank=True, db_index=False, related_name="leads"
    )

    source = models.CharField(max_length=60, blank=True, default="")
    external_id = models.CharField(max_length=200, blank=True, default="")
    recorded_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)

    objects = LeadQuerySet.as_manager()

    class Meta:
        permissions = [("export_lead", "Can export leads")]
        constraints = [
            models.UniqueConstraint(fields=["person", "number"], name="lead_number"),
            models.UniqueConstraint(fields=["source", "external_id"], condition=~Q(external_id=""), name="lead_key"),
            models.UniqueConstraint(
                fields=["person", "solution"],
                condition=Q(closed_at__isnull=True),
                nulls_distinct=False,
                name="one_open_lead_a_person_and_solution",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, exit="") | Q(closed_at__isnull=False) & ~Q(exit=""),
                name="lead_closed_has_exit",
            ),
            models.CheckConstraint(condition=Q(owner=None) | Q(pool=None), name="lead_has_an_owner_or_waits_in_a_pool"),
            models.CheckConstraint(
                condition=Q(exit="won", stage="won", won_at__isnull=False) | ~Q(exit="won") & ~Q(stage="won"),
                name="lead_won_is_a_stage_and_an_exit",
            ),
        ]
        indexes = [
            # Lists are read newest first and paged by key; one narrow index for each way to narrow them.
            models.Index(F("stage_since").desc(), F("id").desc(), name="lead_newest"),
            models.Index("stage", F("stage_since").desc(), F("id").desc(), name="lead_by_stage"),
            models.Index("owner", F("stage_since").desc(), F("id").desc(), name="lead_by_owner"),
            models.Index("campaign", F("stage_since").desc(), F("id").desc(), name="lead_by_campaign"),
            models.Index("account", name="lead_by_account"),
            models.Index("developed_by", name="lead_by_developer", condition=Q(developed_by__isnull=False)),
            # The MQLs that wait for a decision: a few thousand among all leads, which the queue reads as a whole, so
            # that all it asks of them stands in the index.
            models.Index(
                fields=["owner"],
                include=["id", "person", "pool", "solution", "region", "stage_since"],
                condition=Q(stage="mql", closed_at__isnull=True),
                name="lead_undecided",
            ),
            # Who has how much in work: counted for a floor of reps from the index alone.
            models.Index(
                fields=["owner", "stage"],
                condition=Q(
                    closed_at__isnull=True, owner__isnull=False, stage__in=["mql", "sal", "sql", "opportunity"]
                ),
                name="lead_in_work",
            ),
            # When it came in: the first milestone, whichever stage that was.
            models.Index(Least(*MILESTONES.values()).desc(), F("id").desc(), name="lead_by_opening"),
            # A timer: due is what left with a date that nobody has acted upon.
            models.Index(
                fields=["revisit_on"],
                condition=Q(exit="recycled") & (Q(revisited_on=None) | Q(revisited_on__lt=F("revisit_on"))),
                name="lead_revisit",
            ),
        ]

    def __str__(self) -> str:
        return f"Lead {self.pk}"


class StageEventQuerySet(models.QuerySet["StageEvent"]):
    def in_order(self) -> "StageEventQuerySet":
        return self.order_by("occurred_at", "id")


class StageEvent(models.Model):
    """A fact about a lead's way, written once by `funnel.stages` and refused any change by the database.

    `to_stage` is blank for exits and voids; `supersedes` names the event a void takes back. `cause` says what made
    it happen ("activity:17", "load:event/crm/0042"); one cause makes one event of a lead, however often it is tried.
    """

    lead = models.ForeignKey(Lead, models.PROTECT, db_index=False, related_name="events")
    kind = models.CharField(max_length=12, choices=Kind)
    from_stage = models.CharField(max_length=12, choices=Stage, blank=True, default="")
    to_stage = models.CharField(max_length=12, choices=Stage, blank=True, default="")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reason = models.ForeignKey("funnel.Reason", models.PROTECT, null=True, related_name="+")
    policy = models.CharField(max_length=40, blank=True, default="")
    score = models.FloatField(null=True)
    cause = models.CharField(max_length=300)
    supersedes = models.ForeignKey("self", models.PROTECT, null=True, db_index=False, related_name="+")

    objects = StageEventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead", "cause"], name="stage_event_once_a_cause"),
            # A loaded event has a key of its own, whichever lead a later file says it belongs to.
            models.UniqueConstraint(
                fields=["cause"], condition=Q(cause__startswith="load:"), name="stage_event_loaded_once"
            ),
            models.CheckConstraint(
                condition=Q(kind="void", supersedes__isnull=False) | ~Q(kind="void") & Q(supersedes__isnull=True),
                name="stage_event_void_supersedes",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["advance", "passthrough", "regress", "reopen", "correction", "won"])
                & ~Q(to_stage="")
                | Q(kind__in=["void", "recycle", "disqualify", "expire", "lost", "no_decision", "merged"], to_stage=""),
                name="stage_event_kind_and_stage_agree",
            ),
        ]
        indexes = [
            models.Index(fields=["lead", "occurred_at"], name="stage_event_of_lead"),
            # "What moved since": rows are recorded in order, so a few pages tell which blocks to read.
            BrinIndex(fields=["recorded_at"], name="stage_event_recorded"),
            models.Index(fields=["supersedes"], name="stage_event_void", condition=Q(supersedes__isnull=False)),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.kind} {self.to_stage}".strip()


class Note(models.Model):
    """Free text about a person, kept apart from the facts so that it can be erased."""

    person = models.ForeignKey("funnel.Person", models.CASCADE, related_name="notes")
    lead = models.ForeignKey(Lead, models.CASCADE, null=True, blank=True, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    text = models.TextField()
    written_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        ordering = ["-written_at", "-id"]

    def __str__(self) -> str:
        return self.text[:60]
