"""The filter bar above a report: every choice is an address of the same page. Pure."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.urls import reverse

from reporting.filters import BASES, DIMENSIONS, View
from reporting.periods import COMPARISONS, DAY, PRESETS, WEEKS, Period, compared, day_range, preset

BASIS_HINTS = {
    "cohort": "Follows the same leads: of those that reached a stage, who went on",
    "period": "Counts what arrived in the period, whoever they are; can exceed 100 %",
}
Option = tuple[str, str, bool, str]  # words, address, chosen, hint
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """A filter of which several values may be chosen. others: what else the address says, for its form."""

    name: str
    label: str
    value: str
    set: bool
    chosen: list[tuple[str, str]]
    others: Pairs
    choices_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What the template shows. clear: the address without filters, empty when there are none."""

    path: str
    zone: str
    period_words: str
    periods: list[Option]
    first: dt.date | None
    last: dt.date | None
    period_others: Pairs
    compare_words: str
    comparisons: list[Option]
    menus: list[Menu]
    bases: list[Option]
    clear: str


def bar(
    view: View,
    path: str,
    *,
    today: dt.date,
    zone: str,
    dimensions: Iterable[str] = DIMENSIONS,
    compares: bool = True,
    extra: Mapping[str, str] | None = None,
) -> Bar:
    """The bar of the page at `path`. extra: parameters of the page's own, kept in every address.

    compares: the page compares periods and has two bases.
    """
    own = dict(extra or {})

    def to(changed: View) -> str:
        return path + changed.query(**own)

    period = view.period
    return Bar(
        path=path,
        zone=zone,
        period_words=_period_words(period, today),
        periods=[_period_option(view, key, today, to(replace(view, period=preset(key, today)))) for key in PRESETS],
        first=period.start,
        last=period.end - DAY if period.end else None,
        period_others=_without(view, own, "from", "to", "period"),
        compare_words=_compare_words(view, today),
        comparisons=[_comparison(view, how, to(replace(view, compare=how))) for how in COMPARISONS] if compares else [],
        menus=[_menu(view, name, own) for name in dimensions],
        bases=[
            (words, to(replace(view, basis=basis)), basis == view.basis, BASIS_HINTS[basis])
            for basis, words in BASES.items()
        ]
        if compares
        else [],
        clear=to(replace(view, where={})) if view.is_narrowed else "",
    )


def _without(view: View, own: Mapping[str, str], *names: str) -> Pairs:
    return [(name, value) for name, value in [*view.pairs(), *own.items()] if name not in names]


def _period_words(period: Period, today: dt.date) -> str:
    """Short: the year only where it is not this one."""
    if period.start is None or period.end is None:
        return str(period).capitalize()
    last = period.end - DAY
    return day_range(period.start, last, year=(period.start.year, last.year) != (today.year, today.year))


def _period_option(view: View, key: str, today: dt.date, address: str) -> Option:
    found = preset(key, today)
    hint = "" if key == "all" else _period_words(found, today)
    return PRESETS[key], address, key == view.period.key, hint


def _compare_words(view: View, today: dt.date) -> str:
    before = view.before
    if before is None:
        return "Nothing"
    if view.period.key in WEEKS:
        return f"{WEEKS[view.period.key]} weeks before" if view.compare == "before" else "A year before"
    return _period_words(before, today)


def _comparison(view: View, how: str, address: str) -> Option:
    other = compared(view.period, how)
    return COMPARISONS[how], address, how == view.compare, str(other) if other else ""


def _menu(view: View, name: str, own: Mapping[str, str]) -> Menu:
    dimension = DIMENSIONS[name]
    chosen = view.where.get(name, ())
    return Menu(
        name=name,
        label=dimension.label,
        value=view.chosen_words(name),
        set=bool(chosen),
        chosen=[(value or "", dimension.words(value)) for value in chosen],
        others=_without(view, own, name),
        choices_url=reverse("reporting:choices", args=[name]) + view.query(),
    )
