"""What a user may do with a lead as it stands: the buttons of its page, in the order of what comes next.

Only what is offered; whether it can be done is decided by the service, under the lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.urls import reverse

from funnel.models import DealState, Exit, Lead, Opportunity, Stage
from funnel.path import RANK
from routing.acts.viewer import Viewer
from routing.models import HandOff, Meeting

CLOSED_WITH_DEAL = (Exit.WON, Exit.LOST, Exit.NO_DECISION)


@dataclass(frozen=True, slots=True)
class Offer:
    """One act. asks: a form comes first; more: stands behind the dots; key: what to press."""

    act: str
    label: str
    url: str
    icon: str = ""
    key: str = ""
    asks: bool = True
    more: bool = False


def offers(
    lead: Lead,
    viewer: Viewer,
    *,
    meeting: Meeting | None,
    deals: Sequence[Opportunity],
    works_deals: bool,
    hand_off: HandOff | None = None,
) -> list[Offer]:
    """meeting: the one that lies ahead; deals: those of the lead; works_deals: may the user make and close them.

    hand_off: the latest one to an account executive.
    """
    mine = lead.owner_id is not None and lead.owner_id in viewer.hands
    works = viewer.may_work and (mine or viewer.may_reassign or lead.owner_id is None)
    deals_too = works_deals or mine
    if lead.closed_at is not None:
        return _of_closed(lead, deals, works=works, deals_too=deals_too)
    found: list[Offer] = []
    if lead.stage == Stage.MQL and works:
        found += _of_mql(lead, viewer)
    if RANK[lead.stage] >= RANK[Stage.SAL] and (works or works_deals):
        found += _of_meeting(lead, meeting)
    if lead.stage == Stage.SQL and deals_too:
        found.insert(
            0, Offer("opportunity", "Make an opportunity", reverse("routing:opportunity", args=[lead.pk]), "briefcase")
        )
    if lead.stage == Stage.SQL:
        found = _of_hand_off(lead, viewer, hand_off, mine=mine) + found
    if deals_too:
        found += [
            Offer(
                "close-deal",
                f"Close {deal}" if len(deals) > 1 else "Close the deal",
                reverse("routing:close-deal", args=[deal.pk]),
                "trophy",
            )
            for deal in deals
            if deal.state == DealState.OPEN
        ]
    if works and lead.stage in (Stage.SAL, Stage.SQL):
        found += _leaving(lead, "Disqualify")
    if viewer.may_log(lead.owner_id):
        found += _of_work(lead)
    return found + _hands(lead, viewer, mine=mine)


def _of_work(lead: Lead) -> list[Offer]:
    return [
        Offer("log", "Log a call", reverse("routing:log", args=[lead.pk]), "phone", "L"),
        Offer("plan", "Note and next date", reverse("routing:plan", args=[lead.pk]), "calendar-plus", "N", more=True),
        Offer("snooze", "Snooze", reverse("routing:snooze", args=[lead.pk]), "clock-pause", "S", more=True),
    ]


def _of_mql(lead: Lead, viewer: Viewer) -> list[Offer]:
    found = []
    if lead.owner_id is None and viewer.rep_id is not None:
        found.append(Offer("claim", "Claim", reverse("routing:claim", args=[lead.pk]), "user-plus", "A", asks=False))
    else:
        found.append(Offer("accept", "Accept", reverse("routing:accept", args=[lead.pk]), "check", "A", asks=False))
    return found + _leaving(lead, "Reject")


def _leaving(lead: Lead, word: str) -> list[Offer]:
    return [
        Offer("reject", word, reverse("routing:reject", args=[lead.pk]), key="R"),
        Offer("recycle", "Recycle", reverse("routing:recycle", args=[lead.pk]), key="C"),
    ]


def _of_meeting(lead: Lead, meeting: Meeting | None) -> list[Offer]:
    if meeting is None:
        return [Offer("meeting", "Book a meeting", reverse("routing:meeting", args=[lead.pk]), "calendar-plus")]
    return [
        Offer("outcome", "How did the meeting go?", reverse("routing:outcome", args=[meeting.pk]), "calendar-event")
    ]


def _of_hand_off(lead: Lead, viewer: Viewer, hand_off: HandOff | None, *, mine: bool) -> list[Offer]:
    """Of an SQL: handed over by its owner, answered by whom it was offered to, both by managers."""
    state = hand_off.state if hand_off is not None and hand_off.to_rep_id == lead.owner_id else ""
    if state not in ("offered", "accepted"):
        if not viewer.may_work or not (mine or viewer.may_reassign):
            return []
        return [Offer("hand-off", "Hand over", reverse("routing:hand-off", args=[lead.pk]), "send", "H")]
    found = []
    back = Offer("return", "Return to the SDR", reverse("routing:return", args=[lead.pk]), "arrow-back-up", "R")
    if mine or viewer.may_reassign:
        if state == "offered":
            url = reverse("routing:take-over", args=[lead.pk])
            found.append(Offer("take-over", "Take over", url, "check", "A", asks=False))
        found.append(back if state == "offered" else replace(back, more=True))
    if state == "offered" and (viewer.may_reassign or (hand_off and hand_off.offered_by_id == viewer.user_id)):
        url = reverse("routing:withdraw", args=[lead.pk])
        found.append(Offer("withdraw", "Take the offer back", url, "arrow-back-up", asks=False, more=True))
    return found


def _of_closed(lead: Lead, deals: Sequence[Opportunity], *, works: bool, deals_too: bool) -> list[Offer]:
    if lead.exit in CLOSED_WITH_DEAL and deals:
        if not deals_too:
            return []
        return [
            Offer(
                "reopen-deal", "Reopen the deal", reverse("routing:reopen-deal", args=[deal.pk]), "repeat", asks=False
            )
            for deal in deals[:1]
        ]
    if not works or lead.exit in (Exit.MERGED, Exit.VOID):
        return []
    return [Offer("reopen", "Reopen", reverse("routing:reopen", args=[lead.pk]), "repeat")]


def _hands(lead: Lead, viewer: Viewer, *, mine: bool) -> list[Offer]:
    found = []
    if viewer.may_reassign:
        url = reverse("routing:hand-over", args=[lead.pk])
        found.append(Offer("hand-over", "Give to somebody else", url, "users", more=True))
    if (
        lead.owner_id is not None
        and viewer.may_work
        and (mine or viewer.may_reassign)
        and lead.stage != Stage.OPPORTUNITY
    ):
        url = reverse("routing:release", args=[lead.pk])
        found.append(Offer("release", "Give back to the pool", url, "arrow-back-up", asks=False, more=True))
    return found
