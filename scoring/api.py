"""Scores over the API: why a person's score is what it is, or was."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from funnel import api as funnel
from scoring.explain import Why, why
from scoring.serializers import MomentSerializer, WhySerializer

AHEAD = timedelta(days=366)


class PersonViewSet(funnel.PersonViewSet):
    __doc__ = funnel.PersonViewSet.__doc__

    @extend_schema(
        operation_id="people_why_score",
        description="Why the person's score is what it is now, or was at a moment: its parts sum to it exactly.",
        parameters=[MomentSerializer],
        responses=WhySerializer,
    )
    @action(detail=True, url_path="why-score")
    def why_score(self, request: Request, pk: str) -> Response:
        return Response(WhySerializer(explained(self.get_object().pk, request)).data)


def explained(person_id: int, request: Request) -> Why:
    """The person's score at the moment that the query asks for. Raises ValidationError, NotFound."""
    found = why(person_id, at=_moment(request, now=timezone.now()))
    if found is None:
        raise NotFound("There is no score: no version of the scoring model is active.")
    return found


def _moment(request: Request, *, now: datetime) -> datetime:
    asked = MomentSerializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    given: dict[str, Any] = asked.validated_data
    at: datetime = given["at"] or now
    if at > now + AHEAD:
        raise ValidationError({"at": "A score is told for the past and up to a year ahead."})
    return at
