"""Deals: the only writer of a deal's stage, state, amount and close, which appends an event for every change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from funnel import staging
from funnel.models import DealState, Opportunity, OpportunityEvent

_CLOCKS_DIFFER = timedelta(minutes=5)
STANDING = ("deal_stage", "state", "amount", "currency", "closed_at", "reason_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a deal stands: its stage by the CRM's name, its state, what it is worth, and its close."""

    deal_stage: str = ""
    state: str = DealState.OPEN.value
    amount: Decimal | None = None
    currency: str
    closed_at: datetime | None = None
    reason_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A deal stands like this from a moment on. cause: what made it so; one cause makes one event of a deal."""

    opportunity_id: int
    standing: Standing
    occurred_at: datetime
    cause: str
    actor_id: int | None = None


def contradiction(standing: Standing, *, now: datetime) -> tuple[str, str]:
    """What cannot be about this standing, as (field, sentence); two blanks when all is well."""
    if standing.state == DealState.OPEN and standing.closed_at:
        return "closed_at", "An open deal has no “closed_at”; a planned date belongs to “expected_close_on”."
    if standing.state != DealState.OPEN and not standing.closed_at:
        return "closed_at", f"A deal that is {_label(standing)} needs “closed_at”, the day it closed."
    if standing.closed_at and standing.closed_at > now + _CLOCKS_DIFFER:
        return "closed_at", f"A deal that is {_label(standing)} cannot have closed in the future."
    return "", ""


def _label(standing: Standing) -> str:
    return DealState(standing.state).label.lower()


@transaction.atomic
def open_deals(deals: Sequence[Mapping[str, Any]], changes: Sequence[Change], *, now: datetime) -> None:
    """Insert new deals, given as columns with the `id` they take, and the events that have made them what they are.

    changes: at least one a deal; the last of each says where it stands.
    """
    standing = {change.opportunity_id: change.standing for change in changes}
    staging.insert(Opportunity, [{**deal, **_columns(standing[deal["id"]])} for deal in deals])
    _append(changes, now=now)


@transaction.atomic
def change_deals(changes: Sequence[Change], *, now: datetime) -> list[bool]:
    """Let deals stand otherwise: lock them, write those that do, append their events. One change a deal.

    Returns whether each deal changed; one that stood like this already, or whose cause was written before, did not.
    """
    ids = [change.opportunity_id for change in changes]
    before = staging.read(Opportunity, ids, STANDING, lock=True)
    known = _known_causes(changes)
    differing = [
        before[change.opportunity_id] != _columns(change.standing)
        and (change.opportunity_id, change.cause) not in known
        for change in changes
    ]
    news = [change for change, differs in zip(changes, differing, strict=True) if differs]
    staging.update(Opportunity, {change.opportunity_id: _columns(change.standing) for change in news})
    _append(news, now=now)
    return differing


def _columns(standing: Standing) -> dict[str, Any]:
    return {column: getattr(standing, column) for column in STANDING}


def _known_causes(changes: Sequence[Change]) -> set[tuple[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT opportunity_id, cause FROM funnel_opportunityevent "
            "WHERE opportunity_id = ANY(%s) AND cause = ANY(%s)",
            [[change.opportunity_id for change in changes], [change.cause for change in changes]],
        )
        return set(cursor.fetchall())


def _append(changes: Sequence[Change], *, now: datetime) -> None:
    """Append the events. By their order (id) the last one of a deal is where it stands."""
    staging.insert(
        OpportunityEvent,
        [
            {
                "opportunity_id": change.opportunity_id,
                "deal_stage": change.standing.deal_stage,
                "state": change.standing.state,
                "amount": change.standing.amount,
                "currency": change.standing.currency,
                "occurred_at": change.occurred_at,
                "recorded_at": now,
                "actor_id": change.actor_id,
                "cause": change.cause,
            }
            for change in changes
        ],
    )
