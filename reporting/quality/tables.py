"""The tables of the quality page as files. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

from funnel.intervals import wilson
from reporting.quality.board import Board
from reporting.quality.disputes import Dispute
from reporting.quality.tallies import Tally

Table = tuple[Sequence[str], Sequence[Sequence[Any]]]
COUNTS = ["mqls", "decided", "accepted", "accepted_rate", "low", "high", "sql", "sql_of", "won", "won_of"]


def counts(tally: Tally) -> list[Any]:
    """A tally under COUNTS."""
    return [
        tally.made, tally.decided, tally.accepted, tally.acceptance, *wilson(tally.accepted, tally.decided),
        tally.sql, tally.sql_of, tally.won, tally.won_of,
    ]  # fmt: skip


def bands(board: Board) -> Table:
    """A row a cell of grade and band."""
    rows = [[row.grade, row.band, *counts(row.tally)] for row in board.cells]
    return ["grade", "band", *COUNTS], [*rows, ["all", "", *counts(board.total)]]


def calibration(board: Board) -> Table:
    """A row a tenth of interest."""
    rows = [[one.above, one.upto, one.mean, *counts(one.tally)] for one in board.tenths]
    return ["interest_above", "interest_up_to", "interest_mean", *COUNTS], rows


def rules(board: Board) -> Table:
    """A row a rule, with the others beside it."""
    heading = ["rule", "points", *COUNTS, "others_decided", "others_accepted", "difference_low", "difference_high"]
    rows = [
        [one.name, one.points, *counts(one.carried), one.others.decided, one.others.accepted, *one.apart]
        for one in board.evidence
    ]
    return heading, rows


def reasons(board: Board) -> Table:
    """A row a reason, with how many each rule carried."""
    rows = [[row.reason, row.total, *row.counts] for row in board.reasons.by_rule]
    return ["reason", "rejected", *board.reasons.rules], rows


def suggestions(board: Board) -> Table:
    """A row a suggestion."""
    rows = [[one.name, one.deed, one.points, one.sentence, one.effect] for one in board.suggestions]
    return ["rule", "deed", "points", "case", "effect"], rows


def dispute(found: Dispute) -> Table:
    """A row a number, k and n inside the slice and outside."""
    sides = [side for side in (found.inside, found.outside) if side]
    rows: list[Sequence[Any]] = []
    for name, of in (("accepted", "decided"), ("sql", "sql_of"), ("won", "won_of")):
        rows.append(["rate", name, *(getattr(side.tally, count) for side in sides for count in (name, of))])
    for name in ("kept", "late", "waiting", "unworked"):
        rows.append(["promise", name, *(getattr(side.kept, count) for side in sides for count in (name, "due"))])
    rows += [["reason", pair.key, *pair.counts] for pair in found.reasons]
    rows += [["accepted at", pair.key, *pair.counts] for pair in found.cells]
    return ["kind", "name", "inside", "inside_of", "outside", "outside_of"], rows


TABLES: dict[str, tuple[str, Callable[[Board], Table]]] = {
    "bands": ("By grade and band", bands),
    "calibration": ("Calibration", calibration),
    "rules": ("By rule", rules),
    "reasons": ("Reject reasons", reasons),
    "suggestions": ("Suggestions", suggestions),
}
