"""The records of the funnel as the API gives them. Reading only; writing goes through imports and the pages."""

from rest_framework import serializers

from funnel.models import (
    Account,
    Campaign,
    Channel,
    Content,
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


class NamedSerializer(serializers.Serializer):
    """Another record by id and name."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class PersonSerializer(serializers.ModelSerializer):
    account = NamedSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Person
        fields = (
            "id", "email", "first_name", "last_name", "title", "company", "phone", "country", "city", "language",
            "account", "account_match", "opted_out", "do_not_call", "attributes", "created_at",
        )  # fmt: skip


class AccountSerializer(serializers.ModelSerializer):
    parent = NamedSerializer(read_only=True, allow_null=True)
    owner = NamedSerializer(read_only=True, allow_null=True)
    region = NamedSerializer(read_only=True, allow_null=True)
    domains: serializers.SlugRelatedField = serializers.SlugRelatedField("domain", many=True, read_only=True)

    class Meta:
        model = Account
        fields = (
            "id", "name", "kind", "domains", "parent", "owner", "region", "segment", "tier", "industry", "employees",
            "revenue", "country", "city", "phone", "attributes", "created_at",
        )  # fmt: skip


class OpportunitySerializer(serializers.ModelSerializer):
    account = NamedSerializer(read_only=True, allow_null=True)
    owner = NamedSerializer(read_only=True, allow_null=True)
    region = NamedSerializer(read_only=True, allow_null=True)
    solution = NamedSerializer(read_only=True, allow_null=True)
    reason = NamedSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Opportunity
        fields = (
            "id", "name", "account", "lead", "owner", "region", "solution", "motion", "deal_stage", "state", "amount",
            "currency", "opened_at", "expected_close_on", "closed_at", "reason", "source", "external_id",
        )  # fmt: skip


class OpportunityEventSerializer(serializers.ModelSerializer):
    class Meta:
        model = OpportunityEvent
        fields = ("id", "deal_stage", "state", "amount", "currency", "occurred_at", "recorded_at")


class OpportunityDetailSerializer(OpportunitySerializer):
    """A deal with its history, the latest last."""

    events = OpportunityEventSerializer(many=True, read_only=True)

    class Meta(OpportunitySerializer.Meta):
        fields = (*OpportunitySerializer.Meta.fields, "events")  # type: ignore[assignment]


class RegionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Region
        fields = ("id", "name", "parent")


class SolutionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Solution
        fields = ("id", "name")


class ChannelSerializer(serializers.ModelSerializer):
    class Meta:
        model = Channel
        fields = ("id", "name", "direction")


class ContentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Content
        fields = ("id", "name", "kind", "topic", "persona", "url")


class CampaignSerializer(serializers.ModelSerializer):
    class Meta:
        model = Campaign
        fields = (
            "id", "name", "channel", "region", "solution", "parent", "motion", "topic", "persona", "starts_on",
            "ends_on", "budget", "source", "external_id",
        )  # fmt: skip


class ReasonSerializer(serializers.ModelSerializer):
    class Meta:
        model = Reason
        fields = ("id", "kind", "stage", "name", "revisit_days", "needs_text", "active")


class TeamSerializer(serializers.ModelSerializer):
    class Meta:
        model = Team
        fields = ("id", "name", "kind", "region", "reports_to_marketing")


class RepSerializer(serializers.ModelSerializer):
    class Meta:
        model = Rep
        fields = ("id", "name", "email", "team", "region", "hired_on", "active", "source", "external_id")


class GlossaryTermSerializer(serializers.ModelSerializer):
    class Meta:
        model = GlossaryTerm
        fields = ("id", "slug", "term", "definition", "owner", "updated_at")
