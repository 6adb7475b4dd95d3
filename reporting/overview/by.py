"""How the values of one dimension differ: what they brought in, and what became of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from funnel.intervals import wilson
from reporting import metrics, numbers
from reporting.drill import DID
from reporting.filters import DIMENSIONS, Dimension, View
from reporting.numbers import HIDDEN_BELOW, Number
from reporting.overview.asking import STEPS, Asker, glossary, share_words, short_range
from reporting.periods import Period

ROWS = 20  # shown on the page; the CSV has all of them
STEP = STEPS[0]  # what the values are compared by


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rate with its interval on an axis of 0 to 100, and the rate of all together as a mark."""

    width: str
    low: str
    high: str
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One value: its inquiries of the period, and k of n that converted. view: the page narrowed to it."""

    label: str
    view: View
    count: int
    k: int
    n: int
    leads: Number
    rate: Number
    bar: Bar | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """The values of a dimension, those with the most inquiries first. top: the end of the bars' axis, as a share."""

    dimension: Dimension
    basis: str
    rows: Sequence[Row]
    k: int
    n: int
    top: float

    @property
    def shown(self) -> Sequence[Row]:
        return self.rows[:ROWS]

    @property
    def scale(self) -> str:
        return f"0 to {self.top * 100:.0f}\u00a0%"

    @property
    def note(self) -> str:
        said = f"Tick: all together {share_words(self.k / self.n)}. Thin line: 95\u00a0% interval" if self.n else ""
        more = f"The first {ROWS} of {len(self.rows)}" if len(self.rows) > ROWS else ""
        return ". ".join(part for part in (said, more) if part)


def by_dimension(ask: Asker, name: str) -> By:
    """Inquiries of the period and their conversion to MQL, a row a value of the dimension."""
    cohort = ask.view.period if ask.view.basis == "period" else ask.mature(STEP.window)
    volume = metrics.volume(ask.copy, ask.query(by=(name,)), from_stage=STEP.start)
    rates = _rates(ask, cohort, name)
    counts = dict(zip(volume[name], volume["count"], strict=True))
    rows = [
        _row(ask, cohort, name, value, number=number, leads=int(counts.get(value, 0)), rate=rates.get(value, (0, 0)))
        for number, value in enumerate(sorted(counts.keys() | rates.keys(), key=lambda value: -counts.get(value, 0)))
    ]
    k, n = (sum(rate[part] for rate in rates.values()) for part in (0, 1))
    top = _top(rows[:ROWS], k / n if n else 0)
    said = "arrivals in the period" if ask.view.basis == "period" else f"{short_range(cohort)}, {STEP.window} d"
    return By(
        dimension=DIMENSIONS[name],
        basis=f"to MQL: {said}",
        rows=[replace(row, bar=_bar(row, k / n if n else 0, top)) for row in rows],
        k=k,
        n=n,
        top=top,
    )


def _rates(ask: Asker, cohort: Period, name: str) -> dict[str | None, tuple[int, int]]:
    """k and n of each value."""
    query = ask.query(cohort, by=(name,), basis=ask.view.basis)
    if query.basis == "cohort":
        query = replace(query, window=STEP.window)
    frame = metrics.conversion(ask.copy, query, from_stage=STEP.start, to_stage=STEP.end)
    return {
        value: (int(k), int(n))
        for value, k, n in zip(frame[name], frame["numerator"], frame["denominator"], strict=True)
    }


def _row(
    ask: Asker, cohort: Period, name: str, value: str | None, *, number: int, leads: int, rate: tuple[int, int]
) -> Row:
    narrowed = Asker(ask.copy, ask.view.choosing(name, [value]), ask.zone)
    dimension = DIMENSIONS[name]
    label = dimension.words(value)
    period = ask.view.period
    shown = numbers.amount(
        id=f"by-{number}",
        title=f"{label}: inquiries in the period",
        definition=f"Leads that {DID[STEP.start]} in the period, with {dimension.label.lower()} {label}.",
        count=leads,
        cohort=str(period),
        rows=[("Basis", "Period")],
        links=[(f"Open {leads:,}", narrowed.drill(period, show="reached", stage=STEP.start)), glossary("volume")],
    )
    k, n = rate
    return Row(
        label=label,
        view=narrowed.view,
        count=leads,
        k=k,
        n=n,
        leads=shown,
        rate=_rate(narrowed, cohort, id=f"by-rate-{number}", label=label, k=k, n=n),
    )


def _rate(ask: Asker, cohort: Period, *, id: str, label: str, k: int, n: int) -> Number:
    low, high = wilson(k, n)
    by_period = ask.view.basis == "period"
    within = "in the period, whoever they are" if by_period else f"within {STEP.window} days"
    part: dict[str, Any] = {"show": "step", "stage": STEP.start, "to": STEP.end, "window": STEP.window}
    links = [
        (f"Open {k:,}", ask.drill(cohort, **part, part="yes")),
        (f"Open the other {n - k:,}", ask.drill(cohort, **part, part="no")),
    ]
    return numbers.rate(
        id=id,
        title=f"{label}: {STEP.words}, {'period' if by_period else 'cohort'}",
        definition=f"Of the leads that {DID[STEP.start]}, those that {DID[STEP.end]} {within}, as a share.",
        k=k,
        n=n,
        low=low,
        high=high,
        cohort=f"{DID[STEP.start]} {cohort.when}",
        maturity="" if by_period else f"100 %: every lead has had its {STEP.window} days",
        links=[*([] if by_period else links), glossary("conversion")],
    )


def _top(rows: Iterable[Row], together: float) -> float:
    """The end of the axis: the highest end of an interval that is shown, rounded up to ten per cent."""
    shown = [row.rate.high or row.k / row.n for row in rows if row.n >= HIDDEN_BELOW]
    return max(1, ceil(max([*shown, together]) * 10)) / 10


def _bar(row: Row, together: float, top: float) -> Bar | None:
    """None where no percentage is shown, or where it has no interval."""
    if row.n < HIDDEN_BELOW or row.rate.low is None or row.rate.high is None:
        return None
    shares = (row.k / row.n, row.rate.low, row.rate.high, together)
    width, low, high, mark = (f"{min(share / top, 1) * 100:.2f}" for share in shares)
    return Bar(width=width, low=low, high=high, mark=mark)
