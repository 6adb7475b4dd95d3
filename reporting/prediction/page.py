"""What the Prediction page shows of one training. Pure, but for the rows that it is given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import exp
from typing import Any

from funnel.intervals import wilson
from reporting import numbers
from reporting.numbers import Number
from scoring.models import PredictiveModel
from scoring.predictive.evaluation import from_to
from scoring.predictive.runs import did

MOST_TRAININGS = 20  # of the history


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenth:
    """A tenth of the leads that it was tested on: what was said of them (in words; on average), and what came.

    lift: times the average share of all.
    """

    said: str
    mean: float
    rate: Number
    lift: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One value of a field and what it does to the odds of the average lead: times `factor`."""

    words: str
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A field. effect: by how much it usually moves the odds, up or down; width: of its bar, against the strongest."""

    name: str
    label: str
    known: int
    used: bool
    flags: list[str]
    unusable: str
    decided: Mapping[str, Any] | None
    decided_at: datetime | None
    effect: float
    width: float
    pushes: list[Push]


def numbers_of(training: PredictiveModel) -> list[Number]:
    """The figures at the head: how many came to it, how well they are told apart, and what the likeliest tenth did."""
    tested = training.evaluation or {}
    tenths = tested.get("tenths", [])
    how = _how(tested)
    share = _rate("positives", "Came to it", f"Leads learnt from that {did(training)}.", training.positives, training.n)
    found = [share]
    if tested.get("auc") is not None:
        found.append(
            Number(
                id="auc",
                title="Tells apart (AUC)",
                definition="The chance that of two leads, one that came to it and one that did not, the first had the "
                "higher likelihood. 0.5 is a coin, 1 is perfect.",
                text=f"{tested['auc']:.2f}",
                n=tested["n"],
                cohort=how,
            )
        )
    found.append(
        Number(
            id="brier",
            title="Brier score",
            definition="The mean squared distance between what was said and what came; less is better.",
            text=f"{tested['brier']:.3f}",
            n=tested["n"],
            cohort=how,
            rows=(("Saying the average of everybody", f"{tested['brier_of_average']:.3f}"),),
        )
    )
    if tenths:
        top = tenths[0]
        words = "Of the tenth of leads with the highest likelihoods, those that came to it."
        found.append(_rate("top", "Likeliest tenth", words, top["k"], top["n"], cohort=how))
    return found


def tenths_of(training: PredictiveModel) -> list[Tenth]:
    """Each tenth of the leads that it was tested on, from the likeliest down."""
    tested = training.evaluation or {}
    average = tested["positives"] / tested["n"] if tested.get("n") else 0.0
    found = []
    for place, tenth in enumerate(tested.get("tenths", []), start=1):
        said = from_to(tenth["low"], tenth["high"])
        words = f"Leads given {said} that {did(training)}."
        found.append(
            Tenth(
                said=said,
                mean=tenth["mean"],
                rate=_rate(f"tenth-{place}", f"Tenth {place}", words, tenth["k"], tenth["n"], cohort=_how(tested)),
                lift=tenth["k"] / tenth["n"] / average if average else None,
            )
        )
    return found


def rows_of(training: PredictiveModel) -> dict[str, list[Row]]:
    """The fields of a training: used (the strongest first), left_out (flagged, or by a person), useless."""
    strongest = max((field["spread"] for field in training.fields), default=0.0) or 1.0
    rows = [_row(field, strongest) for field in training.fields]
    return {
        "used": sorted((row for row in rows if row.used), key=lambda row: -row.effect),
        "left_out": [row for row in rows if not row.used and not row.unusable],
        "useless": [row for row in rows if row.unusable],
    }


def history(trainings: Iterable[PredictiveModel]) -> list[dict[str, Any]]:
    """Trainings as the table shows them."""
    return [
        {
            "training": training,
            "auc": (training.evaluation or {}).get("auc"),
            "brier": (training.evaluation or {}).get("brier"),
            "used": sum(field["used"] for field in training.fields),
            "decided": len(training.overrides),
        }
        for training in trainings
    ]


def tested_how(training: PredictiveModel) -> str:
    """On which leads it was tested, as a sentence."""
    tested = training.evaluation or {}
    if tested.get("by") == "time":
        since = datetime.fromisoformat(tested["since"])
        return (
            f"Tested on the {tested['n']:,} leads that came in since {since.day} {since:%b %Y}, by what the"
            f" {tested['learnt_from']:,} before them taught."
        )
    return (
        f"Tested in {tested.get('folds', 0)} parts of the {tested.get('n', 0):,} leads, each by what the others taught:"
        " their dates allow no split into earlier and later."
    )


def _how(tested: Mapping[str, Any]) -> str:
    by = "the latest, unseen" if tested.get("by") == "time" else "out of fold"
    return f"{tested.get('n', 0):,} leads, {by}"


def _rate(id: str, title: str, definition: str, k: int, n: int, *, cohort: str = "") -> Number:
    low, high = wilson(k, n)
    return numbers.rate(id=id, title=title, definition=definition, k=k, n=n, low=low, high=high, cohort=cohort)


def _row(field: Mapping[str, Any], strongest: float) -> Row:
    decided = field["override"]
    return Row(
        name=field["name"],
        label=field["label"],
        known=field["known"],
        used=field["used"],
        flags=field["flags"],
        unusable=field["unusable"],
        decided=decided,
        decided_at=datetime.fromisoformat(decided["at"]) if decided else None,
        effect=exp(field["spread"]),
        width=field["spread"] / strongest,
        pushes=_pushes(field["levels"]),
    )


def _pushes(levels: list[dict[str, Any]]) -> list[Push]:
    """The values that raise and lower the odds most, at most two each way, of those that leads have."""
    known = sorted((level for level in levels if level["share"]), key=lambda level: -level["log_odds"])
    ends = known if len(known) <= 4 else [*known[:2], *known[-2:]]
    return [Push(words=level["words"], factor=exp(level["log_odds"])) for level in ends]
