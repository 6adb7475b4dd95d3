"""What kind of rep somebody is, what they make of which leads, and what may help (requirements R119-R121).

By solution and by persona: of the MQLs that were dealt to the rep within half a year, how many they accepted and how
many became SQLs. Leads that are less than thirty days old are left out: they have not had their time. What was dealt
to the rep and to somebody else too is the rep's; the others are those who are in the same team today.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.urls import reverse
from django.utils.http import urlencode

from funnel.models import Rep
from funnel.personas import PERSONA, UNKNOWN
from routing.cadences.library import found, suits
from routing.floor.lagging import NEEDED, NEEDED_OF_OTHERS, Made, Segment, lagging
from routing.models import CallSheet, MessageTemplate, Served
from routing.seats.profiles import FRESH

WITHIN: Final = timedelta(days=180)
RIPE: Final = timedelta(days=30)
MOST: Final = 8
MOST_TEXTS: Final = 3
_TITLES: Final = {"solution": "Solution", "persona": "Persona"}
_UNKNOWN: Final = {"solution": "No solution", "persona": UNKNOWN}

_KINDS: Final = f"""
JOIN funnel_person p ON p.id = l.person_id
LEFT JOIN funnel_solution s ON s.id = l.solution_id
CROSS JOIN LATERAL (VALUES ('solution', s.name, s.id), ('persona', {PERSONA}, NULL)) x (kind, name, pk)
"""
_MADE: Final = f"""
SELECT x.kind, x.name, x.pk, dealt.mine, count(*),
       count(*) FILTER (WHERE l.sal_at IS NOT NULL OR l.sql_at IS NOT NULL),
       count(*) FILTER (WHERE l.sql_at IS NOT NULL)
FROM (
    SELECT lead_id, bool_or(rep_id = %(rep)s) AS mine FROM routing_assignment
    WHERE rep_id IN (SELECT id FROM funnel_rep WHERE id = %(rep)s OR team_id = %(team)s)
      AND kind IN ('assigned', 'claimed') AND occurred_at >= %(since)s AND occurred_at < %(until)s
      AND coalesce(explanation ->> 'stage', 'mql') = 'mql'
    GROUP BY lead_id
) dealt
JOIN funnel_lead l ON l.id = dealt.lead_id AND l.exit NOT IN ('void', 'merged')
{_KINDS}
GROUP BY 1, 2, 3, 4
"""
_OPEN: Final = f"""
SELECT x.kind, x.name, count(*) FROM funnel_lead l {_KINDS}
WHERE l.owner_id = %(rep)s AND l.closed_at IS NULL AND x.name IS NOT NULL GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Hint:
    """Where the rep lags, and what may help: texts of the library, how many open leads of theirs it is about, and the
    list of those.
    """

    segment: Segment
    texts: Sequence[MessageTemplate]
    open: int
    leads_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """serves: what the profile says, a line a kind; empty where the rep serves everything. shares: since when their
    call sheet is known, None where it is not or is too old to count. compared: whether there was enough of anything to
    be compared with the others of the team.
    """

    serves: Sequence[tuple[str, str]]
    shares: datetime | None
    tables: Sequence[tuple[str, Sequence[tuple[str, Made]]]]
    hints: Sequence[Hint]
    compared: bool
    needed: int = NEEDED
    needed_of_others: int = NEEDED_OF_OTHERS


def portrait_of(rep: Rep, *, now: datetime) -> Portrait:
    """Three queries; five where the rep lags somewhere."""
    sheet = CallSheet.objects.filter(rep=rep, read_at__gte=now - FRESH).first()
    segments = _segments(rep, now=now)
    known = [segment for segment in segments if segment.name]
    return Portrait(
        serves=_served(rep),
        shares=sheet.read_at if sheet else None,
        tables=_tables(segments),
        hints=_hints(rep, lagging(known)),
        compared=any(segment.enough for segment in known),
    )


def _segments(rep: Rep, *, now: datetime) -> list[Segment]:
    given = {"rep": rep.pk, "team": rep.team_id, "since": now - WITHIN, "until": now - RIPE}
    made: dict[tuple[str, str, int | None], dict[bool, Made]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_MADE, given)
        for kind, name, pk, mine, *counts in cursor.fetchall():
            made.setdefault((kind, name or "", pk), {})[mine] = Made(*counts)
    return [Segment(*key, rep=one.get(True, Made()), others=one.get(False, Made())) for key, one in made.items()]


def _tables(segments: Sequence[Segment]) -> list[tuple[str, list[tuple[str, Made]]]]:
    """What the rep had most of, by kind."""
    tables = []
    for kind, title in _TITLES.items():
        theirs = [(one.name or _UNKNOWN[kind], one.rep) for one in segments if one.kind == kind and one.rep.leads]
        if theirs:
            tables.append((title, sorted(theirs, key=lambda row: (-row[1].leads, row[0]))[:MOST]))
    return tables


def _hints(rep: Rep, behind: Sequence[Segment]) -> list[Hint]:
    if not behind:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"rep": rep.pk})
        still_open = {(kind, name): count for kind, name, count in cursor.fetchall()}
    texts = found()
    return [
        Hint(
            segment=segment,
            texts=[text for text in texts if suits(text, **{segment.kind: segment.name})][:MOST_TEXTS],
            open=still_open.get((segment.kind, segment.name), 0),
            leads_url=_leads_url(rep, segment),
        )
        for segment in behind
    ]


def _leads_url(rep: Rep, segment: Segment) -> str:
    by: int | str = segment.name if segment.pk is None else segment.pk
    asked: dict[str, int | str] = {"owner": rep.pk, segment.kind: by, "state": "open"}
    return f"{reverse('routing:leads')}?{urlencode(asked)}"


def _served(rep: Rep) -> list[tuple[str, str]]:
    found: dict[str, list[str]] = {"Regions": [], "Solutions": [], "Segments": [], "Languages": []}
    for one in Served.objects.filter(rep=rep).select_related("region", "solution").order_by("pk"):
        kind = "Regions" if one.region else "Solutions" if one.solution else "Segments" if one.segment else "Languages"
        found[kind].append(str(one))
    return [(kind, ", ".join(names)) for kind, names in found.items() if names]
