"""The admin of what makes an SQL, of quotas, and a look at the hand-offs to account executives."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from funnel.admin import LargeTable, ReadOnly
from funnel.admin_acts import who
from routing.models import HandOff, Quota, SqlDefinition


class OfLeads(ReadOnly, LargeTable):
    """Facts about leads, each with the way to its lead."""

    @admin.display(description="Lead")
    def lead_link(self, row: Any) -> str:
        return format_html('<a href="{}">Lead {}</a>', reverse("routing:lead", args=[row.lead_id]), row.lead_id)


@admin.register(SqlDefinition)
class SqlDefinitionAdmin(ModelAdmin):
    """What makes an SQL, from when on. Rows are added, never changed: the past is not judged anew."""

    list_display = ("event", "since", "why", "decided_by", "decided_at")
    list_select_related = ("decided_by",)
    fields = ("event", "since", "why")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: SqlDefinition, form: Any, change: bool) -> None:
        obj.decided_by = who(request)
        super().save_model(request, obj, form, change)


@admin.register(Quota)
class QuotaAdmin(ModelAdmin):
    list_display = ("rep", "measure", "amount", "starts_on", "ends_on")
    list_select_related = ("rep",)
    list_filter = ("measure", "rep__team")
    search_fields = ("rep__name",)
    autocomplete_fields = ("rep",)
    date_hierarchy = "starts_on"


@admin.register(HandOff)
class HandOffAdmin(OfLeads, ModelAdmin):
    list_display = ("offered_at", "lead_link", "from_rep", "to_rep", "state", "accepted_at", "returned_at", "reason")
    list_select_related = ("from_rep", "to_rep", "reason")
