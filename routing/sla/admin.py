"""The admin of SLA policies: versions of what is promised, and running clocks put under the one in force."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from funnel.admin import ReadOnly
from funnel.admin_acts import pk_of, posted, who
from funnel.conditions import sentence
from funnel.versions import Status
from routing.fields import FIELDS
from routing.models import Clock, SlaPolicy, SlaPromise
from routing.sla import versions as sla
from routing.sla.forms import PromiseForm, PromiseFormSet, ReapplyForm, SlaDraftForm, SlaPolicyForm, SlaWhyForm
from routing.version_admin import ACTS, VersionActs

_DRAFT = Status.DRAFT


def _may_edit(request: HttpRequest, policy: Any) -> bool:
    is_draft = not isinstance(policy, SlaPolicy) or policy.status == _DRAFT
    return is_draft and request.user.has_perm("routing.change_slapolicy")


class PromiseInline(StackedInline):
    model = SlaPromise
    verbose_name, verbose_name_plural = "promise", "Promises"
    form = PromiseForm
    formset = PromiseFormSet
    fields = ("name", "kind", "condition", ("amount", "unit"), ("warn_at", "reassign"), "position")
    ordering_field = "position"
    hide_ordering_field = True
    collapsible = True
    extra = 0
    per_page = 100
    max_num = sla.MOST_PROMISES + 100  # so that a form of too many is told, not cut off

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_edit(request, obj)

    has_change_permission = has_delete_permission = has_add_permission


class PromiseTable(ReadOnly, TabularInline):
    """The promises once the policy is published."""

    model = SlaPromise
    verbose_name_plural = "Promises"
    fields = readonly_fields = ("name", "kind", "said", "length", "warn_at", "reassign")
    hide_title = True
    extra = 0

    @admin.display(description="Leads that meet")
    def said(self, promise: SlaPromise) -> str:
        return sentence(promise.condition, FIELDS)


@admin.register(SlaPolicy)
class SlaPolicyAdmin(VersionActs, ModelAdmin):
    problems_of = staticmethod(sla.problems_of)
    list_display = (
        "version",
        "name",
        "state",
        "promises_count",
        "expiry",
        "created_by",
        "published_at",
        "published_by",
    )
    list_display_links = ("version", "name")
    list_select_related = ("created_by", "published_by")
    list_filter = ("status",)
    search_fields = ("name", "why")
    search_help_text = "A word of the name or the reason"
    form = SlaPolicyForm
    fields = ("name", "why", ("expiry", "expires_at"), "absence")
    change_form_before_template = "admin/routing/sla_life.html"
    actions_detail = ("publish_version", *ACTS, "reapply", "new_draft")
    warn_unsaved_form = True

    class Media:
        css = {"all": ["css/policies.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(promises_total=Count("promises"))

    @display(description="State", label={"In force": "success", "Draft": "primary", "Retired": "default"})
    def state(self, policy: SlaPolicy) -> str:
        return "In force" if policy.status == Status.PUBLISHED else policy.get_status_display()

    @admin.display(description="Promises", ordering="promises_total")
    def promises_count(self, policy: Any) -> int:
        return policy.promises_total

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        running = Clock.objects.filter(stopped_at=None, promise__sla_policy=pk_of(object_id)).count()
        context = {**(extra_context or {}), "show_save_and_add_another": False, "running": running}
        return super().changeform_view(request, object_id, form_url, context)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        if obj is None:
            return ()
        return (PromiseInline,) if _may_edit(request, obj) else (PromiseTable,)

    def has_reapply_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        may = request.user.has_perm("routing.change_slapolicy")
        return may and SlaPolicy.objects.filter(pk=pk_of(object_id), status=Status.PUBLISHED).exists()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._draft(request, SlaPolicy.objects.filter(status=Status.PUBLISHED).first())

    @action(description="New draft from this version", icon="content_copy", permissions=["draft"])
    def new_draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._draft(request, self.row_of(object_id))

    def _draft(self, request: HttpRequest, source: SlaPolicy | None) -> HttpResponse:
        def make(form: Form) -> tuple[SlaPolicy, str]:
            data = form.cleaned_data
            made = sla.draft(from_policy=data["from_policy"], user=who(request), name=data["name"], why=data["why"])
            return made, f"Version {made.version} is a draft. Nothing is promised by it until it is published."

        initial = {"from_policy": source and source.pk, "name": source.name if source else ""}
        return self.act(
            request, form=SlaDraftForm(posted(request), initial=initial), do=make, on=source, title="New draft",
            button="Make the draft", explained=["A draft can be edited as long as it is not published."],
        )  # fmt: skip

    @action(description="Publish", icon="publish", permissions=["publish"], variant=ActionVariant.PRIMARY)
    def publish_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        policy = self.row_of(object_id)
        before = SlaPolicy.objects.filter(status=Status.PUBLISHED).first()

        def publish(form: Form) -> tuple[SlaPolicy, str]:
            sla.publish(policy, user=who(request), why=form.cleaned_data["why"], now=timezone.now())
            return policy, f"Version {policy.version} is what is promised from now on."

        explained = [
            "Clocks that start now follow it, and it cannot be changed any more. Those that run keep their times."
        ]
        if before:
            running = Clock.objects.filter(stopped_at=None, promise__sla_policy=before).count()
            explained.append(f"{before} is retired; {running:,} clocks still run under it.")
        return self.act(
            request, form=SlaWhyForm(posted(request), initial={"why": policy.why}), do=publish, on=policy,
            title=f"Publish {policy}", button="Publish", explained=explained,
        )  # fmt: skip

    @action(description="Apply to running clocks", icon="update", permissions=["reapply"])
    def reapply(self, request: HttpRequest, object_id: str) -> HttpResponse:
        policy = self.row_of(object_id)
        others = Clock.objects.filter(stopped_at=None).exclude(promise__sla_policy=policy).count()

        def apply(form: Form) -> tuple[SlaPolicy, str]:
            data = form.cleaned_data
            count = sla.reapply(kinds=data["kinds"], user=who(request), why=data["why"], now=timezone.now())
            clocks = "1 running clock follows" if count == 1 else f"{count:,} running clocks follow"
            return policy, f"{clocks} version {policy.version} now."

        explained = [
            f"{others:,} running clocks follow another version. Their times become what this one promises, counted "
            "from when they started. What was told already is not told again; each change keeps your name and reason."
        ]
        return self.act(
            request, form=ReapplyForm(posted(request)), do=apply, on=policy,
            title=f"Apply {policy} to running clocks", button="Apply", explained=explained,
        )  # fmt: skip
