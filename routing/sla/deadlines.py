"""What is promised about a lead, and when it runs out: by the owner's calendar, else that of the owner's or the pool's
team, else the first one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection

from funnel.conditions import Compiled, ConditionError
from funnel.conditions import compile as compile_condition
from funnel.versions import Status
from routing.fields import FIELDS
from routing.hours.calendars import Hours, Span
from routing.models import Calendar, Clock, SlaPromise
from routing.sla.terms import Moments, Terms, moments, took

_CALENDARS: Final = """
SELECT l.id, coalesce(s.calendar_id, od.calendar_id, pd.calendar_id, (SELECT min(id) FROM routing_calendar))
FROM funnel_lead l
LEFT JOIN routing_seat s ON s.rep_id = l.owner_id
LEFT JOIN funnel_rep r ON r.id = l.owner_id
LEFT JOIN routing_desk od ON od.team_id = r.team_id
LEFT JOIN routing_desk pd ON pd.team_id = l.pool_id
WHERE l.id = ANY(%s)
"""
_EVERY_LEAD: Final = compile_condition({}, FIELDS)


def terms_of(promise: SlaPromise) -> Terms:
    """The promise as arithmetic takes it. Its policy is read with it."""
    expires = promise.sla_policy.expires_at if promise.kind == SlaPromise.Kind.ACCEPT else None
    return Terms(
        amount=promise.amount,
        unit=promise.unit,
        warn_at=promise.warn_at,
        reassign=promise.reassign,
        expires_at=expires,
    )


def hours_of(calendar_ids: Collection[int | None]) -> dict[int, Hours]:
    """The calendars of these ids. Two queries."""
    ids = {pk for pk in calendar_ids if pk is not None}
    wanted = Calendar.objects.filter(pk__in=ids).prefetch_related("days")
    return {calendar.pk: calendar.as_hours() for calendar in wanted}


def apply_moments(clock: Clock, hours: Hours | None, pauses: Sequence[Span]) -> None:
    """Set the clock's times to what its promise comes to with these pauses."""
    if clock.promise is None:  # made before promises had versions
        return
    found = moments(terms_of(clock.promise), hours, clock.started_at, pauses)
    _set(clock, found)


def apply_end(clock: Clock, hours: Hours | None, pauses: Sequence[Span]) -> None:
    """Set how long the clock took, once it has stopped."""
    unit = clock.promise.unit if clock.promise else ""
    clock.took = took(unit, hours, clock.started_at, clock.stopped_at, pauses) if clock.stopped_at else None


def _set(clock: Clock, found: Moments) -> None:
    clock.warn_at, clock.due_at = found.warn_at, found.due_at
    clock.reassign_at, clock.expires_at = found.reassign_at, found.expires_at


@dataclass(frozen=True, slots=True)
class Deadlines:
    """What the published version promises about some leads, and their calendars."""

    promises: Mapping[tuple[int, str], SlaPromise] = field(default_factory=dict)
    calendar_of: Mapping[int, int | None] = field(default_factory=dict)
    hours: Mapping[int, Hours] = field(default_factory=dict)

    @classmethod
    def read(cls, lead_ids: Collection[int]) -> "Deadlines":
        """Read what is needed for these leads. Five queries, however many leads."""
        if not lead_ids:
            return cls()
        with connection.cursor() as cursor:
            cursor.execute(_CALENDARS, [list(lead_ids)])
            calendar_of = dict(cursor.fetchall())
        return cls(promised(lead_ids), calendar_of, hours_of(calendar_of.values()))

    def clock(self, lead_id: int, kind: str, *, cause: str, started_at: datetime) -> Clock | None:
        """A clock of this lead, not stored yet; None while nothing of this kind is promised."""
        promise = self.promises.get((lead_id, kind))
        if promise is None:
            return None
        calendar_id = self.calendar_of[lead_id]
        clock = Clock(
            lead_id=lead_id, kind=kind, cause=cause, promise=promise, calendar_id=calendar_id, started_at=started_at
        )
        apply_moments(clock, self.hours[calendar_id] if calendar_id is not None else None, ())
        return clock


def promised(lead_ids: Collection[int]) -> dict[tuple[int, str], SlaPromise]:
    """What the published version promises about each lead, by lead and kind. Two queries."""
    found = SlaPromise.objects.filter(sla_policy__status=Status.PUBLISHED).select_related("sla_policy")
    by_kind: dict[str, list[tuple[SlaPromise, Compiled]]] = {}
    for promise in found.order_by("position", "pk"):
        by_kind.setdefault(promise.kind, []).append((promise, _compiled(promise)))
    if not by_kind or not lead_ids:
        return {}
    columns, groups, params = [], frozenset[str](), list[Any]()
    for promises in by_kind.values():
        cases = " ".join(f"WHEN ({one.sql}) THEN {number}" for number, (_promise, one) in enumerate(promises))
        columns.append(f"CASE {cases} END")
        for _promise, one in promises:
            groups |= one.groups
            params += one.params
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT l.id, {', '.join(columns)} FROM funnel_lead l {FIELDS.joins(groups, root='lead')}"
            " WHERE l.id = ANY(%s)",
            [*params, list(lead_ids)],
        )
        rows = cursor.fetchall()
    return {
        (lead_id, kind): by_kind[kind][number][0]
        for lead_id, *numbers in rows
        for kind, number in zip(by_kind, numbers, strict=True)
        if number is not None
    }


def _compiled(promise: SlaPromise) -> Compiled:
    """One that can no longer be read, as after an upgrade that took a field away, holds for every lead that comes so
    far: a promise too many is seen, one too few is not.
    """
    try:
        return compile_condition(promise.condition, FIELDS)
    except ConditionError:
        return _EVERY_LEAD
