"""The days of a floor, half an hour at a time: who comes in, what falls due, and what each rep at work does with it."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.utils import timezone

from demandcenter import pipeline
from demandcenter.demo_world.rhythm import Urn, waking
from demandcenter.demo_world.visitors import Visitors
from demandcenter.floor_simulation.staff import Hand, hire
from funnel.models import Lead, Reason, Stage
from routing.decisions import services
from routing.decisions.acts import Refused
from routing.hours.calendars import add_minutes
from routing.models import Meeting
from routing.queue import waiting as queue
from routing.sales import meetings

FEWEST_REPS: Final = 12  # the demo's own
STEP: Final = timedelta(minutes=30)
A_DAY: Final = timedelta(days=1)
WEEKEND: Final = 0.3  # of what comes in on other days
MOST_AT_ONCE: Final = 5  # decisions in half an hour
BOOKS: Final = 0.12  # chance of a meeting for somebody accepted, each half hour that its rep works
Tell = Callable[[str], object]


class Floor:
    """A number of days on the demo's floor. The database holds the demo as it was at `start`, and nothing later."""

    def __init__(self, *, start: datetime, days: int, reps: int, touches: int, seed: int) -> None:
        """touches: how many come in on a working day. Raises ValueError for fewer reps than the demo has."""
        dice = random.Random(f"floor {seed}")
        self.start, self.days, self.touches = start, days, touches
        self.hands = hire(reps, dice, start=start, days=days)
        self.refused: Counter[str] = Counter()  # by act: who was slower, or out of turn
        self._dice, self._now = dice, start
        self._visitors = Visitors(random.Random(f"visitors {seed}"), now=lambda: self._now, key="floor")
        visitors = self._visitors
        self._deeds: Urn[Callable[[], str]] = Urn(
            {
                visitors.somebody_known: 0.5,
                visitors.somebody_warm: 0.3,
                visitors.somebody_new: 0.12,
                visitors.demo_request: 0.08,
            }
        )
        self._reasons = {
            kind: list(Reason.objects.filter(kind=kind, active=True, stage__in=["", Stage.MQL]).order_by("pk"))
            for kind in (Reason.For.REJECT, Reason.For.RECYCLE)
        }

    @property
    def end(self) -> datetime:
        return self.start + A_DAY * self.days

    def play(self, *, tell: Tell = lambda line: None) -> None:
        """Play all days through; tells a line a day."""
        for number in range(self.days):
            day = self.start + A_DAY * number
            arrivals = self._arrivals(day)
            while (now := self._now) < day + A_DAY:
                until = now + STEP
                while arrivals and arrivals[-1] < until:
                    self._now = arrivals.pop()
                    self._deeds.draw(self._dice)() or self._visitors.somebody_known()
                self._now = until
                pipeline.sweep(now=until)
                for hand in self.hands:
                    if hand.works(now, until):
                        self._work(hand, until)
            tell(f"{day:%A, %d %B}: {self._standing()}")
        pipeline.sweep(now=self.end)

    def _arrivals(self, day: datetime) -> list[datetime]:
        """When touches come in on a day (in UTC), the first one last."""
        count = round(self.touches * (WEEKEND if day.weekday() >= 5 else 1))
        moments = (waking(self._dice, day.date()).replace(tzinfo=day.tzinfo) for _ in range(count))
        return sorted((moment for moment in moments if day <= moment < day + A_DAY), reverse=True)

    def _standing(self) -> str:
        open_ = Lead.objects.open().filter(stage=Stage.MQL)
        return f"{open_.count():,} MQLs wait, {open_.filter(owner=None).count():,} of them with nobody"

    # --- a rep at work ------------------------------------------------------------------------------

    def _work(self, hand: Hand, now: datetime) -> None:
        """What half an hour comes to: meetings that were, decisions in the order of the queue, a meeting booked."""
        self._say_how_meetings_went(hand, now)
        hand.due = min(hand.due + hand.pace * (STEP / timedelta(hours=1)), MOST_AT_ONCE)
        wanted = int(hand.due)
        if wanted:
            hand.due -= wanted
            self._decide_some(hand, wanted, now)
        if hand.dice.random() < BOOKS:
            self._book(hand, now)

    def _decide_some(self, hand: Hand, wanted: int, now: datetime) -> None:
        """As many as wanted, of their own first, as the queue shows them."""
        viewer = queue.viewer_of(hand.user)
        for tab in ("mine", "pool"):
            if wanted and tab in viewer.tabs:
                found, _next = queue.places(queue.asked({"tab": tab}, viewer), viewer, now=now, size=wanted)
                for place in found:
                    self._decide(hand, place.lead_id, claims=tab == "pool", now=now)
                wanted -= len(found)

    def _decide(self, hand: Hand, lead_id: int, *, claims: bool, now: datetime) -> None:
        roll = hand.dice.random()
        if claims:
            self._try("claim", lambda: services.claim(lead_id, user=hand.user, now=now))
        if roll < 0.7:
            self._try("accept", lambda: services.accept(lead_id, user=hand.user, now=now))
        elif roll < 0.85:
            reason = hand.dice.choice(self._reasons[Reason.For.REJECT])
            self._try(
                "reject",
                lambda: services.reject(lead_id, user=hand.user, reason_id=reason.pk, text=_words(reason), now=now),
            )
        elif roll < 0.93:
            reason = hand.dice.choice(self._reasons[Reason.For.RECYCLE])
            revisit = timezone.localdate(now) + timedelta(days=60)
            self._try(
                "recycle",
                lambda: services.recycle(
                    lead_id, user=hand.user, reason_id=reason.pk, text=_words(reason), revisit_on=revisit, now=now
                ),
            )

    def _book(self, hand: Hand, now: datetime) -> None:
        accepted = Lead.objects.open().filter(stage=Stage.SAL, owner=hand.rep).exclude(meetings__outcome="")
        lead = accepted.order_by("stage_since", "pk").first()
        if lead is not None:
            starts_at = add_minutes(hand.hours, now, hand.dice.choice((240, 480, 900)))
            self._try("book", lambda: meetings.book(lead.pk, starts_at=starts_at, user=hand.user, now=now))

    def _say_how_meetings_went(self, hand: Hand, now: datetime) -> None:
        over = Meeting.objects.filter(rep=hand.rep, outcome="", starts_at__lt=now - STEP).order_by("starts_at", "pk")
        for meeting_id in over.values_list("pk", flat=True):
            if hand.dice.random() < 0.8:  # the others are left for later
                (outcome,) = hand.dice.choices(["held", "no_show", "cancelled"], [0.7, 0.2, 0.1])
                deed = partial(meetings.record_outcome, meeting_id, outcome=outcome, user=hand.user, now=now)
                self._try("record", deed)

    def _try(self, act: str, deed: Callable[[], object]) -> None:
        try:
            deed()
        except Refused:  # told who was faster, as anybody would be
            self.refused[act] += 1


def _words(reason: Reason) -> str:
    return "As we spoke." if reason.needs_text else ""
