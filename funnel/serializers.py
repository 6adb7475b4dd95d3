"""The records of the funnel as the API gives them, and its answers. Rows come in through `intake_api.py`."""

from rest_framework import serializers

from funnel.models import (
    Account,
    Activity,
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


class ProblemSerializer(serializers.Serializer):
    """One thing that went wrong; `attr` names the field or parameter it is about."""

    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True)


class ProblemsSerializer(serializers.Serializer):
    """How every request that fails is answered."""

    type = serializers.ChoiceField(["validation_error", "client_error", "server_error"])
    errors = ProblemSerializer(many=True)  # type: ignore[assignment]


class IntakeAnswerSerializer(serializers.Serializer):
    """What became of one row."""

    index = serializers.IntegerField(help_text="The row's place in the list, from 0.")
    status = serializers.ChoiceField(["created", "updated", "unchanged", "skipped", "error"])
    id = serializers.IntegerField(allow_null=True)
    errors = ProblemSerializer(many=True, required=False)  # type: ignore[assignment]
    warnings = serializers.ListField(child=serializers.CharField(), required=False)


class IntakeSerializer(serializers.Serializer):
    """What became of each row of a list. For one object the answer is its row alone."""

    results = IntakeAnswerSerializer(many=True)


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


class ActivitySerializer(serializers.ModelSerializer):
    person = serializers.IntegerField(source="person_id", allow_null=True)
    account = NamedSerializer(read_only=True, allow_null=True)
    channel = NamedSerializer(read_only=True, allow_null=True)
    campaign = NamedSerializer(read_only=True, allow_null=True)
    content = NamedSerializer(read_only=True, allow_null=True)
    solution = NamedSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Activity
        fields = (
            "id", "person", "account", "type", "direction", "automatic", "counts_as_response", "channel", "campaign",
            "content", "solution", "occurred_at", "recorded_at", "voided_at", "payload", "source", "external_id",
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
        fields = ("id", "name", "kind", "topic", "persona", "buying_stage", "url")


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
        fields = ("id", "kind", "stage", "name", "revisit_days", "needs_text", "reroutes", "active")


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
