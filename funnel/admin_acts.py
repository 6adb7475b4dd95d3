"""Acts of the admin that are more than saving a form: a page says what will happen, takes the reason, and does it."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

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


def pk_of(object_id: Any) -> int:
    """The id in an address; 0, which nobody has, for anything else."""
    return int(object_id) if str(object_id).isdecimal() and len(str(object_id)) < 19 else 0


def posted(request: HttpRequest) -> Any:
    """What a form is bound to: what was sent, even if it is nothing at all; None before it is sent."""
    return request.POST if request.method == "POST" else None


def who(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
