"""The daily work over the API: logging attempts, next dates, snoozes, and the tasks of leads."""

from datetime import datetime
from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from funnel import api as funnel
from funnel.access import visible_to
from funnel.models import Lead
from funnel.serializers import NamedSerializer
from routing.acts.api import act_on_lead, describe_act, do
from routing.acts.doing import Done
from routing.day import agenda, attempts, snoozes
from routing.models import Attempt, Medium, Task


class LogSerializer(serializers.Serializer):
    medium = serializers.ChoiceField(Medium.choices)
    outcome = serializers.ChoiceField(Attempt.Outcome.choices, help_text="Of a call how it went; else sent.")
    text = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)
    next_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="When to try again; ahead, at most two years."
    )


class PlanSerializer(serializers.Serializer):
    next_at = serializers.DateTimeField(allow_null=True, help_text="The lead's next date; null: it has none.")
    text = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)


class UntilSerializer(serializers.Serializer):
    until = serializers.DateTimeField(help_text="A moment ahead.")


class AttemptSerializer(serializers.ModelSerializer):
    rep = NamedSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Attempt
        fields = ("id", "lead", "rep", "medium", "outcome", "occurred_at", "activity", "taken_back_at")
        read_only_fields = fields


class TaskSerializer(serializers.ModelSerializer):
    class Meta:
        model = Task
        fields = ("id", "lead", "kind", "medium", "made_at", "due_at", "shown_at", "state", "closed_at")
        read_only_fields = fields


class WorkActs:
    """What the view set of leads does day by day."""

    @describe_act(
        "Log an attempt to reach the person: it stops clocks that wait for contact, does what was due, and accepts an "
        "MQL that nobody has decided about.",
        body=LogSerializer,
        example={"medium": "call", "outcome": "voicemail", "text": "Back on Monday", "next_at": "2026-06-12T08:00:00Z"},
    )
    @action(detail=True, methods=["post"])
    def log(self, request: Request, pk: str) -> Response:
        def act(given: dict[str, Any], now: datetime) -> Done:
            return attempts.log(int(pk), **given, user=request.user, now=now)

        return act_on_lead(request, int(pk), act, body=LogSerializer)

    @describe_act(
        "Set or clear the lead's next date.", body=PlanSerializer, example={"next_at": "2026-06-12T08:00:00Z"}
    )
    @action(detail=True, methods=["post"])
    def plan(self, request: Request, pk: str) -> Response:
        def act(given: dict[str, Any], now: datetime) -> Done:
            return agenda.plan(int(pk), **given, user=request.user, now=now)

        return act_on_lead(request, int(pk), act, body=PlanSerializer)

    @describe_act(
        "Take the lead out of sight in Queue and Today for a while; its clocks run on.",
        body=UntilSerializer,
        example={"until": "2026-06-12T08:00:00Z"},
    )
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, pk: str) -> Response:
        def act(given: dict[str, Any], now: datetime) -> Done:
            return snoozes.snooze(int(pk), **given, user=request.user, now=now)

        return act_on_lead(request, int(pk), act, body=UntilSerializer)


class _OfLeads(funnel.ReadViewSet):
    """Rows that belong to leads; one sees those of the leads that one sees."""

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset().none()
        return super().get_queryset().filter(lead__in=visible_to(Lead.objects.all(), self.request.user))


class AttemptFilter(filters.FilterSet):
    lead = filters.NumberFilter(label="Lead id.")
    rep = filters.NumberFilter(label="Rep id.")
    medium = filters.ChoiceFilter(choices=Medium.choices)

    class Meta:
        model = Attempt
        fields: list[str] = []


class AttemptViewSet(_OfLeads):
    """Attempts of ours to reach people whose leads you see: calls, e-mails, social messages. Latest first."""

    queryset = Attempt.objects.order_by("-id")
    serializer_class = AttemptSerializer
    filterset_class = AttemptFilter

    def dress(self, rows: QuerySet[Attempt]) -> QuerySet[Attempt]:
        return rows.select_related("rep")

    @describe_act("Take an attempt back within ten minutes, with its touch, note, next date and acceptance.")
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        attempt = self.get_object()
        return do(
            request, lambda given, now: attempts.take_back(attempt.pk, user=request.user, now=now), now=timezone.now()
        )


class TaskFilter(filters.FilterSet):
    lead = filters.NumberFilter(label="Lead id.")
    state = filters.ChoiceFilter(choices=Task.State.choices)
    kind = filters.ChoiceFilter(choices=Task.Kind.choices)

    class Meta:
        model = Task
        fields: list[str] = []


class TaskViewSet(_OfLeads):
    """What is to be done about leads that you see, and what was. Latest made first."""

    queryset = Task.objects.order_by("-id")
    serializer_class = TaskSerializer
    filterset_class = TaskFilter

    @describe_act("The task is done.")
    @action(detail=True, methods=["post"])
    def done(self, request: Request, pk: str) -> Response:
        task = self.get_object()
        return do(request, lambda given, now: agenda.finish(task.pk, user=request.user, now=now), now=timezone.now())

    @describe_act("The task is left out.")
    @action(detail=True, methods=["post"])
    def skip(self, request: Request, pk: str) -> Response:
        task = self.get_object()
        return do(
            request,
            lambda given, now: agenda.finish(task.pk, skipped=True, user=request.user, now=now),
            now=timezone.now(),
        )

    @describe_act("Let the task wait.", body=UntilSerializer, example={"until": "2026-06-12T08:00:00Z"})
    @action(detail=True, methods=["post"], url_path="put-off")
    def put_off(self, request: Request, pk: str) -> Response:
        task = self.get_object()

        def act(given: dict[str, Any], now: datetime) -> Done:
            return agenda.put_off(task.pk, until=given["until"], user=request.user, now=now)

        return do(request, act, body=UntilSerializer, now=timezone.now())
