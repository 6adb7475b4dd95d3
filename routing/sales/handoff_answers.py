"""What becomes of an SQL that was offered: taken over, returned to its SDR, taken back; each undone for ten minutes.

Under the lead's lock one of take over, return, withdraw and give away wins; the others are told.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from funnel.access import name_of
from funnel.models import Kind, Lead, Reason, Rep, Stage
from funnel.notes import write_note
from funnel.stages import Move
from routing.acts.doing import (
    DEAL,
    REASSIGN,
    WORK,
    Done,
    Refused,
    at_moment,
    cause_of,
    last_event,
    locked,
    manages,
    move,
    owner_since,
    reason_for,
    refuse_if_elsewhere,
    refuse_if_late,
    rep_of,
    require,
    require_doer,
)
from routing.acts.ownership import HandOver, give_back, hand_over
from routing.hours.covering import hands_of
from routing.models import Assignment, Departure, HandOff, Notice
from routing.sales.handoff import done_with, latest_of, tell_rep


@transaction.atomic
def take_over(lead_id: int, *, user: Any, now: datetime) -> Done:
    """The account executive accepts the SQL. Raises Refused: taken back, given to another; NotAllowed."""
    require(user, WORK, REASSIGN, DEAL, deed="take over SQLs")
    lead = locked(lead_id)
    latest = latest_of(lead)
    if latest is not None and latest.state == "accepted" and latest.accepted_by_id == user.pk:
        return _taken(lead, latest)
    offered = _answerable(lead, latest, user, deed="take it over", now=now)
    refuse_if_elsewhere(lead, seen=Stage.SQL, last=last_event(lead), deed="taken over", now=now)
    offered.accepted_at, offered.accepted_by = now, user
    offered.save(update_fields=["accepted_at", "accepted_by"])
    tell_rep(offered.from_rep, Notice.Kind.TAKEN_OVER, offered, user=user, now=now)
    return _taken(lead, offered)


@transaction.atomic
def give_it_back(lead_id: int, *, reason_id: int | None, text: str = "", user: Any, now: datetime) -> Done:
    """Return the SQL to the SDR for a reason: it stands at SAL again, and is theirs. Possible until a deal is made.

    text: a sentence, kept as a note; some reasons demand it. Raises Invalid for the reason; Refused, NotAllowed.
    """
    require(user, WORK, REASSIGN, DEAL, deed="return SQLs")
    lead = locked(lead_id)
    latest = latest_of(lead)
    if latest is not None and latest.state == "returned" and latest.returned_by_id == user.pk:
        return _returned(lead, latest)
    taken = latest is not None and latest.state == "accepted"
    hand_off = _answerable(lead, latest, user, deed="return it", now=now, taken=taken)
    refuse_if_elsewhere(lead, seen=Stage.SQL, last=last_event(lead), deed="returned", now=now)
    reason = reason_for(reason_id, kinds=(Reason.For.REGRESS,), stage=Stage.SQL, text=text)
    back = Move(
        lead_id=lead.pk,
        kind=Kind.REGRESS.value,
        to_stage=Stage.SAL.value,
        expected=Stage.SQL.value,
        occurred_at=now,
        cause=cause_of("return", user, last_event(lead)),
        actor_id=user.pk,
        reason_id=reason.pk,
    )
    move([back], now=now)
    _to_whom_it_came_from(hand_off, lead, cause=f"returned:{hand_off.pk}", user=user, now=now)
    hand_off.returned_at, hand_off.returned_by, hand_off.reason = now, user, reason
    hand_off.save(update_fields=["returned_at", "returned_by", "reason"])
    _keep(lead, user, text)
    tell_rep(hand_off.from_rep, Notice.Kind.RETURNED, hand_off, user=user, now=now)
    return _returned(lead, hand_off)


@transaction.atomic
def withdraw(lead_id: int, *, user: Any, now: datetime) -> Done:
    """Take an offer back as long as nobody has answered it; the lead is its SDR's again.

    By whoever offered it, or a manager. Raises Refused with who was faster; NotAllowed.
    """
    lead = locked(lead_id)
    latest = latest_of(lead)
    if latest is not None and latest.withdrawn_by_id == user.pk and latest.state == "withdrawn":
        return _withdrawn(lead)
    if latest is None or latest.state != "offered":
        raise Refused(_what_became(latest, now=now) if latest else "This lead was not offered to anybody.")
    require_doer(latest.offered_by_id, user, did="offered it")
    _refuse_if_given_on(lead, latest, now=now)
    _to_whom_it_came_from(latest, lead, cause=f"withdrawn:{latest.pk}", user=user, now=now)
    latest.withdrawn_at, latest.withdrawn_by = now, user
    latest.save(update_fields=["withdrawn_at", "withdrawn_by"])
    return _withdrawn(lead)


@transaction.atomic
def undo(hand_off_id: int, *, user: Any, now: datetime) -> Done:
    """Take back the latest step of a hand-off within ten minutes: an offer, a take-over or a return.

    Raises Refused where something has happened since; NotAllowed.
    """
    lead_id = HandOff.objects.filter(pk=hand_off_id).values_list("lead_id", flat=True).first()
    if lead_id is None:
        raise Refused("There is no such hand-off.")
    lead = locked(lead_id)
    latest = latest_of(lead)
    if latest is None or latest.pk != hand_off_id:
        raise Refused("The lead was offered again since; it stays as it is.")
    if latest.state == "offered":
        return withdraw(lead_id, user=user, now=now)
    if latest.state not in ("accepted", "returned"):
        raise Refused("This was taken back already.")
    at = latest.returned_at or latest.accepted_at
    by = latest.returned_by_id if latest.returned_at else latest.accepted_by_id
    assert at is not None
    require_doer(by, user)
    refuse_if_late(at, now=now)
    return _undo_return(lead, latest, user, now=now) if latest.returned_at else _undo_taking(lead, latest, now=now)


def _undo_taking(lead: Lead, hand_off: HandOff, *, now: datetime) -> Done:
    _refuse_if_given_on(lead, hand_off, now=now)
    refuse_if_elsewhere(lead, seen=Stage.SQL, last=last_event(lead), deed="given back", now=now)
    hand_off.accepted_at, hand_off.accepted_by = None, None
    hand_off.save(update_fields=["accepted_at", "accepted_by"])
    return Done(lead_id=lead.pk, sentence=f"Taken back: {lead.person} waits for your answer again.")


def _undo_return(lead: Lead, hand_off: HandOff, user: Any, *, now: datetime) -> Done:
    event, given = last_event(lead), _latest_assignment(lead)
    if event is None or ":return:" not in event.cause or event.occurred_at != hand_off.returned_at:
        raise Refused("Something has happened to this lead since; it stays as it is.")
    if given is None or given.cause != f"returned:{hand_off.pk}":
        raise Refused("The lead was given to somebody else since; it stays as it is.")
    void = Move(
        lead_id=lead.pk,
        kind=Kind.VOID.value,
        occurred_at=now,
        cause=f"undo:{event.pk}",
        actor_id=user.pk,
        supersedes_id=event.pk,
    )
    move([void], now=now)
    hand_over([give_back(given, lead, cause=f"undo:{event.pk}")], actor=user, now=now)
    hand_off.returned_at, hand_off.returned_by, hand_off.reason = None, None, None
    hand_off.save(update_fields=["returned_at", "returned_by", "reason"])
    return Done(lead_id=lead.pk, sentence=f"Taken back: {lead.person} is an SQL again.")


def answered_by_deal(lead: Lead, *, user: Any, now: datetime) -> None:
    """Who makes a deal of an SQL that was offered has taken it over. The caller holds the lead's lock."""
    offered = latest_of(lead)
    if offered is not None and offered.state == "offered":
        offered.accepted_at, offered.accepted_by = now, user
        offered.save(update_fields=["accepted_at", "accepted_by"])


# --- Their parts ----------------------------------------------------------------------------------


def _latest_assignment(lead: Lead) -> Assignment | None:
    return Assignment.objects.filter(lead=lead).order_by("-id").first()


def _answerable(
    lead: Lead, latest: HandOff | None, user: Any, *, deed: str, now: datetime, taken: bool = False
) -> HandOff:
    """The hand-off that this user may answer now. taken: one that was taken over will do as well."""
    if latest is None:
        raise Refused("This lead was not offered to anybody.")
    if latest.state != "offered" and not (taken and latest.state == "accepted"):
        raise Refused(_what_became(latest, now=now))
    _refuse_if_given_on(lead, latest, now=now)
    rep = rep_of(user)
    if not manages(user) and (rep is None or latest.to_rep_id not in hands_of(rep.pk, now=now)):
        raise Refused(f"This SQL is offered to {latest.to_rep}. Only they or a manager can {deed}.")
    return latest


def _refuse_if_given_on(lead: Lead, hand_off: HandOff, *, now: datetime) -> None:
    if lead.owner_id != hand_off.to_rep_id:
        whose = owner_since(lead, now=now) if lead.owner_id else "with nobody now"
        raise Refused(f"This lead is {whose}.")


def _what_became(hand_off: HandOff, *, now: datetime) -> str:
    """The answer to somebody slower: "Olaf Berg took this SQL over at 10:41."."""
    at, by, deed = {
        "accepted": (hand_off.accepted_at, hand_off.accepted_by, "took this SQL over"),
        "returned": (hand_off.returned_at, hand_off.returned_by, "returned this SQL"),
        "withdrawn": (hand_off.withdrawn_at, hand_off.withdrawn_by, "took this offer back"),
    }[hand_off.state]
    assert at is not None
    return f"{name_of(by) if by else 'Somebody'} {deed} {at_moment(at, now=now)}."


def _to_whom_it_came_from(hand_off: HandOff, lead: Lead, *, cause: str, user: Any, now: datetime) -> None:
    """Back to the SDR; where that one has left, to who has their work, into the pool of their team, or to nobody."""
    rep = hand_off.from_rep
    if rep is not None and not rep.active:
        rep = _successor_of(rep) or rep
    if rep is not None and rep.active:
        change = HandOver(lead=lead, kind=Assignment.Kind.REASSIGNED.value, rep_id=rep.pk, cause=cause)
    else:
        team_id = rep.team_id if rep is not None else None
        change = HandOver(lead=lead, kind=Assignment.Kind.RELEASED.value, team_id=team_id, cause=cause)
    hand_over([change], actor=user, now=now)


def _keep(lead: Lead, user: Any, text: str) -> None:
    if text.strip():
        write_note(lead=lead, author=user, text=text)


# --- Answers --------------------------------------------------------------------------------------


def _taken(lead: Lead, hand_off: HandOff) -> Done:
    return done_with(lead, hand_off, hand_off.accepted_at, f"{lead.person} is yours to sell.")


def _returned(lead: Lead, hand_off: HandOff) -> Done:
    to = f" to {hand_off.from_rep}" if hand_off.from_rep else ""
    return done_with(lead, hand_off, hand_off.returned_at, f"{lead.person} is returned{to}: {hand_off.reason}.")


def _withdrawn(lead: Lead) -> Done:
    return Done(lead_id=lead.pk, sentence=f"Taken back: {lead.person} is not offered any more.")


def _successor_of(rep: Rep) -> Rep | None:
    """Who has what this rep left behind, if it is one person who is still here."""
    latest = Departure.objects.filter(rep=rep, undone_at=None).select_related("to_rep").first()
    return latest.to_rep if latest and latest.to_rep and latest.to_rep.active else None
