"""Forms of the lab. Each field says by itself what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User

from funnel.access import name_of
from funnel.conditions import sentence
from funnel.fields import FIELDS_OF_TOUCHES
from funnel.publication import reviewers_of
from scoring.checks import LARGEST, LONGEST_HALF_LIFE
from scoring.drafts import CategoryNumbers
from scoring.models import SHORTEST_HALF_LIFE, ScoreCategory, ScoreRule, ScoringModel


def plain(value: float | None) -> float | int | None:
    """25 rather than 25.0, as people write it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number(
    label: str, *, least: float, most: float, wrong: str, required: bool = True, said: bool = True
) -> forms.FloatField:
    """A number whose problem is one sentence, whatever it is. said: the label stands nowhere else on the page."""
    field = forms.FloatField(
        label=label,
        required=required,
        min_value=least,
        max_value=most,
        error_messages={"required": wrong, "invalid": wrong, "min_value": wrong, "max_value": wrong},
    )
    # The server says what is wrong, in a sentence; the browser's own bubble would hide it.
    field.widget = forms.TextInput(
        attrs={"inputmode": "decimal", "autocomplete": "off"} | ({"aria-label": label} if said else {})
    )
    return field


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """A rule in the form. live: its points in the version compared with, None where it has no such rule."""

    rule: ScoreRule
    when: str
    points: Any
    remove: Any
    live: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A category in the form with its rules."""

    category: ScoreCategory
    cap: Any
    half_life: Any
    lines: Sequence[RuleLine]


class EditForm(forms.Form):
    """The numbers of a draft: threshold and levels, caps and half-lives, points; and rules that go.

    live: points by rule name in the version that it is compared with. Three queries.
    """

    threshold = _number(
        "Threshold", least=0, most=LARGEST, said=False, wrong="The threshold is a number of points from 0 on."
    )
    exit_level = _number(
        "Exit level in %", least=0, most=100, said=False,
        wrong="The exit level is a share of the threshold: 0 to 100 per cent.",
    )  # fmt: skip
    cooldown_days = forms.IntegerField(
        label="Cool-down in days",
        min_value=0,
        max_value=3650,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"), "The cool-down is a whole number of days, 0 to 3,650."
        ),
    )

    def __init__(self, data: Any = None, *, model: ScoringModel, live: Mapping[str, float]) -> None:
        super().__init__(data)
        self._live = live
        self.categories = list(model.categories.order_by("-axis", "position", "id"))
        self.rules = list(model.rules.order_by("position", "id"))
        self.initial = {
            "threshold": plain(model.threshold),
            "exit_level": plain(round(model.exit_ratio * 100, 6)),
            "cooldown_days": model.cooldown_days,
        }
        for category in self.categories:
            self._add_category(category)
        for rule in self.rules:
            self._add_rule(rule)

    def _add_category(self, category: ScoreCategory) -> None:
        self.fields[f"cap-{category.pk}"] = _number(
            f"Cap of {category.name}", least=0, most=LARGEST, required=False,
            wrong="A cap is 0 or more; blank: no cap.",
        )  # fmt: skip
        self.initial[f"cap-{category.pk}"] = plain(category.cap)
        if category.axis == ScoreCategory.Axis.INTEREST:
            self.fields[f"half-{category.pk}"] = _number(
                f"Half-life of {category.name} in days", least=SHORTEST_HALF_LIFE, most=LONGEST_HALF_LIFE,
                required=False, wrong=f"A half-life is {SHORTEST_HALF_LIFE:g} to {LONGEST_HALF_LIFE:,.0f} days; blank:"
                " no decay.",
            )  # fmt: skip
            self.initial[f"half-{category.pk}"] = plain(category.half_life_days)

    def _add_rule(self, rule: ScoreRule) -> None:
        silent = rule.kind == ScoreRule.Kind.INACTIVITY
        self.fields[f"points-{rule.pk}"] = _number(
            f"Points of {rule.name}", least=-LARGEST, most=0 if silent else LARGEST,
            wrong="Silence takes points off: give 0 or less."
            if silent
            else f"Points are a number within ±{LARGEST:,.0f}.",
        )  # fmt: skip
        self.initial[f"points-{rule.pk}"] = plain(rule.points)
        self.fields[f"remove-{rule.pk}"] = forms.BooleanField(
            required=False, widget=forms.CheckboxInput(attrs={"aria-label": f"Remove {rule.name}"})
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for category in self.categories:
            if not cleaned.get(f"half-{category.pk}"):
                continue
            for rule in self.rules:
                if rule.category_id == category.pk and rule.window_days and not cleaned.get(f"remove-{rule.pk}"):
                    self.add_error(
                        f"half-{category.pk}",
                        f"“{rule.name}” has a window, which needs a category that does not decay: leave it blank.",
                    )
                    break
        return cleaned

    def groups(self) -> list[Group]:
        """What the template shows, category by category, interest first."""
        return [
            Group(
                category=category,
                cap=self[f"cap-{category.pk}"],
                half_life=self[f"half-{category.pk}"] if f"half-{category.pk}" in self.fields else None,
                lines=[self._line(rule) for rule in self.rules if rule.category_id == category.pk],
            )
            for category in self.categories
        ]

    def _line(self, rule: ScoreRule) -> RuleLine:
        silent = rule.kind == ScoreRule.Kind.INACTIVITY
        return RuleLine(
            rule=rule,
            when=f"{rule.after_days} days without a touch"
            if silent
            else sentence(rule.condition, FIELDS_OF_TOUCHES, most=110),
            points=self[f"points-{rule.pk}"],
            remove=self[f"remove-{rule.pk}"],
            live=self._live.get(rule.name),
        )

    def values(self) -> dict[str, Any]:
        """What `scoring.drafts.edit` takes. The form is valid."""
        found = self.cleaned_data
        return {
            "threshold": found["threshold"],
            "exit_ratio": found["exit_level"] / 100,
            "cooldown_days": found["cooldown_days"],
            "categories": {
                row.pk: CategoryNumbers(found[f"cap-{row.pk}"], found.get(f"half-{row.pk}")) for row in self.categories
            },
            "points": {row.pk: found[f"points-{row.pk}"] for row in self.rules},
            "remove": [row.pk for row in self.rules if found[f"remove-{row.pk}"]],
        }


class PublishForm(forms.Form):
    """The reason for a version, kept with it; and, where it is to publish itself, when.

    scheduled: it needs the moment; otherwise it is to be published now, and a moment that was typed is asked about.
    """

    why = forms.CharField(
        label="Why (required, kept with the version)",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={
            "required": "Say what changes and why: those who work with the scores will ask.",
            "max_length": "A reason has at most 2,000 characters.",
        },
    )
    at = forms.DateTimeField(
        label="On",
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": "This is no moment; pick a day and an hour."},
    )

    def __init__(self, *args: Any, scheduled: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._scheduled = scheduled

    def clean_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["at"]
        if self._scheduled and at is None:
            raise forms.ValidationError("Say when it is to publish itself: a day and an hour.")
        if at is not None and not self._scheduled:  # Enter in that field presses the first button
            raise forms.ValidationError("Press Schedule to publish it then, or leave the moment blank to do so now.")
        return at


class ReviewerForm(forms.Form):
    """Who looks a draft over before it is published."""

    reviewer = forms.ModelChoiceField(
        label="Reviewer",
        queryset=User.objects.none(),
        required=False,
        empty_label="Nobody",
        error_messages={"invalid_choice": "Choose somebody who sees the lab, and not whoever made the draft."},
    )

    def __init__(self, data: Any = None, *, draft: ScoringModel) -> None:
        super().__init__(data, initial={"reviewer": draft.reviewer_id})
        field: Any = self.fields["reviewer"]
        field.queryset = reviewers_of(draft)
        field.label_from_instance = name_of
