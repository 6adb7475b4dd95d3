"""The likelihood of one lead as its page shows it: what was said, of how many like it that held, and by what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import exp
from typing import Any

from scoring.models import Prediction
from scoring.predictive.evaluation import from_to
from scoring.predictive.runs import did
from scoring.predictive.telling import of_lead

_LEAST = 0.05  # of log-odds; a field that moves the odds by less is left to the others


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one field does to the odds: times `factor`. width: of its bar; kind: its colour."""

    words: str
    log_odds: float
    factor: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """target: "SQL within 90 days". behind: in words, what became of tested leads of about this likelihood.

    rest: what all fields without a part do to the odds, as a factor; 1 exactly where there are none.
    """

    target: str
    probability: float
    behind: str
    parts: list[Part]
    rest: float
    at: datetime


def panel_of(lead_id: int) -> Panel | None:
    """The panel of a lead; None while it was told no likelihood. One query."""
    prediction = of_lead(lead_id)
    if prediction is None:
        return None
    told = [part for part in prediction.contributions if abs(part["log_odds"]) >= _LEAST]
    small = sum(part["log_odds"] for part in prediction.contributions) - sum(part["log_odds"] for part in told)
    most = max((abs(part["log_odds"]) for part in told), default=1.0)
    return Panel(
        target=prediction.model.target,
        probability=prediction.probability,
        behind=_behind(prediction),
        parts=[_part(part, most) for part in told],
        rest=exp(prediction.rest + small),
        at=prediction.at,
    )


def _behind(prediction: Prediction) -> str:
    """What became of the tested leads that were given about as much, or nearest to it."""
    bands = (prediction.model.evaluation or {}).get("bands", [])
    band = min(bands, key=lambda band: _distance(prediction.probability, band), default=None)
    if band is None:
        return ""
    n, given = band["n"], from_to(band["low"], band["high"])
    return f"Of {n:,} tested lead{'s' if n > 1 else ''} given {given}, {band['k']:,} {did(prediction.model)}."


def _distance(probability: float, band: Mapping[str, Any]) -> float:
    return max(band["low"] - probability, probability - band["high"], 0.0)


def _part(part: Mapping[str, Any], most: float) -> Part:
    odds = part["log_odds"]
    return Part(
        words=part["words"],
        log_odds=odds,
        factor=exp(odds),
        width=abs(odds) / most,
        kind="good" if odds > 0 else "bad",
    )
