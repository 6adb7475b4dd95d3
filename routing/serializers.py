"""Leads as the API gives them."""

from rest_framework import serializers

from funnel.models import Lead, Person, StageEvent
from funnel.path import MILESTONES
from funnel.serializers import NamedSerializer


class LeadPersonSerializer(serializers.ModelSerializer):
    class Meta:
        model = Person
        fields = ("id", "name", "email", "title", "company")


class LeadSerializer(serializers.ModelSerializer):
    person = LeadPersonSerializer(read_only=True)
    account = NamedSerializer(read_only=True, allow_null=True)
    owner = NamedSerializer(read_only=True, allow_null=True)
    reason = NamedSerializer(read_only=True, allow_null=True)
    channel = NamedSerializer(read_only=True, allow_null=True)
    content = NamedSerializer(read_only=True, allow_null=True)
    campaign = NamedSerializer(read_only=True, allow_null=True)
    region = NamedSerializer(read_only=True, allow_null=True)
    solution = NamedSerializer(read_only=True, allow_null=True)
    opened_at = serializers.DateTimeField(source="opened", read_only=True, allow_null=True)

    class Meta:
        model = Lead
        fields = (
            "id", "person", "number", "account", "stage", "stage_since", *MILESTONES.values(), "opened_at", "closed_at",
            "exit", "reason", "passthrough", "owner", "revisit_on", "entry_stage", "function", "motion", "channel",
            "content", "campaign", "region", "segment", "solution", "source", "external_id", "recorded_at",
        )  # fmt: skip
        read_only_fields = fields


class StageEventSerializer(serializers.ModelSerializer):
    reason = NamedSerializer(read_only=True, allow_null=True)
    actor = serializers.CharField(source="actor.get_username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = StageEvent
        fields = (
            "id", "kind", "from_stage", "to_stage", "occurred_at", "recorded_at", "actor", "reason", "policy", "cause",
            "supersedes",
        )  # fmt: skip


class LeadDetailSerializer(LeadSerializer):
    """A lead with every stage event, in the order in which they count."""

    events = StageEventSerializer(many=True, read_only=True, source="ordered_events")

    class Meta(LeadSerializer.Meta):
        fields = (*LeadSerializer.Meta.fields, "events")
