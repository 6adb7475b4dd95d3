"""Leads over the API: the list with the filters of the page, and one with its events."""

from datetime import datetime
from typing import Any

import django_filters as filters
from django.db.models import QuerySet

from funnel.api import VisibleViewSet
from funnel.models import Lead, StageEvent
from routing.filters import LeadFilter, opened_at
from routing.leads import order_of
from routing.serializers import LeadDetailSerializer, LeadSerializer
from routing.timeline import ordered


class LeadApiFilter(LeadFilter):
    changed_since = filters.IsoDateTimeFilter(
        label="With a stage event recorded since this moment, whenever it happened.", method="changed"
    )

    def changed(self, queryset: QuerySet[Lead], _name: str, since: datetime) -> QuerySet[Lead]:
        return queryset.filter(pk__in=StageEvent.objects.filter(recorded_at__gte=since).values("lead"))


class LeadViewSet(VisibleViewSet):
    """Leads: one trip of one person through the funnel each. Latest moved first; latest opened first when narrowed
    by when they were opened. Voided leads are given only with state=void.
    """

    queryset = Lead.objects.all()
    filterset_class = LeadApiFilter

    @property
    def keyset_order(self) -> tuple[str, ...]:  # type: ignore[override]
        given = {name: value for name, value in self.request.query_params.items() if value}
        return order_of(given)

    def get_serializer_class(self) -> type[LeadSerializer]:
        return LeadDetailSerializer if self.action == "retrieve" else LeadSerializer

    def dress(self, rows: QuerySet[Lead]) -> QuerySet[Lead]:
        references = ("person", "account", "owner", "reason", "channel", "content", "campaign", "region", "solution")
        return rows.select_related(*references).annotate(opened=opened_at())

    def get_object(self) -> Any:
        lead = super().get_object()
        lead.ordered_events = ordered(lead.events.select_related("actor", "reason"))
        return lead
