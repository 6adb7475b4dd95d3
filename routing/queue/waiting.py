"""Which leads wait for a decision, and in which order to work them: the queue's tabs, tallies and pages of places.

Waiting are open MQLs, and leads further down the path while a hot clock of theirs runs. What a row shows of a lead is
put together in rows.py, for the leads of one page only.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from funnel.keyset import BadCursor
from routing.acts.viewer import Viewer
from routing.day.snoozes import ASLEEP
from routing.hours.countdown import Running
from routing.hours.covering import absent
from routing.hours.reach import CALLABLE, callable_values
from scoring.scopes import scopes_now

PAGE = 40

_SCOPES = {
    "mine": "l.owner_id = ANY(%(hands)s)",
    "pool": "l.pool_id = ANY(%(pools)s)",
    "team": "l.owner_id IS NOT NULL",
    "unrouted": "l.owner_id IS NULL AND l.pool_id IS NULL",
}
_ANY_POOL = "l.pool_id IS NOT NULL"
_FILTERS = {
    "solution": "l.solution_id = %(solution)s",
    "region": "l.region_id = %(region)s",
    "owner": "l.owner_id = %(owner)s",
}
_GRADE = "s.grade = %(grade)s"
SHOWS = {"callable": "Callable now", "snoozed": "Snoozed"}

# Two short lists, each from its own partial index, however many leads there are.
_COLUMNS = "l.id, l.person_id, l.owner_id, l.pool_id, l.solution_id, l.region_id, l.stage_since"
_CLOCKS = """
    LEFT JOIN routing_clock h ON h.lead_id = l.id AND h.kind = 'hot' AND h.stopped_at IS NULL
    LEFT JOIN routing_clock a ON a.lead_id = l.id AND a.kind = 'accept' AND a.stopped_at IS NULL
"""
# Without a clock: at the end. Numbers rather than moments, so that a cursor takes them there and back exactly.
_BY_BREACH = "(h.id IS NULL)::int, coalesce(date_part('epoch', coalesce(h.due_at, a.due_at)), 1e12)"
_BY_AGE = "0, date_part('epoch', l.stage_since)"
_BY_GRADE = "coalesce(s.grade, '~') COLLATE \"C\", coalesce(s.band, 99), l.id"


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for. filters: solution, region, grade, owner, show -> value; after: the place before the
    page.
    """

    tab: str
    filters: Mapping[str, int | str] = field(default_factory=dict)
    after: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A lead's place in the queue. rev: changes with the person's score; key: what the order compares."""

    lead_id: int
    person_id: int
    hot: Running | None
    accept: Running | None
    rev: int
    key: tuple[int, float, str, int, int]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many wait: by tab, and by the state of their clocks on the tab that is shown, with its filters."""

    tabs: dict[str, int]
    hot: int
    late: int
    warn: int
    ok: int
    without: int

    @property
    def shown(self) -> int:
        return self.hot + self.late + self.warn + self.ok + self.without


def asked(query: Mapping[str, Any], viewer: Viewer) -> Asked:
    """What the query asks for, of what this viewer sees; what makes no sense is left out."""
    tab = query.get("tab", "")
    if tab not in viewer.tabs:
        tab = _first_tab(viewer)
    filters: dict[str, int | str] = {}
    for name in ("solution", "region", "owner"):
        value = str(query.get(name, ""))
        if value.isascii() and value.isdigit() and int(value) < 1 << 63:
            filters[name] = int(value)
    grade = str(query.get("grade", ""))
    if 0 < len(grade) <= 2 and grade.isalnum():
        filters["grade"] = grade
    if query.get("show") in SHOWS:
        filters["show"] = str(query["show"])
    if tab != "team":
        filters.pop("owner", None)
    return Asked(tab=tab, filters=filters, after=str(query.get("after", "")))


def _first_tab(viewer: Viewer) -> str:
    """Their own leads for those who work them; who looks on begins with everybody's."""
    if not viewer.tabs:
        return ""
    return "team" if "team" in viewer.tabs and (viewer.may_reassign or not viewer.may_work) else viewer.tabs[0]


def places(asked: Asked, viewer: Viewer, *, now: datetime, size: int = PAGE) -> tuple[list[Place], str]:
    """One page of the queue and the cursor of the next, empty at the end. Two queries. Raises BadCursor.

    Order: hot first, then the nearest breach, then grade and band; leads that nobody could take: the oldest first.
    """
    order = f"{_BY_AGE if asked.tab == 'unrouted' else _BY_BREACH}, {_BY_GRADE}"
    values, where = _values(asked, viewer, now=now), _GRADE if "grade" in asked.filters else "true"
    if asked.after:
        where += f" AND ({order}) > (%(k0)s, %(k1)s, %(k2)s, %(k3)s, %(k4)s)"
        values |= {f"k{index}": part for index, part in enumerate(_decode(asked.after))}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT l.id, l.person_id, coalesce(s.rev, 0), h.started_at, h.warn_at, h.due_at,
                   a.started_at, a.warn_at, a.due_at, {order}, h.paused_until, a.paused_until
            FROM {_waiting(_narrowed(asked, viewer), snoozed=_snoozed(asked))} {_CLOCKS} {score_join()}
            WHERE {where} ORDER BY 10, 11, 12, 13, 14 LIMIT {size + 1}
            """,
            values,
        )
        rows = cursor.fetchall()
    found = [
        Place(
            row[0],
            row[1],
            _running("hot", row[3:6], row[14]),
            _running("accept", row[6:9], row[15]),
            row[2],
            tuple(row[9:14]),
        )  # fmt: skip
        for row in rows[:size]
    ]
    return found, _encode(found[-1].key) if len(rows) > size else ""


def tally(asked: Asked, viewer: Viewer, *, now: datetime) -> Tally:
    """Counts for the tabs, and for the clocks of the tab that is shown. One query, two where a grade is asked for."""
    counts = [f"count(*) FILTER (WHERE {_scope(tab, viewer)})" for tab in viewer.tabs]
    states = {
        "hot": "h.id IS NOT NULL",
        "late": "h.id IS NULL AND a.due_at < %(now)s",
        "warn": "h.id IS NULL AND a.due_at >= %(now)s AND a.warn_at <= %(now)s",
        "ok": "h.id IS NULL AND a.warn_at > %(now)s",
        "without": "h.id IS NULL AND a.id IS NULL",
    }
    shown, score = _narrowed(asked, viewer, near="l.near"), ""
    if "grade" in asked.filters:
        shown, score = f"{shown} AND {_GRADE}", score_join()
    counts += [f"count(*) FILTER (WHERE {shown} AND {state})" for state in states.values()]
    anywhere = " OR ".join(_scope(tab, viewer) for tab in viewer.tabs) or "false"
    waiting = _waiting(anywhere, snoozed=_snoozed(asked))
    if asked.filters.get("show") == "callable":  # asked once a lead, not once a count
        waiting = f"(SELECT l.*, {CALLABLE} AS near FROM {waiting} OFFSET 0) l"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(counts)} FROM {waiting} {_CLOCKS} {score}",
            _values(asked, viewer, now=now),
        )
        row = cursor.fetchone()
    size = len(viewer.tabs)
    return Tally(dict(zip(viewer.tabs, row[:size], strict=True)), *row[size:])


def pulse_of(user_id: int, *, now: datetime) -> dict[str, int | None]:
    """unread: notices; show: the newest of them that the user wants their browser to show, 0 without one; waiting:
    leads in the user's own queue, those of whom they cover for too; None for who is no rep. Two queries, asked often.
    """
    away = [one for one in absent(now=now).values() if one.cover_id is not None]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT (SELECT count(*) FROM routing_notice WHERE user_id = %(user)s AND read_at IS NULL),
                   (SELECT coalesce(max(n.id), 0) FROM routing_notice n
                    JOIN routing_wish w ON w.user_id = n.user_id AND w.kind = n.kind AND w.way = 'browser'
                    WHERE n.user_id = %(user)s AND n.read_at IS NULL),
                   (SELECT (SELECT count(*) FROM {_waiting("l.owner_id = ANY(r.hands)")})
                    FROM (SELECT id || ARRAY(SELECT away.rep FROM unnest(%(away)s::bigint[], %(covers)s::bigint[])
                                             away (rep, cover) WHERE away.cover = id) AS hands
                          FROM funnel_rep WHERE user_id = %(user)s AND active) r)
            """,
            {
                "user": user_id,
                "now": now,
                "away": [one.rep_id for one in away],
                "covers": [one.cover_id for one in away],
            },
        )
        return dict(zip(("unread", "show", "waiting"), cursor.fetchone(), strict=True))


def done_today(user_id: int, *, since: datetime) -> dict[str, int]:
    """What the user has decided since `since` and not taken back: accepted, rejected, recycled. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE kind = 'advance' AND to_stage = 'sal'),
                   count(*) FILTER (WHERE kind = 'disqualify'), count(*) FILTER (WHERE kind = 'recycle')
            FROM funnel_stageevent e
            WHERE actor_id = %s AND recorded_at >= %s AND occurred_at >= %s
              AND NOT EXISTS (SELECT FROM funnel_stageevent v WHERE v.supersedes_id = e.id)
            """,
            [user_id, since, since],
        )
        return dict(zip(("accepted", "rejected", "recycled"), cursor.fetchone(), strict=True))


def digest(places: list[Place], tally: Tally, *, salt: str) -> str:
    """A mark that is another one as soon as a page of the queue would look different."""
    facts = [(place.lead_id, place.rev, place.hot, place.accept) for place in places]
    return hashlib.md5(repr((facts, tally, salt)).encode(), usedforsecurity=False).hexdigest()[:16]


def _waiting(scope: str, *, snoozed: bool = False) -> str:
    """The leads `l` that wait, as far as they are in the scope: a condition on columns of the lead.

    snoozed: those whose owner does not want to see them for a while, instead of the others.
    """
    awake = ASLEEP if snoozed else f"NOT {ASLEEP}"
    return f"""(
        SELECT {_COLUMNS} FROM funnel_lead l
        WHERE l.closed_at IS NULL AND l.stage = 'mql' AND ({scope}) AND {awake}
        UNION ALL
        SELECT {_COLUMNS} FROM routing_clock c JOIN funnel_lead l ON l.id = c.lead_id
        WHERE c.stopped_at IS NULL AND c.kind = 'hot' AND l.closed_at IS NULL AND l.stage <> 'mql' AND ({scope})
          AND {awake}
    ) l"""


def score_join() -> str:
    """The score of each lead `l`, as `s`, under the version that decides about it. A query, for which those are."""
    return f"LEFT JOIN scoring_score s ON s.person_id = l.person_id AND s.model_id = {scopes_now().sql()}"


def _snoozed(asked: Asked) -> bool:
    return asked.filters.get("show") == "snoozed"


def _narrowed(asked: Asked, viewer: Viewer, *, near: str = CALLABLE) -> str:
    """The condition of a tab with its filters, the grade apart. near: the one for who is callable."""
    scope = _scope(asked.tab, viewer) if asked.tab else "false"
    conditions = [f"({scope})", *(_FILTERS[name] for name in asked.filters if name in _FILTERS)]
    if asked.filters.get("show") == "callable":
        conditions.append(near)
    return " AND ".join(conditions)


def _values(asked: Asked, viewer: Viewer, *, now: datetime) -> dict[str, Any]:
    """The values of all that conditions name."""
    pools = [viewer.team_id] if viewer.team_id else []
    values = {"hands": list(viewer.hands), "pools": pools, "now": now, **asked.filters}
    return values | callable_values(now) if asked.filters.get("show") == "callable" else values


def _scope(tab: str, viewer: Viewer) -> str:
    return _ANY_POOL if tab == "pool" and viewer.everything else _SCOPES[tab]


def _running(kind: str, moments: Sequence[datetime | None], paused_until: datetime | None) -> Running | None:
    started, warn, due = moments
    return Running(kind, started, warn, due, paused_until) if started and warn and due else None


def _encode(key: tuple[int, float, str, int, int]) -> str:
    return "_".join(repr(part) if isinstance(part, float) else str(part) for part in key)


def _decode(cursor: str) -> tuple[int, float, str, int, int]:
    try:
        hot, due, grade, band, lead_id = cursor.split("_")
        key = (int(hot), float(due), grade, int(band), int(lead_id))
    except ValueError as error:
        raise BadCursor(cursor) from error
    if max(abs(key[0]), abs(key[3])) >= 1 << 31 or abs(key[4]) >= 1 << 63 or len(grade) > 2 or "\x00" in grade:
        raise BadCursor(cursor)
    return key
