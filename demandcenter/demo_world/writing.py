"""Trips into the database, thousands at a time: people, touches, leads with their events, deals and notes.

Facts are inserted as they were learnt then (`recorded_at`), which no writer for new facts offers; the state of each
lead is derived from its events by `funnel.stages`, as always.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, models

from demandcenter.demo_world import people
from demandcenter.demo_world.deals import ROLES, Deal
from demandcenter.demo_world.journeys import CLOCK, REP, RULE, Step, Touch
from demandcenter.demo_world.ledger import Course, Entry
from demandcenter.demo_world.notes import Remark
from demandcenter.demo_world.people import Human
from demandcenter.demo_world.reference import REASONS, SOURCE, Ids
from demandcenter.demo_world.trips import Trip
from funnel import stages, staging
from funnel.models import (
    Activity,
    Exit,
    Kind,
    Lead,
    Motion,
    Note,
    Opportunity,
    OpportunityContact,
    OpportunityEvent,
    Person,
    PersonKey,
    Stage,
    StageEvent,
)
from scoring.qualifying import FAST_TRACK

ID_BLOCK = 4096
_REVISIT = {(kind, name): days for kind, _stage, name, days in REASONS}


class _Sequence:
    """The ids of a table, taken a block at a time."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self._block: Iterator[int] = iter(())

    def next(self) -> int:
        found = next(self._block, None)
        if found is None:
            self._block = iter(staging.new_ids(self.model, ID_BLOCK))
            found = next(self._block)
        return found


class Writer:
    """Collects trips and writes them in batches. until: nothing is recorded after this moment.

    policy: the version of the model whose MQLs these are, as decisions name it.
    """

    def __init__(self, ids: Ids, *, policy: str, until: datetime, dice: random.Random) -> None:
        self.ids, self.policy = ids, policy
        self.until = until
        self.dice = dice
        self.people = self.leads = self.touches = self.deals = 0
        self.courses: list[Course] = []  # of leads that became MQLs
        self._ids = {model: _Sequence(model) for model in (Person, Activity, Lead, StageEvent, Opportunity)}
        self._rows: dict[type[models.Model], list[dict[str, Any]]] = {}

    @property
    def waiting(self) -> int:
        """Leads that are not written yet."""
        return len(self._rows.get(Lead, ()))

    def add(self, trip: Trip) -> None:
        """Take a trip up; its person gets an id with the first one."""
        if not trip.human.id:
            self._person(trip.human, trip.touches[0])
        lead_id = self._ids[Lead].next()
        self._touches(trip)
        deal_id = self._ids[Opportunity].next() if trip.deal else 0
        recorded_at = self._events(trip, lead_id, deal_id)
        self._lead(trip, lead_id, recorded_at)
        if trip.deal:
            self._deal(trip, trip.deal, lead_id, deal_id)
        for remark in trip.remarks:
            self._note(trip, remark, lead_id)

    def flush(self) -> None:
        """Write what was collected: parents before children."""
        order: tuple[type[models.Model], ...] = (
            Person, PersonKey, Activity, Lead, StageEvent, Opportunity, OpportunityEvent, OpportunityContact, Note,
        )  # fmt: skip
        for model in order:
            staging.insert(model, self._rows.get(model, ()))
        stages.refresh([row["id"] for row in self._rows.get(Lead, ())])
        with connection.cursor() as cursor:
            # Checks of foreign keys would pile up until the end of the transaction.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        self._rows.clear()

    # --- one row each ---------------------------------------------------------------------------------

    def _put(self, model: type[models.Model], row: dict[str, Any]) -> None:
        self._rows.setdefault(model, []).append(row)

    def date(self, human: Human, touch: Touch) -> Touch:
        """Note when a touch of this human happened and was recorded."""
        at = self.utc(human, touch.at)
        slow = 600.0 if not touch.inbound and not touch.automatic else 5.0
        touch.utc = at.timestamp()
        touch.recorded = self._learnt(at, self.dice.random() * slow).timestamp()
        return touch

    def utc(self, human: Human, local: datetime) -> datetime:
        """The moment of a human's local time."""
        return local.replace(tzinfo=human.country.zone).astimezone(UTC)

    def _learnt(self, at: datetime, seconds: float) -> datetime:
        return min(at + timedelta(seconds=seconds), self.until)

    def _person(self, human: Human, first_touch: Touch) -> None:
        self.people += 1
        human.id = self._ids[Person].next()
        self._put(Person, people.row(human, _moment(first_touch.recorded)))
        self._put(PersonKey, {"source": SOURCE, "external_id": human.key, "person_id": human.id})
        if human.company:
            human.company.people.append(human.id)
            del human.company.people[:-12]

    def _touches(self, trip: Trip) -> None:
        for touch in trip.touches:
            self.touch(trip, touch)

    def touch(self, trip: Trip, touch: Touch) -> datetime:
        """Take up one touch, which is dated; returns when it was recorded."""
        touch.id = self._ids[Activity].next()
        self.touches += 1
        at, recorded_at = _moment(touch.utc), _moment(touch.recorded)
        of_campaign = trip.program if touch.of_campaign else None
        self._put(
            Activity,
            {
                "id": touch.id,
                "person_id": trip.human.id,
                "account_id": trip.human.company.id if trip.human.company else None,
                "type": touch.type,
                "direction": "in" if touch.inbound else "out",
                "automatic": touch.automatic,
                "counts_as_response": touch.response,
                "channel_id": self.ids.channels.get(touch.channel),
                "campaign_id": self.ids.campaigns[of_campaign.name] if of_campaign else None,
                "content_id": self.ids.contents.get(touch.offer),
                "solution_id": self.ids.solutions[trip.solution] if touch.response else None,
                "occurred_at": at,
                "recorded_at": recorded_at,
                "source": SOURCE,
                "external_id": f"touch-{self.touches:08}",
                "digest": UUID(int=self.dice.getrandbits(128)),
            },
        )
        return recorded_at

    def ours(self, touches: Sequence[tuple[Lead, str, datetime, dict[str, Any]]]) -> list[int]:
        """Write touches of ours at once: whose lead, type, when, and what came of each. Returns their ids, in order."""
        ids = staging.new_ids(Activity, len(touches))
        rows = []
        for pk, (lead, kind, at, payload) in zip(ids, touches, strict=True):
            self.touches += 1
            rows.append(
                {
                    "id": pk,
                    "person_id": lead.person_id,
                    "account_id": lead.account_id,
                    "type": kind,
                    "direction": "out",
                    "occurred_at": at,
                    "recorded_at": self._learnt(at, 30),
                    "source": SOURCE,
                    "external_id": f"touch-{self.touches:08}",
                    "digest": UUID(int=self.dice.getrandbits(128)),
                    "payload": payload,
                }
            )
        staging.insert(Activity, rows)
        return ids

    def _events(self, trip: Trip, lead_id: int, deal_id: int) -> datetime:
        """The stage events; returns when the first of them was recorded."""
        entries = []
        by_moment = {touch.at: touch.id for touch in trip.touches}
        here, first = "", None
        for number, step in enumerate(trip.steps):
            at = self.utc(trip.human, step.at)
            recorded_at = self._learnt(at, self._delay(step))
            decided: dict[str, Any] = {"policy": "", "score": None}
            cause = _cause(step, number, here, by_moment.get(step.at), deal_id)
            if trip.reached and step.stage == Stage.MQL and step.by == RULE:
                assert trip.reached.touch is not None, "the world lets nobody become an MQL by time alone"
                at = recorded_at = self._learnt(_moment(trip.reached.touch.recorded), self.dice.uniform(1, 4))
                decided = {"policy": self.policy, "score": trip.reached.interest}
                cause = f"mql:activity:{trip.reached.touch.id}{f':{FAST_TRACK}' if trip.reached.by_hand else ''}"
            first = first or recorded_at
            actor = trip.executive if here in (Stage.SQL, Stage.OPPORTUNITY) else trip.sdr
            event_id = self._ids[StageEvent].next()
            entries.append(Entry(event_id, step.kind, step.stage, at))
            self._put(
                StageEvent,
                {
                    "id": event_id,
                    "lead_id": lead_id,
                    "kind": step.kind,
                    "from_stage": here,
                    "to_stage": step.stage,
                    "occurred_at": at,
                    "recorded_at": recorded_at,
                    "actor_id": self.ids.users.get(actor) if step.by == REP else None,
                    "reason_id": self.ids.reasons[step.reason] if step.reason else None,
                    "cause": cause,
                }
                | decided,
            )
            here = step.stage or here
        assert first is not None, "a trip has at least its opening"
        self._remember(trip, lead_id, entries)
        return first

    def _remember(self, trip: Trip, lead_id: int, entries: list[Entry]) -> None:
        course = Course(
            lead_id=lead_id,
            person_id=trip.human.id,
            region=trip.human.country.region,
            is_known=trip.human.company is not None,
            sdr=trip.sdr,
            executive=trip.executive,
            entries=entries,
        )
        if course.raised:
            self.courses.append(course)

    def _delay(self, step: Step) -> float:
        """Seconds until a step was recorded: at once by rules, some hours late by people who were busy."""
        if step.by == REP and self.dice.random() < 0.05:
            return self.dice.uniform(0.1, 1.5) * 86_400
        return 3 + self.dice.random() * (40 if step.by == REP else 4)

    def _lead(self, trip: Trip, lead_id: int, recorded_at: datetime) -> None:
        self.leads += 1
        human, ids = trip.human, self.ids
        outbound = trip.steps[0].kind == Kind.PASSTHROUGH
        revisit_on = revisit_of(trip.steps[-1])
        self._put(
            Lead,
            {
                "id": lead_id,
                "person_id": human.id,
                "number": trip.number,
                # Void until its events are read; `stages.refresh` says what they come to.
                "stage": Stage.INQUIRY.value,
                "stage_since": recorded_at,
                "closed_at": recorded_at,
                "exit": Exit.VOID.value,
                "owner_id": ids.reps.get(trip.owner),
                "developed_by_id": ids.reps.get(trip.sdr) if trip.was_sql else None,
                "revisit_on": revisit_on,
                "revisited_on": revisit_on if revisit_on and revisit_on < self.until.date() else None,
                "entry_stage": (Stage.MQL if outbound else Stage.INQUIRY).value,
                "function": trip.function,
                "motion": _motion(human),
                "channel_id": ids.channels[trip.channel],
                "content_id": ids.contents.get(trip.offer),
                "campaign_id": ids.campaigns[trip.program.name] if trip.program else None,
                "region_id": ids.regions[human.country.region],
                "segment": human.company.segment if human.company else "",
                "solution_id": ids.solutions[trip.solution],
                "account_id": human.company.id if human.company else None,
                "source": SOURCE,
                "external_id": f"lead-{self.leads:07}",
                "recorded_at": recorded_at,
            },
        )

    def _deal(self, trip: Trip, deal: Deal, lead_id: int, deal_id: int) -> None:
        self.deals += 1
        human, last = trip.human, deal.changes[-1]
        company = human.company.name if human.company else f"{human.first_name} {human.last_name}"
        opened_at = self.utc(human, deal.changes[0].at)
        self._put(
            Opportunity,
            {
                "id": deal_id,
                "name": f"{company}: {trip.solution}",
                "account_id": human.company.id if human.company else None,
                "lead_id": lead_id,
                "owner_id": self.ids.reps[trip.executive],
                "region_id": self.ids.regions[human.country.region],
                "solution_id": self.ids.solutions[trip.solution],
                "motion": _motion(human),
                "deal_stage": last.stage,
                "state": last.state,
                "amount": last.amount,
                "currency": "EUR",
                "opened_at": opened_at,
                "expected_close_on": deal.expected_close_on,
                "closed_at": self.utc(human, deal.closed_at) if deal.closed_at else None,
                "reason_id": self.ids.reasons[deal.reason] if deal.reason else None,
                "source": SOURCE,
                "external_id": f"deal-{self.deals:06}",
                "recorded_at": self._learnt(opened_at, 30),
            },
        )
        for number, change in enumerate(deal.changes, start=1):
            at = self.utc(human, change.at)
            self._put(
                OpportunityEvent,
                {
                    "opportunity_id": deal_id,
                    "deal_stage": change.stage,
                    "state": change.state,
                    "amount": change.amount,
                    "currency": "EUR",
                    "occurred_at": at,
                    "recorded_at": self._learnt(at, 30),
                    "actor_id": self.ids.users.get(trip.executive),
                    "cause": f"user:{number}",
                },
            )
        for person_id, role in [(human.id, ROLES[0]), *deal.contacts]:
            if person_id != human.id or role == ROLES[0]:
                self._put(OpportunityContact, {"opportunity_id": deal_id, "person_id": person_id, "role": role})

    def _note(self, trip: Trip, remark: Remark, lead_id: int) -> None:
        self._put(
            Note,
            {
                "person_id": trip.human.id,
                "lead_id": lead_id,
                "author_id": self.ids.users[remark.author],
                "text": remark.text,
                "written_at": self.utc(trip.human, remark.at),
            },
        )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _cause(step: Step, number: int, here: str, touch_id: int | None, deal_id: int) -> str:
    if step.by == RULE and touch_id:
        return f"activity:{touch_id}"
    if step.by == CLOCK:
        return "clock:inactive"
    if deal_id and (Stage.OPPORTUNITY in (step.stage, here)):
        return f"opportunity:{deal_id}/{number}"
    return f"rule:{number}" if step.by == RULE else f"user:{number}"


def revisit_of(last: Step) -> date | None:
    """The day to look again, where the last step was a recycle that sets one."""
    days = _REVISIT.get(last.reason) if last.reason else None
    return last.at.date() + timedelta(days=days) if days else None


def _motion(human: Human) -> str:
    bought = human.company is not None and human.company.kind == "customer"
    return (Motion.CROSS_SELL if bought else Motion.NEW).value
