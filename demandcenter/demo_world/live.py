"""The demo going on: somebody does something every few seconds, and the product makes of it what it would of anybody.

Touches come in through the same door as every other system's; who decides on MQLs are the demo's reps, Mara apart: hers
wait for whoever is trying the demo out.
"""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.contrib.auth.models import User

from demandcenter.demo_world.reference import GONE
from demandcenter.demo_world.rhythm import Urn
from demandcenter.demo_world.stories import BUSY, MARA
from demandcenter.demo_world.visitors import Visitors
from funnel import inbox
from funnel.models import Lead, Reason, Stage, StageEvent
from routing.acts.doing import Refused
from routing.decisions import services
from routing.sales import meetings

PATIENCE = 50  # rows in the inbox before somebody should know that nobody works it
SOON = timedelta(minutes=2)  # how old an MQL is before a rep of the demo looks at it


class Live:
    """The demo's people, one deed at a time. Every step says in a line what it did."""

    def __init__(self, dice: random.Random, *, now: Callable[[], datetime]) -> None:
        self.dice, self.now = dice, now
        visitors = self.visitors = Visitors(dice, now=now, key="live")
        self._seen = StageEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self._told_of_nobody = False
        self._steps: Urn[Callable[[], str]] = Urn(
            {
                visitors.somebody_known: 0.4,
                visitors.somebody_warm: 0.25,
                visitors.somebody_new: 0.12,
                visitors.demo_request: 0.04,
                self._decision: 0.15,
                self._meeting: 0.04,
            }
        )
        # Whoever watches should not have to wait for the dice.
        self._first = iter([visitors.somebody_warm, visitors.demo_request_here, visitors.somebody_warm, self._decision])

    def step(self) -> Iterator[str]:
        """Do one thing; yields what it was, and what the product made of the things before."""
        did = next(self._first, None) or self._steps.draw(self.dice)
        yield did() or self.visitors.somebody_known()
        yield from self._news()

    # --- what the reps do ---------------------------------------------------------------------------

    def _decision(self) -> str:
        """A rep accepts or rejects an MQL; whoever has too much does not."""
        waiting = Lead.objects.open().filter(stage=Stage.MQL, owner__active=True, owner__user__isnull=False)
        waiting = waiting.filter(stage_since__lt=self.now() - SOON).exclude(owner__name__in=[MARA, BUSY, GONE])
        lead = waiting.select_related("person", "owner__user").order_by("stage_since").first()
        if lead is None or lead.owner is None or lead.owner.user is None:
            return ""
        if self.dice.random() < 0.8:
            return self._act(lead, "accepted", lambda user: services.accept(lead.pk, user=user, now=self.now()))
        reason = Reason.objects.get(kind=Reason.For.REJECT, name="Wrong profile")
        return self._act(
            lead,
            "rejected",
            lambda user: services.reject(lead.pk, user=user, reason_id=reason.pk, text="", now=self.now()),
        )

    def _meeting(self) -> str:
        """A rep has met somebody, which makes an SQL."""
        accepted = Lead.objects.open().filter(stage=Stage.SAL, owner__user__isnull=False, meetings=None)
        lead = accepted.exclude(owner__name=MARA).select_related("person", "owner__user").order_by("?").first()
        return self._act(lead, "met", lambda user: self._meet(lead.pk, user)) if lead else ""

    def _meet(self, lead_id: int, user: User) -> None:
        now = self.now()
        meetings.book(lead_id, starts_at=now - timedelta(minutes=40), user=user, now=now)
        ahead = Lead.objects.get(pk=lead_id).meetings.get(outcome="")
        meetings.record_outcome(ahead.pk, outcome="held", user=user, now=now)

    def _act(self, lead: Lead, verb: str, deed: Callable[[User], object]) -> str:
        owner = lead.owner
        assert owner is not None and owner.user is not None, "asked for above"
        try:
            deed(owner.user)
        except Refused as refused:  # somebody who tries the demo out was faster
            return f"{owner} was too late for {lead.person}: {refused}"
        return f"{owner} {verb} {lead.person}"

    # --- what the product made of it ----------------------------------------------------------------

    def _news(self) -> Iterator[str]:
        """The MQLs that came about since the last step, and whose they are."""
        events = StageEvent.objects.filter(pk__gt=self._seen).order_by("pk")
        for event in events.select_related("lead__person", "lead__owner", "lead__pool"):
            self._seen = event.pk
            if event.to_stage == Stage.MQL:
                lead = event.lead
                whose = (
                    f"for {lead.owner}" if lead.owner else f"in the pool of {lead.pool}" if lead.pool else "nobody's"
                )
                yield f"  → {lead.person} is an MQL, {whose}"
        if not self._told_of_nobody and inbox.backlog().rows > PATIENCE:
            self._told_of_nobody = True
            yield "  Nobody works what comes in: start the product with `make run`."
