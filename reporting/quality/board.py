"""The quality page put together, for one slice: the same for everybody who may see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from funnel.templatetags.dc import percent
from reporting.numbers import Number
from reporting.quality import calibration, queries, shown
from reporting.quality.queries import Facts
from reporting.quality.reasons import Reasons, reasons_of
from reporting.quality.rules import RuleRow, rule_rows
from reporting.quality.slices import Slice
from reporting.quality.suggestions import Evidence, Suggestion, in_order, suggest
from reporting.quality.tallies import Tally, Tenth
from scoring.models import ScoreCategory, ScoreRule, ScoringModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number of the strip. note: beneath it; mark: how much of it is old enough to count."""

    title: str
    number: Number
    note: str
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRow:
    """A cell of grade and band at the moment."""

    grade: str
    band: int
    tally: Tally
    made: Number
    rates: Sequence[Number]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Everything on the page below the filters."""

    piece: Slice
    total: Tally
    tiles: Sequence[Tile]
    coverage: str
    cells: Sequence[CellRow]
    tenths: Sequence[Tenth]
    verdict: str
    chart: go.Figure | None
    evidence: Sequence[Evidence]
    suggestions: Sequence[Suggestion]
    rules: Sequence[RuleRow]
    silent: int
    reasons: Reasons

    @property
    def is_blank(self) -> bool:
        return not self.total.made


def assemble(facts: Facts, piece: Slice, models: Sequence[ScoringModel]) -> Board:
    """The page for one slice. models: the versions that decide, whose rules are judged."""
    rules = list(ScoreRule.objects.filter(model__in=models).select_related("category", "model"))
    names = {rule.pk: rule_name(rule, several=len(models) > 1) for rule in rules}
    facts.copy.need("made", "made_by")
    judged = facts.judged_at
    key = ("quality", piece.query(), piece.view.period, facts.zone, judged, tuple(model.pk for model in models))

    def make() -> Board:
        return _make(facts, piece.but(names=names), models, rules)

    board: Board = facts.copy.answer(key, make)
    return board


def _make(facts: Facts, piece: Slice, models: Sequence[ScoringModel], rules: Sequence[ScoreRule]) -> Board:
    total = queries.overall(facts, piece)
    tenths = queries.by_tenth(facts, piece)
    weeks = _weeks(facts, piece)
    why, traced = queries.reasons(facts, piece), queries.reasons_by_rule(facts, piece)
    evidence = evidence_of(facts, piece, models, rules)
    return Board(
        piece=piece,
        total=total,
        tiles=_tiles(total, piece, weeks),
        coverage=_coverage(total),
        cells=_cells(facts, piece, total),
        tenths=tenths,
        verdict=calibration.verdict(tenths),
        chart=calibration.chart(
            tenths, [piece.but(above=one.above, upto=one.upto).url() for one in tenths], base=total.acceptance
        ),
        evidence=evidence,
        suggestions=suggest(evidence, weeks=weeks),
        rules=rule_rows(evidence, piece, traced, why),
        silent=len(rules) - len(evidence),
        reasons=reasons_of(piece, why, traced, queries.reasons_by_cell(facts, piece)),
    )


def evidence_of(
    facts: Facts, piece: Slice, models: Sequence[ScoringModel], rules: Sequence[ScoreRule]
) -> list[Evidence]:
    """What is known of each rule that carried anybody, by the weight of the evidence; each version by itself."""
    found = []
    for model in models:
        mine = piece.but(how="score", model=model.pk if len(models) > 1 else None)
        everybody = queries.overall(facts, mine)
        known = {rule.pk: rule for rule in rules if rule.model_id == model.pk}
        carried = queries.by_rule(facts, mine, threshold=model.threshold)
        found += [
            Evidence(
                rule_id=one.rule_id,
                model_id=mine.model,
                name=piece.names[one.rule_id],
                points=known[one.rule_id].points,
                threshold=model.threshold,
                of_interest=known[one.rule_id].category.axis == ScoreCategory.Axis.INTEREST,
                carried=one.tally,
                others=everybody - one.tally,
                leaned=one.leaned,
            )
            for one in carried
            if one.rule_id in known
        ]
    return in_order(found)


def rule_name(rule: ScoreRule, *, several: bool) -> str:
    """The rule's name, with its version where several decide."""
    return f"{rule.name} (version {rule.model.version})" if several else rule.name


def _weeks(facts: Facts, piece: Slice) -> float | None:
    """How many weeks of the period have passed."""
    start, end = piece.view.period.bounds(facts.zone)
    if start is None:
        return None
    days = (min(end or facts.judged_at, facts.judged_at) - start).days
    return days / 7 if days > 0 else None


def _tiles(total: Tally, piece: Slice, weeks: float | None) -> list[Tile]:
    rates = [(name, shown.rate(name, total, piece, id=f"all-{name}")) for name in ("accepted", "sql", "won")]
    a_week = f"{total.made / weeks:.1f} a week" if weeks else "in the period"
    made = shown.count(total.made, piece, id="all-made", title="MQLs")
    young = total.made - total.old
    tiles = [Tile(title="MQLs", number=made, note=a_week, mark=f"{young:,} too young to be judged" if young else "")]
    tiles += [
        Tile(title=shown.RATES[name][0], number=number, note=number.counts, mark=number.maturity)
        for name, number in rates
    ]
    undecided = piece.but(outcome="undecided")
    left = shown.count(total.old - total.decided, undecided, id="all-undecided", title="Undecided MQLs")
    return [*tiles, Tile(title="Undecided", number=left, note=f"of {total.old:,} old enough")]


def _coverage(total: Tally) -> str:
    """Of how many the score at the moment is known."""
    if not total.made:
        return ""
    if not total.known:
        return (
            "The score at the moment is known of none of these MQLs yet: the nightly replay of the active version has "
            "not run, or it makes none of them."
        )
    known = percent(total.known / total.made, 0)
    said = (
        f"The score at the moment is known of {total.known:,} of {total.made:,} MQLs ({known}), as the active version "
        f"has it; {total.by_hand:,} of them raised a hand."
    )
    rest = " The others were made by people, by another version, or since the replay."
    return said if total.known == total.made else said + rest


def _cells(facts: Facts, piece: Slice, total: Tally) -> list[CellRow]:
    rows = []
    for grade, band, tally in queries.by_cell(facts, piece):
        cell = f"{grade}{band}"
        mine = piece.but(cell=cell)
        rows.append(
            CellRow(
                grade=grade,
                band=band,
                tally=tally,
                made=shown.count(tally.made, mine, id=f"cell-{cell}", title=f"MQLs at {cell}"),
                rates=[
                    shown.rate(name, tally, mine, id=f"cell-{cell}-{name}", of=f"MQLs at {cell}", base=total)
                    for name in ("accepted", "sql", "won", "rejected")
                ],
            )
        )
    return rows


def names_of(models: Sequence[ScoringModel]) -> Mapping[int, str]:
    """The names of the rules of these versions."""
    rules = ScoreRule.objects.filter(model__in=models).select_related("model")
    return {rule.pk: rule_name(rule, several=len(models) > 1) for rule in rules}
