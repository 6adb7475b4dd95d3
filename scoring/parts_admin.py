"""What a scoring version is made of, below it in the admin: written while it is a draft, looked at afterwards."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import StackedInline, TabularInline

from funnel.admin import ReadOnly
from funnel.admin_forms import AtTheEnd
from funnel.conditions import sentence
from funnel.fields import FIELDS_OF_TOUCHES
from scoring.forms import CategoryForm, CategoryFormSet, GateForm, RuleForm, RuleFormSet
from scoring.models import MOST_RULES, Gate, ScoreCategory, ScoreRule, ScoringModel, Status


class _Part:
    """A row below a version: written while the version is a draft, looked at afterwards."""

    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_edit(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_edit(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_edit(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("scoring.view_scoringmodel")


def may_edit(request: HttpRequest, model: Any) -> bool:
    is_draft = not isinstance(model, ScoringModel) or model.status == Status.DRAFT
    return is_draft and request.user.has_perm("scoring.change_scoringmodel")


class CategoryInline(_Part, TabularInline):
    model = ScoreCategory
    verbose_name, verbose_name_plural = "category", "Categories"
    form = CategoryForm
    formset = CategoryFormSet
    fields = ("name", "axis", "cap", "half_life_days", "position")
    ordering_field = "position"
    hide_ordering_field = True
    hide_title = True
    tab = True


class RuleInline(_Part, StackedInline):
    model = ScoreRule
    verbose_name, verbose_name_plural = "rule", "Rules"
    form = RuleForm
    formset = RuleFormSet
    fields = (
        ("name", "kind"),
        ("category", "points"),
        "condition",
        "points_if_unknown",
        ("per_day", "window_days"),
        ("after_days", "every_days"),
    )
    collapsible = True
    tab = True
    per_page = 100
    max_num = MOST_RULES + 100  # so that a form of too many is told, not cut off

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("category")


class GateInline(_Part, StackedInline):
    model = Gate
    form = GateForm
    formset = AtTheEnd
    fields = (("name", "kind"), "condition", "position")
    ordering_field = "position"
    hide_ordering_field = True
    collapsible = True
    tab = True


class _Shown(ReadOnly):
    """The same rows once the version is published."""

    extra = 0
    can_delete = False
    tab = True
    hide_title = True

    @admin.display(description="When")
    def said(self, row: Any) -> str:
        return sentence(row.condition, FIELDS_OF_TOUCHES)


class CategoryTable(_Shown, TabularInline):
    model = ScoreCategory
    verbose_name_plural = "Categories"
    fields = readonly_fields = ("name", "axis", "most", "decay")
    ordering = ("axis", "position", "id")

    @admin.display(description="Cap")
    def most(self, row: ScoreCategory) -> str:
        return "" if row.cap is None else f"{row.cap:,g}"

    @admin.display(description="Half-life")
    def decay(self, row: ScoreCategory) -> str:
        return "" if row.half_life_days is None else f"{row.half_life_days:,g} days"


class RuleTable(_Shown, TabularInline):
    model = ScoreRule
    verbose_name_plural = "Rules"
    fields = readonly_fields = ("name", "category", "said", "worth", "limits")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("category")

    @admin.display(description="When")
    def said(self, row: ScoreRule) -> str:
        if row.kind == ScoreRule.Kind.INACTIVITY:
            return f"{row.after_days} days without a touch"
        return super().said(row)

    @admin.display(description="Points")
    def worth(self, row: ScoreRule) -> str:
        return f"{row.points:+,g}".replace("-", "−")

    @admin.display(description="Limits")
    def limits(self, row: ScoreRule) -> str:
        said = []
        if row.per_day:
            said.append(f"at most {row.per_day} a day")
        if row.window_days:
            said.append(f"for {row.window_days} days")
        if row.every_days:
            said.append(f"again every {row.every_days} days")
        if row.points_if_unknown:
            said.append(f"{row.points_if_unknown:+g} while not known")
        return ", ".join(said)


class GateTable(_Shown, TabularInline):
    model = Gate
    fields = readonly_fields = ("kind", "name", "said")
