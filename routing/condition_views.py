"""What the condition builder of routing asks."""

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from funnel import condition_views
from routing.fields import FIELDS

_may_edit = permission_required("routing.change_routingpolicy", raise_exception=True)


@require_GET
@_may_edit
def condition_fields(request: HttpRequest) -> HttpResponse:
    return condition_views.describe(FIELDS)


@require_POST
@_may_edit
def condition_count(request: HttpRequest) -> HttpResponse:
    return condition_views.tell(request, FIELDS, "lead")


@require_GET
@_may_edit
def condition_choices(request: HttpRequest) -> HttpResponse:
    return condition_views.suggest(request)
