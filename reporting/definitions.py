"""Every metric's words and formula: the one place they are written. Pages, exports and commands quote them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a figure means. `formula` and `sentence` are for people; `reference` names the section of domain.md."""

    name: str
    title: str
    sentence: str
    formula: str
    unit: str
    bases: tuple[str, ...]
    reference: str


_BOTH = ("cohort", "period")

DEFINITIONS: dict[str, Definition] = {
    definition.name: definition
    for definition in [
        Definition(
            name="volume",
            title="Volume",
            sentence=(
                "How many leads opened, or reached each stage. A lead reached a stage if it entered it or any later "
                "one; stages before the one it came in at do not apply to it. Opportunities are counted when opened."
            ),
            formula="count of leads that reached the stage",
            unit="leads",
            bases=_BOTH,
            reference="domain.md 3.2, 4.1",
        ),
        Definition(
            name="conversion",
            title="Conversion",
            sentence=(
                "Of the leads that reached one stage, the share that went on to reach another. By cohort, both are the "
                "same leads, taken by when they reached the first stage; with a window, only leads old enough for it "
                "are counted, and only conversions within it. By period, arrivals at either stage in the period are "
                "compared, whoever they are, so the rate can exceed 100 %."
            ),
            formula="reached the later stage ÷ reached the earlier stage",
            unit="share",
            bases=_BOTH,
            reference="domain.md 3.4, 3.5, 3.7, 4.2",
        ),
        Definition(
            name="velocity",
            title="Stage time",
            sentence=(
                "Days from entering one stage to entering another, for leads that entered both themselves. Skipped and "
                "passed-through stages have no time of their own; dates the wrong way round are left out and counted "
                "as excluded. Percentiles are interpolated linearly."
            ),
            formula="time of the later stage − time of the earlier stage",
            unit="days",
            bases=_BOTH,
            reference="domain.md 3.3, 4.3",
        ),
        Definition(
            name="win-rate",
            title="Win rate",
            sentence=(
                "Of the deals won or lost in the period, the share that was won, by count. The broad rate counts deals "
                "that ended without a decision as not won. Value is the amount of what was won, as entered."
            ),
            formula="won ÷ (won + lost)",
            unit="share",
            bases=("period", "cohort"),
            reference="domain.md 4.4",
        ),
        Definition(
            name="pipeline",
            title="Pipeline",
            sentence="The number and amount of the deals that are open. Deals without an amount are counted apart.",
            formula="sum of the amounts of open deals",
            unit="currency",
            bases=("cohort",),
            reference="domain.md 4.4",
        ),
        Definition(
            name="score-quality",
            title="Score quality",
            sentence=(
                "How well fit tells the leads that reached a stage from those that did not. Of the leads whose person "
                "has a fit of at least the threshold, precision is the share that reached the stage; recall is their "
                "share of all that did. AUC is the chance that, of two leads of which one reached the stage, that one "
                "has the higher score; equal scores count half. Fit is the raw total under the active scoring model "
                "for all leads."
            ),
            formula="reached the stage and at least the threshold ÷ at least the threshold",
            unit="share",
            bases=("cohort",),
            reference="domain.md 7.6",
        ),
        Definition(
            name="sla-attainment",
            title="Promises kept",
            sentence=(
                "Of the promises that were due in the period, the share that was kept in time. One that is open counts "
                "as missed once it is overdue and not at all before; one that was called off does not count. Time in "
                "which a clock stood still is left out, and what is due moves with it."
            ),
            formula="kept ÷ (kept + missed)",
            unit="share",
            bases=("period",),
            reference="domain.md 4.5, 8.3",
        ),
        Definition(
            name="sla-missed",
            title="Missed at some time",
            sentence=(
                "How many promises that were due in the period were ever missed, even if what was promised has been "
                "done since, or the lead is gone. Missing one once never disappears."
            ),
            formula="ended after it was due, or overdue, or once run out",
            unit="promises",
            bases=("period",),
            reference="domain.md 4.5, 8.3",
        ),
        Definition(
            name="sla-overdue",
            title="Overdue now",
            sentence="How many of the missed promises are still open: what was promised has not been done yet.",
            formula="open and overdue at this moment",
            unit="promises",
            bases=("period",),
            reference="domain.md 4.5, 8.3",
        ),
        Definition(
            name="time-to-act",
            title="Median time to act",
            sentence=(
                "The middle of the working time between the start of a clock and what ended it, without the time in "
                "which it stood still; promises in days by the calendar count every hour. The share of first "
                "follow-ups within 48 hours counts every hour too and stands beside."
            ),
            formula="median of (end − start) in working time",
            unit="minutes",
            bases=("period",),
            reference="domain.md 4.5, 8.3",
        ),
    ]
}
