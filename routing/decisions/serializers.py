"""Leads as the API gives them, what an act on one needs, and what it answers."""

from typing import Any

from rest_framework import serializers

from funnel.models import DealState, Lead, Person, Stage, StageEvent
from funnel.path import MILESTONES, RANK
from funnel.serializers import NamedSerializer
from routing.models import Attendee, Meeting, Pause


class LeadPersonSerializer(serializers.ModelSerializer):
    class Meta:
        model = Person
        fields = ("id", "name", "email", "title", "company")


class ScoreSerializer(serializers.Serializer):
    """The score of the lead's person at this moment, under the version that decides about the lead."""

    policy = serializers.CharField(help_text="That version, as decisions name it, such as scoring:7.")
    interest = serializers.FloatField()
    fit = serializers.FloatField()
    grade = serializers.CharField()
    band = serializers.IntegerField()
    next_review_at = serializers.DateTimeField(
        allow_null=True, help_text="When grade, band or eligibility may change although nothing new happens."
    )


class LeadSerializer(serializers.ModelSerializer):
    person = LeadPersonSerializer(read_only=True)
    account = NamedSerializer(read_only=True, allow_null=True)
    owner = NamedSerializer(read_only=True, allow_null=True)
    pool = NamedSerializer(read_only=True, allow_null=True)
    reason = NamedSerializer(read_only=True, allow_null=True)
    channel = NamedSerializer(read_only=True, allow_null=True)
    content = NamedSerializer(read_only=True, allow_null=True)
    campaign = NamedSerializer(read_only=True, allow_null=True)
    region = NamedSerializer(read_only=True, allow_null=True)
    solution = NamedSerializer(read_only=True, allow_null=True)
    score = ScoreSerializer(source="reading", read_only=True, allow_null=True)
    due_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="When its next promise runs out.")
    opened_at = serializers.DateTimeField(source="opened", read_only=True, allow_null=True)
    in_work = serializers.SerializerMethodField(
        help_text="A person works it: accepted, open and owned. Automated mail to its person pauses meanwhile."
    )

    def get_in_work(self, lead: Lead) -> bool:
        return lead.closed_at is None and lead.owner_id is not None and RANK[lead.stage] >= RANK[Stage.SAL]

    class Meta:
        model = Lead
        fields = (
            "id", "person", "number", "account", "stage", "stage_since", *MILESTONES.values(), "opened_at", "closed_at",
            "in_work", "exit", "reason", "passthrough", "owner", "pool", "due_at", "score", "revisit_on", "entry_stage",
            "function", "motion", "channel", "content", "campaign", "region", "segment", "solution", "source",
            "external_id", "recorded_at",
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


class FactorSerializer(serializers.Serializer):
    """What one factor of the distribution score said of a candidate."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    value = serializers.FloatField(help_text="0 to 1.")
    points = serializers.FloatField(help_text="What it added to the score of 100.")
    said = serializers.BooleanField(help_text="False where nothing was known and it took what is neutral.")


class CandidateSerializer(serializers.Serializer):
    """A rep as they stood when it was decided."""

    rep_id = serializers.IntegerField()
    name = serializers.CharField()
    chosen = serializers.BooleanField()
    eligible = serializers.BooleanField()
    level = serializers.FloatField(help_text="Leads so far for the rep's share; the lowest is next.")
    weight = serializers.FloatField()
    open = serializers.IntegerField(help_text="Undecided MQLs then.")
    capacity = serializers.IntegerField(allow_null=True)
    work = serializers.IntegerField(allow_null=True, help_text="Leads in hand then, where that decided.")
    score = serializers.FloatField(allow_null=True, help_text="Of 100, where the distribution score decided.")
    factors = FactorSerializer(many=True)
    why = serializers.CharField(
        help_text="Why not: inactive, not_receiving, away, at_capacity, at_quota, not_at_work, wrong_route, had_it, "
        "other_region, other_solution, other_language, other_segment; else blank."
    )
    sentence = serializers.CharField()


class PassedSerializer(serializers.Serializer):
    """A rule, or one of its methods, that found nobody before the one that decided."""

    rule = serializers.CharField()
    method = serializers.CharField()
    why = serializers.CharField()
    sentence = serializers.CharField()


class ChangeOfHandsSerializer(serializers.Serializer):
    """One entry of the ledger."""

    at = serializers.DateTimeField()
    kind = serializers.CharField()
    sentence = serializers.CharField()
    rep_id = serializers.IntegerField(allow_null=True)
    team_id = serializers.IntegerField(allow_null=True)
    by = serializers.CharField(help_text="Who did it; blank for routing itself.")
    rule = serializers.CharField()
    policy = serializers.CharField()


class WouldSerializer(serializers.Serializer):
    """Who would get the lead now under a version of the routing policy, as if nobody had it."""

    version = serializers.IntegerField()
    kind = serializers.CharField(help_text="assigned, pooled or unrouted.")
    rep_id = serializers.IntegerField(allow_null=True)
    team_id = serializers.IntegerField(allow_null=True)
    rule = serializers.CharField()
    sentence = serializers.CharField()
    candidates = CandidateSerializer(many=True)
    passed = PassedSerializer(many=True)


class WhyOwnerSerializer(serializers.Serializer):
    """Why the lead is with whom it is, the latest decision of routing, and every change of hands, newest first."""

    lead_id = serializers.IntegerField()
    sentence = serializers.CharField()
    owner = serializers.CharField()
    pool = serializers.CharField()
    rule = serializers.CharField()
    condition = serializers.CharField()
    method = serializers.CharField(
        help_text="round_robin, least_open, score, owner, pool, kept or none; blank where routing never decided."
    )
    policy = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    weights = serializers.DictField(child=serializers.FloatField(), help_text="Of the factors, where they decided.")
    candidates = CandidateSerializer(many=True)
    passed = PassedSerializer(many=True)
    history = ChangeOfHandsSerializer(many=True)
    would = WouldSerializer(allow_null=True, help_text="Who would get it now under the version asked for; null: none.")


class UnderSerializer(serializers.Serializer):
    under = serializers.IntegerField(
        required=False, min_value=1, help_text="A version of the routing policy, a draft too: who would get it now."
    )


# --- Acts -----------------------------------------------------------------------------------------


class NothingSerializer(serializers.Serializer):
    """An act that needs nothing said."""


def _say_reason(kind: str) -> dict[str, Any]:
    said = f"Say why, by the id of a reason; /api/reasons/?kind={kind} lists them."
    return {"required": said, "null": said, "invalid": said}


class RejectSerializer(serializers.Serializer):
    reason = serializers.IntegerField(
        min_value=1, error_messages=_say_reason("reject"), help_text="A reason of kind reject or disqualify."
    )
    text = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=5000, help_text="Kept as a note; some reasons need it."
    )
    stage = serializers.ChoiceField(
        Stage.choices, default=Stage.MQL, help_text="Where you saw the lead; elsewhere by now, the act is refused."
    )


class RecycleSerializer(serializers.Serializer):
    reason = serializers.IntegerField(
        min_value=1, error_messages=_say_reason("recycle"), help_text="A reason of kind recycle."
    )
    revisit_on = serializers.DateField(
        required=False, allow_null=True, default=None, help_text="When to look again; else by the reason's days."
    )
    text = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)
    stage = serializers.ChoiceField(
        Stage.choices, required=False, default="", help_text="Where you saw the lead; blank: wherever it is."
    )


class ReopenSerializer(serializers.Serializer):
    reason = serializers.IntegerField(
        min_value=1, required=False, allow_null=True, default=None, help_text="A reason of kind reopen."
    )


class UndoSerializer(serializers.Serializer):
    event = serializers.IntegerField(min_value=1, help_text="The stage event to take back, as the act answered it.")


class ReassignSerializer(serializers.Serializer):
    rep = serializers.IntegerField(min_value=1, help_text="Whose lead it is from now on.")


class PauseSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(
        [(kind.value, kind.label) for kind in (Pause.Kind.REPLY, Pause.Kind.DATA)],
        help_text="reply ends with the prospect's reply.",
    )
    until = serializers.DateField(help_text="The day on which the clocks run again; at most 90 days ahead.")
    why = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)


class BookSerializer(serializers.Serializer):
    starts_at = serializers.DateTimeField(help_text="At most 90 days back and two years ahead.")
    executive = serializers.IntegerField(
        min_value=1, required=False, allow_null=True, default=None,
        help_text="The account executive who is expected; by default the owner of the account, if they are one.",
    )  # fmt: skip


class OutcomeSerializer(serializers.Serializer):
    outcome = serializers.ChoiceField(Meeting.Outcome.choices, help_text="held makes a lead at SAL an SQL.")
    came = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, allow_null=True, default=None,
        help_text="Ids of the attendees who were there; by default all but those the outcome says were not.",
    )  # fmt: skip
    rebook_for = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="When the next one is; moved needs it."
    )


class AttendeeSerializer(serializers.ModelSerializer):
    rep = NamedSerializer(read_only=True, allow_null=True)
    person = NamedSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Attendee
        fields = ("id", "rep", "person", "expected", "came")


class MeetingSerializer(serializers.ModelSerializer):
    rep = NamedSerializer(read_only=True, allow_null=True)
    attendees = AttendeeSerializer(many=True, read_only=True)

    class Meta:
        model = Meeting
        fields = (
            "id", "lead", "rep", "booked_at", "starts_at", "outcome", "outcome_at", "instead_of", "attendees",
        )  # fmt: skip
        read_only_fields = fields


class OpenDealSerializer(serializers.Serializer):
    name = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)
    amount = serializers.DecimalField(max_digits=14, decimal_places=2, required=False, allow_null=True, default=None)
    currency = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=3, help_text="Three letters; else the installation's."
    )
    expected_close_on = serializers.DateField(required=False, allow_null=True, default=None)


class CloseDealSerializer(serializers.Serializer):
    state = serializers.ChoiceField([choice for choice in DealState.choices if choice[0] != DealState.OPEN])
    amount = serializers.DecimalField(
        max_digits=14, decimal_places=2, required=False, allow_null=True, default=None,
        help_text="What it is worth, or was; by default what the deal says.",
    )  # fmt: skip
    reason = serializers.IntegerField(
        min_value=1, required=False, allow_null=True, default=None, help_text="Of the state's kind; needed unless won."
    )
    text = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)
