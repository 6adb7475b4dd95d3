from django import forms

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
