from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from routing.calendars import Hours, parse_hours


def office_hours() -> dict[str, Any]:
    """Monday to Friday, nine to six."""
    return {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


class Calendar(models.Model):
    """When a team works: weekly hours in its zone, less public holidays and single days."""

    name = models.CharField(max_length=120, unique=True)
    zone = models.CharField(max_length=60, default="UTC", help_text="Time zone, like Europe/Vienna.")
    hours = models.JSONField(
        default=office_hours,
        help_text='Blocks a weekday, like {"mon": [["09:00", "12:00"], ["13:00", "18:00"]]}; 24:00 ends a day.',
    )
    country = models.CharField(
        max_length=2, blank=True, default="", help_text="Whose public holidays are kept, like AT; blank: none."
    )
    subdivision = models.CharField(max_length=10, blank=True, default="", help_text="A part of the country, like BY.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        try:
            self.as_hours(days={})
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def as_hours(self, days: dict | None = None) -> Hours:
        """The pure calendar. days: date -> blocks, for callers that have read `CalendarDay` already.

        Raises ValueError with a sentence for a zone, hours or a country that cannot be.
        """
        if days is None:
            days = {row.day: row.hours for row in self.days.all()}
        return parse_hours(
            zone=self.zone, weekly=self.hours, days=days, country=self.country, subdivision=self.subdivision
        )


class CalendarDay(models.Model):
    """One day that differs: closed without hours, or open with hours of its own."""

    calendar = models.ForeignKey(Calendar, models.CASCADE, related_name="days")
    day = models.DateField()
    name = models.CharField(max_length=120, blank=True, default="")
    hours = models.JSONField(default=list, blank=True, help_text='Blocks like [["09:00", "12:00"]]; empty: closed.')

    class Meta:
        ordering = ["day"]
        constraints = [models.UniqueConstraint(fields=["calendar", "day"], name="calendar_day_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.name}".strip()

    def clean(self) -> None:
        try:
            parse_hours(zone="UTC", weekly=office_hours(), days={self.day: self.hours})
        except ValueError as error:
            raise ValidationError(str(error)) from error


class Absence(models.Model):
    """Days on which a rep is away, both included; new leads go to others meanwhile."""

    rep = models.ForeignKey("funnel.Rep", models.CASCADE, related_name="absences")
    starts_on = models.DateField()
    ends_on = models.DateField()
    cover = models.ForeignKey(
        "funnel.Rep",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who looks after open work.",
    )
    note = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ["-starts_on"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="absence_ends_after_it_starts"),
            models.CheckConstraint(condition=Q(cover=None) | ~Q(cover=F("rep")), name="absence_cover_is_somebody_else"),
        ]
        indexes = [models.Index(fields=["rep", "ends_on"], name="absence_of_rep")]

    def __str__(self) -> str:
        return f"{self.rep} away {self.starts_on} to {self.ends_on}"
