"""Where they left: the ways out that were taken in the period, by stage and reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from funnel.models import Exit, Stage
from reporting import numbers
from reporting.drill import NO_REASON
from reporting.numbers import Number
from reporting.overview import queries
from reporting.overview.asking import Asker, glossary, share_words

ROWS = 20  # shown on the page; the CSV has all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way out: from which stage, by which exit, why, and how many took it."""

    stage: str
    exit: str
    reason: str
    count: int
    share: float
    leads: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Who left in the period. rows: every way out; the page shows the first."""

    rows: Sequence[Row]

    @property
    def shown(self) -> Sequence[Row]:
        return self.rows[:ROWS]

    @property
    def note(self) -> str:
        total = sum(row.count for row in self.rows)
        said = f"{total:,} left in the period, whenever they came in"
        return f"{said}; {ROWS} of {len(self.rows)} ways out" if len(self.rows) > ROWS else said


def left(ask: Asker) -> Left:
    """Every way out that was taken in the period, the most frequent first."""
    found = queries.left(ask.copy, ask.query())
    total = sum(leads for *_, leads in found)
    rows = [
        _row(ask, stage, exit_, reason, number=number, leads=leads, total=total)
        for number, (stage, exit_, reason, leads) in enumerate(found)
    ]
    return Left(rows=rows)


def _row(ask: Asker, stage: str, exit_: str, reason: str | None, *, number: int, leads: int, total: int) -> Row:
    label, why = Exit(exit_).label, reason or NO_REASON.capitalize()
    at = Stage(stage)
    shown = numbers.amount(
        id=f"left-{number}",
        title=f"{label} at {at.label}: {why}",
        definition=f"Leads that stood at {at.label} and left in the period as {label.lower()}, for this reason.",
        count=leads,
        cohort=str(ask.view.period),
        rows=[("Share", f"{share_words(leads / total)} of all that left"), ("Basis", "Period")],
        links=[
            (f"Open {leads:,}", ask.drill(ask.view.period, show="left", stage=at, exit=exit_, reason=reason)),
            glossary("exits"),
        ],
    )
    return Row(stage=stage, exit=label, reason=why, count=leads, share=leads / total, leads=shown)
