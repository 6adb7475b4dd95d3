"""What was learnt, applied: log-odds, contributions that add up to them, and a calibrated probability. Pure numpy.

What is kept is numbers as JSON, so that telling a likelihood takes no scikit-learn and unpickles nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from scoring.predictive.features import VALUE, Encoding, Floats, Values, matrix

LEAST: Final = 0.01
MOST: Final = 0.99  # a likelihood is never said to be certain, either way


@dataclass(frozen=True, slots=True)
class Calibration:
    """From log-odds to the share that really came to it: a sigmoid (a, b), or steps between points (x, y)."""

    a: float = 1.0
    b: float = 0.0
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def apply(self, log_odds: Floats) -> Floats:
        """Probabilities, never falling where log-odds rise, within 1 to 99 %."""
        if self.x:
            raw = np.interp(log_odds, self.x, self.y)
        else:
            raw = 1.0 / (1.0 + np.exp(-np.clip(self.a * log_odds + self.b, -500, 500)))
        return np.clip(raw, LEAST, MOST)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"x": list(self.x), "y": list(self.y)} if self.x else {"a": self.a, "b": self.b}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> "Calibration":
        """What `as_dict` wrote."""
        return cls(x=tuple(said["x"]), y=tuple(said["y"])) if "x" in said else cls(a=said["a"], b=said["b"])


@dataclass(frozen=True, slots=True)
class Learnt:
    """A logistic regression. weights and averages: a number a column, of the leads it was learnt from.

    base: the log-odds of the average lead, to which the contributions of a lead's fields add.
    """

    encodings: tuple[Encoding, ...]
    weights: Floats
    averages: Floats
    base: float
    calibration: Calibration

    def contributions(self, values: Mapping[str, Values], count: int) -> Floats:
        """What each field adds to the log-odds of each lead, against the average: a row a lead, a column a field."""
        return self.of_columns(matrix(self.encodings, values, count))

    def of_columns(self, columns: Floats) -> Floats:
        """The same from columns that are encoded already."""
        parts = (columns - self.averages) * self.weights
        widths = [len(encoding.columns) for encoding in self.encodings]
        if not widths:
            return np.zeros((len(columns), 0))
        starts = np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(int)
        return np.add.reduceat(parts, starts, axis=1)

    def log_odds(self, contributions: Floats) -> Floats:
        """The sum of the base and a lead's contributions, before calibration."""
        return self.base + contributions.sum(axis=1)

    def levels_of(self, name: str) -> list[dict[str, Any]]:
        """Each column of a field: what it stands for, its share or average, and its log-odds against the average lead.

        Of a number: those of one more `scale`. Nothing for a field that was not learnt from.
        """
        start = 0
        for encoding in self.encodings:
            end = start + len(encoding.columns)
            if encoding.name != name:
                start = end
                continue
            weights, averages = self.weights[start:end], self.averages[start:end]
            shift = float(weights @ averages) if encoding.kind == "category" else 0.0
            return [
                {
                    "words": f"each {encoding.scale:,.4g} more" if words == VALUE else words,
                    "share": float(average),
                    "log_odds": float(weight) - shift,
                }
                for words, weight, average in zip(encoding.columns, weights, averages, strict=True)
            ]
        return []

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "fields": [encoding.as_dict() for encoding in self.encodings],
            "weights": self.weights.tolist(),
            "averages": self.averages.tolist(),
            "base": self.base,
            "calibration": self.calibration.as_dict(),
        }

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> "Learnt":
        """What `as_dict` wrote."""
        return cls(
            encodings=tuple(map(Encoding.from_dict, said["fields"])),
            weights=np.array(said["weights"], dtype=np.float64),
            averages=np.array(said["averages"], dtype=np.float64),
            base=said["base"],
            calibration=Calibration.from_dict(said["calibration"]),
        )


def strongest(parts: Sequence[tuple[int, float]], *, most: int) -> tuple[list[tuple[int, float]], float]:
    """The parts (place, log-odds) that matter most, either way, and the sum of all the others."""
    ordered = sorted(parts, key=lambda part: -abs(part[1]))
    return ordered[:most], float(sum(part for _, part in ordered[most:]))
