"""How many people an experiment needs, and how long that takes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from django.db import connection

from funnel.intervals import Z_95
from reporting.experiments.effects import LEAST

Z_80: Final = 0.8416212335729143  # the standard normal's 80th percentile
SHARES: Final = (0.1, 0.2, 0.3, 0.5)
SEEN: Final = 0.10  # the difference that is to be seen
WEEKS: Final = 8  # looked back over for how many people come
YEAR: Final = timedelta(days=365)
BLIND: Final = 0.5  # the rate supposed where none is known: it needs most people

_BY_SCORE: Final = """
SELECT count(DISTINCT l.person_id) FILTER (WHERE e.occurred_at >= %(since)s),
       count(DISTINCT l.person_id) FILTER (WHERE e.occurred_at < %(ripe)s),
       count(DISTINCT l.person_id) FILTER (WHERE e.occurred_at < %(ripe)s AND l.sal_at IS NOT NULL)
FROM funnel_stageevent e JOIN funnel_lead l ON l.id = e.lead_id
WHERE e.to_stage = 'mql' AND e.kind = 'advance' AND starts_with(e.policy, 'scoring:')
  AND e.cause NOT LIKE '%%:fast_track' AND e.occurred_at >= %(year)s AND e.occurred_at <= %(now)s
"""


@dataclass(frozen=True, slots=True)
class Size:
    """What an experiment with this share needs: people in all, and weeks until they have come; None where none come."""

    share: float
    people: int
    weeks: int | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """a_week: people whom score makes an MQL; rate: of them accepted (k of n); supposed: there are too few to tell."""

    a_week: float
    rate: float
    k: int
    n: int
    supposed: bool
    sizes: list[Size]


def people_needed(rate: float, *, seen: float, share: float) -> int:
    """People in both arms together with which a difference of `seen` is found four times in five.

    rate: of the control; the changed arm's is taken as `seen` less. share: of people in the changed arm. Two-sided at
    95 %, 80 % power, normal approximation.
    """
    other = max(rate - seen, 0.0)
    variance = other * (1 - other) / share + rate * (1 - rate) / (1 - share)
    return ceil((Z_95 + Z_80) ** 2 * variance / seen**2)


def outlook(*, now: datetime) -> Outlook:
    """What the last weeks let expect, for shares to choose from. One query."""
    moments = {"now": now, "since": now - timedelta(weeks=WEEKS), "ripe": now - timedelta(days=30), "year": now - YEAR}
    with connection.cursor() as cursor:
        cursor.execute(_BY_SCORE, moments)
        lately, n, k = cursor.fetchone()
    rate, a_week = (k / n if n >= LEAST else BLIND), lately / WEEKS
    sizes = [(share, people_needed(rate, seen=SEEN, share=share)) for share in SHARES]
    told = [Size(share, people, ceil(people / a_week) if a_week else None) for share, people in sizes]
    return Outlook(a_week, rate, k, n, n < LEAST, told)
