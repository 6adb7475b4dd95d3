"""The tables of reporting, by noun."""

from reporting.models.agreements import Agreement, Side, Target
from reporting.models.comparisons import Comparison
from reporting.models.copy import Change, Talk
from reporting.models.reviews import Attendance, Review, ReviewAction

__all__ = ["Agreement", "Attendance", "Change", "Comparison", "Review", "ReviewAction", "Side", "Talk", "Target"]
