"""How well likelihoods told leads apart, and whether they meant what they said. Pure."""

from typing import Any, Final

import numpy as np

from scoring.predictive.features import Flags, Floats

PARTS: Final = 10


def auc(scores: Floats, outcome: Flags) -> float | None:
    """The probability that a lead that came to it has the higher score, ties half; None where one kind is missing."""
    positives = int(outcome.sum())
    negatives = len(outcome) - positives
    if not positives or not negatives:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[outcome].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def evaluate(probabilities: Floats, log_odds: Floats, outcome: Flags) -> dict[str, Any]:
    """AUC, Brier score (and that of saying the average of everybody), and tenths from the likeliest down, as JSON.

    log_odds: before calibration; they order leads of one probability, which a calibration by steps makes many of.
    A tenth: n leads of which k came to it, the lowest, mean and highest likelihood that they were given. A reliable
    likelihood has k / n near its mean; lift is k / n over that of all.
    """
    share = float(outcome.mean())
    order = np.lexsort((-log_odds, -probabilities))
    tenths = [
        {
            "n": len(part),
            "k": int(outcome[part].sum()),
            "low": float(probabilities[part].min()),
            "mean": float(probabilities[part].mean()),
            "high": float(probabilities[part].max()),
        }
        for part in np.array_split(order, PARTS)
        if len(part)
    ]
    return {
        "n": len(outcome),
        "positives": int(outcome.sum()),
        "auc": auc(probabilities, outcome),
        "brier": float(np.mean((probabilities - outcome) ** 2)),
        "brier_of_average": share * (1 - share),
        "tenths": tenths,
    }
