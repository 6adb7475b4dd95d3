"""One trip of one person through the funnel, played with dice. Pure: no database, no clock; times are local.

The defaults make, over all leads: Inquiry to MQL about 14 %, to SAL 80 %, to SQL 44 %, to Opportunity 71 %, Won 20 %;
medians of about 9 days, 7 hours, 12, 3 and 58 days. Tests hold the seeded demo against these.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from demandcenter.demo_world.rhythm import DAY, Urn, about, after_office_hours, in_office, near_waking
from funnel.models import Kind, Stage

Reason = tuple[str, str]
RULE, REP, CLOCK = "rule", "rep", "clock"  # who moved the lead


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """How likely each step is, and how slow the one from SAL to SQL, beside the usual. hot: asked to be called.

    wrong_profile: the share of rejected MQLs whose reason is the profile.
    """

    mql: float = 0.095
    sal: float = 0.815
    sql: float = 0.47
    opportunity: float = 0.725
    won: float = 0.218
    sql_pace: float = 1.0
    hot: bool = False
    wrong_profile: float = 0.4


@dataclass(slots=True)
class Step:
    """A stage event. stage: where to, blank for exits; at: local time; by: RULE, REP or CLOCK."""

    kind: str
    stage: str
    at: datetime
    by: str = REP
    reason: Reason | None = None


_RECYCLED = Urn(
    {
        ("recycle", "No response after full cadence"): 0.42,
        ("recycle", "Project later"): 0.24,
        ("recycle", "No budget now"): 0.15,
        ("recycle", "Not the decision maker"): 0.1,
        ("recycle", "In a competitor's contract"): 0.09,
    }
)
_REJECTED = Urn(
    {
        ("reject", "Invalid contact data"): 0.4,
        ("reject", "Competitor, student or vendor"): 0.36,
        ("reject", "Existing customer, support matter"): 0.24,
    }
)
_WRONG_PROFILE: Reason = ("reject", "Wrong profile")
_UNFIT = Urn(
    {
        ("disqualify", "No need for the solution"): 0.6,
        ("disqualify", "Not in ideal profile"): 0.32,
        ("disqualify", "Legal or consent"): 0.08,
    }
)
_LOST = Urn(
    {
        ("lost", "Lost to a competitor"): 0.42,
        ("lost", "Price"): 0.27,
        ("lost", "Missing feature"): 0.16,
        ("lost", "Budget withdrawn"): 0.15,
    }
)
_UNDECIDED = Urn({("no_decision", "Project stopped"): 0.55, ("no_decision", "Stayed with what they have"): 0.45})
_RETURNED = Urn(
    {
        ("regress", "Need not confirmed in the meeting"): 0.6,
        ("regress", "Meeting did not take place"): 0.4,
    }
)
QUIET: Reason = ("expire", "No activity for 180 days")
SENT_BACK = 0.04  # of SQLs, by the account executive
LATE_TO_CALL = 0.07  # of accepted leads: the first attempt comes days later


def travel(dice: random.Random, odds: Odds, opened: datetime) -> list[Step]:
    """Every step of a lead that comes in as an inquiry, also those that lie in the future."""
    return _Trip(dice, odds).from_inquiry(opened)


def travel_outbound(dice: random.Random, odds: Odds, opened: datetime) -> list[Step]:
    """The steps of a lead that sales found itself: its MQL is only passed through (domain.md 2.2)."""
    return _Trip(dice, odds).from_sales(opened)


class _Trip:
    def __init__(self, dice: random.Random, odds: Odds) -> None:
        self.dice = dice
        self.odds = odds
        self.steps: list[Step] = []

    def from_inquiry(self, at: datetime) -> list[Step]:
        self._enter(Stage.INQUIRY, at, by=RULE)
        if self.odds.hot:
            self._qualified(at + timedelta(seconds=self.dice.randrange(4, 40)))
        elif self.dice.random() < self.odds.mql:
            self._qualified(near_waking(self.dice, at + DAY * about(self.dice, 15.5, 0.95)))
        else:
            self._stays_inquiry(at)
        return self.steps

    def from_sales(self, at: datetime) -> list[Step]:
        self.steps.append(Step(Kind.PASSTHROUGH, Stage.MQL, at))
        self._accepted(after_office_hours(self.dice, at, self.dice.uniform(0.05, 0.5)))
        return self.steps

    def _stays_inquiry(self, at: datetime) -> None:
        fate = self.dice.random()
        if fate < 0.08:
            self._leave(Kind.DISQUALIFY, self._later(at, 2.5, 0.9), ("disqualify", "Invalid or fake contact data"))
        elif fate < 0.14:
            self._leave(Kind.RECYCLE, self._later(at, 40, 0.4), ("recycle", "Early research"))
        else:
            day = at.date() + DAY * (181 + int(self.dice.expovariate(1 / 12)) % 60)
            self._leave(Kind.EXPIRE, datetime.combine(day, time(3, 15)), QUIET, by=CLOCK)

    def _qualified(self, at: datetime) -> None:
        self._enter(Stage.MQL, at, by=RULE)
        if self.dice.random() < self.odds.sal:
            usual = 0.3 if self.odds.hot else 2.7
            hours = about(self.dice, usual, 1.05) if self.dice.random() < 0.97 else self.dice.uniform(60, 140)
            self._accepted(after_office_hours(self.dice, at, hours))
            return
        moment = after_office_hours(self.dice, at, about(self.dice, 7, 0.9))
        if self.dice.random() < 0.84:
            wrong = self.dice.random() < self.odds.wrong_profile
            self._leave(Kind.DISQUALIFY, moment, _WRONG_PROFILE if wrong else _REJECTED.draw(self.dice))
        else:
            self._leave(Kind.RECYCLE, moment, _RECYCLED.draw(self.dice))

    def _accepted(self, at: datetime) -> None:
        self._enter(Stage.SAL, at)
        if self.dice.random() < self.odds.sql:
            self._met(self._later(at, 12.2 * self.odds.sql_pace, 0.72))
        elif self.dice.random() < 0.7:
            self._leave(Kind.RECYCLE, self._later(at, 21 * self.odds.sql_pace, 0.3), _RECYCLED.draw(self.dice))
        else:
            self._leave(Kind.DISQUALIFY, self._later(at, 8, 0.7), _UNFIT.draw(self.dice))

    def _met(self, at: datetime) -> None:
        self._enter(Stage.SQL, at)
        if self.dice.random() < SENT_BACK:
            back = self._later(at, 3, 0.4)
            self.steps.append(Step(Kind.REGRESS, Stage.SAL, back, reason=_RETURNED.draw(self.dice)))
            if self.dice.random() < 0.45:
                self._leave(Kind.RECYCLE, self._later(back, 12, 0.5), ("recycle", "Project later"))
                return
            at = self._later(back, 9, 0.5)
            self._enter(Stage.SQL, at)
        if self.dice.random() < self.odds.opportunity:
            self._deal(self._later(at, 2.4, 0.85))
            return
        moment, fate = self._later(at, 6, 0.6), self.dice.random()
        if fate < 0.5:
            self._leave(Kind.RECYCLE, moment, _RECYCLED.draw(self.dice))
        elif fate < 0.75:
            self._leave(Kind.NO_DECISION, moment, _UNDECIDED.draw(self.dice))
        else:
            self._leave(Kind.DISQUALIFY, moment, _UNFIT.draw(self.dice))

    def _deal(self, at: datetime) -> None:
        self._enter(Stage.OPPORTUNITY, at)
        fate = self.dice.random()
        if fate < self.odds.won:
            moment = self._later(at, 59, 0.5, least=9)
            self.steps.append(Step(Kind.WON, Stage.WON, moment))
        elif fate < self.odds.won + (1 - self.odds.won) * 0.64:
            self._leave(Kind.LOST, self._later(at, 66, 0.55, least=5), _LOST.draw(self.dice))
        else:
            self._leave(Kind.NO_DECISION, self._later(at, 84, 0.5, least=14), _UNDECIDED.draw(self.dice))

    def _later(self, at: datetime, median: float, sigma: float, *, least: float = 0.1) -> datetime:
        """An office moment so many days later."""
        return in_office(self.dice, at + DAY * max(least, about(self.dice, median, sigma)))

    def _enter(self, stage: str, at: datetime, *, by: str = REP) -> None:
        self.steps.append(Step(Kind.ADVANCE, stage, at, by))

    def _leave(self, kind: str, at: datetime, reason: Reason, *, by: str = REP) -> None:
        self.steps.append(Step(kind, "", at, by, reason))


# --- Touches --------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Touch:
    """Something that a person did, or that was done towards them. at: local. offer: the content, by name.

    of_campaign: the lead's campaign was behind it. utc, recorded: when it happened and was recorded, in seconds since
    1970, once it is dated; id: once it is stored.
    """

    type: str
    at: datetime
    channel: str = ""
    offer: str = ""
    inbound: bool = True
    automatic: bool = False
    response: bool = False
    of_campaign: bool = False
    utc: float = 0.0
    recorded: float = 0.0
    id: int = 0


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of touch: its type, channel, the kind of content that goes with it."""

    type: str
    channel: str = ""
    offer: str = ""
    inbound: bool = True
    automatic: bool = False
    response: bool = False

    def touch(self, at: datetime, offers: "Offers") -> Touch:
        """A touch of this sort, with a piece of content that fits."""
        offer = offers(self.offer) if self.offer else ""
        return Touch(self.type, at, self.channel, offer, self.inbound, self.automatic, self.response)


Offers = Callable[[str], str]  # kind of content -> the name of an offer of that kind
_INTEREST = Urn(
    {
        Sort("email_open", "E-mail", "newsletter"): 0.27,
        Sort("email_click", "E-mail", "guide"): 0.17,
        Sort("page_visit", "Organic search"): 0.24,
        Sort("integrations_visit", "Website", "page"): 0.06,
        Sort("pricing_visit", "Website", "page"): 0.06,
        Sort("content_download", "Website", "guide", response=True): 0.1,
        Sort("webinar_registered", "Webinar", "webinar", response=True): 0.06,
        Sort("webinar_attended", "Webinar", "webinar", response=True): 0.04,
    }
)
RAISING = Urn(  # what tips an inquiry over into an MQL; webinars seldom but for those whom one brought in (stories.py)
    {
        Sort("pricing_visit", "Website", "page"): 0.34,
        Sort("webinar_attended", "Webinar", "webinar", response=True): 0.04,
        Sort("content_download", "Website", "guide", response=True): 0.28,
        Sort("price_calculator", "Website", "calculator", response=True): 0.2,
        Sort("email_reply", "E-mail", response=True): 0.14,
    }
)
_MAILING = Sort("email_sent", "E-mail", "newsletter", inbound=False, automatic=True)
_PURSUIT = Urn(
    {
        Sort("call", inbound=False): 0.27,
        Sort("voicemail", inbound=False): 0.18,
        Sort("email", "E-mail", inbound=False): 0.27,
        Sort("linkedin_message", inbound=False): 0.1,
        Sort("email_reply", "E-mail"): 0.1,
        Sort("page_visit", "Website"): 0.08,
    }
)
_SELLING = Urn(
    {
        Sort("call", inbound=False): 0.22,
        Sort("email", "E-mail", inbound=False): 0.26,
        Sort("email_reply", "E-mail"): 0.2,
        Sort("product_demo", inbound=False): 0.14,
        Sort("proposal_sent", inbound=False): 0.08,
        Sort("pricing_visit", "Website", "page"): 0.1,
    }
)
_CALL, _MEETING = Sort("call", inbound=False), Sort("meeting", inbound=False)
_BOOKED = Sort("meeting_booked")


def touches(
    dice: random.Random, steps: Sequence[Step], opening: Touch, offers: Offers, *, until: datetime
) -> list[Touch]:
    """What happened around the steps of a lead, in order: its opening first, nothing before it, nothing after `until`.

    The touch that raised it to an MQL stands at that step's own moment.
    """
    found = [opening]
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        end = min(following.at if following else until, until)
        for sort, at in _around(dice, step, following, end):
            if step.at <= at <= until:
                found.append(sort.touch(at, offers))
    return sorted(found, key=lambda touch: touch.at)


def _around(dice: random.Random, step: Step, following: Step | None, end: datetime) -> list[tuple[Sort, datetime]]:
    """What happens from this step on until the next."""
    if step.stage == Stage.INQUIRY:
        return _interest(dice, step.at, following, end)
    if step.stage == Stage.SAL:
        late = DAY * dice.uniform(3, 6) if dice.random() < LATE_TO_CALL else timedelta()
        found = [(_CALL, step.at + late + timedelta(minutes=dice.uniform(3, 200)))]
        found += _some(dice, _PURSUIT, step.at + late, min(end, step.at + late + DAY * 24), dice.randint(1, 6))
        if following and following.stage == Stage.SQL:
            booked = max(step.at, following.at - DAY * dice.uniform(1, 6))
            found += [(_BOOKED, booked), (_MEETING, following.at)]
        return found
    if step.stage == Stage.SQL:
        return _some(dice, _SELLING, step.at, min(end, step.at + DAY * 10), dice.randint(0, 2))
    if step.stage == Stage.OPPORTUNITY:
        return _some(dice, _SELLING, step.at, min(end, step.at + DAY * 120), dice.randint(2, 8))
    return []


def _interest(dice: random.Random, at: datetime, following: Step | None, end: datetime) -> list[tuple[Sort, datetime]]:
    raised = following is not None and following.stage == Stage.MQL
    found = []
    if raised and following and following.at > at + timedelta(hours=1):
        found = _some(dice, _INTEREST, at, end, 2 + int(dice.expovariate(0.35)) % 9)
        found.append((RAISING.draw(dice), following.at))
    elif not raised:
        found = _some(dice, _INTEREST, at, min(end, at + DAY * about(dice, 25, 0.7)), int(dice.expovariate(0.36)) % 9)
    mailed = at + DAY * dice.uniform(2, 9)
    if mailed < end and dice.random() < 0.6:
        found.append((_MAILING, datetime.combine(mailed.date(), time(8, dice.randrange(5, 55)))))
    return found


def _some(
    dice: random.Random, sorts: Urn[Sort], start: datetime, end: datetime, number: int
) -> list[tuple[Sort, datetime]]:
    """A number of touches between two moments, more of them early; each where people do such things."""
    found = []
    for _ in range(number):
        sort = sorts.draw(dice)
        at = start + (end - start) * dice.random() ** 1.4
        at = near_waking(dice, at) if sort.inbound else in_office(dice, at)
        if at < end:
            found.append((sort, at))
    return found


def scaled(odds: Odds, **changes: float) -> Odds:
    """The same odds with some of them multiplied, none beyond certainty."""
    values = {name: getattr(odds, name) * factor for name, factor in changes.items()}
    return replace(odds, **{name: value if name == "sql_pace" else min(value, 0.97) for name, value in values.items()})
