"""Forms of the hand-off. What it allows is the services' to say; a form reads what was typed."""

from django import forms

from funnel.models import Reason
from routing.acts.forms import LONGEST_NOTE, ReasonForm, sentence
from routing.sales.meetings import executives


def _words(label: str, help_text: str = "", *, required: bool = False) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=help_text,
        error_messages={"required": "Say it in a sentence: the account executive begins with it."},
    )


class HandOffForm(forms.Form):
    """What the account executive is told about an SQL, and who that is."""

    need = _words("What they need", required=True)
    next_step = _words("Next step", "What was agreed, and for when.", required=True)
    answered = _words("Questions answered")
    unanswered = _words("Questions that are open")
    rep_id = forms.ModelChoiceField(
        label="Hand over to",
        queryset=executives(),
        required=False,
        empty_label="Whoever is next by the rules",
    )


class ReturnForm(ReasonForm):
    """Why an SQL goes back to its SDR."""

    kinds = (Reason.For.REGRESS,)
    text = sentence()
