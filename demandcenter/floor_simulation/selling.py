"""Half an hour of an account executive: offers answered, the oldest first, and deals made of SQLs."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from demandcenter.floor_simulation.staff import Hand, Tried
from funnel.models import Lead, Reason, Stage
from routing.sales import deals
from routing.sales import handoff_answers as answers
from routing.sales.handoff_page import waiting_for

STEP: Final = timedelta(minutes=30)
MOST_AT_ONCE: Final = 3
TAKES: Final = 0.75  # of offers; the others are returned for a reason
DEALS: Final = 0.15  # chance of a deal in each half hour that somebody works


class Selling:
    """What account executives do. tried: notes who was told that somebody was faster."""

    def __init__(self, tried: Tried) -> None:
        self._try = tried
        self._reasons = list(
            Reason.objects.filter(kind=Reason.For.REGRESS, active=True, stage=Stage.SQL).order_by("pk")
        )

    def work(self, hand: Hand, now: datetime) -> None:
        """What half an hour comes to."""
        for offered in list(waiting_for(hand.rep.pk)[: hand.comes_to(STEP, most=MOST_AT_ONCE)]):
            self._answer(hand, offered.lead_id, now)
        if hand.dice.random() < DEALS:
            self._make_deal(hand, now)

    def _answer(self, hand: Hand, lead_id: int, now: datetime) -> None:
        if hand.dice.random() < TAKES:
            self._try("take over", lambda: answers.take_over(lead_id, user=hand.user, now=now))
            return
        reason = hand.dice.choice(self._reasons)
        text = "As we spoke." if reason.needs_text else ""
        self._try(
            "return",
            lambda: answers.give_it_back(lead_id, reason_id=reason.pk, text=text, user=hand.user, now=now),
        )

    def _make_deal(self, hand: Hand, now: datetime) -> None:
        own = Lead.objects.open().filter(stage=Stage.SQL, owner=hand.rep)
        taken = own.filter(hand_offs__accepted_at__isnull=False, hand_offs__returned_at=None)
        lead = taken.order_by("stage_since", "pk").first()
        if lead is not None:
            amount = Decimal(hand.dice.randrange(20, 300) * 500)
            self._try("deal", lambda: deals.open_from_lead(lead.pk, amount=amount, user=hand.user, now=now))
