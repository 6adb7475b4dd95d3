"""What may be asked of a metric over the API, and what comes back."""

import json
from typing import Any

from django.conf import settings
from rest_framework import serializers

from reporting.metrics import BASES, METRICS, OBJECTS
from reporting.questions import Question
from scoring.models import Experiment


class DefinitionSerializer(serializers.Serializer):
    """A metric in words."""

    name = serializers.CharField()
    title = serializers.CharField()
    sentence = serializers.CharField()
    formula = serializers.CharField()
    unit = serializers.CharField()
    bases: serializers.ListField = serializers.ListField(child=serializers.CharField())


class QuestionSerializer(serializers.Serializer):
    """The same as the command `metric`."""

    object = serializers.ChoiceField(
        OBJECTS, required=False, help_text="Default: leads; opportunities for win-rate and pipeline."
    )
    basis = serializers.ChoiceField(BASES, required=False, help_text="Default: cohort; period for win-rate.")
    from_day = serializers.DateField(required=False, help_text="First day of the period, in the zone.")
    to_day = serializers.DateField(required=False, help_text="Last day of the period, included.")
    from_stage = serializers.CharField(required=False, help_text="Default: inquiry.")
    to_stage = serializers.CharField(required=False, help_text="A stage or an exit. Default: won.")
    window = serializers.IntegerField(
        required=False, min_value=0, max_value=100_000, help_text="Most days from stage to stage, included."
    )
    threshold = serializers.CharField(
        required=False, help_text="For score-quality: how many points at least, separated by commas: 30,40."
    )
    by = serializers.CharField(
        required=False, help_text="Dimensions to split by, separated by commas: channel,month. Labels as loaded."
    )
    where = serializers.CharField(
        required=False,
        help_text='JSON object, dimension to label or labels, null for blank: {"channel": ["email", null]}.',
    )
    tz = serializers.CharField(required=False, help_text="Where days begin. Default: the reporting zone.")
    as_of = serializers.DateTimeField(required=False, help_text="Only what was recorded by then.")

    def validate_by(self, text: str) -> tuple[str, ...]:
        return tuple(name.strip() for name in text.split(",") if name.strip())

    def validate_threshold(self, text: str) -> tuple[float, ...]:
        try:
            return tuple(float(number) for number in text.split(",") if number.strip())
        except ValueError:
            raise serializers.ValidationError("Write numbers separated by commas, like 30,40.") from None

    def validate_where(self, text: str) -> dict[str, Any]:
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise serializers.ValidationError('Write a JSON object, like {"channel": ["email", null]}.')
        return found

    def question(self, metric: str) -> Question:
        """The validated question about `metric`, a key of METRICS."""
        given = dict(self.validated_data)
        first, last = given.pop("from_day", None), given.pop("to_day", None)
        given.setdefault("tz", settings.REPORTING_ZONE)
        given["thresholds"] = given.pop("threshold", ())
        return Question(metric=metric, first=first, last=last, **given)


class AnswerSerializer(serializers.Serializer):
    """The figure: what it is, and one row a combination of the dimensions."""

    metric = serializers.ChoiceField(sorted(METRICS))
    object = serializers.ChoiceField(OBJECTS)
    definition = serializers.CharField()
    formula = serializers.CharField()
    unit = serializers.CharField()
    basis = serializers.ChoiceField(BASES)
    zone = serializers.CharField()
    fresh_at = serializers.DateTimeField(help_text="Everything committed before this moment is counted.")
    rows: serializers.ListField = serializers.ListField(
        child=serializers.DictField(),
        help_text=(
            "The dimensions, then numerator, denominator, value, low and high (Wilson 95 %), or n, median, p75, p90, "
            "mean, min and excluded in days, or won, lost, win_rate and won_value, or threshold, precision, recall and "
            "auc, or count. No data is null."
        ),
    )


class TalkingBandSerializer(serializers.Serializer):
    """Leads of one band of interest."""

    start = serializers.IntegerField()
    name = serializers.CharField()
    k = serializers.IntegerField(help_text="Of them agreed to talk.")
    n = serializers.IntegerField(help_text="Leads.")
    rate = serializers.FloatField(allow_null=True, help_text="null below five leads.")
    low = serializers.FloatField(help_text="Of the 95 % Wilson interval.")
    high = serializers.FloatField()


class TalkingPointSerializer(serializers.Serializer):
    """One path: a solution, or all leads (solution null; blank: leads without one)."""

    solution = serializers.CharField(allow_null=True)
    k = serializers.IntegerField(source="point.k", help_text="Leads whose buyer agreed to talk within sixty days.")
    n = serializers.IntegerField(source="point.n", help_text="Leads that have had their sixty days.")
    start = serializers.IntegerField(
        source="point.start", allow_null=True, help_text="They talk from this interest on; null: none stands out."
    )
    enough = serializers.BooleanField(source="point.enough", help_text="Whether there are leads enough to say.")
    sentence = serializers.CharField(source="point.sentence")
    bands = TalkingBandSerializer(source="point.bands", many=True)


class ArmSerializer(serializers.Serializer):
    """One arm: of the `ripe`, whose time for the outcome is over, `reached` reached it."""

    version = serializers.IntegerField()
    people = serializers.IntegerField(help_text="Assigned so far.")
    ripe = serializers.IntegerField()
    reached = serializers.IntegerField()
    rate = serializers.FloatField(allow_null=True, help_text="null below five people.")
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class EffectSerializer(serializers.Serializer):
    """The changed arm's rate minus the control's, with its 95 % interval."""

    changed = ArmSerializer()
    control = ArmSerializer()
    difference = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class ExperimentSerializer(serializers.ModelSerializer):
    control = serializers.IntegerField(source="control.version", help_text="Number of the version.")
    changed = serializers.IntegerField(source="changed.version")
    kind = serializers.CharField(help_text="threshold, rule or holdout.")
    outcome = serializers.CharField(help_text="sal, sql or won.")
    status = serializers.CharField(help_text="draft, running or stopped.")

    class Meta:
        model = Experiment
        fields: tuple[str, ...] = (
            "id", "name", "hypothesis", "kind", "change", "control", "changed", "share", "outcome", "outcome_days",
            "status", "started_at", "stopped_at",
        )  # fmt: skip


class ExperimentDetailSerializer(ExperimentSerializer):
    effect = EffectSerializer()

    class Meta(ExperimentSerializer.Meta):
        fields = (*ExperimentSerializer.Meta.fields, "effect")
