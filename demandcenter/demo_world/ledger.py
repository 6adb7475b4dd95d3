"""Who was to work each lead of the demo, from its MQL on: the assignments that led to today's owners, with reasons.

What the routing engine would have said then, told from how the story went: whoever got a lead was the one whose turn it
was, those who are full or away could not.
"""

import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from demandcenter.demo_world import reference
from demandcenter.demo_world.desks import AWAY, AWAY_FOR, AWAY_SINCE, CAPACITY, CAPPED_FOR
from demandcenter.demo_world.reference import AREA_OF, BUSY, CENTRAL, GONE, GONE_FOR, SEATS, Ids
from demandcenter.demo_world.rules import POOLED
from funnel import staging
from funnel.models import Kind, Stage
from funnel.owners import Ownership, set_owners
from routing.models import Assignment, Seat

Made = Assignment.Kind


@dataclass(frozen=True, slots=True)
class Entry:
    """One stage event of a lead. stage: blank for exits."""

    id: int
    kind: str
    stage: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One lead as far as it came, for whoever worked it; sdr is blank where nobody did."""

    lead_id: int
    person_id: int
    region: str
    is_known: bool  # its company
    sdr: str
    executive: str
    entries: Sequence[Entry]

    @property
    def waits_in_pool(self) -> bool:
        """Whether it comes to its team's pool, to be claimed."""
        return AREA_OF[self.region] == CENTRAL and not self.is_known

    @property
    def raised(self) -> Entry | None:
        """Its MQL, however it came."""
        return next((entry for entry in self.entries if entry.stage == Stage.MQL), None)

    @property
    def decided_at(self) -> datetime | None:
        """When somebody decided on its MQL."""
        after = [entry.at for entry in self.entries if self.raised and entry.at > self.raised.at]
        return after[0] if after else None


def write(courses: Sequence[Course], ids: Ids, *, until: datetime, dice: random.Random) -> None:
    """Write the assignments of these leads, oldest first, and put those that wait into their pools."""
    book = _Book(courses, ids, until, dice)
    for name, capacity in book.capacity.items():
        Seat.objects.filter(rep_id=ids.reps[name]).update(capacity=capacity)
    raised = sorted((course for course in courses if course.raised), key=lambda course: course.raised.at)  # type: ignore[union-attr]
    rows = [row for course in raised for row in book.assignments(course)]
    staging.insert(Assignment, sorted(rows, key=lambda row: row["occurred_at"]))
    waiting = [course for course in raised if course.waits_in_pool and len(course.entries) == _place_of_mql(course)]
    set_owners([Ownership(course.lead_id, pool_id=ids.teams[f"SDR {CENTRAL}"]) for course in waiting])


def _place_of_mql(course: Course) -> int:
    """How many entries it takes to its MQL, that included."""
    return 1 + next(place for place, entry in enumerate(course.entries) if entry.stage == Stage.MQL)


class _Book:
    """Each rep's undecided MQLs by time, and how far the dealing has come in each team."""

    def __init__(self, courses: Sequence[Course], ids: Ids, until: datetime, dice: random.Random) -> None:
        self.ids, self.until, self.dice = ids, until, dice
        self.teams: dict[str, list[reference.Seat]] = defaultdict(list)
        for seat in SEATS:
            if seat.kind == "sdr":
                self.teams[seat.area].append(seat)
        self._raised: dict[str, list[datetime]] = defaultdict(list)
        self._decided: dict[str, list[datetime]] = defaultdict(list)
        for course in courses:
            if course.raised and course.sdr:
                self._raised[course.sdr].append(course.raised.at)
                if course.decided_at:
                    self._decided[course.sdr].append(course.decided_at)
        for moments in (*self._raised.values(), *self._decided.values()):
            moments.sort()
        self._dealt: dict[str, int] = defaultdict(int)
        had = self._undecided(BUSY, until - CAPPED_FOR)
        self.capacity = {BUSY: max(1, had * 4 // 5)}  # he was to work off what he had

    def _undecided(self, rep: str, at: datetime) -> int:
        return bisect_right(self._raised[rep], at) - bisect_right(self._decided[rep], at)

    def assignments(self, course: Course) -> Iterator[dict[str, Any]]:
        """The rows of one lead: dealt out, pooled or stuck at its MQL; claimed; handed over and back."""
        previous = None
        for entry in course.entries:
            row = self._at(course, entry, previous)
            if row is not None:
                yield row
                previous = row["rep_id"]

    def _at(self, course: Course, entry: Entry, previous: int | None) -> dict[str, Any] | None:
        if entry.stage == Stage.MQL:
            return self._first(course, entry)
        if previous is None and course.sdr and course.raised and entry.at > course.raised.at:
            claimed = self._row(course, entry, Made.CLAIMED, rep=course.sdr, actor=course.sdr)
            pool = self.ids.teams[f"SDR {AREA_OF[course.region]}"]
            return claimed | {"explanation": {"by": "user", "before": {"owner": None, "pool": pool}}}
        by, to = (course.sdr, course.executive) if entry.stage == Stage.SQL else (course.executive, course.sdr)
        back = entry.kind == Kind.REGRESS
        if (entry.stage == Stage.SQL or back) and to and self.ids.reps[to] != previous:
            handed = self._row(course, entry, Made.REASSIGNED, rep=to, actor=by)
            return handed | {
                "previous_id": previous,
                "explanation": {"by": "user", "before": {"owner": previous, "pool": None}},
            }
        return None

    def _first(self, course: Course, entry: Entry) -> dict[str, Any]:
        """What became of an MQL at once."""
        area = AREA_OF[course.region]
        team = self.ids.teams[f"SDR {area}"]
        if entry.kind == Kind.PASSTHROUGH:
            kept = self._row(course, entry, Made.ASSIGNED, rep=course.sdr)
            return kept | {"explanation": {"method": "kept", "reason": "kept"}}
        policy = {"policy": self.ids.routing_policy, "rule": POOLED if course.waits_in_pool else area}
        if course.waits_in_pool:
            pooled = self._row(course, entry, Made.POOLED)
            return pooled | policy | {"team_id": team, "explanation": {"method": "pool", "team": team}}
        candidates = [self._candidate(seat, course, entry.at) for seat in self.teams[area]]
        if not course.sdr:
            why = {"method": "none", "reason": "nobody_available", "team": team, "candidates": candidates}
            return self._row(course, entry, Made.UNROUTED) | policy | {"explanation": why}
        self._dealt[area] += 1
        told = {"method": "round_robin", "team": team, "candidates": candidates}
        return self._row(course, entry, Made.ASSIGNED, rep=course.sdr) | policy | {"explanation": told}

    def _candidate(self, seat: reference.Seat, course: Course, at: datetime) -> dict[str, Any]:
        """One seat of the team as it stood when this lead was dealt out."""
        undecided = self._undecided(seat.name, at) - (seat.name == course.sdr)  # without this one
        why, more = self._hindrance(seat, undecided, at)
        pace = self._dealt[seat.area] / sum(each.share for each in self.teams[seat.area])
        ahead = 0.0 if seat.name == course.sdr else self.dice.uniform(0.1, 0.95) / seat.share
        told = {
            "rep": self.ids.reps[seat.name],
            "level": round(pace + (-ahead if why else ahead), 3),
            "weight": seat.share,
            "open": undecided,
            "eligible": not why,
        }
        return told | ({"why": why} if why else {}) | more

    def _hindrance(self, seat: reference.Seat, undecided: int, at: datetime) -> tuple[str, dict[str, Any]]:
        """What kept the rep of this seat from receiving, and what else there is to say."""
        if seat.name == GONE:
            return ("inactive" if at > self.until - GONE_FOR else ""), {}
        capacity = self.capacity.get(seat.name, CAPACITY)
        more: Mapping[str, Any] = {"capacity": capacity} if at > self.until - CAPPED_FOR else {}
        since = self.until - AWAY_SINCE
        if seat.name == AWAY and at.date() >= since.date():
            return "away", {**more, "until": (since + AWAY_FOR).date().isoformat()}
        return ("at_capacity" if more and undecided >= capacity else ""), dict(more)

    def _row(self, course: Course, entry: Entry, kind: str, *, rep: str = "", actor: str = "") -> dict[str, Any]:
        return {
            "lead_id": course.lead_id,
            "kind": str(kind),
            "rep_id": self.ids.reps.get(rep),
            "team_id": None,
            "previous_id": None,
            "occurred_at": entry.at,
            "recorded_at": entry.at,
            "actor_id": self.ids.users.get(actor),
            "policy": "",
            "rule": "",
            "explanation": {},
            "cause": f"stage_event:{entry.id}",
        }
