"""Clocks say what happened: when they start, stop and run again, who is told, and that looking late changes nothing."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from funnel.access import Role
from funnel.models import Activity, Inbox, Kind, Lead, Stage, StageEvent
from funnel.stages import Move, move
from routing.models import Calendar, Clock, ClockEvent, Notice
from routing.overdue.ladder import sweep
from routing.sla.clocks import follow, may_cool
from scoring.qualifying import ReRaise
from tests import factories
from tests.threads import at_once

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 6, 1, 12, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


@pytest.fixture(autouse=True)
def _promises():
    factories.promises("accept", "hot")


@pytest.fixture
def owner():
    return factories.user(Role.SDR, team=factories.team()).rep


@pytest.fixture
def manager():
    return factories.user(Role.SDR_MANAGER)


def events_of(lead: Lead) -> list[int]:
    return list(StageEvent.objects.filter(lead=lead).order_by("pk").values_list("pk", flat=True))


def drained(*leads: Lead, now: datetime = TUESDAY + timedelta(days=30)) -> None:
    """Follow what the pipeline would take out of the inbox."""
    rows = Inbox.objects.filter(cause="stage_event", person__in=[lead.person_id for lead in leads])
    follow(list(rows.values_list("object_id", flat=True)), now=now)
    rows.delete()


def clock_of(lead: Lead, kind: str = "accept") -> Clock:
    return Clock.objects.get(lead=lead, kind=kind)


def said(clock: Clock) -> list[tuple[str, datetime]]:
    return [(event.kind, event.occurred_at) for event in clock.events.order_by("occurred_at", "pk")]


def undo(lead: Lead, event_id: int, *, at: datetime) -> None:
    (moved,) = move(
        [Move(lead_id=lead.pk, kind=Kind.VOID, supersedes_id=event_id, occurred_at=at, cause=f"test:undo:{event_id}")],
        now=at,
    )
    assert moved.done, moved
    lead.refresh_from_db()


ACTS = (
    {"to_stage": Stage.MQL},
    {"to_stage": Stage.SAL},
    {"to_stage": Stage.MQL, "kind": Kind.REGRESS},
    {"to_stage": Stage.MQL, "kind": Kind.REOPEN},
    {"to_stage": "", "kind": Kind.DISQUALIFY},
    {"to_stage": "", "kind": Kind.VOID},
)


def do(act: dict, choice: float, lead: Lead, *, at: datetime) -> bool:
    """Move the lead if its path allows it; a void takes back one of its later events. Returns whether it moved."""
    if act.get("kind") == Kind.VOID:
        events = events_of(lead)[1:]
        if not events:
            return False
        act = act | {"supersedes_id": events[int(choice * len(events))]}
    wish = {"kind": Kind.ADVANCE, "cause": f"test:{at.isoformat()}"} | act
    (moved,) = move([Move(lead_id=lead.pk, occurred_at=at, **wish)], now=at)
    lead.refresh_from_db()
    return moved.done


class TestAcceptClock:
    def test_it_starts_with_the_mql_and_is_due_a_business_day_later(self, owner):
        lead = factories.mql(at=MONDAY, owner=owner)
        drained(lead)
        clock = clock_of(lead)
        assert (clock.started_at, clock.due_at, clock.stopped_at) == (MONDAY, TUESDAY, None)
        # Nine business hours, of which four fifths are over after seven hours and twelve minutes.
        assert clock.warn_at == TUESDAY - minutes(108)
        assert clock.next_at == clock.warn_at
        assert said(clock) == [("started", MONDAY)]

    @pytest.mark.parametrize("how", ["accept", "reject", "recycle"])
    def test_a_decision_stops_it_at_the_time_of_the_decision(self, how):
        lead = factories.mql(at=MONDAY)
        decided = MONDAY + minutes(30)
        if how == "accept":
            event = factories.advance(lead, Stage.SAL, at=decided)
        else:
            kind = Kind.DISQUALIFY if how == "reject" else Kind.RECYCLE
            event = factories.advance(lead, "", at=decided, kind=kind)
        drained(lead)
        clock = clock_of(lead)
        assert (clock.stopped_at, clock.stopped_by, clock.cancelled) == (decided, f"stage_event:{event}", False)
        assert clock.next_at is None
        assert said(clock) == [("started", MONDAY), ("stopped", decided)]

    def test_loaded_history_and_what_passed_through_start_nothing(self):
        loaded = factories.lead(stages={"inquiry": MONDAY, "mql": MONDAY})
        passed = factories.lead(at=MONDAY)
        factories.advance(passed, Stage.MQL, at=MONDAY, kind=Kind.PASSTHROUGH)
        drained(loaded, passed)
        assert not Clock.objects.exists()

    def test_a_later_move_of_loaded_history_starts_nothing_either(self):
        loaded = factories.lead(stages={"inquiry": MONDAY, "mql": MONDAY})
        factories.advance(loaded, Stage.SAL, at=TUESDAY)
        drained(loaded)
        assert not Clock.objects.exists()

    def test_nothing_is_promised_while_the_policy_is_off(self):
        factories.promise("accept", active=False)
        lead = factories.mql(at=MONDAY)
        drained(lead)
        assert not Clock.objects.exists()

    @pytest.mark.parametrize("how", [Kind.REGRESS, Kind.REOPEN])
    def test_coming_back_to_mql_is_a_promise_of_its_own(self, how):
        lead = factories.mql(at=MONDAY)
        if how == Kind.REGRESS:
            factories.advance(lead, Stage.SAL, at=MONDAY + minutes(10))
        else:
            factories.advance(lead, "", at=MONDAY + minutes(10), kind=Kind.DISQUALIFY)
        back = factories.advance(lead, Stage.MQL, at=TUESDAY, kind=how)
        drained(lead)
        first, second = Clock.objects.filter(lead=lead).order_by("started_at")
        assert first.stopped_at == MONDAY + minutes(10)
        assert (second.cause, second.started_at, second.stopped_at) == (f"stage_event:{back}", TUESDAY, None)

    def test_following_again_changes_nothing(self):
        lead = factories.mql(at=MONDAY)
        factories.advance(lead, Stage.SAL, at=MONDAY + minutes(5))
        events = events_of(lead)
        follow(events, now=TUESDAY)
        before = Clock.objects.values().get(), list(ClockEvent.objects.values())
        follow(events, now=TUESDAY + minutes(5))
        assert (Clock.objects.values().get(), list(ClockEvent.objects.values())) == before

    def test_the_order_in_which_events_are_heard_of_does_not_matter(self):
        outcomes = []
        for order in permutations((1, 2, 3)):  # the first event opens the inquiry
            lead = factories.mql(at=MONDAY)
            factories.advance(lead, Stage.SAL, at=MONDAY + minutes(5))
            factories.advance(lead, Stage.MQL, at=MONDAY + minutes(9), kind=Kind.REGRESS)
            events = events_of(lead)
            for n in order:
                follow([events[n]], now=TUESDAY)
            clocks = Clock.objects.filter(lead=lead).order_by("started_at")
            outcomes.append([(clock.started_at, clock.due_at, clock.stopped_at, said(clock)) for clock in clocks])
        assert all(outcome == outcomes[0] for outcome in outcomes)
        assert [stopped for _start, _due, stopped, _said in outcomes[0]] == [MONDAY + minutes(5), None]


class TestWhateverHappens:
    @pytest.mark.parametrize("seed", range(10))
    def test_clocks_followed_step_by_step_equal_those_followed_at_the_end(self, seed):
        """One random life of two leads, one followed after each move, with repetitions, the other at the end."""
        random = Random(seed)
        step_by_step, at_the_end = factories.mql(at=MONDAY), factories.mql(at=MONDAY)
        for number in range(1, 15):
            at = MONDAY + timedelta(hours=number)
            act = random.choice(ACTS)
            choice = random.random()
            if [do(act, choice, lead, at=at) for lead in (step_by_step, at_the_end)] != [True, True]:
                continue
            events = events_of(step_by_step)
            follow(random.choices(events, k=random.randint(0, 2)) + events[-1:], now=at)
        for lead in (step_by_step, at_the_end):
            follow(events_of(lead), now=MONDAY + timedelta(days=1))
        one, other = (
            Clock.objects.filter(lead=lead, cancelled=False).order_by("started_at")
            for lead in (step_by_step, at_the_end)
        )
        columns = ("started_at", "warn_at", "due_at", "stopped_at", "next_at")
        assert list(one.values(*columns)) == list(other.values(*columns))
        for lead in (step_by_step, at_the_end):
            running = Clock.objects.filter(lead=lead, kind="accept", stopped_at=None)
            waits = lead.stage == Stage.MQL and lead.closed_at is None
            assert running.count() == int(waits)


class TestTakingBack:
    def test_an_undone_accept_lets_it_run_as_if_never_stopped(self):
        lead = factories.mql(at=MONDAY)
        accepted = factories.advance(lead, Stage.SAL, at=MONDAY + minutes(5))
        drained(lead)
        due = clock_of(lead).due_at
        undo(lead, accepted, at=MONDAY + minutes(7))
        drained(lead)
        clock = clock_of(lead)
        assert (clock.stopped_at, clock.stopped_by, clock.due_at, clock.next_at) == (None, "", due, clock.warn_at)
        assert said(clock)[-1] == ("resumed", MONDAY + minutes(7))

    def test_an_undone_reject_too_and_a_second_accept_stops_it_again(self):
        lead = factories.mql(at=MONDAY)
        rejected = factories.advance(lead, "", at=MONDAY + minutes(5), kind=Kind.DISQUALIFY)
        drained(lead)
        undo(lead, rejected, at=MONDAY + minutes(6))
        drained(lead)
        factories.advance(lead, Stage.SAL, at=MONDAY + minutes(8))
        drained(lead)
        clock = clock_of(lead)
        assert clock.stopped_at == MONDAY + minutes(8)
        assert [kind for kind, _at in said(clock)] == ["started", "stopped", "resumed", "stopped"]

    def test_an_mql_that_never_was_cancels_it(self):
        lead = factories.mql(at=MONDAY)
        mql = events_of(lead)[-1]
        drained(lead)
        undo(lead, mql, at=MONDAY + minutes(3))
        drained(lead)
        clock = clock_of(lead)
        assert (clock.stopped_at, clock.cancelled, clock.next_at) == (MONDAY + minutes(3), True, None)

    def test_a_correction_cancels_it(self):
        lead = factories.mql(at=MONDAY)
        drained(lead)
        factories.advance(lead, Stage.INQUIRY, at=MONDAY + minutes(3), kind=Kind.CORRECTION)
        drained(lead)
        assert clock_of(lead).cancelled

    def test_a_merged_lead_cancels_it(self):
        lead = factories.mql(at=MONDAY)
        drained(lead)
        factories.advance(lead, "", at=MONDAY + minutes(3), kind=Kind.MERGED)
        drained(lead)
        clock = clock_of(lead)
        assert (clock.stopped_at, clock.cancelled) == (MONDAY + minutes(3), True)

    def test_undoing_beneath_a_later_wait_leaves_one_clock_running(self):
        lead = factories.mql(at=MONDAY)
        accepted = factories.advance(lead, Stage.SAL, at=MONDAY + minutes(5))
        factories.advance(lead, Stage.MQL, at=MONDAY + minutes(9), kind=Kind.REGRESS)
        drained(lead)
        undo(lead, accepted, at=MONDAY + minutes(12))
        drained(lead)
        first, second = Clock.objects.filter(lead=lead).order_by("started_at")
        assert (first.stopped_at, second.cancelled) == (None, True)


class TestCalendars:
    def test_the_seat_before_the_desk_before_the_first_calendar(self, owner):
        first = factories.mql(at=MONDAY, owner=owner)
        factories.desk(owner.team, calendar=factories.calendar(("12:00", "14:00")))
        desk = factories.mql(at=MONDAY + minutes(180), owner=owner)
        seat = factories.seat(owner, calendar=factories.calendar(("06:00", "12:30")))
        own = factories.mql(at=MONDAY + minutes(180), owner=owner)
        seat.calendar = None
        drained(own)
        seat.save()
        drained(desk)
        pooled = factories.mql(at=MONDAY + minutes(180), pool=owner.team)
        drained(pooled)
        owner.team.desk.delete()
        drained(first)
        assert clock_of(first).due_at == TUESDAY
        assert clock_of(desk).due_at == TUESDAY + timedelta(days=1)  # from the opening on Tuesday at noon
        assert clock_of(pooled).due_at == clock_of(desk).due_at
        assert clock_of(own).due_at == (TUESDAY + timedelta(days=1)).replace(hour=6)

    @pytest.mark.parametrize(
        ("promised", "due"),
        [
            ({"amount": 2, "unit": "days"}, MONDAY + timedelta(days=2)),
            ({"amount": 480, "unit": "business_minutes"}, TUESDAY.replace(hour=11)),
        ],
    )
    def test_the_units_of_promises(self, promised, due):
        factories.promise("accept", warn_at=0.5, **promised)
        lead = factories.mql(at=MONDAY)
        drained(lead)
        clock = clock_of(lead)
        assert clock.due_at == due
        assert clock.warn_at == (TUESDAY if promised["unit"] == "days" else MONDAY + minutes(240))

    @pytest.mark.parametrize(
        ("promised", "due"),
        [
            ({"amount": 1, "unit": "business_days"}, MONDAY + timedelta(days=1)),
            ({"amount": 90, "unit": "business_minutes"}, MONDAY + minutes(90)),
        ],
    )
    def test_without_any_calendar_every_hour_counts(self, promised, due):
        Calendar.objects.all().delete()
        factories.promise("accept", warn_at=0.5, **promised)
        lead = factories.mql(at=MONDAY)
        drained(lead)
        clock = clock_of(lead)
        assert (clock.calendar_id, clock.due_at, clock.warn_at) == (None, due, MONDAY + (due - MONDAY) / 2)

    def test_a_running_clock_keeps_the_time_it_was_given(self, owner):
        lead = factories.mql(at=MONDAY, owner=owner)
        drained(lead)
        factories.promise("accept", amount=5)
        factories.advance(lead, Stage.SAL, at=MONDAY + minutes(1))
        drained(lead)
        assert clock_of(lead).due_at == TUESDAY


class TestSweep:
    def swept(self, at: datetime) -> int:
        return sweep(now=at, limit=100)

    def test_it_warns_the_owner_once_and_then_tells_that_time_ran_out_once(self, owner, manager):
        lead = factories.mql(at=MONDAY, owner=owner)
        drained(lead)
        clock = clock_of(lead)
        assert self.swept(clock.warn_at - minutes(1)) == 0
        assert [self.swept(clock.warn_at + minutes(n)) for n in (0, 1)] == [1, 0]
        assert [(told.user, told.kind) for told in Notice.objects.all()] == [(owner.user, "warned")]
        assert [self.swept(clock.due_at + minutes(n)) for n in (3, 4)] == [1, 0]
        told = Notice.objects.filter(kind="breached")
        assert {notice.user for notice in told} == {owner.user, manager}
        clock.refresh_from_db()
        assert said(clock) == [("started", MONDAY), ("warned", clock.warn_at), ("breached", clock.due_at)]
        assert (clock.next_at, clock.stopped_at) == (clock.expires_at, None)

    def test_a_sweep_that_comes_after_the_end_only_tells_the_end(self, owner):
        lead = factories.mql(at=MONDAY, owner=owner)
        drained(lead)
        self.swept(TUESDAY + minutes(90))
        assert [kind for kind, _at in said(clock_of(lead))] == ["started", "breached"]
        assert Notice.objects.get(user=owner.user).kind == "breached"

    def test_nobody_owns_it_so_managers_are_warned(self, manager):
        lead = factories.mql(at=MONDAY)
        drained(lead)
        self.swept(clock_of(lead).warn_at)
        assert Notice.objects.get().user == manager

    def test_what_stopped_in_time_is_met_although_nobody_has_followed_it_yet(self, owner, manager):
        lead = factories.mql(at=MONDAY, owner=owner)
        drained(lead)
        factories.advance(lead, Stage.SAL, at=TUESDAY - minutes(5))
        self.swept(TUESDAY + minutes(5))
        clock = clock_of(lead)
        assert (clock.stopped_at, clock.breach_told) == (TUESDAY - minutes(5), False)
        assert not Notice.objects.exists()
        assert [kind for kind, _at in said(clock)] == ["started", "stopped"]

    @pytest.mark.parametrize("sweeps", [(), (5,), (5, 200), (200,)])
    def test_what_is_kept_or_broken_does_not_depend_on_when_one_looks(self, sweeps):
        """A decision 100 minutes too late, with sweeps before it, after it, or never."""
        lead = factories.mql(at=MONDAY)
        drained(lead)
        for late in (late for late in sweeps if late < 100):
            self.swept(TUESDAY + minutes(late))
        factories.advance(lead, Stage.SAL, at=TUESDAY + minutes(100))
        for late in (late for late in sweeps if late > 100):
            self.swept(TUESDAY + minutes(late))
        drained(lead)
        clock = clock_of(lead)
        assert clock.stopped_at == TUESDAY + minutes(100)
        facts = [fact for fact in said(clock) if fact[0] != "warned"]
        assert facts == [("started", MONDAY), ("breached", TUESDAY), ("stopped", TUESDAY + minutes(100))]

    def test_running_again_past_its_time_is_told(self, manager):
        lead = factories.mql(at=MONDAY)
        accepted = factories.advance(lead, Stage.SAL, at=TUESDAY - minutes(1))
        drained(lead)
        undo(lead, accepted, at=TUESDAY + minutes(1))
        drained(lead)
        assert self.swept(TUESDAY + minutes(2)) == 1
        assert Notice.objects.get().kind == "breached"

    def test_the_most_overdue_come_first_and_no_more_than_asked_for(self):
        leads = [factories.mql(at=MONDAY + minutes(n)) for n in range(3)]
        drained(*leads)
        assert sweep(now=TUESDAY + timedelta(days=2), limit=2) == 2
        assert [clock_of(lead).breach_told for lead in leads] == [True, True, False]


class TestRaisedHand:
    def hand(self, lead: Lead, *, at: datetime = MONDAY) -> Activity:
        touch = factories.touch(person=lead.person, occurred_at=at)
        Activity.objects.filter(pk=touch.pk).update(recorded_at=at)
        follow(raised=[ReRaise(lead.pk, touch.pk)], now=at)
        return touch

    def call(self, lead: Lead, *, at: datetime, **fields) -> Activity:
        return factories.touch(person=lead.person, direction="out", type="call", occurred_at=at, **fields)

    def test_it_runs_for_five_business_minutes_and_the_owner_is_told(self, owner):
        lead = factories.mql(at=MONDAY, owner=owner)
        touch = self.hand(lead)
        clock = clock_of(lead, "hot")
        assert (clock.cause, clock.started_at, clock.due_at) == (f"activity:{touch.pk}", MONDAY, MONDAY + minutes(5))
        assert [(told.user, told.kind) for told in Notice.objects.all()] == [(owner.user, "hot")]

    def test_the_same_hand_twice_is_one_clock_and_one_notice(self, owner):
        lead = factories.mql(at=MONDAY, owner=owner)
        touch = self.hand(lead)
        follow(raised=[ReRaise(lead.pk, touch.pk)], now=MONDAY + minutes(1))
        assert Clock.objects.count() == Notice.objects.count() == 1

    def test_a_second_hand_does_not_prolong_the_first(self, owner):
        lead = factories.mql(at=MONDAY, owner=owner)
        self.hand(lead)
        self.hand(lead, at=MONDAY + minutes(4))
        assert clock_of(lead, "hot").due_at == MONDAY + minutes(5)
        assert Notice.objects.filter(kind="hot").count() == 2

    def test_without_an_owner_the_accounts_owner_hears_of_it_or_else_managers(self, owner, manager):
        account = factories.account(owner=owner)
        customer = factories.lead(account=account, stages={"inquiry": MONDAY, "won": MONDAY})
        stranger = factories.mql(at=MONDAY)
        self.hand(customer)
        self.hand(stranger)
        assert {(told.user, told.lead) for told in Notice.objects.all()} == {
            (owner.user, customer),
            (manager, stranger),
        }

    @pytest.mark.parametrize("how", ["accept", "reject", "recycle", "call"])
    def test_an_answer_stops_it(self, how):
        lead = factories.mql(at=MONDAY - minutes(60))
        self.hand(lead)
        answered = MONDAY + minutes(4)
        if how == "accept":
            factories.advance(lead, Stage.SAL, at=answered)
        elif how == "call":
            follow(touches=[self.call(lead, at=answered).pk], now=answered)
        else:
            factories.advance(lead, "", at=answered, kind=Kind.DISQUALIFY if how == "reject" else Kind.RECYCLE)
        drained(lead)
        clock = clock_of(lead, "hot")
        assert (clock.stopped_at, clock.cancelled) == (answered, False)

    @pytest.mark.parametrize(
        "fields",
        [{"automatic": True}, {"direction": "in"}, {"voided_at": MONDAY}, {"occurred_at": MONDAY - minutes(9)}],
    )
    def test_what_is_no_answer_does_not(self, fields):
        lead = factories.mql(at=MONDAY - minutes(60))
        self.hand(lead)
        values = {"direction": "out", "occurred_at": MONDAY + minutes(2)} | fields
        touch = factories.touch(person=lead.person, **values)
        follow(touches=[touch.pk], now=MONDAY + minutes(3))
        sweep(now=MONDAY + minutes(4.5), limit=10)
        assert clock_of(lead, "hot").stopped_at is None

    def test_becoming_an_mql_by_it_is_no_answer(self):
        lead = factories.lead(at=MONDAY)
        self.hand(lead)
        factories.advance(lead, Stage.MQL, at=MONDAY + minutes(1))
        drained(lead)
        assert clock_of(lead, "hot").stopped_at is None

    def test_a_call_before_its_end_keeps_it_whenever_one_looks(self, manager):
        lead = factories.mql(at=MONDAY - minutes(60))
        self.hand(lead)
        self.call(lead, at=MONDAY + minutes(4))
        Notice.objects.all().delete()
        sweep(now=MONDAY + minutes(30), limit=10)
        clock = clock_of(lead, "hot")
        assert (clock.stopped_at, clock.breach_told) == (MONDAY + minutes(4), False)
        assert not Notice.objects.exists()

    def test_a_hand_that_was_taken_back_cancels_it(self):
        lead = factories.mql(at=MONDAY - minutes(60))
        touch = self.hand(lead)
        Activity.objects.filter(pk=touch.pk).update(voided_at=MONDAY + minutes(1))
        sweep(now=MONDAY + minutes(30), limit=10)
        clock = clock_of(lead, "hot")
        assert (clock.stopped_at, clock.cancelled) == (MONDAY + minutes(1), True)

    @pytest.mark.parametrize("how", ["merged", "never opened"])
    def test_a_lead_that_is_no_more_cancels_it(self, how):
        lead = factories.lead(at=MONDAY)
        self.hand(lead)
        gone = MONDAY + minutes(2)
        if how == "merged":
            factories.advance(lead, "", at=gone, kind=Kind.MERGED)
        else:
            undo(lead, events_of(lead)[0], at=gone)
        drained(lead)
        clock = clock_of(lead, "hot")
        assert (clock.stopped_at, clock.cancelled) == (gone, True)

    def test_undoing_the_accept_lets_the_first_hand_run_again_beside_no_second(self):
        lead = factories.mql(at=MONDAY - minutes(60))
        self.hand(lead)
        accepted = factories.advance(lead, Stage.SAL, at=MONDAY + minutes(2))
        drained(lead)
        self.hand(lead, at=MONDAY + minutes(3))
        undo(lead, accepted, at=MONDAY + minutes(4))
        drained(lead)
        first, second = Clock.objects.filter(lead=lead, kind="hot").order_by("started_at")
        assert (first.stopped_at, second.cancelled) == (None, True)


class TestCooling:
    def test_a_running_or_unanswered_accept_clock_holds_its_lead(self):
        waiting, late, history = (
            factories.mql(at=MONDAY + timedelta(days=3)),
            factories.mql(at=MONDAY),
            factories.lead(stages={"inquiry": MONDAY, "mql": MONDAY}),
        )
        drained(waiting, late)
        sweep(now=TUESDAY + timedelta(days=1), limit=10)
        assert clock_of(late).breach_told
        assert may_cool([waiting.pk, late.pk, history.pk]) == [history.pk]


class TestManyAtOnce:
    def queries(self, leads) -> int:
        events = list(StageEvent.objects.filter(lead__in=leads).values_list("pk", flat=True))
        with CaptureQueriesContext(connection) as captured:
            follow(events, now=TUESDAY)
        return len(captured)

    def test_the_number_of_statements_does_not_grow(self, owner, manager):
        leads = [factories.mql(at=MONDAY, owner=owner) for _ in range(40)]
        assert self.queries(leads[:1]) == self.queries(leads[1:])
        for lead in leads:
            factories.advance(lead, Stage.SAL, at=MONDAY + minutes(9))
        assert self.queries(leads[:1]) == self.queries(leads[1:])
        assert Clock.objects.filter(stopped_at=MONDAY + minutes(9)).count() == 40

    def test_nor_does_that_of_a_sweep(self, owner, manager):
        counts = []
        for late, count in enumerate((1, 30)):
            sweep(now=MONDAY + timedelta(days=7 * late), limit=100)  # what nobody decided the week before
            leads = [factories.mql(at=MONDAY + timedelta(days=7 * late), owner=owner) for _ in range(count)]
            drained(*leads)
            with CaptureQueriesContext(connection) as captured:
                assert sweep(now=TUESDAY + timedelta(days=7 * late), limit=100) == count
            counts.append(len(captured))
        assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_a_lead_that_somebody_is_deciding_about_is_left_to_the_next_sweep(self):
        factories.promises("accept")
        factories.calendar()
        lead, other = factories.mql(at=MONDAY), factories.mql(at=MONDAY)
        drained(lead, other)
        with transaction.atomic():
            Lead.objects.select_for_update(no_key=True).get(pk=lead.pk)
            assert at_once(lambda: sweep(now=TUESDAY + minutes(1), limit=10)) == [1]
        assert [clock_of(one).breach_told for one in (lead, other)] == [False, True]
        assert sweep(now=TUESDAY + minutes(1), limit=10) == 1

    def test_two_sweeps_tell_once(self):
        factories.promises("accept")
        factories.calendar()
        manager = factories.user(Role.SDR_MANAGER)
        leads = [factories.mql(at=MONDAY) for _ in range(10)]
        drained(*leads)
        counts = at_once(*[lambda: sweep(now=TUESDAY + minutes(1), limit=10)] * 2)
        assert sum(counts) == 10
        assert Notice.objects.filter(user=manager, kind="breached").count() == 10
        assert ClockEvent.objects.filter(kind="breached").count() == 10

    def test_one_event_followed_by_two_drains_is_one_clock(self):
        factories.promises("accept")
        factories.calendar()
        leads = [factories.mql(at=MONDAY) for _ in range(5)]
        events = [event for lead in leads for event in events_of(lead)]
        at_once(*[lambda: follow(events, now=TUESDAY)] * 3)
        assert Clock.objects.count() == ClockEvent.objects.count() == 5
