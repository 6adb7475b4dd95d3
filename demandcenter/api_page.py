"""The API for people: the description of openapi.yaml as groups of operations with parameters, body and an example."""

import json
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_GET
from drf_spectacular.generators import SchemaGenerator


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Every address with what it takes, drawn from the same description as openapi.yaml."""
    return render(request, "demandcenter/api.html", {"groups": _groups()})


@lru_cache  # the description changes with the code only
def _groups() -> list[tuple[str, list[dict[str, Any]]]]:
    """The operations by the first part of their address below /api/."""
    schema = SchemaGenerator(urlconf="demandcenter.urls").get_schema(request=None, public=True)
    groups: dict[str, list[dict[str, Any]]] = {}
    for address, operations in schema["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(address.split("/")[2], []).append(_operation(address, method, operation, schema))
    return list(groups.items())


def _operation(address: str, method: str, operation: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    one = method == "get" and address.endswith("{id}/")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return {
        "address": address,
        "method": method.upper(),
        "texts": ["One of them, in full."] if one else _paragraphs(operation.get("description", "")),
        "parameters": [
            _line(given["name"], given.get("schema", {}), schema, text=given.get("description", ""))
            for given in operation.get("parameters", [])
            if given["name"] != "id"  # the address says that
        ],
        "fields": _fields(body.get("schema", {}), schema),
        "example": next((_pretty(example["value"]) for example in body.get("examples", {}).values()), ""),
        "open": method == "get" and "{" not in address,
    }


def _fields(body: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """What the body says, field by field; of a list the fields of its rows."""
    row = _resolved(body, schema)
    required = row.get("required", [])
    return [
        _line(name, given, schema, text=given.get("description", ""), required=name in required)
        for name, given in row.get("properties", {}).items()
    ]


def _line(name: str, kind: dict[str, Any], schema: dict[str, Any], *, text: str, required: bool = False) -> dict:
    known = _resolved(kind, schema)
    return {
        "name": name,
        "type": known.get("format") or known.get("type", ""),
        "choices": [choice for choice in known.get("enum", []) if choice],
        "text": _marked(text.partition("* `")[0].strip()),  # choices have a place of their own
        "required": required,
    }


def _resolved(kind: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference, or the first of several, stands for."""
    for several in ("allOf", "oneOf"):
        if several in kind:
            return _resolved(kind[several][0], schema)
    if "$ref" in kind:
        return schema["components"]["schemas"][kind["$ref"].rpartition("/")[2]]
    return kind


def _paragraphs(text: str) -> list[str]:
    """The paragraphs of a description, with what stands between backticks as code."""
    return [_marked(paragraph) for paragraph in text.split("\n\n")]


def _marked(text: str) -> str:
    pieces = text.split("`")
    return format_html_join("", "{}", [(_code(piece) if place % 2 else piece,) for place, piece in enumerate(pieces)])


def _code(text: str) -> str:
    return format_html("<code>{}</code>", text)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
