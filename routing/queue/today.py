"""What a rep does next: their leads in sections, each lead once, in the first section that it belongs to.

Within a section: hot first, then the nearest breach or due date, then grade and band. One statement reads it, however
many leads there are; what a row shows is put together in today_rows.py, for the rows of the page only.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from routing.day.snoozes import ASLEEP
from routing.hours.countdown import Running
from routing.hours.reach import CALLABLE, callable_values
from routing.queue.waiting import Place, score_join

SECTIONS: Final[Mapping[str, str]] = {
    "replies": "Replies",
    "new": "New",
    "handed": "Handed over",
    "due": "Due today",
    "meetings": "Meetings without outcome",
    "revisits": "Revisits",
    "idle": "Nothing planned",
}
PAGE: Final = 10  # rows of a section among the others
MOST: Final = 80  # of a section alone

_MINE: Final = f"""
    SELECT l.id, l.person_id, l.stage, l.solution_id, l.region_id, l.stage_since FROM funnel_lead l
    WHERE l.owner_id = ANY(%(reps)s) AND l.closed_at IS NULL AND l.stage = 'mql' AND NOT {ASLEEP}
    UNION ALL
    SELECT l.id, l.person_id, l.stage, l.solution_id, l.region_id, l.stage_since FROM funnel_lead l
    WHERE l.owner_id = ANY(%(reps)s) AND l.closed_at IS NULL AND l.stage IN ('sal', 'sql', 'opportunity')
      AND NOT {ASLEEP}
"""
_RUNNING: Final = """
    SELECT c.lead_id, min(c.due_at) AS due_at,
           (array_agg(c.id ORDER BY c.due_at, c.id) FILTER (WHERE c.kind <> 'hot'))[1] AS clock,
           (array_agg(c.id) FILTER (WHERE c.kind = 'hot'))[1] AS hot
    FROM routing_clock c JOIN mine ON mine.id = c.lead_id WHERE c.stopped_at IS NULL GROUP BY c.lead_id
"""
_TASKS: Final = """
    SELECT t.lead_id, (array_agg(t.id) FILTER (WHERE t.kind = 'reply'))[1] AS reply,
           (array_agg(t.id ORDER BY t.shown_at, t.id) FILTER (WHERE t.kind <> 'reply'))[1] AS task,
           min(t.shown_at) FILTER (WHERE t.kind <> 'reply') AS shown_at
    FROM routing_task t JOIN mine ON mine.id = t.lead_id WHERE t.state = 'open' GROUP BY t.lead_id
"""
_MEETINGS: Final = """
    SELECT m.lead_id, min(m.id) AS meeting, min(m.starts_at) AS starts_at
    FROM routing_meeting m JOIN mine ON mine.id = m.lead_id WHERE m.outcome = '' GROUP BY m.lead_id
"""
_OFFERED: Final = """
    SELECT o.lead_id, o.offered_at FROM routing_handoff o JOIN mine ON mine.id = o.lead_id
    WHERE o.accepted_at IS NULL AND o.returned_at IS NULL AND o.withdrawn_at IS NULL
"""
_BACK: Final = """EXISTS (SELECT FROM funnel_stageevent e WHERE e.lead_id = l.id AND e.cause LIKE 'mql:revisit:%%')"""
_SECTION: Final = f"""
    CASE WHEN l.stage = 'mql' AND r.hot IS NULL AND {_BACK} THEN 'revisits'
         WHEN l.stage = 'mql' THEN 'new'
         WHEN o.offered_at IS NOT NULL THEN 'handed'
         WHEN t.reply IS NOT NULL OR r.hot IS NOT NULL THEN 'replies'
         WHEN t.shown_at <= %(until)s THEN 'due'
         WHEN m.starts_at <= %(now)s THEN 'meetings'
         WHEN l.stage = 'opportunity' OR t.task IS NOT NULL OR m.meeting IS NOT NULL THEN NULL
         WHEN l.stage = 'sql' THEN 'handed'
         ELSE 'idle' END
"""


@dataclass(frozen=True, slots=True)
class Spot:
    """A lead on the page: in which section, how many stand in it, and what is to be done: a task, a meeting, or an
    answer to a hand-off that was offered then.
    """

    section: str
    total: int
    place: Place
    task_id: int | None
    meeting_id: int | None
    offered_at: datetime | None


def spots(
    rep_ids: Collection[int], *, now: datetime, until: datetime, section: str = "", callable_only: bool = False
) -> list[Spot]:
    """What waits for these reps, in order. until: the end of their day, up to which dates are due. One query.

    section: that one alone, longer. callable_only: people who are within hours where they are and have a number.
    """
    values: dict[str, Any] = {
        "reps": list(rep_ids),
        "now": now,
        "until": until,
        "section": section or None,
        "size": MOST if section else PAGE,
    }
    if callable_only:
        values |= callable_values(now)
    with connection.cursor() as cursor:
        cursor.execute(_sql(callable_only=callable_only), values)
        rows = cursor.fetchall()
    order = list(SECTIONS)
    return sorted((_spot(row) for row in rows), key=lambda spot: (order.index(spot.section), spot.place.key))


def _sql(*, callable_only: bool) -> str:
    # OFFSET 0: the section is worked out once a lead, and not once more for the condition on it.
    narrowed = f"WHERE {CALLABLE}" if callable_only else ""
    return f"""
        WITH mine AS MATERIALIZED (SELECT * FROM ({_MINE}) l {narrowed}),
        r AS ({_RUNNING}), t AS ({_TASKS}), m AS ({_MEETINGS}), o AS ({_OFFERED}),
        sorted AS (
            SELECT {_SECTION} AS section, l.id, l.person_id, r.hot, r.clock, coalesce(t.reply, t.task) AS task,
                   m.meeting, o.offered_at, coalesce(s.rev, 0) AS rev, (r.hot IS NULL)::int AS cold,
                   coalesce(date_part('epoch', least(r.due_at, t.shown_at, m.starts_at)), 1e12) AS due,
                   coalesce(s.grade, '~') COLLATE "C" AS grade, coalesce(s.band, 99) AS band
            FROM mine l LEFT JOIN r ON r.lead_id = l.id LEFT JOIN t ON t.lead_id = l.id
            LEFT JOIN m ON m.lead_id = l.id LEFT JOIN o ON o.lead_id = l.id {score_join()}
            OFFSET 0
        ), ranked AS (
            SELECT *, count(*) OVER (PARTITION BY section) AS total,
                   row_number() OVER (PARTITION BY section ORDER BY cold, due, grade, band, id) AS number
            FROM sorted WHERE section IS NOT NULL AND (%(section)s::text IS NULL OR section = %(section)s)
        )
        SELECT k.section, k.total, k.id, k.person_id, k.rev, k.cold, k.due, k.grade, k.band, k.task, k.meeting,
               k.offered_at, h.started_at, h.warn_at, h.due_at, h.paused_until,
               c.kind, c.started_at, c.warn_at, c.due_at, c.paused_until
        FROM ranked k LEFT JOIN routing_clock h ON h.id = k.hot LEFT JOIN routing_clock c ON c.id = k.clock
        WHERE k.number <= %(size)s
    """


def _spot(row: tuple[Any, ...]) -> Spot:
    section, total, lead_id, person_id, rev, cold, due, grade, band, task, meeting, offered_at, *clocks = row
    hot = Running("hot", *clocks[:4]) if clocks[0] else None
    other = Running(clocks[4], *clocks[5:]) if clocks[4] else None
    place = Place(lead_id, person_id, hot, other, rev, (cold, due, grade, band, lead_id))
    return Spot(section, total, place, task, meeting, offered_at)
