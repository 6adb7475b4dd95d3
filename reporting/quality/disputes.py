"""The dispute page put together: a slice against all else of its period, each complaint with its numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from reporting.drill import NO_REASON
from reporting.numbers import Number
from reporting.quality import queries, shown
from reporting.quality.queries import Behind, Facts
from reporting.quality.slices import Slice
from reporting.quality.tallies import Tally
from reporting.quality.verdicts import Kept, Verdict, settle

# Of these leads, those whose person nobody of ours has tried to reach since the MQL: an automatic mail is no attempt.
_UNWORKED = """
SELECT l.id FROM funnel_lead l WHERE l.id = ANY(%s) AND NOT EXISTS (
    SELECT FROM funnel_activity t WHERE t.person_id = l.person_id AND t.direction = 'out' AND NOT t.automatic
    AND t.voided_at IS NULL AND t.occurred_at >= l.mql_at)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Inside the slice, or outside. rates: accepted, rejected, SQL, won; promises: in time, late, waiting; each with
    the leads behind it."""

    words: str
    tally: Tally
    kept: Kept
    made: Number
    rates: Sequence[Number]
    promises: Sequence[tuple[str, Number]]
    unworked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The same number inside and outside; None for nobody. key: what it is about."""

    key: str
    inside: Number | None
    outside: Number | None
    counts: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """Everything on the page below the filters; without a slice there are no sides."""

    piece: Slice
    inside: Side | None = None
    outside: Side | None = None
    verdict: Verdict | None = None
    reasons: Sequence[Pair] = ()
    cells: Sequence[Pair] = ()


def dispute(facts: Facts, piece: Slice) -> Dispute:
    """Both sides of a slice."""
    if not piece.is_narrowed:
        return Dispute(piece=piece)
    facts.copy.need("made", "made_by", "clock")
    pieces = [piece.but(side=side) for side in ("in", "out")]
    inside, outside = (_side(facts, each) for each in pieces)
    verdict = settle(inside.tally, outside.tally, inside.kept, outside.kept, slice_words=f"“{piece.where_words()}”")
    return Dispute(
        piece=piece,
        inside=inside,
        outside=outside,
        verdict=verdict,
        reasons=_reasons(facts, pieces, (inside.tally, outside.tally)),
        cells=_cells(facts, pieces),
    )


def _side(facts: Facts, piece: Slice) -> Side:
    tally = queries.overall(facts, piece)
    counted = queries.promises(facts, piece)
    waiting = Behind(piece.but(outcome="waiting"), facts.zone).ids(facts.copy)
    kept = Kept(**counted, unworked=len(unworked(waiting)))
    words = "Inside" if piece.side == "in" else "Outside"
    promises = [
        (said, shown.share(
            counted[name], kept.due, piece.but(outcome=name), rest=piece.but(outcome="due"), id=f"{piece.side}-{name}",
            title=f"{words}: {said.lower()}",
            definition=f"Of the MQLs whose time to decide is over, by the first promise made: {said.lower()}.",
        ))
        for name, said in (("kept", "Decided on in time"), ("late", "Decided on late"), ("waiting", "Not decided on"))
    ]  # fmt: skip
    return Side(
        words=words,
        tally=tally,
        kept=kept,
        made=shown.count(tally.made, piece, id=f"{piece.side}-made", title=f"{words}: MQLs"),
        rates=[
            shown.rate(name, tally, piece, id=f"{piece.side}-{name}", of=words)
            for name in ("accepted", "rejected", "sql", "won")
        ],
        promises=promises,
        unworked=f"{kept.unworked:,} of {kept.waiting:,} that wait: no attempt by us to reach them" if waiting else "",
    )


def unworked(lead_ids: Sequence[int]) -> list[int]:
    """Of these leads, those that nobody of ours has tried to reach since they became MQLs. One query."""
    if not lead_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_UNWORKED, [list(lead_ids)])
        return [lead_id for (lead_id,) in cursor.fetchall()]


def _reasons(facts: Facts, pieces: Sequence[Slice], totals: Sequence[Tally]) -> list[Pair]:
    """Each reject reason as a share of the decided MQLs of each side, those of the slice first."""
    found = [{reason: leads for reason, _worded, leads, _known in queries.reasons(facts, each)} for each in pieces]
    both = found[0].keys() | found[1].keys()
    keys = sorted(both, key=lambda key: (-found[0].get(key, 0), -found[1].get(key, 0), key or ""))

    def number(side: int, reason: str | None, place: int) -> Number | None:
        leads, piece = found[side].get(reason, 0), pieces[side]
        if not leads:
            return None
        return shown.share(
            leads, totals[side].decided, piece.but(reason=(reason,), outcome="rejected"),
            rest=piece.but(outcome="decided"), id=f"{piece.side}-why-{place}", title=f"Rejected: {reason or NO_REASON}",
            definition="Of the decided MQLs, those that were rejected for this reason, as a share.",
        )  # fmt: skip

    return [
        Pair(
            key=reason or NO_REASON.capitalize(),
            inside=number(0, reason, place),
            outside=number(1, reason, place),
            counts=(found[0].get(reason, 0), totals[0].decided, found[1].get(reason, 0), totals[1].decided),
        )
        for place, reason in enumerate(keys)
    ]


def _cells(facts: Facts, pieces: Sequence[Slice]) -> list[Pair]:
    """Acceptance at each grade and band, inside and outside: whether the score tells the same of both."""
    found: list[Mapping[str, Tally]] = [
        {f"{grade}{band}": tally for grade, band, tally in queries.by_cell(facts, each)} for each in pieces
    ]

    def number(side: int, cell: str) -> Number | None:
        tally, piece = found[side].get(cell), pieces[side]
        if tally is None:
            return None
        mine = piece.but(at=cell)
        return shown.rate("accepted", tally, mine, id=f"{piece.side}-at-{cell}", of=f"MQLs at {cell}")

    return [
        Pair(
            key=cell,
            inside=number(0, cell),
            outside=number(1, cell),
            counts=tuple(  # type: ignore[arg-type]
                count
                for side in (0, 1)
                for count in (found[side].get(cell, Tally()).accepted, found[side].get(cell, Tally()).decided)
            ),
        )
        for cell in sorted(found[0].keys() | found[1].keys())
    ]
