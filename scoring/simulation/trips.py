"""People's leads as they really went, as far as a replay needs it: when each could have become an MQL.

A replay asks when a version would have made an MQL of a lead. Everything else is as it was: when the lead came in and
left, who was recycled and when, and what people moved by hand. What scores made of leads, or another system before us,
is what the replay decides anew, so it does not count here.

Most leads are simple: they come in, go forward, leave. Those whose events go back, take back or reopen are folded
moment by moment (`funnel.path`).
"""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from funnel.models import Exit, Kind, Stage
from funnel.path import BACK, EXITS, RANK, Step, fold
from scoring.decay import Floats
from scoring.exchange import fetch
from scoring.fits import Flags, Ids
from scoring.simulation.touches import Places, Touches
from scoring.simulation.window import Window

NEVER: Final = math.inf
_KINDS: Final = tuple(Kind.values)
_STAGES: Final = ("", *Stage.values)  # a stage's place is its rank
_BACK, _EXITS = ([_KINDS.index(kind) for kind in kinds] for kinds in (BACK, EXITS))
_VOID, _PASSTHROUGH = _KINDS.index(Kind.VOID), _KINDS.index(Kind.PASSTHROUGH)
_LEAVING: Final = [_KINDS.index(kind) for kind in (Kind.RECYCLE, Kind.DISQUALIFY)]
_LEFT: Final = (Exit.RECYCLED, Exit.DISQUALIFIED)
_MQL: Final = RANK[Stage.MQL]

_LEADS: Final = {
    "lead": ("bigint", "l.id"),
    "person": ("bigint", "l.person_id"),
    "number": ("integer", "l.number"),
    "solution": ("bigint", "coalesce(l.solution_id, 0)"),
    "region": ("bigint", "coalesce(l.region_id, 0)"),
    "revisit": ("float8", "coalesce(date_part('epoch', l.revisit_on), 'infinity')"),
}
_EVENTS: Final = {
    "lead": ("bigint", "e.lead_id"),
    "id": ("bigint", "e.id"),
    "recorded": ("float8", "date_part('epoch', e.recorded_at)"),
    "occurred": ("float8", "date_part('epoch', e.occurred_at)"),
    "kind": ("integer", "array_position(%(kinds)s::text[], e.kind::text) - 1"),
    "rank": ("integer", "coalesce(array_position(%(stages)s::text[], e.to_stage::text), 1) - 1"),
    "by_hand": ("boolean", "e.actor_id IS NOT NULL OR starts_with(e.cause, 'mql:revisit:')"),
    "opener": ("bigint", r"CASE WHEN e.cause ~ '^activity:\d{1,18}$' THEN substr(e.cause, 10)::bigint ELSE 0 END"),
    "supersedes": ("bigint", "coalesce(e.supersedes_id, 0)"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Leads:
    """n leads in the order of people and of ids. person: a place among the people. solution: 0 for none.

    ours: whether the version decides about it. candidate: likewise, and it was an inquiry at some time of the window.
    """

    lead: Ids
    person: Places
    number: NDArray[Any]
    solution: Ids
    ours: Flags
    candidate: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Spells:
    """Stretches in which leads were open, in the order of leads. lead: a place among Leads. Seconds since 1970.

    in_work: when somebody put it to work by hand, inf for never; of a lead that is no candidate, however it came there.
    set_back: somebody had moved it back to inquiry.
    """

    lead: Places
    since: Floats
    until: Floats
    in_work: Floats
    set_back: Flags


@dataclass(frozen=True, slots=True)
class Leave:
    """A recycle or disqualification that stands. revisit: when the day to look again comes, inf for never."""

    recorded: float
    occurred: float
    revisit: float


@dataclass(frozen=True, slots=True)
class Since:
    """What stands from a moment on: the baseline (nan for none) and when the person was last let go (-inf: never)."""

    at: float
    baseline: float
    left: float


@dataclass(frozen=True, slots=True, eq=False)
class Trips:
    """The trips of some people (ids, sorted). moved: when which of them (a place) moved; pasts: by person's place."""

    people: Ids
    window: Window
    leads: Leads
    spells: Spells
    moved: tuple[Places, Floats]
    pasts: dict[int, list[Since]]


def read(people: Ids, touches: Touches, window: Window) -> Trips:
    """All trips of these people (sorted) as far as known before the window ends. Two statements.

    touches: theirs; a lead that a touch opened counts from when that touch was recorded.
    """
    since, until = window.since, window.until
    params = {"people": people.tolist(), "until": until, "kinds": list(_KINDS), "stages": list(_STAGES)}
    leads = _ordered(_fetch(_LEADS, "funnel_lead l", "l.person_id = ANY(%(people)s)", params), "lead", "person")
    known = "l.person_id = ANY(%(people)s) AND e.recorded_at < to_timestamp(%(until)s)"
    events = _fetch(_EVENTS, "funnel_lead l JOIN funnel_stageevent e ON e.lead_id = l.id", known, params)
    by_id = np.argsort(leads["lead"])
    events["lead"] = by_id[np.searchsorted(leads["lead"], events["lead"], sorter=by_id)]
    _open_with_their_touch(events, touches)
    events = _ordered(events, "id", "recorded", "lead")
    person = np.searchsorted(people, leads["person"])
    ways = _Ways(events, leads["revisit"], len(person))
    ours = window.is_ours(leads["solution"], leads["region"])
    candidate = ours & ways.came_in & (ways.opened < until) & (ways.left_inquiry >= since)
    heard = np.array([window.hears(solution) for solution in leads["solution"].tolist()], dtype=bool)
    return Trips(
        people=people,
        window=window,
        leads=Leads(leads["lead"], person, leads["number"], leads["solution"], ours, candidate),
        spells=ways.spells(candidate),
        moved=(person[events["lead"]], events["recorded"]),
        pasts=_pasts(ways, person, candidate, heard),
    )


def _fetch(columns: dict[str, tuple[str, str]], source: str, where: str, params: dict[str, Any]) -> dict[str, Any]:
    values = ", ".join(value for _type, value in columns.values())
    types = {name: type_ for name, (type_, _value) in columns.items()}
    return fetch(f"SELECT {values} FROM {source} WHERE {where}", params, types)


def _ordered(columns: dict[str, Any], *keys: str) -> dict[str, Any]:
    order = np.lexsort([columns[key] for key in keys])
    return {name: values[order] for name, values in columns.items()}


def _open_with_their_touch(events: dict[str, Any], touches: Touches) -> None:
    """The pipeline takes seconds to open a lead; what it decides, it decides about the touch."""
    if not len(touches):
        return
    by_id = np.argsort(touches.id, kind="stable")
    places = np.minimum(np.searchsorted(touches.id, events["opener"], sorter=by_id), len(by_id) - 1)
    opener = by_id[places]
    found = touches.id[opener] == events["opener"]
    events["recorded"] = np.where(found, np.minimum(events["recorded"], touches.recorded[opener]), events["recorded"])


class _Ways:
    """How each lead went, by its events in the order in which they were recorded."""

    def __init__(self, events: dict[str, Any], revisit: Floats, count: int) -> None:
        self.events, self.revisit, self.count = events, revisit, count
        lead, kind, rank, recorded = (events[name] for name in ("lead", "kind", "rank", "recorded"))
        exits = np.isin(kind, _EXITS)
        self.opened = self._first(np.ones(len(lead), bool), recorded)
        self.closed = self._first(exits, recorded)
        high = rank >= _MQL
        self.raised = self._first(high, recorded)
        hand = events["by_hand"].astype(bool) | (kind == _PASSTHROUGH)
        self.by_hand = np.zeros(count, bool)
        self.by_hand[self._places_of_first(high)] = hand[self._rows_of_first(high)]
        self.came_in = np.zeros(count, bool)
        self.came_in[lead[rank == RANK[Stage.INQUIRY]]] = True
        self.left_inquiry = np.minimum(self.raised, self.closed)
        last = self._last(recorded)
        odd = np.isin(kind, [*_BACK, _VOID]) | (exits & (np.arange(len(lead)) != last[lead]))
        self.odd: dict[int, _Fold] = {place: _Fold(self._steps(place)) for place in np.unique(lead[odd]).tolist()}
        for place, folded in self.odd.items():
            self.left_inquiry[place] = folded.left_inquiry

    def spells(self, candidate: Flags) -> Spells:
        plain = np.isfinite(self.opened)
        plain[list(self.odd)] = False
        lead = np.flatnonzero(plain)
        in_work = np.where(candidate & ~self.by_hand, NEVER, self.raised)[lead]
        rows = [(place, *spell.of(bool(candidate[place]))) for place, fold in self.odd.items() for spell in fold.spells]
        more: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [(), (), (), (), ()]
        columns = (lead, self.opened[lead], self.closed[lead], in_work, np.zeros(len(lead), bool))
        types = (np.int64, float, float, float, bool)
        place, since, until, work, back = (
            np.concatenate([column, np.array(extra, dtype=type_)])
            for column, extra, type_ in zip(columns, more, types, strict=True)
        )
        order = np.lexsort((since, place))
        return Spells(place[order], since[order], until[order], work[order], back[order])

    def leaves(self) -> Iterable[tuple[int, float, Leave | None]]:
        """When which lead was recycled or disqualified, or was no longer."""
        events = self.events
        for row in np.flatnonzero(np.isin(events["kind"], _LEAVING)).tolist():
            place = int(events["lead"][row])
            if place not in self.odd:
                recorded = float(events["recorded"][row])
                yield place, recorded, Leave(recorded, float(events["occurred"][row]), float(self.revisit[place]))
        for place, folded in self.odd.items():
            for at, left in folded.leaves:
                yield place, at, left and Leave(left[0], left[1], float(self.revisit[place]))

    # --- by lead ---------------------------------------------------------------------------------------------------

    def _rows_of_first(self, chosen: Flags) -> Places:
        rows = np.flatnonzero(chosen)
        _places, first = np.unique(self.events["lead"][rows], return_index=True)
        return rows[first]

    def _places_of_first(self, chosen: Flags) -> Places:
        places: Places = self.events["lead"][self._rows_of_first(chosen)]
        return places

    def _first(self, chosen: Flags, values: Floats) -> Floats:
        found = np.full(self.count, NEVER)
        found[self._places_of_first(chosen)] = values[self._rows_of_first(chosen)]
        return found

    def _last(self, recorded: Floats) -> Places:
        rows = np.zeros(self.count, dtype=np.int64)
        rows[self.events["lead"]] = np.arange(len(recorded))
        return rows

    def _steps(self, place: int) -> list["_Recorded"]:
        first, last = np.searchsorted(self.events["lead"], [place, place + 1])
        return [
            _Recorded(
                at=float(self.events["recorded"][row]),
                by_hand=bool(self.events["by_hand"][row]),
                step=Step(
                    _KINDS[self.events["kind"][row]],
                    _STAGES[self.events["rank"][row]],
                    datetime.fromtimestamp(float(self.events["occurred"][row]), UTC),
                    int(self.events["id"][row]),
                    int(self.events["supersedes"][row]) or None,
                ),
            )
            for row in range(first, last)
        ]


@dataclass(frozen=True, slots=True)
class _Recorded:
    at: float
    by_hand: bool
    step: Step

    @property
    def puts_to_work(self) -> bool:
        by_hand = self.by_hand or self.step.kind == Kind.PASSTHROUGH
        return by_hand and RANK.get(self.step.to_stage, 0) >= _MQL


@dataclass(slots=True)
class _Spell:
    since: float
    until: float = NEVER
    raised: float = NEVER
    in_work: float = NEVER
    set_back: bool = False

    def of(self, candidate: bool) -> tuple[float, float, float, bool]:
        return self.since, self.until, self.in_work if candidate else min(self.raised, self.in_work), self.set_back


@dataclass(slots=True)
class _Fold:
    """One lead, moment by moment: its spells, when it ceased to be an inquiry, and when which leave stood."""

    steps: Sequence[_Recorded]
    spells: list[_Spell] = field(default_factory=list)
    leaves: list[tuple[float, tuple[float, float] | None]] = field(default_factory=list)
    left_inquiry: float = -math.inf

    def __post_init__(self) -> None:
        moments = sorted({recorded.at for recorded in self.steps})
        was_open, was = False, 0
        for at in moments:
            known = [recorded for recorded in self.steps if recorded.at <= at]
            state = fold(recorded.step for recorded in known)
            rank = RANK[state.stage]
            now = [recorded for recorded in known if recorded.at == at]
            if (was_open and was < _MQL) or any(recorded.step.to_stage == Stage.INQUIRY for recorded in now):
                self.left_inquiry = at
            if state.is_open:
                self._goes_on(at, rank, now, was=was if was_open else 0)
            elif was_open:
                self.spells[-1].until = at
            self.leaves.append((at, self._leave(state.exit, known)))
            was_open, was = state.is_open, rank
        if was_open and was < _MQL:
            self.left_inquiry = NEVER

    def _goes_on(self, at: float, rank: int, now: Sequence[_Recorded], *, was: int) -> None:
        """was: the rank before, 0 where the lead was not open."""
        back = any(recorded.step.kind in BACK for recorded in now)
        if not was or (was >= _MQL and rank < _MQL):
            if was:
                self.spells[-1].until = at
            again = rank >= _MQL and bool(self.spells) and self.spells[-1].in_work < NEVER
            self.spells.append(_Spell(at, in_work=at if again else NEVER, set_back=back and rank < _MQL))
        if rank >= _MQL > was:
            spell = self.spells[-1]
            spell.raised = at
            if back or any(
                self._is_by_hand(recorded) for recorded in now if RANK.get(recorded.step.to_stage, 0) >= _MQL
            ):
                spell.in_work = at

    def _is_by_hand(self, recorded: _Recorded) -> bool:
        return recorded.by_hand or recorded.step.kind == Kind.PASSTHROUGH

    def _leave(self, exit_: str, known: Sequence[_Recorded]) -> tuple[float, float] | None:
        if exit_ not in _LEFT:
            return None
        voided = {recorded.step.supersedes for recorded in known if recorded.step.kind == Kind.VOID}
        standing = [
            (recorded.at, recorded.step.occurred_at.timestamp())
            for recorded in known
            if recorded.step.kind in (Kind.RECYCLE, Kind.DISQUALIFY) and recorded.step.id not in voided
        ]
        return max(standing, default=None)


# --- what people have behind them --------------------------------------------------------------------------------


def _pasts(ways: _Ways, person: Places, candidate: Flags, heard: Flags) -> dict[int, list[Since]]:
    """The baselines of people over time, of those who have any while a candidate of theirs may become an MQL.

    heard: of which leads the version hears.
    """
    last = np.full(int(person.max()) + 1 if len(person) else 0, -NEVER)
    spells = ways.spells(candidate)
    np.maximum.at(last, person[spells.lead], np.where(candidate[spells.lead], spells.until, -NEVER))
    found: dict[int, list[tuple[float, int, Leave | None]]] = defaultdict(list)
    for place, at, leave in ways.leaves():
        if heard[place] and at < last[person[place]]:
            found[int(person[place])].append((at, place, leave))
    return {who: _past(sorted(changes, key=lambda change: change[0])) for who, changes in found.items()}


def _past(changes: Sequence[tuple[float, int, Leave | None]]) -> list[Since]:
    """What stood when, from changes (when, of which lead, the leave that stands or None) in order."""
    standing: dict[int, Leave] = {}
    timeline: list[Since] = []
    for number, (at, place, leave) in enumerate(changes):
        if leave is None:
            standing.pop(place, None)
        else:
            standing[place] = leave
        until = changes[number + 1][0] if number + 1 < len(changes) else NEVER
        timeline += _while(list(standing.values()), at, until)
    return timeline


def _while(standing: Sequence[Leave], at: float, until: float) -> Iterable[Since]:
    if not standing:
        yield Since(at, math.nan, -math.inf)
        return
    latest = max(standing, key=lambda leave: leave.recorded)
    left = max(leave.occurred for leave in standing)
    yield Since(at, latest.recorded if at < latest.revisit else math.nan, left)
    if at < latest.revisit < until:
        yield Since(latest.revisit, math.nan, left)


def past_at(past: Sequence[Since], at: float) -> Since:
    """What stood at a moment."""
    place = bisect_right([since.at for since in past], at)
    return past[place - 1] if place else Since(-math.inf, math.nan, -math.inf)
