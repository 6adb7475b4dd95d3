"""The interest of people at every moment at which the pipeline would have looked at them, as known then. Pure.

A *moment* is one of a person's: a touch was recorded or voided, a lead moved, what we knew of them changed, a window
with points below zero ran out, a cool-down ended. Between moments interest only falls.

A *run* is a stretch of a person's moments in which everything but touches stood still: the baseline, which touches are
void, and who the person is where rules ask for that. Within a run points only add up, so from moment to moment the
categories decay and what came in is added; each run begins by summing what was known by then. No sum goes across people
and no power is taken of more than the time between two moments or since a touch, so nothing overflows or cancels.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.decay import DAY, Floats, clamp, silence
from scoring.fits import Flags
from scoring.models import ScoreRule
from scoring.policy import Policy
from scoring.simulation.knowledge import Known
from scoring.simulation.touches import Places, Touches
from scoring.simulation.trips import Since, Trips, past_at

MOST_HALVINGS: Final = 1_000.0  # a touch of another century is worth nothing, and must not underflow loudly


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """n moments in the order of people and of time. person, run: places. at: seconds since 1970.

    left: when the person was last let go by then, -inf for never.
    """

    person: Places
    at: Floats
    run: Places
    left: Floats

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Stretches of people, in order. baseline: nan for none. until: inf for a person's last."""

    person: Places
    since: Floats
    until: Floats
    baseline: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Earned:
    """Points that a touch earned in a run by a rule: from which moment (a place), counted from when, until when."""

    run: Places
    rule: Places
    moment: Places
    start: Floats
    until: Floats


class Replay:
    """Some people's moments between the first and the last that matter to their candidates, and what they had then."""

    def __init__(self, policy: Policy, trips: Trips, touches: Touches, known: Known) -> None:
        self.policy, self.trips, self.touches, self.known = policy, trips, touches, known
        self.rules = rules = policy.rules_of(ScoreRule.Kind.TOUCH)  # as `touches.hits` counts them
        self._known_person = np.searchsorted(trips.people, known.people)
        self._points = np.array([rule.points for rule in rules])
        self._category = np.array([rule.category for rule in rules], dtype=np.int64)
        self._window = np.array([np.inf if rule.window_days is None else rule.window_days * DAY for rule in rules])
        self._per_day = np.array([np.inf if rule.per_day is None else rule.per_day for rule in rules])
        self._counted = np.array([rule.is_counted for rule in rules], dtype=bool)
        self._half_life = np.where(np.isfinite(self._window), np.inf, policy.curve.half_lives[self._category])
        self.runs, self.moments = self._build()
        self.earned = self._earn()

    # --- moments and runs --------------------------------------------------------------------------------------------

    @cached_property
    def spans(self) -> tuple[Floats, Floats]:
        """Of each person: from when until when a candidate of theirs could become an MQL; inf, -inf for nobody's."""
        leads, spells = self.trips.leads, self.trips.spells
        ends = np.minimum(np.minimum(spells.until, spells.in_work), self.trips.window.until)
        mine = leads.candidate[spells.lead] & (ends > spells.since)
        first, last = np.full(len(self.trips.people), np.inf), np.full(len(self.trips.people), -np.inf)
        person = leads.person[spells.lead[mine]]
        np.minimum.at(first, person, spells.since[mine])
        np.maximum.at(last, person, ends[mine])
        return first, last

    def _build(self) -> tuple[Runs, Moments]:
        breaks_person, breaks_at = self._within(*self._breaks())
        person, at = self._within(
            *_joined([(breaks_person, breaks_at), self.trips.moved, *self._openings(), *self._news(), *self._ends()])
        )
        person, at = _distinct(person, at)
        everybody = np.arange(len(self.trips.people))
        run_person, run_since = _distinct(*_joined([(everybody, self.spans[0]), (breaks_person, breaks_at)]))
        run = latest(run_person, run_since, person, at)
        last = np.append(run_person[1:] != run_person[:-1], True)
        until = np.where(last, np.inf, np.append(run_since[1:], np.inf))
        pasts = self._pasts(run_person, run_since)
        runs = Runs(run_person, run_since, until, np.array([past.baseline for past in pasts]))
        left = np.array([past.left for past in pasts])
        return runs, Moments(person, at, run, left[run])

    def _pasts(self, person: Places, since: Floats) -> list[Since]:
        """What stood at the beginning of each run."""
        none, known = past_at([], 0.0), self.trips.pasts
        return [
            past_at(known[who], at) if who in known else none
            for who, at in zip(person.tolist(), since.tolist(), strict=True)
        ]

    def _within(self, person: Places, at: Floats) -> tuple[Places, Floats]:
        first, last = self.spans
        inside = (at >= first[person]) & (at < last[person])
        return person[inside], at[inside]

    def _breaks(self) -> tuple[Places, Floats]:
        """When something but touches changed what touches count."""
        pasts = [(who, since.at) for who, past in self.trips.pasts.items() for since in past]
        voided = np.isfinite(self.touches.voided)
        parts = [
            (np.array([who for who, _at in pasts], np.int64), np.array([at for _who, at in pasts], float)),
            (self.touches.person[voided], self.touches.voided[voided]),
        ]
        if self.policy.touches_ask_of_people:
            parts.append((self._known_person, self.known.since))
        return _joined(parts)

    def _openings(self) -> Iterable[tuple[Places, Floats]]:
        spells = self.trips.spells
        yield self.trips.leads.person[spells.lead], spells.since

    def _news(self) -> Iterable[tuple[Places, Floats]]:
        yield self.touches.person, self.touches.recorded
        yield self._known_person, self.known.since

    def _ends(self) -> Iterable[tuple[Places, Floats]]:
        """What only time brings: the reviews of the engine, a whole second after what they wait for."""
        pasts = [
            (who, np.floor(since.baseline + self.policy.cooldown_days * DAY) + 1)
            for who, past in self.trips.pasts.items()
            for since in past
            if np.isfinite(since.baseline)
        ]
        yield np.array([who for who, _at in pasts], np.int64), np.array([at for _who, at in pasts], float)
        hits = self.touches.hits
        if len(hits.rule):
            ending = (np.isfinite(self._window) & (self._points < 0))[hits.rule]
            touch = hits.touch[ending]
            day = np.floor(self.touches.moment[touch] / DAY) * DAY
            yield self.touches.person[touch], day + self._window[hits.rule[ending]] + 1

    # --- points ------------------------------------------------------------------------------------------------------

    def _earn(self) -> Earned:
        """Every match of a touch by a rule that counts in a run, and from which of its moments."""
        touches, hits, runs = self.touches, self.touches.hits, self.runs
        hit, run = self._of_runs(hits.touch)
        touch, rule = hits.touch[hit], hits.rule[hit]
        touch, rule, run = self._limited(touch, rule, run)
        counts = ~(touches.recorded[touch] <= runs.baseline[run])
        touch, rule, run = touch[counts], rule[counts], run[counts]
        moment, found = self._first_moment(run, touches.recorded[touch])
        touch, rule, run, moment = touch[found], rule[found], run[found], moment[found]
        day = np.floor(touches.moment[touch] / DAY) * DAY
        start = np.where(self._counted[rule], day, touches.moment[touch])
        return Earned(run, rule, moment, start, day + self._window[rule])

    def _of_runs(self, touch: Places) -> tuple[Places, Places]:
        """The runs in which these touches were known and stood: which of them, and which run."""
        touches, runs = self.touches, self.runs
        lengths = np.bincount(runs.person, minlength=len(self.trips.people))
        person = touches.person[touch]
        which, within = _spread(lengths[person])
        run = (np.cumsum(lengths) - lengths)[person[which]] + within
        begins, touch = runs.since[run], touch[which]
        there = (touches.recorded[touch] < runs.until[run]) & (touches.voided[touch] > begins)
        there &= (touches.since[touch] <= begins) & (touches.until[touch] > begins)
        return which[there], run[there]

    def _limited(self, touch: Places, rule: Places, run: Places) -> tuple[Places, Places, Places]:
        """Without those over the rule's limit a day, in the order in which they were recorded."""
        limited = np.flatnonzero(np.isfinite(self._per_day[rule]))
        day = np.floor(self.touches.moment[touch[limited]] / DAY)
        order = limited[np.lexsort((touch[limited], day, rule[limited], run[limited]))]
        keys = np.stack([run[order], rule[order], np.floor(self.touches.moment[touch[order]] / DAY).astype(np.int64)])
        fresh = np.append(True, (keys[:, 1:] != keys[:, :-1]).any(axis=0))[: len(order)]
        place = np.arange(len(order)) - np.flatnonzero(fresh)[np.cumsum(fresh) - 1]
        kept = np.ones(len(rule), bool)
        kept[order[place >= self._per_day[rule[order]]]] = False
        return touch[kept], rule[kept], run[kept]

    def _first_moment(self, run: Places, recorded: Floats) -> tuple[Places, Flags]:
        """The first moment of a run at which something recorded then was known, and whether there is one."""
        place = next_moment(self.moments.run, self.moments.at, run, recorded)
        found = place < len(self.moments)
        found[found] = self.moments.run[place[found]] == run[found]
        return place, found

    # --- interest ----------------------------------------------------------------------------------------------------

    @cached_property
    def interest(self) -> Floats:
        """At each moment, above the baseline."""
        curve = self.policy.curve
        worth = self._accumulated()
        worth += silence(curve, np.where(np.isfinite(self._last_at), self._last_at, np.nan), self.moments.at)
        return clamp(curve, worth).sum(axis=1)

    def _accumulated(self) -> Floats:
        """What each category came to (n, c), before silence and caps."""
        earned, moments, c = self.earned, self.moments, len(self.policy.interest)
        at = moments.at[earned.moment]
        points = self._points[earned.rule] * self.share_left(earned.rule, earned.start, at)
        points = np.where(earned.until > at, points, 0.0)
        cell = earned.moment * c + self._category[earned.rule]
        added = np.bincount(cell, weights=points, minlength=len(moments) * c).astype(np.float64)
        ends = np.isfinite(earned.until) & (earned.until > at)
        gone, found = self._first_moment(earned.run[ends], earned.until[ends])
        cell = gone[found] * c + self._category[earned.rule[ends][found]]
        added -= np.bincount(cell, weights=points[ends][found], minlength=len(moments) * c)
        return self._carried(added.reshape(len(moments), c))

    def _carried(self, added: Floats) -> Floats:
        """What was added, and what is left of the moments before in the same run, rank by rank."""
        moments = self.moments
        span = np.diff(moments.at, prepend=0.0)
        for places in self._by_rank:
            left = np.exp2(-np.minimum(span[places, None] / self.policy.curve.half_lives, MOST_HALVINGS))
            added[places] += added[places - 1] * left
        return added

    @cached_property
    def _by_rank(self) -> list[Places]:
        """The second moments of all runs, the third, and so on."""
        run = self.moments.run
        if not len(run):
            return []
        fresh = np.append(True, run[1:] != run[:-1])
        rank = np.arange(len(run)) - np.flatnonzero(fresh)[np.cumsum(fresh) - 1]
        order = np.argsort(rank, kind="stable")
        edges = np.cumsum(np.bincount(rank))
        return np.split(order, edges[:-1])[1:]

    @cached_property
    def _last_at(self) -> Floats:
        """The latest touch from them that was known at each moment; -inf for none."""
        latest = np.full(len(self.moments), -np.inf)
        if not self.policy.curve.silences:
            return latest
        touches = self.touches
        theirs = np.flatnonzero(touches.from_them)
        which, run = self._of_runs(theirs)
        touch = theirs[which]
        place, found = self._first_moment(run, touches.recorded[touch])
        np.maximum.at(latest, place[found], touches.moment[touch[found]])
        for places in self._by_rank:
            latest[places] = np.maximum(latest[places], latest[places - 1])
        return latest

    def share_left(self, rule: Places, start: Floats, at: Floats) -> Floats:
        """What of a rule's points is left at a moment, where they do not run out; more than all before the start."""
        halvings = (at - start) / self._half_life[rule]
        return np.exp2(-np.clip(halvings, -MOST_HALVINGS, MOST_HALVINGS))

    # --- everything else at the moments ------------------------------------------------------------------------------

    @cached_property
    def version(self) -> Places:
        """The row of `known` that was known at each moment."""
        return latest(self._known_person, self.known.since, self.moments.person, self.moments.at)

    @cached_property
    def grade(self) -> Places:
        places: Places = self.policy.grade_places(self.known.totals)[self.version]
        return places

    @cached_property
    def band(self) -> Places:
        return self.policy.band_places(self.interest)

    @cached_property
    def own(self) -> Places:
        """The moment at which each touch was recorded; -1 where it lies outside, or was of somebody else."""
        place = next_moment(self.moments.person, self.moments.at, self.touches.person, self.touches.recorded)
        place = np.where(place < len(self.moments), place, -1)
        there = place >= 0
        there[there] = (self.moments.person[place[there]] == self.touches.person[there]) & (
            self.moments.at[place[there]] == self.touches.recorded[there]
        )
        there &= (self.touches.since <= self.touches.recorded) & (self.touches.until > self.touches.recorded)
        return np.where(there, place, -1)

    def points_at(self, moments: Places) -> tuple[Places, Places, Floats]:
        """What each touch rule gave at these moments: which of them (a place), which rule (a place), points."""
        earned = self.earned
        order = np.argsort(earned.run, kind="stable")
        runs = self.moments.run[moments]
        first, last = (np.searchsorted(earned.run[order], runs, side=side) for side in ("left", "right"))
        which, within = _spread(last - first)
        row = order[first[which] + within]
        at = self.moments.at[moments[which]]
        counts = (earned.moment[row] <= moments[which]) & (earned.until[row] > at)
        which, row, at = which[counts], row[counts], at[counts]
        points = self._points[earned.rule[row]] * self.share_left(earned.rule[row], earned.start[row], at)
        return which, earned.rule[row], points

    def last_at(self, moments: Places) -> Floats:
        """The latest touch from them at these moments; nan for none."""
        latest = self._last_at[moments]
        return np.where(np.isfinite(latest), latest, np.nan)


# --- columns of person and moment ------------------------------------------------------------------------------------


def _joined(parts: Iterable[tuple[Places, Floats]]) -> tuple[Places, Floats]:
    people, moments = zip(*parts, strict=True)
    return np.concatenate(people), np.concatenate(moments)


def _ordered(person: Places, at: Floats) -> tuple[Places, Floats]:
    order = np.lexsort((at, person))
    return person[order], at[order]


def _distinct(person: Places, at: Floats) -> tuple[Places, Floats]:
    """In order, each once."""
    person, at = _ordered(person, at)
    if not len(at):
        return person, at
    fresh = np.append(True, (person[1:] != person[:-1]) | (at[1:] != at[:-1]))
    return person[fresh], at[fresh]


def _keys(*columns: tuple[Places, Floats]) -> list[NDArray[np.int64]]:
    """Whole numbers that stand in the order of (whose, when), for each of these columns."""
    moments, places = np.unique(np.concatenate([at for _whose, at in columns]), return_inverse=True)
    edges = np.cumsum([len(at) for _whose, at in columns])[:-1]
    return [whose * len(moments) + place for (whose, _at), place in zip(columns, np.split(places, edges), strict=True)]


def latest(whose: Places, since: Floats, asked: Places, at: Floats) -> Places:
    """The last row (whose, since), in order, that is not after what is asked; there is one."""
    known, wanted = _keys((whose, since), (asked, at))
    return np.searchsorted(known, wanted, side="right") - 1


def next_moment(whose: Places, at: Floats, asked: Places, since: Floats) -> Places:
    """The first row (whose, at), in order, that is not before what is asked."""
    known, wanted = _keys((whose, at), (asked, since))
    return np.searchsorted(known, wanted, side="left")


def _spread(counts: Places) -> tuple[Places, Places]:
    """Each place as often as it counts, and which of its times it is."""
    place = np.repeat(np.arange(len(counts)), counts)
    return place, np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
