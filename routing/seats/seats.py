"""The seats of teams under their locks: who could take a lead at this moment, and why the others could not."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from funnel import staging
from funnel.models import Stage
from routing.factors import Profile
from routing.hours.calendars import next_opening
from routing.models import Calendar, LevelChange
from routing.seats import quotas
from routing.seats.distribution import SeatState
from routing.seats.places import AT_CAPACITY, AT_QUOTA, AWAY, INACTIVE, JOINED, NOT_RECEIVING, WEIGHT, Place, Settled
from routing.seats.profiles import profiles_of

# Locked in id order, so that two drains never deal the same place at a time and never wait for each other in a ring.
# What is read of them is read in statements of their own, which see what the one before us has dealt.
_LOCK: Final = """
SELECT s.id FROM routing_seat s JOIN funnel_rep r ON r.id = s.rep_id
WHERE r.team_id = ANY(%s) OR r.id = ANY(%s) ORDER BY s.id FOR NO KEY UPDATE OF s
"""
_SEATS: Final = """
SELECT s.id, s.rep_id, r.team_id, s.receiving, s.weight, s.capacity, s.quota, s.quota_per, s.calibration, s.assigned,
       s.levelled_team_id, s.levelled_weight, s.paused_level, coalesce(s.calendar_id, d.calendar_id),
       coalesce(c.zone, 'UTC')
FROM routing_seat s
JOIN funnel_rep r ON r.id = s.rep_id
LEFT JOIN routing_desk d ON d.team_id = r.team_id
LEFT JOIN routing_calendar c ON c.id = coalesce(s.calendar_id, d.calendar_id)
WHERE r.team_id = ANY(%s) OR r.id = ANY(%s)
ORDER BY s.rep_id
"""
_AVAILABILITY: Final = """
SELECT r.id, r.active, r.user_id,
       (SELECT count(*) FROM funnel_lead l WHERE l.owner_id = r.id AND l.stage = '{stage}' AND l.closed_at IS NULL),
       (SELECT upper(x.away) - 1 FROM (
            SELECT unnest(range_agg(daterange(a.starts_on, a.ends_on, '[]'))) AS away FROM routing_absence a
            WHERE a.rep_id = r.id AND a.ends_on >= n.today) x
        WHERE x.away @> n.today),
       (SELECT g.occurred_at FROM routing_assignment g WHERE g.rep_id = r.id ORDER BY g.occurred_at DESC LIMIT 1),
       {work}
FROM unnest(%s::bigint[], %s::date[]) n (rep_id, today)
JOIN funnel_rep r ON r.id = n.rep_id
"""
_WORK: Final = """
(SELECT count(*) FROM funnel_lead l
 WHERE l.owner_id = r.id AND l.stage IN ('mql', 'sal', 'sql') AND l.closed_at IS NULL)
"""
_RECEIVED: Final = """
SELECT n.rep_id, (a.occurred_at AT TIME ZONE n.zone)::date, count(*)
FROM unnest(%s::bigint[], %s::text[], %s::date[]) n (rep_id, zone, since)
JOIN routing_assignment a ON a.rep_id = n.rep_id AND a.occurred_at >= n.since::timestamp AT TIME ZONE n.zone
WHERE a.kind = 'assigned' AND a.explanation ->> 'method' <> 'kept'
  AND coalesce(a.explanation ->> 'stage', 'mql') = %s
GROUP BY 1, 2
"""
_SAVE: Final = """
UPDATE routing_seat s
SET calibration = n.calibration, assigned = n.assigned, levelled_team_id = n.team_id, levelled_weight = n.weight,
    paused_level = n.paused
FROM unnest(%s::bigint[], %s::float8[], %s::bigint[], %s::bigint[], %s::float8[], %s::float8[])
    n (id, calibration, assigned, team_id, weight, paused)
WHERE s.id = n.id
"""
# Who has left a team starts level when they come back to it. One that is locked now is left to the next dealing.
_FORGET: Final = """
UPDATE routing_seat SET levelled_team_id = NULL WHERE id IN (
    SELECT s.id FROM routing_seat s JOIN funnel_rep r ON r.id = s.rep_id
    WHERE s.levelled_team_id = ANY(%s) AND r.team_id IS DISTINCT FROM s.levelled_team_id
    ORDER BY s.id FOR NO KEY UPDATE OF s SKIP LOCKED)
"""
_STAFFED: Final = "SELECT team_id, array_agg(id) FROM funnel_rep WHERE active AND team_id = ANY(%s) GROUP BY 1"


class _Seat(NamedTuple):
    """A row of routing_seat with what its rep and team add."""

    id: int
    rep_id: int
    team_id: int
    receiving: bool
    weight: float
    capacity: int | None
    quota: float | None
    quota_per: str
    calibration: float
    assigned: int
    levelled_team_id: int | None
    levelled_weight: float | None
    paused_level: float | None
    calendar_id: int | None
    zone: str


@dataclass(frozen=True, slots=True)
class Floor:
    """Who could be given leads now. teams: every seat of the teams asked for; others: of reps elsewhere, by rep."""

    teams: Mapping[int, Sequence[Place]] = field(default_factory=dict)
    others: Mapping[int, Place] = field(default_factory=dict)

    def without(self, out: Mapping[int, str]) -> "Floor":
        """The same, where these reps receive nothing, each for this reason unless their seat knows another."""
        if not out:
            return self
        teams = {team: [_barred(place, out) for place in places] for team, places in self.teams.items()}
        return Floor(teams, {rep: _barred(place, out) for rep, place in self.others.items()})


def _barred(place: Place, out: Mapping[int, str]) -> Place:
    if place.rep_id not in out or place.why:
        return place
    return replace(place, why=out[place.rep_id], state=replace(place.state, left=0))


def floor_of(
    team_ids: Collection[int],
    *,
    rep_ids: Collection[int] = (),
    work: bool = False,
    hours: bool = False,
    stage: str = Stage.MQL,
    lock: bool = True,
    now: datetime,
) -> Floor:
    """The seats of these teams and reps by rep id, locked until the transaction ends. A constant number of queries.

    work: with all that they have in hand; hours: with whether it is their working time. stage: where the leads stand
    that are given out, and of which the seats' capacity and quota speak.
    """
    if not team_ids and not rep_ids:
        return Floor()
    asked = [sorted(team_ids), sorted(rep_ids)]
    with connection.cursor() as cursor:
        if lock:
            cursor.execute(_LOCK, asked)
        cursor.execute(_SEATS, asked)
        seats = [_Seat(*row) for row in cursor.fetchall()]
        today = {zone: now.astimezone(ZoneInfo(zone)).date() for zone in {seat.zone for seat in seats}}
        reps = [seat.rep_id for seat in seats]
        cursor.execute(
            _AVAILABILITY.format(stage=Stage(stage).value, work=_WORK if work else "0"),
            [reps, [today[seat.zone] for seat in seats]],
        )
        known = {row[0]: row[1:] for row in cursor.fetchall()}
    profiles = profiles_of(reps, now=now)
    rooms = _rooms(seats, {rep: row[2] for rep, row in known.items()}, today, stage)
    off = _off_work(seats, now=now) if hours else frozenset()
    teams, others = defaultdict(list), {}
    for seat in seats:
        place = _place(seat, known[seat.rep_id], rooms[seat.rep_id], profiles[seat.rep_id], seat.rep_id not in off)
        if seat.team_id in team_ids:
            teams[seat.team_id].append(place)
        else:
            others[seat.rep_id] = place
    return Floor(teams, others)


def staffed(team_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """The active reps of the teams, who could claim from their pools; teams without one are left out."""
    if not team_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_STAFFED, [sorted(team_ids)])
        return {team_id: frozenset(rep_ids) for team_id, rep_ids in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class _Room:
    """How many leads there is room for, and by what it is limited; None: by nothing."""

    left: int | None
    by: str = ""


def _rooms(seats: Sequence[_Seat], open_: Mapping[int, int], today: Mapping[str, date], stage: str) -> dict[int, _Room]:
    quotas_left = _quotas_left([seat for seat in seats if seat.quota is not None], today, stage)
    found = {}
    for seat in seats:
        room = _Room(None)
        if seat.capacity is not None:
            room = _Room(max(seat.capacity - open_[seat.rep_id], 0), AT_CAPACITY)
        allowed = quotas_left.get(seat.rep_id)
        if allowed is not None and (room.left is None or allowed < room.left):
            room = _Room(allowed, AT_QUOTA)
        found[seat.rep_id] = room
    return found


def _quotas_left(seats: Sequence[_Seat], today: Mapping[str, date], stage: str) -> dict[int, int]:
    """What the quotas of these seats still allow, counted from the ledger."""
    if not seats:
        return {}
    since = [quotas.since(today[seat.zone], seat.quota_per) for seat in seats]
    received: dict[int, dict[date, int]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_RECEIVED, [[seat.rep_id for seat in seats], [seat.zone for seat in seats], since, str(stage)])
        for rep_id, day, count in cursor.fetchall():
            received[rep_id][day] = count
    return {
        seat.rep_id: quotas.left(seat.quota or 0, received[seat.rep_id], today=today[seat.zone], per=seat.quota_per)
        for seat in seats
    }


def _off_work(seats: Iterable[_Seat], *, now: datetime) -> frozenset[int]:
    """Reps for whom this is no working time. Without a calendar every hour is."""
    wanted = {seat.calendar_id for seat in seats if seat.calendar_id is not None}
    calendars = Calendar.objects.filter(pk__in=wanted).prefetch_related("days")
    closed = {calendar.pk for calendar in calendars if next_opening(calendar.as_hours(), now) - now > timedelta()}
    return frozenset(seat.rep_id for seat in seats if seat.calendar_id in closed)


def _place(seat: _Seat, known: tuple[Any, ...], room: _Room, profile: Profile, at_work: bool) -> Place:
    active, user_id, open_, away_until, last_at, work = known
    why = ""
    if not active:
        why = INACTIVE
    elif not seat.receiving:
        why = NOT_RECEIVING
    elif away_until is not None:
        why = AWAY
    elif room.left == 0:
        why = room.by
    starting = _starting(seat)
    return Place(
        seat_id=seat.id,
        team_id=seat.team_id,
        user_id=user_id,
        open=open_,
        capacity=seat.capacity,
        work=work,
        why=why,
        until=away_until if why == AWAY else None,
        quota="" if seat.quota is None else f"{seat.quota:g} a {seat.quota_per}",
        room=room.by,
        at_work=at_work,
        last_at=last_at,
        profile=profile,
        starting=starting,
        paused_level=seat.paused_level,
        state=SeatState(
            rep_id=seat.rep_id,
            weight=seat.weight,
            calibration=seat.calibration,
            assigned=seat.assigned,
            left=0 if why else room.left,
            levelled=not starting,
        ),
    )


def _starting(seat: _Seat) -> str:
    """Why the level means nothing yet; blank: it does."""
    if seat.levelled_team_id != seat.team_id:
        return JOINED
    return "" if seat.levelled_weight == seat.weight else WEIGHT


def save(settled: Sequence[Settled], *, now: datetime) -> None:
    """Write these seats, and what moved their levels besides leads. The caller holds their locks."""
    if not settled:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SAVE,
            [
                [one.place.seat_id for one in settled],
                [one.state.calibration for one in settled],
                [one.state.assigned for one in settled],
                [one.place.team_id for one in settled],
                [one.state.weight for one in settled],
                [one.paused_level for one in settled],
            ],
        )
        cursor.execute(_FORGET, [sorted({one.place.team_id for one in settled})])
    staging.insert(
        LevelChange,
        [
            {
                "seat_id": one.place.seat_id,
                "kind": moved.kind,
                "before": moved.before,
                "after": moved.after,
                "occurred_at": now,
                "actor_id": None,
            }
            for one in settled
            for moved in one.moved
        ],
    )
