"""What an address of the API may ask for: a misspelt filter is told, for without it the list would be another one."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.settings import api_settings


class FilterBackend(DjangoFilterBackend):
    """The filters of a list; of its parameters only those that it knows, paging included."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filterset = self.get_filterset(request, queryset, view)
        paging = [one["name"] for one in view.paginator.get_schema_operation_parameters(view)] if view.paginator else []
        expect_known(request.query_params, [*(filterset.filters if filterset else ()), *paging])
        return super().filter_queryset(request, queryset, view)


def expect_known(names: Iterable[str], known: Collection[str]) -> None:
    """Refuse parameters that are none of the known, each with a sentence that says which there are."""
    unknown = sorted(set(names) - {*known, api_settings.URL_FORMAT_OVERRIDE})
    if unknown:
        raise ValidationError({name: _said(name, known) for name in unknown})


def _said(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    said = f"There is no parameter “{name[:40]}” here"
    said += f"; did you mean “{near[0]}”?" if near else "."
    return f"{said} There are: {', '.join(known)}." if known else f"{said} There are none."
