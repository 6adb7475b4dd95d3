"""Acts of the admin that are more than saving a form: a page says what will happen, takes the reason, and does it."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from funnel import publication
from funnel.versions import PolicyProblem, Status

Act = Callable[[forms.Form], tuple[Model, str]]


class Acts:
    """For a ModelAdmin of versioned policies. `refusal` is what its services raise, with `problems`."""

    refusal: type[ValueError]

    def act(
        self: Any, request: HttpRequest, *, form: forms.Form, do: Act, title: str, button: str,
        explained: Sequence[str], on: Model | None, more: dict[str, Any] | None = None,
    ) -> HttpResponse:  # fmt: skip
        """The page of an act, and the act when it is sent; problems are told on the same page.

        do: returns the row to go to and what happened in a sentence. on: the row that the page belongs to.
        """
        if request.method == "POST" and form.is_valid():
            try:
                made, said = do(form)
            except self.refusal as refused:
                for problem in refused.problems:
                    form.add_error(None, problem)
            else:
                self.log_change(request, made, said)
                messages.success(request, said)
                return HttpResponseRedirect(self.page_of(made))
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": title, "form": form,
            "button": button, "explained": explained, "original": on, "media": self.media + form.media,
            "back": self.page_of(on), **(more or {}),
        }  # fmt: skip
        return TemplateResponse(request, "admin/act.html", context)

    def page_of(self: Any, row: Model | None) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        return reverse(f"{name}_change", args=[row.pk]) if row else reverse(f"{name}_changelist")

    def row_of(self: Any, object_id: Any) -> Any:
        """The row that an address names. Raises Http404."""
        row = self.model.objects.filter(pk=pk_of(object_id)).first()
        if row is None:
            raise Http404("There is no such version.")
        return row


class Drafts(Acts):
    """Of versions of which only a draft can be changed, deleted or published."""

    refusal = PolicyProblem

    def has_change_permission(self: Any, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.status == Status.DRAFT)  # type: ignore[misc]

    def has_delete_permission(self: Any, request: HttpRequest, obj: Any = None) -> bool:
        """What was decided names the version that it was decided under, so only a draft can go."""
        is_draft = obj is not None and obj.status == Status.DRAFT
        return is_draft and super().has_delete_permission(request, obj)  # type: ignore[misc]

    def has_publish_permission(self: Any, request: HttpRequest, object_id: Any = None) -> bool:
        return self.may_change_one(request, object_id, status=Status.DRAFT)

    def has_draft_permission(self: Any, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_add_permission(request)

    def may_change_one(self: Any, request: HttpRequest, object_id: Any, **wanted: Any) -> bool:
        """Whether the user may change versions, and the one of the address is as wanted."""
        may = request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")
        return may and self.model.objects.filter(pk=pk_of(object_id), **wanted).exists()

    def get_object(self: Any, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """While it is saved nobody publishes it; what was published before is seen to be."""
        if request.method == "POST" and connection.in_atomic_block:
            self.model.objects.select_for_update().filter(pk=pk_of(object_id)).first()
        return super().get_object(request, object_id, from_field)  # type: ignore[misc]

    def save_related(self: Any, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)  # type: ignore[misc]
        is_another = form.has_changed() or any(formset.has_changed() for formset in formsets)
        if is_another and (over := publication.changed(form.instance)):
            messages.warning(request, over)


def pk_of(object_id: Any) -> int:
    """The id in an address; 0, which nobody has, for anything else."""
    return int(object_id) if str(object_id).isdecimal() and len(str(object_id)) < 19 else 0


def posted(request: HttpRequest) -> Any:
    """What a form is bound to: what was sent, even if it is nothing at all; None before it is sent."""
    return request.POST if request.method == "POST" else None


def who(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
