"""Scores over the API: why a person's score is what it is, or was, and an account's."""

from datetime import datetime, timedelta
from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from funnel import api as funnel
from funnel.access import visible_to
from funnel.models import Account, Person
from scoring.account_explain import why_account
from scoring.explain import Why, why
from scoring.models import ScoringModel, Status
from scoring.serializers import (
    AccountSerializer,
    MomentSerializer,
    PersonMomentSerializer,
    WhyAccountSerializer,
    WhySerializer,
)

AHEAD = timedelta(days=366)


class PersonViewSet(funnel.PersonViewSet):
    __doc__ = funnel.PersonViewSet.__doc__

    @extend_schema(
        operation_id="people_why_score",
        description="Why the person's score is what it is now, or was at a moment: its parts sum to it exactly. By the "
        "version that decides about all leads, or the one asked for; a lead's own `why-score` goes by the lead's.",
        parameters=[PersonMomentSerializer],
        responses=WhySerializer,
    )
    @action(detail=True, url_path="why-score")
    def why_score(self, request: Request, pk: str) -> Response:
        asked = PersonMomentSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        number, model = asked.validated_data["version"], None
        if number is not None:
            published = ScoringModel.objects.filter(version=number, status=Status.PUBLISHED)
            model = published.select_related("solution", "region").first()
            if model is None:
                raise ValidationError({"version": f"There is no published version {number} of the scoring model."})
        return Response(WhySerializer(explained(self.get_object().pk, model, at=moment_of(request))).data)


class AccountFilter(funnel.AccountFilter):
    over = filters.BooleanFilter(label="Whether engagement is at the threshold of its tier.", field_name="score__over")


class AccountViewSet(funnel.AccountViewSet):
    __doc__ = funnel.AccountViewSet.__doc__
    serializer_class = AccountSerializer
    filterset_class = AccountFilter

    def dress(self, rows: QuerySet[Account]) -> QuerySet[Account]:
        return super().dress(rows).select_related("score")

    @extend_schema(
        operation_id="accounts_score",
        description="Why the account's score is what it is now: by role, by person, by week.",
        responses=WhyAccountSerializer,
    )
    @action(detail=True)
    def score(self, request: Request, pk: str) -> Response:
        people = visible_to(Person.objects.all(), request.user)
        found = why_account(self.get_object().pk, people=people, now=timezone.now())
        if found is None:
            raise NotFound("There is no score: nobody of this account is scored yet.")
        return Response(WhyAccountSerializer(found).data)


def explained(person_id: int, model: ScoringModel | None, *, at: datetime) -> Why:
    """The person's score at a moment under a version, by default the general one. Raises NotFound."""
    found = why(person_id, at=at, model=model)
    if found is None:
        raise NotFound("There is no score: no version of the scoring model is active.")
    return found


def moment_of(request: Request) -> datetime:
    """The moment that the query asks for. Raises ValidationError."""
    asked = MomentSerializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    given: dict[str, Any] = asked.validated_data
    now = timezone.now()
    at: datetime = given["at"] or now
    if at > now + AHEAD:
        raise ValidationError({"at": "A score is told for the past and up to a year ahead."})
    return at
