"""Small tables whose rows are the company's own words. Names are kept exactly as given: `Google` is not `google`."""

from django.db import models
from django.db.models import Q


class Function(models.TextChoices):
    """Who found the lead (the source function)."""

    MARKETING = "marketing", "Marketing"
    SDR = "sdr", "SDR"
    AE = "ae", "Account executive"
    PARTNER = "partner", "Partner"
    OTHER = "other", "Other"


class Motion(models.TextChoices):
    """What kind of business is sought."""

    NEW = "new", "New business"
    CROSS_SELL = "cross_sell", "Cross-sell"
    UPSELL = "upsell", "Upsell"
    RETENTION = "retention", "Retention"


class BuyingRole(models.TextChoices):
    """What somebody does in a decision to buy (domain.md 9)."""

    CHAMPION = "champion", "Champion"
    DECISION_MAKER = "decision_maker", "Decision maker"
    INFLUENCER = "influencer", "Influencer"
    RATIFIER = "ratifier", "Ratifier"
    USER = "user", "User"
    OTHER = "other", "Other"


class Solution(models.Model):
    """What is sold, at the level at which leads are raised."""

    name = models.CharField(max_length=200, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Channel(models.Model):
    """The way a touch came in: search, event, partner. Never a campaign and never a piece of content."""

    class Direction(models.TextChoices):
        INBOUND = "inbound", "Inbound"
        OUTBOUND = "outbound", "Outbound"

    name = models.CharField(max_length=200, unique=True)
    direction = models.CharField(max_length=10, choices=Direction, default=Direction.INBOUND)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class BuyingStage(models.TextChoices):
    """How far somebody is in buying who asks for a piece of content, from the first question on."""

    EDUCATION = "education", "Education"
    CONSIDERATION = "consideration", "Consideration"
    DECISION = "decision", "Decision"


class Content(models.Model):
    """A content offer: guide, webinar, landing page, calculator."""

    name = models.CharField(max_length=300, unique=True)
    kind = models.CharField(max_length=60, blank=True, default="")
    topic = models.CharField(max_length=120, blank=True, default="")
    persona = models.CharField(max_length=120, blank=True, default="")
    buying_stage = models.CharField(
        max_length=20, choices=BuyingStage, blank=True, default="", help_text="Whom it helps; blank: not said."
    )
    url = models.URLField(blank=True, default="")

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "content"

    def __str__(self) -> str:
        return self.name


class Reason(models.Model):
    """Why a lead or deal left, by the kind of leaving; `stage` narrows it to leads at that stage."""

    class For(models.TextChoices):
        RECYCLE = "recycle", "Recycle (may return)"
        DISQUALIFY = "disqualify", "Disqualify (should not return)"
        REJECT = "reject", "Reject (before contact)"
        EXPIRE = "expire", "Expire"
        LOST = "lost", "Lost"
        NO_DECISION = "no_decision", "No decision"
        WON = "won", "Won"
        REGRESS = "regress", "Moved back"
        REOPEN = "reopen", "Reopened"

    kind = models.CharField(max_length=20, choices=For)
    stage = models.CharField(max_length=20, blank=True, default="", help_text="Blank: offered at every stage.")
    name = models.CharField(max_length=200)
    revisit_days = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Days until a second look.")
    needs_text = models.BooleanField(default=False, help_text="Whoever picks it must add a sentence.")
    reroutes = models.BooleanField(
        default=False, help_text="The lead went to the wrong person: it stays an MQL and goes to somebody else."
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["kind", "name"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "stage", "name"], name="reason_once"),
            models.CheckConstraint(
                condition=Q(revisit_days__isnull=True) | Q(kind__in=["recycle", "lost", "no_decision"]),
                name="reason_revisit_only_where_one_may_return",
            ),
            models.CheckConstraint(
                condition=Q(reroutes=False) | Q(kind="reject", stage__in=["", "mql"]), name="reason_reroutes_a_reject"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GlossaryTerm(models.Model):
    """A word of the company's one dictionary, linked from every screen that uses it."""

    slug = models.SlugField(unique=True)
    term = models.CharField(max_length=120)
    definition = models.TextField()
    owner = models.CharField(max_length=120, blank=True, default="", help_text="Who may change the definition.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["term"]

    def __str__(self) -> str:
        return self.term
