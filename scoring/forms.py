"""Forms of the admin: a version of the scoring policy with its categories, rules and gates, and what is done to one."""

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from funnel.admin_forms import AtTheEnd
from funnel.condition_forms import ConditionField, ConditionWidget, refused
from funnel.conditions import fields_of, sentence
from funnel.fields import FIELDS_OF_TOUCHES
from scoring import account_forms
from scoring.checks import LARGEST
from scoring.fields import fields_of_gate, fields_of_rule
from scoring.matrix_forms import MatrixField
from scoring.models import MOST_RULES, SHORTEST_HALF_LIFE, Gate, ScoreCategory, ScoreRule, ScoringModel

# What the condition of each kind is about.
_ABOUT_RULES: Final = {ScoreRule.Kind.TOUCH.value: "touch", ScoreRule.Kind.ATTRIBUTE.value: "person"}
_ABOUT_GATES: Final = {
    Gate.Kind.REQUIRE.value: "person",
    Gate.Kind.EXCLUDE.value: "person",
    Gate.Kind.FAST_TRACK.value: "touch",
}


def _condition(of: dict[str, str], *, required: bool) -> ConditionField:
    widget = ConditionWidget(
        fields_url=lambda: reverse("scoring:condition-fields", args=["touch"]),
        of=of,
        fields=FIELDS_OF_TOUCHES,
        decided_by="kind",
    )
    return ConditionField(widget=widget, required=required)


class _PlainNumbers(forms.ModelForm):
    """Shows 25 as 25, not as 25.0."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, value in self.initial.items():
            if isinstance(value, float) and value.is_integer():
                self.initial[name] = int(value)


class _Part(_PlainNumbers):
    """A row below a version. One that nobody touched is not checked again: a version may have hundreds."""

    def _post_clean(self) -> None:
        if not self.instance.pk or self.has_changed():
            super()._post_clean()  # type: ignore[misc]

    def say(self, field: str, problem: str) -> None:
        if field not in self.errors:
            self.add_error(field, problem)

    def check_condition(self, fields: Any) -> None:
        for problem in refused(self.cleaned_data.get("condition"), fields) if "condition" not in self.errors else ():
            self.add_error("condition", problem)


class ModelForm(_PlainNumbers):
    """A draft's own settings."""

    matrix = MatrixField(label="Grades, bands and what they ask for", required=False)
    account_roles = account_forms.roles_field()
    account_titles = account_forms.titles_field()
    account_thresholds = account_forms.thresholds_field()

    class Meta:
        model = ScoringModel
        fields = ("name", "why", "solution", "region", "threshold", "exit_ratio", "cooldown_days")
        labels = {
            "solution": "Only for leads of this solution",
            "region": "Only for leads of this region",
            "threshold": "Active Interest Threshold",
            "exit_ratio": "Exit level",
            "cooldown_days": "Cool-down in days",
        }
        widgets = {"why": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
        error_messages = {
            "threshold": {"min_value": "The threshold is 0 or more."},
            "exit_ratio": {
                "min_value": "The exit level is a share of the threshold: from 0 to 1, such as 0.8.",
                "max_value": "The exit level is a share of the threshold: from 0 to 1, such as 0.8.",
            },
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        model = self.instance
        if "matrix" in self.fields:
            self.initial["matrix"] = {"grades": model.grades, "bands": model.bands, "grid": model.grid}
        self.initial.update(account_forms.as_lines(model.accounts))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if matrix := cleaned.get("matrix"):
            self.instance.grades, self.instance.bands, self.instance.grid = (
                matrix["grades"], matrix["bands"], matrix["grid"],
            )  # fmt: skip
        if all(name in cleaned for name in account_forms.NAMES):
            self._take_accounts(cleaned)
        return cleaned

    def _take_accounts(self, cleaned: dict[str, Any]) -> None:
        accounts, problems = account_forms.from_lines({name: cleaned[name] for name in account_forms.NAMES})
        for name, said in problems.items():
            self.add_error(name, said)
        if not problems:
            self.instance.accounts = accounts


class CategoryForm(_Part):
    class Meta:
        model = ScoreCategory
        fields = ("name", "axis", "cap", "half_life_days", "position")
        labels = {"half_life_days": "Half-life in days"}
        error_messages = {
            "half_life_days": {
                "min_value": f"A half-life is a week or more ({SHORTEST_HALF_LIFE:g} days). For points that vanish"
                " sooner leave it blank and give the rules a window.",
            },
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("axis") == ScoreCategory.Axis.FIT and cleaned.get("half_life_days") is not None:
            self.say("half_life_days", "Fit does not decay: leave the half-life of a fit category blank.")
        if (cap := cleaned.get("cap")) is not None and cap < 0:
            self.say("cap", "A cap is 0 or more; blank means no cap.")
        if self.instance.pk and "axis" in self.changed_data and self.instance.rules.exists():
            self.say("axis", "The category has rules, which belong to its axis. Move or remove them first.")
        return cleaned


class CategoryFormSet(AtTheEnd):
    def clean(self) -> None:
        super().clean()
        for form in self.forms:
            if form.instance.pk and self._should_delete_form(form) and form.instance.rules.exists():
                raise ValidationError(
                    f"The category “{form.instance}” has rules. Move or remove them and save, then remove the category."
                )


class RuleForm(_Part):
    """A rule. The fields that its kind has no use for stay blank."""

    condition = _condition(_ABOUT_RULES, required=False)
    category = forms.TypedChoiceField(widget=UnfoldAdminSelectWidget)

    class Meta:
        model = ScoreRule
        fields = (
            "name", "kind", "condition", "points", "points_if_unknown", "per_day", "window_days",
            "after_days", "every_days",
        )  # fmt: skip
        labels = {
            "points_if_unknown": "Points while not known",
            "per_day": "At most a day",
            "window_days": "Window in days",
            "after_days": "After days without a touch",
            "every_days": "Again every so many days",
        }

    def __init__(self, *args: Any, categories: Iterable[ScoreCategory] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._categories = {str(category.pk): category for category in categories}
        field = self.fields["category"]
        field.choices = [  # type: ignore[attr-defined]
            ("", "Choose a category …"),
            *(
                (axis.label, [(key, row.name) for key, row in self._categories.items() if row.axis == axis])
                for axis in ScoreCategory.Axis
            ),
        ]
        field.coerce = self._categories.get  # type: ignore[attr-defined]
        if self.instance.pk:
            self.initial["category"] = str(self.instance.category_id)
            self.instance.get_inline_title = _title(self.instance)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        category = cleaned.get("category")
        if isinstance(category, ScoreCategory):
            self.instance.category = category
        else:
            category = None
        for name in ("points", "points_if_unknown"):
            if abs(cleaned.get(name) or 0) > LARGEST:
                self.say(name, f"The points of a rule lie between −{LARGEST:,.0f} and {LARGEST:,.0f}.")
        if kind := cleaned.get("kind"):
            self._check_category(kind, category)
            self._check_kind(kind, cleaned)
            self._check_subject(kind, cleaned)
        return cleaned

    def _check_category(self, kind: str, category: ScoreCategory | None) -> None:
        if category is None:
            return
        if kind == ScoreRule.Kind.ATTRIBUTE and category.axis != ScoreCategory.Axis.FIT:
            self.say("category", "What a person is counts as fit: choose a fit category.")
        elif kind != ScoreRule.Kind.ATTRIBUTE and category.axis != ScoreCategory.Axis.INTEREST:
            self.say("category", "What a person does counts as interest: choose an interest category.")
        if self.cleaned_data.get("window_days") and category.half_life_days:
            self.say(
                "window_days",
                f"Points in “{category.name}” decay already (half-life {category.half_life_days:g} days)."
                " A window needs a category without a half-life.",
            )

    def _check_kind(self, kind: str, cleaned: dict[str, Any]) -> None:
        if kind != ScoreRule.Kind.TOUCH:
            for name in ("per_day", "window_days"):
                if cleaned.get(name):
                    self.say(name, "Only a rule about touches counts a day or has a window; leave it blank.")
        if kind != ScoreRule.Kind.ATTRIBUTE and cleaned.get("points_if_unknown"):
            self.say("points_if_unknown", "Only a rule about a person or account knows “not known”; leave it 0.")
        if kind == ScoreRule.Kind.INACTIVITY:
            if not cleaned.get("after_days") and "after_days" not in self.errors:
                self.say("after_days", "Say after how many days without a touch the points are taken off.")
            if (cleaned.get("points") or 0) > 0:
                self.say("points", "Inactivity takes points off: the points are 0 or less.")
        else:
            for name in ("after_days", "every_days"):
                if cleaned.get(name):
                    self.say(name, "Only a rule about inactivity counts days without a touch; leave it blank.")

    def _check_subject(self, kind: str, cleaned: dict[str, Any]) -> None:
        if kind == ScoreRule.Kind.INACTIVITY:
            if cleaned.get("condition"):
                self.say("condition", "A rule about inactivity has no condition; remove its comparisons.")
            return
        if kind == ScoreRule.Kind.ATTRIBUTE and _asks_for_touches(cleaned.get("condition")):
            self.say("condition", "A rule about a person or account cannot ask for a touch; choose “each touch”.")
        self.check_condition(fields_of_rule(kind))


def _asks_for_touches(tree: Any) -> bool:
    return any(name.partition(".")[0] in ("touch", "payload", "answer") for name in fields_of(tree))


def _title(rule: ScoreRule) -> str:
    """A rule on one line: its name, its points and when it holds."""
    points = f"{rule.points:+,g}".replace("-", "−")
    if rule.kind == ScoreRule.Kind.INACTIVITY:
        again = f", again every {rule.every_days} days" if rule.every_days else ""
        return f"{rule.name} · {points} · {rule.after_days} days without a touch{again}"
    return f"{rule.name} · {points} · {sentence(rule.condition, FIELDS_OF_TOUCHES, most=110)}"


class RuleFormSet(AtTheEnd):
    """The rules of a version; the categories to choose from are read once for all of them."""

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        if not hasattr(self, "_categories"):
            self._categories = list(self.instance.categories.all()) if self.instance.pk else []
        return {**super().get_form_kwargs(index), "categories": self._categories}

    def clean(self) -> None:
        super().clean()
        kept = self.how_many()
        if kept > MOST_RULES:
            raise ValidationError(
                f"A version has at most {MOST_RULES} rules, and this would be {kept:,}. Bring rules that give the same"
                " points together by “is one of” or a group of any."
            )


class GateForm(_Part):
    condition = _condition(_ABOUT_GATES, required=True)

    class Meta:
        model = Gate
        fields = ("name", "kind", "condition", "position")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            gate = self.instance
            gate.get_inline_title = (
                f"{gate.get_kind_display()}: {gate.name} · {sentence(gate.condition, FIELDS_OF_TOUCHES, most=100)}"
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind = cleaned.get("kind")
        if kind and kind != Gate.Kind.FAST_TRACK and _asks_for_touches(cleaned.get("condition")):
            self.say("condition", "Only a fast track may ask for a touch; this gate knows the person and account.")
        elif kind:
            self.check_condition(fields_of_gate(kind))
        return cleaned


# --- What is done to a version --------------------------------------------------------------------


class DraftForm(forms.Form):
    """A new draft. from_model: what it begins as; blank: the model that ships."""

    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget)
    from_model = forms.ModelChoiceField(
        ScoringModel.objects.none(),
        label="Begin as",
        required=False,
        empty_label="The model that comes with the product",
        widget=UnfoldAdminSelectWidget,
    )
    why = forms.CharField(
        label="What it is to change, and why",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["from_model"].queryset = ScoringModel.objects.order_by("-version")  # type: ignore[attr-defined]


class WhyForm(forms.Form):
    """The reason for an act."""

    why = forms.CharField(
        label="What this version changes, and why",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        error_messages={"required": "Say what changes and why: those who work with the scores will ask."},
    )


class ActivateForm(forms.Form):
    apply_to_open = forms.BooleanField(
        label="Decide at once about people with an open inquiry",
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Otherwise a person is decided about when something new is known of them.",
    )
