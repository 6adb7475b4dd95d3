"""The days of a floor, half an hour at a time: who comes in, what each rep at work does, and what falls due.

Account executives act before SDRs, and all of them, a second apart, before the sweep that ends the half hour: whoever
acts knows what the sweep before has made of the facts, as somebody at a page would. Hands that were raised are answered
within a minute of the sweep, by those who look.
"""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from demandcenter import pipeline
from demandcenter.demo_world.rhythm import Urn, waking
from demandcenter.demo_world.visitors import Visitors
from demandcenter.floor_simulation.developing import STEP, Developing
from demandcenter.floor_simulation.selling import Selling
from demandcenter.floor_simulation.staff import executives, hire
from funnel.models import Lead, Stage
from routing.acts.doing import Refused

FEWEST_REPS: Final = 12  # the demo's own who receive MQLs
A_DAY: Final = timedelta(days=1)
A_SECOND: Final = timedelta(seconds=1)
WEEKEND: Final = 0.3  # of what comes in on other days
Tell = Callable[[str], object]


class Floor:
    """A number of days on the demo's floor. The database holds the demo as it was at `start`, and nothing later."""

    def __init__(self, *, start: datetime, days: int, reps: int, touches: int, seed: int) -> None:
        """touches: how many come in on a working day. Raises ValueError for fewer reps than the demo has."""
        dice = random.Random(f"floor {seed}")
        self.start, self.days, self.touches = start, days, touches
        self.hands = hire(reps, dice, start=start, days=days)
        self.sellers = executives(dice)
        self.refused: Counter[str] = Counter()  # by act: who was slower, or out of turn
        selling, developing = Selling(self._try), Developing(self._try)
        self._developing = developing
        self._at_work = [(hand, selling.work) for hand in self.sellers]
        self._at_work += [(hand, developing.work) for hand in self.hands]
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
                for place, (hand, work) in enumerate(self._at_work):
                    if hand.works(now, until):
                        work(hand, until - A_SECOND * (len(self._at_work) - place))
                pipeline.sweep(now=until)
                if until < self.end:
                    self._developing.answer_hands(self.hands, until)
            tell(f"{day:%A, %d %B}: {self._standing()}")

    def _arrivals(self, day: datetime) -> list[datetime]:
        """When touches come in on a day (in UTC), the first one last."""
        count = round(self.touches * (WEEKEND if day.weekday() >= 5 else 1))
        moments = (waking(self._dice, day.date()).replace(tzinfo=day.tzinfo) for _ in range(count))
        return sorted((moment for moment in moments if day <= moment < day + A_DAY), reverse=True)

    def _standing(self) -> str:
        open_ = Lead.objects.open().filter(stage=Stage.MQL)
        sqls = Lead.objects.open().filter(stage=Stage.SQL)
        nobodys = open_.filter(owner=None).count()
        return f"{open_.count():,} MQLs wait, {nobodys:,} of them with nobody; {sqls.count():,} SQLs are open"

    def _try(self, act: str, deed: Callable[[], object]) -> None:
        try:
            deed()
        except Refused:  # told who was faster, as anybody would be
            self.refused[act] += 1
