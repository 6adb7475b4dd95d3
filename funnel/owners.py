"""Whose lead it is: the only writer of owner and pool, which are a cache of the assignments that routing keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection

from funnel.models import Lead

# For whoever must write more in the very statement that takes a lead nobody owns; it returns nothing to the slower one.
TAKE_FREE: Final = """
UPDATE funnel_lead SET owner_id = %(owner)s, pool_id = NULL
WHERE id = %(lead)s AND owner_id IS NULL AND pool_id IS NOT DISTINCT FROM %(pool)s AND closed_at IS NULL
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who is to work a lead: a rep, or the team in whose pool it waits, or nobody."""

    lead_id: int
    owner_id: int | None = None
    pool_id: int | None = None


def set_developer(lead_id: int, rep_id: int) -> None:
    """Who made the lead an SQL and handed it on: they go on seeing it. The caller holds its lock."""
    Lead.objects.filter(pk=lead_id).update(developed_by=rep_id)


def set_owners(ownerships: Sequence[Ownership]) -> None:
    """Set owner and pool of each lead, in one statement. The caller holds the locks of the leads."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE funnel_lead l SET owner_id = n.owner_id, pool_id = n.pool_id
            FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) n (lead_id, owner_id, pool_id)
            WHERE l.id = n.lead_id
              AND (l.owner_id, l.pool_id) IS DISTINCT FROM (n.owner_id, n.pool_id)
            """,
            [
                [ownership.lead_id for ownership in ownerships],
                [ownership.owner_id for ownership in ownerships],
                [ownership.pool_id for ownership in ownerships],
            ],
        )
