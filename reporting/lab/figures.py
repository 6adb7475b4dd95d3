"""The lab's counts as numbers that say what they are: live beside draft. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from funnel.intervals import wilson
from funnel.templatetags.dc import NBSP, interval, percent
from reporting import numbers
from reporting.lab.sets import DRAFT, LIVE, SIDES
from reporting.numbers import FEW_BELOW, HIDDEN_BELOW, Number

Drills = Callable[..., str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How the two versions are called, and the outcome: SQL within 60 days, SQLs."""

    live: str
    draft: str
    outcome: str
    plural: str

    def of(self, side: str) -> str:
        return self.live if side == LIVE else self.draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of the history: its name in sets, days in words, length in weeks; matured: until when MQLs are judged.

    served: of each side's MQLs, decided on time and all, by the simulated line; None where there is no capacity.
    """

    part: str
    words: str
    matured: str
    weeks: float
    served: Mapping[str, tuple[int, int] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A figure, live and draft. lines: what stands below. worse: the draft loses what nobody wants to lose."""

    title: str
    live: Number
    draft: Number
    lines: tuple[str, str]
    worse: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """Turns the counts of sets, by (set, part), into the tiles of a part of the history. drill writes an address."""

    counts: Mapping[tuple[str, str], int]
    names: Names
    weekly: int | None
    capacity_words: str
    promised: str
    drill: Drills

    def count(self, name: str, stretch: Stretch) -> int:
        return self.counts[name, stretch.part]

    def tiles(self, stretch: Stretch) -> tuple[Tile, ...]:
        makers = (self._volume, self._precision, self._lift, self._kept, self._load, self._on_time)
        return tuple(make(stretch) for make in makers)

    def _link(self, name: str, stretch: Stretch, words: str = "") -> tuple[str, str]:
        part = {} if stretch.part == "all" else {"part": stretch.part}
        return f"Open {self.count(name, stretch):,}{words and ' '}{words}", self.drill(of=name, **part)

    def _id(self, key: str, side: str, stretch: Stretch) -> str:
        return f"lab-{stretch.part}-{key}-{side}"

    # --- tiles -----------------------------------------------------------------------------------------------------

    def _volume(self, stretch: Stretch) -> Tile:
        live, draft = (self.count(side, stretch) for side in SIDES)

        def number(side: str, leads: int) -> Number:
            return Number(
                id=self._id("volume", side, stretch),
                title=f"MQLs a week, {self.names.of(side)}",
                definition=f"Leads that {self.names.of(side)} would have made MQL {stretch.words}, by what was known "
                "at each moment, divided by the weeks.",
                text=_a_week(leads, stretch.weeks),
                cohort=stretch.words,
                rows=(("Reckoned", f"{leads:,} in {_weeks(stretch.weeks)}"),),
                links=(self._link(side, stretch),),
            )

        return Tile(
            title="MQLs a week",
            live=number(LIVE, live),
            draft=number(DRAFT, draft),
            lines=(f"{live:,} → {draft:,} in {_weeks(stretch.weeks)}", stretch.words),
        )

    def _precision(self, stretch: Stretch) -> Tile:
        live, draft = (self._rate(side, stretch) for side in SIDES)
        return Tile(
            title="Precision",
            live=live,
            draft=draft,
            lines=(f"{_kn(live)} → {_kn(draft)}", f"{_interval(live)} → {_interval(draft)}"),
        )

    def _rate(self, side: str, stretch: Stretch) -> Number:
        k, n = self.count(f"{side}-good", stretch), self.count(f"{side}-known", stretch)
        low, high = wilson(k, n)
        unknown, young = self.count(f"{side}-unknown", stretch), self.count(f"{side}-young", stretch)
        return numbers.rate(
            id=self._id("precision", side, stretch),
            title=f"Precision, {self.names.of(side)}",
            definition=f"Of the leads that {self.names.of(side)} would have made MQL, are old enough and really became "
            f"MQL at some time, those that came to {self.names.outcome}, as a share.",
            k=k,
            n=n,
            low=low,
            high=high,
            cohort=stretch.matured,
            maturity=f"{young:,} are too young to tell",
            rows=[("Left out", f"{unknown:,} never really were MQL, so nobody knows what they would have come to")],
            links=[
                self._link(f"{side}-good", stretch),
                self._link(f"{side}-bad", stretch, "others"),
                self._link(f"{side}-unknown", stretch, "left out"),
            ],
        )

    def _lift(self, stretch: Stretch) -> Tile:
        k, n = self.count("inquiries-good", stretch), self.count("inquiries", stretch)
        unknown = self.count("draft-unknown", stretch)
        base = f"base {percent(k / n)} = {k:,} / {n:,}" if n else "no inquiry old enough"

        def number(side: str) -> Number:
            lift = self._lift_of(side, stretch)
            return Number(
                id=self._id("lift", side, stretch),
                title=f"Lift over all inquiries, {self.names.of(side)}",
                definition=f"Precision of {self.names.of(side)} divided by the share of all inquiries that came to "
                f"{self.names.outcome}: how much better than picking blindly.",
                text="no data" if lift is None else f"{lift:.1f}{NBSP}×",
                cohort=stretch.matured,
                rows=(("Base", base),),
                links=(self._link("inquiries", stretch, "inquiries"), self._link("inquiries-good", stretch, "good")),
            )

        return Tile(
            title="Lift over all inquiries",
            live=number(LIVE),
            draft=number(DRAFT),
            lines=(base, f"draft: {unknown:,} without outcome left out"),
        )

    def _lift_of(self, side: str, stretch: Stretch) -> float | None:
        """None without data, and where either rate would stand on fewer than five."""
        k, n = self.count(f"{side}-good", stretch), self.count(f"{side}-known", stretch)
        base_k, base_n = self.count("inquiries-good", stretch), self.count("inquiries", stretch)
        if n < HIDDEN_BELOW or base_n < HIDDEN_BELOW or not base_k:
            return None
        return (k / n) / (base_k / base_n)

    def _kept(self, stretch: Stretch) -> Tile:
        good, kept, lost = (self.count(name, stretch) for name in ("live-good", "kept", "lost"))
        low, high = wilson(kept, good)
        plural = self.names.plural
        recall = numbers.rate(
            id=self._id("kept", "share", stretch),
            title=f"{plural} kept",
            definition=f"Of the leads that {self.names.live} would have made MQL and that came to "
            f"{self.names.outcome}, those that {self.names.draft} would have made MQL too, as a share.",
            k=kept,
            n=good,
            low=low,
            high=high,
            cohort=stretch.matured,
        )
        return Tile(
            title=f"{plural[0].upper()}{plural[1:]} kept",
            live=numbers.amount(
                id=self._id("kept", LIVE, stretch),
                title=f"{plural}, {self.names.live}",
                definition=f"Leads that {self.names.live} would have made MQL and that came to {self.names.outcome}.",
                count=good,
                cohort=stretch.matured,
                links=[self._link("live-good", stretch)],
            ),
            draft=numbers.amount(
                id=self._id("kept", DRAFT, stretch),
                title=recall.title,
                definition=recall.definition,
                count=kept,
                cohort=stretch.matured,
                rows=[("Share", _recall(recall)), ("Lost", f"{lost:,}"), *recall.rows],
                links=[self._link("kept", stretch, "kept"), self._link("lost", stretch, "lost")],
            ),
            lines=(_recall(recall), f"{_interval(recall)}, {lost:,} would be lost" if good else "none old enough"),
            worse=lost > 0,
        )

    def _load(self, stretch: Stretch) -> Tile:
        def number(side: str) -> Number:
            leads = self.count(side, stretch)
            share = leads / stretch.weeks / self.weekly if self.weekly else None
            return Number(
                id=self._id("load", side, stretch),
                title=f"SDR load, {self.names.of(side)}",
                definition=f"MQLs a week of {self.names.of(side)}, divided by what the seats can decide in a week. "
                "Above 100 % the queue grows.",
                text="no data" if share is None else percent(share, 0),
                cohort=stretch.words,
                rows=(("Capacity", self.capacity_words),),
                links=(self._link(side, stretch),),
            )

        live, draft = (_a_week(self.count(side, stretch), stretch.weeks) for side in SIDES)
        over = self.weekly is not None and self.count(DRAFT, stretch) / stretch.weeks > self.weekly
        return Tile(
            title="SDR load",
            live=number(LIVE),
            draft=number(DRAFT),
            lines=(
                f"{live} → {draft} of {self.weekly:,} a week" if self.weekly else "no capacity known",
                self.capacity_words,
            ),
            worse=over,
        )

    def _on_time(self, stretch: Stretch) -> Tile:
        live, draft = (self._served(side, stretch) for side in SIDES)
        said = f"{_kn(live)} → {_kn(draft)}" if self.promised and self.weekly else "no capacity or no promise known"
        return Tile(title="Accepted on time", live=live, draft=draft, lines=(said, f"simulated, {_interval(draft)}"))

    def _served(self, side: str, stretch: Stretch) -> Number:
        k, n = stretch.served.get(side) or (0, 0)
        low, high = wilson(k, n)
        return numbers.rate(
            id=self._id("served", side, stretch),
            title=f"Accepted on time, {self.names.of(side)}, simulated",
            definition=f"Had the MQLs of {self.names.of(side)} come to seats that decide as much as they can, in their "
            f"hours, first come first served: those decided within {self.promised or 'the promise'}, as a share.",
            k=k,
            n=n,
            low=low,
            high=high,
            cohort=stretch.words,
            rows=[("Capacity", self.capacity_words)],
        )


def flips_said(count: Mapping[tuple[str, str], int], names: Names) -> list[dict[str, Any]]:
    """What became of those who leave and of those who enter: k / n with interval, and whether that is few."""
    found = []
    for name, words in (("leave", "Leaving, outcome known"), ("enter", "Entering, outcome known")):
        k, n = count[f"{name}-good", "all"], count[f"{name}-known", "all"]
        low, high = wilson(k, n)
        said = f"{k:,} / {n:,} came to {names.outcome}" if n else "nobody yet"
        if n >= HIDDEN_BELOW:
            said += f", {percent(k / n)} ({interval(low, high)})"
        found.append({"words": words, "said": said, "few": 0 < n < FEW_BELOW})
    return found


def _a_week(leads: int, weeks: float) -> str:
    return f"{leads / weeks:,.1f}" if weeks > 0 else "no data"


def _weeks(weeks: float) -> str:
    return f"{weeks:.4g} week" + ("" if weeks == 1 else "s")


def _kn(number: Number) -> str:
    return number.counts or number.text


def _interval(number: Number) -> str:
    return interval(number.low, number.high) if number.low is not None else "no interval"


def _recall(number: Number) -> str:
    return f"{percent(number.rate)} = {number.counts}" if number.rate is not None else number.text
