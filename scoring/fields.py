"""What scoring may ask for: touches and people, never a lead or a score, so that no rule depends on its own result."""

from typing import Final

from funnel.fields import FIELDS_OF_PEOPLE, FIELDS_OF_TOUCHES, Fields
from scoring.models import Gate, ScoreRule

NO_FIELDS: Final = Fields((), dynamic={})


def fields_of_rule(kind: str) -> Fields:
    """The fields of a rule's condition: a touch's and its person's, or a person's alone; inactivity asks nothing."""
    if kind == ScoreRule.Kind.TOUCH:
        return FIELDS_OF_TOUCHES
    return NO_FIELDS if kind == ScoreRule.Kind.INACTIVITY else FIELDS_OF_PEOPLE


def fields_of_gate(kind: str) -> Fields:
    """The fields of a gate's condition: only a fast track may ask for a touch."""
    return FIELDS_OF_TOUCHES if kind == Gate.Kind.FAST_TRACK else FIELDS_OF_PEOPLE
