"""Dated tasks: made, put off, closed and opened again. The one writer of a task's state.

Every change is one statement for any number of tasks, guarded on the state before, and appends the fact with it; a
cause changes a task once. Callers hold the locks of the leads where that matters to them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from routing.models import Task, TaskEvent

DONE, SKIPPED, DROPPED = Task.State.DONE.value, Task.State.SKIPPED.value, Task.State.DROPPED.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A task to make. due_at: when it is to be done; cause: what it follows from; one cause makes one of a kind."""

    lead_id: int
    kind: str
    due_at: datetime
    cause: str
    medium: str = ""
    enrolment_id: int | None = None
    step_id: int | None = None


_MAKE: Final = """
WITH made AS (
    INSERT INTO routing_task
        (lead_id, kind, medium, cause, enrolment_id, step_id, made_at, due_at, shown_at, state)
    SELECT lead_id, kind, medium, cause, enrolment_id, step_id, %(now)s, due_at, due_at, 'open'
    FROM unnest(%(leads)s::bigint[], %(kinds)s::text[], %(media)s::text[], %(causes)s::text[], %(due)s::timestamptz[],
                %(enrolments)s::bigint[], %(steps)s::bigint[])
        n (lead_id, kind, medium, cause, due_at, enrolment_id, step_id)
    ON CONFLICT DO NOTHING
    RETURNING id, cause
)
INSERT INTO routing_taskevent (task_id, kind, occurred_at, recorded_at, actor_id, cause)
SELECT id, 'made', %(now)s, %(now)s, %(actor)s, cause FROM made RETURNING task_id
"""
_CLOSE: Final = """
WITH closed AS (
    UPDATE routing_task t SET state = %(state)s, closed_at = %(now)s
    FROM unnest(%(tasks)s::bigint[], %(causes)s::text[]) n (id, cause)
    WHERE t.id = n.id AND t.state = 'open' RETURNING t.id, n.cause
)
INSERT INTO routing_taskevent (task_id, kind, occurred_at, recorded_at, actor_id, cause)
SELECT id, %(state)s, %(now)s, %(now)s, %(actor)s, cause FROM closed RETURNING task_id
"""
_REOPEN: Final = """
WITH opened AS (
    UPDATE routing_task t SET state = 'open', closed_at = NULL
    WHERE id = ANY(%(tasks)s) AND state <> 'open'
      AND (kind NOT IN ('next', 'reply') OR NOT EXISTS (
          SELECT FROM routing_task o WHERE o.lead_id = t.lead_id AND o.kind = t.kind AND o.state = 'open'))
      AND (enrolment_id IS NULL OR EXISTS (
          SELECT FROM routing_enrolment n WHERE n.id = t.enrolment_id AND n.stopped_at IS NULL))
    RETURNING id
)
INSERT INTO routing_taskevent (task_id, kind, occurred_at, recorded_at, actor_id, cause)
SELECT id, 'reopened', %(now)s, %(now)s, %(actor)s, %(cause)s FROM opened RETURNING task_id
"""
_PUT_OFF: Final = """
WITH before AS (
    SELECT t.id, t.shown_at, n.until
    FROM routing_task t JOIN unnest(%(tasks)s::bigint[], %(until)s::timestamptz[]) n (id, until) ON n.id = t.id
    WHERE t.state = 'open' AND t.shown_at <> n.until FOR NO KEY UPDATE OF t
), moved AS (
    UPDATE routing_task t SET shown_at = before.until FROM before WHERE t.id = before.id RETURNING t.id
)
INSERT INTO routing_taskevent (task_id, kind, occurred_at, recorded_at, actor_id, before, until, cause)
SELECT before.id, 'put_off', %(now)s, %(now)s, %(actor)s, before.shown_at, before.until, %(cause)s
FROM before JOIN moved USING (id) RETURNING task_id
"""


def make(wanted: Sequence[Wanted], *, actor_id: int | None, now: datetime) -> list[int]:
    """Make the tasks that are not there yet; a lead has one open next date and one open reply. Returns the new ids."""
    return _run(
        _MAKE,
        {
            "leads": [one.lead_id for one in wanted],
            "kinds": [one.kind for one in wanted],
            "media": [one.medium for one in wanted],
            "causes": [one.cause for one in wanted],
            "due": [one.due_at for one in wanted],
            "enrolments": [one.enrolment_id for one in wanted],
            "steps": [one.step_id for one in wanted],
            "actor": actor_id,
            "now": now,
        },
        any_=bool(wanted),
    )


def close(task_ids: Collection[int], *, state: str, cause: str, actor_id: int | None, now: datetime) -> list[int]:
    """Close those that are open: done, skipped or dropped. Returns their ids; somebody may have been faster."""
    return close_each(dict.fromkeys(task_ids, cause), state=state, actor_id=actor_id, now=now)


def close_each(causes: Mapping[int, str], *, state: str, actor_id: int | None, now: datetime) -> list[int]:
    """The same, each for a cause of its own. causes: by the task's id."""
    values = {
        "tasks": list(causes), "causes": list(causes.values()), "state": state, "actor": actor_id, "now": now,
    }  # fmt: skip
    return _run(_CLOSE, values, any_=bool(causes))


def reopen(task_ids: Collection[int], *, cause: str, actor_id: int | None, now: datetime) -> list[int]:
    """Open those again that are closed, unless another one of the kind has taken the place, or their cadence stopped.
    Returns their ids.
    """
    values = {"tasks": list(task_ids), "cause": cause, "actor": actor_id, "now": now}
    return _run(_REOPEN, values, any_=bool(task_ids))


def put_off(until: Mapping[int, datetime], *, cause: str, actor_id: int | None, now: datetime) -> list[int]:
    """Let open tasks wait until these moments, by id. Returns the ids of those that moved."""
    values = {
        "tasks": list(until),
        "until": list(until.values()),
        "cause": cause,
        "actor": actor_id,
        "now": now,
    }
    return _run(_PUT_OFF, values, any_=bool(until))


def closed_by(cause: str) -> list[int]:
    """The tasks that this cause has closed."""
    kinds = (TaskEvent.Kind.DONE, TaskEvent.Kind.SKIPPED, TaskEvent.Kind.DROPPED)
    return list(TaskEvent.objects.filter(cause=cause, kind__in=kinds).values_list("task", flat=True))


def made_by(cause: str) -> list[int]:
    """The tasks that this cause has made."""
    return list(TaskEvent.objects.filter(cause=cause, kind=TaskEvent.Kind.MADE).values_list("task", flat=True))


def _run(sql: str, values: Mapping[str, Any], *, any_: bool) -> list[int]:
    if not any_:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return sorted(row[0] for row in cursor.fetchall())
