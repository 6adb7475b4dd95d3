"""Forms of the daily work: a call that is logged, a next date, a snooze."""

from datetime import datetime, time, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone

from routing.acts.forms import LONGEST_NOTE
from routing.day.attempts import OF_MEDIUM, Outcome
from routing.models import Medium, Rating

MORNING: Final = time(9)
SHAPES: Final = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
SOON: Final[dict[str, str]] = {
    "1h": "In an hour",
    "3h": "In three hours",
    "next": "Next working day, 9:00",
    "2d": "In two days, 9:00",
    "1w": "In a week, 9:00",
    "4w": "In four weeks, 9:00",
}
_HOURS: Final = {"1h": 1, "3h": 3}
_DAYS: Final = {"2d": 2, "1w": 7, "4w": 28}


def soon(key: str, *, now: datetime) -> datetime:
    """A key of SOON as a moment, in the viewer's zone; days that fall on a weekend go on to Monday."""
    if key in _HOURS:
        return (now + timedelta(hours=_HOURS[key])).replace(second=0, microsecond=0)
    day = timezone.localdate(now) + timedelta(days=_DAYS.get(key, 1))
    while day.weekday() > 4:
        day += timedelta(days=1)
    return timezone.make_aware(datetime.combine(day, MORNING))


def _note() -> forms.CharField:
    return forms.CharField(
        label="Note",
        required=False,
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"max_length": f"A note holds {LONGEST_NOTE:,} characters; shorten it and send it again."},
    )


class WhenForm(forms.Form):
    """A moment ahead: one of a few, or one's own. What it comes to is `cleaned_data["next_at"]`."""

    nothing = "No next date"

    soon = forms.ChoiceField(label="Next date", required=False)
    next_at = forms.DateTimeField(
        label="or exactly",
        required=False,
        input_formats=SHAPES,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": "This is no moment; pick a day and an hour."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["soon"]
        field.choices = [("", self.nothing), *SOON.items()]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("next_at") is None and data.get("soon"):
            data["next_at"] = soon(data["soon"], now=timezone.now())
        return data


class AttemptForm(WhenForm):
    """What came of a call, or that something was sent."""

    medium = forms.ChoiceField(choices=Medium.choices, widget=forms.HiddenInput)
    outcome = forms.ChoiceField(
        label="What came of it",
        widget=forms.RadioSelect,
        error_messages={"required": "Say what came of it."},
    )
    text = _note()
    field_order = ("medium", "outcome", "text", "soon", "next_at")

    def __init__(self, *args: Any, medium: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["medium"].initial = medium
        outcomes = OF_MEDIUM.get(medium, OF_MEDIUM[Medium.CALL])
        field: Any = self.fields["outcome"]
        field.choices = [(value, Outcome(value).label) for value in outcomes]
        if len(outcomes) == 1:
            field.widget, field.initial = forms.HiddenInput(), outcomes[0]
            self.fields["text"].widget.attrs["autofocus"] = True
        else:
            field.widget.attrs["autofocus"] = True


class PlanForm(WhenForm):
    """A note and the next date of a lead."""

    text = _note()
    field_order = ("text", "soon", "next_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].widget.attrs["autofocus"] = True


class UntilForm(WhenForm):
    """How long something is put off."""

    nothing = "Pick how long …"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["soon"].label = "Until"
        self.fields["soon"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("next_at") is None and not self.errors:
            self.add_error("soon", "Say until when.")
        return data


class RateForm(forms.Form):
    """How good a lead was, and why."""

    stars = forms.TypedChoiceField(
        label="How good is this lead?",
        coerce=int,
        choices=[(5, "5, very good"), (4, "4"), (3, "3"), (2, "2"), (1, "1, should not have come")],
        widget=forms.RadioSelect(attrs={"autofocus": True}),
        error_messages={"required": "Say how good it is."},
    )
    why = forms.ChoiceField(
        label="Because",
        choices=[("", "Pick what it is about …"), *Rating.Why.choices],
        error_messages={"required": "Pick what it is about."},
    )
    text = _note()
