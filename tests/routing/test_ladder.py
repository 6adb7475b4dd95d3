"""The ladder beyond the due time: a colleague gets the lead unless somebody works it, and what nobody decides."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from demandcenter import pipeline
from funnel.access import Role
from funnel.models import Activity, Inbox, Kind, Stage, StageEvent
from funnel.notes import write_note
from routing.assignment.explain import why_owner
from routing.assignment.rehearsal import replay
from routing.decisions import pauses, services
from routing.leads.clock_panel import clock_lines
from routing.messages.words import words_of
from routing.models import Assignment, Clock, ClockEvent, HandOff, Notice, RoutingPolicy, Seat
from routing.overdue import ladder
from routing.sales import handoff
from routing.sla import clocks
from tests import factories as make
from tests.threads import at_once

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 6, 1, 12, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = TUESDAY + timedelta(hours=4, minutes=30)  # one and a half times a business day of nine hours
LAST = MONDAY + 3 * DAY


@pytest.fixture
def team():
    return make.team()


@pytest.fixture
def owner(team):
    user = make.user(Role.SDR, team=team)
    make.seat(user.rep)
    return user.rep


@pytest.fixture
def colleague(team):
    user = make.user(Role.SDR, team=team)
    make.seat(user.rep)
    return user.rep


@pytest.fixture
def manager():
    return make.user(Role.SDR_MANAGER)


def mql(at: datetime = MONDAY, **fields):
    lead = make.mql(at=at, **fields)
    clocks.follow([lead.events.latest("pk").pk], now=at)
    return lead


def swept(at: datetime) -> int:
    return ladder.sweep(now=at, limit=100)


def owner_of(lead):
    lead.refresh_from_db()
    return lead.owner


class TestReassigning:
    @pytest.fixture(autouse=True)
    def _promise(self, team):
        make.promises("accept")
        make.promise("accept", reassign=True)
        make.routing_policy({"team": team, "name": "All"})

    def test_a_lead_that_nobody_works_goes_to_a_colleague_once(self, owner, colleague, manager):
        lead = mql(owner=owner)
        assert swept(LATER - timedelta(minutes=1)) == 1
        assert owner_of(lead) == owner
        assert [swept(LATER + HOUR), swept(LATER + 2 * HOUR)] == [1, 0]
        assert owner_of(lead) == colleague
        made = Assignment.objects.get(lead=lead)
        assert (made.kind, made.previous, made.actor, made.rule) == ("assigned", owner, None, "All")
        event = ClockEvent.objects.get(kind="reassigned")
        assert (event.occurred_at, event.clock.reassign_at) == (LATER, LATER)
        told = {(notice.user, notice.kind) for notice in Notice.objects.filter(kind__in=("taken", "assigned"))}
        assert told == {(owner.user, "taken"), (colleague.user, "assigned")}

    def test_it_is_explained_like_any_other_assignment(self, owner, colleague):
        lead = mql(owner=owner)
        swept(LATER)
        lead.refresh_from_db()
        why = why_owner(lead)
        assert why.sentence == f"{colleague} was next by the rule “All”: nobody else could take it."
        said = {one.rep_id: (one.chosen, one.why, one.sentence) for one in why.candidates}
        assert said[colleague.pk][:2] == (True, "")
        assert said[owner.pk] == (False, "had_it", "Had it when the promise ran out")
        assert why.history[0].sentence == f"Assigned to {colleague}, after a promise ran out"
        decided = Assignment.objects.get(lead=lead)
        policy = RoutingPolicy.objects.get()
        assert replay(decided, policy).explanation | {"had": owner.pk} == decided.explanation

    def test_it_takes_a_turn_and_counts_against_the_quota(self, team, owner, colleague):
        Seat.objects.filter(rep=colleague).update(quota=2, quota_per="week")
        leads = [mql(owner=owner) for _ in range(3)]
        swept(LATER)
        assert [owner_of(lead) for lead in leads] == [colleague, colleague, owner]
        assert Seat.objects.get(rep=colleague).assigned == 2
        swept(LATER + HOUR)
        later = mql(TUESDAY, owner=owner)
        swept(LATER + DAY)
        assert owner_of(later) == owner
        assert "1 at their lead quota" in why_owner(later).sentence

    @pytest.mark.parametrize("how", ["call", "note", "act"])
    def test_work_by_a_person_after_the_start_keeps_it(self, owner, colleague, how):
        lead = mql(owner=owner)
        if how == "call":
            make.touch(person=lead.person, direction="out", type="call", occurred_at=TUESDAY)
        elif how == "note":
            note = write_note(lead=lead, author=owner.user, text="Spoke to the assistant")
            note.__class__.objects.filter(pk=note.pk).update(written_at=TUESDAY)
        else:
            event = make.advance(lead, Stage.INQUIRY, at=MONDAY + HOUR, kind=Kind.REGRESS, actor_id=owner.user.pk)
            make.advance(lead, "", at=MONDAY + 2 * HOUR, kind=Kind.VOID, supersedes_id=event)
        swept(LATER)
        assert owner_of(lead) == owner
        assert not ClockEvent.objects.filter(kind="reassigned").exists()

    @pytest.mark.parametrize("fields", [{"automatic": True}, {"direction": "in"}, {"occurred_at": MONDAY - HOUR}])
    def test_a_machine_the_prospect_and_what_was_before_are_no_work(self, owner, colleague, fields):
        lead = mql(owner=owner)
        values = {"direction": "out", "occurred_at": TUESDAY} | fields
        make.touch(person=lead.person, type="email", **values)
        swept(LATER)
        assert owner_of(lead) == colleague

    def test_it_stays_where_nobody_else_is_here_with_room(self, team, owner, manager):
        away, full, closed = (make.user(Role.SDR, team=team).rep for _ in range(3))
        make.seat(away)
        make.absence(away, date(2026, 6, 1), date(2026, 6, 5))
        make.seat(full, capacity=0)
        make.seat(closed, receiving=False)
        make.seat(team=make.team())
        lead = mql(owner=owner)
        swept(LATER)
        assert owner_of(lead) == owner
        assert Clock.objects.get().reassign_done and not ClockEvent.objects.filter(kind="reassigned").exists()
        why = why_owner(lead)
        assert why.sentence.startswith(
            f"{owner} keeps it, though a promise ran out. Nobody in its team can take a lead"
        )
        assert "1 away" in why.sentence and "1 at capacity" in why.sentence and "1 who had it" in why.sentence
        assert why.history[0].sentence == f"Stays with {owner}, after a promise ran out"
        (notice,) = Notice.objects.filter(user=manager, cause__endswith=":reassign")
        assert "nobody else could be given it" in words_of([notice.pk])[notice.pk].sentence
        assert services.accept(lead.pk, user=owner.user, now=LATER + HOUR).event_id

    def test_by_a_rule_with_a_pool_it_waits_there_for_somebody_else(self, team, owner):
        make.routing_policy({"team": team, "name": "Pool", "method": "pool"})
        alone = mql(owner=owner)
        swept(LATER)
        assert owner_of(alone) == owner, "nobody else could claim it"
        make.rep(team=team)
        lead = mql(TUESDAY, owner=owner)
        swept(LATER + DAY)
        assert owner_of(lead) is None and lead.pool == team
        assert why_owner(lead).history[0].sentence == f"Put into the pool of {team}, after a promise ran out"

    def test_without_a_policy_it_stays_and_says_so(self, owner, colleague):
        RoutingPolicy.objects.update(status="retired")
        lead = mql(owner=owner)
        swept(LATER)
        assert owner_of(lead) == owner
        assert why_owner(lead).sentence.endswith("a promise ran out. There is no routing policy.")

    def test_an_offer_that_nobody_answers_goes_to_another_account_executive(self, owner):
        executives = make.team(kind="ae")
        first, second = (make.seat(make.user(Role.AE, team=executives).rep).rep for _ in range(2))
        make.promises("take_over")
        make.promise("take_over", reassign=True)
        make.routing_policy({"team": executives, "stage": "sql"})
        lead = make.lead(at=MONDAY, stages=dict.fromkeys(("inquiry", "mql", "sal", "sql"), MONDAY), owner=owner)
        note = handoff.Note(need="A forecast.", next_step="Show it.")
        handoff.offer(lead.pk, note=note, user=owner.user, now=MONDAY)
        swept(LATER)
        assert owner_of(lead) == second
        offers = HandOff.objects.filter(lead=lead).order_by("pk")
        assert [(one.to_rep, one.state) for one in offers] == [(first, "withdrawn"), (second, "offered")]
        late, running = Clock.objects.filter(kind="take_over").order_by("started_at")
        assert (late.stopped_at, late.cancelled) == (LATER, False), "it had run out by then"
        assert (running.cause, running.started_at, running.stopped_at) == (f"hand_off:{offers[1].pk}", LATER, None)

    def test_several_go_where_least_waits_for_the_weight(self, team, owner):
        strong, weak = make.seat(team=team, weight=2), make.seat(team=team, weight=1)
        leads = [mql(owner=owner) for _ in range(6)]
        swept(LATER)
        owners = [owner_of(lead).pk for lead in leads]
        assert (owners.count(strong.rep_id), owners.count(weak.rep_id)) == (4, 2)

    def test_one_that_was_given_away_is_not_given_away_again_for_another_promise(self, owner, colleague):
        make.promise("hot", reassign=True)
        lead = mql(owner=owner)
        touch = make.touch(person=lead.person, occurred_at=MONDAY)
        Activity.objects.filter(pk=touch.pk).update(recorded_at=MONDAY)
        clocks.follow(raised=[type("Raised", (), {"lead_id": lead.pk, "activity_id": touch.pk})()], now=MONDAY)
        swept(MONDAY + HOUR)
        assert owner_of(lead) == colleague
        swept(LATER)
        assert owner_of(lead) == colleague
        assert Assignment.objects.filter(lead=lead).count() == 1

    def test_a_lead_that_was_decided_in_time_stays_however_late_the_sweep(self, owner, colleague):
        lead = mql(owner=owner)
        make.advance(lead, Stage.SAL, at=TUESDAY - HOUR)
        swept(LATER + DAY)
        assert owner_of(lead) == owner

    def test_the_number_of_statements_does_not_grow(self, team, owner, colleague, manager):
        counts = []
        for week, count in enumerate((1, 1, 20)):  # the first lets the seats begin level
            swept(MONDAY + 7 * week * DAY)  # what nobody decided the week before
            for _ in range(count):
                mql(MONDAY + 7 * week * DAY, owner=owner)
            with CaptureQueriesContext(connection) as captured:
                assert swept(LATER + 7 * week * DAY) == count
            counts.append(len(captured))
        assert counts[1] == counts[2]


class TestTryingAgain:
    """A lead that stayed because nobody else could be given it."""

    AGAIN = LATER + ladder.AGAIN

    @pytest.fixture(autouse=True)
    def _promise(self, team):
        make.promises("accept")
        make.promise("accept", reassign=True)
        make.routing_policy({"team": team, "name": "All"})

    @pytest.fixture
    def stuck(self, owner, manager):
        lead = mql(owner=owner)
        assert swept(LATER) == 1
        assert owner_of(lead) == owner
        return lead

    def comes(self, team):
        """Somebody who can take it."""
        return make.seat(make.user(Role.SDR, team=team).rep).rep

    def test_it_goes_as_soon_as_somebody_can_take_it_and_that_once(self, team, owner, stuck):
        assert [swept(self.AGAIN - HOUR / 60), swept(self.AGAIN), swept(self.AGAIN)] == [0, 1, 0]
        assert Assignment.objects.filter(lead=stuck).count() == 1, "what is still so is not said again"
        came, then = self.comes(team), self.AGAIN + ladder.AGAIN
        assert [swept(then), swept(then + HOUR)] == [1, 0]
        assert owner_of(stuck) == came
        stayed, went = Assignment.objects.filter(lead=stuck).order_by("pk")
        assert (stayed.rep, went.previous, went.rep) == (owner, owner, came)
        assert ClockEvent.objects.get(kind="reassigned").occurred_at == then, "it could not be given away before"
        why = why_owner(stuck)
        assert why.sentence == f"{came} was next by the rule “All”: nobody else could take it."
        assert why.history[0].sentence.endswith("as soon as somebody else could take it after a promise ran out")
        told = Notice.objects.filter(kind__in=("taken", "assigned")).values_list("user", "kind")
        assert set(told) == {(owner.user_id, "taken"), (came.user_id, "assigned")}
        assert Notice.objects.filter(cause__contains=":reassign", kind="breached").count() == 1, "told once"

    def test_the_lead_says_so_while_it_waits(self, stuck):
        said = [line.more for line in clock_lines(stuck, now=LATER)]
        assert "it goes as soon as somebody can" in said[0]

    @pytest.mark.parametrize("how", ["call", "note", "given", "accepted"])
    def test_what_a_person_has_done_with_it_since_keeps_it(self, team, owner, manager, stuck, how):
        whose = owner
        if how == "call":
            make.touch(person=stuck.person, direction="out", type="call", occurred_at=LATER)
        elif how == "note":
            note = write_note(lead=stuck, author=owner.user, text="Spoke to the assistant")
            note.__class__.objects.filter(pk=note.pk).update(written_at=LATER)
        elif how == "given":
            whose = make.user(Role.SDR, team=make.team()).rep
            services.reassign([stuck.pk], rep_id=whose.pk, user=manager, now=LATER)
        else:
            services.accept(stuck.pk, user=owner.user, now=LATER)
        self.comes(team)
        swept(self.AGAIN)
        assert [swept(self.AGAIN + HOUR), owner_of(stuck)] == [0, whose]
        assert not ClockEvent.objects.filter(kind="reassigned").exists()

    def test_it_waits_while_the_clock_stands_still(self, team, owner, stuck):
        pauses.pause(stuck.pk, kind="reply", until=(LATER + 2 * DAY).date(), why="", user=owner.user, now=LATER)
        self.comes(team)
        swept(self.AGAIN)
        assert owner_of(stuck) == owner and swept(self.AGAIN + HOUR) == 0, "nothing goes round meanwhile"
        swept(LATER + 2 * DAY)
        assert owner_of(stuck) != owner

    def test_those_for_whom_somebody_comes_go_whoever_waits_before_them(self, team, owner):
        """Nobody who stays in vain holds up another."""
        elsewhere = make.team()
        make.routing_policy(
            {"team": elsewhere, "condition": {"field": "person.country", "op": "is", "value": "AT"}}, {"team": team}
        )
        alone = make.user(Role.SDR, team=elsewhere)
        make.seat(alone.rep)
        vain = [mql(owner=alone.rep, person=make.person(country="AT")) for _ in range(3)]
        lead = mql(owner=owner)
        swept(LATER)
        came = self.comes(team)
        for _ in range(4):
            ladder.sweep(now=self.AGAIN, limit=1)
        assert [owner_of(one) for one in (*vain, lead)] == [alone.rep] * 3 + [came]

    def test_the_number_of_statements_does_not_grow(self, team, owner, manager):
        counts, came = [], None
        for week, count in enumerate((1, 1, 20)):
            start = 7 * week * DAY
            swept(MONDAY + start)
            for _ in range(count):
                mql(MONDAY + start, owner=owner)
            swept(LATER + start)
            came = came or self.comes(team)
            Seat.objects.filter(rep=came).update(receiving=True)
            with CaptureQueriesContext(connection) as captured:
                assert swept(self.AGAIN + start) == count
            counts.append(len(captured))
            Seat.objects.filter(rep=came).update(receiving=False)
        assert counts[1] == counts[2]
        assert ClockEvent.objects.filter(kind="reassigned").count() == 22


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_that_try_again_give_each_lead_away_once():
    make.promises("accept")
    make.promise("accept", reassign=True)
    make.calendar()
    team = make.team()
    make.routing_policy({"team": team})
    owner = make.seat(team=team).rep
    for _ in range(12):
        mql(owner=owner)
    swept(LATER)
    for _ in range(2):
        make.seat(team=team)
    again = LATER + ladder.AGAIN
    at_once(*[lambda: swept(again)] * 3)
    swept(again)
    went = Assignment.objects.exclude(rep=owner)
    assert went.count() == went.values("lead").distinct().count() == 12
    assert ClockEvent.objects.filter(kind="reassigned").count() == 12
    assert Assignment.objects.count() == 24, "one that it stays, one that it went"


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_give_each_lead_away_once():
    make.promises("accept")
    make.promise("accept", reassign=True)
    make.calendar()
    team = make.team()
    make.routing_policy({"team": team})
    owner, *_others = [make.seat(team=team).rep for _ in range(3)]
    for _ in range(12):
        mql(owner=owner)
    at_once(*[lambda: swept(LATER)] * 3)
    swept(LATER)
    assert Assignment.objects.count() == Assignment.objects.values("lead").distinct().count() == 12
    assert ClockEvent.objects.filter(kind="reassigned").count() == 12
    assert ClockEvent.objects.filter(kind="breached").count() == 12


class TestExpiry:
    """What becomes of an MQL after three times the promised time."""

    def moved(self) -> list[tuple[str, str, datetime]]:
        events = StageEvent.objects.filter(cause__startswith="clock:")
        return [(event.kind, event.to_stage, event.occurred_at) for event in events]

    def test_by_default_the_managers_are_told_again_and_nothing_moves(self, owner, manager):
        make.promises("accept")
        lead = mql(owner=owner)
        swept(TUESDAY)
        assert [swept(LAST - timedelta(minutes=1)), swept(LAST), swept(LAST)] == [0, 1, 0]
        assert Notice.objects.filter(user=manager, kind="breached").count() == 2
        assert ClockEvent.objects.get(kind="expired").occurred_at == LAST
        assert not self.moved() and owner_of(lead) == owner

    def test_it_is_recycled_at_its_time_however_late_the_sweep(self, owner):
        policy = make.promises("accept", expiry="recycle")
        lead = mql(owner=owner)
        swept(LAST + DAY)
        assert self.moved() == [("recycle", "", LAST)]
        event = lead.events.latest("pk")
        assert (event.policy, event.actor) == (f"sla:{policy.version}", None)
        lead.refresh_from_db()
        assert (lead.exit, lead.closed_at) == ("recycled", LAST)
        assert Inbox.objects.filter(cause="stage_event", object_id=event.pk).exists()
        clocks.follow([event.pk], now=LAST + DAY)
        clock = Clock.objects.get()
        assert (clock.stopped_at, clock.cancelled) == (LAST, False)

    def test_nothing_is_recycled_that_somebody_works(self, owner, manager):
        make.promises("accept", expiry="recycle")
        lead = mql(owner=owner)
        make.touch(person=lead.person, direction="out", type="call", occurred_at=TUESDAY)
        swept(LAST)
        assert not self.moved()
        assert Notice.objects.filter(user=manager, cause__endswith=":expiry").exists()

    def test_it_counts_as_accepted_where_the_version_says_so_and_its_next_promises_begin(self, owner):
        make.promises("accept", "follow_up", expiry="accept")
        mql(owner=owner)
        swept(LAST)
        assert self.moved() == [("advance", "sal", LAST)]
        pipeline.drain(now=LAST)
        assert Clock.objects.get(kind="follow_up").started_at == LAST
        assert Clock.objects.get(kind="accept").stopped_at == LAST

    def test_what_nobody_owns_is_not_accepted(self, manager):
        make.promises("accept", expiry="accept")
        mql()
        swept(LAST)
        assert not self.moved()
        assert Notice.objects.filter(user=manager, cause__endswith=":expiry").exists()

    def test_a_decision_before_it_holds_whenever_one_looks(self, owner):
        make.promises("accept", expiry="recycle")
        lead = mql(owner=owner)
        make.advance(lead, Stage.SAL, at=LAST - HOUR, actor_id=owner.user.pk)
        swept(LAST + DAY)
        assert not self.moved()

    def test_who_is_slower_than_the_clock_is_told_what_happened(self, owner):
        make.promises("accept", expiry="recycle")
        lead = mql(owner=owner)
        swept(LAST)
        with pytest.raises(services.Refused, match="recycled"):
            services.accept(lead.pk, user=owner.user, now=LAST + HOUR)
