"""The deals that leads become: amounts, stages in the CRM's words, and their ends. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from demandcenter.demo_world.companies import Company
from demandcenter.demo_world.journeys import Reason, Step
from demandcenter.demo_world.rhythm import about, in_office
from funnel.models import DealState, Kind, Stage

STAGES = (("Discovery", 0.0), ("Evaluation", 0.22), ("Proposal", 0.5), ("Negotiation", 0.78))
ROLES = ("Decision maker", "Champion", "Evaluator", "User", "Approver")
_ENDS = {
    Kind.WON: (DealState.WON, "Closed won"),
    Kind.LOST: (DealState.LOST, "Closed lost"),
    Kind.NO_DECISION: (DealState.NO_DECISION, "Closed, no decision"),
}
_USUAL = 43_000  # euros
_BY_SOLUTION = {"Edge monitoring": 1.05, "Predictive maintenance": 1.15, "OT security": 0.9, "Energy insight": 0.75}


@dataclass(slots=True)
class Change:
    """How the deal stands from a moment on."""

    at: datetime
    stage: str
    amount: Decimal
    state: str = DealState.OPEN.value


@dataclass(slots=True)
class Deal:
    """A deal as far as it has come. contacts: person id and role, without the person of the lead itself."""

    changes: list[Change]
    expected_close_on: date
    reason: Reason | None = None
    contacts: Sequence[tuple[int, str]] = ()

    @property
    def closed_at(self) -> datetime | None:
        last = self.changes[-1]
        return last.at if last.state != DealState.OPEN else None


def negotiate(
    dice: random.Random, steps: Sequence[Step], company: Company | None, solution: str, *, until: datetime
) -> Deal | None:
    """The deal behind the steps of a lead, which may reach into the future; None where there is none by `until`."""
    opening = next((step for step in steps if step.stage == Stage.OPPORTUNITY), None)
    if opening is None or opening.at > until:
        return None
    end = next((step for step in steps if step.kind in _ENDS and step.at > opening.at), None)
    closes = end.at if end else opening.at + timedelta(days=about(dice, 70, 0.4))
    amount = _amount(dice, company, solution)
    changes: list[Change] = []
    for name, share in STAGES:
        at = opening.at
        if share:
            at = in_office(dice, opening.at + (closes - opening.at) * min(0.95, share * dice.uniform(0.8, 1.2)))
            if end and end.kind != Kind.WON and dice.random() < 0.35:
                break
            amount = _haggle(dice, amount)
        if changes[-1:] and at <= changes[-1].at or at >= closes:
            continue
        changes.append(Change(at, name, amount))
    deal = Deal(changes, (closes + timedelta(days=dice.randint(-12, 20))).date())
    if end and end.kind in _ENDS:
        state, name = _ENDS[Kind(end.kind)]
        changes.append(Change(end.at, name, amount, state.value))
    deal.changes = [change for change in changes if change.at <= until]
    if deal.closed_at and end:
        deal.reason = end.reason
        deal.expected_close_on = deal.closed_at.date()
    deal.contacts = _contacts(dice, company)
    return deal


def _amount(dice: random.Random, company: Company | None, solution: str) -> Decimal:
    size = min(1.9, max(0.6, (company.employees / 500) ** 0.16)) if company else 0.6
    return rounded(about(dice, _USUAL * size * _BY_SOLUTION[solution], 0.42))


def _haggle(dice: random.Random, amount: Decimal) -> Decimal:
    if dice.random() < 0.6:
        return amount
    return rounded(float(amount) * dice.uniform(0.8, 1.22))


def rounded(amount: float) -> Decimal:
    return Decimal(max(5_000, round(amount / 500) * 500))


def _contacts(dice: random.Random, company: Company | None) -> list[tuple[int, str]]:
    """Other people of the company who are known, as far as they take part."""
    if company is None:
        return []
    others = company.people[-8:]
    chosen = dice.sample(others, min(len(others), dice.choice((0, 1, 1, 2, 2, 3))))
    return list(zip(chosen, dice.sample(ROLES[1:], len(chosen)), strict=True))
