"""Ratings of leads by sales, summed up by campaign; filters kept under a name; figures of attempts."""

from datetime import timedelta

import pytest
from django.db.utils import InternalError
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.models import Campaign
from reporting.cadences import figures, outreach
from reporting.ratings import by, tables
from routing.acts.doing import Invalid, NotAllowed
from routing.day import attempts, ratings
from routing.models import MessageTemplate, Rating, SavedView
from routing.queue import saved_views
from tests import factories as make
from tests.routing.waiting_rooms import room

pytestmark = pytest.mark.django_db
NOW, HOUR, DAY = make.NOW, timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def jonas():
    return make.user(Role.SDR, team=make.team(), first_name="Jonas")


def test_the_latest_rating_of_each_user_counts_by_campaign(jonas):
    fair = Campaign.objects.create(name="Fair")
    planner = make.person(attributes={"function": "Operations"})
    first = make.lead(campaign=fair, owner=jonas.rep, stages={"mql": NOW}, person=planner)
    second = make.lead(campaign=fair, owner=jonas.rep, stages={"mql": NOW})
    ratings.rate(first.pk, stars=1, why="bad_data", user=jonas, now=NOW)
    ratings.rate(first.pk, stars=5, why="real_need", text="She has budget", user=jonas, now=NOW)
    ratings.rate(first.pk, stars=5, why="real_need", user=jonas, now=NOW)  # nothing new
    ratings.rate(second.pk, stars=2, why="wrong_person", user=jonas, now=NOW)
    assert Rating.objects.count() == 3 and first.notes.get().text == "She has budget"
    (opinion,) = by("campaign", since=None, until=NOW + HOUR)
    assert (opinion.name, opinion.ratings, opinion.mean, opinion.poor) == ("Fair", 2, 3.5, 1)
    personas = by("persona", since=NOW, until=NOW + HOUR)
    assert [(one.name, one.mean) for one in personas] == [("Not known", 2.0), ("Operations", 5.0)]
    assert [table.title for table in tables("solution", "campaign", now=NOW + HOUR)] == ["Solution", "Campaign"]
    with pytest.raises(InternalError):
        Rating.objects.first().delete()


def test_a_rating_that_makes_no_sense_is_refused(jonas):
    lead = make.lead(owner=jonas.rep)
    with pytest.raises(Invalid):
        ratings.rate(lead.pk, stars=6, why="real_need", user=jonas, now=NOW)
    with pytest.raises(Invalid):
        ratings.rate(lead.pk, stars=3, why="", user=jonas, now=NOW)
    with pytest.raises(NotAllowed):
        ratings.rate(lead.pk, stars=3, why="early", user=make.user(Role.EXECUTIVE), now=NOW)


def test_a_rating_is_asked_for_and_shown(client, jonas):
    lead = make.lead(owner=jonas.rep, stages={"mql": NOW})
    client.force_login(jonas)
    url = reverse("routing:rate", args=[lead.pk])
    assert client.post(url, {"stars": 4}, headers={"HX-Request": "true"}).status_code == 422
    assert client.post(url, {"stars": 4, "why": "early"}, headers={"HX-Request": "true"}).status_code == 204
    assert "Lead quality 4 of 5" in client.get(reverse("routing:lead", args=[lead.pk])).content.decode()


# --- Saved filters --------------------------------------------------------------------------------


def test_filters_are_kept_under_a_name_and_forgotten(client):
    here = room(timezone.now())
    client.force_login(here.sdr)
    said = client.post(reverse("routing:save-view"), {"name": " Best  first ", "query": "tab=mine&grade=A&x=1"})
    assert said["Location"] == "/queue/?tab=mine&grade=A"
    view = SavedView.objects.get(user=here.sdr)
    assert (view.name, view.query) == ("Best first", "tab=mine&grade=A")
    html = client.get("/queue/", {"tab": "mine", "grade": "A"}).content.decode()
    assert "Best first" in html and 'aria-current="true">Best first' in html
    client.force_login(here.colleague)
    assert "Best first" not in client.get("/queue/").content.decode()
    client.post(reverse("routing:forget-view", args=[view.pk]))
    assert SavedView.objects.exists()  # somebody else's
    client.force_login(here.sdr)
    client.post(reverse("routing:forget-view", args=[view.pk]))
    assert not SavedView.objects.exists()


def test_a_name_is_needed_and_saving_again_replaces(jonas):
    with pytest.raises(saved_views.NotSaved):
        saved_views.save(jonas, page="queue", name="  ", query="", now=NOW)
    for query in ("a=1", "a=2"):
        saved_views.save(jonas, page="queue", name="Mine", query=query, now=NOW)
    assert SavedView.objects.get().query == "a=2"


# --- What attempts come to ------------------------------------------------------------------------


def test_attempts_by_medium_are_answered_by_a_connection_or_a_reply_in_time(jonas):
    people = [make.person(attributes=said) for said in ({}, {"persona": "CFO"}, {}, {})]
    leads = [make.lead(owner=jonas.rep, stages={"mql": NOW, "sal": NOW}, person=one) for one in people]
    outcomes = ("connected", "voicemail", "voicemail", "no_answer")
    for lead, outcome in zip(leads, outcomes, strict=True):
        attempts.log(lead.pk, medium="call", outcome=outcome, user=jonas, now=NOW)
    make.touch(person=leads[1].person, type="email_reply", occurred_at=NOW + DAY)
    make.touch(person=leads[2].person, type="email_reply", occurred_at=NOW + 5 * DAY)  # too late to be its answer
    make.touch(person=leads[3].person, type="email_reply", occurred_at=NOW + DAY, automatic=True)
    attempted = figures.answered(now=NOW + 10 * DAY)
    call, mail, _social = figures.by_medium(attempted)
    assert (call.k, call.n, mail.n, mail.value) == (2, 4, 0, None)
    low, high = call.interval
    assert low < 0.5 < high
    assert figures.answered(now=NOW + DAY) == []  # too young to say
    theirs = [(share.k, share.n) for share in figures.by_medium(attempted, "CFO")]
    assert theirs == [(1, 1), (0, 0), (0, 0)], "of the one who has this persona"


def test_leads_by_when_they_were_first_tried_and_how_often(jonas):
    zone_noon = NOW
    for days, times, won in ((0, 1, True), (0, 2, False), (2, 1, False), (5, 4, True)):
        stages = {"mql": zone_noon, "sal": zone_noon} | ({"sql": zone_noon + 20 * DAY} if won else {})
        lead = make.lead(owner=jonas.rep, stages=stages)
        for number in range(times):
            at = zone_noon + days * DAY + number * HOUR
            attempts.log(lead.pk, medium="call", outcome="no_answer", user=jonas, now=at)
    cells = outreach.cells(now=NOW + 40 * DAY)
    starts, often = outreach.by_start(cells), outreach.by_often(cells)
    assert [(share.k, share.n) for share in starts] == [(1, 2), (0, 1), (1, 1)]
    assert [(share.k, share.n) for share in often] == [(1, 2), (0, 1), (1, 1), (0, 0)]
    assert sum(share.n for share in outreach.by_start(outreach.cells(now=NOW + 20 * DAY))) == 0  # too young


def test_the_page_of_cadences_tells_how_steps_are_kept(client, jonas):
    made = make.cadence((0, "call"), (3, "email"), name="Ten days", on_acceptance=True)
    client.force_login(make.user(Role.MARKETING_OPS))
    html = client.get(reverse("reporting:cadences")).content.decode()
    assert "Ten days" in html and "Step 1: call" in html and "no data" in html
    made.status = "retired"
    made.save()
    assert "No cadence is in force" in client.get(reverse("reporting:cadences")).content.decode()


def test_the_library_is_filled_for_a_lead(client, jonas):
    MessageTemplate.objects.create(name="Hello", medium="email", subject="For {company}", body="Hello {first_name}")
    MessageTemplate.objects.create(name="For IT", medium="call", persona="IT", body="Ask about {solution}")
    lead = make.lead(owner=jonas.rep, person=make.person(first_name="Lea", company="Brunner"))
    client.force_login(jonas)
    html = client.get(reverse("routing:library"), {"lead": lead.pk}).content.decode()
    assert "For Brunner" in html and "Hello Lea" in html and "mailto:" in html and "solution" in html
    html = client.get(reverse("routing:library"), {"persona": "Finance"}).content.decode()
    assert "For IT" not in html and "Hello" in html
