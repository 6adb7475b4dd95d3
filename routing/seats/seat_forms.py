"""Forms of the admin about one seat: what its rep serves, leads credited back, and the rep's calendar."""

from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from funnel.models import Region, Solution
from routing.models import Seat, Served
from routing.seats.callsheets import LARGEST
from routing.seats.levels import MOST
from routing.seats.profiles import set_profile

SERVED: Final = ("solutions", "regions", "segments", "languages")


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


class SeatForm(forms.ModelForm):
    solutions = forms.ModelMultipleChoiceField(
        Solution.objects.none(), required=False, widget=UnfoldAdminSelect2MultipleWidget, help_text="None: all."
    )
    regions = forms.ModelMultipleChoiceField(
        Region.objects.none(), required=False, widget=UnfoldAdminSelect2MultipleWidget,
        help_text="With those below them. None: all.",
    )  # fmt: skip
    segments = forms.CharField(
        required=False, max_length=1000, widget=UnfoldAdminTextInputWidget,
        help_text="As accounts have them, like Enterprise, Mid-market. Blank: all.",
    )  # fmt: skip
    languages = forms.CharField(
        required=False, max_length=300, widget=UnfoldAdminTextInputWidget,
        help_text="As people have them, like de, en. Blank: all.",
    )  # fmt: skip

    class Meta:
        model = Seat
        fields = ("rep", "receiving", "weight", "capacity", "weekly", "quota", "quota_per", "calendar")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["solutions"].queryset = Solution.objects.all()  # type: ignore[attr-defined]
        self.fields["regions"].queryset = Region.objects.all()  # type: ignore[attr-defined]
        if self.instance.pk:
            served = list(Served.objects.filter(rep=self.instance.rep_id))
            self.initial.update(
                solutions=[one.solution_id for one in served if one.solution_id],
                regions=[one.region_id for one in served if one.region_id],
                segments=", ".join(one.segment for one in served if one.segment),
                languages=", ".join(one.language for one in served if one.language),
            )

    def clean_segments(self) -> str:
        return self._short("segments", 80)

    def clean_languages(self) -> str:
        return self._short("languages", 20)

    def save_served(self) -> None:
        """Keep what the rep serves, where the form changed it."""
        if set(SERVED) & set(self.changed_data):
            data = self.cleaned_data
            set_profile(
                self.instance.rep,
                solutions=data["solutions"],
                regions=data["regions"],
                segments=_words(data["segments"]),
                languages=_words(data["languages"]),
            )

    def _short(self, name: str, limit: int) -> str:
        text: str = self.cleaned_data[name]
        if long := [word for word in _words(text) if len(word) > limit]:
            raise forms.ValidationError(f"“{long[0][:40]}…” is too long: at most {limit} characters between commas.")
        return text


class CreditForm(forms.Form):
    leads = forms.FloatField(
        min_value=-MOST, max_value=MOST, widget=UnfoldAdminDecimalFieldWidget,
        help_text="So many are counted less; with a minus, more.",
    )  # fmt: skip
    reason = forms.CharField(
        max_length=300, widget=UnfoldAdminTextInputWidget,
        error_messages={"required": "Say why: the others will ask."},
    )  # fmt: skip


class CalendarFileForm(forms.Form):
    """A rep's calendar. zone: where times without one are meant."""

    file = forms.FileField(
        label="Calendar file (.ics)", widget=UnfoldAdminFileFieldWidget,
        help_text="As Outlook, Google Calendar and others export it. Titles and people are not kept.",
    )  # fmt: skip
    zone = forms.ChoiceField(
        label="Time zone", choices=lambda: [(zone, zone) for zone in sorted(available_timezones())],
        widget=UnfoldAdminSelectWidget, initial="UTC",
    )  # fmt: skip

    def clean_file(self) -> str:
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError("The file is larger than 10 MB; export the coming weeks only.")
        try:
            text: str = file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is not UTF-8 text.") from None
        self.origin = file.name
        return text

    def clean_zone(self) -> ZoneInfo:
        return ZoneInfo(self.cleaned_data["zone"])
