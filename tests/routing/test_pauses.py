"""Clocks that stand still: by a person until a day or a reply, and while an owner is away; each pause is a fact."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import InternalError, transaction

from funnel.access import Role
from funnel.models import Stage
from routing.acts.doing import Invalid, Refused
from routing.decisions import pauses, services
from routing.leads.clock_panel import clock_lines
from routing.models import Absence, Assignment, Clock, Pause, PauseEnd
from routing.overdue import ladder
from routing.sla import clocks
from tests import factories as make

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
THURSDAY = date(2026, 6, 4)


@pytest.fixture(autouse=True)
def _promises(settings):
    settings.TIME_ZONE = "UTC"
    make.promises("accept", "follow_up", "working")


@pytest.fixture
def owner():
    return make.user(Role.SDR, team=make.team()).rep


@pytest.fixture
def lead(owner):
    return mql(owner=owner)


def mql(at: datetime = MONDAY, **fields):
    lead = make.mql(at=at, **fields)
    clocks.follow([lead.events.latest("pk").pk], now=at)
    return lead


def clock_of(lead, kind: str = "accept") -> Clock:
    return Clock.objects.get(lead=lead, kind=kind)


def said(clock: Clock) -> list[tuple[str, datetime]]:
    return [(event.kind, event.occurred_at) for event in clock.events.order_by("occurred_at", "pk")]


def pause(lead, user, *, until: date = THURSDAY, kind: str = "data", why: str = "Company unknown", now=MONDAY + HOUR):
    return pauses.pause(lead.pk, kind=kind, until=until, why=why, user=user, now=now)


class TestByAPerson:
    def test_the_time_until_then_does_not_count(self, lead, owner):
        done = pause(lead, owner.user)
        assert "stand still until Thursday, 4 June: waiting for missing data, Company unknown" in done.sentence
        clock = clock_of(lead)
        midnight = datetime(2026, 6, 4, tzinfo=UTC)
        assert (clock.paused_until, clock.next_at) == (midnight, midnight)
        assert clock.due_at == datetime(2026, 6, 4, 17, tzinfo=UTC), "one of nine hours had passed"
        assert said(clock) == [("started", MONDAY), ("paused", MONDAY + HOUR)]
        assert ladder.sweep(now=MONDAY + 2 * DAY, limit=10) == 0

    def test_it_runs_again_by_itself_stamped_with_the_day_however_late_the_sweep(self, lead, owner):
        pause(lead, owner.user)
        assert ladder.sweep(now=datetime(2026, 6, 4, 11, tzinfo=UTC), limit=10) == 1
        clock = clock_of(lead)
        assert clock.paused_until is None and clock.next_at == clock.warn_at
        assert said(clock)[-1] == ("resumed", datetime(2026, 6, 4, tzinfo=UTC))

    def test_a_reply_lets_it_run_again_from_the_moment_it_came(self, lead, owner):
        pause(lead, owner.user, kind="reply", why="")
        reply = make.touch(person=lead.person, type="email_reply", occurred_at=MONDAY + 4 * HOUR)
        clocks.follow(touches=[reply.pk], now=MONDAY + 5 * HOUR)
        clock = clock_of(lead)
        assert (clock.paused_until, clock.due_at) == (None, MONDAY + DAY + 3 * HOUR)
        assert said(clock)[-1] == ("resumed", MONDAY + 4 * HOUR)

    @pytest.mark.parametrize(
        "fields",
        [{"type": "page_visit"}, {"automatic": True}, {"type": "out_of_office_reply"}, {"direction": "out"}],
    )
    def test_a_visit_and_what_a_machine_sends_are_no_reply(self, lead, owner, fields):
        pause(lead, owner.user, kind="reply", why="")
        values = {"type": "email_reply", "occurred_at": MONDAY + 4 * HOUR} | fields
        clocks.follow(touches=[make.touch(person=lead.person, **values).pk], now=MONDAY + 5 * HOUR)
        clocks.follow_leads([lead.pk], now=MONDAY + 5 * HOUR)
        assert clock_of(lead).paused_until is not None

    def test_a_reply_does_not_bring_missing_data(self, lead, owner):
        pause(lead, owner.user)
        reply = make.touch(person=lead.person, type="email_reply", occurred_at=MONDAY + 4 * HOUR)
        clocks.follow(touches=[reply.pk], now=MONDAY + 5 * HOUR)
        assert clock_of(lead).paused_until is not None

    def test_somebody_lets_them_run_before(self, lead, owner):
        pause(lead, owner.user)
        done = pauses.resume(lead.pk, user=owner.user, now=MONDAY + 3 * HOUR)
        clock = clock_of(lead)
        assert (clock.paused_until, clock.due_at) == (None, MONDAY + DAY + 2 * HOUR)
        end = PauseEnd.objects.get()
        assert (end.actor, end.ended_at) == (owner.user, MONDAY + 3 * HOUR)
        assert pauses.resume(lead.pk, user=owner.user, now=MONDAY + 3 * HOUR) == done, "a second click"

    def test_a_clock_that_begins_meanwhile_stands_still_from_its_start(self, lead, owner):
        pause(lead, owner.user)
        services.accept(lead.pk, user=owner.user, now=MONDAY + 2 * HOUR)
        clock = clock_of(lead, "follow_up")
        assert clock.paused_until == datetime(2026, 6, 4, tzinfo=UTC)
        assert clock.due_at == datetime(2026, 6, 5, 18, tzinfo=UTC)
        assert clock_of(lead).stopped_at == MONDAY + 2 * HOUR and clock_of(lead).paused_until is None

    def test_the_same_click_again_is_told_as_done_and_a_second_pause_is_refused(self, lead, owner):
        assert pause(lead, owner.user).sentence == pause(lead, owner.user, now=MONDAY + 2 * HOUR).sentence
        assert Pause.objects.count() == 1
        with pytest.raises(Refused, match="stand still already, until Thursday, 4 June"):
            pause(lead, owner.user, until=date(2026, 6, 8))

    @pytest.mark.parametrize(
        ("fields", "field", "told"),
        [
            ({"until": date(2026, 6, 1)}, "until", "lies ahead of today, 2026-06-01"),
            ({"until": date(2026, 12, 1)}, "until", "at most 90 days"),
            ({"why": " "}, "why", "Say which data is missing"),
            ({"kind": "away"}, "kind", "Say what the lead waits for"),
        ],
    )
    def test_what_cannot_be_is_told_at_its_field(self, lead, owner, fields, field, told):
        with pytest.raises(Invalid, match=told) as problem:
            pause(lead, owner.user, **fields)
        assert problem.value.field == field
        assert not Pause.objects.exists()

    def test_nothing_is_paused_where_nothing_runs_and_by_nobody_who_may_not(self, lead, owner):
        stranger = make.user(Role.SDR, team=owner.team)
        with pytest.raises(Refused, match="Only its owner or a manager can pause it"):
            pause(lead, stranger)
        with pytest.raises(Refused, match="nothing is paused"):
            pauses.resume(lead.pk, user=owner.user, now=MONDAY)
        with pytest.raises(Refused, match="No clock of this lead runs"):
            pause(make.lead(owner=owner), owner.user)

    def test_what_was_late_before_stays_late(self, lead, owner):
        ladder.sweep(now=MONDAY + 2 * DAY, limit=10)
        pause(lead, owner.user, now=MONDAY + 2 * DAY)
        clock = clock_of(lead)
        assert (clock.due_at, clock.breach_told) == (MONDAY + DAY, True)

    def test_a_pause_is_never_changed(self, lead, owner):
        pause(lead, owner.user)
        with pytest.raises(InternalError), transaction.atomic():
            Pause.objects.update(until=MONDAY + 90 * DAY)

    def test_the_panel_says_so_and_the_page_offers_it(self, client, owner, lead):
        client.force_login(owner.user)
        page = client.get(f"/leads/{lead.pk}/").content.decode()
        assert f"/leads/{lead.pk}/pause/" in page
        refused = client.post(f"/leads/{lead.pk}/pause/", {"kind": "data", "until": "2031-01-01", "why": ""})
        assert refused.status_code == 422
        pause(lead, owner.user)
        (line, *_more) = clock_lines(lead, now=MONDAY + 2 * HOUR)
        assert line.face and (line.face.state, line.face.left) == ("paused", "paused until Thu 00:00")


class TestAbsence:
    """The owner is away from Tuesday to Thursday."""

    FIRST, LAST = date(2026, 6, 2), date(2026, 6, 4)
    TUESDAY, FRIDAY = datetime(2026, 6, 2, tzinfo=UTC), datetime(2026, 6, 5, tzinfo=UTC)

    def away(self, owner, **fields) -> Absence:
        made = make.absence(owner, self.FIRST, self.LAST, **fields)
        Absence.objects.filter(pk=made.pk).update(recorded_at=MONDAY - DAY)
        return made

    def looked(self, at: datetime) -> int:
        return pauses.follow_absences(now=at, limit=100)

    def test_without_a_cover_the_clocks_stand_still_from_the_first_day_to_the_last(self, owner, lead):
        self.away(owner)
        assert self.looked(MONDAY + HOUR) == 0
        assert [self.looked(self.TUESDAY + 10 * HOUR), self.looked(self.TUESDAY + 11 * HOUR)] == [1, 0]
        clock = clock_of(lead)
        assert (clock.paused_until, clock.due_at) == (self.FRIDAY, datetime(2026, 6, 5, 12, tzinfo=UTC))
        assert said(clock) == [("started", MONDAY), ("paused", self.TUESDAY)]
        ladder.sweep(now=self.FRIDAY + HOUR, limit=10)
        assert clock_of(lead).paused_until is None
        assert self.looked(self.FRIDAY + HOUR) == 0

    def test_with_a_cover_they_run_and_the_cover_may_act(self, owner, lead):
        cover = make.user(Role.SDR, team=owner.team)
        self.away(owner, cover=cover.rep)
        assert self.looked(self.TUESDAY + HOUR) == 0
        done = services.accept(lead.pk, user=cover, now=self.TUESDAY + 9 * HOUR)
        lead.refresh_from_db()
        assert (done.lead_id, lead.stage, lead.owner) == (lead.pk, "sal", owner)

    def test_a_cover_may_not_act_once_the_owner_is_back(self, owner, lead):
        cover = make.user(Role.SDR, team=owner.team)
        self.away(owner, cover=cover.rep)
        with pytest.raises(Refused, match="Only its owner"):
            services.accept(lead.pk, user=cover, now=self.FRIDAY + HOUR)

    @pytest.mark.parametrize(("absence", "stands"), [("run", 0), ("uncovered", 0), ("always", 1)])
    def test_the_version_says_whether_they_stand_still_while_somebody_covers(self, owner, absence, stands):
        make.promises("accept", absence=absence)
        mql(owner=owner)
        self.away(owner, cover=make.rep(team=owner.team))
        assert self.looked(self.TUESDAY + HOUR) == stands

    def test_another_version_changes_nothing_for_the_clocks_that_run(self, owner, lead):
        make.promises("accept", absence="run")
        self.away(owner)
        assert self.looked(self.TUESDAY + HOUR) == 1

    def test_a_cover_named_later_lets_them_run_and_one_taken_away_stops_them_again(self, owner, lead):
        absence = self.away(owner)
        self.looked(self.TUESDAY)
        named, taken = self.TUESDAY + 10 * HOUR, self.TUESDAY + 14 * HOUR
        Absence.objects.filter(pk=absence.pk).update(cover=make.rep(team=owner.team))
        assert self.looked(named) == 1
        assert clock_of(lead).paused_until is None
        Absence.objects.filter(pk=absence.pk).update(cover=None)
        assert self.looked(taken) == 1
        clock = clock_of(lead)
        assert clock.paused_until == self.FRIDAY
        assert [at for kind, at in said(clock) if kind == "paused"] == [self.TUESDAY, taken]

    def test_somebody_elses_lead_runs_from_when_it_was_given(self, owner, lead):
        self.away(owner)
        self.looked(self.TUESDAY)
        manager = make.user(Role.SDR_MANAGER)
        given = self.TUESDAY + 10 * HOUR
        services.reassign([lead.pk], rep_id=make.rep(team=owner.team).pk, user=manager, now=given)
        assert self.looked(given + 3 * HOUR) == 1
        clock = clock_of(lead)
        assert clock.paused_until is None and PauseEnd.objects.get().ended_at == given

    def test_a_lead_that_comes_to_somebody_away_stands_still_from_then_on(self, owner):
        other = make.rep(team=owner.team)
        lead = mql(owner=other)
        self.away(owner)
        given = self.TUESDAY + 10 * HOUR
        services.reassign([lead.pk], rep_id=owner.pk, user=make.user(Role.SDR_MANAGER), now=given)
        self.looked(given + HOUR)
        assert Pause.objects.get().starts_at == given

    def test_who_is_away_may_not_be_resumed_by_hand(self, owner, lead):
        self.away(owner)
        self.looked(self.TUESDAY)
        with pytest.raises(Refused, match="Its owner is away"):
            pauses.resume(lead.pk, user=make.user(Role.SDR_MANAGER), now=self.TUESDAY + HOUR)

    def test_an_absence_entered_late_counts_from_when_it_was_entered(self, owner, lead):
        absence = self.away(owner)
        entered = self.TUESDAY + 10 * HOUR
        Absence.objects.filter(pk=absence.pk).update(recorded_at=entered)
        self.looked(entered + HOUR)
        assert Pause.objects.get().starts_at == entered

    def test_nobody_owns_a_pause_without_clocks(self, owner):
        make.lead(owner=owner, stages={"inquiry": MONDAY, "mql": MONDAY, "sal": MONDAY})
        self.away(owner)
        assert self.looked(self.TUESDAY) == 0
        assert not Assignment.objects.exists()


def test_an_undone_accept_runs_on_with_its_pauses(owner, lead):
    pause(lead, owner.user)
    done = services.accept(lead.pk, user=owner.user, now=MONDAY + 2 * HOUR)
    assert clock_of(lead).due_at == MONDAY + DAY + HOUR, "the pause counts as far as the clock ran"
    services.undo(done.event_id, user=owner.user, now=MONDAY + 2 * HOUR + timedelta(minutes=3))
    lead.refresh_from_db()
    assert lead.stage == Stage.MQL
    clock = clock_of(lead)
    assert clock.paused_until and clock.due_at == datetime(2026, 6, 4, 17, tzinfo=UTC)
