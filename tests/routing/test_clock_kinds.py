"""Every kind of clock: from which fact it begins, which ends it, and what is no end."""

from datetime import UTC, datetime, timedelta

import pytest

from funnel.access import Role
from funnel.models import Kind, Reason, Stage
from routing.decisions import services
from routing.models import Clock, ClockEvent, HandOff, Meeting
from routing.sales import handoff, meetings
from routing.sales import handoff_answers as answers
from routing.sla import clocks
from tests import factories as make

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _promises():
    make.promises("follow_up", "working", "outcome", "decision", "take_over")


@pytest.fixture
def owner():
    return make.user(Role.SDR, team=make.team()).rep


def follow(lead, *, now: datetime = MONDAY + 60 * DAY) -> None:
    clocks.follow(list(lead.events.values_list("pk", flat=True)), now=now)


def accepted(at: datetime = MONDAY, **fields):
    lead = make.mql(at=at - HOUR, **fields)
    make.advance(lead, Stage.SAL, at=at)
    return lead


def one(lead, kind: str) -> Clock:
    return Clock.objects.get(lead=lead, kind=kind)


def outcome_of(clock: Clock) -> tuple[datetime | None, bool]:
    return clock.stopped_at, clock.cancelled


def call(lead, *, at: datetime, **fields):
    values = {"direction": "out", "type": "call"} | fields
    return make.touch(person=lead.person, occurred_at=at, **values)


class TestFollowUp:
    def test_it_runs_for_two_business_days_from_acceptance(self):
        lead = accepted()
        follow(lead)
        clock = one(lead, "follow_up")
        assert (clock.started_at, clock.due_at, clock.stopped_at) == (MONDAY, MONDAY + 2 * DAY, None)
        assert clock.cause == f"stage_event:{lead.events.latest('pk').pk}"

    def test_the_first_touch_of_one_of_us_ends_it_whichever_is_heard_of_first(self):
        lead, other = accepted(), accepted()
        for touched in (lead, other):
            call(touched, at=MONDAY + 5 * HOUR)
        follow(lead)
        clocks.follow(touches=[call(other, at=MONDAY + 3 * HOUR).pk], now=MONDAY + 4 * HOUR)
        follow(other)
        clocks.follow(touches=[call(lead, at=MONDAY + 3 * HOUR).pk], now=MONDAY + 6 * HOUR)
        assert outcome_of(one(lead, "follow_up")) == outcome_of(one(other, "follow_up")) == (MONDAY + 3 * HOUR, False)

    @pytest.mark.parametrize(
        "fields",
        [{"automatic": True}, {"direction": "in"}, {"voided_at": MONDAY + DAY}, {"at": MONDAY - HOUR}],
    )
    def test_a_machine_the_prospect_and_what_was_before_do_not(self, fields):
        lead = accepted()
        touch = call(lead, **({"at": MONDAY + HOUR} | fields))
        follow(lead)
        clocks.follow(touches=[touch.pk], now=MONDAY + DAY)
        assert one(lead, "follow_up").stopped_at is None

    def test_a_meeting_that_is_booked_is_a_contact_too(self, owner):
        lead = accepted(owner=owner)
        follow(lead)
        meetings.book(lead.pk, starts_at=MONDAY + 3 * DAY, user=owner.user, now=MONDAY + HOUR)
        assert outcome_of(one(lead, "follow_up")) == (MONDAY + HOUR, False)

    def test_a_lead_that_leaves_in_time_needed_none_and_one_that_leaves_late_was_missed(self):
        early, late = accepted(), accepted()
        make.advance(early, "", at=MONDAY + DAY, kind=Kind.RECYCLE)
        make.advance(late, "", at=MONDAY + 5 * DAY, kind=Kind.RECYCLE)
        for lead in (early, late):
            follow(lead)
        assert outcome_of(one(early, "follow_up")) == (MONDAY + DAY, True)
        assert outcome_of(one(late, "follow_up")) == (MONDAY + 5 * DAY, False)
        assert one(late, "follow_up").events.filter(kind="breached", occurred_at=MONDAY + 2 * DAY).exists()


class TestWorking:
    @pytest.mark.parametrize("how", ["sql", Kind.RECYCLE, Kind.DISQUALIFY])
    def test_it_runs_three_weeks_until_the_lead_moves_on_or_leaves(self, how):
        lead = accepted()
        follow(lead)
        assert one(lead, "working").due_at == MONDAY + 21 * DAY
        if how == "sql":
            make.advance(lead, Stage.SQL, at=MONDAY + DAY)
        else:
            make.advance(lead, "", at=MONDAY + DAY, kind=how)
        follow(lead)
        assert outcome_of(one(lead, "working")) == (MONDAY + DAY, False)

    def test_moved_back_nothing_is_left_to_do_and_accepted_again_it_begins_anew(self):
        lead = accepted()
        make.advance(lead, Stage.MQL, at=MONDAY + DAY, kind=Kind.REGRESS)
        make.advance(lead, Stage.SAL, at=MONDAY + 2 * DAY)
        follow(lead)
        first, second = Clock.objects.filter(lead=lead, kind="working").order_by("started_at")
        assert (outcome_of(first), outcome_of(second)) == ((MONDAY + DAY, True), (None, False))
        assert second.started_at == MONDAY + 2 * DAY

    def test_loaded_history_starts_none(self):
        lead = make.lead(stages={"inquiry": MONDAY, "mql": MONDAY, "sal": MONDAY})
        later = make.advance(lead, Stage.SQL, at=MONDAY + DAY)
        clocks.follow([later], now=MONDAY + DAY)
        assert not Clock.objects.exists()

    def test_an_acceptance_that_is_taken_back_cancels_it(self):
        lead = accepted()
        event = lead.events.latest("pk").pk
        follow(lead)
        make.advance(lead, "", at=MONDAY + HOUR, kind=Kind.VOID, supersedes_id=event)
        follow(lead)
        assert {(clock.kind, *outcome_of(clock)) for clock in Clock.objects.all()} == {
            ("follow_up", MONDAY + HOUR, True), ("working", MONDAY + HOUR, True),
        }  # fmt: skip


class TestOutcome:
    START = MONDAY + 2 * DAY

    @pytest.fixture
    def lead(self, owner):
        lead = accepted(owner=owner)
        meetings.book(lead.pk, starts_at=self.START, user=owner.user, now=MONDAY + HOUR)
        return lead

    def test_it_begins_when_the_time_of_the_meeting_has_come(self, lead):
        assert clocks.start_meetings(now=self.START - HOUR, limit=10) == 0
        assert clocks.start_meetings(now=self.START + HOUR, limit=10) == 1
        assert clocks.start_meetings(now=self.START + HOUR, limit=10) == 0
        clock = one(lead, "outcome")
        assert (clock.started_at, clock.due_at) == (self.START, self.START + DAY)

    @pytest.mark.parametrize("swept", [True, False])
    @pytest.mark.parametrize("outcome", ["held", "no_show"])
    def test_a_word_about_it_ends_it_whether_a_sweep_came_by_or_not(self, lead, owner, outcome, swept):
        if swept:
            clocks.start_meetings(now=self.START, limit=10)
        said = self.START + 2 * HOUR
        meetings.record_outcome(lead.meetings.get().pk, outcome=outcome, user=owner.user, now=said)
        clock = one(lead, "outcome")
        assert (clock.started_at, *outcome_of(clock)) == (self.START, said, False)

    def test_one_that_is_called_off_before_has_none(self, lead, owner):
        meetings.record_outcome(lead.meetings.get().pk, outcome="cancelled", user=owner.user, now=MONDAY + 2 * HOUR)
        clocks.start_meetings(now=self.START + DAY, limit=10)
        assert not Clock.objects.filter(kind="outcome").exists()

    def test_one_whose_lead_has_left_has_none(self, lead):
        make.advance(lead, "", at=MONDAY + DAY, kind=Kind.RECYCLE)
        assert clocks.start_meetings(now=self.START + DAY, limit=10) == 0

    def test_one_entered_afterwards_runs_from_then_on(self, owner):
        lead = accepted(owner=owner)
        entered = MONDAY + 3 * DAY
        meetings.book(lead.pk, starts_at=MONDAY + DAY, user=owner.user, now=entered)
        assert one(lead, "outcome").started_at == entered

    def test_held_that_is_taken_back_lets_it_run_again_and_ends_the_decision(self, lead, owner):
        said = self.START + HOUR
        follow(lead)
        done = meetings.record_outcome(lead.meetings.get().pk, outcome="held", user=owner.user, now=said)
        services.undo(done.event_id, user=owner.user, now=said + timedelta(minutes=5))
        assert one(lead, "outcome").stopped_at is None
        assert one(lead, "decision").cancelled
        assert one(lead, "working").stopped_at is None


class TestDecision:
    def held(self, owner, at: datetime = MONDAY + 2 * DAY):
        lead = accepted(owner=owner)
        Meeting.objects.create(lead=lead, booked_at=MONDAY, starts_at=at)
        meetings.record_outcome(lead.meetings.get().pk, outcome="held", user=owner.user, now=at)
        lead.refresh_from_db()
        return lead

    def test_it_runs_five_business_days_from_the_meeting_that_was_held(self, owner):
        lead = self.held(owner)
        clock = one(lead, "decision")
        assert (clock.started_at, clock.due_at) == (MONDAY + 2 * DAY, MONDAY + 9 * DAY)

    @pytest.mark.parametrize("how", ["opportunity", Kind.RECYCLE, Kind.LOST, Kind.REGRESS])
    def test_an_opportunity_or_leaving_ends_it_and_moving_back_calls_it_off(self, owner, how):
        lead = self.held(owner)
        stage = {"opportunity": Stage.OPPORTUNITY, Kind.REGRESS: Stage.SAL}.get(how, "")
        kind = Kind.ADVANCE if how == "opportunity" else how
        make.advance(lead, stage, at=MONDAY + 3 * DAY, kind=kind)
        follow(lead)
        assert outcome_of(one(lead, "decision")) == (MONDAY + 3 * DAY, how == Kind.REGRESS)

    def test_a_second_meeting_while_the_first_waits_for_a_decision_starts_no_second(self, owner):
        lead = self.held(owner)
        second = Meeting.objects.create(lead=lead, booked_at=MONDAY, starts_at=MONDAY + 3 * DAY)
        meetings.record_outcome(second.pk, outcome="held", user=owner.user, now=MONDAY + 3 * DAY)
        assert one(lead, "decision").started_at == MONDAY + 2 * DAY

    def test_a_meeting_behind_the_opportunity_asks_for_nothing(self, owner):
        lead = self.held(owner)
        make.advance(lead, Stage.OPPORTUNITY, at=MONDAY + 3 * DAY)
        follow(lead)
        second = Meeting.objects.create(lead=lead, booked_at=MONDAY, starts_at=MONDAY + 4 * DAY)
        meetings.record_outcome(second.pk, outcome="held", user=owner.user, now=MONDAY + 4 * DAY)
        assert Clock.objects.filter(kind="decision").count() == 1


class TestTakingOver:
    OFFERED = MONDAY + DAY

    @pytest.fixture
    def hand_off(self, owner):
        lead = accepted(owner=owner)
        make.advance(lead, Stage.SQL, at=self.OFFERED - HOUR)
        return HandOff.objects.create(
            lead=lead, from_rep=owner, to_rep=make.rep(team=make.team("ae")), offered_at=self.OFFERED, cause="test"
        )

    def looked(self, at: datetime) -> int:
        return clocks.follow_hand_offs(now=at, limit=10)

    def test_it_runs_from_the_offer_stamped_with_its_time_however_late_one_looks(self, hand_off):
        assert [self.looked(self.OFFERED + 3 * HOUR), self.looked(self.OFFERED + 4 * HOUR)] == [1, 0]
        clock = one(hand_off.lead, "take_over")
        assert (clock.started_at, clock.due_at) == (self.OFFERED, self.OFFERED + DAY)

    @pytest.mark.parametrize(
        ("how", "cancelled"), [("accepted_at", False), ("returned_at", False), ("withdrawn_at", True)]
    )
    def test_an_answer_ends_it_and_taking_it_back_calls_it_off(self, hand_off, how, cancelled):
        self.looked(self.OFFERED)
        reason = Reason.objects.filter(kind="regress").first() or Reason.objects.create(kind="regress", name="No need")
        at = self.OFFERED + 2 * HOUR
        values = {how: at} | ({"reason": reason} if how == "returned_at" else {})
        HandOff.objects.update(**values)
        assert [self.looked(at + HOUR), self.looked(at + HOUR)] == [1, 0]
        assert outcome_of(one(hand_off.lead, "take_over")) == (at, cancelled)

    def test_it_begins_with_the_offer_so_that_one_that_is_answered_before_a_sweep_had_it_too(self, owner):
        seller = make.user(Role.AE, team=make.team("ae"))
        lead = accepted(owner=owner)
        make.advance(lead, Stage.SQL, at=self.OFFERED - HOUR)
        note = handoff.Note(need="A forecast.", next_step="Show it.")
        handoff.offer(lead.pk, note=note, rep_id=seller.rep.pk, user=owner.user, now=self.OFFERED)
        clock = one(lead, "take_over")
        assert (clock.started_at, clock.due_at, clock.stopped_at) == (self.OFFERED, self.OFFERED + DAY, None)
        answers.take_over(lead.pk, user=seller, now=self.OFFERED + HOUR)
        assert [self.looked(self.OFFERED + 2 * HOUR), self.looked(self.OFFERED + 3 * HOUR)] == [1, 0]
        assert outcome_of(one(lead, "take_over")) == (self.OFFERED + HOUR, False)
        events = ClockEvent.objects.filter(clock=clock).values_list("kind", "occurred_at")
        assert set(events) == {("started", self.OFFERED), ("stopped", self.OFFERED + HOUR)}

    def test_an_offer_that_goes_to_somebody_else_with_its_lead_begins_another(self, owner):
        first, second = (make.user(Role.AE, team=make.team("ae")).rep for _ in range(2))
        lead = accepted(owner=owner)
        make.advance(lead, Stage.SQL, at=self.OFFERED - HOUR)
        note = handoff.Note(need="A forecast.", next_step="Show it.")
        handoff.offer(lead.pk, note=note, rep_id=first.pk, user=owner.user, now=self.OFFERED)
        at = self.OFFERED + HOUR
        services.reassign([lead.pk], rep_id=second.pk, user=make.user(Role.SDR_MANAGER), now=at)
        withdrawn, running = Clock.objects.filter(lead=lead, kind="take_over").order_by("started_at")
        assert outcome_of(withdrawn) == (at, True)
        assert (running.started_at, running.stopped_at) == (at, None)
        assert self.looked(at + HOUR) == 0

    def test_an_answer_that_is_undone_lets_it_run_again(self, hand_off):
        self.looked(self.OFFERED)
        HandOff.objects.update(accepted_at=self.OFFERED + HOUR)
        self.looked(self.OFFERED + HOUR)
        HandOff.objects.update(accepted_at=None)
        self.looked(self.OFFERED + 2 * HOUR)
        assert one(hand_off.lead, "take_over").stopped_at is None

    def test_nothing_is_promised_and_nothing_goes_round(self, hand_off):
        make.promise("take_over", active=False)
        assert self.looked(self.OFFERED) == 0
        assert not Clock.objects.exists()
