import pgtrigger
from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q


class Desk(models.Model):
    """How a team receives leads: its calendar, and whether they are dealt out or wait in its pool."""

    team = models.OneToOneField("funnel.Team", models.CASCADE, related_name="desk")
    calendar = models.ForeignKey("routing.Calendar", models.PROTECT, related_name="desks")

    def __str__(self) -> str:
        return f"Desk of {self.team}"


class Seat(models.Model):
    """A rep's place in the dealing out of leads.

    Whose (calibration + assigned) / weight is least is next. `assigned` counts leads dealt out in this place;
    `calibration` lets a newcomer start level with the others instead of being flooded. It holds for the team and the
    weight that it was worked out for: after a change the seat starts level anew, with the next lead that is dealt.
    """

    class Per(models.TextChoices):
        DAY = "day", "a day"
        WEEK = "week", "a week"

    rep = models.OneToOneField("funnel.Rep", models.CASCADE, related_name="seat")
    receiving = models.BooleanField(default=True, help_text="Off: receives nothing new.")
    weight = models.FloatField(default=1, validators=[MinValueValidator(0.05)], help_text="Share against the others.")
    capacity = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The most undecided MQLs at a time; blank: no limit."
    )
    weekly = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How many MQLs they can decide in a week; blank: reckoned from what they decided.",
    )
    calendar = models.ForeignKey(
        "routing.Calendar", models.PROTECT, null=True, blank=True, help_text="Blank: the team's."
    )
    quota = models.FloatField(
        "lead quota",
        null=True,
        blank=True,
        validators=[MinValueValidator(0.01)],
        help_text="How many leads they are given a day or week, like 2.5; a fraction is carried over. Blank: no limit.",
    )
    quota_per = models.CharField("a day or week", max_length=4, choices=Per, default=Per.WEEK)
    calibration = models.FloatField(default=0, editable=False)
    assigned = models.PositiveBigIntegerField(default=0, editable=False)
    levelled_team = models.ForeignKey(
        "funnel.Team", models.SET_NULL, null=True, editable=False, db_index=False, related_name="+"
    )
    levelled_weight = models.FloatField(null=True, editable=False)
    paused_level = models.FloatField(null=True, editable=False, help_text="The level when it stopped receiving.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(weight__gt=0), name="seat_weight_positive"),
            models.CheckConstraint(condition=Q(quota=None) | Q(quota__gt=0), name="seat_quota_positive"),
        ]

    def __str__(self) -> str:
        return f"Seat of {self.rep}"

    @property
    def level(self) -> float:
        """Leads so far by weight, as the dealing compares them."""
        return (self.calibration + self.assigned) / self.weight


class Served(models.Model):
    """One thing that a rep serves: a solution, a region with those below it, a segment, or a language.

    A rep without any row of a kind serves all of that kind.
    """

    rep = models.ForeignKey("funnel.Rep", models.CASCADE, related_name="served")
    solution = models.ForeignKey("funnel.Solution", models.CASCADE, null=True, blank=True, related_name="+")
    region = models.ForeignKey("funnel.Region", models.CASCADE, null=True, blank=True, related_name="+")
    segment = models.CharField(max_length=80, blank=True, default="", help_text="As accounts have it, like Enterprise.")
    language = models.CharField(max_length=20, blank=True, default="", help_text="As people have it, like de.")

    class Meta:
        ordering = ["rep", "id"]
        verbose_name_plural = "served"
        constraints = [
            models.CheckConstraint(
                condition=Q(solution__isnull=False, region=None, segment="", language="")
                | Q(solution=None, region__isnull=False, segment="", language="")
                | Q(solution=None, region=None, language="") & ~Q(segment="")
                | Q(solution=None, region=None, segment="") & ~Q(language=""),
                name="served_is_one_thing",
            ),
            models.UniqueConstraint(
                fields=["rep", "solution", "region", "segment", "language"], nulls_distinct=False, name="served_once"
            ),
        ]

    def __str__(self) -> str:
        return str(self.solution or self.region or self.segment or self.language)


class LevelChange(models.Model):
    """A fact: when and why the level of a seat moved other than by a lead. The database refuses any change."""

    class Kind(models.TextChoices):
        JOINED = "joined", "Joined the team"
        WEIGHT = "weight", "Another weight"
        RETURNED = "returned", "Can receive again"
        CREDITED = "credited", "Credited by hand"

    seat = models.ForeignKey(Seat, models.CASCADE, related_name="level_changes")
    kind = models.CharField(max_length=10, choices=Kind)
    before = models.FloatField(null=True, help_text="The level before; empty for a newcomer.")
    after = models.FloatField()
    occurred_at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ["-id"]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.after:g}"
