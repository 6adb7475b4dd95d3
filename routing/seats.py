"""The seats of teams under their locks: who could take a lead at this moment, and why the others could not."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import connection

from funnel.models import Stage
from routing.distribution import SeatState

# Locked in id order, so that two drains never deal the same place at a time and never wait for each other in a ring.
# What is read of them is read in statements of their own, which see what the one before us has dealt.
_LOCK: Final = """
SELECT s.id FROM routing_seat s JOIN funnel_rep r ON r.id = s.rep_id
WHERE r.team_id = ANY(%s) ORDER BY s.id FOR NO KEY UPDATE OF s
"""
_SEATS: Final = """
SELECT s.id, s.rep_id, r.team_id, s.receiving, s.weight, s.capacity, s.calibration, s.assigned,
       s.levelled_team_id = r.team_id AND s.levelled_weight = s.weight, coalesce(cs.zone, cd.zone, 'UTC')
FROM routing_seat s
JOIN funnel_rep r ON r.id = s.rep_id
LEFT JOIN routing_calendar cs ON cs.id = s.calendar_id
LEFT JOIN routing_desk d ON d.team_id = r.team_id
LEFT JOIN routing_calendar cd ON cd.id = d.calendar_id
WHERE r.team_id = ANY(%s)
ORDER BY s.rep_id
"""
_AVAILABILITY: Final = """
SELECT r.id, r.active, r.user_id,
       (SELECT count(*) FROM funnel_lead l WHERE l.owner_id = r.id AND l.stage = '{stage}' AND l.closed_at IS NULL),
       (SELECT max(a.ends_on) FROM routing_absence a
        WHERE a.rep_id = r.id AND n.today BETWEEN a.starts_on AND a.ends_on)
FROM unnest(%s::bigint[], %s::date[]) n (rep_id, today)
JOIN funnel_rep r ON r.id = n.rep_id
"""
_SAVE: Final = """
UPDATE routing_seat s
SET calibration = n.calibration, assigned = n.assigned, levelled_team_id = n.team_id, levelled_weight = n.weight
FROM unnest(%s::bigint[], %s::float8[], %s::bigint[], %s::bigint[], %s::float8[])
    n (id, calibration, assigned, team_id, weight)
WHERE s.id = n.id
"""
# Who has left a team starts level when they come back to it. One that is locked now is left to the next dealing.
_FORGET: Final = """
UPDATE routing_seat SET levelled_team_id = NULL WHERE id IN (
    SELECT s.id FROM routing_seat s JOIN funnel_rep r ON r.id = s.rep_id
    WHERE s.levelled_team_id = ANY(%s) AND r.team_id IS DISTINCT FROM s.levelled_team_id
    ORDER BY s.id FOR NO KEY UPDATE OF s SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One rep's seat now. why: the code of what keeps them from receiving; blank: they can."""

    seat_id: int
    team_id: int
    user_id: int | None
    state: SeatState
    open: int
    capacity: int | None
    why: str = ""
    until: date | None = None

    @property
    def rep_id(self) -> int:
        return self.state.rep_id


def places_of(team_ids: Collection[int], *, now: datetime, stage: str = Stage.MQL) -> dict[int, list[Place]]:
    """The seats of each team by rep id, locked until the transaction ends. Three queries.

    stage: where the leads stand that are dealt out, and of which the seats' capacity speaks.
    """
    if not team_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [sorted(team_ids)])
        cursor.execute(_SEATS, [sorted(team_ids)])
        seats = cursor.fetchall()
        today = {zone: now.astimezone(ZoneInfo(zone)).date() for zone in {seat[-1] for seat in seats}}
        cursor.execute(
            _AVAILABILITY.format(stage=Stage(stage).value),
            [[seat[1] for seat in seats], [today[seat[-1]] for seat in seats]],
        )
        known = {row[0]: row[1:] for row in cursor.fetchall()}
    places: dict[int, list[Place]] = defaultdict(list)
    for seat in seats:
        place = _place(seat, known[seat[1]])
        places[place.team_id].append(place)
    return places


def _place(seat: tuple[Any, ...], known: tuple[Any, ...]) -> Place:
    pk, rep_id, team_id, receiving, weight, capacity, calibration, assigned, levelled, _zone = seat
    active, user_id, open_, away_until = known
    room = None if capacity is None else max(capacity - open_, 0)
    why = ""
    if not active:
        why = "inactive"
    elif not receiving:
        why = "not_receiving"
    elif away_until is not None:
        why = "away"
    elif room == 0:
        why = "at_capacity"
    return Place(
        seat_id=pk,
        team_id=team_id,
        user_id=user_id,
        open=open_,
        capacity=capacity,
        why=why,
        until=away_until if why == "away" else None,
        state=SeatState(
            rep_id=rep_id,
            weight=weight,
            calibration=calibration,
            assigned=assigned,
            left=0 if why else room,
            levelled=bool(levelled),
        ),
    )


def save(places: Iterable[Place], states: Mapping[int, SeatState]) -> None:
    """Write the states (by rep id) of these seats. The caller holds their locks."""
    rows = [(place.seat_id, place.team_id, states[place.rep_id]) for place in places]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SAVE,
            [
                [seat_id for seat_id, _team, _state in rows],
                [state.calibration for _seat, _team, state in rows],
                [state.assigned for _seat, _team, state in rows],
                [team_id for _seat, team_id, _state in rows],
                [state.weight for _seat, _team, state in rows],
            ],
        )
        cursor.execute(_FORGET, [sorted({team_id for _seat, team_id, _state in rows})])
