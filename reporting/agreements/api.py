"""The agreement and its reviews over the API, to read: the words that were signed, how they are kept, the minutes."""

from typing import Any

from django.db.models import Model, QuerySet
from django.utils import timezone
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from funnel.api import ReadViewSet
from reporting import facts
from reporting.agreements.attainment import attainment
from reporting.agreements.serializers import (
    AgreementDetailSerializer,
    AgreementSerializer,
    ReviewDetailSerializer,
    ReviewSerializer,
)
from reporting.agreements.shown import told
from reporting.models import Agreement, Review


class MayLook(BasePermission):
    """Whoever may see the page may read it here."""

    message = "The agreement and its reviews are for people with a role; an administrator gives you one."

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.has_perm(f"reporting.view_{view.queryset.model._meta.model_name}"))


class _Agreed(ReadViewSet):
    permission_classes = [MayLook]
    serializers: tuple[Any, Any]

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset().none()
        return super().get_queryset()

    def get_serializer_class(self) -> Any:
        return self.serializers[self.action == "retrieve"]


class AgreementViewSet(_Agreed):
    """Versions of the agreement between marketing and sales; one of them with how it is kept. Newest first."""

    queryset = Agreement.objects.order_by("-id")
    serializers = (AgreementSerializer, AgreementDetailSerializer)

    def dress(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.select_related("marketing_signer", "sales_signer").prefetch_related("targets")

    def get_object(self) -> Model:
        found: Any = super().get_object()
        halves = attainment(found, found.targets.all(), facts.shared(), now=timezone.now())
        found.attainment = [told(half) for half in halves]
        return found


class ReviewViewSet(_Agreed):
    """Reviews of marketing and sales; one of them with its minutes and, once closed, its figures. Newest first."""

    queryset = Review.objects.order_by("-id")
    serializers = (ReviewSerializer, ReviewDetailSerializer)

    def dress(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.prefetch_related("actions__owner")
