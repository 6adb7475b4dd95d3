"""The floor: who has what, whose turn it is, what presses; and giving leads away from it."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from funnel.access import Role
from funnel.models import Campaign, Reason, Solution
from reporting.periods import preset
from reporting.sla.asking import Asked
from reporting.sla.figures import by_group
from routing.decisions import services
from routing.floor import complaints
from routing.floor import standing as floor
from routing.floor.lagging import Made
from routing.floor.portrait import portrait_of
from routing.models import Assignment, Quota, Seat
from routing.seats import profiles
from tests import factories as make
from tests.routing.test_to_the_end import again
from tests.routing.waiting_rooms import HOUR, MINUTE, Room, busy, clock, room

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
HTMX = {"HX-Request": "true"}


@pytest.fixture
def here() -> Room:
    return room(timezone.now())


def desk_of(user, here: Room) -> floor.Desk:
    (desk,) = floor.desks([user.rep.pk], now=here.now)
    return desk


class TestDesks:
    def test_load_is_counted_by_stage_of_what_is_open(self, here):
        here.wait()
        here.wait()
        make.lead(stages={"inquiry": here.now - DAY, "mql": here.now - DAY, "sal": here.now - HOUR}, owner=here.sdr.rep)
        make.leave(here.wait(), "recycle", at=here.now)
        desk = desk_of(here.sdr, here)
        assert (desk.mqls, desk.sals, desk.sqls, desk.deals) == (2, 1, 0, 0)

    def test_promises_are_counted_as_they_stand(self, here):
        here.wait(due=-HOUR)
        here.wait(due=5 * DAY)
        soon = here.wait(due=None)
        later_today = timezone.localtime(here.now).replace(hour=23, minute=59, second=59)
        clock(soon, due=max(later_today, here.now))
        for late in (False, True):
            lead = here.wait(due=None)
            made = clock(lead, due=here.now - DAY)
            made.stopped_at = made.due_at + (HOUR if late else -HOUR)
            made.save()
        called_off = clock(here.wait(due=None), due=here.now - DAY)
        called_off.stopped_at, called_off.cancelled = here.now, True
        called_off.save()
        desk = desk_of(here.sdr, here)
        assert (desk.overdue, desk.due_today) == (1, 1)
        assert (desk.kept, desk.ended) == (1, 3)  # kept, late, and one that ran out and still runs

    def test_turns_absences_and_quotas_are_shown(self, here):
        today = timezone.localdate(here.now)
        Seat.objects.create(
            rep=here.sdr.rep, weight=2, capacity=1, assigned=10, calibration=4, levelled_team=here.sdr.rep.team,
            levelled_weight=2,
        )  # fmt: skip
        make.absence(here.sdr.rep, today, today + 3 * DAY, cover=here.colleague.rep)
        Quota.objects.create(rep=here.sdr.rep, measure="sqls", amount=4, starts_on=today, ends_on=today)
        here.wait()
        desk = desk_of(here.sdr, here)
        assert (desk.level, desk.weight, desk.full) == (7.0, 2, True)
        assert timezone.localdate(desk.back_at) == today + 4 * DAY and desk.cover == "Jonas Petersen"
        assert [(one.amount, one.reached) for one in desk.quotas] == [(4, 0)]

    def test_kept_promises_are_those_of_the_promises_page(self, here):
        """Whose the lead was when its time was over counts, not whose it is now."""
        for kept in (True, False, False):
            lead = here.wait(due=None)
            made = clock(lead, due=here.now - DAY)
            made.stopped_at = made.due_at + (-HOUR if kept else HOUR)
            made.save()
        here.wait(due=-HOUR)
        for rep, at in ((here.colleague.rep, here.now - 3 * DAY), (here.sdr.rep, here.now)):
            services.reassign([here.leads[0].pk], rep_id=rep.pk, user=here.manager, now=at)
        at_that_moment = here.leads[1].clocks.get().due_at  # who gets it by what ends the clock has not had it
        for rep, at in ((here.colleague.rep, here.now - 3 * DAY), (here.sdr.rep, at_that_moment)):
            services.reassign([here.leads[1].pk], rep_id=rep.pk, user=here.manager, now=at)
        asked = Asked(period=preset("all", here.now.date()))
        told = {figure.key: (figure.kept, figure.n) for figure in by_group(asked, here.manager, now=here.now)}
        found = floor.desks([here.sdr.rep.pk, here.colleague.rep.pk], now=here.now)
        assert {str(desk.rep_id): (desk.kept, desk.ended) for desk in found if desk.ended} == told
        assert told == {str(here.sdr.rep.pk): (0, 2), str(here.colleague.rep.pk): (1, 2)}

    def test_a_level_that_means_nothing_yet_is_not_shown(self, here):
        Seat.objects.create(rep=here.sdr.rep, weight=2, assigned=10, levelled_weight=1)
        assert desk_of(here.sdr, here).level is None
        assert desk_of(here.sdr, here).kept_share is None


class TestLists:
    def test_what_presses_comes_nearest_first_within_two_hours(self, here):
        for due in (3 * HOUR, 90 * MINUTE, -HOUR):
            here.wait(due=due)
        found = floor.pressing([here.sdr.rep.pk], everybody=False, now=here.now)
        assert [item.lead for item in found] == [here.leads[2], here.leads[1]]
        assert [item.clock.state for item in found] == ["late", "warn"]
        assert floor.pressing([here.colleague.rep.pk], everybody=False, now=here.now) == []
        assert len(floor.pressing([], everybody=True, now=here.now)) == 2

    def test_a_lead_with_two_promises_stands_there_once(self, here):
        lead = here.wait(due=HOUR, hot=2 * MINUTE)
        (item,) = floor.pressing([here.sdr.rep.pk], everybody=False, now=here.now)
        assert item.lead == lead and item.clock.hot

    def test_what_nobody_has(self, here):
        here.wait(owner=None, due=None)
        here.wait(pool=here.sdr.rep.team, owner=None)
        found = floor.nobodys()
        assert ([item.lead for item in found.items], found.count) == ([here.leads[0]], 1)


class TestPage:
    def test_managers_and_who_sees_everything_look_and_others_do_not(self, client, here):
        expected = {here.manager: 200, make.user(Role.MARKETING_OPS): 200, make.user(Role.EXECUTIVE): 200,
                    here.sdr: 403, make.user(Role.AE, team=make.team("ae")): 403}  # fmt: skip
        for user, status in expected.items():
            client.force_login(user)
            assert client.get("/floor/").status_code == status
            assert ('href="/floor/"' in client.get("/leads/").content.decode()) is (status == 200)

    def test_who_only_looks_on_is_offered_nothing_to_move(self, client, here):
        here.wait(due=-HOUR)
        client.force_login(make.user(Role.EXECUTIVE))
        html = client.get("/floor/").content.decode()
        assert "Pat Doe 0" in html and "data-drop" not in html and "draggable" not in html

    def test_a_manager_with_a_team_to_themselves_begins_with_all(self, client, here):
        manager = make.rep(team=make.team(name="Managers"), user=make.user(Role.SDR_MANAGER), name="Hanna")
        client.force_login(manager.user)
        assert here.sdr.rep.name in client.get("/floor/").content.decode()

    def test_a_manager_of_a_team_begins_with_it(self, client, here):
        other = make.rep(team=make.team(name="Nordics"), name="Freja Lund")
        manager = make.user(Role.SDR_MANAGER, team=here.sdr.rep.team)
        client.force_login(manager)
        assert "Freja Lund" not in client.get("/floor/").content.decode().split('id="bulk"')[0]
        for team in ("all", str(other.team_id)):
            assert "Freja Lund" in client.get(f"/floor/?team={team}").content.decode()
        assert "Freja Lund" not in client.get("/floor/?team=999").content.decode()

    def test_it_costs_the_same_queries_however_much_goes_on(self, client, here):
        client.force_login(here.manager)

        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert client.get("/floor/").status_code == 200
            return len(captured)

        here.wait(due=-HOUR)
        here.wait(owner=None, due=None)
        queries()
        few = queries()
        today = timezone.localdate()
        Quota.objects.create(rep=here.sdr.rep, measure="sqls", amount=4, starts_on=today, ends_on=today)
        with_quota = queries()
        for _ in range(6):
            rep = make.rep(team=here.sdr.rep.team)
            Quota.objects.create(rep=rep, measure="sqls", amount=4, starts_on=today, ends_on=today)
            make.absence(rep, today)
            here.wait(due=-HOUR, owner=rep, account=make.account())
            here.wait(owner=None, due=None)
        assert few <= 20 and queries() == with_quota == few + 1

    def test_a_level_leads_to_how_it_came_about_for_who_may_see_that(self, client, here):
        seat = make.seat(here.sdr.rep)
        Seat.objects.filter(pk=seat.pk).update(levelled_team=here.sdr.rep.team, levelled_weight=seat.weight)
        page = f"/admin/routing/seat/{seat.pk}/change/"
        client.force_login(here.manager)
        assert page not in client.get("/floor/").content.decode(), "no staff, so no admin"
        here.manager.is_staff = True
        here.manager.save()
        assert page in client.get("/floor/").content.decode()
        assert "How the level moved" in client.get(page).content.decode()

    def test_the_leads_of_a_rep_open(self, client, here):
        here.wait("Lea Vontobel")
        client.force_login(here.manager)
        assert "Lea Vontobel" in client.get(f"/floor/reps/{here.sdr.rep.pk}/").content.decode()
        assert "Nothing in work." in client.get(f"/floor/reps/{here.colleague.rep.pk}/").content.decode()
        assert client.get("/floor/reps/999999/").status_code == 404

    def test_what_kind_of_rep_it_is_stands_with_their_leads(self, client, here):
        rep, edge = here.sdr.rep, Solution.objects.create(name="Edge")
        profiles.set_profile(rep, solutions=[edge], regions=[], segments=["Enterprise"], languages=["de", "sv"])
        at = here.now - 60 * DAY
        planner = make.person(attributes={"function": "Operations"})
        stages = {"inquiry": at, "mql": at, "sal": at + HOUR, "sql": at + DAY}
        for person, reached in ((planner, stages), (make.person(), {"inquiry": at, "mql": at})):
            lead = make.lead(person=person, solution=edge, stages=reached, owner=rep)
            Assignment.objects.create(lead=lead, kind="assigned", rep=rep, occurred_at=at, cause="test")
        found = portrait_of(rep, now=here.now)
        assert found.serves == [("Solutions", "Edge"), ("Segments", "Enterprise"), ("Languages", "de, sv")]
        assert dict(found.tables) == {
            "Solution": [("Edge", Made(2, 1, 1))],
            "Persona": [("Not known", Made(1, 0, 0)), ("Operations", Made(1, 1, 1))],
        }
        client.force_login(here.manager)
        html = client.get(f"/floor/reps/{rep.pk}/").content.decode()
        assert "de, sv" in html and "Operations" in html
        other = client.get(f"/floor/reps/{here.colleague.rep.pk}/").content.decode()
        assert "Serves every region" in other


class TestGivingAway:
    def give(self, client, lead, seen, rep):
        return client.post(
            "/queue/reassign/", {"lead": [lead.pk], "rep_id": rep.pk, "seen": [f"{lead.pk}:{seen}"]},
            headers={"HX-Request": "true"},
        )  # fmt: skip

    def test_whoever_saw_it_elsewhere_is_told_and_nothing_moves(self, client, here):
        lead = here.wait("Lea Vontobel")
        client.force_login(here.manager)
        third = make.rep(name="Third")
        answer = self.give(client, lead, third.pk, here.colleague.rep)
        assert answer.status_code == 409 and "Mara Lindqvist" in answer["HX-Trigger"]
        assert "Nothing was changed" in answer["HX-Trigger"] and again(lead).owner == here.sdr.rep
        assert self.give(client, lead, here.sdr.rep.pk, here.colleague.rep).status_code == 204
        assert again(lead).owner == here.colleague.rep

    def test_what_was_given_together_is_taken_back_together_or_not_at_all(self, client, here):
        mine, nobodys = here.wait("Lea Vontobel"), here.wait(owner=None, due=None)
        client.force_login(here.manager)
        values = {"lead": [mine.pk, nobodys.pk], "rep_id": here.colleague.rep.pk}

        def give() -> str:
            told = json.loads(client.post("/queue/reassign/", values, headers=HTMX)["HX-Trigger"])["acted"]
            assert told["text"].startswith("Gave 2 leads to ")
            return told["undo"]

        undo = give()
        assert again(mine).owner == again(nobodys).owner == here.colleague.rep
        told = json.loads(client.post(undo, headers=HTMX)["HX-Trigger"])["acted"]
        assert told["undone"] and told["text"] == "Taken back: 2 leads are with whom they were."
        assert again(mine).owner == here.sdr.rep and again(nobodys).owner is None
        undo = give()
        services.accept(mine.pk, user=here.colleague, now=timezone.now())
        answer = client.post(undo, headers=HTMX)
        assert answer.status_code == 409 and "Nothing was taken back" in answer["HX-Trigger"]
        assert again(nobodys).owner == here.colleague.rep
        client.force_login(here.sdr)
        assert client.post(undo, headers=HTMX).status_code == 409

    def test_what_nobody_had_is_seen_so_too(self, client, here):
        lead = here.wait(owner=None, due=None)
        client.force_login(here.manager)
        assert self.give(client, lead, 0, here.sdr.rep).status_code == 204
        assert self.give(client, lead, 0, here.colleague.rep).status_code == 409

    def test_the_dialog_carries_whose_it_was(self, client, here):
        lead = here.wait()
        client.force_login(here.manager)
        page = f"/leads/{lead.pk}/hand-over/"
        assert 'value="17"' in client.get(f"{page}?owner=17").content.decode()
        stale = client.post(page, {"rep_id": here.colleague.rep.pk, "owner": "17"}, headers={"HX-Request": "true"})
        assert stale.status_code == 409
        for owner in ("", str(here.sdr.rep.pk)):
            good = client.post(page, {"rep_id": here.sdr.rep.pk, "owner": owner}, headers={"HX-Request": "true"})
            assert good.status_code == 204


def test_the_two_complaints_stand_side_by_side(client, here):
    webinar = Campaign.objects.create(name="Crane webinar")
    at = here.now - 5 * DAY

    def mql(**fields):
        return make.lead(stages={"inquiry": at - DAY, "mql": at}, campaign=webinar, **fields)

    mql()  # nobody did anything
    touched = mql()
    make.touch(person=touched.person, type="call", direction="out", occurred_at=at + HOUR)
    poor = Reason.objects.create(kind="reject", name="Wrong profile")
    make.leave(mql(), "disqualify", at=at + HOUR, reason_id=poor.pk)
    make.leave(mql(), "expire", at=at + 3 * DAY)
    make.lead(stages={"inquiry": at, "mql": at, "sal": at + HOUR}, campaign=webinar)
    make.lead(stages={"inquiry": here.now, "mql": here.now}, campaign=webinar)  # has not had its time yet
    (program,) = complaints.by_program(now=here.now)
    assert (program.name, program.mqls, program.never, program.poor) == ("Crane webinar", 5, 2, 1)
    client.force_login(here.manager)
    assert "Crane webinar" in client.get("/floor/complaints/").content.decode()
    client.force_login(here.sdr)
    assert client.get("/floor/complaints/").status_code == 403


def test_a_busy_day_is_drawn(client):
    here = busy(timezone.now())
    client.force_login(here.manager)
    html = client.get("/floor/").content.decode()
    for name in ("Mara Lindqvist", "Tomasz Wierzbicki", "Ivan Horvat", "Give Tomasz Wierzbicki to somebody else"):
        assert name in html
