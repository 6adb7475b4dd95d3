"""The admin of routing: who gets which lead, when teams work, and a look at what came of it.

What is promised is in sla/admin.py.
"""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.text import get_text_list
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from funnel.admin import ReadOnly
from funnel.admin_acts import pk_of, posted, who
from funnel.conditions import sentence
from funnel.versions import Status
from routing.assignment import policies
from routing.assignment.candidates import FACTOR_NAMES
from routing.assignment.policy_forms import (
    CalendarForm,
    DayForm,
    DayFormSet,
    DraftForm,
    PolicyForm,
    RuleForm,
    RuleFormSet,
    way_of,
)
from routing.assignment.rehearsal_views import may_rehearse
from routing.cadences import admin as cadence_admin
from routing.fields import FIELDS
from routing.messages.outbox_admin import DeliveryAdmin, WebhookAdmin
from routing.models import (
    Absence,
    Assignment,
    Calendar,
    CalendarDay,
    Clock,
    Desk,
    RoutingPolicy,
    RoutingRule,
    Seat,
    WrongRoute,
)
from routing.sales.handoff_admin import OfLeads
from routing.seats.seat_admin import SeatAdmin
from routing.sla import admin as sla_admin
from routing.version_admin import ACTS, VersionActs
from routing.version_forms import WhyForm

__all__ = ["DeliveryAdmin", "SeatAdmin", "WebhookAdmin", "cadence_admin", "sla_admin"]  # which register themselves

_DRAFT = Status.DRAFT


def _may_edit(request: HttpRequest, policy: Any) -> bool:
    is_draft = not isinstance(policy, RoutingPolicy) or policy.status == _DRAFT
    return is_draft and request.user.has_perm("routing.change_routingpolicy")


class RuleInline(StackedInline):
    model = RoutingRule
    verbose_name, verbose_name_plural = "rule", "Rules"
    form = RuleForm
    formset = RuleFormSet
    fields = (("name", "stage"), "condition", ("team", "method"), ("otherwise", "at_work"), "demands", "position")
    ordering_field = "position"
    hide_ordering_field = True
    collapsible = True
    extra = 0
    per_page = 100
    max_num = policies.MOST_RULES + 100  # so that a form of too many is told, not cut off

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("team")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_edit(request, obj)

    has_change_permission = has_delete_permission = has_add_permission


class RuleTable(ReadOnly, TabularInline):
    """The rules once the policy is published."""

    model = RoutingRule
    verbose_name_plural = "Rules"
    fields = readonly_fields = ("name", "stage", "said", "way", "at_work", "has_to_serve")
    hide_title = True
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("team")

    @admin.display(description="Leads that meet")
    def said(self, rule: RoutingRule) -> str:
        return sentence(rule.condition, FIELDS)

    @admin.display(description="Go to")
    def way(self, rule: RoutingRule) -> str:
        return way_of(rule)

    @admin.display(description="Has to serve")
    def has_to_serve(self, rule: RoutingRule) -> str:
        return ", ".join(rule.demands)


@admin.register(RoutingPolicy)
class RoutingPolicyAdmin(VersionActs, ModelAdmin):
    problems_of = staticmethod(policies.problems_of)
    list_display = ("version", "name", "state", "rules_count", "created_by", "published_at", "published_by")
    list_display_links = ("version", "name")
    list_select_related = ("created_by", "published_by")
    list_filter = ("status",)
    search_fields = ("name", "why")
    search_help_text = "A word of the name or the reason"
    form = PolicyForm
    readonly_fields = ("weights_said",)
    change_form_before_template = "admin/routing/life.html"
    actions_detail = ("publish_version", *ACTS, "try_version", "new_draft")
    warn_unsaved_form = True

    class Media:
        css = {"all": ["css/policies.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(rules_total=Count("rules"))

    @display(description="State", label={"Decides": "success", "Draft": "primary", "Retired": "default"})
    def state(self, policy: RoutingPolicy) -> str:
        return "Decides" if policy.status == Status.PUBLISHED else policy.get_status_display()

    @admin.display(description="Rules", ordering="rules_total")
    def rules_count(self, policy: Any) -> int:
        return policy.rules_total

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        context = {**(extra_context or {}), "show_save_and_add_another": False}
        return super().changeform_view(request, object_id, form_url, context)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        if obj is None:
            return ()
        return (RuleInline,) if _may_edit(request, obj) else (RuleTable,)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("name", "why", "weights" if _may_edit(request, obj) else "weights_said")

    @admin.display(description="Distribution score")
    def weights_said(self, policy: RoutingPolicy) -> str:
        return ", ".join(f"{FACTOR_NAMES[name].lower()} {weight:g}" for name, weight in policy.weights.items())

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._draft(request, RoutingPolicy.objects.filter(status=Status.PUBLISHED).first())

    @action(description="New draft from this version", icon="content_copy", permissions=["draft"])
    def new_draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._draft(request, self.row_of(object_id))

    def _draft(self, request: HttpRequest, source: RoutingPolicy | None) -> HttpResponse:
        def make(form: Form) -> tuple[RoutingPolicy, str]:
            data = form.cleaned_data
            made = policies.draft(
                from_policy=data["from_policy"], user=who(request), name=data["name"], why=data["why"]
            )
            return made, f"Version {made.version} is a draft. It decides nothing until it is published."

        initial = {"from_policy": source and source.pk, "name": source.name if source else ""}
        return self.act(
            request, form=DraftForm(posted(request), initial=initial), do=make, on=source, title="New draft",
            button="Make the draft", explained=["A draft can be edited as long as it is not published."],
        )  # fmt: skip

    def has_try_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may_rehearse(request.user)

    @action(description="Try it on past leads", icon="science", permissions=["try"])
    def try_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("routing:rehearsal", args=[self.row_of(object_id).pk]))

    @action(description="Publish", icon="publish", permissions=["publish"], variant=ActionVariant.PRIMARY)
    def publish_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        policy = self.row_of(object_id)
        before = RoutingPolicy.objects.filter(status=Status.PUBLISHED).first()

        def publish(form: Form) -> tuple[RoutingPolicy, str]:
            policies.publish(policy, user=who(request), why=form.cleaned_data["why"], now=timezone.now())
            return policy, f"Version {policy.version} decides from now on."

        explained = ["It decides about MQLs from now on and cannot be changed any more. Leads keep their owners."]
        if before:
            explained.append(f"{before} is retired.")
        explained += policies.warnings_of(policy)
        return self.act(
            request, form=WhyForm(posted(request), initial={"why": policy.why}), do=publish, on=policy,
            title=f"Publish {policy}", button="Publish", explained=explained,
        )  # fmt: skip


# --- When people work -----------------------------------------------------------------------------


class DayInline(TabularInline):
    model = CalendarDay
    form = DayForm
    formset = DayFormSet
    extra = 0


@admin.register(Calendar)
class CalendarAdmin(ModelAdmin):
    form = CalendarForm
    list_display = ("name", "zone", "country", "subdivision", "desks_count")
    search_fields = ("name", "zone")
    inlines = (DayInline,)

    class Media:
        css = {"all": ["css/policies.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(desks_total=Count("desks"))

    @admin.display(description="Desks", ordering="desks_total")
    def desks_count(self, calendar: Any) -> int:
        return calendar.desks_total

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """A calendar that somebody works by, or that a clock was reckoned with, stays."""
        calendar = Calendar.objects.filter(pk=pk_of(object_id)).first()
        used = _users_of(calendar) if calendar else ""
        if not used:
            return super().delete_view(request, object_id, extra_context)
        said = f"“{calendar}” is in use by {used}. Give those another calendar first; what clocks ran by is kept."
        messages.error(request, said)
        return HttpResponseRedirect(reverse("admin:routing_calendar_change", args=[pk_of(object_id)]))


def _users_of(calendar: Calendar) -> str:
    """Who needs the calendar: 2 desks, 1 seat and 14 clocks."""
    models = (("desk", Desk), ("seat", Seat), ("clock", Clock))
    counts = [(noun, model._default_manager.filter(calendar=calendar).count()) for noun, model in models]
    return get_text_list([f"{count:,} {noun}{'' if count == 1 else 's'}" for noun, count in counts if count], "and")


@admin.register(Absence)
class AbsenceAdmin(ModelAdmin):
    list_display = ("rep", "starts_on", "ends_on", "cover", "note")
    list_select_related = ("rep", "cover")
    list_filter = ("rep__team",)
    search_fields = ("rep__name", "note")
    autocomplete_fields = ("rep", "cover")
    date_hierarchy = "starts_on"

    def save_model(self, request: HttpRequest, obj: Absence, form: Any, change: bool) -> None:
        """An absence is a fact and is kept; that somebody's cover is away with it has to be said."""
        super().save_model(request, obj, form, change)
        for told in obj.left_alone():
            messages.warning(request, told)


@admin.register(Desk)
class DeskAdmin(ModelAdmin):
    list_display = ("team", "calendar")
    list_select_related = ("team", "calendar")
    search_fields = ("team__name",)
    autocomplete_fields = ("team", "calendar")


# --- What came of it ------------------------------------------------------------------------------


@admin.register(Assignment)
class AssignmentAdmin(OfLeads, ModelAdmin):
    list_display = ("occurred_at", "lead_link", "kind", "rep", "team", "rule", "policy", "actor")
    list_select_related = ("rep", "team", "actor")
    list_filter = ("kind",)


@admin.register(WrongRoute)
class WrongRouteAdmin(OfLeads, ModelAdmin):
    list_display = ("occurred_at", "lead_link", "rule", "rep", "reason", "actor", "policy", "stands")
    list_select_related = ("rep", "reason", "actor", "taken_back")
    list_filter = ("reason",)
    search_fields = ("rule",)

    @display(description="Stands", boolean=True)
    def stands(self, said: WrongRoute) -> bool:
        return not hasattr(said, "taken_back")


_OUTCOMES = {"Kept": "success", "Late": "danger", "Runs": "info", "Stands still": "info", "Cancelled": "default"}


@admin.register(Clock)
class ClockAdmin(OfLeads, ModelAdmin):
    list_display = ("started_at", "lead_link", "kind", "due_at", "stopped_at", "outcome", "promise")
    list_select_related = ("promise",)
    list_filter = ("kind",)

    @display(description="Outcome", label=_OUTCOMES)
    def outcome(self, clock: Clock) -> str:
        if clock.cancelled:
            return "Cancelled"
        if clock.paused_until:
            return "Stands still"
        ends = clock.stopped_at or timezone.now()
        if ends > clock.due_at:
            return "Late"
        return "Kept" if clock.stopped_at else "Runs"
