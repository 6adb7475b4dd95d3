"""The funnel of one cohort, to date: nested, so that its steps multiply to the end-to-end rate (domain.md 3.4 d)."""

from dataclasses import dataclass

from funnel.intervals import wilson
from funnel.models import Stage
from funnel.path import RANK
from funnel.templatetags.dc import stage_css
from reporting import numbers
from reporting.drill import DID
from reporting.numbers import Number
from reporting.overview import queries
from reporting.overview.asking import FUNNEL_AGE, Asker, glossary, share_words, short_range
from reporting.periods import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A stage of the cohort: who reached it, and of them who went on, is open there still, or left."""

    stage: Stage
    n: int
    on: int = 0
    still: int = 0
    reached: Number
    rate: Number
    said: str

    @property
    def left(self) -> int:
        return self.n - self.on - self.still

    @property
    def parts(self) -> list[tuple[float, str]]:
        """The shares of the bar; none for the end of the path, which nobody leaves."""
        if not self.n or self.stage == Stage.WON:
            return []
        return [(self.on / self.n, stage_css(self.stage)), (self.still / self.n, "open"), (self.left / self.n, "left")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """The rows of the cohort; none where nobody came in, which `empty` says."""

    basis: str
    rows: tuple[Row, ...] = ()
    empty: str = ""


def funnel(ask: Asker) -> Funnel:
    """The last cohort that has had time to come as far as it will."""
    cohort = ask.mature(FUNNEL_AGE)
    found = queries.furthest(ask.copy, ask.query(cohort))
    reached = {stage: sum(leads for (rank, _), leads in found.items() if rank >= RANK[stage]) for stage in Stage.values}
    basis = f"opened {short_range(cohort)}, to date{_age(ask, cohort)}"
    if not reached[Stage.INQUIRY]:
        return Funnel(basis=basis, empty=f"No inquiry came in {cohort.when} with these filters.")
    stages = list(Stage)
    rows = [
        _row(ask, cohort, stage, following=following, reached=reached, still=found.get((RANK[stage], True), 0))
        for stage, following in zip(stages, stages[1:], strict=False)
    ]
    return Funnel(basis=basis, rows=(*rows, _end(ask, cohort, reached)))


def _age(ask: Asker, cohort: Period) -> str:
    if cohort.end is None:
        return ""
    youngest = (ask.now.date() - cohort.end).days // 7
    if cohort.start is None:
        return f", {youngest} weeks old and more"
    return f", {youngest}–{(ask.now.date() - cohort.start).days // 7} weeks old"


def _row(ask: Asker, cohort: Period, stage: Stage, *, following: Stage, reached: dict[str, int], still: int) -> Row:
    n, on = reached[stage], reached[following]
    left = n - on - still
    low, high = wilson(on, n)
    parts = [(on, "that went on", "on"), (still, "still open", "open"), (left, "that left", "left")]
    rate = numbers.rate(
        id=f"on-{stage}",
        title=f"{stage.label} → {following.label}, one cohort, to date",
        definition=f"Of the leads of this cohort that {DID[stage]}, those that {DID[following]} by now, as a "
        "share. Those still open may yet go on.",
        k=on,
        n=n,
        low=low,
        high=high,
        cohort=f"came in {cohort.when}",
        maturity=f"{share_words(1 - still / n)} went on or left" if n else "",
        rows=[("The others", f"{still:,} still open, {left:,} left")],
        links=[
            *[
                (f"Open {leads:,} {words}", ask.drill(cohort, show="funnel", stage=stage, part=part))
                for leads, words, part in parts
                if leads
            ],
            glossary("conversion"),
        ],
    )
    said = f"{stage.label}: {on:,} went on, {still:,} still open, {left:,} left"
    return Row(stage=stage, n=n, on=on, still=still, reached=_reached(ask, cohort, stage, n), rate=rate, said=said)


def _end(ask: Asker, cohort: Period, reached: dict[str, int]) -> Row:
    won, opened = reached[Stage.WON], reached[Stage.INQUIRY]
    low, high = wilson(won, opened)
    rate = numbers.rate(
        id="on-won",
        title="Inquiry → Won, one cohort, to date",
        definition="Of the inquiries of this cohort, those that were won by now, as a share. It is the product of the "
        "steps above.",
        k=won,
        n=opened,
        low=low,
        high=high,
        cohort=f"came in {cohort.when}",
        links=[
            (f"Open {won:,}", ask.drill(cohort, show="funnel", stage=Stage.WON, part="reached")),
            glossary("conversion"),
        ],
    )
    said = f"{won:,} / {opened:,}"
    return Row(stage=Stage.WON, n=won, reached=_reached(ask, cohort, Stage.WON, won), rate=rate, said=said)


def _reached(ask: Asker, cohort: Period, stage: Stage, leads: int) -> Number:
    return numbers.amount(
        id=f"reached-{stage}",
        title=f"{stage.label}, one cohort, to date",
        definition=f"Of the leads that came in as an inquiry in the cohort, those that {DID[stage]} by now.",
        count=leads,
        cohort=f"came in {cohort.when}",
        rows=[("Basis", "Cohort, to date")],
        links=[(f"Open {leads:,}", ask.drill(cohort, show="funnel", stage=stage, part="reached")), glossary("volume")],
    )
