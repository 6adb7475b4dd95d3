from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from funnel.versions import Version, draft_only
from routing.models.work import Medium

MOST_DAYS = 365  # from the start of a cadence to its last step


class MessageTemplate(models.Model):
    """A text of the library: what to write or to say to whom, with guidance. {first_name} and the like are filled."""

    name = models.CharField(max_length=120, unique=True)
    medium = models.CharField(max_length=10, choices=Medium)
    persona = models.CharField(max_length=120, blank=True, default="", help_text="Whom it is for; blank: everybody.")
    industry = models.CharField(max_length=120, blank=True, default="", help_text="Blank: every industry.")
    subject = models.CharField(max_length=200, blank=True, default="", help_text="Of an e-mail.")
    body = models.TextField(
        help_text="{first_name} {last_name} {title} {company} {industry} {solution} {rep} are filled from the lead."
    )
    guidance = models.TextField(blank=True, default="", help_text="How to use it, for whoever reads it aloud.")
    content = models.ForeignKey(
        "funnel.Content", models.SET_NULL, null=True, blank=True, related_name="+", help_text="The asset it offers."
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Cadence(Version):
    """One version of a series of attempts: steps by medium and day. Only a draft can be edited; one a name decides."""

    version = models.PositiveIntegerField(editable=False)
    position = models.PositiveSmallIntegerField(default=0, help_text="The first whose condition holds takes a lead.")
    condition = models.JSONField(default=dict, blank=True, help_text="For whom, such as a persona. Empty: everybody.")
    on_acceptance = models.BooleanField(
        default=False, help_text="Leads are enrolled when they are accepted; otherwise by hand."
    )
    stop_on_reply = models.BooleanField(default=True, help_text="Stops when they write or call.")
    stop_on_meeting = models.BooleanField(default=True, help_text="Stops when a meeting is booked.")

    class Meta:
        ordering = ["position", "name", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="cadence_version"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(status="published"), name="one_published_cadence_a_name"
            ),
        ]


class CadenceStep(models.Model):
    """One attempt of a cadence: how, and on which day after its start."""

    cadence = models.ForeignKey(Cadence, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    day = models.PositiveSmallIntegerField(
        validators=[MaxValueValidator(MOST_DAYS)], help_text="Days after the start; 0 is the day itself."
    )
    medium = models.CharField(max_length=10, choices=Medium)
    template = models.ForeignKey(MessageTemplate, models.PROTECT, null=True, blank=True, related_name="steps")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["cadence", "position"], name="cadence_step_position")]
        triggers = [draft_only(table="routing_cadence", parent="cadence_id", noun="cadence")]

    def __str__(self) -> str:
        return f"Step {self.position}: {self.get_medium_display().lower()}"


class Enrolment(models.Model):
    """A lead in a version of a cadence, until it stops, once and for one cause. Its steps are tasks."""

    class Stop(models.TextChoices):
        FINISHED = "finished", "All steps are through"
        REPLY = "reply", "They answered"
        MEETING = "meeting", "A meeting was booked"
        OPT_OUT = "opt_out", "They want no more mail"
        LEFT = "left", "The lead left"
        MOVED = "moved", "The lead went on"
        BY_HAND = "by_hand", "By hand"

    lead = models.ForeignKey("funnel.Lead", models.PROTECT, db_index=False, related_name="enrolments")
    cadence = models.ForeignKey(Cadence, models.PROTECT, related_name="enrolments")
    cause = models.CharField(max_length=100)
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, db_index=False, related_name="+"
    )
    stopped_at = models.DateTimeField(null=True)
    stop = models.CharField(max_length=10, choices=Stop, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead", "cause"], name="enrolment_once_a_cause"),
            models.UniqueConstraint(fields=["lead"], condition=Q(stopped_at=None), name="one_running_cadence_a_lead"),
            models.CheckConstraint(
                condition=Q(stopped_at=None, stop="") | Q(stopped_at__isnull=False) & ~Q(stop=""),
                name="enrolment_stops_for_a_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cadence} since {self.started_at:%Y-%m-%d}"


class ContactCap(models.Model):
    """How often we may be in touch with one person, marketing and sales together. A step over it is put off."""

    name = models.CharField(max_length=120, unique=True)
    most = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)], help_text="Touches of ours ...")
    days = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(365)], help_text="... within so many days."
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["days", "name"]

    def __str__(self) -> str:
        return f"{self.name}: {self.most} in {self.days} days"
