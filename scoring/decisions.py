"""What follows from where a person stands: the MQL rule, re-raise and cooling. Pure: no database, no clock.

Definitions: scoring.md (MQL rule, Cooling, Re-raise), domain.md 7.2. A view shows a person under one version, which
decides about some of their leads and knows the others; `settle` brings together what several versions come to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from funnel.path import RANK, Stage
from scoring.decay import DECIMALS


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLead:
    """A lead under way. number: which trip, so the highest was opened last.

    by_score: interest made it an MQL. set_back: somebody moved it back to where it is. ours: the version of the view
    decides about it.
    """

    id: int
    number: int
    stage: str
    solution_id: int | None = None
    by_score: bool = False
    set_back: bool = False
    ours: bool = True

    @property
    def in_work(self) -> bool:
        return RANK[self.stage] >= RANK[Stage.MQL]


@dataclass(frozen=True, slots=True)
class Touch:
    """A touch of this batch and the solution it names, if any."""

    activity_id: int
    solution_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A person at one moment under one version: the score against the policy, what just came in, and the open leads.

    interest: now, above the baseline. eligible: at the threshold, in a cell that says MQL. allowed: the gates are
    confirmed. excluded: some exclusion holds. left_at: the last recycle or disqualification that stands. opens: this
    version decides about a lead that the fast track would open.
    """

    person_id: int
    interest: float
    eligible: bool
    allowed: bool
    excluded: bool
    exit_level: float
    cooldown_days: int
    touches: tuple[Touch, ...] = ()
    fast_track: Touch | None = None
    leads: tuple[OpenLead, ...] = ()
    left_at: datetime | None = None
    opens: bool = True

    @property
    def in_work(self) -> list[OpenLead]:
        return [lead for lead in self.leads if lead.in_work]

    @property
    def inquiries(self) -> list[OpenLead]:
        return [lead for lead in self.leads if not lead.in_work]


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """An MQL to make: of this inquiry, or, without one, of a lead that the touch opens. touch: what brought it."""

    lead_id: int | None
    touch: Touch | None
    fast_track: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to happen to one person's leads, by their ids."""

    mql: Qualification | None = None
    reraised: int | None = None
    cooled: tuple[int, ...] = ()
    flagged: tuple[int, ...] = ()


def judge(view: View, *, now: datetime) -> Decision:
    """Decide. A raised hand goes before the score; who raised one or became an MQL just now does not cool."""
    mql, reraised = _fast_track(view)
    if mql is None:
        mql = _by_score(view, now=now)
    if mql or view.fast_track or round(view.interest, DECIMALS) >= view.exit_level:
        return Decision(mql=mql, reraised=reraised)
    fallen = [lead for lead in view.in_work if lead.by_score and lead.ours]
    return Decision(
        cooled=tuple(lead.id for lead in fallen if lead.stage == Stage.MQL),
        flagged=tuple(lead.id for lead in fallen if lead.stage != Stage.MQL),
    )


def settle(judged: Sequence[tuple[View, Decision]]) -> list[Decision]:
    """What comes of it where several versions have judged the same people: one MQL a person, one raised hand at most.

    A raised hand goes before the score, a later touch before an earlier one, a later lead before an earlier one.
    """
    mqls: dict[int, tuple] = {}  # person -> what is compared, and the place
    raised: dict[int, tuple] = {}
    for place, (view, decision) in enumerate(judged):
        leads = {lead.id: lead for lead in view.leads}
        if mql := decision.mql:
            number = leads[mql.lead_id].number if mql.lead_id else 0
            _keep_best(mqls, view.person_id, (mql.fast_track, mql.touch.activity_id if mql.touch else 0, number, place))
        if decision.reraised is not None:
            lead = leads[decision.reraised]
            _keep_best(raised, view.person_id, (RANK[lead.stage], lead.number, place))
    made, told = {best[-1] for best in mqls.values()}, {best[-1] for best in raised.values()}
    return [
        replace(
            decision,
            mql=decision.mql if place in made else None,
            reraised=decision.reraised if place in told else None,
        )
        for place, (_view, decision) in enumerate(judged)
    ]


def _keep_best(found: dict[int, tuple], person_id: int, candidate: tuple) -> None:
    found[person_id] = max(found.get(person_id, candidate), candidate)


def _fast_track(view: View) -> tuple[Qualification | None, int | None]:
    """The MQL that a raised hand makes, or else the lead in work that it is about."""
    touch = view.fast_track
    if touch is None or view.excluded:
        return None, None
    about = [lead for lead in view.in_work if touch.solution_id in (None, lead.solution_id)]
    if about:
        ours = [lead for lead in about if lead.ours]
        return None, max(ours, key=lambda lead: (RANK[lead.stage], lead.number)).id if ours else None
    inquiry = _inquiry_for(view, [touch])
    if inquiry is None and not view.opens:
        return None, None
    return Qualification(lead_id=inquiry.id if inquiry else None, touch=touch, fast_track=True), None


def _by_score(view: View, *, now: datetime) -> Qualification | None:
    """The MQL that interest makes. It opens no lead: without a response there is nothing to qualify.

    What somebody has moved back needs something new of the person, or their judgement would be undone at once.
    """
    if not (view.eligible and view.allowed) or cools_down(view.left_at, view.cooldown_days, now=now):
        return None
    inquiry = _inquiry_for(view, view.touches)
    if inquiry is None or (inquiry.set_back and not view.touches):
        return None
    touches = [touch for touch in view.touches if touch.solution_id == inquiry.solution_id] or [*view.touches]
    return Qualification(lead_id=inquiry.id, touch=touches[-1] if touches else None, fast_track=False)


def cools_down(left_at: datetime | None, cooldown_days: int, *, now: datetime) -> bool:
    """Whether the person was let go so recently that interest alone brings nobody back."""
    return left_at is not None and now < left_at + timedelta(days=cooldown_days)


def _inquiry_for(view: View, touches: Iterable[Touch]) -> OpenLead | None:
    """The inquiry of ours that these touches are about: of the solution of the latest, else the one opened last.

    Somebody who is in work for one thing becomes an MQL for another only by naming it. Touches that name an inquiry of
    another version's are about that one.
    """
    by_solution = {lead.solution_id: lead for lead in view.inquiries}
    elsewhere = False
    for touch in reversed([*touches]):
        found = by_solution.get(touch.solution_id)
        if found and (touch.solution_id is not None or not view.in_work):
            if found.ours:
                return found
            elsewhere |= touch.solution_id is not None
    if view.in_work or elsewhere:
        return None
    return max((lead for lead in view.inquiries if lead.ours), key=lambda lead: lead.number, default=None)
