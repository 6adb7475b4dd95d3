"""SQLs on their way to account executives over the API: the acts on a lead, and the list."""

from datetime import datetime
from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from funnel import api as funnel
from funnel.access import visible_to
from funnel.models import Lead
from funnel.serializers import NamedSerializer
from routing.acts.api import act_on_lead, describe_act
from routing.acts.doing import Done
from routing.models import HandOff, HandOffNote
from routing.sales import handoff
from routing.sales import handoff_answers as answers

_LONGEST = 5000


class OfferSerializer(serializers.Serializer):
    need = serializers.CharField(max_length=_LONGEST, help_text="What they need.")
    next_step = serializers.CharField(max_length=_LONGEST, help_text="What was agreed, and for when.")
    answered = serializers.CharField(max_length=_LONGEST, required=False, allow_blank=True, default="")
    unanswered = serializers.CharField(max_length=_LONGEST, required=False, allow_blank=True, default="")
    rep = serializers.IntegerField(
        min_value=1, required=False, allow_null=True, default=None,
        help_text="An account executive; by default whoever the rules for SQLs say.",
    )  # fmt: skip


class ReturnSerializer(serializers.Serializer):
    reason = serializers.IntegerField(min_value=1, help_text="A reason of kind regress.")
    text = serializers.CharField(max_length=_LONGEST, required=False, allow_blank=True, default="")


class ConsumedSerializer(serializers.Serializer):
    """Something that the person read, saw or asked for."""

    touch = serializers.IntegerField()
    what = serializers.CharField()
    content = serializers.CharField()
    at = serializers.DateTimeField()


class HandOffNoteSerializer(serializers.ModelSerializer):
    consumed = ConsumedSerializer(many=True)

    class Meta:
        model = HandOffNote
        fields = ("need", "next_step", "answered", "unanswered", "consumed")


class HandOffSerializer(serializers.ModelSerializer):
    state = serializers.ChoiceField(["offered", "accepted", "returned", "withdrawn"], read_only=True)
    from_rep = NamedSerializer(read_only=True, allow_null=True)
    to_rep = NamedSerializer(read_only=True)
    reason = NamedSerializer(read_only=True, allow_null=True)
    note = HandOffNoteSerializer(read_only=True)

    class Meta:
        model = HandOff
        fields = (
            "id", "lead", "state", "from_rep", "to_rep", "offered_at", "accepted_at", "returned_at", "withdrawn_at",
            "reason", "policy", "rule", "note",
        )  # fmt: skip
        read_only_fields = fields


class HandOffActs:
    """The acts of a hand-off on one lead."""

    @describe_act(
        "Hand an SQL to an account executive. What its person read and asked for is added to the note.",
        body=OfferSerializer,
        example={"need": "Nine yards, two hours lost a week per crane", "next_step": "Demo for the plant IT on Friday"},
    )
    @action(detail=True, methods=["post"], url_path="hand-off")
    def hand_off(self, request: Request, pk: str) -> Response:
        def act(given: dict[str, Any], now: datetime) -> Done:
            rep_id = given.pop("rep")
            return handoff.offer(int(pk), note=handoff.Note(**given), rep_id=rep_id, user=request.user, now=now)

        return act_on_lead(request, int(pk), act, body=OfferSerializer)

    @describe_act("Take over an SQL that was offered to you.")
    @action(detail=True, methods=["post"], url_path="take-over")
    def take_over(self, request: Request, pk: str) -> Response:
        return act_on_lead(request, int(pk), lambda given, now: answers.take_over(int(pk), user=request.user, now=now))

    @describe_act("Return an SQL to its SDR: it stands at SAL again.", body=ReturnSerializer, example={"reason": 27})
    @action(detail=True, methods=["post"], url_path="return")
    def give_it_back(self, request: Request, pk: str) -> Response:
        def act(given: dict[str, Any], now: datetime) -> Done:
            return answers.give_it_back(
                int(pk), reason_id=given["reason"], text=given["text"], user=request.user, now=now
            )

        return act_on_lead(request, int(pk), act, body=ReturnSerializer)

    @describe_act("Take an offer back as long as nobody has answered it.")
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        return act_on_lead(request, int(pk), lambda given, now: answers.withdraw(int(pk), user=request.user, now=now))


class HandOffFilter(filters.FilterSet):
    lead = filters.NumberFilter(label="Lead id.")
    to_rep = filters.NumberFilter(label="Id of the account executive.")
    from_rep = filters.NumberFilter(label="Id of the SDR.")
    waits = filters.BooleanFilter(label="Nobody has answered yet.", method="waiting")

    class Meta:
        model = HandOff
        fields: list[str] = []

    def waiting(self, queryset: QuerySet[HandOff], _name: str, waits: bool) -> QuerySet[HandOff]:
        open_ones = {"accepted_at": None, "returned_at": None, "withdrawn_at": None}
        return queryset.filter(**open_ones) if waits else queryset.exclude(**open_ones)


class HandOffViewSet(funnel.ReadViewSet):
    """Hand-offs of SQLs that you see, from SDRs to account executives. Latest offered first."""

    queryset = HandOff.objects.order_by("-id")
    serializer_class = HandOffSerializer
    filterset_class = HandOffFilter

    def get_queryset(self) -> QuerySet[HandOff]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset().none()
        return super().get_queryset().filter(lead__in=visible_to(Lead.objects.all(), self.request.user))

    def dress(self, rows: QuerySet[HandOff]) -> QuerySet[HandOff]:
        return rows.select_related("from_rep", "to_rep", "reason", "note")
