"""Forms of the queue and of a lead. What an act allows is the services' to say; a form reads what was typed."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings

from funnel.models import DealState, Reason, Rep
from routing.acts.forms import ReasonForm, sentence
from routing.models import Attendee, Meeting, Pause
from routing.sales.meetings import executives


class RejectForm(ReasonForm):
    """Why a lead does not go on."""

    kinds = (Reason.For.REJECT, Reason.For.DISQUALIFY)
    text = sentence()


class RecycleForm(ReasonForm):
    """Why a lead goes back, and when it is looked at again."""

    kinds = (Reason.For.RECYCLE,)
    revisit_on = forms.DateField(
        label="Look again on",
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "data-revisit-on": ""}, format="%Y-%m-%d"),
        help_text="Blank: when interest rises again.",
        error_messages={"invalid": "This is no day; write it like 2026-03-24."},
    )
    text = sentence()


class ReopenForm(ReasonForm):
    """Why a closed lead is open again; it may go unsaid."""

    kinds = (Reason.For.REOPEN,)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason_id"].required = False


def _starts_at(**kwargs: Any) -> forms.DateTimeField:
    focus = {"autofocus": True} if kwargs.get("required", True) else {}
    return forms.DateTimeField(
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"} | focus, format="%Y-%m-%dT%H:%M"),
        error_messages={
            "required": "Say when the meeting is.",
            "invalid": "This is no moment; pick a day and an hour.",
        },
        **kwargs,
    )


class MeetingForm(forms.Form):
    """When a meeting is to be, and which account executive is expected beside the lead's owner."""

    starts_at = _starts_at(label="When")
    executive_id = forms.ModelChoiceField(
        label="Account executive",
        queryset=executives(),
        required=False,
        empty_label="Nobody yet; whoever it is handed to",
        help_text="Expected at the meeting beside you.",
    )


class OutcomeForm(forms.Form):
    """What became of a meeting, who was there, and when the next one is if it did not take place."""

    outcome = forms.ChoiceField(
        label="What became of it",
        choices=Meeting.Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Say what became of the meeting."},
    )
    came = forms.ModelMultipleChoiceField(
        label="Who was there",
        queryset=Attendee.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Where it was held. What is not ticked was expected and did not come.",
    )
    starts_at = _starts_at(
        label="The next one", required=False, help_text="Where it did not take place; blank: not booked yet."
    )

    def __init__(self, *args: Any, meeting: Meeting, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        attendees = meeting.attendees.select_related("rep", "person").order_by("pk")
        field: Any = self.fields["came"]
        field.queryset = attendees
        field.initial = [attendee.pk for attendee in attendees]
        if not attendees:
            del self.fields["came"]

    def who_came(self) -> list[int] | None:
        """The attendees who were there; None where the outcome says it by itself."""
        if self.cleaned_data["outcome"] != Meeting.Outcome.HELD or "came" not in self.fields:
            return None
        return [attendee.pk for attendee in self.cleaned_data["came"]]


class OpportunityForm(forms.Form):
    """The deal that a qualified lead becomes."""

    name = forms.CharField(
        label="Name",
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={"autofocus": True}),
        help_text="Blank: named after the account.",
    )
    amount = forms.DecimalField(label="Amount", required=False, min_value=0, max_digits=16, decimal_places=2)
    currency = forms.CharField(label="Currency", required=False, max_length=10, initial=settings.CURRENCY)
    expected_close_on = forms.DateField(
        label="Expected to close on",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


class CloseForm(ReasonForm):
    """How a deal ended."""

    kinds = (Reason.For.LOST, Reason.For.NO_DECISION, Reason.For.WON)
    state = forms.ChoiceField(
        label="It is",
        choices=[(value, label) for value, label in DealState.choices if value != DealState.OPEN],
        widget=forms.RadioSelect,
        error_messages={"required": "Say how it ended."},
    )
    amount = forms.DecimalField(
        label="Amount", required=False, min_value=0, max_digits=16, decimal_places=2, help_text="What it was worth."
    )
    text = sentence()
    field_order = ("state", "amount", "reason_id", "text", "seen")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason_id"].required = False  # a deal that is won needs none
        self.fields["reason_id"].help_text = "Needed unless the deal is won."


def seen_owners(pairs: Iterable[str]) -> dict[int, int | None]:
    """lead:rep pairs as the user's page had them, rep 0 for nobody; what makes no sense is left out."""
    found: dict[int, int | None] = {}
    for pair in pairs:
        lead, _colon, rep = pair.partition(":")
        if all(part.isascii() and part.isdigit() and len(part) < 19 for part in (lead, rep)):
            found[int(lead)] = int(rep) or None
    return found


class PauseForm(forms.Form):
    """What the clocks of a lead wait for, and until when."""

    kind = forms.ChoiceField(
        label="They wait for",
        choices=[(kind.value, kind.label.removeprefix("Waiting for ")) for kind in (Pause.Kind.REPLY, Pause.Kind.DATA)],
        initial=Pause.Kind.REPLY,
        widget=forms.RadioSelect,
        error_messages={"required": "Say what the lead waits for."},
    )
    until = forms.DateField(
        label="Until",
        widget=forms.DateInput(attrs={"type": "date", "autofocus": True}, format="%Y-%m-%d"),
        error_messages={"required": "Say on which day they run again at the latest."},
        help_text="They run again when this day begins, or as soon as a reply comes.",
    )
    why = forms.CharField(
        label="Why", required=False, max_length=300, help_text="Needed for missing data: say what is missing."
    )


class HandOverForm(forms.Form):
    """A lead for somebody else. owner: whose it was when the user looked; blank: whoever's."""

    owner = forms.CharField(required=False, max_length=19, widget=forms.HiddenInput)

    rep_id = forms.ModelChoiceField(
        label="Give to",
        queryset=Rep.objects.filter(active=True),
        empty_label="Pick a rep …",
        widget=forms.Select(attrs={"autofocus": True}),
        error_messages={"required": "Pick whom to give it to."},
    )


class ReassignForm(forms.Form):
    """Leads for somebody else."""

    lead = forms.TypedMultipleChoiceField(
        coerce=int, error_messages={"required": "Pick at least one lead; tick it in its row."}
    )
    rep_id = forms.ModelChoiceField(
        queryset=Rep.objects.filter(active=True), error_messages={"required": "Pick whom to give them to."}
    )


class LeaveForm(forms.Form):
    """Who takes what a rep leaves behind; blank: dealt out in turn among the team."""

    to_rep_id = forms.ModelChoiceField(
        label="Everything goes to",
        queryset=Rep.objects.none(),
        required=False,
        empty_label="Their team, dealt out in turn",
    )

    def __init__(self, *args: Any, rep: Rep, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["to_rep_id"]
        field.queryset = Rep.objects.active().exclude(pk=rep.pk)
