"""The numbers of the quality pages with their popovers: k / n, interval, maturity, and the leads behind them."""

from typing import Any

from funnel.intervals import wilson
from reporting import numbers
from reporting.numbers import Number
from reporting.overview.asking import glossary
from reporting.quality.slices import OUTCOMES, Slice
from reporting.quality.tallies import DECIDED_AFTER, SQL_WITHIN, WON_WITHIN, Tally, lift

# A rate: its name, the counts of a tally, and the outcomes that are its k and the rest of its n.
RATES = {
    "accepted": ("Accepted", "accepted", "decided", "accepted", "rejected"),
    "rejected": ("Rejected", "rejected", "decided", "rejected", "accepted"),
    "sql": ("SQL", "sql", "sql_of", "sql", "not_sql"),
    "won": ("Won", "won", "won_of", "won", "not_won"),
}
_DAYS = {"accepted": DECIDED_AFTER, "rejected": DECIDED_AFTER, "sql": SQL_WITHIN, "won": WON_WITHIN}
SENTENCES = {
    "accepted": "Of the MQLs that were accepted or rejected, those that were accepted, as a share. Undecided ones, and "
    "those whose interest cooled, are in neither.",
    "rejected": "Of the MQLs that were accepted or rejected, those that were rejected: the false positives.",
    "sql": f"Of the MQLs that are old enough, those that were qualified by sales within {SQL_WITHIN} days, as a share.",
    "won": f"Of the MQLs that are old enough, those that were won within {WON_WITHIN} days, as a share.",
}


def rate(name: str, tally: Tally, piece: Slice, *, id: str, of: str = "MQLs", base: Tally | None = None) -> Number:
    """One of RATES for the MQLs of a slice. of: who they are; base: what its lift is told against."""
    title, k_name, n_name, hits, rest = RATES[name]
    k, n = getattr(tally, k_name), getattr(tally, n_name)
    low, high = wilson(k, n)
    rows = []
    if base is not None and (times := lift(k, n, getattr(base, k_name), getattr(base, n_name))) is not None:
        rows.append(("Lift", f"{times:.2f} times the rate of all"))
    return numbers.rate(
        id=id,
        title=f"{of}: {title}",
        definition=SENTENCES[name],
        k=k,
        n=n,
        low=low,
        high=high,
        cohort=f"became MQL {piece.view.period.when}",
        maturity=_maturity(name, tally),
        rows=rows,
        links=[
            (f"Open {k:,}", piece.but(outcome=hits).url()),
            (f"Open the other {n - k:,}", piece.but(outcome=rest).url()),
            glossary("mql-quality"),
        ],
    )


def _maturity(name: str, tally: Tally) -> str:
    days = _DAYS[name]
    old = {"sql": tally.sql_of, "won": tally.won_of}.get(name, tally.old)
    said = f"{old:,} of {tally.made:,} are {days} days old or more"
    undecided = tally.old - tally.decided
    return f"{said}, {undecided:,} of them undecided" if days == DECIDED_AFTER and undecided else said


def count(number: int, piece: Slice, *, id: str, title: str, definition: str = "", **more: Any) -> Number:
    """A count of the MQLs of a slice and its outcome."""
    did = OUTCOMES[piece.outcome]
    return numbers.amount(
        id=id,
        title=title,
        definition=definition or f"Leads that became MQL in the period{f' and {did}' if did else ''}.",
        count=number,
        cohort=f"became MQL {piece.view.period.when}",
        links=[(f"Open {number:,}", piece.url()), glossary("mql-quality")] if number else [],
        **more,
    )


def share(k: int, n: int, piece: Slice, *, rest: Slice, id: str, title: str, definition: str) -> Number:
    """A part k of n, with the leads of the part and of all."""
    low, high = wilson(k, n)
    return numbers.rate(
        id=id,
        title=title,
        definition=definition,
        k=k,
        n=n,
        low=low,
        high=high,
        cohort=f"became MQL {piece.view.period.when}",
        links=[(f"Open {k:,}", piece.url()), (f"Open all {n:,} and those of unknown score", rest.url())],
    )
