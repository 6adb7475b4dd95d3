"""What forms of acts share: a note, a reason out of a list, a sentence to go with it."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from funnel.models import Lead, Reason

LONGEST_NOTE = 10_000


class NoteForm(forms.Form):
    """A note about a lead."""

    text = forms.CharField(
        label="Note",
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "What did you learn?"}),
        error_messages={
            "required": "Write something first; an empty note was not kept.",
            "max_length": f"A note holds {LONGEST_NOTE:,} characters. Nothing was kept yet; shorten it and save again.",
        },
    )


class ReasonSelect(forms.Select):
    """A list of reasons whose options say what else each of them asks for (static/js/acts.js reads it)."""

    reasons: dict[str, Reason] = {}  # noqa: RUF012 set by the form, for each instance

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        reason = self.reasons.get(str(value))
        if reason and reason.needs_text:
            option["attrs"]["data-needs-text"] = ""
        if reason and reason.revisit_days:
            day = timezone.localdate() + timedelta(days=reason.revisit_days)
            option["attrs"]["data-revisit"] = day.isoformat()
        return option


def _offered(reason: Reason) -> str:
    return f"{reason.name} (goes to somebody else)" if reason.reroutes else reason.name


class ReasonForm(forms.Form):
    """A reason out of a list, by its kinds."""

    kinds: tuple[str, ...] = ()

    seen = forms.CharField(required=False, max_length=12, widget=forms.HiddenInput)
    reason_id = forms.TypedChoiceField(
        label="Reason",
        coerce=int,
        empty_value=None,
        widget=ReasonSelect(attrs={"data-reasons": "", "autofocus": True}),
        error_messages={"required": "Pick a reason."},
    )

    def __init__(self, *args: Any, lead: Lead, kinds: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen"].initial = lead.stage
        kinds = tuple(kinds) or self.kinds
        reasons = list(Reason.objects.filter(kind__in=kinds, active=True, stage__in=("", lead.stage)))
        field: Any = self.fields["reason_id"]
        field.widget.reasons = {str(reason.pk): reason for reason in reasons}
        groups = [
            (kind, [(reason.pk, _offered(reason)) for reason in reasons if reason.kind == kind]) for kind in kinds
        ]
        titled = [(Reason.For(kind).label, options) for kind, options in groups if options]
        field.choices = [("", "Pick a reason …"), *(titled if len(titled) > 1 else titled[0][1] if titled else [])]
        if "text" in self.fields and any(reason.needs_text for reason in reasons):
            self.fields["text"].help_text = "Some reasons ask for it."


def sentence() -> forms.CharField:
    return forms.CharField(
        label="In a sentence",
        required=False,
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 2, "data-sentence": ""}),
        error_messages={"max_length": f"A note holds {LONGEST_NOTE:,} characters; shorten it and send it again."},
    )
