"""What leads bring to the choice of a rep, read for a whole batch: a constant number of statements."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from routing.factors import LATER, LeadFacts, folded, language_of
from scoring.qualifying import FAST_TRACK

_LEADS: Final = """
SELECT l.id, a.owner_id, coalesce(l.region_id, a.region_id), l.solution_id,
       coalesce(nullif(l.segment, ''), a.segment, ''), p.language
FROM funnel_lead l
JOIN funnel_person p ON p.id = l.person_id
LEFT JOIN funnel_account a ON a.id = coalesce(l.account_id, p.account_id)
WHERE l.id = ANY(%s)
"""
_HOT: Final = """
SELECT n.id FROM unnest(%s::bigint[]) n (id)
JOIN LATERAL (
    SELECT cause FROM funnel_stageevent WHERE lead_id = n.id AND to_stage = 'mql' ORDER BY id DESC LIMIT 1
) e ON e.cause LIKE 'mql:%%:' || %s
"""
_REFUSED: Final = """
SELECT w.lead_id, w.rep_id FROM routing_wrongroute w
LEFT JOIN routing_wrongroutetakenback b ON b.wrong_route_id = w.id
WHERE w.lead_id = ANY(%s) AND w.rep_id IS NOT NULL AND b.id IS NULL
"""
# What stands in calendars and call sheets, and what was booked here.
_MEETINGS: Final = """
SELECT l.id, m.rep_id, min(m.starts_at)
FROM funnel_lead l
JOIN funnel_person p ON p.id = l.person_id
JOIN LATERAL (
    SELECT rep_id, starts_at FROM routing_plannedmeeting
    WHERE account_id = coalesce(l.account_id, p.account_id) AND starts_at >= %(now)s AND starts_at < %(end)s
    UNION ALL
    SELECT b.rep_id, b.starts_at FROM funnel_lead o JOIN routing_meeting b ON b.lead_id = o.id
    WHERE o.account_id = coalesce(l.account_id, p.account_id) AND b.outcome = '' AND b.rep_id IS NOT NULL
      AND b.starts_at >= %(now)s AND b.starts_at < %(end)s
) m ON true
WHERE l.id = ANY(%(leads)s)
GROUP BY l.id, m.rep_id
"""
_CONTACTS: Final = """
SELECT l.id, o.owner_id, count(DISTINCT o.person_id) FILTER (WHERE o.solution_id = l.solution_id),
       count(DISTINCT o.person_id)
FROM funnel_lead l
JOIN funnel_person p ON p.id = l.person_id
JOIN funnel_lead o ON o.account_id = coalesce(l.account_id, p.account_id) AND o.person_id <> l.person_id
WHERE l.id = ANY(%s) AND o.owner_id IS NOT NULL
GROUP BY l.id, o.owner_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The facts by lead; hot: those that a raised hand brought; refused: by lead who said that it is not theirs."""

    facts: Mapping[int, LeadFacts]
    hot: Collection[int]
    refused: Mapping[int, frozenset[int]]


def read(lead_ids: Collection[int], *, scored: bool, now: datetime) -> Read:
    """scored: with what only the distribution score asks for."""
    ids = list(lead_ids)
    above = _regions_above()
    with connection.cursor() as cursor:
        cursor.execute(_LEADS, [ids])
        facts = {row[0]: _facts(row, above) for row in cursor.fetchall()}
        cursor.execute(_HOT, [ids, FAST_TRACK])
        hot = {row[0] for row in cursor.fetchall()}
        cursor.execute(_REFUSED, [ids])
        refused = defaultdict(set)
        for lead_id, rep_id in cursor.fetchall():
            refused[lead_id].add(rep_id)
    if scored:
        facts = _with_company(facts, ids, now=now)
    return Read(facts=facts, hot=hot, refused={lead_id: frozenset(reps) for lead_id, reps in refused.items()})


def _facts(row: tuple[Any, ...], above: Mapping[int, frozenset[int]]) -> LeadFacts:
    _lead_id, owner_id, region_id, solution_id, segment, language = row
    return LeadFacts(
        owner_id=owner_id,
        regions=above.get(region_id, frozenset()),
        solution_id=solution_id,
        segment=folded(segment),
        language=language_of(language),
    )


def _regions_above() -> dict[int, frozenset[int]]:
    """Each region with those above it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, parent_id FROM funnel_region")
        parents = dict(cursor.fetchall())
    found = {}
    for region_id in parents:
        line, at = set(), region_id
        while at is not None and at not in line:
            line.add(at)
            at = parents.get(at)
        found[region_id] = frozenset(line)
    return found


def _with_company(facts: dict[int, LeadFacts], ids: list[int], *, now: datetime) -> dict[int, LeadFacts]:
    """The facts with whom each rep meets and knows at the lead's account."""
    meetings: dict[int, dict[int, float]] = defaultdict(dict)
    same: dict[int, dict[int, int]] = defaultdict(dict)
    known: dict[int, dict[int, int]] = defaultdict(dict)
    with connection.cursor() as cursor:
        # A day more than counts, so that a meeting in just so many days is in.
        cursor.execute(_MEETINGS, {"leads": ids, "now": now, "end": now + timedelta(days=LATER + 1)})
        for lead_id, rep_id, starts_at in cursor.fetchall():
            meetings[lead_id][rep_id] = (starts_at - now) / timedelta(days=1)
        cursor.execute(_CONTACTS, [ids])
        for lead_id, rep_id, of_solution, people in cursor.fetchall():
            same[lead_id][rep_id], known[lead_id][rep_id] = of_solution, people
    return {
        lead_id: replace(
            one,
            meetings=meetings.get(lead_id, {}),
            same_solution=same.get(lead_id, {}),
            known=known.get(lead_id, {}),
        )
        for lead_id, one in facts.items()
    }
