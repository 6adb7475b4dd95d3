"""What somebody says of an experiment to be."""

from typing import Any

from django import forms

from scoring.experiments import DAYS, SHARES
from scoring.models import Experiment, ScoreRule, ScoringModel

Kind = Experiment.Kind
OF_KIND = {Kind.THRESHOLD.value: ("threshold",), Kind.RULE.value: ("rule", "points"), Kind.HOLDOUT.value: ()}


class ExperimentForm(forms.Form):
    """The second step; `kind` was chosen in the first and says which of the last fields there are."""

    name = forms.CharField(max_length=120)
    hypothesis = forms.CharField(
        max_length=2000, widget=forms.Textarea(attrs={"rows": 2}), help_text="What you expect, before you have looked."
    )
    threshold = forms.FloatField(label="Threshold of the changed version", min_value=0)
    rule = forms.ChoiceField(label="Rule")
    points = forms.FloatField(label="Points in the changed version", help_text="0 leaves the rule out.")
    share = forms.FloatField(
        label="Share of people in the changed arm, in per cent", min_value=SHARES[0] * 100, max_value=SHARES[1] * 100,
        initial=20,
    )  # fmt: skip
    outcome = forms.ChoiceField(choices=Experiment.Outcome)
    outcome_days = forms.IntegerField(
        label="Days until the outcome is counted", min_value=DAYS[0], max_value=DAYS[1], initial=30
    )

    def __init__(self, *args: Any, control: ScoringModel, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.control, self.kind = control, kind
        for name in ("threshold", "rule", "points"):
            if name not in OF_KIND[kind]:
                del self.fields[name]
        if "threshold" in self.fields:
            self.fields["threshold"].help_text = f"Version {control.version} has {control.threshold:g}."
        if isinstance(field := self.fields.get("rule"), forms.ChoiceField):
            rules = control.rules.exclude(kind=ScoreRule.Kind.INACTIVITY).order_by("name")
            field.choices = [(rule.name, f"{rule.name} ({rule.points:g})") for rule in rules]

    def given(self) -> dict[str, Any]:
        """What `scoring.experiments.draft` takes."""
        data = dict(self.cleaned_data)
        return data | {"share": data["share"] / 100, "control": self.control, "kind": self.kind}
