"""What trying comes to, lead by lead: by when it began, how often, by which media, and for whom (R108, R109).

A lead counts from its MQL on, where one of us tried to reach the person since. It succeeds when it is an SQL within
RIPE days of the MQL. Younger leads have not had their time and are left out, whatever became of them so far; one that
is still worked after RIPE days is no SQL within them, and is told apart as open.

Attempts count until the outcome: the SQL, the lead's end, or RIPE days, whichever comes first. What follows belongs to
whoever sells, and would make success look like its own cause. Attempts that were taken back count nowhere. Who answers
early is tried less often, so that a smaller share after many attempts does not say that trying harms.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from funnel.models import Lead
from funnel.personas import PERSONA
from reporting.cadences.figures import WINDOW, Share
from routing.models import Medium

RIPE: Final = timedelta(days=30)
STARTS: Final = ("The same day", "One or two days later", "Later")
OFTEN: Final = ("One attempt", "Two or three", "Four to six", "Seven or more")
_BIT: Final[Mapping[str, int]] = {medium: 1 << place for place, medium in enumerate(Medium.values)}
_MEDIUM: Final = "CASE a.medium {} END".format(" ".join(f"WHEN '{name}' THEN {bit}" for name, bit in _BIT.items()))


def _worked(among: str = "") -> str:
    """SQL of a lead a row. start and often: places in STARTS and OFTEN; often is null, and media 0, where nobody tried
    before the outcome. persona: blank where it is not known. among: narrows the attempts `a`.
    """
    return f"""
SELECT x.lead_id, x.persona, x.media, x.attempts, x.ripe, x.won, x.is_open,
       CASE WHEN x.days <= 0 THEN 0 WHEN x.days <= 2 THEN 1 ELSE 2 END AS start,
       CASE WHEN x.attempts = 0 THEN NULL WHEN x.attempts = 1 THEN 0 WHEN x.attempts <= 3 THEN 1
            WHEN x.attempts <= 6 THEN 2 ELSE 3 END AS often
FROM (
    SELECT l.id AS lead_id, coalesce({PERSONA}, '') AS persona, t.media, t.attempts,
           (t.first AT TIME ZONE %(zone)s)::date - (l.mql_at AT TIME ZONE %(zone)s)::date AS days,
           l.mql_at <= %(now)s - %(ripe)s AS ripe,
           coalesce(l.sql_at <= l.mql_at + %(ripe)s, false) AS won,
           l.closed_at IS NULL AND coalesce(l.sql_at > l.mql_at + %(ripe)s, true) AS is_open
    FROM (
        SELECT a.lead_id, min(a.occurred_at) AS first,
               count(*) FILTER (WHERE a.occurred_at <= m.until) AS attempts,
               coalesce(bit_or({_MEDIUM}) FILTER (WHERE a.occurred_at <= m.until), 0) AS media
        FROM routing_attempt a
        JOIN (SELECT id, least(sql_at, closed_at, mql_at + %(ripe)s) AS until FROM funnel_lead
              WHERE mql_at BETWEEN %(since)s AND %(now)s AND exit NOT IN ('void', 'merged')) m ON m.id = a.lead_id
        WHERE a.taken_back_at IS NULL AND a.occurred_at BETWEEN %(since)s AND %(now)s {among}
        GROUP BY a.lead_id
    ) t
    JOIN funnel_lead l ON l.id = t.lead_id AND t.first >= l.mql_at
    JOIN funnel_person p ON p.id = l.person_id
) x
"""


_WORKED: Final = _worked()
_THESE: Final = f"SELECT w.lead_id, w.persona, w.media, w.attempts FROM ({_worked('AND a.lead_id = ANY(%(leads)s)')}) w"
_CELLS: Final = f"""
SELECT w.start, w.persona, w.media, w.often, w.ripe, count(*), count(*) FILTER (WHERE w.won),
       count(*) FILTER (WHERE w.is_open)
FROM ({_WORKED}) w GROUP BY 1, 2, 3, 4, 5
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Leads that were worked alike. often: None where nobody tried before the outcome. persona: "" where not known.

    n: those that have had their time; won and open of them; young: those that have not.
    """

    start: int
    persona: str
    media: int
    often: int | None
    n: int = 0
    won: int = 0
    open: int = 0
    young: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Leads that were tried before their outcome; None: whatever it is. part: which of them.

    persona: "" for those of whom it is not known.
    """

    persona: str | None = None
    media: int | None = None
    often: int | None = None
    part: str = "all"


PARTS: Final[Mapping[str, str]] = {
    "all": "w.ripe",
    "won": "w.ripe AND w.won",
    "open": "w.ripe AND w.is_open",
    "young": "NOT w.ripe",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How one lead was tried before its outcome."""

    persona: str
    media: int
    attempts: int


def cells(*, now: datetime) -> list[Cell]:
    """Every lead that was tried within the window, in exactly one cell. One query, a pass over the attempts."""
    return [
        Cell(start=start, persona=persona, media=media, often=often, n=count, won=won, open=still)
        if ripe
        else Cell(start=start, persona=persona, media=media, often=often, young=count)
        for start, persona, media, often, ripe, count, won, still in _rows(_CELLS, _given(now))
    ]


def by_start(found: Iterable[Cell]) -> list[Share]:
    """Leads that became an SQL, by when they were first tried."""
    return _shares(STARTS, found, lambda cell: cell.start)


def by_often(found: Iterable[Cell]) -> list[Share]:
    """Leads that became an SQL, by how often they were tried before."""
    return _shares(OFTEN, found, lambda cell: cell.often)


def behind(group: Group, *, now: datetime) -> QuerySet[Lead]:
    """The leads of a group, the latest MQL first."""
    given = _given(now) | {"persona": group.persona, "media": group.media, "often": group.often}
    narrowed = [f"w.{name} = %({name})s" for name in ("persona", "media", "often") if given[name] is not None]
    where = " AND ".join(["w.often IS NOT NULL", PARTS[group.part], *narrowed])
    leads = _positional(f"SELECT w.lead_id FROM ({_WORKED}) w WHERE {where}", given)
    return Lead.objects.filter(pk__in=leads).order_by("-mql_at", "-pk")


def tried(lead_ids: Sequence[int], *, now: datetime) -> dict[int, Tried]:
    """How each of these leads was tried. One query."""
    rows = _rows(_THESE, _given(now) | {"leads": list(lead_ids)})
    return {
        lead_id: Tried(persona=persona, media=media, attempts=attempts) for lead_id, persona, media, attempts in rows
    }


def media_of(mask: int) -> list[str]:
    """The media of a cell, in order."""
    return [medium for medium, bit in _BIT.items() if mask & bit]


def mask_of(media: Iterable[str]) -> int:
    """The same, back. Raises KeyError for what is no medium."""
    return sum(_BIT[medium] for medium in set(media))


# --- Their parts ----------------------------------------------------------------------------------


def _shares(names: Sequence[str], found: Iterable[Cell], place: Callable[[Cell], int | None]) -> list[Share]:
    won, counted = Counter[int | None](), Counter[int | None]()
    for cell in found:
        won[place(cell)] += cell.won
        counted[place(cell)] += cell.n
    return [Share(name, won[number], counted[number]) for number, name in enumerate(names)]


def _given(now: datetime) -> dict[str, Any]:
    return {"now": now, "since": now - WINDOW, "ripe": RIPE, "zone": settings.REPORTING_ZONE}


def _rows(sql: str, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return cursor.fetchall()


_NAMED: Final = re.compile(r"%\((\w+)\)s")


def _positional(sql: str, given: Mapping[str, Any]) -> RawSQL:
    """The statement as a part of a queryset, whose parameters have no names."""
    return RawSQL(_NAMED.sub("%s", sql), [given[name] for name in _NAMED.findall(sql)])
