"""The lab's page as data: tiles, holdout, figures, who flips, what each change does, what publishing would do."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.urls import reverse

from reporting.facts import Reading
from reporting.lab import charts, queries
from reporting.lab.bench import Bench, question
from reporting.lab.capacity import Service, service
from reporting.lab.changes import Change, Effects, changes_of, effects
from reporting.lab.figures import Figures, Stretch, Tile, flips_said
from reporting.lab.queries import Question
from reporting.lab.sets import DRAFT, LIVE, SIDES
from reporting.models import Comparison
from reporting.periods import DAY, day_range
from reporting.zones import day_start
from routing.seats.serving import InTime, Minutes, minutes_of

HELD_OUT = 3  # the last third of the MQLs that are old enough
SOURCES = ("made", "inquiry", "open")
Drills = Callable[..., str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Everything that is shown of a comparison. counts: by (set, part). holdout: the tiles before it and in it."""

    question: Question
    counts: Mapping[tuple[str, str], int]
    tiles: tuple[Tile, ...]
    matured: str
    holdout_at: dt.date
    holdout: Sequence[tuple[Tile, Tile]]
    holdout_words: tuple[str, str]
    weeks: Any
    weeks_said: str
    really: str
    thresholds: Any
    threshold_said: str
    changes: Sequence[Change]
    effects: Effects
    flips: Sequence[Mapping[str, Any]]
    service: Service

    @property
    def live(self) -> int:
        return self.counts[LIVE, "all"]

    @property
    def draft(self) -> int:
        return self.counts[DRAFT, "all"]

    @property
    def earlier(self) -> int:
        return self.counts["earlier", "all"]

    @property
    def later(self) -> int:
        return self.counts["later", "all"]

    @property
    def leave(self) -> int:
        return self.counts["leave", "all"]

    @property
    def enter(self) -> int:
        return self.counts["enter", "all"]


def drills(found: Bench) -> Drills:
    """Writes addresses of the people behind the numbers of a bench."""
    base = reverse("reporting:lab-people")
    return lambda **asked: base + found.view.query(**asked)


def board(facts: Reading, found: Bench, comparison: Comparison, *, zone: str, now: datetime) -> Board:
    """Reckon a comparison that is done; facts: with its `replays` in them. A constant number of statements."""
    asked = split(question(facts, found, comparison, zone=zone, now=now), found)
    drill, names, view = drills(found), found.names, found.view
    serving = service(narrowed=bool(view.where or found.scope), now=now)
    counts = queries.counts(facts, asked, SOURCES)
    came = queries.arrivals(facts, asked, *SIDES) | queries.arrivals(facts, asked, "real")
    kept = {side: serving.in_time(came[side]) for side in SIDES}
    figures = Figures(
        counts=counts, names=names, weekly=serving.weekly, capacity_words=serving.words,
        promised=serving.promised, drill=drill,
    )  # fmt: skip
    whole, before, after = (_stretch(part, found, asked, came, kept) for part in ("all", "before", "after"))
    curve, said = _curve(facts, found, asked, counts, serving)
    figure, really = _weeks(found, asked, came, serving)
    changes = changes_of(comparison.draft, against=comparison.live.model, stale=bool(found.stale))
    made = queries.made_by(facts, asked, [change.simulation for change in changes if change.simulation])
    return Board(
        question=asked,
        counts=counts,
        tiles=figures.tiles(whole),
        matured=whole.matured,
        holdout_at=_day(asked.split, zone),
        holdout=list(zip(figures.tiles(before), figures.tiles(after), strict=True)),
        holdout_words=(before.words, after.words),
        weeks=figure,
        really=_really(really, counts[LIVE, "all"], names.live),
        weeks_said=f"MQLs by week, {names.live} and {names.draft}, {serving.words}",
        thresholds=curve,
        threshold_said=said,
        changes=changes,
        effects=effects(changes, made, live=counts[LIVE, "all"], draft=counts[DRAFT, "all"], weeks=view.weeks_long),
        flips=flips_said(counts, names),
        service=serving,
    )


def split(asked: Question, found: Bench) -> Question:
    """The question with its holdout: the day of the view, else where the last third of what is old enough begins."""
    view = found.view
    day = view.holdout
    if day is None:
        last = min(view.end, _day(asked.until, asked.zone) + DAY)
        days = max((last - view.first).days, 2)
        day = view.first + (days - ceil(days / HELD_OUT)) * DAY
    return replace(asked, split=day_start(day, asked.zone))


def _day(moment: datetime, zone: str) -> dt.date:
    return moment.astimezone(ZoneInfo(zone)).date()


def _stretch(
    part: str,
    found: Bench,
    asked: Question,
    came: Mapping[str, Minutes],
    kept: Mapping[str, InTime | None],
) -> Stretch:
    view = found.view
    middle = _day(asked.split, asked.zone)
    first, end = {"all": (view.first, view.end), "before": (view.first, middle), "after": (middle, view.end)}[part]
    start, stop = day_start(first, asked.zone), day_start(end, asked.zone)
    judged = min(end, _day(asked.until, asked.zone) + DAY)
    return Stretch(
        part=part,
        words=day_range(first, end - DAY, year=False),
        matured=f"MQLs of {day_range(first, judged - DAY, year=False)}, all {view.within} days old"
        if judged > first
        else f"no MQL of this time is {view.within} days old yet",
        weeks=(end - first).days / 7,
        served={side: _served(came[side], kept[side], minutes_of([start, stop])) for side in SIDES},
    )


def _served(came: Minutes, kept: InTime | None, bounds: Minutes) -> tuple[int, int] | None:
    if kept is None:
        return None
    within = kept[slice(*np.searchsorted(came, bounds))]
    return int(within.sum()), len(within)


# --- Figures -------------------------------------------------------------------------------------------------------


def _weeks(found: Bench, asked: Question, came: Mapping[str, Minutes], serving: Service) -> tuple[Any, int]:
    """The figure by weeks, and how many MQLs were really made."""
    view, drill = found.view, drills(found)
    starts = [view.first + 7 * number * DAY for number in range(ceil(view.weeks_long))]
    edges = minutes_of([*(asked.week_start(number) for number in range(len(starts))), asked.end])
    counted = {name: np.diff(np.searchsorted(came[name], edges)).tolist() for name in ("real", *SIDES)}
    figure = charts.weeks(
        starts,
        counted,
        {name: [drill(of=name, week=week) for week in range(len(starts))] for name in counted},
        names=found.names,
        capacity=serving.weekly,
    )
    return figure, len(came["real"])


def _really(really: int, played: int, live: str) -> str:
    said = f"Dotted: the {really:,} MQLs that were really made, under whichever version decided then."
    return f"{said} Played again, {live} makes {played:,}."


def _curve(
    facts: Reading, found: Bench, asked: Question, counts: Mapping[tuple[str, str], int], serving: Service
) -> tuple[Any, str]:
    drill = drills(found)
    own = {LIVE: asked.live_threshold, DRAFT: asked.draft_threshold}
    low, high = charts.span(list(own.values()))
    curves = {side: charts.curve(queries.peaks(facts, asked, side), low=low, high=high) for side in SIDES}
    at = {
        side: (own[side], counts[side, "all"], counts[f"{side}-good", "all"], counts[f"{side}-known", "all"])
        for side in SIDES
    }
    weeks = found.view.weeks_long
    figure = charts.thresholds(
        curves,
        at,
        {side: [drill(of=f"{side}-at", points=point.points) for point in curves[side]] for side in SIDES},
        weeks=weeks,
        names=found.names,
        capacity=serving.weekly,
    )
    return figure, _threshold_said(own[DRAFT], counts[DRAFT, "all"] / weeks, curves[DRAFT], serving, weeks)


def _threshold_said(own: float, a_week: float, points: Sequence[charts.Point], serving: Service, weeks: float) -> str:
    said = f"At {own:g} points: {a_week:,.1f} MQLs a week"
    if not serving.weekly:
        return f"{said}. {serving.words}"
    said += f", your team serves {serving.weekly:,}."
    least = charts.serves_from(points, weeks=weeks, capacity=serving.weekly)
    if least is None:
        return f"{said} At no threshold drawn here would that be enough."
    if least == points[0].points:
        return f"{said} It would serve those of any threshold drawn here."
    return f"{said} From {least} points on it serves all."
