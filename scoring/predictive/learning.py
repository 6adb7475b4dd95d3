"""Learning: a logistic regression on what was known of leads, calibrated, and tested on leads it has not seen.

The one module that needs scikit-learn, which is an optional extra: it is imported when something is to be learnt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.predictive.evaluation import evaluate
from scoring.predictive.features import Encoding, Flags, Floats, Leads, encode, matrix
from scoring.predictive.likelihood import Calibration, Learnt

FEWEST: Final = 200  # leads that came to it, and as many that did not; below that nothing is learnt
FEWEST_TESTED: Final = 50  # of each kind on both sides of a split by time
TESTED: Final = 0.25  # share of leads, the latest, that a split by time tests on
FOLDS: Final = 5
INNER_FOLDS: Final = 3  # by which the calibration is cross-fitted
ENOUGH_FOR_STEPS: Final = 1_000  # of each kind; below that a sigmoid, which two numbers hold down
NOT_INSTALLED: Final = (
    "Learning from past outcomes needs scikit-learn, which is not installed. Install it with"
    " `pip install --require-hashes -r requirements/prediction.txt` and start the workers again;"
    " everything else works without it."
)

Rows = NDArray[np.int64]


class CannotLearn(Exception):
    """Why nothing was learnt, in a sentence for people."""


def is_installed() -> bool:
    """Whether scikit-learn is there."""
    return find_spec("sklearn") is not None


def too_few(positives: int, negatives: int, *, came_to_it: str) -> str:
    """Why so few leads teach nothing, or nothing to say. came_to_it: "became SQL within 90 days"."""
    missing = [
        f"{FEWEST - n:,} more that {did}" for n, did in ((positives, "did"), (negatives, "did not")) if n < FEWEST
    ]
    if not missing:
        return ""
    known = f"{positives:,} leads {came_to_it} and {negatives:,} did not"
    return f"{known}. {FEWEST:,} of each are needed to learn from: {' and '.join(missing)}."


@dataclass(frozen=True, slots=True)
class Lesson:
    """What came of it. unusable: fields that were asked for and teach nothing, with why."""

    learnt: Learnt
    evaluation: dict[str, Any]
    unusable: dict[str, str]
    spread: dict[str, float]


def learn(leads: Leads, names: Sequence[str]) -> Lesson:
    """Learn the outcome of these leads from these fields. Raises CannotLearn; the same leads give the same numbers."""
    if not is_installed():
        raise CannotLearn(NOT_INSTALLED)
    encodings: list[Encoding] = []
    unusable: dict[str, str] = {}
    for name in names:
        found = encode(leads.fields[name], leads.values[name])
        if isinstance(found, Encoding):
            encodings.append(found)
        else:
            unusable[name] = found
    if not encodings:
        raise CannotLearn("No field is left to learn from: each is left out, blank, or different for every lead.")
    columns = matrix(encodings, leads.values, len(leads))
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # beside other work, threads of linear algebra wait for each other more than they do
        learnt = _fitted(tuple(encodings), columns, leads.outcome)
        evaluation = _tested(tuple(encodings), columns, leads)
    spread = learnt.of_columns(columns).std(axis=0)
    return Lesson(
        learnt=learnt,
        evaluation=evaluation,
        unusable=unusable,
        spread={encoding.name: float(found) for encoding, found in zip(encodings, spread, strict=True)},
    )


def _fitted(encodings: tuple[Encoding, ...], columns: Floats, outcome: Flags) -> Learnt:
    """Fit on these leads. The calibration is learnt from log-odds of leads that were not fitted on."""
    weights, intercept = _regression(columns, outcome)
    averages = columns.mean(axis=0)
    unseen = np.empty(len(outcome))
    for rest, held in _folds(outcome, INNER_FOLDS):
        inner, constant = _regression(columns[rest], outcome[rest])
        unseen[held] = columns[held] @ inner + constant
    return Learnt(encodings, weights, averages, float(intercept + averages @ weights), _calibrated(unseen, outcome))


def _regression(columns: Floats, outcome: Flags) -> tuple[Floats, float]:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(solver="newton-cholesky", max_iter=200).fit(columns, outcome)
    return fitted.coef_[0], float(fitted.intercept_[0])


def _calibrated(log_odds: Floats, outcome: Flags) -> Calibration:
    if min(outcome.sum(), (~outcome).sum()) >= ENOUGH_FOR_STEPS:
        from sklearn.isotonic import IsotonicRegression

        steps = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(log_odds, outcome)
        return Calibration(x=tuple(steps.X_thresholds_.tolist()), y=tuple(steps.y_thresholds_.tolist()))
    weights, constant = _regression(log_odds[:, None], outcome)
    # A slope below zero would turn the order round; what teaches nothing says the average of everybody.
    slope = float(weights[0])
    if slope > 0:
        return Calibration(a=slope, b=constant)
    share = float(outcome.mean())
    return Calibration(a=0.0, b=float(np.log(share / (1 - share))))


# --- the test ------------------------------------------------------------------------------------------------------


def _tested(encodings: tuple[Encoding, ...], columns: Floats, leads: Leads) -> dict[str, Any]:
    """Learnt on the earlier leads and tested on the latest, where their dates allow it; else fold by fold."""
    cut = float(np.quantile(leads.opened, 1 - TESTED))
    later = leads.opened > cut
    if _both_kinds(leads.outcome[later]) and _both_kinds(leads.outcome[~later]):
        learnt = _fitted(encodings, columns[~later], leads.outcome[~later])
        log_odds = learnt.log_odds(learnt.of_columns(columns[later]))
        found = evaluate(learnt.calibration.apply(log_odds), log_odds, leads.outcome[later])
        first = datetime.fromtimestamp(float(leads.opened[later].min()), UTC)
        return found | {"by": "time", "since": first.isoformat(), "learnt_from": int((~later).sum())}
    log_odds, probabilities = np.empty(len(leads)), np.empty(len(leads))
    for rest, held in _folds(leads.outcome, FOLDS):
        learnt = _fitted(encodings, columns[rest], leads.outcome[rest])
        log_odds[held] = learnt.log_odds(learnt.of_columns(columns[held]))
        probabilities[held] = learnt.calibration.apply(log_odds[held])
    return evaluate(probabilities, log_odds, leads.outcome) | {"by": "folds", "folds": FOLDS}


def _both_kinds(outcome: Flags) -> bool:
    return min(int(outcome.sum()), int((~outcome).sum())) >= FEWEST_TESTED


def _folds(outcome: Flags, count: int) -> list[tuple[Rows, Rows]]:
    """Shuffled folds with the same share of positives each, as (rest, held); the same leads fall the same way."""
    dice = np.random.default_rng(11)
    fold = np.empty(len(outcome), dtype=np.int64)
    for kind in (True, False):
        rows = dice.permutation(np.flatnonzero(outcome == kind))
        fold[rows] = np.arange(len(rows)) % count
    return [(np.flatnonzero(fold != held), np.flatnonzero(fold == held)) for held in range(count)]
