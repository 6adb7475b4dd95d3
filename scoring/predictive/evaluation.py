"""How well likelihoods told leads apart, and whether they meant what they said. Pure."""

from typing import Any, Final

import numpy as np

from scoring.predictive.features import Flags, Floats

PARTS: Final = 10
BANDS: Final = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


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
    likelihood has k / n near its mean; lift is k / n over that of all. bands: n and k of the leads whose likelihood
    lay between low and high, for every band that has any.
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
        "bands": _bands(probabilities, outcome),
    }


def _bands(probabilities: Floats, outcome: Flags) -> list[dict[str, Any]]:
    places = np.clip(np.searchsorted(BANDS, probabilities, side="right"), 1, len(BANDS) - 1)
    n = np.bincount(places, minlength=len(BANDS))
    k = np.bincount(places, weights=outcome, minlength=len(BANDS))
    return [
        {"low": BANDS[place - 1], "high": BANDS[place], "n": int(n[place]), "k": int(k[place])}
        for place in range(1, len(BANDS))
        if n[place]
    ]


def from_to(low: float, high: float) -> str:
    """A stretch of likelihoods in words: "9 to 75 %", "1 %"."""
    first, last = f"{low * 100:.0f}", f"{high * 100:.0f}"
    return f"{first} %" if first == last else f"{first} to {last} %"
