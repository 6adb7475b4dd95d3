"""Who is next: weighted fair dealing of leads among the seats of a team. Pure: no database, no clock.

A seat's level is (calibration + assigned) / weight: how many leads it has had for its share. The least level is next.
Levels are only kept by those who could receive: whoever joins, comes back, or was full meanwhile goes on level with
the others, so that nobody is flooded for having been away.
"""

import heapq
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

LEVEL_PLACES: Final = 9  # levels that differ by less are the same, also when they are read again


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatState:
    """A rep's place. left: how many leads it may still receive now (None: any number, 0: none).

    levelled: False for one whose level means nothing yet: a newcomer, or of another team or weight before.
    """

    rep_id: int
    weight: float = 1.0
    calibration: float = 0.0
    assigned: int = 0
    left: int | None = None
    levelled: bool = True

    @property
    def level(self) -> float:
        return (self.calibration + self.assigned) / self.weight

    @property
    def receives(self) -> bool:
        return self.left is None or self.left > 0

    def at(self, level: float) -> "SeatState":
        """The same seat at this level."""
        return replace(self, calibration=level * self.weight - self.assigned, levelled=True)


def join(seats: Sequence[SeatState]) -> list[SeatState]:
    """The seats with every newcomer level with the one who is next; at 0 where all are new."""
    levelled = [seat for seat in seats if seat.levelled]
    reference = [seat.level for seat in levelled if seat.receives] or [seat.level for seat in levelled] or [0.0]
    return [seat if seat.levelled else seat.at(min(reference)) for seat in seats]


def deal(seats: Sequence[SeatState], n: int) -> list[int | None]:
    """The rep of each of n leads in turn; None once nobody can receive any more. Equal levels: the lowest rep id.

    Among seats that can receive throughout, nobody is ever more than one lead ahead of the share of another.
    """
    given: Counter[int] = Counter()
    waiting = [(round(seat.level, LEVEL_PLACES), seat.rep_id, seat) for seat in seats if seat.receives]
    heapq.heapify(waiting)
    dealt: list[int | None] = []
    while len(dealt) < n:
        if not waiting:
            dealt += [None] * (n - len(dealt))
            break
        _level, rep_id, seat = heapq.heappop(waiting)
        dealt.append(rep_id)
        given[rep_id] += 1
        if seat.left is None or given[rep_id] < seat.left:
            level = (seat.calibration + seat.assigned + given[rep_id]) / seat.weight
            heapq.heappush(waiting, (round(level, LEVEL_PLACES), rep_id, seat))
    return dealt


def settle(
    seats: Sequence[SeatState],
    dealt: Sequence[int | None],
    *,
    uncounted: Sequence[int] = (),
    absent: Collection[int] = (),
) -> list[SeatState]:
    """The seats after this dealing: leads counted, and whoever cannot receive brought level with who is next.

    uncounted: the reps of leads that took room and do not count, one a lead. absent: who could have received but was
    not to, being off work.
    """
    given, taken = Counter(dealt), Counter([*dealt, *uncounted])
    after = [
        replace(
            seat,
            assigned=seat.assigned + given[seat.rep_id],
            left=None if seat.left is None else seat.left - taken[seat.rep_id],
        )
        for seat in seats
    ]
    served = {seat.rep_id for seat in seats if seat.receives and seat.rep_id not in absent}
    goes_on = {seat.rep_id for seat in after if seat.receives and seat.rep_id not in absent}
    reference = [seat.level for seat in after if seat.rep_id in goes_on]
    reference = reference or [seat.level for seat in after if seat.rep_id in served]
    if not reference:
        return after
    pace = min(reference)
    return [seat if seat.rep_id in goes_on or seat.level >= pace else seat.at(pace) for seat in after]
