"""Forms of the admin: routing policies with their rules, and working hours."""

import re
from typing import Any, Final
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from funnel.admin_forms import AtTheEnd
from funnel.conditions import sentence
from routing import factors
from routing.assignment.candidates import FACTOR_NAMES
from routing.assignment.policies import MOST_RULES
from routing.fields import FIELDS
from routing.hours.calendars import WEEKDAYS
from routing.models import Calendar, CalendarDay, RoutingPolicy, RoutingRule
from routing.version_forms import AboutLeadsForm, NewVersionForm

_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_BLOCK: Final = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(?:-|–|to)\s*(\d{1,2})(?:[:.](\d{2}))?")


class WeightsWidget(forms.Widget):
    """A number a factor."""

    class Media:
        css = {"all": ["css/policies.css"]}

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        weights = value if isinstance(value, dict) else {}
        rows = [
            {"name": label, "input": f"{name}_{factor}", "value": _plain(weights.get(factor, ""))}
            for factor, label in FACTOR_NAMES.items()
        ]
        return SafeString(render_to_string("admin/routing/weights.html", {"rows": rows}))

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, str]:
        return {factor: data.get(f"{name}_{factor}", "") for factor in FACTOR_NAMES}

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return all(f"{name}_{factor}" not in data for factor in FACTOR_NAMES)

    def id_for_label(self, id_: str) -> str:
        return ""  # as many inputs as factors, each with a label of its own


class WeightsField(forms.Field):
    """What each factor of the distribution score counts, as RoutingPolicy.weights has it."""

    widget = WeightsWidget

    def clean(self, value: dict[str, str]) -> dict[str, float]:
        weights = {}
        for factor, text in value.items():
            try:
                weights[factor] = float(text.replace(",", ".") or 0)
            except ValueError:
                raise ValidationError(f"{FACTOR_NAMES[factor]}: “{text[:20]}” is no number.") from None
        if problem := factors.problem_of(weights):
            raise ValidationError(problem)
        return weights

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.clean(data) != initial
        except ValidationError:
            return True


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


class PolicyForm(forms.ModelForm):
    weights = WeightsField(
        label="Distribution score", help_text="Used by rules that give a lead to whoever fits best.", required=False
    )

    class Meta:
        model = RoutingPolicy
        fields = ("name", "why", "weights")
        widgets = {"why": UnfoldAdminTextareaWidget(attrs={"rows": 3})}


def way_of(rule: RoutingRule) -> str:
    """Where a rule leads, in a few words: in turn to SDR North, then the pool."""
    method, otherwise = RoutingRule.Method, RoutingRule.Otherwise
    first = {
        method.POOL: f"pool of {rule.team}",
        method.OWNER: "owner of the account",
        method.LEAST_OPEN: f"least open work of {rule.team}",
        method.SCORE: f"best fit of {rule.team}",
    }.get(method(rule.method), f"in turn to {rule.team}")
    then = {
        otherwise.NEXT: "else the next rule",
        otherwise.POOL: f"else the pool of {rule.team}",
        otherwise.ROUND_ROBIN: f"else in turn to {rule.team}",
        otherwise.LEAST_OPEN: f"else the least open work of {rule.team}",
        otherwise.SCORE: f"else the best fit of {rule.team}",
    }.get(otherwise(rule.otherwise), "")
    return f"{first}, {then}" if then else first


class RuleForm(AboutLeadsForm):
    demands = forms.MultipleChoiceField(
        label="Has to serve", choices=[(kind, kind.capitalize()) for kind in factors.KINDS], required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Of the lead, by what the rep's seat says they serve. What is not known keeps nobody out.",
    )  # fmt: skip

    class Meta:
        model = RoutingRule
        fields = ("name", "stage", "condition", "team", "method", "otherwise", "at_work", "demands", "position")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["stage"].required = False  # one that is not said is a rule for MQLs
        rule = self.instance
        if rule.pk:
            of = "" if rule.stage == RoutingRule.Of.MQL else f"{rule.stage.upper()}s: "
            said = sentence(rule.condition, FIELDS, most=100)
            rule.get_inline_title = f"{rule.name} · {of}{said} → {way_of(rule)}"


class RuleFormSet(AtTheEnd):
    def clean(self) -> None:
        super().clean()
        kept = self.how_many()
        if kept > MOST_RULES:
            raise ValidationError(f"A version has at most {MOST_RULES} rules, and this would be {kept:,}.")


class DraftForm(NewVersionForm):
    """A new draft. from_policy: what it begins as; blank: no rules."""

    field_order = ("name", "from_policy", "why")
    from_policy = forms.ModelChoiceField(
        RoutingPolicy.objects.all(), label="Begin as", required=False, empty_label="Empty, without rules",
        widget=UnfoldAdminSelectWidget,
    )  # fmt: skip


# --- Working hours --------------------------------------------------------------------------------


def read_blocks(text: str) -> list[list[str]]:
    """Blocks like 09:00–12:00, 13:00–18:00 in their stored form. Raises ValueError with a sentence."""
    blocks = []
    for part in filter(None, (part.strip() for part in re.split(r"[,;]", text))):
        found = _BLOCK.fullmatch(part)
        if found is None:
            raise ValueError(f"“{part[:30]}” is no span of hours; write it like 09:00–12:00, 13:00–18:00.")
        start, start_minutes, end, end_minutes = found.groups()
        blocks.append([f"{int(start):02}:{start_minutes or '00'}", f"{int(end):02}:{end_minutes or '00'}"])
    return blocks


def write_blocks(blocks: Any) -> str:
    """The stored form as people write it."""
    if not isinstance(blocks, list):
        return ""
    return ", ".join("–".join(map(str, block)) for block in blocks if isinstance(block, list))


class WeekWidget(forms.Widget):
    """A line a weekday."""

    class Media:
        css = {"all": ["css/policies.css"]}

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        week = value if isinstance(value, dict) else {}
        days = [
            {"name": label, "input": f"{name}_{day}", "value": shown if isinstance(shown, str) else write_blocks(shown)}
            for day, label in zip(WEEKDAYS, _NAMES, strict=True)
            for shown in [week.get(day, [])]
        ]
        return SafeString(render_to_string("admin/routing/week.html", {"days": days}))

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, str]:
        return {day: data.get(f"{name}_{day}", "") for day in WEEKDAYS}

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}_mon" not in data

    def id_for_label(self, id_: str) -> str:
        return ""  # seven inputs, each with a label of its own


class WeekField(forms.Field):
    """Working hours by weekday, as Calendar.hours has them."""

    widget = WeekWidget

    def clean(self, value: dict[str, str]) -> dict[str, list[list[str]]]:
        week, problems = {}, []
        for day, label in zip(WEEKDAYS, _NAMES, strict=True):
            try:
                if blocks := read_blocks(value[day]):
                    week[day] = blocks
            except ValueError as error:
                problems.append(f"{label}: {error}")
        if problems:
            raise ValidationError(problems)
        return week

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.clean(data) != {day: blocks for day, blocks in (initial or {}).items() if blocks}
        except ValidationError:
            return True


class CalendarForm(forms.ModelForm):
    hours = WeekField(label="Working hours", required=False)
    zone = forms.ChoiceField(
        label="Time zone", choices=lambda: [(zone, zone) for zone in sorted(available_timezones())],
        widget=UnfoldAdminSelectWidget, initial="UTC",
    )  # fmt: skip

    class Meta:
        model = Calendar
        fields = ("name", "zone", "hours", "country", "subdivision")

    def clean_country(self) -> str:
        return self.cleaned_data["country"].strip().upper()


class DayForm(forms.ModelForm):
    hours = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Closed"}),
        help_text="Like 09:00–12:00; blank: closed.",
    )  # fmt: skip

    class Meta:
        model = CalendarDay
        fields = ("day", "name", "hours")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["hours"] = write_blocks(self.instance.hours)

    def clean_hours(self) -> list[list[str]]:
        try:
            return read_blocks(self.cleaned_data["hours"])
        except ValueError as error:
            raise ValidationError(str(error)) from error


class DayFormSet(PaginationInlineFormSet):
    def clean(self) -> None:
        """The days are tried together with the calendar: hours that cannot be are told, not stored."""
        super().clean()
        days = {
            form.cleaned_data["day"]: form.cleaned_data["hours"]
            for form in self.forms
            if form.is_valid() and form.cleaned_data.get("day") and not self._should_delete_form(form)
        }
        try:
            self.instance.as_hours(days=days)
        except ValueError as error:
            if days:  # the calendar's own mistakes are told there
                raise ValidationError(str(error)) from error
