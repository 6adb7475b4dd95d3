"""A rep leaves: leads, meetings ahead, hand-offs, open deals and accounts go to others in one transaction.

To one person, or dealt out in turn among those of the team who are there. What went where stays on record, and a
departure is undone for a week: what is still where it went comes back.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from funnel.models import Account, DealState, Lead, Opportunity, Rep
from funnel.path import RANK
from funnel.reps import give_accounts, give_deals, set_active
from routing.acts.doing import REASSIGN, Invalid, Refused, require
from routing.acts.ownership import HandOver, hand_over
from routing.messages.notices import Tell, tell
from routing.models import Absence, Assignment, Attendee, Departure, HandOff, Meeting, Notice, Seat, Task
from routing.sales.following import follow_hands
from routing.seats import seats
from routing.seats.distribution import SeatState, deal, settle
from routing.sla import clocks

UNDO_WITHIN: Final = timedelta(days=7)
_THERE: Final = ("", "at_capacity", "at_quota")
LEADS, MEETINGS, DEALS, ACCOUNTS, COVERS = "leads", "meetings", "deals", "accounts", "covers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """What a rep has that others will have to take: how many of each."""

    leads: int
    tasks: int
    meetings: int
    hand_offs: int
    deals: int
    accounts: int
    covers: int

    def sentence(self) -> str:
        """14 leads, 3 meetings, 2 open deals."""
        words = (
            (self.leads, "open lead", "open leads"),
            (self.tasks, "task of theirs", "tasks of theirs"),
            (self.meetings, "meeting ahead", "meetings ahead"),
            (self.hand_offs, "SQL that waits for an answer", "SQLs that wait for an answer"),
            (self.deals, "open deal", "open deals"),
            (self.accounts, "account", "accounts"),
            (self.covers, "absence to cover", "absences to cover"),
        )
        return ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in words if count) or "nothing"


def belongings(rep: Rep, *, now: datetime) -> Belongings:
    """What would move; tasks go with their leads. Seven short queries."""
    return Belongings(
        leads=Lead.objects.open().filter(owner=rep).count(),
        tasks=Task.objects.filter(lead__owner=rep, lead__closed_at=None, state=Task.State.OPEN).count(),
        meetings=_meetings(rep).count(),
        hand_offs=_offers(rep).count(),
        deals=_deals(rep).count(),
        accounts=Account.objects.filter(owner=rep).count(),
        covers=_covers(rep, now=now).count(),
    )


@transaction.atomic
def leave(rep_id: int, *, to_rep_id: int | None, user: Any, now: datetime) -> Departure:
    """Move everything, and let the rep receive nothing any more. A constant number of statements for a receiver.

    to_rep_id: whose all of it is from now on; None deals it out in turn among the rep's team, beyond capacity where it
    must be. Raises Invalid where nobody can take it; Refused where the rep has left already; NotAllowed.
    """
    require(user, REASSIGN, deed="let reps leave")
    rep = Rep.objects.select_for_update(no_key=True).filter(pk=rep_id).first()
    if rep is None:
        raise Refused("There is no such rep.")
    if not rep.active:
        raise Refused(f"{rep} has left already.")
    leads = list(Lead.objects.open().select_for_update(no_key=True).filter(owner=rep).order_by("pk"))
    leads.sort(key=lambda lead: (RANK[lead.stage], lead.stage_since, lead.pk))
    takers = _Takers.read(rep, to_rep_id, now=now)
    moved = _Moved()
    cause = f"departure:{rep.pk}:{now.isoformat()}"
    moved.leads = dict(zip([lead.pk for lead in leads], takers.next(len(leads)), strict=True))
    _give_leads(leads, moved.leads, cause=cause, user=user, now=now)
    moved.meetings = _give_meetings(rep, moved.leads, takers)
    moved.deals = _give_deals(rep, moved.leads, takers)
    accounts = sorted(Account.objects.select_for_update(no_key=True).filter(owner=rep).values_list("pk", flat=True))
    moved.accounts = dict(zip(accounts, takers.next(len(accounts)), strict=True))
    give_accounts(moved.accounts)
    moved.covers = _give_covers(rep, to_rep_id, now=now)
    seat = Seat.objects.filter(rep=rep).first()
    Seat.objects.filter(rep=rep).update(receiving=False)
    set_active(rep.pk, False)
    departure = Departure.objects.create(
        rep=rep, to_rep_id=to_rep_id, left_at=now, actor=user, moved=moved.as_json(),
        was_receiving=seat.receiving if seat else False,
    )  # fmt: skip
    _tell_takers(departure, moved, user=user, now=now)
    return departure


@transaction.atomic
def come_back(departure_id: int, *, user: Any, now: datetime) -> Departure:
    """Undo a departure within a week: what is still where it went is the rep's again, and they receive as before.

    Raises Refused, NotAllowed.
    """
    require(user, REASSIGN, deed="take departures back")
    departure = Departure.objects.select_for_update().select_related("rep").filter(pk=departure_id).first()
    if departure is None:
        raise Refused("There is no such departure.")
    if departure.undone_at is not None:
        raise Refused(f"This was taken back already; {departure.rep} is here.")
    if now > departure.left_at + UNDO_WITHIN:
        raise Refused("Taking back is possible for seven days. Give single leads back by hand.")
    rep, moved = departure.rep, _Moved.of(departure.moved)
    set_active(rep.pk, True)
    Seat.objects.filter(rep=rep).update(receiving=departure.was_receiving)
    leads = list(Lead.objects.open().select_for_update(no_key=True).filter(pk__in=moved.leads).order_by("pk"))
    back = [lead for lead in leads if lead.owner_id == moved.leads[lead.pk]]
    _give_leads(back, {lead.pk: rep.pk for lead in back}, cause=f"departure:{departure.pk}:undone", user=user, now=now)
    deals = Opportunity.objects.filter(pk__in=moved.deals, state=DealState.OPEN).values_list("pk", "owner")
    give_deals({pk: rep.pk for pk, owner in deals if owner == moved.deals[pk]})
    accounts = Account.objects.filter(pk__in=moved.accounts).values_list("pk", "owner")
    give_accounts({pk: rep.pk for pk, owner in accounts if owner == moved.accounts[pk]})
    Meeting.objects.filter(pk__in=moved.meetings, outcome="", lead__in=[lead.pk for lead in back]).update(rep=rep)
    Absence.objects.filter(pk__in=moved.covers).update(cover=rep)
    departure.undone_at, departure.undone_by = now, user
    departure.save(update_fields=["undone_at", "undone_by"])
    return departure


@dataclass(frozen=True, slots=True)
class Share:
    """What one rep took over: how many leads, meetings, deals, accounts and absences to cover; which leads."""

    rep: Rep
    leads: list[int]
    meetings: int
    deals: int
    accounts: int
    covers: int


def shares(departure: Departure) -> list[Share]:
    """What went to whom, by name. One query."""
    moved = _Moved.of(departure.moved)
    counts = {kind: Counter(getattr(moved, kind).values()) for kind in _KINDS}
    return [
        Share(
            rep=rep,
            leads=sorted(pk for pk, taker in moved.leads.items() if taker == rep.pk),
            meetings=counts[MEETINGS][rep.pk],
            deals=counts[DEALS][rep.pk],
            accounts=counts[ACCOUNTS][rep.pk],
            covers=counts[COVERS][rep.pk],
        )
        for rep in Rep.objects.filter(pk__in=moved.takers()).order_by("name")
    ]


# --- What it is -----------------------------------------------------------------------------------


def _meetings(rep: Rep) -> Any:
    return Meeting.objects.filter(outcome="", pk__in=Attendee.objects.filter(rep=rep).values("meeting")) | (
        Meeting.objects.filter(outcome="", rep=rep)
    )


def _offers(rep: Rep) -> Any:
    return HandOff.objects.filter(to_rep=rep, accepted_at=None, returned_at=None, withdrawn_at=None)


def _deals(rep: Rep) -> Any:
    return Opportunity.objects.filter(owner=rep, state=DealState.OPEN)


def _covers(rep: Rep, *, now: datetime) -> Any:
    return Absence.objects.filter(cover=rep, ends_on__gte=timezone.localdate(now))


# --- Who takes it ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Takers:
    """Whose turn it is. Either one person, or the seats of a team; what they take here does not count for new leads."""

    one: int | None = None
    states: Sequence[SeatState] = ()

    @classmethod
    def read(cls, rep: Rep, to_rep_id: int | None, *, now: datetime) -> "_Takers":
        if to_rep_id is not None:
            taker = Rep.objects.active().filter(pk=to_rep_id).exclude(pk=rep.pk).first()
            if taker is None:
                raise Invalid("to_rep_id", "There is no such active rep.")
            return cls(one=taker.pk)
        known = seats.floor_of({rep.team_id}, now=now).teams.get(rep.team_id, ()) if rep.team_id else ()
        # Beyond capacity: what somebody leaves behind has to be somebody's.
        here = [place for place in known if place.rep_id != rep.pk and place.why in _THERE]
        if not here:
            raise Invalid("to_rep_id", "Nobody else of the team is there to take it; choose one person.")
        return cls(states=[SeatState(rep_id=place.rep_id, weight=place.state.weight) for place in here])

    def next(self, count: int) -> list[int]:
        """Who takes the next so many, in turn."""
        if self.one is not None:
            return [self.one] * count
        dealt = deal(self.states, count)
        self.states = settle(self.states, dealt)
        return [rep_id for rep_id in dealt if rep_id is not None]


@dataclass(slots=True)
class _Moved:
    """What went where: the id of each thing, and the rep it went to."""

    leads: dict[int, int] = field(default_factory=dict)
    meetings: dict[int, int] = field(default_factory=dict)
    deals: dict[int, int] = field(default_factory=dict)
    accounts: dict[int, int] = field(default_factory=dict)
    covers: dict[int, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, dict[str, int]]:
        return {kind: {str(pk): rep for pk, rep in getattr(self, kind).items()} for kind in _KINDS}

    @classmethod
    def of(cls, told: Mapping[str, Mapping[str, int]]) -> "_Moved":
        return cls(**{kind: {int(pk): rep for pk, rep in told.get(kind, {}).items()} for kind in _KINDS})

    def takers(self) -> Iterable[int]:
        return {rep for kind in _KINDS for rep in getattr(self, kind).values() if rep}


_KINDS: Final = (LEADS, MEETINGS, DEALS, ACCOUNTS, COVERS)


# --- Moving it ------------------------------------------------------------------------------------


def _give_leads(leads: Sequence[Lead], to: Mapping[int, int], *, cause: str, user: Any, now: datetime) -> None:
    changes = [
        HandOver(lead=lead, kind=Assignment.Kind.REASSIGNED.value, rep_id=to[lead.pk], cause=cause) for lead in leads
    ]
    hand_over(sorted(changes, key=lambda change: change.lead.pk), actor=user, now=now)
    takers = Rep.objects.select_related("team").in_bulk(set(to.values()))
    offers = follow_hands({lead.pk: takers[to[lead.pk]] for lead in leads}, user=user, now=now)
    clocks.follow_offers(offers, now=now)


def _give_meetings(rep: Rep, leads: Mapping[int, int], takers: _Takers) -> dict[int, int]:
    """Whoever takes the lead goes to its meeting; to one of a colleague's lead whoever is next."""
    ahead = list(_meetings(rep).order_by("pk"))
    others = iter(takers.next(sum(meeting.lead_id not in leads for meeting in ahead)))
    to = {meeting.pk: leads.get(meeting.lead_id) or next(others) for meeting in ahead}
    Attendee.objects.filter(meeting__in=to, rep=rep).delete()
    Attendee.objects.bulk_create(
        (Attendee(meeting_id=pk, rep_id=taker) for pk, taker in to.items()), ignore_conflicts=True
    )
    mine = [meeting for meeting in ahead if meeting.rep_id == rep.pk]
    for meeting in mine:
        meeting.rep_id = to[meeting.pk]
    Meeting.objects.bulk_update(mine, ["rep"])
    return to


def _give_deals(rep: Rep, leads: Mapping[int, int], takers: _Takers) -> dict[int, int]:
    """Whoever takes the lead takes its deal; of a deal without a lead of the rep's whoever is next."""
    deals = list(_deals(rep).select_for_update(no_key=True).order_by("pk").values_list("pk", "lead"))
    others = iter(takers.next(sum(lead not in leads for _pk, lead in deals)))
    to = {pk: leads.get(lead or 0) or next(others) for pk, lead in deals}
    give_deals(to)
    return to


def _give_covers(rep: Rep, to_rep_id: int | None, *, now: datetime) -> dict[int, int]:
    """Absences that the rep was to cover: by the one who takes all, unless it is that one's own; else by nobody."""
    covered = dict(_covers(rep, now=now).values_list("pk", "rep"))
    theirs = [pk for pk, away in covered.items() if to_rep_id is not None and away != to_rep_id]
    Absence.objects.filter(pk__in=covered).update(cover=None)
    Absence.objects.filter(pk__in=theirs).update(cover=to_rep_id)
    return {pk: (to_rep_id or 0) if pk in theirs else 0 for pk in covered}


def _tell_takers(departure: Departure, moved: _Moved, *, user: Any, now: datetime) -> None:
    """One notice for each who takes something, with how much it is."""
    users = dict(Rep.objects.filter(pk__in=moved.takers(), user__isnull=False).values_list("pk", "user"))
    counts = {kind: Counter(getattr(moved, kind).values()) for kind in (LEADS, MEETINGS, DEALS)}
    tells = [
        Tell(
            user_id=to,
            kind=Notice.Kind.INHERITED,
            cause=f"departure:{departure.pk}",
            data={"rep": departure.rep_id} | {kind: counts[kind][rep_id] for kind in counts},
        )
        for rep_id, to in users.items()
        if to != user.pk
    ]
    tell(tells, now=now)
