"""What people give: the terms of a draft, a review, its minutes and its actions."""

import datetime as dt
import math
from typing import Any, Final

from django import forms
from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils import timezone

from funnel.access import name_of
from reporting.agreements import stretches, versions
from reporting.agreements.measures import COUNT, GROUPS, MEASURES, SHARE
from reporting.agreements.versions import Promise, Terms
from reporting.models import Agreement, Side, Target
from reporting.periods import DAY, Period

BLANK_ROWS: Final = 2  # below the promises that are there
MOST_QUARTERS, MOST_MONTHS = 4, 6  # that a new review offers


class UserField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return name_of(obj)


class UsersField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return name_of(obj)


def people() -> Any:
    """Whoever can be at a review or be given something to do: log-ins that are active and have a role."""
    found = User.objects.filter(is_active=True, groups__isnull=False).distinct()
    return found.order_by("first_name", "last_name", "username")


class DraftForm(forms.Form):
    """The head of a draft; its promises are rows below (`PromiseForm`)."""

    name = forms.CharField(max_length=120, initial="Marketing and sales")
    why = forms.CharField(
        label="What this version changes, and why",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    marketing_signer = UserField(label="Signs for marketing", queryset=User.objects.none())
    sales_signer = UserField(label="Signs for sales", queryset=User.objects.none())
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("marketing_signer", "sales_signer"):
            self.fields[name].queryset = versions.signers()  # type: ignore[attr-defined]


class PromiseForm(forms.Form):
    """One row. Without a measure it is left out, whatever else stands in it."""

    side = forms.ChoiceField(choices=Side.choices)
    measure = forms.ChoiceField(required=False)
    direction = forms.ChoiceField(choices=Target.Direction.choices)
    value = forms.CharField(required=False, max_length=20)
    every = forms.ChoiceField(choices=Target.Every.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["measure"].choices = _measures()  # type: ignore[attr-defined]
        self.fields["value"].widget.attrs |= {"inputmode": "decimal"}
        for name, field in self.fields.items():
            field.widget.attrs["aria-label"] = {"every": "Each", "value": "How much"}.get(name, name.capitalize())

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        measure = MEASURES.get(data.get("measure", ""))
        if measure is None:
            return data
        value = _number(data.get("value", ""))
        if value is None:
            unit = {SHARE: "per cent, like 85", COUNT: "leads, like 120"}.get(measure.unit, "stars, like 3.5")
            self.add_error("value", f"Give a number of {unit}.")
        else:
            data["value"] = value / 100 if measure.unit == SHARE else value
        return data

    def promise(self) -> Promise | None:
        data = self.cleaned_data
        return Promise(**{name: data[name] for name in self.fields}) if data.get("measure") else None


class _Rows(forms.BaseFormSet):
    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return super().get_form_kwargs(index) | {"empty_permitted": False}  # a new row is checked like any other


PromiseRows: Any = forms.formset_factory(
    PromiseForm, formset=_Rows, extra=BLANK_ROWS, max_num=versions.MOST_TARGETS + BLANK_ROWS, absolute_max=100
)


class Draft:
    """A draft as it is typed: head and rows together."""

    def __init__(self, data: QueryDict | None = None, *, like: Agreement | None = None) -> None:
        head = _head_of(like) if like else {}
        rows = [_row_of(target) for target in like.targets.order_by("side", "position")] if like else list(USUAL)
        self.head = DraftForm(data, initial=head)
        self.rows = PromiseRows(data, initial=rows, prefix="p")

    def is_valid(self) -> bool:
        return bool(self.head.is_valid() & self.rows.is_valid())

    def terms(self) -> Terms:
        given = {name: value for name, value in self.head.cleaned_data.items() if name != "revision"}
        promises = [promise for row in self.rows if (promise := row.promise()) is not None]
        return Terms(promises=promises, **given)

    @property
    def revision(self) -> int:
        return self.head.cleaned_data["revision"] or 0

    def see(self, revision: int) -> None:
        """Let it be sent again as an answer to this revision."""
        self.head.data = {**self.head.data, "revision": str(revision)}


# What a first draft offers, for both sides to change.
USUAL: Final = (
    {"side": "marketing", "measure": "volume:mql", "direction": "least", "value": "", "every": "month"},
    {"side": "marketing", "measure": "quality:accepted", "direction": "least", "value": "70", "every": "month"},
    {"side": "sales", "measure": "kept:accept", "direction": "least", "value": "85", "every": "month"},
    {"side": "sales", "measure": "kept:follow_up", "direction": "least", "value": "80", "every": "month"},
    {"side": "sales", "measure": "kept:working", "direction": "least", "value": "90", "every": "quarter"},
)


def _head_of(like: Agreement) -> dict[str, Any]:
    is_draft = like.status == Agreement.Status.DRAFT
    return {
        "name": like.name,
        "why": like.why if is_draft else "",
        "marketing_signer": like.marketing_signer_id,
        "sales_signer": like.sales_signer_id,
        "revision": like.revision if is_draft else None,
    }


def _row_of(target: Target) -> dict[str, Any]:
    scale = 100 if MEASURES[target.measure].unit == SHARE else 1
    return {
        "side": target.side,
        "measure": target.measure,
        "direction": target.direction,
        "value": f"{round(target.value * scale, 4):g}" if scale == 100 else f"{target.value:g}",
        "every": target.every,
    }


def _measures() -> list[tuple[str, Any]]:
    """The measures by their kind, the blank one first."""
    grouped = [
        (words, [(key, measure.title) for key, measure in MEASURES.items() if measure.unit == unit])
        for unit, words in GROUPS.items()
    ]
    return [("", "– nothing –"), *grouped]


def _number(text: str) -> float | None:
    """82.5, 82,5 and 82 % alike; None where it is no number."""
    try:
        number = float(text.replace(",", ".").replace("%", "").strip())
    except ValueError:
        return None
    return number if math.isfinite(number) else None


# --- reviews -------------------------------------------------------------------------------------------------------


class ReviewForm(forms.Form):
    """A new review. period: one of the quarters and months offered, by its first and last day."""

    held_on = forms.DateField(label="Held on", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    period = forms.ChoiceField(label="About")
    attendees = UsersField(
        label="Who is there", queryset=User.objects.none(), widget=forms.CheckboxSelectMultiple, required=True
    )
    guests = forms.CharField(label="Others who are there", required=False, max_length=300)

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["attendees"].queryset = people()  # type: ignore[attr-defined]
        self.fields["period"].choices = [(_key(one), _about(one, today)) for one in offered(today)]  # type: ignore[attr-defined]
        self.fields["held_on"].initial = today
        self.fields["period"].initial = _key(offered(today)[1])

    def given(self) -> dict[str, Any]:
        """What `reviews.begin` takes."""
        data = dict(self.cleaned_data)
        first, _, last = data.pop("period").partition("/")
        return data | {"starts_on": dt.date.fromisoformat(first), "ends_on": dt.date.fromisoformat(last)}


def offered(today: dt.date) -> list[Period]:
    """The quarter that runs and those before it, then the months."""
    every = Target.Every
    return [
        *stretches.latest(every.QUARTER, today, MOST_QUARTERS),
        *stretches.latest(every.MONTH, today, MOST_MONTHS),
    ]


def _key(period: Period) -> str:
    assert period.start and period.end  # months and quarters have both ends
    return f"{period.start.isoformat()}/{(period.end - DAY).isoformat()}"


def _about(period: Period, today: dt.date) -> str:
    assert period.end
    return f"{stretches.words(period)}{', to date' if period.end > today else ''}"


class MinutesForm(forms.Form):
    """The minutes, and the revision of them that the writer saw."""

    minutes = forms.CharField(required=False, max_length=50_000, widget=forms.Textarea(attrs={"rows": 10}))
    revision = forms.IntegerField(widget=forms.HiddenInput)


class ActionForm(forms.Form):
    """Something that somebody is to do."""

    text = forms.CharField(label="What is to be done", max_length=300)
    owner = UserField(label="By whom", queryset=User.objects.none(), empty_label="Choose")
    due_on = forms.DateField(label="Until", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = people()  # type: ignore[attr-defined]
        self.fields["due_on"].initial = timezone.localdate() + DAY * 14
