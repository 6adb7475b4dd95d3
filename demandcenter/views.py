"""Coming in: log-in, the demo's one-click log-ins, and removing the demo."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from demandcenter import demo
from demandcenter.forms import AdministratorForm, ConfirmForm
from funnel.access import Role, roles_of

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


@method_decorator(login_not_required, name="dispatch")
class LoginView(views.LoginView):
    template_name = "registration/login.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"demo_logins": demo.logins() if settings.DEMO else []}


@login_not_required
def demo_login(request: HttpRequest) -> HttpResponse:
    """Become one of the demo's people by one click. Exists on a demo only."""
    if not settings.DEMO:
        raise Http404
    if request.method != "POST":
        return redirect("login")
    names = {person.username for person in demo.logins()}
    name = request.POST.get("username", "")
    if name not in names:
        raise Http404
    login(request, demo.demo_users().get(username=name), backend=MODEL_BACKEND)
    return redirect(_next(request))


def _next(request: HttpRequest) -> str:
    """Where to go after log-in: back to the page that was asked for, if it is one of ours."""
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return resolve_url(settings.LOGIN_REDIRECT_URL)


@require_http_methods(["GET", "POST"])
def remove_demo(request: HttpRequest) -> HttpResponse:
    """Confirm what goes, name who stays, and start with an empty installation."""
    if not demo.is_demo():
        raise Http404
    if not (request.user.is_superuser or Role.ADMINISTRATOR in roles_of(request.user)):
        raise PermissionDenied
    needed = not demo.administrator_remains()
    form = (AdministratorForm if needed else ConfirmForm)(request.POST if request.method == "POST" else None)
    if form.is_valid():
        answer = _remove(request, form, form.cleaned_data)
        if answer:
            return answer
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "needed": needed, "goes": demo.what_goes()}
    return render(request, "demandcenter/remove_demo.html", context, status=status)


def _remove(request: HttpRequest, form: Any, data: dict[str, str]) -> HttpResponse | None:
    """Remove the demo and log the administrator in; None, with an error in the form, if it could not be done."""
    leaving = set(demo.demo_users().values_list("pk", flat=True))
    try:
        administrator = demo.remove_demo(username=data.get("username", ""), password=data.get("password1", ""))
    except ValueError as error:
        form.add_error(None, str(error))
        return None
    except OperationalError:
        form.add_error(None, "Something is writing to the database right now. Nothing was removed; try again shortly.")
        return None
    if administrator:
        login(request, administrator, backend=MODEL_BACKEND)
    elif request.user.pk in leaving:
        return redirect("login")
    messages.success(request, "The demo is gone. Import a file to see your own funnel.")
    return redirect(settings.LOGIN_REDIRECT_URL)
