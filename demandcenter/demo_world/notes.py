"""What reps with a log-in wrote down about their leads. Pure."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from demandcenter.demo_world.journeys import Step
from funnel.models import Kind, Stage


@dataclass(slots=True)
class Remark:
    """A note: its author, a rep's name, when, and the text."""

    author: str
    at: datetime
    text: str


_ACCEPTED = (
    "Fits: {industry}, about {size} people. Asked about {solution}. Calling this week.",
    "Reached the desk, {first} is on the floor until Thursday. Trying again then.",
    "{first} compares three vendors for {solution}; wants numbers from plants like theirs.",
    "Sent the short deck. {first} looks after two sites, decision sits with the plant manager.",
)
_HANDED_OVER = (
    "Need: unplanned stops on the main line, about four hours a month. Next step: workshop with maintenance and IT. "
    "Read the case study twice.",
    "Need: one view over all sites for {solution}. Budget is asked for, decision in the next quarter. {first} brings "
    "the plant manager to the next call.",
    "Audit finding in the spring, so {solution} has a date. Technical evaluator is named, price range was fine.",
)
_RETURNED = (
    "The meeting showed no project: they collect ideas for the year after next. Back to you, please keep in touch.",
    "{first} did not come and has not answered since. Please find out whether the need is real.",
)
_WON = ("Signed for two lines, option on the rest. Kick-off with {first} in three weeks.",)
_LOST = ("They stay with the machine maker's own system. Worth a look when the contract ends.",)


def remarks(
    dice: random.Random, steps: list[Step], *, sdr: str, executive: str, words: dict[str, str], until: datetime
) -> list[Remark]:
    """The notes on a lead's steps; words: first, industry, size and solution as the texts use them."""
    found = []
    for step in steps:
        kind = step.stage if step.kind == Kind.ADVANCE else step.kind
        author, texts, share = {
            Stage.SAL.value: (sdr, _ACCEPTED, 0.5),
            Stage.SQL.value: (sdr, _HANDED_OVER, 0.8),
            Kind.REGRESS.value: (executive, _RETURNED, 1.0),
            Kind.WON.value: (executive, _WON, 0.8),
            Kind.LOST.value: (executive, _LOST, 0.6),
        }.get(kind, ("", ("",), 0.0))
        at = step.at + timedelta(minutes=dice.uniform(2, 25))
        if author and dice.random() < share and at < until:
            found.append(Remark(author, at, dice.choice(texts).format(**words)))
    return found
