"""Rows over the API: what takes them, the answer a row, and how all of it is described."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from funnel.ingest import KINDS, Field
from funnel.intake import EXTRA, MOST_ROWS, Answer, NotRows, take_in
from funnel.models import ApiToken
from funnel.serializers import IntakeSerializer, ProblemsSerializer

_IDEMPOTENCY = "Idempotency-Key"
_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "number": {"type": "number"},
    "integer": {"type": "integer", "minimum": 0},
    "boolean": {"type": "boolean"},
}
_SEMANTICS = (
    f"One object, or a list of up to {MOST_ROWS:,}. Each row has a key: `external_id` within its `source`. The same "
    "row again is `unchanged`, so a request whose answer was lost is simply sent again; a touch of the same key with "
    "another body is an error. `source` is the row's, else the name of the token. With the header `Idempotency-Key`, "
    "rows without a key get the request's, with their place.\n\n"
    "A list answers 201 when every row landed and at least one is new, 200 when every row landed and none is new, 207 "
    "when some failed: each row says in `results` what became of it, and good rows landed. One object answers 201, "
    "200, or 400 with what is wrong."
)


class IntakeMixin:
    """POST to a list: one row or many, written at once. `intake` names their kind in `funnel.ingest.KINDS`."""

    intake: ClassVar[str]

    def create(self, request: Request) -> Response:
        permission = f"funnel.add_{'activity' if self.intake == 'activities' else 'lead'}"
        if not request.user.has_perm(permission):
            raise PermissionDenied("Your role does not let you send these; an administrator can change that.")
        body = request.data
        try:
            answers = take_in(
                self.intake,
                body if isinstance(body, list) else [body],
                source=request.auth.name if isinstance(request.auth, ApiToken) else "",
                idempotency_key=request.headers.get(_IDEMPOTENCY, ""),
                now=timezone.now(),
            )
        except NotRows as error:
            raise ValidationError(str(error)) from error
        return _listed(answers) if isinstance(body, list) else _single(answers[0])


def _listed(answers: Sequence[Answer]) -> Response:
    statuses = {answer.status for answer in answers}
    code: int = status.HTTP_201_CREATED if "created" in statuses else status.HTTP_200_OK
    if "error" in statuses:
        code = status.HTTP_207_MULTI_STATUS
    return Response({"results": [_as_json(answer) for answer in answers]}, status=code)


def _single(answer: Answer) -> Response:
    if answer.problems:
        raise ValidationError({problem.field or "non_field_errors": [problem.words] for problem in answer.problems})
    code = status.HTTP_201_CREATED if answer.status == "created" else status.HTTP_200_OK
    return Response(_as_json(answer), status=code)


def _as_json(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {"index": answer.index, "status": answer.status, "id": answer.id}
    if answer.problems:
        found["errors"] = [
            {"code": "invalid", "detail": problem.words, "attr": problem.field or None} for problem in answer.problems
        ]
    if answer.warnings:
        found["warnings"] = answer.warnings
    return found


# --- The description ------------------------------------------------------------------------------


def _property(field: Field) -> dict[str, Any]:
    described: dict[str, Any] = dict(_TYPES[field.type])
    if field.help:
        described["description"] = field.help
    if field.choices:
        described["enum"] = list(field.choices)
    if field.limit:
        described["maxLength"] = field.limit
    return described


def _row_schema(kind: str) -> dict[str, Any]:
    properties = {name: _property(field) for name, field in KINDS[kind].fields.items()}
    properties["source"] = {"type": "string", "maxLength": 60, "description": "The system it comes from."}
    properties[EXTRA[kind]] = {"type": "object", "additionalProperties": True, "description": "What else is known."}
    required = [name for name, field in KINDS[kind].fields.items() if field.required and name != "external_id"]
    return {"type": "object", "properties": properties, "additionalProperties": False} | (
        {"required": required} if required else {}
    )


def describe_intake(kind: str, text: str, *, example: dict[str, Any]) -> Any:
    """Decorates the view set: how its POST is described. text: what a row is."""
    row = _row_schema(kind)
    body = {"oneOf": [row, {"type": "array", "items": row, "minItems": 1, "maxItems": MOST_ROWS}]}
    key = OpenApiParameter(
        _IDEMPOTENCY, str, OpenApiParameter.HEADER, description="Gives keys to rows without an external_id."
    )
    return extend_schema(
        description=f"{text}\n\n{_SEMANTICS}",
        parameters=[key],
        request={"application/json": body},
        responses={
            201: OpenApiResponse(IntakeSerializer, "All landed, some of them new."),
            200: OpenApiResponse(IntakeSerializer, "All landed, none is new."),
            207: OpenApiResponse(IntakeSerializer, "Some failed; each row says what became of it."),
            400: OpenApiResponse(ProblemsSerializer, "Not one row could be read."),
        },
        examples=[OpenApiExample("One row", example, request_only=True)],
    )
