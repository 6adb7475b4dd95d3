"""Who has how much to do, whose turn it is, what is late, and what nobody has: the floor of a team, or of all.

Everything is counted for all reps at once: the number of queries depends neither on how many they are nor on how much
they have.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from funnel.access import sight_of
from funnel.models import Lead, Rep, Stage, Team
from routing.acts.viewer import Viewer
from routing.hours.countdown import Face, Running, face
from routing.hours.covering import absent
from routing.sales import attainments
from routing.sales.attainments import Attainment

KEPT_WITHIN: Final = timedelta(days=30)
SOON: Final = timedelta(hours=2)
MOST_LISTED: Final = 20
EACH: Final = 12  # leads of one rep that are listed
_WITH_ROW: Final = ("person", "account", "owner")

_REPS: Final = """
SELECT r.id, r.name, coalesce(t.name, ''), coalesce(t.kind, ''), r.user_id,
       s.id, coalesce(s.receiving, false), s.weight, s.capacity, s.assigned,
       CASE WHEN s.levelled_team_id = r.team_id AND s.levelled_weight = s.weight
            THEN (s.calibration + s.assigned) / s.weight END
FROM funnel_rep r
LEFT JOIN funnel_team t ON t.id = r.team_id
LEFT JOIN routing_seat s ON s.rep_id = r.id
WHERE r.id = ANY(%(reps)s) ORDER BY s.id IS NULL, t.kind = 'ae', t.name NULLS LAST, r.name, r.id
"""
_LOAD: Final = """
SELECT owner_id, stage, count(*) FROM funnel_lead
WHERE owner_id = ANY(%(reps)s) AND closed_at IS NULL AND stage IN ('mql', 'sal', 'sql', 'opportunity') GROUP BY 1, 2
"""
_RUNNING: Final = """
SELECT l.owner_id, count(*) FILTER (WHERE c.due_at < %(now)s),
       count(*) FILTER (WHERE c.due_at >= %(now)s AND c.due_at < %(midnight)s)
FROM routing_clock c JOIN funnel_lead l ON l.id = c.lead_id
WHERE c.stopped_at IS NULL AND l.owner_id = ANY(%(reps)s) GROUP BY 1
"""
# Promises that ended or ran out lately, by whose the lead was then; as reporting/sla/figures.py counts them.
_KEPT: Final = """
SELECT CASE WHEN held.lead_id IS NULL THEN l.owner_id ELSE coalesce(before.rep_id, held.rep_id) END,
       count(*) FILTER (WHERE NOT c.missed), count(*)
FROM (
    SELECT lead_id, least(coalesce(stopped_at, due_at), due_at) AS ended_at,
           coalesce(stopped_at > due_at, true) OR EXISTS (
               SELECT FROM routing_clockevent e WHERE e.clock_id = k.id AND e.kind = 'breached') AS missed
    FROM routing_clock k
    WHERE due_at >= %(since)s AND NOT cancelled AND (stopped_at IS NOT NULL OR due_at < %(now)s)
) c JOIN funnel_lead l ON l.id = c.lead_id
LEFT JOIN LATERAL (
    SELECT a.lead_id, a.rep_id FROM routing_assignment a
    WHERE a.lead_id = c.lead_id AND a.occurred_at <= c.ended_at ORDER BY a.occurred_at DESC, a.id DESC LIMIT 1
) held ON true
LEFT JOIN LATERAL (
    SELECT a.rep_id FROM routing_assignment a
    WHERE a.lead_id = c.lead_id AND a.occurred_at < c.ended_at ORDER BY a.occurred_at DESC, a.id DESC LIMIT 1
) before ON true
GROUP BY 1
"""
_PRESSING: Final = """
SELECT c.lead_id, c.kind, c.started_at, c.warn_at, c.due_at
FROM routing_clock c JOIN funnel_lead l ON l.id = c.lead_id
WHERE c.stopped_at IS NULL AND c.due_at < %(soon)s AND (l.owner_id = ANY(%(reps)s) OR %(all)s)
ORDER BY c.due_at, c.id LIMIT %(most)s
"""
_NOBODYS: Final = """
SELECT l.id, count(*) OVER () FROM funnel_lead l
WHERE l.stage = 'mql' AND l.closed_at IS NULL AND l.owner_id IS NULL AND l.pool_id IS NULL
ORDER BY l.stage_since, l.id LIMIT %(most)s
"""
_THEIRS: Final = """
SELECT l.id, c.kind, c.started_at, c.warn_at, c.due_at FROM funnel_lead l
LEFT JOIN LATERAL (
    SELECT kind, started_at, warn_at, due_at FROM routing_clock
    WHERE lead_id = l.id AND stopped_at IS NULL ORDER BY due_at LIMIT 1
) c ON true
WHERE l.owner_id = %(rep)s AND l.closed_at IS NULL AND l.stage IN ('mql', 'sal', 'sql')
ORDER BY c.due_at NULLS LAST, l.stage_since, l.id LIMIT %(most)s
"""


@dataclass(slots=True)
class Desk:
    """One rep on the floor. level: leads so far for their share, None while it means nothing; kept of ended: promises
    within thirty days.
    """

    rep_id: int
    name: str
    team: str
    sells: bool
    user_id: int | None
    seat_id: int | None
    receiving: bool
    weight: float | None
    capacity: int | None
    assigned: int | None
    level: float | None
    back_at: datetime | None = None
    cover: str = ""
    load: dict[str, int] = field(default_factory=dict)
    overdue: int = 0
    due_today: int = 0
    kept: int = 0
    ended: int = 0
    quotas: list[Attainment] = field(default_factory=list)

    @property
    def seated(self) -> bool:
        return self.seat_id is not None

    @property
    def mqls(self) -> int:
        return self.load.get(Stage.MQL, 0)

    @property
    def sals(self) -> int:
        return self.load.get(Stage.SAL, 0)

    @property
    def sqls(self) -> int:
        return self.load.get(Stage.SQL, 0)

    @property
    def deals(self) -> int:
        return self.load.get(Stage.OPPORTUNITY, 0)

    @property
    def counted(self) -> int:
        """What the seat's capacity speaks of: SQLs of those who sell, MQLs of the others."""
        return self.sqls if self.sells else self.mqls

    @property
    def full(self) -> bool:
        return self.capacity is not None and self.counted >= self.capacity

    @property
    def kept_share(self) -> float | None:
        return self.kept / self.ended if self.ended else None


@dataclass(frozen=True, slots=True)
class Item:
    """A lead that can be given to somebody else. clock: None where no promise runs."""

    lead: Lead
    clock: Face | None


@dataclass(frozen=True, slots=True)
class Listing:
    """Leads with how many there are in all."""

    items: list[Item]
    count: int


def teams_of(viewer: Viewer) -> list[Team]:
    """The teams that the viewer may look at; with one the others need not be offered."""
    teams = Team.objects.filter(reps__active=True).distinct().order_by("name")
    if viewer.everything:
        return list(teams)
    return list(teams.filter(pk=viewer.team_id)) if viewer.team_id is not None else []


def has_others(viewer: Viewer) -> bool:
    """Whether anybody beside the viewer is in their team: managers often have one to themselves."""
    return Rep.objects.active().filter(team=viewer.team_id).exclude(user=viewer.user_id).exists()


def reps_of(user: Any, *, team_id: int | None) -> list[int]:
    """The active reps whom the user sees, of one team or of all."""
    reps = Rep.objects.active()
    sight = sight_of(user)
    if not sight.everything:
        reps = reps.filter(pk__in=sight.reps)
    return sorted((reps.filter(team=team_id) if team_id else reps).values_list("pk", flat=True))


def desks(rep_ids: Sequence[int], *, now: datetime) -> list[Desk]:
    """The reps with what they have to do, those with a seat first, who develops leads before who sells, by team and
    name. Eight queries at most.

    back_at, cover: of those who are away now.
    """
    midnight = timezone.make_aware(datetime.combine(timezone.localdate(now) + timedelta(days=1), time.min))
    given: dict[str, Any] = {"reps": list(rep_ids), "now": now, "midnight": midnight, "since": now - KEPT_WITHIN}
    with connection.cursor() as cursor:
        cursor.execute(_REPS, given)
        found = {row[0]: _desk(row) for row in cursor.fetchall()}
        cursor.execute(_LOAD, given)
        for rep_id, stage, count in cursor.fetchall():
            found[rep_id].load[stage] = count
        cursor.execute(_RUNNING, given)
        for rep_id, overdue, today in cursor.fetchall():
            found[rep_id].overdue, found[rep_id].due_today = overdue, today
        cursor.execute(_KEPT, given)
        for rep_id, kept, ended in cursor.fetchall():
            if rep_id in found:
                found[rep_id].kept, found[rep_id].ended = kept, ended
    _note_who_is_away(found, now=now)
    for quota in attainments.running(rep_ids, now=now):
        found[quota.rep_id].quotas.append(quota)
    return list(found.values())


def _note_who_is_away(found: Mapping[int, Desk], *, now: datetime) -> None:
    away = {rep_id: one for rep_id, one in absent(now=now).items() if rep_id in found}
    covers = [one.cover_id for one in away.values() if one.cover_id is not None]
    names = dict(Rep.objects.filter(pk__in=covers).values_list("pk", "name"))
    for rep_id, one in away.items():
        found[rep_id].back_at, found[rep_id].cover = one.until, names.get(one.cover_id or 0, "")


def _desk(row: tuple[Any, ...]) -> Desk:
    pk, name, team, kind, user_id, seat_id, receiving, weight, capacity, assigned, level = row
    return Desk(
        rep_id=pk, name=name, team=team, sells=kind == Team.Kind.AE, user_id=user_id, seat_id=seat_id,
        receiving=receiving, weight=weight, capacity=capacity, assigned=assigned, level=level,
    )  # fmt: skip


def pressing(rep_ids: Collection[int], *, everybody: bool, now: datetime) -> list[Item]:
    """Promises that have run out or will within two hours, the nearest first. Two queries."""
    given = {"soon": now + SOON, "reps": list(rep_ids), "all": everybody, "most": MOST_LISTED}
    return _items(_PRESSING, given, now=now)


def nobodys() -> Listing:
    """Undecided MQLs that nobody owns and that wait in no pool, the oldest first. Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_NOBODYS, {"most": MOST_LISTED})
        rows = cursor.fetchall()
    leads = Lead.objects.select_related(*_WITH_ROW).in_bulk([pk for pk, _count in rows])
    return Listing([Item(leads[pk], None) for pk, _count in rows if pk in leads], rows[0][1] if rows else 0)


def leads_of(rep_id: int, *, now: datetime) -> list[Item]:
    """What one rep works on before it is a deal, the nearest promise first. Two queries."""
    return _items(_THEIRS, {"rep": rep_id, "most": EACH}, now=now)


def _items(sql: str, given: dict[str, Any], *, now: datetime) -> list[Item]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        rows = cursor.fetchall()
    leads = Lead.objects.select_related(*_WITH_ROW).in_bulk([row[0] for row in rows])
    items, seen = [], set()
    for pk, kind, started, warn, due in rows:
        if pk in leads and pk not in seen:  # a lead with two promises stands there once, with the nearer one
            seen.add(pk)
            items.append(Item(leads[pk], face(Running(kind, started, warn, due), now=now) if kind else None))
    return items
