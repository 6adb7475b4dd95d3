"""Deals by hand: an opportunity made from an SQL, won, lost or not decided, and reopened. The lead follows its deal.

`funnel.opportunities` writes the deal, `funnel.stages` the lead; here both happen in one transaction or not at all.
"""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from funnel import staging
from funnel.access import name_of
from funnel.models import DealState, Exit, Kind, Lead, Opportunity, OpportunityContact, OpportunityEvent, Reason, Stage
from funnel.notes import write_note
from funnel.opportunities import Change, Standing, change_deals, open_deals
from funnel.path import RANK
from funnel.stages import Move
from routing.acts.doing import (
    DEAL,
    Done,
    Invalid,
    NotAllowed,
    Refused,
    at_moment,
    cause_of,
    is_act,
    last_event,
    locked,
    move,
    reason_for,
    refuse_if_elsewhere,
    rep_of,
)
from routing.sales.handoff_answers import answered_by_deal

MOST: Final = Decimal(10) ** 12  # the column holds fourteen digits before the point; more is a slip of the keyboard
_FOLLOWS: dict[str, Kind] = {
    DealState.WON: Kind.WON,
    DealState.LOST: Kind.LOST,
    DealState.NO_DECISION: Kind.NO_DECISION,
}
_CLOSED_BY_DEAL: Final = (Exit.WON, Exit.LOST, Exit.NO_DECISION)


@transaction.atomic
def open_from_lead(
    lead_id: int,
    *,
    name: str = "",
    amount: Decimal | None = None,
    currency: str = "",
    expected_close_on: date | None = None,
    user: Any,
    now: datetime,
) -> Done:
    """Make an opportunity of an SQL: account, region, solution and motion are the lead's, its person is a contact.

    name: blank takes the account's. currency: three letters, by default the installation's. The account executive who
    makes it owns it, else the account's owner, else the lead's. Raises Invalid, Refused, NotAllowed.
    """
    lead = locked(lead_id)
    _require_hand(lead.owner_id, user, deed="make opportunities of leads")
    last = last_event(lead)
    if last is not None and is_act(last, "deal", user):
        made = OpportunityEvent.objects.get(opportunity__lead=lead, cause=last.cause)
        return _opened(lead, deal_id=made.opportunity_id, event_id=last.pk)
    refuse_if_elsewhere(lead, seen=Stage.SQL, last=last, deed="made an opportunity", now=now)
    if expected_close_on is not None and expected_close_on < timezone.localdate(now):
        raise Invalid("expected_close_on", "The planned close lies in the past.")
    standing = Standing(amount=_amount(amount), currency=_currency(currency))
    cause = cause_of("deal", user, last)
    (deal_id,) = staging.new_ids(Opportunity, 1)
    deal = {
        "id": deal_id,
        "name": (name.strip() or _name_for(lead))[:300],
        "account_id": lead.account_id,
        "lead_id": lead.pk,
        "owner_id": _owner_for(lead, user),
        "region_id": lead.region_id,
        "solution_id": lead.solution_id,
        "motion": lead.motion,
        "opened_at": now,
        "expected_close_on": expected_close_on,
    }
    change = Change(opportunity_id=deal_id, standing=standing, occurred_at=now, cause=cause, actor_id=user.pk)
    open_deals([deal], [change], now=now)
    OpportunityContact.objects.create(opportunity_id=deal_id, person_id=lead.person_id)
    answered_by_deal(lead, user=user, now=now)
    (event_id,) = move([_step(lead, Kind.ADVANCE, Stage.OPPORTUNITY, user=user, now=now, cause=cause)], now=now)
    return _opened(lead, deal_id=deal_id, event_id=event_id)


@transaction.atomic
def close(
    opportunity_id: int,
    *,
    state: str,
    amount: Decimal | None = None,
    reason_id: int | None = None,
    text: str = "",
    user: Any,
    now: datetime,
) -> Done:
    """Close a deal as won, lost or no_decision; its lead follows, unless another deal of the lead is still open.

    amount: by default what the deal is worth already; one of the two is needed. reason_id: needed unless won.
    text: a sentence, kept as a note about the lead; some reasons demand it. Raises Invalid, Refused, NotAllowed.
    """
    if state not in _FOLLOWS:
        raise Invalid("state", f"A deal closes as one of: {', '.join(_FOLLOWS)}.")
    deal, lead = _locked(opportunity_id)
    _require_hand(deal.owner_id, user, lead.owner_id if lead else None, deed="close deals")
    if deal.state != DealState.OPEN:
        latest = _latest(deal)
        if deal.state == state and latest is not None and latest.actor_id == user.pk:
            return _closed(deal, lead)
        raise Refused(_closed_already(deal, latest, now=now))
    reason = _reason(state, reason_id, text=text)
    worth = _amount(amount) if amount is not None else deal.amount
    if worth is None:
        raise Invalid("amount", "Say what the deal is worth, or was.")
    standing = replace(
        _standing(deal), state=state, amount=worth, closed_at=now, reason_id=reason.pk if reason else None
    )
    _change(deal, standing, act="close", user=user, now=now)
    if lead is not None:
        _lead_follows(lead, deal, state, reason, user=user, now=now)
        if text.strip():
            write_note(lead=lead, author=user, text=text)
    return _closed(deal, lead)


@transaction.atomic
def reopen(opportunity_id: int, *, user: Any, now: datetime) -> Done:
    """Open a closed deal again; a lead that closed with it is back at Opportunity. Raises Refused, NotAllowed."""
    deal, lead = _locked(opportunity_id)
    _require_hand(deal.owner_id, user, lead.owner_id if lead else None, deed="reopen deals")
    if deal.state == DealState.OPEN:
        latest = _latest(deal)
        if latest is not None and latest.actor_id == user.pk and ":reopen-deal:" in latest.cause:
            return _reopened(deal)
        raise Refused("This deal is open already.")
    standing = replace(_standing(deal), state=DealState.OPEN.value, closed_at=None, reason_id=None)
    _change(deal, standing, act="reopen-deal", user=user, now=now)
    if lead is not None and lead.exit in _CLOSED_BY_DEAL:
        cause = cause_of("reopen-deal", user, last_event(lead))
        move([_step(lead, Kind.REOPEN, Stage.OPPORTUNITY, user=user, now=now, cause=cause)], now=now)
    return _reopened(deal)


# --- Who, and under which lock --------------------------------------------------------------------


def _require_hand(owner_id: int | None, user: Any, *also: int | None, deed: str) -> None:
    """Whoever works deals may, and the owner."""
    if user.has_perm(DEAL):
        return
    rep = rep_of(user)
    if rep is None or rep.pk not in (owner_id, *also):
        raise NotAllowed(f"Only the owner, an account executive or a manager can {deed}.")


def _locked(opportunity_id: int) -> tuple[Opportunity, Lead | None]:
    """The deal and its lead, both held: the lead first, like everywhere."""
    found = Opportunity.objects.filter(pk=opportunity_id).values_list("lead_id", flat=True)
    if not found:
        raise Refused("There is no such deal.")
    lead = locked(found[0]) if found[0] else None
    return Opportunity.objects.select_for_update(no_key=True).get(pk=opportunity_id), lead


def _owner_for(lead: Lead, user: Any) -> int | None:
    """Who is to work the deal: the account executive who makes it, else the account's owner, else the lead's."""
    rep = rep_of(user)
    if rep is not None and user.has_perm(DEAL):
        return rep.pk
    seller = lead.account.owner if lead.account else None
    return seller.pk if seller is not None and seller.active else lead.owner_id


# --- What was given -------------------------------------------------------------------------------


def _amount(amount: Decimal | None) -> Decimal | None:
    if amount is None:
        return None
    if not amount.is_finite() or not 0 <= amount < MOST:
        raise Invalid("amount", "An amount is a number from 0 to below a trillion.")
    return amount.quantize(Decimal("0.01"))


def _currency(currency: str) -> str:
    code = currency.strip().upper() or settings.CURRENCY
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise Invalid("currency", f"“{currency:.20}” is no currency; write three letters, such as EUR.")
    return code


def _reason(state: str, reason_id: int | None, *, text: str) -> Reason | None:
    if state == DealState.WON and reason_id is None:
        return None
    return reason_for(reason_id, kinds=(state,), stage=Stage.OPPORTUNITY, text=text)


def _name_for(lead: Lead) -> str:
    buyer = lead.account.name if lead.account else lead.person.company or lead.person.name
    return f"{buyer}: {lead.solution}" if lead.solution else buyer


# --- The deal and its lead ------------------------------------------------------------------------


def _standing(deal: Opportunity) -> Standing:
    return Standing(
        deal_stage=deal.deal_stage,
        state=deal.state,
        amount=deal.amount,
        currency=deal.currency,
        closed_at=deal.closed_at,
        reason_id=deal.reason_id,
    )


def _latest(deal: Opportunity) -> OpportunityEvent | None:
    return deal.events.select_related("actor").order_by("-id").first()


def _change(deal: Opportunity, standing: Standing, *, act: str, user: Any, now: datetime) -> None:
    latest = _latest(deal)
    cause = f"user:{user.pk}:{act}:{latest.pk if latest else 0}"
    change = Change(opportunity_id=deal.pk, standing=standing, occurred_at=now, cause=cause, actor_id=user.pk)
    change_deals([change], now=now)
    deal.refresh_from_db()


def _lead_follows(
    lead: Lead, deal: Opportunity, state: str, reason: Reason | None, *, user: Any, now: datetime
) -> None:
    """The lead leaves as its deal did. One that a source left behind passes through Opportunity: it had a deal."""
    if lead.closed_at is not None:
        return
    if state != DealState.WON and lead.opportunities.filter(state=DealState.OPEN).exclude(pk=deal.pk).exists():
        return
    cause = cause_of("close", user, last_event(lead))
    steps = []
    if RANK[lead.stage] < RANK[Stage.OPPORTUNITY]:
        steps.append(
            _step(lead, Kind.PASSTHROUGH, Stage.OPPORTUNITY, user=user, now=now, cause=f"{cause}:{Stage.OPPORTUNITY}")
        )
    to_stage = Stage.WON.value if state == DealState.WON else ""
    last = _step(lead, _FOLLOWS[state], to_stage, user=user, now=now, cause=cause)
    steps.append(replace(last, expected=Stage.OPPORTUNITY.value, reason_id=reason.pk if reason else None))
    move(steps, now=now)


def _step(lead: Lead, kind: Kind, to_stage: str, *, user: Any, now: datetime, cause: str) -> Move:
    return Move(
        lead_id=lead.pk,
        kind=kind.value,
        to_stage=str(to_stage),
        expected="" if kind == Kind.REOPEN else lead.stage,
        occurred_at=now,
        cause=cause,
        actor_id=user.pk,
    )


# --- Answers --------------------------------------------------------------------------------------


def _opened(lead: Lead, *, deal_id: int, event_id: int) -> Done:
    said = f"{lead.person} is an opportunity."
    return Done(lead_id=lead.pk, event_id=event_id, opportunity_id=deal_id, sentence=said)


def _closed(deal: Opportunity, lead: Lead | None) -> Done:
    said = f"{deal} is {DealState(deal.state).label.lower()}"
    said += f": {deal.amount:,.0f} {deal.currency}." if deal.amount is not None else "."
    return Done(lead_id=lead.pk if lead else None, opportunity_id=deal.pk, sentence=said)


def _closed_already(deal: Opportunity, latest: OpportunityEvent | None, *, now: datetime) -> str:
    label = DealState(deal.state).label.lower()
    if latest is not None and latest.actor is not None:
        return f"{name_of(latest.actor)} closed this deal as {label} {at_moment(latest.recorded_at, now=now)}."
    return f"This deal is closed already ({label}); reopen it first."


def _reopened(deal: Opportunity) -> Done:
    return Done(lead_id=deal.lead_id, opportunity_id=deal.pk, sentence=f"{deal} is open again.")
