"""A score explained, as the API gives it: the parts of `scoring.explain`."""

from typing import Any

from rest_framework import serializers


class CategorySerializer(serializers.Serializer):
    name = serializers.CharField()
    axis = serializers.CharField()
    cap = serializers.FloatField(allow_null=True)
    raw = serializers.FloatField(help_text="What its parts come to.")
    counted = serializers.FloatField(help_text="What of it counts.")
    cap_took = serializers.FloatField()


class TouchPartSerializer(serializers.Serializer):
    activity_id = serializers.IntegerField()
    occurred_at = serializers.DateTimeField()
    type = serializers.CharField()
    rule = serializers.CharField()
    category = serializers.CharField()
    points_then = serializers.FloatField()
    points_now = serializers.FloatField(help_text="What is left of it at the moment asked for.")
    note = serializers.CharField()


class AttributePartSerializer(serializers.Serializer):
    rule = serializers.CharField()
    category = serializers.CharField()
    points = serializers.FloatField()
    known = serializers.BooleanField()
    holds = serializers.BooleanField()


class SilencePartSerializer(serializers.Serializer):
    rule = serializers.CharField()
    category = serializers.CharField()
    points = serializers.FloatField()


class GatePartSerializer(serializers.Serializer):
    name = serializers.CharField()
    kind = serializers.CharField()
    holds = serializers.BooleanField(allow_null=True, help_text="null while what it asks for is not known.")
    detail = serializers.CharField()


class NextChangeSerializer(serializers.Serializer):
    moment = serializers.DateTimeField()
    words = serializers.CharField()
    sentence = serializers.CharField()


class WhySerializer(serializers.Serializer):
    """A score and its parts: interest is the sum of what the interest categories count, fit that of the others."""

    person_id = serializers.IntegerField()
    at = serializers.DateTimeField()
    policy = serializers.CharField(help_text="The version that scores, as decisions name it.")
    model = serializers.CharField(help_text="The version by name, and the leads that it is for.")
    interest = serializers.FloatField()
    threshold = serializers.FloatField()
    fit = serializers.FloatField()
    grade = serializers.CharField()
    band = serializers.IntegerField()
    action = serializers.CharField()
    eligible = serializers.BooleanField()
    allowed = serializers.BooleanField()
    baseline_at = serializers.DateTimeField(allow_null=True)
    categories = CategorySerializer(many=True)
    touches = TouchPartSerializer(many=True)
    attributes = AttributePartSerializer(many=True)
    silences = SilencePartSerializer(many=True)
    gates = GatePartSerializer(many=True)
    next_change = NextChangeSerializer(allow_null=True)
    sentence = serializers.CharField()


class CheckSerializer(serializers.Serializer):
    """One condition of the MQL rule, at the moment of the MQL event."""

    name = serializers.CharField()
    holds = serializers.BooleanField()
    detail = serializers.CharField()


class LeadWhySerializer(WhySerializer):
    """The score of the lead's person, and what made the lead an MQL."""

    mql: Any = CheckSerializer(many=True)


class MomentSerializer(serializers.Serializer):
    """When to look."""

    at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="As it was known then; by default now."
    )


class PersonMomentSerializer(MomentSerializer):
    """When to look, and by which version."""

    version = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        help_text="Number of a published version; by default the one that decides about all leads.",
    )
