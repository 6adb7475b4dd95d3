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
    calibration = models.FloatField(default=0, editable=False)
    assigned = models.PositiveBigIntegerField(default=0, editable=False)
    levelled_team = models.ForeignKey(
        "funnel.Team", models.SET_NULL, null=True, editable=False, db_index=False, related_name="+"
    )
    levelled_weight = models.FloatField(null=True, editable=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(weight__gt=0), name="seat_weight_positive")]

    def __str__(self) -> str:
        return f"Seat of {self.rep}"
