"""Meetings, and SQLs on their way from SDRs to account executives: those of the past, and some that wait for an answer.

The past is written as it was learnt then, beside the stage events that say the same. What waits today goes the
product's own way: a meeting that was held, an SQL, an offer by the rules, an answer.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models

from demandcenter import pipeline
from demandcenter.demo_world.ledger import Course, Entry
from demandcenter.demo_world.reference import Ids
from demandcenter.demo_world.rhythm import DAY, about
from demandcenter.demo_world.stories import MARA
from funnel import staging
from funnel.models import Kind, Lead, Reason, Stage, StageEvent
from routing.models import Attendee, HandOff, HandOffNote, Meeting
from routing.overdue import ladder
from routing.sales import handoff, meetings
from routing.sales import handoff_answers as answers
from routing.sla import clocks

CHUNK = 500
LATE_TO_SAY = 0.08  # of meetings: how they went was said two days later
MISSED = 0.15  # of meetings that were held: the first attempt at one was not
NEVER_TAKEN = 0.6  # of SQLs that came back
HELD, NO_SHOW = Meeting.Outcome.HELD.value, Meeting.Outcome.NO_SHOW.value
_AN_HOUR = timedelta(hours=1)
_NEEDS = (
    ("Unplanned stops on the main line, about four hours a month.", "Workshop with maintenance and IT."),
    ("One view over all sites; the plants report in three different ways.", "Call with the plant manager."),
    ("An audit finding in the spring, so there is a date.", "Send the technical brief, then a call with IT."),
    ("They want to know what energy a part takes, for two customers who ask.", "Show the pilot of the dairy line."),
    ("A machine maker's contract ends; they compare three vendors.", "Price range and a reference by Friday."),
)
_ASKED = (("Runs at the edge, without the cloud?", "Who pays for the sensors?"), ("Price of a pilot?", ""), ("", ""))


# --- The past -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sql:
    """One entry into SQL, with what was before it and what came next, if anything."""

    course: Course
    before: Entry
    entry: Entry
    after: Entry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Talk:
    """A meeting. instead_of: the one that did not take place."""

    id: int
    booked_at: datetime
    starts_at: datetime
    outcome: str
    outcome_at: datetime
    instead_of: int | None = None


def write(courses: Sequence[Course], ids: Ids, *, until: datetime, dice: random.Random) -> None:
    """The meetings that made SQLs, and the hand-offs that followed, each with its note."""
    sqls = [sql for course in courses if course.sdr for sql in _sqls(course)]
    past = _Past(sqls, ids, until, dice)
    meeting_ids = iter(staging.new_ids(Meeting, 2 * len(sqls)))
    for sql, hand_off_id in zip(sqls, staging.new_ids(HandOff, len(sqls)), strict=True):
        past.meet(sql, made=next(meeting_ids), missed=next(meeting_ids))
        past.hand_over(sql, hand_off_id)
    for model, rows in past.rows.items():
        staging.insert(model, rows)


def _sqls(course: Course) -> Iterator[_Sql]:
    for before, entry, after in zip(course.entries, course.entries[1:], [*course.entries[2:], None], strict=False):
        if entry.stage == Stage.SQL and entry.kind == Kind.ADVANCE:
            yield _Sql(course, before, entry, after)


class _Past:
    """The rows of the past, parents before children."""

    def __init__(self, sqls: Sequence[_Sql], ids: Ids, until: datetime, dice: random.Random) -> None:
        self.ids, self.until, self.dice = ids, until, dice
        back = [sql.after.id for sql in sqls if sql.after and sql.after.kind == Kind.REGRESS]
        self._reasons = dict(StageEvent.objects.filter(pk__in=back).values_list("pk", "reason"))
        self.rows: dict[type[models.Model], list[dict[str, Any]]] = {
            model: [] for model in (Meeting, Attendee, HandOff, HandOffNote)
        }

    def meet(self, sql: _Sql, *, made: int, missed: int) -> None:
        """The meeting that made the SQL; some took a second attempt."""
        dice, said_at, since = self.dice, sql.entry.at, sql.before.at
        lasted = DAY * 2 if dice.random() < LATE_TO_SAY else timedelta(minutes=dice.randint(40, 75))
        starts_at = max(said_at - lasted, since + (said_at - since) * 0.8)
        booked_at = since + (starts_at - since) * dice.uniform(0.1, 0.6)
        first = None
        if dice.random() < MISSED and starts_at - booked_at > DAY * 3:
            slot = booked_at + (starts_at - booked_at) * 0.5
            first = _Talk(id=missed, booked_at=booked_at, starts_at=slot, outcome=NO_SHOW, outcome_at=slot + _AN_HOUR)
            self._talk(sql, first)
            booked_at = slot + _AN_HOUR * 2
        self._talk(
            sql,
            _Talk(
                id=made,
                booked_at=booked_at,
                starts_at=starts_at,
                outcome=HELD,
                outcome_at=said_at,
                instead_of=first.id if first else None,
            ),
        )

    def _talk(self, sql: _Sql, talk: _Talk) -> None:
        course = sql.course
        sdr, user = self.ids.reps[course.sdr], self.ids.users[course.sdr]
        self.rows[Meeting].append(
            {
                "id": talk.id,
                "lead_id": course.lead_id,
                "rep_id": sdr,
                "booked_at": talk.booked_at,
                "booked_by_id": user,
                "starts_at": talk.starts_at,
                "outcome": talk.outcome,
                "outcome_at": talk.outcome_at,
                "outcome_by_id": user,
                "instead_of_id": talk.instead_of,
            }
        )
        there = {"meeting_id": talk.id, "expected": True}
        self.rows[Attendee] += [
            there | {"rep_id": None, "person_id": course.person_id, "came": talk.outcome == HELD},
            there | {"rep_id": sdr, "person_id": None, "came": True},
            there | {"rep_id": self.ids.reps[course.executive], "person_id": None, "came": True},
        ]

    def hand_over(self, sql: _Sql, pk: int) -> None:
        """Offered with the SQL, and taken over some hours later, or returned."""
        course, at, after, dice = sql.course, sql.entry.at, sql.after, self.dice
        taken_at = at + _AN_HOUR * about(dice, 5, 0.9)
        if after:
            taken_at = min(taken_at, after.at - (after.at - at) * 0.05)
        returned_at = after.at if after and after.kind == Kind.REGRESS else None
        taken = taken_at <= self.until and not (returned_at and dice.random() < NEVER_TAKEN)
        executive = self.ids.users[course.executive]
        self.rows[HandOff].append(
            {
                "id": pk,
                "lead_id": course.lead_id,
                "from_rep_id": self.ids.reps[course.sdr],
                "to_rep_id": self.ids.reps[course.executive],
                "offered_at": at,
                "offered_by_id": self.ids.users[course.sdr],
                "accepted_at": taken_at if taken else None,
                "accepted_by_id": executive if taken else None,
                "returned_at": returned_at,
                "returned_by_id": executive if returned_at else None,
                "reason_id": self._reasons[after.id] if after and returned_at else None,
                "cause": f"stage_event:{sql.entry.id}",
            }
        )
        (need, following), (answered, unanswered) = dice.choice(_NEEDS), dice.choice(_ASKED)
        note = {"need": need, "next_step": following, "answered": answered, "unanswered": unanswered}
        self.rows[HandOffNote].append({"hand_off_id": pk, "person_id": course.person_id} | note)


# --- Today ----------------------------------------------------------------------------------------

# Who offers, how long ago, and what has become of it: nothing yet, taken over, or returned.
_OFFERS = (
    (MARA, timedelta(hours=26), ""),
    (MARA, timedelta(hours=3, minutes=10), ""),
    ("Anton Keller", timedelta(hours=7), "returned"),
    ("Birgit Aasen", timedelta(hours=5), "taken"),
    ("Owen Gallagher", timedelta(hours=21), ""),
    ("Camille Roussel", timedelta(hours=4), ""),
    ("Tyler Brooks", timedelta(hours=2), ""),
)


def hand_over(*, now: datetime) -> None:
    """Let some SDRs meet, hand over and be answered, each at its own moment, the oldest first."""
    for place, (name, ago, answer) in sorted(enumerate(_OFFERS), key=lambda pair: -pair[1][1]):
        at = now - ago
        free = Lead.objects.open().filter(stage=Stage.SAL, stage_since__lt=at - DAY, meetings=None)
        free = free.filter(owner__active=True).exclude(tasks__cause="demo")
        free = free.select_related("owner__user").order_by("stage_since", "pk")
        lead = free.filter(owner__name=name).last() or free.exclude(owner__name=MARA).last()
        if lead is None or lead.owner is None:
            continue  # a small demo has nobody for it
        _offer(lead, lead.owner.user, place, at=at)
        pipeline.drain(now=at)
        clocks.follow_hand_offs(now=at, limit=CHUNK)
        if answer:
            _answer(lead.pk, answer, now=at + _AN_HOUR)
    ladder.sweep(now=now, limit=CHUNK)


def _offer(lead: Lead, user: Any, place: int, *, at: datetime) -> None:
    meetings.book(lead.pk, starts_at=at - _AN_HOUR, user=user, now=at - DAY)
    ahead = Meeting.objects.get(lead=lead, outcome="")
    meetings.record_outcome(ahead.pk, outcome=HELD, user=user, now=at - timedelta(minutes=10))
    need, following = _NEEDS[place % len(_NEEDS)]
    answered, unanswered = _ASKED[place % len(_ASKED)]
    note = handoff.Note(need=need, next_step=following, answered=answered, unanswered=unanswered)
    handoff.offer(lead.pk, note=note, user=user, now=at)


def _answer(lead_id: int, answer: str, *, now: datetime) -> None:
    """By whom it was offered to."""
    user = HandOff.objects.get(lead=lead_id, accepted_at=None, returned_at=None, withdrawn_at=None).to_rep.user
    if answer == "taken":
        answers.take_over(lead_id, user=user, now=now)
        return
    reason = Reason.objects.get(kind=Reason.For.REGRESS, name="Need not confirmed in the meeting")
    answers.give_it_back(lead_id, reason_id=reason.pk, user=user, now=now)
