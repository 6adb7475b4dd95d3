"""Each rule's MQLs against the others that the score made, as rows of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from funnel.templatetags.dc import interval, percent
from reporting.drill import NO_REASON
from reporting.numbers import Number
from reporting.quality import shown
from reporting.quality.slices import Slice
from reporting.quality.suggestions import Evidence

NOTHING_TOLD = "no data"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """A rule. difference: in acceptance against the others, in words; state: good, bad or blank; through: the reject
    reason of which the largest share came through it."""

    evidence: Evidence
    carried: Number
    accepted: Number
    others: Number
    rejected: Number
    sql: Number
    difference: str
    state: str
    through: Number | None
    through_words: str


ReasonCounts = Mapping[tuple[str | None, int], int]
ReasonTotals = Sequence[tuple[str | None, bool, int, int]]


def rule_rows(evidence: Sequence[Evidence], piece: Slice, by_rule: ReasonCounts, totals: ReasonTotals) -> list[RuleRow]:
    """The rows in the order of the evidence."""
    return [_row(one, piece, by_rule, totals) for one in evidence]


def _row(one: Evidence, piece: Slice, by_rule: ReasonCounts, totals: ReasonTotals) -> RuleRow:
    mine = piece.but(rule=one.rule_id, model=one.model_id)
    rest = mine.but(carried=False)
    key = f"rule-{one.rule_id}"
    through, words = _through(one, piece, by_rule, totals)
    return RuleRow(
        evidence=one,
        carried=shown.count(one.carried.made, mine, id=key, title=f"MQLs carried by “{one.name}”"),
        accepted=shown.rate("accepted", one.carried, mine, id=f"{key}-accepted", of=f"“{one.name}”"),
        others=shown.rate("accepted", one.others, rest, id=f"{key}-others", of=f"Not “{one.name}”"),
        rejected=shown.rate("rejected", one.carried, mine, id=f"{key}-rejected", of=f"“{one.name}”"),
        sql=shown.rate("sql", one.carried, mine, id=f"{key}-sql", of=f"“{one.name}”"),
        difference=_difference(one),
        state="bad" if one.certain < 0 else "good" if one.certain > 0 else "",
        through=through,
        through_words=words,
    )


def _difference(one: Evidence) -> str:
    low, high = one.apart
    if low is None or high is None:
        return NOTHING_TOLD
    apart = (one.carried.acceptance or 0) - (one.others.acceptance or 0)
    return f"{apart * 100:+.0f} points ({low * 100:+.0f} to {high * 100:+.0f})".replace("-", "−")


def _through(one: Evidence, piece: Slice, by_rule: ReasonCounts, totals: ReasonTotals) -> tuple[Number | None, str]:
    """Of which reject reason the largest number came through the rule."""
    found = [(by_rule.get((reason, one.rule_id), 0), reason, known) for reason, _worded, _leads, known in totals]
    leads, reason, known = max(found, key=lambda each: each[0], default=(0, None, 0))
    if not leads or not known:
        return None, ""
    said = reason or NO_REASON
    mine = piece.but(rule=one.rule_id, reason=(reason,), outcome="rejected")
    number = shown.share(
        leads, known, mine, rest=piece.but(reason=(reason,), outcome="rejected"), id=f"rule-{one.rule_id}-through",
        title=f"“{said}” through “{one.name}”",
        definition=f"Of the rejects of known score with the reason “{said}”, those that this rule carried, as a share.",
    )  # fmt: skip
    return number, f"of “{said}” rejects come from this rule"


def interval_words(one: Evidence) -> str:
    """The rate of its MQLs with the interval, for files."""
    return f"{percent(one.carried.acceptance, 0)} ({interval(*one.carried.accepted_between)})"
