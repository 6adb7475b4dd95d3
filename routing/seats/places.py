"""A rep's seat at one moment: what it has had, what it may still take, and what keeps it from taking more. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from routing.factors import Fit, Profile
from routing.seats.distribution import SeatState

# Why a rep gets no lead at all now. explain.py has the sentences.
INACTIVE, NOT_RECEIVING, AWAY, AT_CAPACITY, AT_QUOTA = "inactive", "not_receiving", "away", "at_capacity", "at_quota"
# Why a rep does not get this lead.
WRONG_ROUTE, NOT_AT_WORK, HAD_IT = "wrong_route", "not_at_work", "had_it"
OTHER: Final = "other_"  # with the kind that is not served: other_region

JOINED, WEIGHT, RETURNED, CREDITED = "joined", "weight", "returned", "credited"  # what moves a level


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One rep's seat now.

    open: undecided MQLs; work: all leads in hand, read only where a rule asks for it. why: the code of what keeps them
    from receiving; blank: they can. room: by which of capacity and quota `state.left` is held; blank: neither.
    at_work: whether this is working time; True where nobody asked. last_at: when they were last given a lead.
    kept: how well they fitted, where a past decision is made again.
    starting: why the level is not kept ("joined", "weight"); paused_level: where it stood when they stopped receiving.
    """

    seat_id: int
    team_id: int
    user_id: int | None
    state: SeatState
    open: int
    capacity: int | None
    work: int = 0
    why: str = ""
    until: date | None = None
    quota: str = ""
    room: str = ""
    at_work: bool = True
    last_at: datetime | None = None
    profile: Profile = Profile()
    kept: Fit | None = None
    starting: str = ""
    paused_level: float | None = None

    @property
    def rep_id(self) -> int:
        return self.state.rep_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """That a level moved other than by a lead. before: None for a newcomer."""

    kind: str
    before: float | None
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A place after a batch: its state, where its level stands while it cannot receive, and what moved its level."""

    place: Place
    state: SeatState
    paused_level: float | None
    moved: tuple[Moved, ...] = ()


def room_of(places: Iterable[Place], most: int) -> int:
    """How many leads these places could take now, at most `most`."""
    lefts = [place.state.left for place in places]
    return most if None in lefts else min(sum(left or 0 for left in lefts), most)
