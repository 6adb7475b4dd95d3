"""Half an hour of an SDR: how meetings went, SQLs handed over, decisions in the order of the queue, calls, meetings."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.utils import timezone

from demandcenter.floor_simulation.staff import Hand, Tried
from funnel.models import Lead, Reason, Stage
from routing.acts.viewer import viewer_of
from routing.day import attempts
from routing.decisions import services
from routing.hours.calendars import add_minutes
from routing.models import Attempt, Clock, HandOff, Medium, Meeting, SlaPromise
from routing.queue import waiting as queue
from routing.sales import handoff, meetings
from routing.sales import handoff_answers as answers

STEP: Final = timedelta(minutes=30)
MOST_AT_ONCE: Final = 5  # decisions in half an hour
# Chances of a deed in each half hour that its rep works.
CALLS: Final = 0.12
BOOKS: Final = 0.08
LOOKS: Final = 0.6  # at a raised hand, as soon as it is told
GIVES_UP: Final = 0.06
HANDS_OVER: Final = 0.3
TAKES_BACK: Final = 0.003
SAYS: Final = 0.8  # how a meeting went; the others are left for later
_WENT: Final = {"held": 0.64, "no_show": 0.16, "ae_no_show": 0.06, "moved": 0.06, "cancelled": 0.08}
_CALLED: Final = {Attempt.Outcome.CONNECTED: 0.3, Attempt.Outcome.VOICEMAIL: 0.35, Attempt.Outcome.NO_ANSWER: 0.35}
_NOTES: Final = (
    handoff.Note(need="Unplanned stops on the main line.", next_step="Workshop with maintenance."),
    handoff.Note(
        need="One view over all sites.", next_step="Call with the plant manager.", answered="Runs without us?"
    ),
    handoff.Note(need="An audit finding in the spring.", next_step="Send the brief.", unanswered="Price of a pilot?"),
)


class Developing:
    """What SDRs do. tried: notes who was told that somebody was faster."""

    def __init__(self, tried: Tried) -> None:
        self._try = tried
        of_mqls = Reason.objects.filter(active=True, stage__in=["", Stage.MQL], reroutes=False).order_by("pk")
        self._reasons = {kind: list(of_mqls.filter(kind=kind)) for kind in (Reason.For.REJECT, Reason.For.RECYCLE)}
        self._gives_up_for = [one for one in self._reasons[Reason.For.RECYCLE] if not one.stage]

    def work(self, hand: Hand, now: datetime) -> None:
        """What half an hour comes to."""
        self._say_how_meetings_went(hand, now)
        self._hand_over(hand, now)
        self._decide_some(hand, hand.comes_to(STEP, most=MOST_AT_ONCE), now)
        for chance, deed in ((CALLS, self._call), (BOOKS, self._book), (GIVES_UP, self._give_up)):
            if hand.dice.random() < chance:
                deed(hand, now)

    def answer_hands(self, hands: Sequence[Hand], now: datetime) -> None:
        """Call those who raised a hand, where their rep is at work and looks."""
        at_work = {hand.rep.pk: hand for hand in hands if hand.works(now, now + STEP)}
        waiting = Clock.objects.filter(kind=SlaPromise.Kind.HOT, stopped_at=None, lead__owner__in=at_work)
        for place, (lead_id, rep_id) in enumerate(waiting.order_by("pk").values_list("lead", "lead__owner")):
            if rep_id and at_work[rep_id].dice.random() < LOOKS:
                self._log(at_work[rep_id], lead_id, now + timedelta(seconds=1 + place % 50))

    # --- the queue ----------------------------------------------------------------------------------

    def _decide_some(self, hand: Hand, wanted: int, now: datetime) -> None:
        """As many as wanted, of their own first, as the queue shows them."""
        if not wanted:
            return
        viewer = viewer_of(hand.user)
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
            text = _words(reason)
            self._try(
                "reject",
                lambda: services.reject(lead_id, user=hand.user, reason_id=reason.pk, text=text, now=now),
            )
        elif roll < 0.93:
            self._recycle(hand, lead_id, self._reasons[Reason.For.RECYCLE], now)

    def _recycle(self, hand: Hand, lead_id: int, reasons: list[Reason], now: datetime) -> None:
        reason = hand.dice.choice(reasons)
        revisit = timezone.localdate(now) + timedelta(days=60)
        text = _words(reason)
        self._try(
            "recycle",
            lambda: services.recycle(
                lead_id, user=hand.user, reason_id=reason.pk, text=text, revisit_on=revisit, now=now
            ),
        )

    # --- accepted leads -----------------------------------------------------------------------------

    def _call(self, hand: Hand, now: datetime) -> None:
        """Whom they have called least, and accepted first."""
        lead = Lead.objects.open().filter(stage=Stage.SAL, owner=hand.rep, attempts=None)
        lead_id = lead.order_by("stage_since", "pk").values_list("pk", flat=True).first()
        if lead_id is not None:
            self._log(hand, lead_id, now)

    def _log(self, hand: Hand, lead_id: int, now: datetime) -> None:
        (outcome,) = hand.dice.choices(list(_CALLED), list(_CALLED.values()))
        deed = partial(attempts.log, lead_id, medium=Medium.CALL.value, outcome=outcome.value)
        self._try("call", lambda: deed(user=hand.user, now=now))

    def _book(self, hand: Hand, now: datetime) -> None:
        lead = self._accepted(hand)
        if lead is not None:
            starts_at = add_minutes(hand.hours, now, hand.dice.choice((240, 480, 900)))
            self._try("book", lambda: meetings.book(lead.pk, starts_at=starts_at, user=hand.user, now=now))

    def _give_up(self, hand: Hand, now: datetime) -> None:
        lead = self._accepted(hand)
        if lead is not None:
            self._recycle(hand, lead.pk, self._gives_up_for, now)

    def _accepted(self, hand: Hand) -> Lead | None:
        """What they accepted first and have no meeting ahead with."""
        accepted = Lead.objects.open().filter(stage=Stage.SAL, owner=hand.rep).exclude(meetings__outcome="")
        return accepted.order_by("stage_since", "pk").first()

    # --- meetings, and what comes of them -----------------------------------------------------------

    def _say_how_meetings_went(self, hand: Hand, now: datetime) -> None:
        over = Meeting.objects.filter(rep=hand.rep, outcome="", starts_at__lt=now - STEP).order_by("starts_at", "pk")
        for meeting_id in over.values_list("pk", flat=True):
            if hand.dice.random() >= SAYS:
                continue
            (outcome,) = hand.dice.choices(list(_WENT), list(_WENT.values()))
            again = add_minutes(hand.hours, now, 900) if outcome == "moved" else None
            deed = partial(meetings.record_outcome, meeting_id, outcome=outcome, rebook_for=again)
            self._try("record", partial(deed, user=hand.user, now=now))

    def _hand_over(self, hand: Hand, now: datetime) -> None:
        """Hand the oldest SQL over; now and then take an offer back that nobody has answered."""
        if hand.dice.random() < HANDS_OVER:
            lead = Lead.objects.open().filter(stage=Stage.SQL, owner=hand.rep).order_by("stage_since", "pk").first()
            if lead is not None:
                note = hand.dice.choice(_NOTES)
                self._try("offer", lambda: handoff.offer(lead.pk, note=note, user=hand.user, now=now))
        if hand.dice.random() < TAKES_BACK:
            offered = HandOff.objects.filter(offered_by=hand.user, accepted_at=None, returned_at=None)
            waiting = offered.filter(withdrawn_at=None).order_by("pk").first()
            if waiting is not None:
                self._try("take back", lambda: answers.withdraw(waiting.lead_id, user=hand.user, now=now))


def _words(reason: Reason) -> str:
    return "As we spoke." if reason.needs_text else ""
