"""The admin of reference data, and a look at the records behind it. Facts and stages are never edited here."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet, URLField
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin, TabularInline
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget, UnfoldAdminURLInputWidget

from funnel import inbox
from funnel.accounts import name_key, people_of
from funnel.history import changes_of
from funnel.importing.values import SOURCE_PATTERN
from funnel.models import (
    Account,
    AccountDomain,
    ApiToken,
    Campaign,
    CampaignStatus,
    Channel,
    Content,
    CostLine,
    GlossaryTerm,
    ImportRun,
    Inbox,
    Person,
    PersonKey,
    Reason,
    Region,
    Rep,
    Solution,
    StageEvent,
    Team,
)
from funnel.search import accounts_found, people_found
from funnel.tokens import DAYS, MOST_DAYS, create_token, revoke


class ReadOnly:
    """Looked at, never written: the rows are facts or are kept by the product itself."""

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False


class LargeTable:
    """A table of millions: never counted, newest first, found by how a name or an address begins."""

    paginator = InfinitePaginator
    show_full_result_count = False
    ordering = ("-id",)
    list_per_page = 50


class FieldHistory:
    """The history page tells every change of a field, also those that no admin page made."""

    object_history_template = "admin/field_history.html"

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict | None = None) -> HttpResponse:
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]
        context = {"field_changes": changes_of(row) if row else []}
        return super().history_view(request, object_id, context | (extra_context or {}))  # type: ignore[misc]


# --- Reference data -------------------------------------------------------------------------------


@admin.register(Region)
class RegionAdmin(ModelAdmin):
    list_display = ("name", "parent")
    list_select_related = ("parent",)
    search_fields = ("name",)
    autocomplete_fields = ("parent",)


@admin.register(Solution)
class SolutionAdmin(ModelAdmin):
    search_fields = ("name",)


@admin.register(Channel)
class ChannelAdmin(ModelAdmin):
    list_display = ("name", "direction")
    list_filter = ("direction",)
    search_fields = ("name",)


@admin.register(Content)
class ContentAdmin(ModelAdmin):
    list_display = ("name", "kind", "topic", "persona", "buying_stage")
    formfield_overrides = {URLField: {"widget": UnfoldAdminURLInputWidget, "assume_scheme": "https"}}
    list_filter = ("kind", "buying_stage")
    search_fields = ("name", "topic")


class StatusInline(TabularInline):
    model = CampaignStatus
    extra = 0


class CostInline(TabularInline):
    model = CostLine
    fields = ("incurred_on", "amount", "currency", "payer", "nature", "shadow")
    extra = 0
    show_change_link = True


@admin.register(Campaign)
class CampaignAdmin(FieldHistory, ModelAdmin):
    list_display = ("name", "channel", "region", "solution", "motion", "starts_on", "ends_on", "budget")
    list_select_related = ("channel", "region", "solution")
    list_filter = ("motion", "channel", "region", "solution")
    search_fields = ("name", "external_id")
    autocomplete_fields = ("channel", "region", "solution", "parent")
    readonly_fields = ("source", "external_id")
    inlines = (StatusInline, CostInline)


@admin.register(CostLine)
class CostLineAdmin(ModelAdmin):
    list_display = ("incurred_on", "amount", "currency", "payer", "nature", "campaign", "channel", "region")
    list_select_related = ("campaign", "channel", "region")
    list_filter = ("payer", "nature", "shadow", "region")
    search_fields = ("campaign__name",)
    autocomplete_fields = ("campaign", "channel", "content", "region")
    readonly_fields = ("source", "external_id")


@admin.register(Reason)
class ReasonAdmin(ModelAdmin):
    list_display = ("name", "kind", "stage", "revisit_days", "needs_text", "reroutes", "active")
    list_filter = ("kind", "stage", "active")
    search_fields = ("name",)


@admin.register(GlossaryTerm)
class GlossaryTermAdmin(ModelAdmin):
    list_display = ("term", "owner", "updated_at")
    search_fields = ("term", "definition")
    prepopulated_fields = {"slug": ("term",)}


@admin.register(Team)
class TeamAdmin(ModelAdmin):
    list_display = ("name", "kind", "region", "reports_to_marketing")
    list_select_related = ("region",)
    list_filter = ("kind", "region")
    search_fields = ("name",)
    autocomplete_fields = ("region",)


@admin.register(Rep)
class RepAdmin(ModelAdmin):
    list_display = ("name", "team", "region", "user", "hired_on", "active")
    list_select_related = ("team", "region", "user")
    list_filter = ("active", "team", "region")
    search_fields = ("name", "email")
    autocomplete_fields = ("user", "team", "region")
    readonly_fields = ("source", "external_id")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Leads and deals keep their owners: somebody who left is marked as not active."""
        return False


# --- Records --------------------------------------------------------------------------------------


class DomainInline(TabularInline):
    model = AccountDomain
    extra = 0


@admin.register(Account)
class AccountAdmin(FieldHistory, LargeTable, ModelAdmin):
    list_display = ("name", "kind", "tier", "segment", "region", "owner", "country")
    list_select_related = ("region", "owner")
    list_filter = ("kind", "tier", "region")
    search_fields = ("name",)
    search_help_text = "How the name begins"
    autocomplete_fields = ("parent", "owner", "region")
    exclude = ("name_key", "attributes")
    inlines = (DomainInline,)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return (queryset & accounts_found(search_term) if search_term.strip() else queryset), False

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        obj.name_key = name_key(obj.name)
        super().save_model(request, obj, form, change)
        inbox.add(Inbox.Cause.PERSON, [(pk, pk) for pk in people_of([obj.pk])], rank=Inbox.Rank.BULK)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class KeyInline(ReadOnly, TabularInline):
    model = PersonKey
    extra = 0


@admin.register(Person)
class PersonAdmin(FieldHistory, LargeTable, ModelAdmin):
    """What other systems say of a person comes in through them; what a person asked of us is set here."""

    list_display = ("name", "email", "title", "account", "opted_out", "do_not_call")
    list_select_related = ("account",)
    list_filter = ("opted_out", "do_not_call")
    search_fields = ("email",)
    search_help_text = "How the e-mail address or the last name begins, or first and last name"
    fields = (
        ("first_name", "last_name"), "email", "title", "phone", "company", ("account", "account_match"),
        ("city", "country", "language"), ("opted_out", "do_not_call"), "attributes", "created_at",
    )  # fmt: skip
    readonly_fields = ("email", "company", "account_match", "attributes", "created_at")
    autocomplete_fields = ("account",)
    inlines = (KeyInline,)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return (queryset & people_found(search_term) if search_term.strip() else queryset), False

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:
        if "account" in form.changed_data:
            obj.account_match = Person.Match.PERSON if obj.account_id else Person.Match.NONE
        super().save_model(request, obj, form, change)
        inbox.add(Inbox.Cause.PERSON, [(obj.pk, obj.pk)])

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(StageEvent)
class StageEventAdmin(ReadOnly, LargeTable, ModelAdmin):
    list_display = ("occurred_at", "lead_link", "kind", "from_stage", "to_stage", "reason", "actor", "recorded_at")
    list_select_related = ("reason", "actor")
    list_filter = ("kind", "to_stage")

    @admin.display(description="Lead")
    def lead_link(self, event: StageEvent) -> str:
        return format_html('<a href="{}">Lead {}</a>', reverse("routing:lead", args=[event.lead_id]), event.lead_id)


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnly, ModelAdmin):
    list_display = (
        "filename",
        "kind",
        "source",
        "status",
        "rows",
        "created",
        "updated",
        "errors",
        "started_by",
        "created_at",
    )
    list_select_related = ("started_by",)
    list_filter = ("status", "kind", "live")
    search_fields = ("filename", "source")


@admin.register(Inbox)
class InboxAdmin(ReadOnly, LargeTable, ModelAdmin):
    """What the pipeline could not work. It tries again by itself after growing pauses; here, at once."""

    list_display = ("person_link", "cause", "problem", "attempts", "recorded_at", "not_before")
    list_select_related = ("person",)
    list_filter = ("cause",)
    actions = ("try_again_now",)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).filter(not_before__isnull=False)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("funnel.change_inbox")

    @admin.display(description="Person")
    def person_link(self, row: Inbox) -> str:
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:funnel_person_change", args=[row.person_id]), row.person
        )

    @admin.action(description="Try again now", permissions=["retry"])
    def try_again_now(self, request: HttpRequest, queryset: QuerySet) -> None:
        people = set(queryset.values_list("person", flat=True))
        inbox.try_again(people)
        who = "1 person is" if len(people) == 1 else f"{len(people)} people are"
        self.message_user(request, f"{who} tried again now.", messages.SUCCESS)


# --- Keys of other systems ------------------------------------------------------------------------


class ApiTokenForm(forms.ModelForm):
    """For which system, as whom, and for how long. The secret is made when the form is sent."""

    name = forms.RegexField(
        rf"\A{SOURCE_PATTERN}\Z",
        max_length=60,
        widget=UnfoldAdminTextInputWidget,
        help_text="Which system uses it, like website. It is also the source of what that system sends.",
        error_messages={"invalid": "Use 1 to 60 characters without a slash."},
    )
    days = forms.IntegerField(
        initial=DAYS,
        min_value=1,
        max_value=MOST_DAYS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=f"How long it lasts, at most {MOST_DAYS} days.",
    )

    class Meta:
        model = ApiToken
        fields = ("name", "user")
        labels = {"user": "Acts as"}
        help_texts = {"user": "The log-in whose role says what the system may do."}


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """Made, shown once, revoked. A token that was used stays in the list, so that one can tell whose it was."""

    list_display = ("name", "start", "user", "state", "created_at", "expires_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    actions = ("revoke_tokens",)

    def get_form(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> Any:
        return super().get_form(request, obj, **({} if obj else {"form": ApiTokenForm}) | kwargs)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return (*self.list_display, "revoked_at") if obj else ("name", "user", "days")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return (*self.list_display, "revoked_at") if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Nobody makes a token of somebody who may do more than they."""
        users = User.objects.filter(is_active=True).order_by("username")
        kwargs["queryset"] = users if request.user.is_superuser else users.filter(is_superuser=False)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """One button: its page shows the secret, and no other one can."""
        one = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, (extra_context or {}) | one)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        made = create_token(user=obj.user, name=obj.name, days=form.cleaned_data["days"], now=timezone.now())
        obj.pk, obj._state.adding = made.token.pk, False
        request.token_secret = made.secret  # type: ignore[attr-defined]  # for `response_add` of this request alone

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:
        """The one page that shows the secret. Like every page of the admin it is kept by no cache."""
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": f"Token “{obj.name}”"}
        context |= {"secret": request.token_secret, "token": ApiToken.objects.get(pk=obj.pk)}  # type: ignore[attr-defined]
        return TemplateResponse(request, "admin/token_made.html", context)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("funnel.change_apitoken")

    @admin.display(description="State")
    def state(self, token: ApiToken) -> str:
        if token.revoked_at:
            return "Revoked"
        return "Open" if token.expires_at > timezone.now() else "Ended"

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke_tokens(self, request: HttpRequest, queryset: QuerySet) -> None:
        for token in queryset:
            revoke(token, now=timezone.now())
            self.log_change(request, token, "Revoked.")
        self.message_user(request, f"{len(queryset)} revoked: they open nothing from now on.", messages.SUCCESS)
