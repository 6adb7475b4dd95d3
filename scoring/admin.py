"""The admin of scoring: versions of the policy and what they came to. Everything that is done goes through services."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from funnel.admin import LargeTable, ReadOnly
from funnel.admin_acts import Drafts, posted, who
from funnel.search import people_found
from scoring import account_forms, scopes, services
from scoring.difference import difference
from scoring.forms import ActivateForm, DraftForm, ModelForm, WhyForm
from scoring.life import deciding_about, life_of, state_of, what_ends
from scoring.matrix_forms import matrix_table
from scoring.models import Score, ScoreChange, ScoringModel, Status
from scoring.parts_admin import (
    CategoryInline,
    CategoryTable,
    GateInline,
    GateTable,
    RuleInline,
    RuleTable,
    may_edit,
)

_SHOWN = ("roles_shown", "titles_shown", "thresholds_shown")


@admin.register(ScoringModel)
class ScoringModelAdmin(Drafts, ModelAdmin):
    form = ModelForm
    list_display = (
        "version",
        "name",
        "meant_for",
        "state",
        "rules_count",
        "published_at",
        "activated_at",
        "review_due",
    )
    list_display_links = ("version", "name")
    list_select_related = ("solution", "region")
    list_filter = ("status",)
    search_fields = ("name", "why")
    search_help_text = "A word of the name or the reason"
    fieldsets = (
        (None, {"fields": ("name", "why")}),
        ("Which leads it decides about", {"fields": ("solution", "region")}),
        ("When interest makes an MQL", {"fields": ("threshold", "exit_ratio", "cooldown_days")}),
        ("When an account is engaged", {"fields": account_forms.NAMES}),
        ("What a grade and a band ask for", {"fields": ("matrix",)}),
    )
    change_form_before_template = "admin/scoring/life.html"
    actions_detail = ("publish_version", "activate_version", "new_draft", "deactivate_version", "retire_version")
    compressed_fields = True
    warn_unsaved_form = True

    class Media:
        css = {"all": ["css/policies.css"]}
        js = ["js/rule_kinds.js"]

    # What is shown ---------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(rules_total=Count("rules"))

    @display(
        description="State",
        label={
            "Decides": "success",
            "Ready": "info",
            "Scoring people": "warning",
            "Draft": "primary",
            "Retired": "default",
        },
    )
    def state(self, model: ScoringModel) -> str:
        return state_of(model)

    @admin.display(description="For")
    def meant_for(self, model: ScoringModel) -> str:
        return model.scope or "all leads"

    @display(description="Review", ordering="review_on", label={"overdue": "warning"})
    def review_due(self, model: ScoringModel) -> Any:
        if not model.active or model.review_on is None:
            return ""
        is_over = model.review_on <= timezone.localdate()
        return "overdue" if is_over else str(model.review_on)

    @admin.display(description="Rules", ordering="rules_total")
    def rules_count(self, model: Any) -> int:
        return model.rules_total

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        if obj is None:
            return ()
        if may_edit(request, obj):
            return (CategoryInline, RuleInline, GateInline)
        return (CategoryTable, RuleTable, GateTable)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or may_edit(request, obj):
            return fieldsets
        *first, accounts, matrix = fieldsets
        return (*first, (accounts[0], {"fields": _SHOWN}), (matrix[0], {"fields": ("matrix_shown",)}))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None or may_edit(request, obj) else (*_SHOWN, "matrix_shown")

    @admin.display(description="Roles")
    def roles_shown(self, model: ScoringModel) -> str:
        return account_forms.as_lines(model.accounts)["account_roles"]

    @admin.display(description="Job titles")
    def titles_shown(self, model: ScoringModel) -> str:
        return account_forms.as_lines(model.accounts)["account_titles"]

    @admin.display(description="Thresholds")
    def thresholds_shown(self, model: ScoringModel) -> str:
        return account_forms.as_lines(model.accounts)["account_thresholds"]

    @admin.display(description="Grades, bands and what they ask for")
    def matrix_shown(self, model: ScoringModel) -> str:
        return matrix_table(model)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        if request.method == "GET":
            for warning in scopes.warnings():
                messages.warning(request, warning)
        return super().changelist_view(request, extra_context)

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        model = self.get_object(request, object_id) if object_id else None
        context = {"life": life_of(model), "show_save_and_add_another": False} if model else {}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **context})

    # Who may do what -------------------------------------------------------------------------------

    def has_activate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.may_change_one(request, object_id, status=Status.PUBLISHED, active=False)

    def has_deactivate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.may_change_one(request, object_id, active=True)

    def has_retire_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.may_change_one(request, object_id, status=Status.PUBLISHED, active=False)

    # What is done ----------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._new_draft(request, deciding_about(None, None))

    @action(description="New draft from this version", icon="content_copy", permissions=["draft"])
    def new_draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._new_draft(request, self.row_of(object_id))

    def _new_draft(self, request: HttpRequest, source: ScoringModel | None) -> HttpResponse:
        def make(form: forms.Form) -> tuple[ScoringModel, str]:
            data = form.cleaned_data
            made = services.draft(from_model=data["from_model"], user=who(request), name=data["name"], why=data["why"])
            return made, f"Version {made.version} is a draft. Nothing is scored by it until it is published."

        initial = {"from_model": source and source.pk, "name": source.name if source else ""}
        return self.act(
            request, form=DraftForm(posted(request), initial=initial), title="New draft", button="Make the draft",
            explained=["A draft can be edited as long as it is not published."], do=make, on=source,
        )  # fmt: skip

    @action(description="Publish", icon="publish", permissions=["publish"], variant=ActionVariant.PRIMARY)
    def publish_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        model = self.row_of(object_id)

        def publish(form: forms.Form) -> tuple[ScoringModel, str]:
            services.publish(model, user=who(request), why=form.cleaned_data["why"], now=timezone.now())
            return (
                model,
                f"Version {model.version} is published. People are scored by it now, and it decides nothing yet.",
            )

        return self.act(
            request, form=WhyForm(posted(request), initial={"why": model.why}), do=publish, on=model,
            title=f"Publish {model}", button="Publish",
            explained=[
                "A published version cannot be changed any more.",
                "Everybody is then scored by it beside the version that decides now. When that is done, you can see"
                " what it would change and activate it.",
            ],
        )  # fmt: skip

    @action(description="Activate", icon="bolt", permissions=["activate"], variant=ActionVariant.PRIMARY)
    def activate_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        model = self.row_of(object_id)
        before = deciding_about(model.solution_id, model.region_id)

        def activate(form: forms.Form) -> tuple[ScoringModel, str]:
            services.activate(
                model, user=who(request), now=timezone.now(), apply_to_open=form.cleaned_data["apply_to_open"]
            )
            about = f" about {model.scope}" if model.scope else ""
            return model, f"Version {model.version} decides{about} from now on."

        explained = what_ends(model, before)
        if model.filled_at is None:
            explained = [*explained, "It has not scored everybody yet; wait until it has."]
        return self.act(
            request, form=ActivateForm(posted(request)), do=activate, on=model,
            title=f"Activate {model}", button="Activate", explained=explained,
            more={"life": life_of(model), "before": before,
                  "difference": difference(before, model) if before and model.filled_at else None},
        )  # fmt: skip

    @action(description="Let it decide no longer", icon="bolt", permissions=["deactivate"])
    def deactivate_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        model = self.row_of(object_id)

        def deactivate(form: forms.Form) -> tuple[ScoringModel, str]:
            services.deactivate(model, now=timezone.now())
            return model, f"Version {model.version} decides no longer."

        return self.act(
            request, form=forms.Form(posted(request)), do=deactivate, on=model,
            title=f"Let {model} decide no longer", button="Decide no longer",
            explained=[
                "The model of the next wider scope decides about its leads: of the solution, the region, or all."
                if model.scope
                else "Leads that no model for a solution or region decides about then become MQLs by hand alone.",
                "It is kept up to date until it is retired, and can be activated again.",
            ],
        )  # fmt: skip

    @action(description="Retire", icon="inventory_2", permissions=["retire"])
    def retire_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        model = self.row_of(object_id)

        def retire(form: forms.Form) -> tuple[ScoringModel, str]:
            services.retire(model, now=timezone.now())
            return model, f"Version {model.version} is retired."

        return self.act(
            request, form=forms.Form(posted(request)), do=retire, on=model,
            title=f"Retire {model}", button="Retire",
            explained=["Its scores are dropped and it is kept up to date no longer. What it decided stays."],
        )  # fmt: skip


class _OfPeople(ReadOnly, LargeTable):
    """Rows of people, found by their person."""

    list_select_related = ("person", "model")
    search_fields = ("person__email",)
    search_help_text = "How the e-mail address or the last name begins, or first and last name"
    list_filter = ("model",)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        if search_term.strip():
            queryset = queryset.filter(person__in=people_found(search_term))
        return queryset, False


@admin.register(Score)
class ScoreAdmin(_OfPeople, ModelAdmin):
    list_display = (
        "person",
        "model",
        "grade",
        "band",
        "eligible",
        "allowed",
        "fit_total",
        "scored_at",
        "next_review_at",
    )


@admin.register(ScoreChange)
class ScoreChangeAdmin(_OfPeople, ModelAdmin):
    list_display = ("occurred_at", "person", "model", "change", "eligible", "interest", "fit", "cause")

    @admin.display(description="Change")
    def change(self, row: ScoreChange) -> str:
        return str(row)
