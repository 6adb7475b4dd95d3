"""Forms of the admin: SLA policies with their promises, and running clocks put under the version in force."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from funnel.admin_forms import AtTheEnd
from funnel.conditions import sentence
from routing.fields import FIELDS
from routing.models import SlaPolicy, SlaPromise
from routing.sla.versions import MOST_PROMISES
from routing.version_forms import AboutLeadsForm, NewVersionForm


class SlaPolicyForm(forms.ModelForm):
    class Meta:
        model = SlaPolicy
        fields = ("name", "why", "expiry", "expires_at", "absence")
        widgets = {"why": UnfoldAdminTextareaWidget(attrs={"rows": 3})}


class PromiseForm(AboutLeadsForm):
    class Meta:
        model = SlaPromise
        fields = ("name", "kind", "condition", "amount", "unit", "warn_at", "reassign", "position")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        promise = self.instance
        if promise.pk:
            whom = sentence(promise.condition, FIELDS, most=100)
            promise.get_inline_title = f"{promise.name} · {promise.get_kind_display()} · {whom} → {promise.length}"


class PromiseFormSet(AtTheEnd):
    def clean(self) -> None:
        super().clean()
        kept = self.how_many()
        if kept > MOST_PROMISES:
            raise ValidationError(f"A version has at most {MOST_PROMISES} promises, and this would be {kept:,}.")


class SlaDraftForm(NewVersionForm):
    """A new draft. from_policy: what it begins as; blank: no promises."""

    field_order = ("name", "from_policy", "why")
    from_policy = forms.ModelChoiceField(
        SlaPolicy.objects.all(), label="Begin as", required=False, empty_label="Empty, without promises",
        widget=UnfoldAdminSelectWidget,
    )  # fmt: skip


class SlaWhyForm(forms.Form):
    why = forms.CharField(
        label="What this version changes, and why",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        error_messages={"required": "Say what changes and why: those who keep the promises will ask."},
    )


class ReapplyForm(forms.Form):
    """Which running clocks to put under the version in force, and why."""

    kinds = forms.MultipleChoiceField(
        label="Clocks", choices=SlaPromise.Kind.choices, widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Pick at least one kind of clock."},
    )  # fmt: skip
    why = forms.CharField(
        label="Why", max_length=300, widget=UnfoldAdminTextInputWidget,
        error_messages={"required": "Say why: those whose time changes will ask."},
    )  # fmt: skip
