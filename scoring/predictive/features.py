"""Fields of leads as columns of numbers: categories one-hot with rare values pooled, numbers scaled robustly. Pure.

What is not known is a state of its own, in both: unknown is not no, and not average.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Values = Sequence[Any]  # None (not known), text, yes or no, a number; one a lead

FEWEST_OF_A_LEVEL: Final = 20  # leads; rarer values are pooled
MOST_LEVELS: Final = 30  # values of one field that have a weight of their own
FEWEST_KNOWN: Final = 20  # leads of which a field must be known
FEWEST_NUMBERS: Final = 11  # different numbers; fewer are categories
FARTHEST: Final = 5.0  # scaled numbers end here, so that one outlier does not rule
OTHER: Final = "any other"
UNKNOWN: Final = "not known"
VALUE: Final = "value"  # the column of a number
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}|$)")

Kind = Literal["category", "number"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field by name and in words. frozen: it has stood on the lead since it came in, and cannot change."""

    name: str
    label: str
    frozen: bool = False


@dataclass(slots=True)
class Leads:
    """Leads with what was known of each when it came in, column by column, in one order.

    opened: seconds since 1970. witnessed: recorded as it came in, so that history vouches for what was known then.
    outcome: whether it came to what is predicted; all False where that is not known yet.
    """

    ids: NDArray[np.int64]
    opened: Floats
    witnessed: Flags
    outcome: Flags
    fields: dict[str, Field] = field(default_factory=dict)
    values: dict[str, Values] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one field becomes columns. levels: of a category, the most frequent first; centre and scale: of a number."""

    name: str
    label: str
    kind: Kind
    levels: tuple[str, ...] = ()
    centre: float = 0.0
    scale: float = 1.0

    @property
    def columns(self) -> tuple[str, ...]:
        """What each column stands for, in words."""
        return (*self.levels, OTHER, UNKNOWN) if self.kind == "category" else (VALUE, UNKNOWN)

    def matrix(self, values: Values) -> Floats:
        """One row a lead, one column each of `columns`."""
        return self._one_hot(values) if self.kind == "category" else self._scaled(values)

    def words(self, value: Any) -> str:
        """The value as the encoding sees it: "Channel: Webinar", "Channel: any other", "Visits: 4"."""
        if value is None or (self.kind == "number" and number_of(value) is None):
            return f"{self.label}: {UNKNOWN}"
        if self.kind == "number":
            return f"{self.label}: {value:,.6g}"
        text = text_of(value)
        return f"{self.label}: {text if text in self.levels else OTHER}"

    def as_dict(self) -> dict[str, Any]:
        """The encoding as JSON."""
        own = {"levels": list(self.levels)} if self.kind == "category" else {"centre": self.centre, "scale": self.scale}
        return {"name": self.name, "label": self.label, "kind": self.kind} | own

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> "Encoding":
        """The encoding that `as_dict` wrote."""
        return cls(**{**said, "levels": tuple(said.get("levels", ()))})

    def _one_hot(self, values: Values) -> Floats:
        places = {level: place for place, level in enumerate(self.levels)}
        other, unknown = len(places), len(places) + 1
        found = [unknown if value is None else places.get(text_of(value), other) for value in values]
        made = np.zeros((len(values), len(places) + 2))
        made[np.arange(len(values)), found] = 1.0
        return made

    def _scaled(self, values: Values) -> Floats:
        numbers = numbers_of(values)
        missing = np.isnan(numbers)
        scaled = np.clip((np.where(missing, self.centre, numbers) - self.centre) / self.scale, -FARTHEST, FARTHEST)
        return np.column_stack([scaled, missing.astype(float)])


def encode(of: Field, values: Values) -> Encoding | str:
    """How to encode a field, learnt from the values of leads; or, in words, why nothing can be learnt from it."""
    known = [value for value in values if value is not None]
    if len(known) < FEWEST_KNOWN:
        return f"Known of {len(known):,} leads only."
    if are_dates(known):
        return "A date is no trait of a lead: tomorrow's are all new."
    if all(number_of(value) is not None for value in known):
        numbers = np.array([float(value) for value in known])
        if len(set(numbers.tolist())) >= FEWEST_NUMBERS:
            return _number(of, numbers)
    counts = Counter(map(text_of, known))
    fewest = max(FEWEST_OF_A_LEVEL, len(values) // 500)
    levels = [level for level, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n >= fewest]
    if not levels:
        return "Nearly every lead has a value of its own."
    if len(counts) == 1 and len(known) == len(values):
        return "It is the same for every lead."
    return Encoding(of.name, of.label, "category", levels=tuple(levels[:MOST_LEVELS]))


def matrix(encodings: Sequence[Encoding], values: Mapping[str, Values], count: int) -> Floats:
    """All columns side by side, one row a lead; a field that is not there is not known of anybody."""
    nothing = [None] * count
    parts = [encoding.matrix(values.get(encoding.name, nothing)) for encoding in encodings]
    return np.hstack(parts) if parts else np.zeros((count, 0))


def text_of(value: Any) -> str:
    """A value as a category is called."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def number_of(value: Any) -> float | None:
    """The value where it is a finite number; yes and no are none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def numbers_of(values: Values) -> Floats:
    """The numbers among the values, NaN for what is not known or no number."""
    found = (number_of(value) for value in values)
    return np.array([math.nan if number is None else number for number in found], dtype=np.float64)


def are_dates(known: Values) -> bool:
    """Whether nearly all of these are dates as text."""
    dated = sum(1 for value in known if isinstance(value, str) and _DATE.match(value))
    return dated >= 0.9 * len(known) > 0


def _number(of: Field, numbers: Floats) -> Encoding:
    low, middle, high = (float(found) for found in np.percentile(numbers, (25, 50, 75)))
    scale = high - low or float(numbers.std())
    return Encoding(of.name, of.label, "number", centre=middle, scale=scale)
