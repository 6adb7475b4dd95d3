"""Touches, people, accounts, opportunities and reference data over the API: what the user may see; touches come in."""

import django_filters as filters
from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema_view
from rest_framework.exceptions import ValidationError
from rest_framework.viewsets import ReadOnlyModelViewSet

from funnel import serializers
from funnel.access import visible_to
from funnel.intake_api import IntakeMixin, describe_intake
from funnel.models import (
    Account,
    Activity,
    Campaign,
    Channel,
    Content,
    DealState,
    GlossaryTerm,
    Opportunity,
    OpportunityEvent,
    Person,
    Reason,
    Region,
    Rep,
    Solution,
    Team,
)
from funnel.paging import KeysetPagination
from funnel.search import SHORTEST, accounts_found, people_found


class ReadViewSet(ReadOnlyModelViewSet):
    """A list paged by id, latest first, and one record."""

    pagination_class = KeysetPagination
    keyset_order: tuple[str, ...] = ("id",)
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet:
        """One record comes with all that its serializer reads; a list is dressed a page at a time (paging.py)."""
        queryset = super().get_queryset()
        return self.dress(queryset) if self.detail else queryset

    def dress(self, rows: QuerySet) -> QuerySet:
        """Add what the serializer reads of other tables."""
        return rows

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Filters narrow lists; one record is asked for by its id alone."""
        return queryset if self.detail else super().filter_queryset(queryset)


class VisibleViewSet(ReadViewSet):
    """Records of which not everybody sees all. What one may not see does not exist."""

    def get_queryset(self) -> QuerySet:
        if getattr(self, "swagger_fake_view", False):  # the description of the API is drawn without a user
            return super().get_queryset().none()
        return visible_to(super().get_queryset(), self.request.user)


class PersonFilter(filters.FilterSet):
    q = filters.CharFilter(label="How a name or an e-mail address begins.", method="search", min_length=SHORTEST)
    email = filters.CharFilter(label="The whole address.", method="address")
    account = filters.NumberFilter(label="Account id.")

    class Meta:
        model = Person
        fields: list[str] = []

    def search(self, queryset: QuerySet[Person], _name: str, text: str) -> QuerySet[Person]:
        return queryset.filter(pk__in=people_found(text).values("pk"))

    def address(self, queryset: QuerySet[Person], _name: str, text: str) -> QuerySet[Person]:
        return queryset.filter(email=text.strip().lower())


class PersonViewSet(VisibleViewSet):
    """People. Newest first."""

    queryset = Person.objects.order_by("-id")
    serializer_class = serializers.PersonSerializer
    filterset_class = PersonFilter

    def dress(self, rows: QuerySet[Person]) -> QuerySet[Person]:
        return rows.select_related("account")


class AccountFilter(filters.FilterSet):
    q = filters.CharFilter(label="How the name begins.", method="search", min_length=SHORTEST)
    domain = filters.CharFilter(label="An e-mail domain of the account.", field_name="domains__domain")
    kind = filters.ChoiceFilter(choices=Account.Kind.choices)
    owner = filters.NumberFilter(label="Rep id.")
    region = filters.NumberFilter(label="Region id.")

    class Meta:
        model = Account
        fields: list[str] = []

    def search(self, queryset: QuerySet[Account], _name: str, text: str) -> QuerySet[Account]:
        return queryset.filter(pk__in=accounts_found(text).values("pk"))


class AccountViewSet(VisibleViewSet):
    """Accounts. Newest first."""

    queryset = Account.objects.order_by("-id")
    serializer_class = serializers.AccountSerializer
    filterset_class = AccountFilter

    def dress(self, rows: QuerySet[Account]) -> QuerySet[Account]:
        return rows.select_related("parent", "owner", "region").prefetch_related("domains")


class OpportunityFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=DealState.choices)
    account = filters.NumberFilter(label="Account id.")
    lead = filters.NumberFilter(label="Lead id.")
    owner = filters.NumberFilter(label="Rep id.")
    region = filters.NumberFilter(label="Region id.")
    solution = filters.NumberFilter(label="Solution id.")

    class Meta:
        model = Opportunity
        fields: list[str] = []


class OpportunityViewSet(VisibleViewSet):
    """Opportunities; one of them with the history of its stage, state and amount. Newest first."""

    queryset = Opportunity.objects.order_by("-id")
    filterset_class = OpportunityFilter

    def get_serializer_class(self) -> type[serializers.OpportunitySerializer]:
        detail = self.action == "retrieve"
        return serializers.OpportunityDetailSerializer if detail else serializers.OpportunitySerializer

    def dress(self, rows: QuerySet[Opportunity]) -> QuerySet[Opportunity]:
        rows = rows.select_related("account", "owner", "region", "solution", "reason")
        history = Prefetch("events", OpportunityEvent.objects.order_by("occurred_at", "id"))
        return rows.prefetch_related(history) if self.detail else rows


class ActivityFilter(filters.FilterSet):
    person = filters.NumberFilter(label="Person id.")
    account = filters.NumberFilter(label="Account id, for touches that name no person.")
    campaign = filters.NumberFilter(label="Campaign id.")
    source = filters.CharFilter(label="The system it came from; together with external_id.")
    external_id = filters.CharFilter(label="What the source calls it; together with source.")

    class Meta:
        model = Activity
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Activity]) -> QuerySet[Activity]:
        """A touch's key is both: only together an index finds them among millions."""
        given = self.form.cleaned_data
        if bool(given.get("source")) != bool(given.get("external_id")):
            missing = "external_id" if given.get("source") else "source"
            raise ValidationError({missing: "Give source and external_id together; they are the key of a touch."})
        return super().filter_queryset(queryset)


@extend_schema_view(
    create=describe_intake(
        "activities",
        "Touches as they happen: the person is found or made, scored, and may become a lead.",
        example={
            "external_id": "form-20817",
            "type": "demo_request",
            "email": "lea.brunner@example.com",
            "company": "Brunner Chemicals",
            "counts_as_response": True,
            "channel": "Organic search",
            "occurred_at": "2026-06-01T09:30:00Z",
            "payload": {"page": "/pricing"},
        },
    )
)
class ActivityViewSet(IntakeMixin, VisibleViewSet):
    """Touches. Latest learnt first."""

    intake = "activities"
    queryset = Activity.objects.order_by("-id")
    serializer_class = serializers.ActivitySerializer
    filterset_class = ActivityFilter

    def dress(self, rows: QuerySet[Activity]) -> QuerySet[Activity]:
        return rows.select_related("account", "channel", "campaign", "content", "solution")


# --- Reference data: the same for everybody -------------------------------------------------------


class RegionViewSet(ReadViewSet):
    """Regions."""

    queryset = Region.objects.all()
    serializer_class = serializers.RegionSerializer


class SolutionViewSet(ReadViewSet):
    """Solutions."""

    queryset = Solution.objects.all()
    serializer_class = serializers.SolutionSerializer


class ChannelViewSet(ReadViewSet):
    """Channels."""

    queryset = Channel.objects.all()
    serializer_class = serializers.ChannelSerializer


class ContentViewSet(ReadViewSet):
    """Content."""

    queryset = Content.objects.all()
    serializer_class = serializers.ContentSerializer


class CampaignViewSet(ReadViewSet):
    """Campaigns."""

    queryset = Campaign.objects.all()
    serializer_class = serializers.CampaignSerializer
    filterset_fields = ("channel", "region", "solution", "motion", "source", "external_id")


class ReasonViewSet(ReadViewSet):
    """Reasons for which leads and deals leave."""

    queryset = Reason.objects.all()
    serializer_class = serializers.ReasonSerializer
    filterset_fields = ("kind", "active")


class TeamViewSet(ReadViewSet):
    """Teams."""

    queryset = Team.objects.all()
    serializer_class = serializers.TeamSerializer


class RepViewSet(ReadViewSet):
    """Reps: those who own leads and deals."""

    queryset = Rep.objects.all()
    serializer_class = serializers.RepSerializer
    filterset_fields = ("team", "active", "source", "external_id")


class GlossaryViewSet(ReadViewSet):
    """The company's words."""

    queryset = GlossaryTerm.objects.all()
    serializer_class = serializers.GlossaryTermSerializer
    filterset_fields = ("slug",)
