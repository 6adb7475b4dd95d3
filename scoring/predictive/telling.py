"""The likelihood of open leads under the model in use, told set by set.

The rows are the queue: an open lead that the model has told nothing about. Killed anywhere, the next look goes on.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from scoring.models import Prediction, PredictiveModel
from scoring.predictive import known
from scoring.predictive.features import Floats, Leads
from scoring.predictive.likelihood import Learnt, strongest

TOLD: Final = 6  # contributions kept a lead; the others as one sum


def tell_next(model: PredictiveModel, *, now: datetime, limit: int = known.CHUNK) -> int:
    """Tell the next open leads their likelihood; returns how many. Three statements, however many leads."""
    ids = known.untold(model, most=limit)
    if not ids:
        return 0
    leads = known.read(ids, outcome=model.outcome, within_days=model.within_days)
    Prediction.objects.bulk_create(
        predicted(model, leads, now=now),
        update_conflicts=True,
        unique_fields=["lead"],
        update_fields=["model", "probability", "log_odds", "contributions", "rest", "at"],
    )
    return len(ids)


def predicted(model: PredictiveModel, leads: Leads, *, now: datetime) -> list[Prediction]:
    """The likelihood of each of these leads with its strongest contributions, not saved."""
    learnt = Learnt.from_dict(model.learnt or {})
    contributions = learnt.contributions(leads.values, len(leads))
    log_odds = learnt.log_odds(contributions)
    probabilities = learnt.calibration.apply(log_odds)
    made = []
    for row, pk in enumerate(leads.ids.tolist()):
        told, rest = _told(learnt, leads, row, contributions[row])
        made.append(
            Prediction(
                lead_id=pk,
                model=model,
                probability=float(probabilities[row]),
                log_odds=float(log_odds[row]),
                contributions=told,
                rest=rest,
                at=now,
            )
        )
    return made


def of_lead(lead_id: int) -> Prediction | None:
    """The likelihood that was told last of a lead, with its model."""
    told = Prediction.objects.filter(lead=lead_id).select_related("model")
    return told.defer("model__learnt", "model__fields").first()  # long, and not needed to show one lead's


def _told(learnt: Learnt, leads: Leads, row: int, parts: Floats) -> tuple[Sequence[dict[str, Any]], float]:
    """The strongest contributions in words, and the sum of the others."""
    places = list(enumerate(parts.tolist()))
    kept, rest = strongest(places, most=TOLD)
    told = []
    for place, part in kept:
        encoding = learnt.encodings[place]
        values = leads.values.get(encoding.name)
        words = encoding.words(values[row] if values is not None else None)
        told.append({"field": encoding.name, "words": words, "log_odds": part})
    return told, rest
