"""A dispute about lead quality, settled as far as the numbers can: both complaints, inside a slice and outside. Pure.

Sales says the leads are poor: that is acceptance. Marketing says that they are not worked: that is decisions on time.
Each is told for the slice and for all else of the period, with what of the difference is certain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from funnel.intervals import difference, wilson
from funnel.templatetags.dc import interval, percent
from reporting.numbers import FEW_BELOW
from reporting.quality.tallies import Tally, certain

Finding = Literal["worse", "better", "same", "few"]
EQUAL_WITHIN = 0.10  # an interval that lies within so much of nought on both sides says: no difference that matters


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Promises to decide on MQLs that have fallen due: kept, late, or waiting still. unworked: of those that wait,
    nobody of ours has got in touch with the person either."""

    due: int = 0
    kept: int = 0
    late: int = 0
    waiting: int = 0
    unworked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the numbers say. quality, work: the finding on each complaint; sentences: the last one sums up."""

    quality: Finding
    work: Finding
    sentences: Sequence[str]


def settle(inside: Tally, outside: Tally, kept: Kept, kept_outside: Kept, *, slice_words: str) -> Verdict:
    """Both complaints about one slice, told against all else of the period."""
    quality = _compared((inside.accepted, inside.decided), (outside.accepted, outside.decided))
    work = _compared((kept.kept, kept.due), (kept_outside.kept, kept_outside.due))
    told = [
        _quality(quality, inside, outside),
        _work(work, kept, kept_outside),
        _together(quality, work, slice_words),
    ]
    return Verdict(quality=quality, work=work, sentences=told)


def _compared(one: tuple[int, int], other: tuple[int, int]) -> Finding:
    if min(one[1], other[1]) < FEW_BELOW:
        return "few"
    apart = certain(difference(*one, *other))
    return "worse" if apart < 0 else "better" if apart > 0 else "same"


def _quality(finding: Finding, inside: Tally, outside: Tally) -> str:
    mine, theirs = (_share(each.accepted, each.decided) for each in (inside, outside))
    counts = f"inside {mine} of the decided MQLs were accepted, outside {theirs}"
    if finding == "few":
        return f"Are they poor? The numbers cannot tell: {counts}; it takes {FEW_BELOW} decisions on both sides."
    apart = _apart((inside.accepted, inside.decided), (outside.accepted, outside.decided))
    said = {
        "worse": "Yes, poorer than the others",
        "better": "No, better than the others",
        "same": _same((inside.accepted, inside.decided), (outside.accepted, outside.decided)),
    }[finding]
    return f"Are they poor? {said}: {counts}, a difference of {apart}."


def _work(finding: Finding, kept: Kept, other: Kept) -> str:
    mine, theirs = (_share(each.kept, each.due) for each in (kept, other))
    counts = f"inside {mine} of the MQLs that fell due were decided on in time, outside {theirs}"
    left = ""
    if kept.waiting:
        left = f" Inside {kept.waiting:,} wait still, {kept.unworked:,} of them without an attempt by us to reach them."
    if finding == "few":
        return f"Are they left lying? The numbers cannot tell: {counts}; it takes {FEW_BELOW} on both sides.{left}"
    apart = _apart((kept.kept, kept.due), (other.kept, other.due))
    said = {
        "worse": "Yes, more than the others",
        "better": "No, less than the others",
        "same": _same((kept.kept, kept.due), (other.kept, other.due)),
    }[finding]
    return f"Are they left lying? {said}: {counts}, a difference of {apart}.{left}"


def _same(one: tuple[int, int], other: tuple[int, int]) -> str:
    low, high = difference(*one, *other)
    if low is not None and high is not None and low > -EQUAL_WITHIN and high < EQUAL_WITHIN:
        return "No difference that matters"
    return "The numbers cannot tell"


_SUMS: dict[tuple[str, str], str] = {
    ("worse", "worse"): "Both sides have a point about {it}: the leads are poorer, and they are worked worse.",
    ("worse", "better"): "Sales has a point about {it}: the leads are poorer although they are worked better.",
    ("worse", "same"): "Sales has a point about {it}: the leads are poorer, and no worse work is seen.",
    ("worse", "few"): "Sales has a point about {it}: the leads are poorer; of how they are worked too little is known.",
    ("better", "worse"): "Marketing has a point about {it}: the leads are better, and they are worked worse.",
    ("same", "worse"): "Marketing has a point about {it}: they are worked worse, and no poorer leads are seen.",
    ("few", "worse"): "Marketing has a point about {it}: they are worked worse; of their quality too little is known.",
    (
        "better",
        "better",
    ): "Neither complaint about {it} is borne out: they are better, and worked better.",
    ("better", "same"): "Neither complaint about {it} is borne out: the leads are better, and no worse work is seen.",
    (
        "same",
        "better",
    ): "Neither complaint about {it} is borne out: no poorer leads, and better work.",
    ("better", "few"): "The leads of {it} are not poorer but better; of how they are worked too little is known.",
    ("few", "better"): "{it} is worked better than the rest; of its quality too little is known.",
}


def _together(quality: Finding, work: Finding, slice_words: str) -> str:
    said = _SUMS.get((quality, work))
    if said is None:
        return (
            f"The numbers do not settle it for {slice_words}: what is seen may be chance. Read a sample of the leads "
            "together, or choose a longer period."
        )
    said = said.format(it=slice_words)
    return said[:1].upper() + said[1:]


def _share(k: int, n: int) -> str:
    return f"{percent(k / n, 0)} ({k:,} of {n:,}, {interval(*wilson(k, n))})" if n else "none"


def _apart(one: tuple[int, int], other: tuple[int, int]) -> str:
    low, high = difference(*one, *other)
    if low is None or high is None:
        return "no data"
    apart = one[0] / one[1] - other[0] / other[1]
    return f"{apart * 100:+.0f} points ({low * 100:+.0f} to {high * 100:+.0f})".replace("-", "−")
