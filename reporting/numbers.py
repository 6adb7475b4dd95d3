"""A number as a page shows it: with its definition, its k / n, its interval, and the rules for small numbers. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from funnel.templatetags.dc import days as days_words

HIDDEN_BELOW = 5  # a percentage of fewer leads says nothing; k / n is shown alone (domain.md 3.7)
FEW_BELOW = 30  # below this the interval is the message, and rankings leave it out

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number and what its popover says. One of rate, days or text is shown.

    counts: its k / n in words, for beside it. few: marked as a small sample. rows and links: (label, text or address).
    """

    id: str
    title: str
    definition: str
    rate: float | None = None
    days: float | None = None
    text: str = ""
    k: int | None = None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    cohort: str = ""
    maturity: str = ""
    rows: Pairs = ()
    links: Pairs = ()
    counts: str = ""
    few: bool = False


def rate(
    *,
    id: str,
    title: str,
    definition: str,
    k: int,
    n: int,
    low: float | None,
    high: float | None,
    cohort: str = "",
    maturity: str = "",
    rows: Iterable[tuple[str, str]] = (),
    links: Iterable[tuple[str, str]] = (),
) -> Number:
    """A rate k / n with its interval: no data without n, k / n alone below 5, marked below 30."""
    counts = f"{k:,} / {n:,}"
    told = tuple(rows)
    if 0 < n < HIDDEN_BELOW:
        told += (("Small number", f"Below {HIDDEN_BELOW} a percentage says nothing, so it is not shown."),)
    elif HIDDEN_BELOW <= n < FEW_BELOW:
        told += (("Small number", f"Fewer than {FEW_BELOW}: read the interval, not the rate."),)
    shown = n >= HIDDEN_BELOW
    return Number(
        id=id,
        title=title,
        definition=definition,
        rate=k / n if shown else None,
        text="" if shown else counts if n else "no data",
        k=k if shown else None,
        n=n if shown else None,
        low=low if shown else None,
        high=high if shown else None,
        cohort=cohort,
        maturity=maturity,
        rows=told,
        links=tuple(links) if n else (),
        counts=counts if shown else "",
        few=0 < n < FEW_BELOW,
    )


def median(
    *,
    id: str,
    title: str,
    definition: str,
    days: float | None,
    n: int,
    excluded: int,
    percentiles: Sequence[float],
    cohort: str = "",
    rows: Iterable[tuple[str, str]] = (),
    links: Iterable[tuple[str, str]] = (),
) -> Number:
    """A median of n stays in days, with p10 p25 p50 p75 p90; `excluded` have dates the wrong way round."""
    known = n > 0 and days is not None
    told = list(rows)
    if known:
        _, quarter, _, three_quarters, nine_tenths = map(days_words, percentiles)
        told.append(("Spread", f"p25 {quarter}, p75 {three_quarters}, p90 {nine_tenths}"))
    if excluded:
        told.append(("Excluded", f"{excluded:,} whose dates are the wrong way round"))
    return Number(
        id=id,
        title=title,
        definition=definition,
        days=days if known else None,
        text="" if known else "no data",
        n=n if known else None,
        cohort=cohort,
        rows=tuple(told),
        links=tuple(links),
        few=0 < n < FEW_BELOW,
    )


def mean(
    *,
    id: str,
    title: str,
    definition: str,
    mean: float | None,
    n: int,
    cohort: str = "",
    rows: Iterable[tuple[str, str]] = (),
) -> Number:
    """A mean of n marks, to one decimal: no data without any, how many alone below 5, marked below 30."""
    shown = n >= HIDDEN_BELOW and mean is not None
    return Number(
        id=id,
        title=title,
        definition=definition,
        text=f"{mean:.1f}" if shown else f"{n:,} only" if n else "no data",
        n=n if shown else None,
        cohort=cohort,
        rows=tuple(rows),
        counts=f"{n:,}" if shown else "",
        few=0 < n < FEW_BELOW,
    )


def amount(
    *,
    id: str,
    title: str,
    definition: str,
    count: int,
    cohort: str,
    rows: Iterable[tuple[str, str]] = (),
    links: Iterable[tuple[str, str]] = (),
) -> Number:
    """A plain count, whose zero is a zero."""
    return Number(
        id=id,
        title=title,
        definition=definition,
        text=f"{count:,}",
        cohort=cohort,
        rows=tuple(rows),
        links=tuple(links),
    )
