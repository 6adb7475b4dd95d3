"""The API's pages, by key like those of the screens (keyset.py)."""

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from funnel.keyset import BadCursor, Page, page

SIZE, MOST = 50, 500


class KeysetPagination(BasePagination):
    """Greatest first by the view's `keyset_order`; `next` and `previous` are addresses of the pages beside it.

    The view's `dress(queryset)` adds what its serializer reads to the rows of one page.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        query = request.query_params
        try:
            self.page: Page = page(
                queryset,
                order=view.keyset_order,
                size=_size(query.get("size", "")),
                older=query.get("older", ""),
                newer=query.get("newer", ""),
                dress=view.dress,
            )
        except BadCursor as error:
            raise ValidationError("This is no cursor of this list; follow `next` and `previous`.") from error
        return self.page.rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "next": self._address("older", self.page.older),
                "previous": self._address("newer", self.page.newer),
                "results": data,
            }
        )

    def _address(self, name: str, cursor: str) -> str | None:
        if not cursor:
            return None
        query = self.request.query_params.copy()
        query.pop("older", None)
        query.pop("newer", None)
        query[name] = cursor
        return self.request.build_absolute_uri(f"{self.request.path}?{query.urlencode()}")

    def get_paginated_response_schema(self, schema: dict) -> dict:
        address = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": address, "previous": address, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict]:
        """What the description of the API says of paging."""
        texts = {"older": "Cursor: the rows after it.", "newer": "Cursor: the rows before it."}
        cursors = [_parameter(name, {"type": "string"}, text) for name, text in texts.items()]
        size = {"type": "integer", "minimum": 1, "maximum": MOST, "default": SIZE}
        return [*cursors, _parameter("size", size, f"Rows a page, at most {MOST}.")]


def _parameter(name: str, schema: dict, description: str) -> dict:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _size(text: str) -> int:
    if not text:
        return SIZE
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= MOST:
        raise ValidationError({"size": f"Give a number from 1 to {MOST}."})
    return int(text)
