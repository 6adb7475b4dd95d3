"""Fields that cannot have been known when a lead came in, found from the data alone and told in words. Pure.

Such a field makes a likelihood look splendid on the past and worthless on a new lead, whose field is still blank. No
rule knows the name of a field. Each flag says what was seen, so that a person can overrule it with a reason.
"""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.predictive.evaluation import auc
from scoring.predictive.features import (
    FEWEST_NUMBERS,
    Flags,
    Floats,
    Leads,
    Values,
    are_dates,
    number_of,
    numbers_of,
    text_of,
)

TELLS_ALONE: Final = 0.85  # AUC out of fold from one field; honest ones stay below
SURE: Final = 0.95  # share of a value's leads with one outcome, that makes the value a verdict
FEWEST_OF_A_VERDICT: Final = 20
VERDICTS: Final = 0.1  # share of leads whose value is a verdict, where some say yes and some no
FILLED_APART: Final = 0.25  # between how often it is filled in for those that came to it and for others
EXPLAINED: Final = 0.8  # AUC from which how a lead came in explains whether the field is filled in
TOGETHER: Final = 0.99  # of the leads where either is blank, those where both are
PARTLY: Final = (0.05, 0.95)  # shares of blanks that a pattern can be seen in
SPEAKS: Final = 0.2  # share of known values that speak of what came later
FEWEST_UNWITNESSED: Final = 200  # leads; of fewer, what is blank says nothing
_FOLDS: Final = 5
_PRIOR: Final = 10.0  # leads of average outcome that are added to each value, so that rare ones say little
_DAY: Final = 86_400.0
_AFTERWARDS: Final = re.compile(
    r"\b(sent|opened|clicked|bounced|unsubscribed|delivered|replied|answered|called|phoned|voicemail|ringing|"
    r"unreachable|no answer|hang ?up|hung up|switched off|wrong number|invalid number|not interested|revert|"
    r"phone (call|conversation)|converted|closed|won|lost|rejected|accepted|(dis)?qualified)\b",
    re.IGNORECASE,
)

Codes = NDArray[np.int64]


def find(leads: Leads) -> dict[str, list[str]]:
    """What speaks against each field, in sentences; fields without a flag are left out."""
    view = _View(leads)
    found: dict[str, list[str]] = {}
    for name, values in leads.values.items():
        said = [*view.tells_alone(name), *view.verdicts(name), *_afterwards(values), *_later(leads, values)]
        if not leads.fields[name].frozen:
            said += view.filled_apart(name)
        if said:
            found[name] = said
    for name, sentence in view.together():
        found.setdefault(name, []).append(sentence)
    return found


class _View:
    """The leads with every field as codes, and of those that history does not vouch for, what is blank and why.

    codes: a whole number a lead, the same for the same value (numbers by tenth), -1 where it is not known.
    """

    def __init__(self, leads: Leads) -> None:
        self.leads, self.outcome = leads, leads.outcome
        self.folds = np.random.default_rng(7).integers(0, _FOLDS, len(leads))
        self.codes = {name: _coded(values) for name, values in leads.values.items()}
        self.unwitnessed = ~leads.witnessed
        self.judged = int(self.unwitnessed.sum()) >= FEWEST_UNWITNESSED
        self.blank = {
            name: self.codes[name][self.unwitnessed] < 0
            for name, field in leads.fields.items()
            if self.judged and not field.frozen
        }
        self._explained: dict[str, float] = {}

    def tells_alone(self, name: str) -> list[str]:
        """The outcome can be told from this field by itself."""
        found = auc(_rates(self.codes[name], self.outcome, self.folds), self.outcome) or 0.5
        return [f"Its values alone tell the outcome: AUC {found:.2f}."] if found >= TELLS_ALONE else []

    def verdicts(self, name: str) -> list[str]:
        """Values that mean yes and values that mean no, for a good part of the leads: a verdict, not a trait."""
        codes = self.codes[name]
        n = np.bincount(codes[codes >= 0])
        k = np.bincount(codes[codes >= 0], weights=self.outcome[codes >= 0])
        usual = n >= FEWEST_OF_A_VERDICT
        yes = int(n[usual & (k >= SURE * n)].sum())
        no = int(n[usual & (n - k >= SURE * n)].sum())
        if not yes or not no or yes + no < VERDICTS * len(codes):
            return []
        return [
            f"Some of its values mean that a lead came to it ({yes:,} leads, {SURE:.0%} or more of them right), others"
            f" that it did not ({no:,}): it reads like a verdict."
        ]

    def filled_apart(self, name: str) -> list[str]:
        """Filled in far more often for those that came to it (or for the others), without the origin explaining it."""
        if name not in self.blank or not self._is_partly(name):
            return []
        filled, came = ~self.blank[name], self.outcome[self.unwitnessed]
        if not came.any() or came.all():
            return []
        with_it, without = float(filled[came].mean()), float(filled[~came].mean())
        if abs(with_it - without) < FILLED_APART or self.explained(name) >= EXPLAINED:
            return []
        return [
            f"Filled in for {with_it:.0%} of those that came to it and {without:.0%} of others, and how they came in"
            " does not explain it."
        ]

    def together(self) -> Iterable[tuple[str, str]]:
        """Fields that are blank for just the same leads, though how these came in does not explain which."""
        names = [name for name in self.blank if self._is_partly(name)]
        groups: dict[str, list[str]] = {}
        for name in names:
            first = next((first for first in groups if self._coincide(first, name)), name)
            groups.setdefault(first, []).append(name)
        for group in groups.values():
            if len(group) > 1 and max(map(self.explained, group)) < EXPLAINED:
                for name in group:
                    yield name, self._one_process(name, group)

    def _one_process(self, name: str, group: list[str]) -> str:
        others = _listed([self.leads.fields[other].label for other in group if other != name])
        return (
            f"Blank together with {others} for the same {float(self.blank[name].mean()):.0%} of leads, and how they"
            " came in does not explain which: one process wrote them later, for some."
        )

    def explained(self, name: str) -> float:
        """How well it can be told whether the field is filled in (AUC) from where a lead came from, or from any one
        field that is known of everybody: a question of one form is filled in by those who saw the form."""
        if name not in self._explained:
            blank = self.blank[name]
            found = [self._auc_of_blank(codes, blank) for codes in self._origins(besides=name)]
            self._explained[name] = max(found, default=0.5)
        return self._explained[name]

    def _origins(self, *, besides: str) -> Iterable[Codes]:
        frozen = [self.codes[name] for name, field in self.leads.fields.items() if field.frozen]
        if frozen:
            yield np.unique(np.column_stack(frozen), axis=0, return_inverse=True)[1].reshape(-1)
        for name, blank in self.blank.items():
            if name != besides and not blank.any():
                yield self.codes[name]

    def _auc_of_blank(self, codes: Codes, blank: Flags) -> float:
        rates = _rates(codes[self.unwitnessed], blank, self.folds[self.unwitnessed])
        return auc(rates, blank) or 0.5

    def _is_partly(self, name: str) -> bool:
        return PARTLY[0] <= float(self.blank[name].mean()) <= PARTLY[1]

    def _coincide(self, one: str, other: str) -> bool:
        either = int((self.blank[one] | self.blank[other]).sum())
        return int((self.blank[one] & self.blank[other]).sum()) >= TOGETHER * either


# --- what values say -----------------------------------------------------------------------------------------------


def _afterwards(values: Values) -> list[str]:
    texts = Counter(value for value in values if isinstance(value, str))
    said = Counter({text: n for text, n in texts.items() if _AFTERWARDS.search(text)})
    if sum(said.values()) < max(SPEAKS * sum(texts.values()), FEWEST_OF_A_VERDICT):
        return []
    examples = " and ".join(f"“{text}”" for text, _ in said.most_common(2))
    share = sum(said.values()) / sum(texts.values())
    return [f"Values such as {examples} speak of what happened after a lead came in ({share:.0%} of those known)."]


def _later(leads: Leads, values: Values) -> list[str]:
    """Dates that lie after the day on which the lead came in."""
    known = [value for value in values if value is not None]
    if not are_dates(known):
        return []
    later = sum(
        1
        for value, opened in zip(values, leads.opened, strict=True)
        if (moment := _moment(value)) is not None and moment > opened + _DAY
    )
    if later < 0.05 * len(known):
        return []
    return [f"{later:,} of its {len(known):,} dates lie after the lead came in."]


# --- arithmetic ----------------------------------------------------------------------------------------------------


def _coded(values: Values) -> Codes:
    known = [value for value in values if value is not None]
    numbers = [number_of(value) for value in known]
    if known and all(number is not None for number in numbers) and len(set(numbers)) >= FEWEST_NUMBERS:
        found = numbers_of(values)
        edges = np.unique(np.nanpercentile(found, range(10, 100, 10)))
        return np.where(np.isnan(found), -1, np.searchsorted(edges, found))
    places: dict[str, int] = {}
    coded = (-1 if value is None else places.setdefault(text_of(value), len(places)) for value in values)
    return np.fromiter(coded, dtype=np.int64, count=len(values))


def _rates(codes: Codes, outcome: Flags, folds: Codes) -> Floats:
    """For each lead the share of its code that came to it among the leads of the other folds, drawn to the average."""
    places = codes + 1  # what is not known is a code like any other
    average = float(outcome.mean())
    size = int(places.max()) + 1
    n, k = np.bincount(places, minlength=size), np.bincount(places, weights=outcome, minlength=size)
    rates = np.empty(len(codes))
    for fold in range(_FOLDS):
        held = folds == fold
        n_held = np.bincount(places[held], minlength=size)
        k_held = np.bincount(places[held], weights=outcome[held], minlength=size)
        rates[held] = ((k - k_held + _PRIOR * average) / (n - n_held + _PRIOR))[places[held]]
    return rates


def _moment(value: Any) -> float | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
