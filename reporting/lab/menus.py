"""The menus of the lab: every choice is an address of the same page."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from funnel.models import Region, Solution
from reporting.filters import DIMENSIONS, NOT_SET
from reporting.lab.bench import Bench, called
from reporting.lab.view import DEFAULT_OUTCOME, DEFAULT_WITHIN, FILTERS, OUTCOMES, WEEKS, View
from reporting.periods import DAY
from scoring.models import ScoringModel, Status

Option = tuple[str, str, bool, str]  # words, address, chosen, hint
MOST_VALUES = 200  # of one filter


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """A menu as _filter_menu.html shows it."""

    id: str
    name: str
    value: str
    set: bool
    options: Sequence[Option]


def version_menus(found: Bench, path: str) -> list[Menu]:
    """Which draft, and what it is compared with."""
    return [
        _versions("draft", "Compare", found, found.draft, path),
        _versions("live", "with", found, found.live, path),
    ]


def _versions(name: str, label: str, found: Bench, chosen: ScoringModel | None, path: str) -> Menu:
    return Menu(
        id=f"m-{name}",
        name=label,
        value=called(chosen) or "none",
        set=False,
        options=[
            (
                called(model),
                path + _choosing(found.view, name, model.version).query(),
                model == chosen,
                _about(model),
            )
            for model in found.versions
        ],
    )


def _choosing(view: View, name: str, version: int) -> View:
    return replace(view, draft=version) if name == "draft" else replace(view, live=version)


def _about(model: ScoringModel) -> str:
    if model.status == Status.DRAFT:
        return f"{model.name}, {model.created_at:%-d %b %Y}"
    return f"{model.name}, {model.published_at:%-d %b %Y}" if model.published_at else model.name


def history_options(view: View, path: str, today: dt.date) -> list[Option]:
    found = []
    for weeks in WEEKS:
        chosen = view.since(weeks=weeks, today=today)
        found.append((f"Last {weeks} weeks", path + chosen.query(), weeks == view.weeks, chosen.words))
    return found


def filter_menus(view: View, path: str) -> list[Menu]:
    """Solution and region. Two queries."""
    known: dict[str, Iterable[str]] = {
        "solution": Solution.objects.values_list("name", flat=True)[:MOST_VALUES],
        "region": Region.objects.values_list("name", flat=True)[:MOST_VALUES],
    }
    menus = []
    for name in FILTERS:
        chosen, narrowed = view.where.get(name), name in view.where
        options: list[Option] = [("All", path + view.choosing(name).query(), not narrowed, "")]
        options += [
            (value, path + view.choosing(name, value).query(), narrowed and value == chosen, "")
            for value in known[name]
        ]
        options.append((NOT_SET, path + view.choosing(name, None).query(), narrowed and chosen is None, ""))
        label = DIMENSIONS[name].label
        value = (chosen or NOT_SET) if narrowed else "All"
        menus.append(Menu(id=f"m-{name}", name=label, value=value, set=narrowed, options=options))
    return menus


def outcome_menu(view: View, path: str) -> Menu:
    return Menu(
        id="m-outcome",
        name="Good outcome",
        value=view.outcome_words,
        set=(view.outcome.name, view.within) != (DEFAULT_OUTCOME, DEFAULT_WITHIN),
        options=[
            (
                f"{outcome.words} within {days} days",
                path + replace(view, outcome=outcome, within=days).query(),
                (outcome.name, days) == (view.outcome.name, view.within),
                "",
            )
            for outcome in OUTCOMES.values()
            for days in outcome.usual
        ],
    )


def others(view: View, *names: str) -> list[tuple[str, str]]:
    """What the address says besides these parameters, for the hidden fields of a form."""
    return [(name, value) for name, value in view.pairs() if name not in names]


def last_day(view: View) -> dt.date:
    return view.end - DAY
