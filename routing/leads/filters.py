"""What narrows a list of leads: the same parameters in the address of the page, in its export and in the API."""

from datetime import date, datetime, time, timedelta
from typing import Any

import django_filters as filters
from django.db.models import Func, QuerySet
from django.db.models.functions import Least
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from funnel.models import Campaign, Channel, Exit, Function, Lead, Region, Rep, Solution, Stage
from funnel.path import MILESTONES
from funnel.personas import persona_of
from funnel.search import SHORTEST, lead_ids_found

NOBODY = "none"  # owner=none, campaign=none: leads without one
STATES = [("open", "Open"), ("closed", "Closed"), *Exit.choices]


def opened_at() -> Func:
    """When a lead came in: its first milestone, whichever stage it entered at."""
    return Least(*MILESTONES.values())


def start_of(day: date) -> datetime:
    """Midnight of `day` where the viewer is."""
    return timezone.make_aware(datetime.combine(day, time.min))


@extend_schema_field(OpenApiTypes.STR)
class ReferenceFilter(filters.ModelChoiceFilter):
    """Another record by id; "none" for leads without one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, null_label="None", null_value=NOBODY, **kwargs)


class LeadFilter(filters.FilterSet):
    """Leads that count (voided ones only on demand), narrowed by what the query says."""

    q = filters.CharFilter(label="Name, e-mail or company", method="search", max_length=200)
    stage = filters.ChoiceFilter(choices=Stage.choices)
    state = filters.ChoiceFilter(choices=STATES, method="in_state")
    owner = ReferenceFilter(queryset=Rep.objects.all(), label="Id of the owner, or none.")
    campaign = ReferenceFilter(queryset=Campaign.objects.all(), label="Id of the campaign, or none.")
    channel = ReferenceFilter(queryset=Channel.objects.all(), label="Id of the channel, or none.")
    region = ReferenceFilter(queryset=Region.objects.all(), label="Id of the region, or none.")
    solution = ReferenceFilter(queryset=Solution.objects.all(), label="Id of the solution, or none.")
    persona = filters.CharFilter(label="Persona of the person, or none.", method="of_persona", max_length=300)
    function = filters.ChoiceFilter(label="Source function", choices=Function.choices)
    source = filters.CharFilter(label="System of record", max_length=60)
    opened_from = filters.DateFilter(label="Opened from", method="since")
    opened_to = filters.DateFilter(label="Opened to (inclusive)", method="until")

    class Meta:
        model = Lead
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Lead]) -> QuerySet[Lead]:
        queryset = super().filter_queryset(queryset)
        if self.form.cleaned_data.get("state") == Exit.VOID:
            return queryset
        return queryset.exclude(exit=Exit.VOID)

    def search(self, queryset: QuerySet[Lead], _name: str, text: str) -> QuerySet[Lead]:
        text = text.replace("\x00", "").strip()
        return queryset.filter(pk__in=lead_ids_found(text)) if len(text) >= SHORTEST else queryset

    def of_persona(self, queryset: QuerySet[Lead], _name: str, persona: str) -> QuerySet[Lead]:
        wanted = None if persona == NOBODY else persona
        return queryset.alias(persona=persona_of("person")).filter(persona=wanted)

    def in_state(self, queryset: QuerySet[Lead], _name: str, state: str) -> QuerySet[Lead]:
        if state == "open":
            return queryset.open()  # type: ignore[attr-defined]
        return queryset.exclude(closed_at=None) if state == "closed" else queryset.filter(exit=state)

    def since(self, queryset: QuerySet[Lead], _name: str, day: date) -> QuerySet[Lead]:
        return queryset.alias(opened=opened_at()).filter(opened__gte=start_of(day))

    def until(self, queryset: QuerySet[Lead], _name: str, day: date) -> QuerySet[Lead]:
        return queryset.alias(opened=opened_at()).filter(opened__lt=start_of(day + timedelta(days=1)))

    def values(self) -> dict[str, Any]:
        """What narrows the list, by parameter; a value that was not understood is left out."""
        cleaned = self.form.cleaned_data if self.form.is_valid() or self.form.cleaned_data else {}
        return {name: value for name, value in cleaned.items() if value not in (None, "")}
