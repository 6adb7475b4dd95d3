"""The tables of scoring, by noun."""

from funnel.versions import Status
from scoring.models.accounts import AccountNews, AccountScore, AccountScoreChange
from scoring.models.experiments import Experiment, ExperimentAssignment
from scoring.models.predictions import Prediction, PredictiveModel
from scoring.models.reviews import ModelReview
from scoring.models.scores import Score, ScoreChange
from scoring.models.simulations import SimulatedLead, Simulation
from scoring.models.versions import (
    MOST_RULES,
    SHORTEST_HALF_LIFE,
    Action,
    Gate,
    ScoreCategory,
    ScoreRule,
    ScoringModel,
    default_accounts,
    default_bands,
    default_grades,
    default_grid,
    scope_words,
)

__all__ = [
    "MOST_RULES",
    "SHORTEST_HALF_LIFE",
    "AccountNews",
    "AccountScore",
    "AccountScoreChange",
    "Action",
    "Experiment",
    "ExperimentAssignment",
    "Gate",
    "Prediction",
    "PredictiveModel",
    "ModelReview",
    "Score",
    "ScoreCategory",
    "ScoreChange",
    "ScoreRule",
    "ScoringModel",
    "SimulatedLead",
    "Simulation",
    "Status",
    "default_accounts",
    "default_bands",
    "default_grades",
    "default_grid",
    "scope_words",
]
