"""The admin of cadences: versions with their steps, the library of templates, and caps on contact."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from funnel.admin import LargeTable, ReadOnly
from funnel.admin_acts import pk_of, posted, who
from funnel.versions import Status
from routing.cadences import own_mail
from routing.cadences import versions as cadence_versions
from routing.cadences.templating import unknown_places
from routing.models import Cadence, CadenceStep, ContactCap, MessageTemplate, OwnMail
from routing.version_admin import ACTS, VersionActs
from routing.version_forms import AboutLeadsForm, NewVersionForm, WhyForm


class CadenceForm(AboutLeadsForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "condition" in self.fields:  # a published version shows it only
            self.fields["condition"].label = "For whom"

    class Meta:
        model = Cadence
        fields = ("name", "why", "condition", "position", "on_acceptance", "stop_on_reply", "stop_on_meeting")
        widgets = {"why": UnfoldAdminTextareaWidget(attrs={"rows": 3})}


class NewCadenceForm(NewVersionForm):
    """A new draft. from_cadence: what it begins as; blank: without steps."""

    field_order = ("name", "from_cadence", "why")
    from_cadence = forms.ModelChoiceField(
        Cadence.objects.all(), label="Begin as", required=False, empty_label="Empty, without steps",
        widget=UnfoldAdminSelectWidget,
    )  # fmt: skip


class StepInline(TabularInline):
    model = CadenceStep
    fields = ("position", "day", "medium", "template")
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is not None and obj.status == Status.DRAFT and request.user.has_perm("routing.change_cadence")

    has_change_permission = has_delete_permission = has_add_permission


class StepTable(ReadOnly, TabularInline):
    """The steps once the version is published."""

    model = CadenceStep
    fields = readonly_fields = ("position", "day", "medium", "template")
    extra = 0


@admin.register(Cadence)
class CadenceAdmin(VersionActs, ModelAdmin):
    problems_of = staticmethod(cadence_versions.problems_of)
    list_display = ("name", "version", "state", "steps_count", "on_acceptance", "published_at", "published_by")
    list_select_related = ("published_by",)
    list_filter = ("status",)
    search_fields = ("name", "why")
    form = CadenceForm
    change_form_before_template = "admin/routing/cadence_life.html"
    actions_detail = ("publish_version", *ACTS, "new_draft", "retire_version")

    class Media:
        css = {"all": ["css/policies.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(steps_total=Count("steps"))

    @display(description="State", label={"Takes leads": "success", "Draft": "primary", "Retired": "default"})
    def state(self, cadence: Cadence) -> str:
        return "Takes leads" if cadence.status == Status.PUBLISHED else cadence.get_status_display()

    @admin.display(description="Steps", ordering="steps_total")
    def steps_count(self, cadence: Any) -> int:
        return cadence.steps_total

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        if obj is None:
            return ()
        return (StepInline,) if obj.status == Status.DRAFT else (StepTable,)

    def has_retire_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, Status.PUBLISHED)

    def _may(self, request: HttpRequest, object_id: Any, status: str) -> bool:
        may = request.user.has_perm("routing.change_cadence")
        return may and Cadence.objects.filter(pk=pk_of(object_id), status=status).exists()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._draft(request, None)

    @action(description="New draft from this version", icon="content_copy", permissions=["draft"])
    def new_draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._draft(request, self.row_of(object_id))

    def _draft(self, request: HttpRequest, source: Cadence | None) -> HttpResponse:
        def make(form: forms.Form) -> tuple[Cadence, str]:
            data = form.cleaned_data
            made = cadence_versions.draft(
                name=data["name"], from_cadence=data["from_cadence"], user=who(request), why=data["why"]
            )
            return made, f"“{made}” is a draft. It takes no lead until it is published."

        initial = {"from_cadence": source and source.pk, "name": source.name if source else ""}
        return self.act(
            request, form=NewCadenceForm(posted(request), initial=initial), do=make, on=source, title="New draft",
            button="Make the draft", explained=["A draft of the same name takes the place of its version in force."],
        )  # fmt: skip

    @action(description="Publish", icon="publish", permissions=["publish"], variant=ActionVariant.PRIMARY)
    def publish_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        cadence = self.row_of(object_id)

        def publish(form: forms.Form) -> tuple[Cadence, str]:
            cadence_versions.publish(cadence, user=who(request), why=form.cleaned_data["why"], now=timezone.now())
            return cadence, f"“{cadence}” takes leads from now on."

        explained = ["It cannot be changed any more. Leads that are in another version go on with that one."]
        return self.act(
            request, form=WhyForm(posted(request), initial={"why": cadence.why}), do=publish, on=cadence,
            title=f"Publish {cadence}", button="Publish", explained=explained,
        )  # fmt: skip

    @action(description="Retire", icon="block", permissions=["retire"])
    def retire_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        cadence = self.row_of(object_id)

        def retire(_form: forms.Form) -> tuple[Cadence, str]:
            cadence_versions.retire(cadence)
            return cadence, f"“{cadence}” takes no more leads."

        return self.act(
            request, form=forms.Form(posted(request)), do=retire, on=cadence, title=f"Retire {cadence}",
            button="Retire", explained=["It takes no more leads; those that are in it go on to its end."],
        )  # fmt: skip


class TemplateForm(forms.ModelForm):
    class Meta:
        model = MessageTemplate
        fields = ("name", "medium", "persona", "industry", "subject", "body", "guidance", "content", "active")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in ("subject", "body"):
            for place in unknown_places(cleaned.get(name) or ""):
                self.add_error(name, f"{{{place}}} is filled by nothing; see the help below the text for what is.")
        return cleaned


@admin.register(MessageTemplate)
class MessageTemplateAdmin(ModelAdmin):
    form = TemplateForm
    list_display = ("name", "medium", "persona", "industry", "active")
    list_filter = ("medium", "persona", "industry", "active")
    search_fields = ("name", "subject", "body")
    autocomplete_fields = ("content",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A template that is no longer offered is marked as not active; steps go on to name it."""
        return False


@admin.register(ContactCap)
class ContactCapAdmin(ModelAdmin):
    list_display = ("name", "most", "days", "active")


@admin.register(OwnMail)
class OwnMailAdmin(ReadOnly, LargeTable, ModelAdmin):
    """Mails of reps to prospects; what they say is between the two."""

    list_display = ("made_at", "user", "lead", "attempts", "sent_at", "set_aside_at", "problem")
    list_select_related = ("user", "lead__person")
    list_filter = (("set_aside_at", admin.EmptyFieldListFilter),)
    fields = ("user", "lead", "made_at", "due_at", "attempts", "sent_at", "set_aside_at", "problem")
    actions = ("try_again_now",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("routing.change_ownmail")

    @admin.action(description="Try again now", permissions=["retry"])
    def try_again_now(self, request: HttpRequest, queryset: QuerySet[OwnMail]) -> None:
        count = own_mail.revive(list(queryset.values_list("pk", flat=True)), now=timezone.now())
        self.message_user(
            request, f"{count} {'mail is' if count == 1 else 'mails are'} tried again now.", messages.SUCCESS
        )
