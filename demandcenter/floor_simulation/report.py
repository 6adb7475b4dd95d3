"""What became of every MQL of a span of time, and whether the sums agree: counted from the facts alone."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection

from funnel.models import Stage
from routing.models import Seat

UNEXPLAINED: Final = "unexplained"

# Leads that were MQLs at some time of the span: open as such when it began, or become one meanwhile.
_LEADS: Final = """
WITH entered AS (
    SELECT e.lead_id, count(*) AS times FROM funnel_stageevent e
    WHERE e.to_stage = 'mql' AND e.kind IN ('advance', 'regress', 'reopen')
      AND e.occurred_at >= %(start)s AND e.occurred_at < %(end)s
      AND NOT EXISTS (SELECT FROM funnel_stageevent v WHERE v.supersedes_id = e.id)
    GROUP BY e.lead_id
)
SELECT l.id, l.stage, l.exit, l.closed_at IS NOT NULL, l.owner_id IS NOT NULL, l.pool_id IS NOT NULL,
       coalesce(last.kind, ''), coalesce(last.explanation ->> 'reason', ''), running.due_at < %(end)s,
       l.id = ANY(%(open)s), coalesce(entered.times, 0)
FROM funnel_lead l
LEFT JOIN entered ON entered.lead_id = l.id
LEFT JOIN LATERAL (
    SELECT kind, explanation FROM routing_assignment WHERE lead_id = l.id ORDER BY id DESC LIMIT 1
) last ON true
LEFT JOIN routing_clock running ON running.lead_id = l.id AND running.kind = 'accept' AND running.stopped_at IS NULL
WHERE entered.lead_id IS NOT NULL OR l.id = ANY(%(open)s)
ORDER BY l.id
"""
_PROMISES: Final = """
SELECT kind,
       count(*) FILTER (WHERE stopped_at <= due_at AND NOT cancelled),
       count(*) FILTER (WHERE stopped_at > due_at AND NOT cancelled),
       count(*) FILTER (WHERE stopped_at IS NULL AND due_at < %(end)s),
       count(*) FILTER (WHERE stopped_at IS NULL AND due_at >= %(end)s),
       count(*) FILTER (WHERE cancelled)
FROM routing_clock WHERE started_at >= %(start)s AND started_at < %(end)s GROUP BY kind ORDER BY kind
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Clocks of a kind that started in the span, by what they came to."""

    kind: str
    kept: int
    broken: int
    overdue: int
    running: int
    cancelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """opening: MQLs that were open when the span began; entered: entries into MQL meanwhile; again: those of them of a
    lead that was counted before. became: how many leads by what became of them.

    gaps: by team, by how many leads somebody is ahead of their share.
    """

    opening: int
    entered: int
    again: int
    became: Counter[str]
    promises: list[Promise]
    gaps: dict[str, float]

    def problems(self) -> Iterator[str]:
        """What does not agree, a sentence each; nothing when all is well."""
        leads = self.became.total()
        if leads != self.opening + self.entered - self.again:
            yield f"{leads:,} leads were counted, but {self.opening:,} were open and {self.entered:,} came in."
        if self.became[UNEXPLAINED]:
            yield f"{self.became[UNEXPLAINED]:,} MQLs are with nobody, and no reason says why."
        for team, gap in self.gaps.items():
            if gap > 1 + 1e-9:
                yield f"In the team {team} somebody is {gap:.2f} leads ahead of their share."


def open_mqls() -> list[int]:
    """The leads that are MQLs now: what a report counts as open when its span began."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM funnel_lead WHERE stage = 'mql' AND closed_at IS NULL ORDER BY id")
        return [pk for (pk,) in cursor.fetchall()]


def report(*, start: datetime, end: datetime, opening: list[int]) -> Report:
    """Count what became of the MQLs of a span that has just ended. opening: `open_mqls()` as it began."""
    span: dict[str, Any] = {"start": start, "end": end, "open": opening}
    with connection.cursor() as cursor:
        cursor.execute(_LEADS, span)
        leads = cursor.fetchall()
        cursor.execute(_PROMISES, span)
        names = ("kind", "kept", "broken", "overdue", "running", "cancelled")
        promises = [Promise(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    return Report(
        opening=len(opening),
        entered=sum(row[-1] for row in leads),
        again=sum(row[-1] - (not row[-2]) for row in leads if row[-1]),
        became=Counter(_became(_Fate(*row[1:9])) for row in leads),
        promises=promises,
        gaps=gaps(),
    )


class _Fate(NamedTuple):
    """Where a lead stands. last, reason: its latest assignment; late: its running promise, None without one."""

    stage: str
    exit: str
    closed: bool
    owned: bool
    pooled: bool
    last: str
    reason: str
    late: bool | None


def _became(fate: _Fate) -> str:
    if fate.closed:
        return f"closed: {fate.exit}"
    if fate.stage != Stage.MQL:
        return f"went on: {fate.stage}"
    if fate.owned or fate.pooled:
        where = "with an owner" if fate.owned else "in a pool"
        how = "without a promise" if fate.late is None else "overdue" if fate.late else "in time"
        return f"{where}, {how}"
    return f"unrouted: {fate.reason}" if fate.last == "unrouted" and fate.reason else UNEXPLAINED


def gaps() -> dict[str, float]:
    """By team, the most leads that somebody who can receive is ahead of the share of another who can."""
    teams: dict[str, list[Any]] = {}
    seats = Seat.objects.filter(receiving=True, rep__active=True, rep__team__isnull=False)
    for seat in seats.select_related("rep__team").order_by("rep__team__name", "pk"):
        if seat.levelled_team_id == seat.rep.team_id and seat.levelled_weight == seat.weight:
            level = (seat.calibration + seat.assigned) / seat.weight
            teams.setdefault(str(seat.rep.team), []).append((level, seat.weight))
    return {
        team: max((level - least) * weight for level, weight in seats for least, _ in [min(seats)])
        for team, seats in teams.items()
    }
