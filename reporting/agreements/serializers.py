"""The agreement and its reviews as the API gives them."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from funnel.access import name_of
from reporting.models import Agreement, Review, ReviewAction, Target


class SignerField(serializers.Field):
    """A user by name."""

    def to_representation(self, value: Any) -> str:
        return name_of(value)


_Signer = extend_schema_field(OpenApiTypes.STR)(SignerField)


class TargetSerializer(serializers.ModelSerializer):
    side = serializers.CharField(help_text="marketing or sales.")
    direction = serializers.CharField(help_text="least or most.")
    value = serializers.FloatField(help_text="Leads for counts, a share of 1 for rates, stars for ratings.")
    every = serializers.CharField(help_text="month or quarter.")

    class Meta:
        model = Target
        fields = ("side", "measure", "direction", "value", "every")


class AgreementSerializer(serializers.ModelSerializer):
    status = serializers.CharField(help_text="draft, published (in force) or retired.")
    marketing_signer = _Signer(read_only=True)
    sales_signer = _Signer(read_only=True)
    targets = TargetSerializer(many=True, read_only=True)

    class Meta:
        model = Agreement
        fields: tuple[str, ...] = (
            "id", "version", "name", "why", "status", "marketing_signer", "marketing_signed_at", "sales_signer",
            "sales_signed_at", "in_force_at", "retired_at", "targets",
        )  # fmt: skip


class AgreementDetailSerializer(AgreementSerializer):
    attainment: serializers.ListField = serializers.ListField(
        child=serializers.DictField(),
        help_text="By side: its promises, each with its latest periods: value, k, n, low and high (Wilson 95 %), "
        "verdict (met, missed, so_far, few, no_data), final_on, and whether this version judges the period.",
    )

    class Meta(AgreementSerializer.Meta):
        fields = (*AgreementSerializer.Meta.fields, "attainment")


class ReviewActionSerializer(serializers.ModelSerializer):
    owner = _Signer(read_only=True)

    class Meta:
        model = ReviewAction
        fields = ("id", "text", "owner", "due_on", "done_at")


class ReviewSerializer(serializers.ModelSerializer):
    actions = ReviewActionSerializer(many=True, read_only=True)

    class Meta:
        model = Review
        fields: tuple[str, ...] = ("id", "held_on", "starts_on", "ends_on", "guests", "closed_at", "actions")


class ReviewDetailSerializer(ReviewSerializer):
    pack = serializers.JSONField(
        read_only=True, help_text="The figures as they were when the review was closed; null while it is open."
    )

    class Meta(ReviewSerializer.Meta):
        fields = (*ReviewSerializer.Meta.fields, "minutes", "pack")
