"""Log-ins and roles in the admin."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.admin import ModelAdmin, StackedInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from funnel.access import Role
from funnel.models import Rep

admin.site.unregister(User)
admin.site.unregister(Group)


class RepInline(StackedInline):
    """As whom the user owns leads and deals."""

    model = Rep
    fields = ("name", "team", "region", "hired_on", "active")
    autocomplete_fields = ("team", "region")
    extra = 0


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "email", "roles", "is_staff", "is_active", "last_login")
    list_filter = ("groups", "is_staff", "is_active")
    inlines = (RepInline,)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="Roles")
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a superuser makes superusers: whoever may edit users could otherwise become anything."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if request.user.is_superuser else (*fields, "is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may edit users could otherwise take over a superuser by setting their password."""
        stronger = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not stronger and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        stronger = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not stronger and super().has_delete_permission(request, obj)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The product's own roles are put back at every migrate, so they cannot be edited here."""
        return ("name", "permissions") if obj and obj.name in Role.values else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        own = obj is not None and obj.name in Role.values
        return not own and super().has_delete_permission(request, obj)
