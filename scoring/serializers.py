"""A score explained, as the API gives it: the parts of `scoring.explain`."""

from typing import Any

from rest_framework import serializers

from funnel import serializers as funnel
from scoring.models import Prediction


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


class StagePartSerializer(serializers.Serializer):
    """What of the interest comes from content of one buying stage; blank: from touches whose content does not say."""

    stage = serializers.CharField()
    name = serializers.CharField()
    interest = serializers.FloatField()
    touches = serializers.IntegerField()
    last_at = serializers.DateTimeField()
    content = serializers.ListField(child=serializers.CharField(), help_text="The latest pieces.")


class NextChangeSerializer(serializers.Serializer):
    moment = serializers.DateTimeField()
    words = serializers.CharField(help_text="The sentence without the moment and what would change it.")
    unless = serializers.CharField(help_text="What would change it, as the end of the sentence.")
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
    buying_stages = StagePartSerializer(many=True)
    whereabouts = serializers.CharField(help_text="Where they are in buying, in a sentence; blank while not known.")
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


class AccountScoreSerializer(serializers.Serializer):
    """Where an account stood when it was scored last; `accounts/{id}/score/` says where it stands now."""

    engagement = serializers.FloatField(help_text="0 to 100: what its people come to together.")
    threshold = serializers.FloatField(help_text="What an account of its tier needs.")
    over = serializers.BooleanField()
    over_since = serializers.DateTimeField(allow_null=True)
    breadth = serializers.IntegerField(help_text="Distinct roles with somebody engaged.")
    people = serializers.IntegerField(help_text="People who are engaged.")
    depth = serializers.FloatField(help_text="All points of its people, before caps and weights.")
    week = serializers.FloatField(help_text="Points earned in the last seven days.")
    weeks_before = serializers.FloatField(help_text="Points earned a week on average in the three weeks before.")
    last_at = serializers.DateTimeField(allow_null=True, help_text="The latest touch from any of its people.")
    scored_at = serializers.DateTimeField()


class AccountSerializer(funnel.AccountSerializer):
    score = AccountScoreSerializer(read_only=True, allow_null=True, help_text="null while nobody of it is scored.")

    class Meta(funnel.AccountSerializer.Meta):
        fields: tuple[str, ...] = (*funnel.AccountSerializer.Meta.fields, "score")  # type: ignore[assignment]


class StandingSerializer(serializers.Serializer):
    account_id = serializers.IntegerField()
    engagement = serializers.FloatField()
    threshold = serializers.FloatField()
    over = serializers.BooleanField()
    since = serializers.DateTimeField(allow_null=True)
    breadth = serializers.IntegerField()
    people = serializers.IntegerField()
    depth = serializers.FloatField()
    week = serializers.FloatField()
    weeks_before = serializers.FloatField()
    last_at = serializers.DateTimeField(allow_null=True)


class RolePartSerializer(serializers.Serializer):
    role = serializers.CharField()
    label: Any = serializers.CharField()
    weight = serializers.FloatField()
    cap = serializers.FloatField()
    people = serializers.IntegerField()
    points = serializers.FloatField(help_text="Interest of those in the role.")
    counted = serializers.FloatField(help_text="What of it counts.")
    adds = serializers.FloatField(help_text="Weight times what counts.")


class ScoreReasonSerializer(serializers.Serializer):
    label: Any = serializers.CharField()
    points = serializers.FloatField()


class MemberPartSerializer(serializers.Serializer):
    person_id = serializers.IntegerField()
    name = serializers.CharField()
    title = serializers.CharField()
    role = serializers.CharField(help_text="As the title suggests.")
    interest = serializers.FloatField()
    engaged = serializers.BooleanField()
    reasons = ScoreReasonSerializer(many=True)


class WeekPartSerializer(serializers.Serializer):
    starts_on = serializers.DateField()
    points = serializers.FloatField()


class WhyAccountSerializer(serializers.Serializer):
    """An account's score and its parts: what the roles add sums to the engagement, at most 100."""

    at = serializers.DateTimeField()
    policy = serializers.CharField()
    tier = serializers.IntegerField(allow_null=True)
    standing = StandingSerializer()
    engaged_from = serializers.FloatField()
    roles = RolePartSerializer(many=True)
    members = MemberPartSerializer(many=True, help_text="Those with most interest whom you may see.")
    more_members = serializers.IntegerField()
    weeks = WeekPartSerializer(many=True)
    sentence = serializers.CharField()


class LikelihoodPartSerializer(serializers.Serializer):
    """What one field adds to the log-odds of a lead, against the average lead."""

    field = serializers.CharField()
    words = serializers.CharField()
    log_odds = serializers.FloatField()


class PredictionSerializer(serializers.ModelSerializer):
    """The likelihood of a lead by past outcomes. base, contributions and rest sum to log_odds, before calibration."""

    outcome = serializers.CharField(source="model.outcome", read_only=True)
    within_days = serializers.IntegerField(source="model.within_days", read_only=True)
    base = serializers.SerializerMethodField(help_text="The log-odds of the average lead.")
    contributions = LikelihoodPartSerializer(many=True, read_only=True, help_text="The strongest.")
    rest = serializers.FloatField(read_only=True, help_text="What all other fields add together.")
    learnt_from = serializers.IntegerField(source="model.n", read_only=True, help_text="Leads.")
    trained_at = serializers.DateTimeField(source="model.trained_at", read_only=True)

    class Meta:
        model = Prediction
        fields = (
            "lead", "probability", "outcome", "within_days", "log_odds", "base", "contributions", "rest",
            "model", "learnt_from", "trained_at", "at",
        )  # fmt: skip
        read_only_fields = fields

    def get_base(self, prediction: Prediction) -> float:
        told = sum(part["log_odds"] for part in prediction.contributions)
        return prediction.log_odds - told - prediction.rest
