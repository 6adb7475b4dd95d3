"""What reps are to reach in a period, what they have reached, and whether account executives have room for more SQLs.

meetings: held with the rep there. sqls: handed over by the rep and taken over by an account executive, less those that
came back. opportunities: made, and the rep's. room: SQLs offered to the rep in the period, less those that came back.
Periods are cut in the zone of reports.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Sum

from funnel.models import Rep
from routing.models import Quota

FULL: Final = "no_room"
SHORT: Final[Mapping[str, str]] = {
    Quota.Measure.MEETINGS: "Meetings",
    Quota.Measure.SQLS: "SQLs",
    Quota.Measure.OPPORTUNITIES: "Deals",
    Quota.Measure.ROOM: "Room",
}

_REACHED: Final = """
SELECT q.id, CASE q.measure
    WHEN 'meetings' THEN (
        SELECT count(*) FROM routing_attendee a JOIN routing_meeting m ON m.id = a.meeting_id
        WHERE a.rep_id = q.rep_id AND a.came AND m.outcome = 'held'
          AND m.starts_at >= p.since AND m.starts_at < p.until)
    WHEN 'sqls' THEN (
        SELECT count(*) FROM routing_handoff h
        WHERE h.from_rep_id = q.rep_id AND h.accepted_at >= p.since AND h.accepted_at < p.until
          AND h.returned_at IS NULL)
    WHEN 'opportunities' THEN (
        SELECT count(*) FROM funnel_opportunity o
        WHERE o.owner_id = q.rep_id AND o.opened_at >= p.since AND o.opened_at < p.until)
    ELSE (
        SELECT count(*) FROM routing_handoff h
        WHERE h.to_rep_id = q.rep_id AND h.offered_at >= p.since AND h.offered_at < p.until
          AND h.returned_at IS NULL AND h.withdrawn_at IS NULL)
    END
FROM routing_quota q
CROSS JOIN LATERAL (
    SELECT q.starts_on::timestamp AT TIME ZONE %(zone)s AS since,
           (q.ends_on + 1)::timestamp AT TIME ZONE %(zone)s AS until
) p
WHERE q.id = ANY(%(ids)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attainment:
    """One quota and what was reached of it so far."""

    rep_id: int
    measure: str
    amount: int
    reached: int
    starts_on: date
    ends_on: date

    @property
    def left(self) -> int:
        return max(self.amount - self.reached, 0)

    @property
    def label(self) -> str:
        return str(Quota.Measure(self.measure).label)

    @property
    def short(self) -> str:
        """The same in a word, beside which the label explains it."""
        return SHORT[self.measure]


def running(rep_ids: Collection[int], *, now: datetime) -> list[Attainment]:
    """The quotas of these reps whose period is on, with what was reached. Two queries."""
    today = _today(now)
    found = Quota.objects.filter(rep__in=rep_ids, starts_on__lte=today, ends_on__gte=today).order_by("rep", "measure")
    return _attained(list(found))


def _today(now: datetime) -> date:
    """The day that periods are cut by: the same for everybody, wherever they look from."""
    return now.astimezone(ZoneInfo(settings.REPORTING_ZONE)).date()


def _attained(found: list[Quota]) -> list[Attainment]:
    if not found:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_REACHED, {"ids": [quota.pk for quota in found], "zone": settings.REPORTING_ZONE})
        reached: Mapping[int, int] = dict(cursor.fetchall())
    return [
        Attainment(
            rep_id=quota.rep_id,
            measure=quota.measure,
            amount=quota.amount,
            reached=reached[quota.pk],
            starts_on=quota.starts_on,
            ends_on=quota.ends_on,
        )
        for quota in found
    ]


def without_room(*, now: datetime, rep_ids: Collection[int] | None = None) -> dict[int, str]:
    """The reps who have taken as many SQLs in the period as they have room for, each with the code that says so."""
    today = _today(now)
    rooms = Quota.objects.filter(measure=Quota.Measure.ROOM, starts_on__lte=today, ends_on__gte=today)
    if rep_ids is not None:
        rooms = rooms.filter(rep__in=rep_ids)
    return {one.rep_id: FULL for one in _attained(list(rooms)) if not one.left}


def full_sentence(rep: Rep, *, now: datetime) -> str:
    """Why the rep has no room for another SQL; blank where they have."""
    today = _today(now)
    rooms = Quota.objects.filter(rep=rep, measure=Quota.Measure.ROOM, starts_on__lte=today, ends_on__gte=today)
    full = next((one for one in _attained(list(rooms)) if not one.left), None)
    return f"{rep} has taken {full.reached} SQLs of the {full.amount} they have room for." if full else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Whether what SDRs are to bring fits what account executives have room for, over the quotas that run now."""

    wanted: int
    room: int

    @property
    def over(self) -> int:
        return max(self.wanted - self.room, 0)


def fit(*, now: datetime) -> Fit | None:
    """None as long as one side has no quota. One query."""
    today = _today(now)
    sums = dict(
        Quota.objects.filter(starts_on__lte=today, ends_on__gte=today, rep__active=True)
        .order_by()
        .values_list("measure")
        .annotate(Sum("amount"))
    )
    wanted, room = sums.get(Quota.Measure.SQLS), sums.get(Quota.Measure.ROOM)
    return Fit(wanted=wanted, room=room) if wanted and room else None
