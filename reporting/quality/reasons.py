"""Reject reasons traced to the rules that made the MQLs: reason by rule, and by grade and band. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from funnel.templatetags.dc import percent
from reporting.drill import NO_REASON
from reporting.numbers import FEW_BELOW, Number
from reporting.quality import shown
from reporting.quality.slices import Slice

MOST_RULES = 8  # columns
TOO_VAGUE = 0.10  # of the rejects may have a reason that says nothing by itself (domain.md 8.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonRow:
    """A reason. cells: for each column how many, and of which share; None for nobody."""

    reason: str
    total: int
    leads: Number
    share: float
    cells: Sequence[Number | None]
    counts: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """The rejects of a slice. rules, cells: the columns of the two tables; alert: more than may be are vague."""

    by_rule: Sequence[ReasonRow] = ()
    rules: Sequence[str] = ()
    by_cell: Sequence[ReasonRow] = ()
    cells: Sequence[str] = ()
    total: int = 0
    left_out: int = 0
    alert: str = ""


def reasons_of(
    piece: Slice,
    totals: Sequence[tuple[str | None, bool, int, int]],
    traced: Mapping[tuple[str | None, int], int],
    at: Mapping[tuple[str | None, str], int],
) -> Reasons:
    """Both tables, the most frequent reason first, the rules that carried the most rejects first.

    The counts are those of `queries.reasons`, `reasons_by_rule` and `reasons_by_cell`; the slice names the rules.
    """
    if not totals:
        return Reasons()
    names = piece.names
    traced = {key: leads for key, leads in traced.items() if key[1] in names}
    rules = _columns(traced)
    columns = rules[:MOST_RULES]
    cells = sorted({cell for _reason, cell in at})
    total = sum(leads for _reason, _worded, leads, _known in totals)
    by_rule = [
        _row(reason, leads, total, piece, number=number, kind="r",
             cells=[(str(rule), piece.but(rule=rule), traced.get((reason, rule), 0), names[rule]) for rule in columns],
             known=known)
        for number, (reason, _worded, leads, known) in enumerate(totals)
    ]  # fmt: skip
    by_cell = [
        _row(reason, leads, total, piece, number=number, kind="c",
             cells=[(cell, piece.but(cell=cell), at.get((reason, cell), 0), cell) for cell in cells], known=known)
        for number, (reason, _worded, leads, known) in enumerate(totals)
    ]  # fmt: skip
    return Reasons(
        by_rule=by_rule,
        rules=[names[rule] for rule in columns],
        by_cell=by_cell,
        cells=cells,
        total=total,
        left_out=max(len(rules) - MOST_RULES, 0),
        alert=_alert(totals, total),
    )


def _columns(traced: Mapping[tuple[str | None, int], int]) -> list[int]:
    """The rules, those that carried the most rejects first."""
    carried: dict[int, int] = {}
    for (_reason, rule), leads in traced.items():
        carried[rule] = carried.get(rule, 0) + leads
    return sorted(carried, key=lambda rule: (-carried[rule], rule))


def _row(
    reason: str | None,
    leads: int,
    total: int,
    piece: Slice,
    *,
    number: int,
    kind: str,
    cells: Sequence[tuple[str, Slice, int, str]],
    known: int,
) -> ReasonRow:
    said = (reason or NO_REASON).capitalize() if reason is None else reason
    all_of_it = piece.but(reason=(reason,), outcome="rejected")
    return ReasonRow(
        reason=said,
        total=leads,
        leads=shown.count(leads, all_of_it, id=f"why-{kind}{number}", title=f"Rejected: {said}"),
        share=leads / total,
        cells=[
            shown.share(
                count, known, of.but(reason=(reason,), outcome="rejected"), rest=all_of_it,
                id=f"why-{kind}{number}-{key}", title=f"{said}: {words}",
                definition=f"Of the rejects of known score with the reason “{said}”, those of {words}, as a share.",
            )
            if count
            else None
            for key, of, count, words in cells
        ],
        counts=[count for _key, _of, count, _words in cells],
    )  # fmt: skip


def _alert(totals: Sequence[tuple[str | None, bool, int, int]], total: int) -> str:
    vague = sum(leads for reason, worded, leads, _known in totals if worded or reason is None)
    if total < FEW_BELOW or vague / total <= TOO_VAGUE:
        return ""
    return (
        f"{percent(vague / total, 0)} of the rejects ({vague:,} of {total:,}) have no reason of their own, but “other” "
        f"or none. Above {TOO_VAGUE:.0%} the reasons no longer tell what to change: read their notes and add a reason."
    )
