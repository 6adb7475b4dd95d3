"""What the evidence says about the rules, as suggestions in plain words. Pure; nothing is ever applied by itself.

A rule is judged by the MQLs that it carried against the others that the score made. Of a rule is said something only
where the interval of the difference in acceptance keeps clear of nought and both sides have enough decisions.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from funnel.templatetags.dc import interval, percent
from reporting.quality.tallies import Interval, Tally, apart, certain, is_enough

Deed = Literal["lower", "remove", "raise"]
HALF, MORE = 0.5, 1.5  # what a suggestion makes of the points: a step that the lab can judge, not the last word


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of one rule. others: MQLs by score that it did not carry. leaned: carried ones that would have been
    below the threshold of its version without its points, caps not counted. of_interest: of interest, not of fit.
    model_id: its version, where several decide."""

    rule_id: int
    name: str
    points: float
    threshold: float
    of_interest: bool
    carried: Tally
    others: Tally
    leaned: int
    model_id: int | None = None

    @property
    def apart(self) -> Interval:
        """The interval of its MQLs' acceptance minus that of the others."""
        return apart(self.carried, self.others)

    @property
    def certain(self) -> float:
        """By how much its MQLs are better (or, below nought, worse) for certain; 0 where nothing is or too few."""
        return certain(self.apart) if is_enough(self.carried, self.others) else 0.0

    @property
    def weight(self) -> float:
        """How many decisions went another way than among the others, at the least."""
        return abs(self.certain) * self.carried.decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One thing to try. points: what the rule would give, None without it. sentence: the case; effect: on volume."""

    rule_id: int
    name: str
    deed: Deed
    points: float | None
    sentence: str
    effect: str
    weight: float


def in_order(evidence: Iterable[Evidence]) -> list[Evidence]:
    """The rules by the weight of the evidence; of alike ones those of interest first, which can be corrected in small
    steps, then those that carried most."""
    return sorted(evidence, key=lambda one: (-one.weight, not one.of_interest, -one.carried.made, one.name))


def suggest(evidence: Iterable[Evidence], *, weeks: float | None) -> list[Suggestion]:
    """What to try: first what misfires, since it costs work today, then what is worth more; the weightiest first.

    weeks: how long a time was looked at.
    """
    known = [one for one in in_order(evidence) if one.certain and one.points > 0]
    return [_suggestion(one, weeks) for one in sorted(known, key=lambda one: one.certain > 0)]


def _suggestion(one: Evidence, weeks: float | None) -> Suggestion:
    deed, points = _deed(one)
    verb = {"lower": "Lower", "remove": "Drop", "raise": "Raise"}[deed]
    said = f"{verb} “{one.name}” from {one.points:g}"
    carried, others = one.carried, one.others
    return Suggestion(
        rule_id=one.rule_id,
        name=one.name,
        deed=deed,
        points=points,
        sentence=f"{said}: of {carried.decided:,} decided MQLs it carried, {_accepted(carried)} were accepted, against "
        f"{_accepted(others)} of the other {others.decided:,}.",
        effect=_effect(one, deed, weeks),
        weight=one.weight,
    )


def _accepted(tally: Tally) -> str:
    return f"{percent(tally.acceptance, 0)} ({interval(*tally.accepted_between)})"


def _deed(one: Evidence) -> tuple[Deed, float | None]:
    if one.certain > 0:
        return "raise", float(round(one.points * MORE))
    halved = round(one.points * HALF)
    return ("lower", float(halved)) if halved else ("remove", None)


def _effect(one: Evidence, deed: Deed, weeks: float | None) -> str:
    if not one.of_interest:
        return "A rule of fit moves grades; the lab tells whose."
    if deed == "raise":
        return "More points make more such MQLs; the lab tells how many."
    a_week = f", {one.leaned / weeks:.1f} a week" if weeks else ""
    return (
        f"Without its points up to {one.leaned:,} of the {one.carried.made:,}{a_week}, would have stayed below the "
        f"threshold of {one.threshold:g}; with caps counted the lab tells exactly."
    )
