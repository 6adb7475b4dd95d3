"""Figures over the API: the same questions and the same answers as the command `metric`."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from funnel.access import roles_of
from funnel.api import ReadViewSet
from funnel.filtering import expect_known
from reporting import facts
from reporting.definitions import DEFINITIONS
from reporting.experiments.effects import effect
from reporting.experiments.views import may_see
from reporting.metrics import METRICS, QueryError
from reporting.questions import answer
from reporting.serializers import (
    AnswerSerializer,
    DefinitionSerializer,
    ExperimentDetailSerializer,
    ExperimentSerializer,
    QuestionSerializer,
    TalkingPointSerializer,
)
from reporting.talking_point import talking_points
from scoring.models import Experiment


class TalkingPointsView(APIView):
    """The interest from which buyers agree to talk: of all leads, then by solution, in bands of ten points."""

    @extend_schema(operation_id="talking_points_list", responses=TalkingPointSerializer(many=True))
    def get(self, request: Request) -> Response:
        _expect_a_role(request)
        expect_known(request.query_params, ())
        return Response(TalkingPointSerializer(talking_points(), many=True).data)


class MetricsView(APIView):
    """Every metric in words."""

    @extend_schema(operation_id="metrics_list", responses=DefinitionSerializer(many=True))
    def get(self, request: Request) -> Response:
        expect_known(request.query_params, ())
        found = [DEFINITIONS[name] for name in METRICS]
        return Response(DefinitionSerializer(found, many=True).data)


class MetricView(APIView):
    """One metric, split and filtered as asked, unrounded. The same question and `as_of` give the same answer."""

    @extend_schema(
        operation_id="metrics_retrieve",
        parameters=[
            OpenApiParameter("name", OpenApiTypes.STR, OpenApiParameter.PATH, enum=sorted(METRICS)),
            QuestionSerializer,
        ],
        responses=AnswerSerializer,
    )
    def get(self, request: Request, name: str) -> Response:
        _expect_a_role(request)
        if name not in METRICS:
            raise NotFound(f"There is no metric “{name}”. There are: {', '.join(METRICS)}.")
        asked = QuestionSerializer(data=_parameters(request))
        asked.is_valid(raise_exception=True)
        try:
            found = answer(facts.shared(), asked.question(name))
        except QueryError as error:
            raise ValidationError(str(error)) from error
        return Response({**found.about, "rows": found.rows})


def _expect_a_role(request: Request) -> None:
    if not (request.user.is_superuser or roles_of(request.user)):
        raise PermissionDenied("Figures are for people with a role; an administrator gives you one.")


def _parameters(request: Request) -> dict[str, Any]:
    """The query as one value a name; what is unknown is refused, so that a misspelt filter is not ignored."""
    expect_known(request.query_params, QuestionSerializer().fields)
    return {
        name: ",".join(values) if name in ("by", "threshold") else values[-1]
        for name, values in request.query_params.lists()
    }


class ExperimentViewSet(ReadViewSet):
    """Experiments, for log-ins that see everything; one of them with what it has come to. Newest first."""

    queryset = Experiment.objects.order_by("-id")

    def get_queryset(self) -> QuerySet[Experiment]:
        if getattr(self, "swagger_fake_view", False) or not may_see(self.request.user):
            return Experiment.objects.none()
        return super().get_queryset()

    def get_serializer_class(self) -> type[ExperimentSerializer]:
        return ExperimentDetailSerializer if self.action == "retrieve" else ExperimentSerializer

    def dress(self, rows: QuerySet[Experiment]) -> QuerySet[Experiment]:
        return rows.select_related("control", "changed")

    def get_object(self) -> Experiment:
        found: Experiment = super().get_object()
        found.effect = effect(found, now=timezone.now())  # type: ignore[attr-defined]
        return found
