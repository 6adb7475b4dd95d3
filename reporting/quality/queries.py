"""The SQL of the quality pages over the columnar copy: MQLs, the score that made them, and what became of them.

Every figure and the leads behind it come from one statement, `_select`, so that they cannot differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from funnel.models import Exit, Stage
from reporting.facts import Copy
from reporting.metrics import Query
from reporting.quality.slices import CARRIES, CLOCKED, Slice, cell_parts
from reporting.quality.tallies import DECIDED_AFTER, SQL_WITHIN, WON_WITHIN, Tally, Tenth
from reporting.selection import Listed, Selection, utc
from scoring.qualifying import COOLED

AT: Final = "l.mql_at"  # the stage's own: what skipped it was never judged as one
_COUNTED: Final = ("known", "by_hand", "old", "decided", "accepted", "sql_of", "sql", "won_of", "won")
_CARRIED: Final = f"share >= {CARRIES} AND NOT by_hand"


@dataclass(frozen=True, slots=True)
class Facts:
    """The copy with what these pages need of it. zone: where days begin."""

    copy: Copy
    zone: str

    @property
    def judged_at(self) -> datetime:
        """The beginning of the day: what is old enough stays the same for all of it."""
        today = self.copy.fresh_at.astimezone(ZoneInfo(self.zone)).date()
        return datetime.combine(today, time(), ZoneInfo(self.zone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The MQLs that a rule carried. leaned: those that would have been below the threshold without its points."""

    rule_id: int
    tally: Tally
    leaned: int


def overall(facts: Facts, piece: Slice) -> Tally:
    """All MQLs of the slice."""
    selection, inner = _select(facts, piece)
    [row] = selection.rows(f"SELECT {_figures()} FROM ({inner})").rows
    return _tally(row)


def by_cell(facts: Facts, piece: Slice) -> list[tuple[str, int, Tally]]:
    """By grade and band at the moment, of those whose score is known."""
    selection, inner = _select(facts, piece)
    rows = selection.rows(
        f"SELECT grade, band, {_figures()} FROM ({inner}) WHERE known GROUP BY grade, band ORDER BY grade, band"
    ).rows
    return [(grade, band, _tally(counts)) for grade, band, *counts in rows]


def by_tenth(facts: Facts, piece: Slice) -> list[Tenth]:
    """By tenths of interest at the moment; fewer where many have the same."""
    selection, inner = _select(facts, piece)
    shares = [number / 10 for number in range(1, 10)]
    [(bounds,)] = selection.rows(f"SELECT quantile_disc(interest, {shares}) FROM ({inner}) WHERE known").rows
    if not bounds:
        return []
    cuts = sorted(set(bounds))
    place = " + ".join(f"(interest > {selection.parameter(cut)})::INTEGER" for cut in cuts)
    rows = selection.rows(
        f"SELECT {place} AS place, avg(interest), {_figures()} FROM ({inner}) WHERE known GROUP BY 1 ORDER BY 1"
    ).rows
    edges = [None, *cuts, None]
    return [
        Tenth(above=edges[place], upto=edges[place + 1], mean=mean, tally=_tally(counts))
        for place, mean, *counts in rows
    ]


def by_rule(facts: Facts, piece: Slice, *, threshold: float) -> list[Carried]:
    """By rule, of the MQLs that it carried."""
    selection, inner = _select(facts, piece)
    leaned = f"count(*) FILTER (WHERE interest - greatest(points, 0) < {selection.parameter(threshold)})"
    rows = selection.rows(
        f"""SELECT rule_id, {leaned}, {_figures("m.")} FROM ({inner}) m
            JOIN (SELECT lead_id, rule_id, points FROM made_by WHERE {_CARRIED}) r ON r.lead_id = m.id
            GROUP BY rule_id ORDER BY rule_id"""
    ).rows
    return [Carried(rule_id=rule, leaned=leaned, tally=_tally(counts)) for rule, leaned, *counts in rows]


def reasons(facts: Facts, piece: Slice) -> list[tuple[str | None, bool, int, int]]:
    """Why they were rejected: reason, whether it needs words of its own, how many, how many of known score."""
    selection, inner = _select(facts, piece)
    return selection.rows(
        f"""SELECT reason, coalesce(bool_or(worded), false), count(*) AS leads, count(*) FILTER (WHERE known)
            FROM ({inner}) WHERE rejected GROUP BY reason ORDER BY leads DESC, reason"""
    ).rows


def reasons_by_rule(facts: Facts, piece: Slice) -> dict[tuple[str | None, int], int]:
    """How many of the rejected of each reason each rule carried."""
    selection, inner = _select(facts, piece)
    rows = selection.rows(
        f"""SELECT reason, rule_id, count(*) FROM ({inner}) m JOIN made_by r ON r.lead_id = m.id
            WHERE m.rejected AND r.share >= {CARRIES} AND NOT r.by_hand GROUP BY 1, 2"""
    ).rows
    return {(reason, rule): leads for reason, rule, leads in rows}


def reasons_by_cell(facts: Facts, piece: Slice) -> dict[tuple[str | None, str], int]:
    """How many were rejected for each reason at each grade and band."""
    selection, inner = _select(facts, piece)
    rows = selection.rows(
        f"SELECT reason, grade || band, count(*) FROM ({inner}) WHERE rejected AND known GROUP BY 1, 2"
    ).rows
    return {(reason, cell): leads for reason, cell, leads in rows}


def promises(facts: Facts, piece: Slice) -> dict[str, int]:
    """Of the MQLs that had to be decided on by now: due, kept, late, waiting."""
    selection, inner = _select(facts, piece, clocks=True)
    names = ("due", "kept", "late", "waiting")
    counts = ", ".join(f"count(*) FILTER (WHERE {name})" for name in names)
    [row] = selection.rows(f"SELECT {counts} FROM ({inner})").rows
    return dict(zip(names, row, strict=True))


# --- the leads behind a number -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Behind(Listed):
    """The leads of a slice and its outcome, as `records.page_of` asks for them."""

    piece: Slice
    zone: str

    def _select(self, copy: Copy) -> tuple[Selection, str]:
        clocks = self.piece.outcome in CLOCKED
        selection, inner = _select(Facts(copy, self.zone), self.piece, clocks=clocks)
        return selection, f"SELECT id FROM ({inner}) WHERE {_outcome(self.piece.outcome)}"


def _outcome(name: str) -> str:
    negated = {"not_sql": "sql_of AND NOT sql", "not_won": "won_of AND NOT won", "made": "true"}
    return negated.get(name, name)


# --- the one statement ---------------------------------------------------------------------------------------------


def _select(facts: Facts, piece: Slice, *, clocks: bool = False) -> tuple[Selection, str]:
    """One row an MQL of the slice, with what came of it as booleans."""
    facts.copy.need("made", "made_by", *(["clock"] if clocks else []))
    start, end = piece.view.period.bounds(facts.zone)
    joins = {"made", "reason", *(["promise"] if clocks else [])}
    selection = Selection(facts.copy, Query(start=start, end=end, tz=facts.zone), joins=joins)
    conditions = [f"{AT} IS NOT NULL", "NOT l.passthrough", f"l.entry_stage <= '{Stage.MQL}'::stage_name"]
    conditions += _side(selection, piece, facts.zone)
    conditions += _narrowed(selection, piece)
    columns = _columns(selection, facts.judged_at, clocks=clocks)
    return selection, selection.select(columns, at=AT, conditions=conditions)


def _columns(selection: Selection, judged_at: datetime, *, clocks: bool) -> Mapping[str, str]:
    judged = selection.parameter(utc(judged_at))
    accepted = "l.sal_reached_at IS NOT NULL"
    rejected = f"""coalesce(l.sal_reached_at IS NULL AND l.stage = '{Stage.MQL}' AND l.exit IN
        ('{Exit.DISQUALIFIED}', '{Exit.RECYCLED}')
        AND reason.name IS DISTINCT FROM {selection.parameter(COOLED)} AND reason.reroutes IS NOT TRUE, false)"""
    old, sql_of, won_of = (
        f"({AT} + {selection.parameter(timedelta(days=days))} <= {judged})"
        for days in (DECIDED_AFTER, SQL_WITHIN, WON_WITHIN)
    )
    within = {
        stage: f"coalesce(l.{stage}_reached_at <= {AT} + {selection.parameter(timedelta(days=days))}, false)"
        for stage, days in ((Stage.SQL, SQL_WITHIN), (Stage.WON, WON_WITHIN))
    }
    found = {
        "id": "l.id",
        "known": "made.lead_id IS NOT NULL",
        "by_hand": "coalesce(made.by_hand, false)",
        "grade": "made.grade",
        "band": "made.band",
        "interest": "made.interest",
        "reason": "reason.name",
        "worded": "reason.needs_text",
        "old": old,
        "decided": f"({old} AND ({accepted} OR {rejected}))",
        "accepted": f"({old} AND {accepted})",
        "rejected": f"({old} AND {rejected})",
        "undecided": f"({old} AND NOT ({accepted} OR {rejected}))",
        "sql_of": sql_of,
        "sql": f"({sql_of} AND {within[Stage.SQL]})",
        "won_of": won_of,
        "won": f"({won_of} AND {within[Stage.WON]})",
    }
    return found | (_clock_columns(judged) if clocks else {})


def _clock_columns(judged: str) -> dict[str, str]:
    due = f"coalesce(promise.due_at <= {judged}, false)"
    return {
        "due": due,
        "kept": f"({due} AND coalesce(promise.stopped_at <= promise.due_at, false))",
        "late": f"({due} AND coalesce(promise.stopped_at > promise.due_at, false))",
        "waiting": f"({due} AND promise.stopped_at IS NULL)",
    }


def _side(selection: Selection, piece: Slice, zone: str) -> Sequence[str]:
    """The filters and the cell, or all that is outside them."""
    asked = Query(tz=zone, where=piece.view.where)
    filters = Selection(
        selection.copy, asked, joins=selection.joins, attributes=selection.attributes, parameters=selection.parameters
    ).filters(AT)
    if piece.cell:
        filters.append(_is_at(selection, piece.cell))
    if piece.side != "out":
        return filters
    return [f"NOT coalesce({' AND '.join(filters)}, false)"] if filters else ["false"]


def _is_at(selection: Selection, cell: str) -> str:
    grade, band = cell_parts(cell)
    return f"(made.grade = {selection.parameter(grade)} AND made.band = {selection.parameter(band)})"


def _narrowed(selection: Selection, piece: Slice) -> list[str]:
    """How they came to be MQLs: by score or hand, with which interest, by which rule, and why they were rejected."""
    tests = {"": [], "score": ["NOT made.by_hand"], "hand": ["made.by_hand"]}[piece.how]
    if piece.model is not None:
        tests.append(f"made.model_id = {selection.parameter(piece.model)}")
    if piece.at:
        tests.append(_is_at(selection, piece.at))
    if piece.above is not None:
        tests.append(f"made.interest > {selection.parameter(piece.above)}")
    if piece.upto is not None:
        tests.append(f"made.interest <= {selection.parameter(piece.upto)}")
    if piece.rule is not None:
        carried = f"SELECT lead_id FROM made_by WHERE rule_id = {selection.parameter(piece.rule)} AND {_CARRIED}"
        tests.append(f"l.id IN ({carried})" if piece.carried else f"NOT made.by_hand AND l.id NOT IN ({carried})")
    for one in piece.reason:
        tests.append("reason.name IS NULL" if one is None else f"reason.name = {selection.parameter(one)}")
    return tests


def _figures(prefix: str = "") -> str:
    return ", ".join(["count(*)", *(f"count(*) FILTER (WHERE {prefix}{name})" for name in _COUNTED)])


def _tally(counts: Sequence[int]) -> Tally:
    return Tally(**dict(zip(("made", *_COUNTED), counts, strict=True)))
