"""What forms of versioned policies about leads have in common."""

from typing import Any

from django import forms
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from funnel.condition_forms import ConditionField, ConditionWidget, refused
from routing.fields import FIELDS


class AboutLeadsForm(forms.ModelForm):
    """A form of something with a condition about leads."""

    condition = ConditionField(
        widget=ConditionWidget(fields_url=lambda: reverse("routing:condition-fields"), of="lead", fields=FIELDS)
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "condition" not in self.errors:
            for problem in refused(cleaned.get("condition"), FIELDS):
                self.add_error("condition", problem)
        return cleaned


class NewVersionForm(forms.Form):
    """A new draft; forms that begin as another version add a field for it before `why`."""

    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget)
    why = forms.CharField(
        label="What it is to change, and why", required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class WhyForm(forms.Form):
    why = forms.CharField(
        label="What this version changes, and why",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        error_messages={"required": "Say what changes and why: those who get the leads will ask."},
    )
