"""Who works when, and what is promised: calendars, desks, seats, absences and promises."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count

from demandcenter.demo_world import reference, rules
from demandcenter.demo_world.reference import AMERICA, CENTRAL, EAST, SEATS, SOUTH, WEST, Ids
from routing.models import Absence, Assignment, Calendar, Desk, Seat, SlaPromise
from routing.sla import versions as sla

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CAPACITY = 40  # undecided MQLs; who had more when capacities were set has less than he had: see ledger.py
CAPPED_FOR = timedelta(days=3)  # since then capacities are kept
AWAY, AWAY_SINCE, AWAY_FOR = "Sofia Rinaldi", timedelta(days=2), timedelta(days=8)
LAG = 14.0  # leads
HOT_MINUTES = 30  # the product ships with 5; whoever opens the demo should still see the first one run


@dataclass(frozen=True, slots=True)
class _Hours:
    """A team's calendar. country: whose public holidays it keeps, blank for none."""

    name: str
    zone: str
    country: str = ""
    opens: str = "09:00"
    closes: str = "18:00"
    days: tuple[str, ...] = WEEK[:5]


_CALENDARS = {
    # Somebody may open the demo on a Sunday night: this team's promises run at any hour.
    CENTRAL: _Hours("Around the clock", "Europe/Vienna", opens="00:00", closes="24:00", days=WEEK),
    EAST: _Hours("Warsaw", "Europe/Warsaw", "PL"),
    WEST: _Hours("London", "Europe/London", "GB"),
    SOUTH: _Hours("Paris", "Europe/Paris", "FR"),
    AMERICA: _Hours("Chicago", "America/Chicago", "US", opens="08:00", closes="17:00"),
}


def write(ids: Ids, users: Mapping[str, User], *, since: datetime, until: datetime) -> None:
    """Create what leads are dealt out by. users: the demo's log-ins by username. since: when the world begins."""
    for area, hours in _CALENDARS.items():
        calendar = _calendar(hours)
        Desk.objects.bulk_create(Desk(team_id=ids.teams[f"{kind} {area}"], calendar=calendar) for kind in ("SDR", "AE"))
    Seat.objects.bulk_create(
        Seat(
            rep_id=ids.reps[seat.name],
            weight=seat.share,
            capacity=CAPACITY if seat.kind == "sdr" else None,
            receiving=seat.name != reference.GONE,
        )
        for seat in SEATS
    )
    today = until.date()
    Absence.objects.create(
        rep_id=ids.reps[AWAY], starts_on=today - AWAY_SINCE, ends_on=today - AWAY_SINCE + AWAY_FOR,
        cover_id=ids.reps["Camille Roussel"], note="Holiday", recorded_at=until - AWAY_SINCE - timedelta(days=20),
    )  # fmt: skip
    _publish_promises(users["hanna"], at=since)
    ids.routing_policy = rules.publish_first(ids, users["hanna"], at=since).policy


def level_seats(ids: Ids, *, behind: str = "") -> None:
    """Bring everybody who receives leads to one level, as if the dealing had gone on for long; one rep behind it."""
    given = dict(
        Assignment.objects.filter(kind=Assignment.Kind.ASSIGNED).values_list("rep").annotate(Count("id")).order_by()
    )
    pace = max((given.get(ids.reps[seat.name], 0) / seat.share for seat in SEATS if seat.kind == "sdr"), default=0.0)
    for seat in SEATS:
        if seat.kind == "sdr":
            assigned = given.get(ids.reps[seat.name], 0)
            level = pace - (LAG if seat.name == behind else 0.0)
            Seat.objects.filter(rep_id=ids.reps[seat.name]).update(
                assigned=assigned, calibration=level * seat.share - assigned, levelled_team_id=ids.teams[seat.team],
                levelled_weight=seat.share,
            )  # fmt: skip


def _calendar(hours: _Hours) -> Calendar:
    blocks = {day: [[hours.opens, hours.closes]] for day in hours.days}
    values: dict[str, Any] = {"zone": hours.zone, "hours": blocks, "country": hours.country}
    return Calendar.objects.create(name=hours.name, **values)


def _publish_promises(manager: User, *, at: datetime) -> None:
    """As shipped, but nothing changes hands by itself: whoever tries the demo out should find Mara's list as it is."""
    promises = {kind: (name, amount, unit, False) for kind, (name, amount, unit, _goes) in sla.STANDARD.items()}
    answer, _amount, unit, _goes = promises[SlaPromise.Kind.HOT]
    promises[SlaPromise.Kind.HOT] = (answer, HOT_MINUTES, unit, False)
    policy = sla.draft(user=manager, name=sla.NAME, why="As agreed with sales.")
    sla.add_promises(policy, promises)
    sla.publish(policy, user=manager, now=at)
