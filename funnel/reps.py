"""Reps who leave or come back, and what is theirs beside leads: deals and accounts."""

from collections.abc import Mapping
from typing import Final

from django.db import connection

from funnel.models import Account, Opportunity, Rep

_GIVE: Final = """
UPDATE {table} t SET owner_id = n.owner_id
FROM unnest(%s::bigint[], %s::bigint[]) n (id, owner_id) WHERE t.id = n.id AND t.owner_id IS DISTINCT FROM n.owner_id
"""


def set_active(rep_id: int, active: bool) -> None:
    """Whether the rep may own anything new. What is theirs stays theirs."""
    Rep.objects.filter(pk=rep_id).update(active=active)


def give_deals(owners: Mapping[int, int]) -> None:
    """Give deals to reps, by the deal's id, in one statement. The caller holds their locks."""
    _give(Opportunity._meta.db_table, owners)


def give_accounts(owners: Mapping[int, int]) -> None:
    """Give accounts to reps, by the account's id, in one statement. The caller holds their locks."""
    _give(Account._meta.db_table, owners)


def _give(table: str, owners: Mapping[int, int]) -> None:
    if owners:
        with connection.cursor() as cursor:
            cursor.execute(_GIVE.format(table=table), [list(owners), list(owners.values())])
