"""The lab's page as data: tiles, holdout, figures, who flips, what each change does, what publishing would do."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse

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


def board(found: Bench, comparison: Comparison, *, zone: str, now: datetime) -> Board:
    """Reckon a comparison that is done. A constant number of statements; each costs what two simulations hold."""
    asked = split(question(found, comparison, zone=zone, now=now), found, now=now)
    drill, names, view = drills(found), found.names, found.view
    serving = service(narrowed=bool(view.where or found.scope), now=now)
    counts = queries.counts(asked, SOURCES)
    came = queries.arrivals(asked)
    kept = {side: serving.in_time(came[side]) for side in SIDES}
    figures = Figures(
        counts=counts, names=names, weekly=serving.weekly, capacity_words=serving.words,
        promised=serving.promised, drill=drill,
    )  # fmt: skip
    whole, before, after = (_stretch(part, found, asked, came, kept) for part in ("all", "before", "after"))
    curve, said = _curve(found, asked, counts, serving, drill)
    figure, really = _weeks(found, asked, came, serving, drill)
    changes = changes_of(comparison.draft, against=comparison.live.model, stale=bool(found.stale))
    made = queries.made_by(asked, [change.simulation for change in changes if change.simulation])
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


def split(asked: Question, found: Bench, *, now: datetime) -> Question:
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
    came: Mapping[str, Sequence[datetime]],
    kept: Mapping[str, Sequence[bool] | None],
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
        served={side: _served(came[side], kept[side], start, stop) for side in SIDES},
    )


def _served(
    came: Sequence[datetime], kept: Sequence[bool] | None, start: datetime, stop: datetime
) -> tuple[int, int] | None:
    if kept is None:
        return None
    within = [in_time for at, in_time in zip(came, kept, strict=True) if start <= at < stop]
    return sum(within), len(within)


# --- Figures -------------------------------------------------------------------------------------------------------


def _weeks(
    found: Bench, asked: Question, came: Mapping[str, Sequence[datetime]], serving: Service, drill: Drills
) -> tuple[Any, int]:
    """The figure by weeks, and how many MQLs were really made."""
    view, zone = found.view, ZoneInfo(asked.zone)
    starts = [view.first + 7 * number * DAY for number in range(ceil(view.weeks_long))]
    counted = {
        side: Counter((at.astimezone(zone).date() - view.first).days // 7 for at in came[side]) for side in SIDES
    }
    really = queries.weekly(asked, "real")
    numbers = range(len(starts))
    figure = charts.weeks(
        starts,
        {name: [weeks.get(week, 0) for week in numbers] for name, weeks in {"real": really, **counted}.items()},
        {name: [drill(of=name, week=week) for week in numbers] for name in ("real", *SIDES)},
        names=found.names,
        capacity=serving.weekly,
    )
    return figure, sum(really.values())


def _really(really: int, played: int, live: str) -> str:
    said = f"Dotted: the {really:,} MQLs that were really made, under whichever version decided then."
    return f"{said} Played again, {live} makes {played:,}."


def _curve(
    found: Bench, asked: Question, counts: Mapping[tuple[str, str], int], serving: Service, drill: Drills
) -> tuple[Any, str]:
    own = {LIVE: asked.live_threshold, DRAFT: asked.draft_threshold}
    low, high = charts.span(list(own.values()))
    curves = {side: charts.curve(queries.peaks(asked, side), low=low, high=high) for side in SIDES}
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
