from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from routing.hours.calendars import Hours, parse_hours
from routing.hours.covers import Away, left_alone, nobody_on

LONGEST = 731  # days of one absence


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
    """Days on which a rep is away, both included; new leads go to others, and the cover looks after open ones."""

    rep = models.ForeignKey("funnel.Rep", models.CASCADE, related_name="absences")
    starts_on = models.DateField()
    ends_on = models.DateField()
    cover = models.ForeignKey(
        "funnel.Rep",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who looks after open work: a colleague of the team. If they are away too, their cover does.",
    )
    note = models.CharField(max_length=200, blank=True, default="")
    recorded_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)

    class Meta:
        ordering = ["-starts_on"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="absence_ends_after_it_starts"),
            models.CheckConstraint(condition=Q(cover=None) | ~Q(cover=F("rep")), name="absence_cover_is_somebody_else"),
        ]
        indexes = [models.Index(fields=["rep", "ends_on"], name="absence_of_rep")]

    def __str__(self) -> str:
        return f"{self.rep} away {self.starts_on} to {self.ends_on}"

    def clean(self) -> None:
        if self.rep_id is None or self.starts_on is None or self.ends_on is None:
            return  # told at the fields
        if self.ends_on < self.starts_on:
            raise ValidationError({"ends_on": f"It ends before it starts, on {_said(self.starts_on)}."})
        if (self.ends_on - self.starts_on).days > LONGEST:
            raise ValidationError({"ends_on": "An absence of more than two years; set the seat to receive nothing."})
        others = list(Absence.objects.exclude(pk=self.pk).filter(ends_on__gte=self.starts_on))
        others = [one for one in others if one.starts_on <= self.ends_on]
        same = next((one for one in others if one.rep_id == self.rep_id), None)
        if same is not None:
            days = f"{_said(same.starts_on)} to {_said(same.ends_on)}"
            raise ValidationError(f"{self.rep} is away from {days} already; change that absence instead.")
        if self.cover is not None:
            self._clean_cover(others)

    def _clean_cover(self, others: list["Absence"]) -> None:
        assert self.cover is not None
        if self.cover_id == self.rep_id:
            raise ValidationError({"cover": f"{self.rep} cannot cover for themselves; pick a colleague."})
        if not self.cover.active:
            raise ValidationError({"cover": f"{self.cover} is no longer active; pick a colleague."})
        if self.cover.team_id != self.rep.team_id:
            raise ValidationError({"cover": f"{self.cover} is of another team and would not see the leads."})
        day = nobody_on(self.as_away(), [one.as_away() for one in others])
        if day is not None:
            said = f"{self.cover} is away too on {_said(day)}, and nobody else covers then; pick another colleague."
            raise ValidationError({"cover": said})

    def left_alone(self) -> list[str]:
        """Whom nobody covers any more because of this absence, a sentence each."""
        others = Absence.objects.exclude(pk=self.pk).filter(ends_on__gte=self.starts_on, starts_on__lte=self.ends_on)
        known = list(others.select_related("rep"))
        names = {one.rep_id: str(one.rep) for one in known}
        found = left_alone(self.as_away(), [one.as_away() for one in known])
        return [
            f"{names[rep_id]} is away too on {_said(day)}, and now nobody covers then; give that absence another cover."
            for rep_id, day in found.items()
        ]

    def as_away(self) -> Away:
        """The absence for the arithmetic of covers.py."""
        return Away(self.rep_id, self.starts_on, self.ends_on, self.cover_id)


def _said(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
