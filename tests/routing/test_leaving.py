"""A rep leaves: everything they had is somebody else's, at once; nothing is lost, and it can be taken back."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from funnel.access import Role
from funnel.models import Account, Lead, Opportunity, Reason
from routing.assignment.engine import assign
from routing.decisions import services
from routing.decisions.services import Invalid, NotAllowed, Refused
from routing.floor import leaving
from routing.models import Absence, Attendee, Departure, HandOff, Meeting, Notice, Seat
from routing.sales import handoff, handoff_answers, meetings
from tests import factories as make
from tests.routing.test_handoff import NOTE, named
from tests.routing.test_to_the_end import DAY, HOUR, NOW, again, at

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    made = make.team()
    make.desk(made)
    return made


@pytest.fixture
def leaver(team):
    user = named(make.user(Role.SDR, team=team), "Mia Huber")
    make.seat(user.rep)
    return user


@pytest.fixture
def manager():
    return make.user(Role.SDR_MANAGER)


def everything_of(leaver) -> dict:
    """Leads at every stage, a meeting ahead, one of a colleague's lead, two deals, an account, an absence to cover."""
    account = make.account(owner=leaver.rep)
    leads = [at(stage, owner=leaver.rep) for stage in ("inquiry", "mql", "sal", "sql")]
    closed = make.leave(at("mql", owner=leaver.rep), "recycle", at=NOW)
    meetings.book(leads[2].pk, starts_at=NOW + DAY, user=leaver, now=NOW)
    foreign = at("sal", owner=make.rep())
    ahead = Meeting.objects.create(lead=foreign, rep=foreign.owner, starts_at=NOW + DAY, booked_at=NOW)
    Attendee.objects.create(meeting=ahead, rep=leaver.rep)
    deals = [make.opportunity(owner=leaver.rep, lead=leads[3]), make.opportunity(owner=leaver.rep, account=account)]
    won = make.opportunity(owner=leaver.rep, state="won", closed_at=NOW)
    away = make.absence(make.rep(), NOW.date(), NOW.date() + 9 * DAY, cover=leaver.rep)
    return {
        "leads": leads,
        "closed": closed,
        "deals": deals,
        "won": won,
        "account": account,
        "ahead": ahead,
        "away": away,
    }


def test_the_preview_says_what_there_is(leaver):
    everything_of(leaver)
    has = leaving.belongings(leaver.rep, now=NOW)
    assert has.sentence() == "4 open leads, 2 meetings ahead, 2 open deals, 1 account, 1 absence to cover"
    assert leaving.belongings(make.rep(), now=NOW).sentence() == "nothing"


def test_to_one_person_goes_all_of_it(leaver, manager, team):
    had = everything_of(leaver)
    heir = named(make.user(Role.SDR, team=team), "Jonas Petersen")
    departure = leaving.leave(leaver.rep.pk, to_rep_id=heir.rep.pk, user=manager, now=NOW)
    assert {again(lead).owner for lead in had["leads"]} == {heir.rep}
    assert again(had["closed"]).owner == leaver.rep and again(had["won"]).owner == leaver.rep
    assert {again(deal).owner for deal in had["deals"]} == {heir.rep} and again(had["account"]).owner == heir.rep
    assert Meeting.objects.get(lead=had["leads"][2]).rep == heir.rep
    assert not Attendee.objects.filter(rep=leaver.rep).exists()
    assert Attendee.objects.filter(rep=heir.rep).count() == 2
    assert again(had["away"]).cover == heir.rep
    assert not again(leaver.rep).active and not Seat.objects.get(rep=leaver.rep).receiving
    (share,) = leaving.shares(departure)
    assert (share.rep, len(share.leads), share.meetings, share.deals, share.accounts) == (heir.rep, 4, 2, 2, 1)
    notice = Notice.objects.get(user=heir)
    assert notice.kind == "inherited" and notice.data["leads"] == 4


def test_otherwise_it_is_dealt_out_among_those_who_are_there(leaver, manager, team):
    here = [make.seat(team=team), make.seat(team=team, weight=2), make.seat(team=team, capacity=0)]
    away = make.seat(team=team)
    make.absence(away.rep, NOW.date())
    make.seat(team=team, receiving=False)
    for _ in range(8):
        at("mql", owner=leaver.rep)
    leaving.leave(leaver.rep.pk, to_rep_id=None, user=manager, now=NOW)
    counts = {seat.rep_id: Lead.objects.filter(owner=seat.rep_id).count() for seat in here}
    assert sorted(counts.values()) == [2, 2, 4] and counts[here[1].rep_id] == 4
    assert Lead.objects.filter(owner=leaver.rep).count() == 0


def test_where_nobody_is_there_one_has_to_be_chosen_and_nothing_moves(leaver, manager):
    lead = at("mql", owner=leaver.rep)
    with pytest.raises(Invalid, match="Nobody else of the team is there"):
        leaving.leave(leaver.rep.pk, to_rep_id=None, user=manager, now=NOW)
    for nobody in (leaver.rep.pk, make.rep(active=False).pk, 999_999):
        with pytest.raises(Invalid, match="no such active rep"):
            leaving.leave(leaver.rep.pk, to_rep_id=nobody, user=manager, now=NOW)
    assert again(lead).owner == leaver.rep and again(leaver.rep).active
    with pytest.raises(NotAllowed):
        leaving.leave(leaver.rep.pk, to_rep_id=make.rep().pk, user=leaver, now=NOW)


def test_new_leads_pass_over_who_has_left(leaver, manager, team):
    other = make.seat(team=team)
    make.routing_policy({"team": team})
    leaving.leave(leaver.rep.pk, to_rep_id=other.rep_id, user=manager, now=NOW)
    with pytest.raises(Refused, match="has left already"):
        leaving.leave(leaver.rep.pk, to_rep_id=other.rep_id, user=manager, now=NOW)
    leads = [at("mql") for _ in range(3)]
    made = assign([lead.pk for lead in leads], now=NOW, causes={lead.pk: "test" for lead in leads})
    assert {one.rep_id for one in made} == {other.rep_id}


def test_an_offer_to_who_leaves_is_one_to_who_takes_over(manager):
    sellers = make.team("ae")
    sdr = make.user(Role.SDR, team=make.team())
    seller, heir = (make.user(Role.AE, team=sellers) for _ in range(2))
    lead = at("sql", owner=sdr.rep)
    handoff.offer(lead.pk, note=NOTE, user=sdr, now=NOW, rep_id=seller.rep.pk)
    assert "1 SQL that waits for an answer" in leaving.belongings(seller.rep, now=NOW).sentence()
    leaving.leave(seller.rep.pk, to_rep_id=heir.rep.pk, user=manager, now=NOW)
    handoff_answers.take_over(lead.pk, user=heir, now=NOW)
    assert HandOff.objects.get(accepted_at__isnull=False).to_rep == heir.rep


def test_what_comes_back_for_who_has_left_goes_to_who_has_their_work(manager):
    sdr, heir = (make.user(Role.SDR, team=make.team()) for _ in range(2))
    seller = make.user(Role.AE, team=make.team("ae"))
    lead = at("sql", owner=sdr.rep)
    handoff.offer(lead.pk, note=NOTE, user=sdr, now=NOW, rep_id=seller.rep.pk)
    leaving.leave(sdr.rep.pk, to_rep_id=heir.rep.pk, user=manager, now=NOW)
    because = Reason.objects.create(kind="regress", stage="sql", name="No need").pk
    handoff_answers.give_it_back(lead.pk, reason_id=because, user=seller, now=NOW)
    assert again(lead).owner == heir.rep


def test_a_departure_is_taken_back_as_far_as_things_are_where_they_went(leaver, manager, team):
    had = everything_of(leaver)
    heir = make.user(Role.SDR, team=team)
    departure = leaving.leave(leaver.rep.pk, to_rep_id=heir.rep.pk, user=manager, now=NOW)
    third = make.rep()
    services.reassign([had["leads"][0].pk], rep_id=third.pk, user=manager, now=NOW + HOUR)
    services.accept(had["leads"][1].pk, user=heir, now=NOW + HOUR)
    leaving.come_back(departure.pk, user=manager, now=NOW + DAY)
    assert [again(lead).owner for lead in had["leads"]] == [third, leaver.rep, leaver.rep, leaver.rep]
    assert {again(deal).owner for deal in had["deals"]} == {leaver.rep} and again(had["account"]).owner == leaver.rep
    assert Meeting.objects.get(lead=had["leads"][2]).rep == leaver.rep
    assert again(leaver.rep).active and Seat.objects.get(rep=leaver.rep).receiving
    assert again(had["away"]).cover == leaver.rep
    with pytest.raises(Refused, match="taken back already"):
        leaving.come_back(departure.pk, user=manager, now=NOW + DAY)
    again(leaver.rep)
    leaving.leave(leaver.rep.pk, to_rep_id=heir.rep.pk, user=manager, now=NOW + DAY)
    with pytest.raises(Refused, match="possible for seven days"):
        leaving.come_back(Departure.objects.first().pk, user=manager, now=NOW + 9 * DAY)


def test_it_costs_the_same_statements_however_much_there_is(manager, team):
    heir = make.rep(team=team)
    assert manager.has_perm("routing.reassign_lead")  # which is read once a user
    counts = []
    for number in (1, 7):
        leaver = make.user(Role.SDR, team=team)
        for _ in range(number):
            at("mql", owner=leaver.rep)
            make.opportunity(owner=leaver.rep)
            make.account(owner=leaver.rep)
        with CaptureQueriesContext(connection) as captured:
            leaving.leave(leaver.rep.pk, to_rep_id=heir.pk, user=manager, now=NOW)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_the_page_previews_moves_and_takes_back(client, leaver, manager, team):
    everything_of(leaver)
    heir = make.rep(team=team, name="Jonas Petersen")
    client.force_login(manager)
    page = f"/floor/reps/{leaver.rep.pk}/leave/"
    assert "Mia Huber has 4 open leads, 2 meetings ahead, 2 open deals" in client.get(page).content.decode()
    problem = client.post(page, {"to_rep_id": ""})
    assert problem.status_code == 422 and "choose one person" in problem.content.decode()
    done = client.post(page, {"to_rep_id": heir.pk}, follow=True).content.decode()
    assert "everything they had is with others" in done and "Jonas Petersen" in done
    departure = Departure.objects.get()
    back = client.post(f"/floor/departures/{departure.pk}/undo/", follow=True).content.decode()
    assert "Taken back" in back and again(leaver.rep).active
    client.force_login(leaver)
    assert client.get(page).status_code == client.post(page).status_code == 403


def test_absences_of_the_heir_are_covered_by_nobody_rather_than_by_themselves(leaver, manager, team):
    heir = make.rep(team=team)
    Absence.objects.create(rep=heir, starts_on=NOW.date(), ends_on=NOW.date() + timedelta(days=3), cover=leaver.rep)
    leaving.leave(leaver.rep.pk, to_rep_id=heir.pk, user=manager, now=NOW)
    assert Absence.objects.get().cover is None
    assert Account.objects.filter(owner=leaver.rep).count() == Opportunity.objects.filter(owner=leaver.rep).count() == 0
