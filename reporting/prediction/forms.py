"""The forms of the Prediction page."""

from typing import Any

from django import forms

from funnel.models import ImportRun, Stage
from scoring.models import PredictiveModel
from scoring.predictive.runs import OUTCOMES

EVERY_SOURCE = "Leads of every source"


class AskForm(forms.Form):
    """What to learn."""

    outcome = forms.ChoiceField(label="What leads come to", choices=[(stage, Stage(stage).label) for stage in OUTCOMES])
    within_days = forms.IntegerField(
        label="Within days of coming in",
        min_value=1,
        max_value=730,
        help_text="Only leads that came in longer ago are learnt from.",
    )
    source = forms.ChoiceField(label="Learnt from", required=False)

    def __init__(self, data: Any = None, *, like: PredictiveModel | None) -> None:
        usual = like or PredictiveModel()
        values = {"outcome": usual.outcome, "within_days": usual.within_days, "source": usual.source}
        super().__init__(data, initial=values, auto_id="ask-%s")
        sources = ImportRun.objects.order_by("source").values_list("source", flat=True).distinct()[:100]
        known = dict.fromkeys([*filter(None, [usual.source]), *sources])
        self.fields["source"].choices = [("", EVERY_SOURCE), *((name, name) for name in known)]  # type: ignore[attr-defined]


class DecideForm(forms.Form):
    """Whether a field is used, against what the product did with it, and why."""

    field = forms.CharField(max_length=200)
    use = forms.TypedChoiceField(choices=[("yes", "Use it"), ("no", "Leave it out")], coerce=lambda said: said == "yes")
    reason = forms.CharField(max_length=300, required=False)
