"""Acts over the API: each address takes one act, asks one service, and answers with what came of it.

What cannot be done as things stand answers 409 with the sentence that a person would read; what may not be done 403;
what makes no sense 400 with the field.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField, DateTimeField, IntegerField, Serializer

from funnel.serializers import ProblemsSerializer
from routing.acts.doing import Done, Invalid, NotAllowed, Refused, within_reach

Act = Callable[[dict[str, Any], datetime], Done]


class DoneSerializer(Serializer):
    """What an act came to. Until `undo_until`, `undo` with this `event` takes it back; an attempt that was logged is
    taken back by its own address.
    """

    lead = IntegerField(source="lead_id", allow_null=True)
    event = IntegerField(source="event_id", allow_null=True)
    meeting = IntegerField(source="meeting_id", allow_null=True)
    opportunity = IntegerField(source="opportunity_id", allow_null=True)
    hand_off = IntegerField(source="hand_off_id", allow_null=True)
    attempt = IntegerField(source="attempt_id", allow_null=True)
    sentence = CharField()
    undo_until = DateTimeField(allow_null=True)


class Conflict(APIException):
    """Somebody was faster, or the lead stands elsewhere by now."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


def describe_act(text: str, *, body: type[Serializer] | None = None, example: dict[str, Any] | None = None) -> Any:
    """Decorates an act: what it does, what it needs, and how it answers."""
    return extend_schema(
        description=text,
        request=body,
        responses={
            200: DoneSerializer,
            400: OpenApiResponse(ProblemsSerializer, "Something given makes no sense; `attr` names it."),
            403: OpenApiResponse(ProblemsSerializer, "Your role or your team may not do this."),
            409: OpenApiResponse(ProblemsSerializer, "Not as things stand: who was faster, when and with what."),
        },
        examples=[OpenApiExample("Body", example, request_only=True)] if example else None,
    )


def act_on_lead(request: Request, lead_id: int, act: Act, *, body: type[Serializer] | None = None) -> Response:
    """Do it, if the user may see the lead or lost sight of it a moment ago; what they may not see does not exist."""
    now = timezone.now()
    if not within_reach(lead_id, user=request.user, now=now):
        raise Http404
    return do(request, act, body=body, now=now)


def do(request: Request, act: Act, *, body: type[Serializer] | None = None, now: datetime) -> Response:
    """Read the body, act, and say what came of it. act: takes the body's values and the moment."""
    given: dict[str, Any] = {}
    if body is not None:
        said = body(data=request.data)
        said.is_valid(raise_exception=True)
        given = said.validated_data
    try:
        done = act(given, now)
    except Invalid as problem:
        raise ValidationError({problem.field.removesuffix("_id"): [problem.sentence]}) from problem
    except NotAllowed as problem:
        raise PermissionDenied(problem.sentence) from problem
    except Refused as problem:
        raise Conflict(problem.sentence) from problem
    return Response(DoneSerializer(done).data)
