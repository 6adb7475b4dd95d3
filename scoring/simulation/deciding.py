"""What a version would have made of the leads at the moments of a replay, by the rule that decides live.

Only moments at which something can follow are looked at one by one: interest, grid and gates say MQL, or a hand was
raised. `decisions.judge` answers there as it does for the pipeline.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

import numpy as np

from funnel.models import Stage
from scoring.decay import DAY, Floats, rounded
from scoring.decisions import Decision, OpenLead, Touch, View, judge
from scoring.fits import Flags
from scoring.simulation.replay import Replay, next_moment
from scoring.simulation.touches import NO_GATE, Places

_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)  # the cool-down is looked at for all moments at once
_NOWHERE: Final = -1


@dataclass(frozen=True, slots=True)
class Made:
    """An MQL: at which moment of the replay, by a raised hand or by score, by which touch (0: none, a review)."""

    moment: int
    by_hand: bool
    touch: int


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What became of each candidate that was one at any moment. lead: places. made: by the lead's place.

    moment: that of the MQL, else of the peak, else of the most interest. peak: nan where nothing ever allowed an MQL.
    """

    lead: Places
    moment: Places
    peak: Floats
    made: dict[int, Made]


def decide(replay: Replay) -> Outcomes:
    """Follow the candidates moment by moment."""
    return _Deciding(replay).outcomes()


class _Deciding:
    def __init__(self, replay: Replay) -> None:
        self.replay, self.trips, self.policy = replay, replay.trips, replay.policy
        self.leads, self.spells = replay.trips.leads, replay.trips.spells
        known, version = replay.known, replay.version
        cools = replay.moments.at < replay.moments.left + self.policy.cooldown_days * DAY
        self.open_to_score: Flags = (known.required & ~known.excluded)[version] & ~cools
        over = rounded(replay.interest) >= self.policy.threshold
        self.by_score: Flags = over & self.policy.qualifies[replay.grade, replay.band] & self.open_to_score
        self.excluded: Flags = known.excluded[version]

    def outcomes(self) -> Outcomes:
        made = self._made()
        lead, first, last = self._ranges
        # Bands and threshold say the same twice, so the grid is asked for a grade's best cell.
        ready = self.open_to_score & np.logical_or.reduce(self.policy.qualifies, axis=1)[self.replay.grade]
        peaks = np.where(ready, self.replay.interest, -np.inf)
        places = np.unique(lead)
        moment = _highest(peaks, lead, first, last, places)
        peak = peaks[moment]
        (without,) = np.nonzero(np.isneginf(peak))
        moment[without] = _highest(self.replay.interest, lead, first, last, places)[without]
        peak[without] = np.nan
        for row, place in enumerate(places.tolist()):
            if place in made:
                moment[row] = made[place].moment
        return Outcomes(places, moment, peak, made)

    @cached_property
    def _ranges(self) -> tuple[Places, Places, Places]:
        """The moments of each candidate, spell by spell: which lead, from which moment to before which."""
        spells, moments = self.spells, self.replay.moments
        mine = self.leads.candidate[spells.lead]
        lead, since = spells.lead[mine], spells.since[mine]
        until = np.minimum(spells.until, spells.in_work)[mine]
        person = self.leads.person[lead]
        first, last = (next_moment(moments.person, moments.at, person, at) for at in (since, until))
        some = last > first
        return lead[some], first[some], last[some]

    # --- MQLs --------------------------------------------------------------------------------------------------------

    def _made(self) -> dict[int, Made]:
        made: dict[int, Made] = {}
        moments = self.replay.moments
        hot = np.flatnonzero((self.by_score | self._by_hand) & self._covered)
        person = moments.person[hot]
        edges = np.flatnonzero(np.append(True, person[1:] != person[:-1])[: len(hot)])
        ends = np.append(edges[1:], len(hot))[: len(edges)]
        for start, end in zip(edges.tolist(), ends.tolist(), strict=True):
            self._follow(int(person[start]), hot[start:end], made)
        return made

    @cached_property
    def _covered(self) -> Flags:
        _lead, first, last = self._ranges
        count = len(self.replay.moments) + 1
        steps = np.bincount(first, minlength=count) - np.bincount(last, minlength=count)
        return np.cumsum(steps)[:-1] > 0

    @cached_property
    def _by_hand(self) -> Flags:
        """Where a touch that was just recorded raises a hand."""
        touches, own = self.replay.touches, self.replay.own
        hands = np.zeros(len(self.replay.moments), bool)
        hands[own[(own >= 0) & (touches.gate < NO_GATE)]] = True
        return hands & ~self.excluded

    def _follow(self, person: int, hot: Places, made: dict[int, Made]) -> None:
        """One person, from moment to moment, until every candidate is an MQL."""
        first, last = np.searchsorted(self._person_of_spell, [person, person + 1])
        spells = range(int(first), int(last))
        left = {int(self.spells.lead[k]) for k in spells if self.leads.candidate[self.spells.lead[k]]}
        working: set[int] = set()  # spells in which the replay has made an MQL
        for moment in hot.tolist():
            at = self.replay.moments.at[moment]
            there = [k for k in spells if self.spells.since[k] <= at < self.spells.until[k]]
            decision = judge(self._view(moment, there, working, at), now=_NO_TIME)
            spell = self._spell_of(decision, there)
            if spell is None or decision.mql is None:
                continue
            working.add(spell)
            lead = int(self.spells.lead[spell])
            if lead in left:
                touch = decision.mql.touch.activity_id if decision.mql.touch else 0
                made[lead] = Made(moment, decision.mql.fast_track, touch)
                left.remove(lead)
            if not left:
                return

    @cached_property
    def _person_of_spell(self) -> Places:
        return self.leads.person[self.spells.lead]

    def _view(self, moment: int, there: list[int], working: set[int], at: float) -> View:
        touches = self._touches_at.get(moment, [])
        heard = sorted(touch for touch in touches if self.trips.window.hears(touch[1]))
        return View(
            person_id=0,
            interest=float(self.replay.interest[moment]),
            eligible=bool(self.by_score[moment]),
            allowed=True,
            excluded=bool(self.excluded[moment]),
            exit_level=0.0,
            cooldown_days=0,
            touches=tuple(Touch(pk, solution or None) for pk, solution, _occurred, _gate in heard),
            fast_track=next(self._hands(touches), None),
            leads=tuple(self._open_lead(k, at, k in working) for k in there),
        )

    @staticmethod
    def _hands(touches: list[tuple[int, int, float, int]]) -> Iterator[Touch]:
        for pk, solution, _occurred, gate in sorted(touches, key=lambda touch: (touch[2], touch[0])):
            if gate < NO_GATE:
                yield Touch(pk, solution or None)

    def _open_lead(self, k: int, at: float, working: bool) -> OpenLead:
        lead = self.spells.lead[k]
        in_work = working or at >= self.spells.in_work[k]
        return OpenLead(
            id=k,
            number=int(self.leads.number[lead]),
            stage=Stage.MQL.value if in_work else Stage.INQUIRY.value,
            solution_id=int(self.leads.solution[lead]) or None,
            set_back=bool(self.spells.set_back[k]),
            ours=bool(self.leads.ours[lead]),
        )

    @staticmethod
    def _spell_of(decision: Decision, there: list[int]) -> int | None:
        """The spell whose lead becomes an MQL; None where none does, or where a lead would be opened that never was."""
        if decision.mql is None or decision.mql.lead_id not in there:
            return None
        return decision.mql.lead_id

    @cached_property
    def _touches_at(self) -> dict[int, list[tuple[int, int, float, int]]]:
        """Id, solution, when it happened and gate of the touches recorded at each moment that is looked at."""
        touches, own = self.replay.touches, self.replay.own
        hot = (self.by_score | self._by_hand) & self._covered
        rows = np.flatnonzero((own >= 0) & hot[own])
        found: dict[int, dict[int, tuple[int, int, float, int]]] = defaultdict(dict)
        columns = (own, touches.id, touches.solution, touches.occurred, touches.gate)
        for moment, pk, solution, occurred, gate in zip(*(column[rows].tolist() for column in columns), strict=True):
            found[moment][pk] = (pk, solution, occurred, gate)
        return {moment: list(of_moment.values()) for moment, of_moment in found.items()}


def _highest(values: Floats, lead: Places, first: Places, last: Places, places: Places) -> Places:
    """The moment of the highest value among each lead's; the first of several."""
    order = np.lexsort((-np.arange(len(values)), values))
    rank = np.empty(len(values) + 1, dtype=np.int64)
    rank[order] = np.arange(len(values))
    rank[-1] = _NOWHERE
    if not len(lead):
        return np.zeros(0, dtype=np.int64)
    most = np.maximum.reduceat(rank, np.stack([first, last], axis=1).ravel())[::2]
    best = np.full(len(places), _NOWHERE)
    np.maximum.at(best, np.searchsorted(places, lead), most)
    return order[best]
