"""How promises were kept, counted from the clocks. Definitions: domain.md 4.5; in words in reporting/definitions.py.

A clock counts in the period in which it was due. One that was called off, or that still has time, counts nowhere.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import (
    Aggregate,
    BigIntegerField,
    BooleanField,
    Case,
    Count,
    DateField,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    When,
)
from django.db.models.functions import Coalesce, Least, TruncMonth, TruncWeek

from funnel.access import sight_of, visible_to
from funnel.intervals import wilson
from funnel.models import Lead, Rep, Team
from reporting.sla.asking import Asked
from routing.models import Assignment, Clock, ClockEvent, SlaPromise

WITHIN: Final = dt.timedelta(hours=48)  # of clock time: the other way to measure a first follow-up
FEW: Final = 30
Row = dict[str, Any]


class Median(Aggregate):
    """The middle of the values, interpolated; None without any."""

    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row. n: clocks that ran out or ended; kept of them; missed at some time; overdue now, of the missed.

    minutes: the median of the working time that those took which ended; within: first follow-ups within 48 clock hours.
    """

    key: str
    name: str
    n: int
    kept: int
    missed: int
    overdue: int
    minutes: float | None
    within: int | None = None

    @property
    def share(self) -> float | None:
        return self.kept / self.n if self.n else None

    @property
    def interval(self) -> tuple[float | None, float | None]:
        return wilson(self.kept, self.n)

    @property
    def few(self) -> bool:
        return 0 < self.n < FEW

    @property
    def took(self) -> str:
        """The median in words: 3 h 20 m of working time."""
        if self.minutes is None:
            return ""
        hours, minutes = divmod(round(self.minutes), 60)
        return f"{hours:,} h {minutes:02} m" if hours else f"{minutes} m"


def clocks_of(asked: Asked, user: Any, *, now: dt.datetime) -> QuerySet[Clock]:
    """The clocks that count, with `missed` and `overdue`, as far as the user sees their leads; None: everybody's."""
    start, end = asked.period.bounds(settings.REPORTING_ZONE)
    found = Clock.objects.filter(cancelled=False).exclude(stopped_at=None, due_at__gte=now)
    if start is not None:
        found = found.filter(due_at__gte=start)
    if end is not None:
        found = found.filter(due_at__lt=end)
    if asked.kind:
        found = found.filter(kind=asked.kind)
    if user is not None and not sight_of(user).everything:
        found = found.filter(lead__in=visible_to(Lead.objects.all(), user))
    told = ClockEvent.objects.filter(clock=OuterRef("pk"), kind=ClockEvent.Kind.BREACHED)
    late = Q(stopped_at__gt=F("due_at")) | Q(stopped_at=None, due_at__lt=now)
    overdue = Q(stopped_at=None, due_at__lt=now)
    return found.annotate(missed=_whether(late | Exists(told)), overdue=_whether(overdue))


def _whether(condition: Any) -> ExpressionWrapper:
    return ExpressionWrapper(condition, output_field=BooleanField())


def by_kind(asked: Asked, user: Any, *, now: dt.datetime) -> list[Figure]:
    """A row for each kind of clock that counts, in the order of the path. One query."""
    names = dict(SlaPromise.Kind.choices)
    rows = {row["kind"]: row for row in _counted(clocks_of(asked, user, now=now).values("kind"))}
    return [_figure(rows[kind], kind, str(names[kind])) for kind in names if kind in rows]


def by_group(asked: Asked, user: Any, *, now: dt.datetime) -> list[Figure]:
    """A row for each rep, team, week or month, the worst first; periods in order. Two queries.

    Times to act are of one kind of clock only: a median of minutes and of weeks would say nothing.
    """
    grouped = _grouped(clocks_of(asked, user, now=now), asked.by)
    rows = list(_counted(grouped.values("group")))
    names = _names(asked.by, [row["group"] for row in rows])
    if not asked.kind:
        rows = [row | {"minutes": None} for row in rows]
    figures = [_figure(row, _key(row["group"]), names[row["group"]]) for row in rows]
    if asked.by in ("week", "month"):
        return sorted(figures, key=lambda one: one.key, reverse=True)
    return sorted(figures, key=lambda one: (one.share if one.share is not None else 2, -one.n, one.name))


def behind(asked: Asked, user: Any, *, now: dt.datetime) -> QuerySet[Clock]:
    """The clocks behind a number, those due last first."""
    found: Any = clocks_of(asked, user, now=now)
    if asked.group:
        found = _grouped(found, asked.by)
        found = found.filter(group=None if asked.group == "none" else asked.group)
    parts = {"kept": Q(missed=False), "missed": Q(missed=True), "overdue": Q(overdue=True)}
    if asked.part in parts:
        found = found.filter(parts[asked.part])
    return found.select_related("lead__person", "lead__owner", "promise__sla_policy").order_by("-due_at", "-pk")


def group_name(asked: Asked) -> str:
    """The row that the leads are of, in words."""
    if asked.group in ("", "none"):
        return "nobody" if asked.group else ""
    if asked.by in ("rep", "team"):
        return _names(asked.by, [int(asked.group)]).get(int(asked.group), "somebody who is gone")
    return _names(asked.by, [dt.date.fromisoformat(asked.group)])[dt.date.fromisoformat(asked.group)]


def _counted(rows: Any) -> Any:
    ended = Q(stopped_at__isnull=False)
    return rows.annotate(
        n=Count("pk"),
        late=Count("pk", filter=Q(missed=True)),
        now_late=Count("pk", filter=Q(overdue=True)),
        minutes=Median("took", filter=ended),
        follow_ups=Count("pk", filter=Q(kind=SlaPromise.Kind.FOLLOW_UP)),
        soon=Count("pk", filter=ended & Q(kind=SlaPromise.Kind.FOLLOW_UP, stopped_at__lte=F("started_at") + WITHIN)),
    ).order_by()


def _figure(row: Row, key: str, name: str) -> Figure:
    return Figure(
        key=key,
        name=name,
        n=row["n"],
        kept=row["n"] - row["late"],
        missed=row["late"],
        overdue=row["now_late"],
        minutes=row["minutes"],
        within=row["soon"] if row["follow_ups"] == row["n"] else None,
    )


def _grouped(found: QuerySet[Clock], by: str) -> Any:
    """The clocks with `group`: who owned the lead when the clock ended or ran out, their team, or when it was due."""
    if by in ("week", "month"):
        cut = {"week": TruncWeek, "month": TruncMonth}[by]
        return found.annotate(group=cut("due_at", tzinfo=ZoneInfo(settings.REPORTING_ZONE), output_field=DateField()))
    at = Least(Coalesce(F("stopped_at"), F("due_at")), F("due_at"))
    ledger = Assignment.objects.filter(lead=OuterRef("lead"), occurred_at__lte=OuterRef("ended_or_due"))
    latest = ledger.order_by("-occurred_at", "-id").values("rep")
    # Whoever had it until then, rather than who got it by what ended the clock; unless nobody had it.
    owner = Coalesce(Subquery(latest.filter(occurred_at__lt=OuterRef("ended_or_due"))[:1]), Subquery(latest[:1]))
    loaded = F("lead__owner")  # with its owner, so that no assignment says who it was
    owned_by = Case(When(Exists(ledger), then=owner), default=loaded, output_field=BigIntegerField())
    found = found.annotate(ended_or_due=at).annotate(owned_by=owned_by)
    if by == "rep":
        return found.annotate(group=F("owned_by"))
    team = Rep.objects.filter(pk=OuterRef("owned_by")).values("team")[:1]
    return found.annotate(group=Subquery(team))


def _names(by: str, keys: Iterable[Any]) -> dict[Any, str]:
    if by == "week":
        return {key: f"week of {key.day} {key:%b %Y}" for key in keys}
    if by == "month":
        return {key: f"{key:%B %Y}" for key in keys}
    model: Any = {"rep": Rep, "team": Team}[by]
    known = dict(model._default_manager.filter(pk__in=[key for key in keys if key]).values_list("pk", "name"))
    return {key: known.get(key, "somebody who is gone") if key else "nobody" for key in keys} | known


def _key(group: Any) -> str:
    return "none" if group is None else str(group)
