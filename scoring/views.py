"""What the condition builder of scoring asks."""

from typing import Final

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from funnel import condition_views
from funnel.fields import FIELDS_OF_PEOPLE, FIELDS_OF_TOUCHES, Fields, Root

_FIELDS: Final[dict[Root, Fields]] = {"touch": FIELDS_OF_TOUCHES, "person": FIELDS_OF_PEOPLE}
_may_edit = permission_required("scoring.change_scoringmodel", raise_exception=True)


def _root(name: str) -> Root:
    for root in _FIELDS:
        if root == name:
            return root
    raise Http404(f"Conditions of scoring ask about {' or '.join(_FIELDS)}.")


@require_GET
@_may_edit
def condition_fields(request: HttpRequest, of: str) -> HttpResponse:
    return condition_views.describe(_FIELDS[_root(of)])


@require_POST
@_may_edit
def condition_count(request: HttpRequest, of: str) -> HttpResponse:
    root = _root(of)
    return condition_views.tell(request, _FIELDS[root], root)


@require_GET
@_may_edit
def condition_choices(request: HttpRequest, of: str) -> HttpResponse:
    _root(of)
    return condition_views.suggest(request)
