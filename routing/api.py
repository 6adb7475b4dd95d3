"""Leads over the API: the list with the filters of the page, one with its events, rows that come in, and every act."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import django_filters as filters
from django.db.models import Min, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from funnel import api as funnel
from funnel.access import visible_to
from funnel.intake_api import IntakeMixin, describe_intake
from funnel.models import Lead, StageEvent, Team
from routing.acts.api import act_on_lead, describe_act, do
from routing.assignment.explain import why_owner
from routing.assignment.would import would_be
from routing.day.api import WorkActs
from routing.decisions import pauses, serializers, services
from routing.leads.filters import LeadFilter, ReferenceFilter, opened_at
from routing.leads.listing import order_of
from routing.leads.timeline import ordered
from routing.models import Clock, Meeting, RoutingPolicy
from routing.sales import deals, meetings
from routing.sales.handoff_api import HandOffActs
from scoring.api import explained, moment_of
from scoring.by_lead import model_for, readings_of
from scoring.explain import why_mql
from scoring.predictive.telling import of_lead
from scoring.serializers import LeadWhySerializer, MomentSerializer, PredictionSerializer


class LeadApiFilter(LeadFilter):
    pool = ReferenceFilter(queryset=Team.objects.all(), label="Id of the team in whose pool it waits, or none.")
    changed_since = filters.IsoDateTimeFilter(
        label="With a stage event recorded since this moment, whenever it happened.", method="changed"
    )

    def changed(self, queryset: QuerySet[Lead], _name: str, since: datetime) -> QuerySet[Lead]:
        return queryset.filter(pk__in=StageEvent.objects.filter(recorded_at__gte=since).values("lead"))


def _with_now(leads: Sequence[Any]) -> list[Any]:
    """Each lead with its person's score at this moment, under the version that decides about it, and when its next
    promise is due. The number of queries grows with the versions that decide, not with the leads.
    """
    readings = readings_of(leads, at=timezone.now())
    running = Clock.objects.filter(lead__in=[lead.pk for lead in leads], stopped_at=None)
    due = dict(running.values("lead").annotate(due=Min("due_at")).values_list("lead", "due"))
    for lead in leads:
        lead.reading, lead.due_at = readings.get(lead.pk), due.get(lead.pk)
    return list(leads)


@extend_schema_view(
    create=describe_intake(
        "leads",
        "Leads that another system opens. Without the date of a stage a new lead comes in now, at its entry stage.",
        example={
            "external_id": "crm-4711",
            "email": "lea.brunner@example.com",
            "first_name": "Lea",
            "last_name": "Brunner",
            "company": "Brunner Chemicals",
            "function": "partner",
        },
    )
)
class LeadViewSet(HandOffActs, IntakeMixin, WorkActs, funnel.VisibleViewSet):
    """Leads: one trip of one person through the funnel each. Latest moved first; latest opened first when narrowed
    by when they were opened. Voided leads are given only with state=void.
    """

    intake = "leads"
    queryset = Lead.objects.all()
    filterset_class = LeadApiFilter

    @property
    def keyset_order(self) -> tuple[str, ...]:  # type: ignore[override]
        given = {name: value for name, value in self.request.query_params.items() if value}
        return order_of(given)

    def get_serializer_class(self) -> type[serializers.LeadSerializer]:
        return serializers.LeadDetailSerializer if self.action == "retrieve" else serializers.LeadSerializer

    def dress(self, rows: QuerySet[Lead]) -> QuerySet[Lead]:
        references = (
            "person", "account", "owner", "pool", "reason", "channel", "content", "campaign", "region", "solution",
        )  # fmt: skip
        return rows.select_related(*references).annotate(opened=opened_at())

    def paginate_queryset(self, queryset: QuerySet[Lead]) -> list[Any] | None:  # type: ignore[override]
        return _with_now(super().paginate_queryset(queryset) or [])

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        (lead,) = _with_now([self.get_object()])
        lead.ordered_events = ordered(lead.events.select_related("actor", "reason"))
        return Response(self.get_serializer(lead).data)

    @describe_act("MQL to SAL: the lead meets the definition and will be worked. Accepting an unowned lead takes it.")
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        return act_on_lead(request, int(pk), lambda given, now: services.accept(int(pk), user=request.user, now=now))

    @describe_act(
        "Close the lead as disqualified, for a reason.",
        body=serializers.RejectSerializer,
        example={"reason": 17, "text": "A student"},
    )
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        def act(given: dict[str, Any], now: datetime) -> services.Done:
            return services.reject(
                int(pk), user=request.user, reason_id=given["reason"], text=given["text"], seen=given["stage"], now=now
            )

        return act_on_lead(request, int(pk), act, body=serializers.RejectSerializer)

    @describe_act(
        "Close the lead as recycled: the person may return, at the latest on the day to look again.",
        body=serializers.RecycleSerializer,
        example={"reason": 3, "revisit_on": "2027-01-15"},
    )
    @action(detail=True, methods=["post"])
    def recycle(self, request: Request, pk: str) -> Response:
        def act(given: dict[str, Any], now: datetime) -> services.Done:
            return services.recycle(
                int(pk), user=request.user, reason_id=given["reason"], revisit_on=given["revisit_on"],
                text=given["text"], seen=given["stage"], now=now,
            )  # fmt: skip

        return act_on_lead(request, int(pk), act, body=serializers.RecycleSerializer)

    @describe_act(
        "Open a closed lead again at the stage where it stood.",
        body=serializers.ReopenSerializer,
        example={"reason": 31},
    )
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        def act(given: dict[str, Any], now: datetime) -> services.Done:
            return services.reopen(int(pk), user=request.user, reason_id=given["reason"], now=now)

        return act_on_lead(request, int(pk), act, body=serializers.ReopenSerializer)

    @describe_act(
        "Take an act back within ten minutes, if nothing has happened to the lead since.",
        body=serializers.UndoSerializer,
        example={"event": 20817},
    )
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        def act(given: dict[str, Any], now: datetime) -> services.Done:
            get_object_or_404(StageEvent.objects.filter(lead=int(pk)), pk=given["event"])
            return services.undo(given["event"], user=request.user, now=now)

        return act_on_lead(request, int(pk), act, body=serializers.UndoSerializer)

    @describe_act("Take a lead that nobody owns.")
    @action(detail=True, methods=["post"])
    def claim(self, request: Request, pk: str) -> Response:
        return act_on_lead(request, int(pk), lambda given, now: services.claim(int(pk), user=request.user, now=now))

    @describe_act("Give the lead back into the pool it was claimed from, else that of its owner's team.")
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        return act_on_lead(request, int(pk), lambda given, now: services.release(int(pk), user=request.user, now=now))

    @describe_act("Give the lead to a rep.", body=serializers.ReassignSerializer, example={"rep": 5})
    @action(detail=True, methods=["post"])
    def reassign(self, request: Request, pk: str) -> Response:
        def act(given: dict[str, Any], now: datetime) -> services.Done:
            (done,) = services.reassign([int(pk)], rep_id=given["rep"], user=request.user, now=now)
            return done

        return act_on_lead(request, int(pk), act, body=serializers.ReassignSerializer)

    @describe_act(
        "Let the running clocks of the lead stand still: for the prospect's reply, or for missing data.",
        body=serializers.PauseSerializer,
        example={"kind": "reply", "until": "2026-06-18"},
    )
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        def act(given: dict[str, Any], now: datetime) -> services.Done:
            return pauses.pause(int(pk), **given, user=request.user, now=now)

        return act_on_lead(request, int(pk), act, body=serializers.PauseSerializer)

    @describe_act("Let the clocks of the lead run again before the pause is over.")
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        return act_on_lead(request, int(pk), lambda given, now: pauses.resume(int(pk), user=request.user, now=now))

    @describe_act(
        "Book a meeting with a lead at SAL or beyond; one lies ahead at a time.",
        body=serializers.BookSerializer,
        example={"starts_at": "2026-06-12T08:00:00Z"},
    )
    @action(detail=True, methods=["post"])
    def meetings(self, request: Request, pk: str) -> Response:
        def act(given: dict[str, Any], now: datetime) -> services.Done:
            return meetings.book(
                int(pk), starts_at=given["starts_at"], executive_id=given["executive"], user=request.user, now=now
            )

        return act_on_lead(request, int(pk), act, body=serializers.BookSerializer)

    @describe_act(
        "Make an opportunity of an SQL.",
        body=serializers.OpenDealSerializer,
        example={"name": "Brunner Chemicals: Monitoring", "amount": "64000.00", "currency": "EUR"},
    )
    @action(detail=True, methods=["post"])
    def opportunity(self, request: Request, pk: str) -> Response:
        def act(given: dict[str, Any], now: datetime) -> services.Done:
            return deals.open_from_lead(int(pk), **given, user=request.user, now=now)

        return act_on_lead(request, int(pk), act, body=serializers.OpenDealSerializer)

    @extend_schema(
        operation_id="leads_why_score",
        description="Why the score of the lead's person is what it is now, or was at a moment, and what made the lead "
        "an MQL: by the version that decides about the lead, or decided then.",
        parameters=[MomentSerializer],
        responses=LeadWhySerializer,
    )
    @action(detail=True, url_path="why-score")
    def why_score(self, request: Request, pk: str) -> Response:
        lead, at = self.get_object(), moment_of(request)
        model = model_for(lead, at=at)
        if model is None:
            raise NotFound("There is no score: no active version of the scoring model is for such a lead.")
        found = explained(lead.person_id, model, at=at)
        return Response(LeadWhySerializer(found.as_dict() | {"mql": why_mql(lead)}).data)

    @extend_schema(
        operation_id="leads_why_route",
        description="Why the lead has this owner and not another: the decision with every candidate, and the ledger. "
        "With a version, also who would get it now under that one.",
        parameters=[serializers.UnderSerializer],
        responses=serializers.WhyOwnerSerializer,
    )
    @action(detail=True, url_path="why-route")
    def why_route(self, request: Request, pk: str) -> Response:
        lead = self.get_object()
        asked = serializers.UnderSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = why_owner(lead).as_dict() | {"would": None}
        if version := asked.validated_data.get("under"):
            policy = RoutingPolicy.objects.prefetch_related("rules").filter(version=version).first()
            if policy is None:
                raise NotFound("There is no such version of the routing policy.")
            found["would"] = would_be(lead, policy, now=timezone.now()) | {"version": version}
        return Response(serializers.WhyOwnerSerializer(found).data)

    @extend_schema(
        operation_id="leads_prediction",
        description="How likely the lead is to come to something, by what became of earlier ones. It decides nothing.",
        responses=PredictionSerializer,
    )
    @action(detail=True)
    def prediction(self, request: Request, pk: str) -> Response:
        found = of_lead(self.get_object().pk)
        if found is None:
            raise NotFound("No likelihood was told of this lead: nothing was learnt yet, or it was never open since.")
        return Response(PredictionSerializer(found).data)


class MeetingFilter(filters.FilterSet):
    lead = filters.NumberFilter(label="Lead id.")
    ahead = filters.BooleanFilter(label="Nobody has said yet how it went.", method="lies_ahead")

    class Meta:
        model = Meeting
        fields: list[str] = []

    def lies_ahead(self, queryset: QuerySet[Meeting], _name: str, ahead: bool) -> QuerySet[Meeting]:
        return queryset.filter(outcome="") if ahead else queryset.exclude(outcome="")


class MeetingViewSet(funnel.ReadViewSet):
    """Meetings with leads that you see. Latest booked first."""

    queryset = Meeting.objects.order_by("-id")
    serializer_class = serializers.MeetingSerializer
    filterset_class = MeetingFilter

    def get_queryset(self) -> QuerySet[Meeting]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset().none()
        return super().get_queryset().filter(lead__in=visible_to(Lead.objects.all(), self.request.user))

    def dress(self, rows: QuerySet[Meeting]) -> QuerySet[Meeting]:
        return rows.select_related("rep").prefetch_related("attendees__rep", "attendees__person")

    @describe_act(
        "Say how the meeting went: held makes a lead at SAL an SQL. One that did not take place may be booked anew.",
        body=serializers.OutcomeSerializer,
        example={"outcome": "held"},
    )
    @action(detail=True, methods=["post"])
    def outcome(self, request: Request, pk: str) -> Response:
        meeting = self.get_object()

        def act(given: dict[str, Any], now: datetime) -> services.Done:
            return meetings.record_outcome(
                meeting.pk, outcome=given["outcome"], came=given["came"], rebook_for=given["rebook_for"],
                user=request.user, now=now,
            )  # fmt: skip

        return do(request, act, body=serializers.OutcomeSerializer, now=timezone.now())


class OpportunityViewSet(funnel.OpportunityViewSet):
    __doc__ = funnel.OpportunityViewSet.__doc__

    @describe_act(
        "Close a deal as won, lost or not decided; its lead follows, unless another deal of the lead is still open.",
        body=serializers.CloseDealSerializer,
        example={"state": "lost", "amount": "64000.00", "reason": 24},
    )
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        deal = self.get_object()

        def act(given: dict[str, Any], now: datetime) -> services.Done:
            return deals.close(
                deal.pk, state=given["state"], amount=given["amount"], reason_id=given["reason"], text=given["text"],
                user=request.user, now=now,
            )  # fmt: skip

        return do(request, act, body=serializers.CloseDealSerializer, now=timezone.now())

    @describe_act("Open a closed deal again; a lead that closed with it is back at Opportunity.")
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        deal = self.get_object()
        return do(request, lambda given, now: deals.reopen(deal.pk, user=request.user, now=now), now=timezone.now())
