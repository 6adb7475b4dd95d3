"""The panels of a lead's page: interest over time, why this score, clocks, what is offered, the timeline's lines."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.inbox import Taken
from funnel.models import Lead
from routing.acts.viewer import viewer_of
from routing.decisions import services
from routing.decisions.offers import offers
from routing.leads.clock_panel import clock_lines
from routing.leads.interest import added_by, interest_at
from routing.leads.page import parts_now
from routing.leads.score_panel import moment_asked
from routing.models import ClockEvent, Meeting
from routing.sales import meetings
from scoring.engine import apply
from scoring.explain import why
from scoring.models import ScoreChange
from scoring.services import ship
from tests import factories as make
from tests.routing.waiting_rooms import DAY, HOUR, MINUTE, Room, clock, room

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(client) -> Room:
    made = room(timezone.now().replace(microsecond=0))
    client.force_login(made.sdr)
    return made


@pytest.fixture
def lea(here) -> Lead:
    """An MQL with touches over three weeks, scored by the shipped model."""
    ship(now=here.now - 90 * DAY)
    account = make.account(name="Brunner Automation AG", industry="Automation", employees=1850, tier=1)
    lead = here.wait("Lea Vontobel", due=38 * MINUTE, cell="", account=account, title="VP Operations")
    for days, kind in ((20, "content_download"), (12, "pricing_visit"), (12, "page_visit"), (3, "demo_request")):
        make.touch(person=lead.person, type=kind, occurred_at=here.now - days * DAY, recorded_at=here.now - days * DAY)
    apply([Taken(lead.person_id, "rebuild", None)], now=here.now)
    return lead


def url(lead: Lead) -> str:
    return reverse("routing:lead", args=[lead.pk])


def acts(lead: Lead, user, **more) -> list[str]:
    lead.refresh_from_db()
    meeting = lead.meetings.filter(outcome="").first()
    deals = list(lead.opportunities.all())
    works_deals = user.has_perm("routing.work_deal")
    found = offers(lead, viewer_of(user), meeting=meeting, deals=deals, works_deals=works_deals)
    return [offer.act for offer in found if not offer.more]


# --- Interest over time ---------------------------------------------------------------------------


def test_the_curve_ends_at_the_score_and_steps_at_the_touches(here, lea):
    parts = parts_now(lea, now=here.now)
    now = here.now.timestamp()
    explained = why(lea.person_id, at=here.now)
    assert interest_at(parts, [now])[0] == pytest.approx(explained.interest, abs=1e-9)
    for days in (1, 5, 13, 19):
        then = here.now - days * DAY
        assert interest_at(parts, [then.timestamp()])[0] == pytest.approx(
            why(lea.person_id, at=then).interest, abs=1e-9
        )
    before = interest_at(parts, [(here.now - 21 * DAY).timestamp()])[0]
    assert before == 0
    ahead = interest_at(parts, [now + days * 86400 for days in range(0, 60, 5)])
    assert all(ahead[:-1] >= ahead[1:])  # nothing new: it only falls


def test_what_a_touch_added_says_what_a_cap_held_back(here, lea):
    for minutes in range(12):
        at = here.now - DAY - minutes * MINUTE
        make.touch(person=lea.person, type="content_download", occurred_at=at, recorded_at=at)
    parts = parts_now(lea, now=here.now)
    added = added_by(parts, [touch.pk for touch in lea.person.activities.all()])
    assert any(one.held_back for one in added.values())
    assert all(one.counted <= one.points + 0.01 for one in added.values())  # a second of decay lies between


def test_the_page_draws_the_curve_with_the_next_crossing(client, here, lea):
    response = client.get(url(lea))
    figure, crossing = response.context["curve"], response.context["crossing"]
    assert crossing > here.now
    assert [line["type"] for line in figure["data"]] == ["scatter"] * 3
    said = " ".join(note["text"] for note in figure["layout"]["annotations"])
    assert "Threshold 40" in said and "Exit level 32" in said and "now " in said
    assert "Falls below the threshold" in response.content.decode()


# --- Why this score -------------------------------------------------------------------------------


def test_the_bars_sum_to_the_score(client, here, lea):
    panel = client.get(url(lea)).context["score"]
    assert sum(bar.points for bar in panel.interest) == pytest.approx(panel.why.interest)
    assert sum(bar.points for bar in panel.fit) - panel.cap_took == pytest.approx(panel.why.fit)
    assert all(0 <= bar.width <= 100 for bar in (*panel.interest, *panel.fit))


def test_the_score_at_another_time_is_that_of_then(client, here, lea):
    then = here.now - 10 * DAY
    response = client.get(url(lea), {"at": then.isoformat()}, headers={"HX-Request": "true", "HX-Target": "score"})
    assert response.templates[0].name == "routing/_score.html"
    panel = response.context["score"]
    assert not panel.is_now and panel.why.interest < client.get(url(lea)).context["score"].why.interest


@pytest.mark.parametrize("text", ["", "soon", "2026-13-40T00:00", "9999-12-31T23:59", "1800-01-01T00:00"])
def test_a_moment_that_cannot_be_is_now(text):
    assert moment_asked(text, now=make.NOW) == make.NOW


def test_without_a_model_the_page_says_so(client, here):
    lead = here.wait(cell="")
    response = client.get(url(lead))
    assert response.context["score"] is None and response.context["curve"] is None
    assert "No scoring model decides about this lead yet" in response.content.decode()


# --- Clocks and timeline --------------------------------------------------------------------------


def test_clocks_tell_what_runs_what_was_kept_and_what_was_late(here):
    make.promises("accept", "hot")
    lead = here.wait(due=HOUR)
    late = clock(lead, due=here.now - 2 * HOUR, kind="hot", lasts=5 * MINUTE)
    late.stopped_at = here.now - HOUR
    late.save()
    lines = clock_lines(lead, now=here.now)
    assert [(line.title, line.said if line.face is None else line.face.state) for line in lines] == [
        ("Accept or reject", "warn"), ("First contact", "late"),
    ]  # fmt: skip
    inquiry = make.lead()
    ahead = [(line.title, line.said, line.more.partition(":")[0]) for line in clock_lines(inquiry, now=here.now)]
    assert ahead == [
        ("Accept or reject", "1 business day", "Starts when the lead becomes an MQL"),
        ("First contact", "5 business minutes", "Starts when somebody asks for us"),
    ]


def test_the_timeline_tells_of_scores_hands_clocks_and_meetings(client, here, lea):
    model = lea.person.scores.get().model
    ScoreChange.objects.create(
        person=lea.person, model=model, occurred_at=here.now - 2 * DAY, from_grade="A", from_band=3, grade="A", band=2,
        eligible=True, interest=46.6, fit=70, cause="activity:1",
    )  # fmt: skip
    ClockEvent.objects.create(clock=lea.clocks.get(), kind="warned", occurred_at=here.now - HOUR, cause="sweep")
    services.reassign([lea.pk], rep_id=here.colleague.rep.pk, user=here.manager, now=here.now)
    Meeting.objects.create(lead=lea, booked_at=here.now, starts_at=here.now + DAY)
    client.force_login(here.manager)
    html = client.get(url(lea)).content.decode()
    for said in (
        "Score A2, enough for MQL",
        "nearly over, owner reminded",
        "Given to Jonas Petersen",
        "Meeting booked",
    ):
        assert said in html or said.replace("A2,", "A3 → A2,") in html, said
    work = client.get(url(lea), {"show": "work"}).content.decode()
    assert "Meeting booked" in work and 'class="ev"' in work


# --- What is offered ------------------------------------------------------------------------------


def test_what_is_offered_follows_the_stage_and_the_hand(here):
    lead = here.wait()
    ae = make.user(Role.AE, team=make.team("ae"))
    assert acts(lead, here.sdr) == ["accept", "reject", "recycle", "log"]
    assert acts(lead, here.colleague) == [] and acts(lead, make.user(Role.EXECUTIVE)) == []
    services.accept(lead.pk, user=here.sdr, now=here.now)
    assert acts(lead, here.sdr) == ["meeting", "reject", "recycle", "log"]
    booked = meetings.book(lead.pk, starts_at=here.now - MINUTE, user=here.sdr, now=here.now)
    assert acts(lead, here.sdr)[0] == "outcome"
    meetings.record_outcome(booked.meeting_id, outcome="held", user=here.sdr, now=here.now)
    assert acts(lead, ae)[0] == "opportunity"


def test_a_pooled_lead_is_offered_to_be_claimed(here):
    lead = here.wait(owner=None, pool=here.sdr.rep.team)
    assert acts(lead, here.sdr) == ["claim", "reject", "recycle"]


def test_from_mql_to_won_by_the_forms_of_the_page(client, here):
    lead, now = here.wait("Lea Vontobel"), timezone.localtime(here.now)
    client.post(reverse("routing:accept", args=[lead.pk]))
    answer = client.post(reverse("routing:meeting", args=[lead.pk]), {"starts_at": f"{now - HOUR:%Y-%m-%dT%H:%M}"})
    assert answer.status_code == 302
    answer = client.post(reverse("routing:outcome", args=[lead.meetings.get().pk]), {})
    assert "Say what became of the meeting" in answer.content.decode()
    client.post(reverse("routing:outcome", args=[lead.meetings.get().pk]), {"outcome": "held"})
    client.force_login(make.user(Role.ADMINISTRATOR, team=make.team("ae")))
    answer = client.post(reverse("routing:opportunity", args=[lead.pk]), {"amount": "-1"})
    assert answer.status_code == 422
    client.post(reverse("routing:opportunity", args=[lead.pk]), {"name": "Edge", "amount": "64000", "currency": "EUR"})
    deal = lead.opportunities.get()
    assert client.get(url(lead)).context["acts"][0].act in ("meeting", "close-deal")
    close = reverse("routing:close-deal", args=[deal.pk])
    answer = client.post(close, {"state": "lost", "amount": "64000"})
    assert answer.status_code == 422 and "Pick a reason" in answer.content.decode()
    client.post(close, {"state": "won", "amount": "70000"})
    lead.refresh_from_db()
    assert lead.stage == "won" and client.get(url(lead)).context["acts"][0].act == "reopen-deal"
    client.post(reverse("routing:reopen-deal", args=[deal.pk]))
    lead.refresh_from_db()
    assert lead.stage == "opportunity" and lead.closed_at is None


def test_a_lead_that_was_recycled_is_reopened(client, here):
    lead = here.wait()
    make.leave(lead, "recycle", at=here.now)
    assert acts(lead, here.sdr) == ["reopen"]
    client.post(reverse("routing:reopen", args=[lead.pk]), {})
    lead.refresh_from_db()
    assert lead.closed_at is None and lead.stage == "mql"


def test_undo_of_what_is_not_there_is_refused_in_words(client, here):
    answer = client.post(reverse("routing:undo", args=[10**12]), headers={"HX-Request": "true"})
    assert answer.status_code == 409 and "cannot be taken back" in answer["HX-Trigger"]


def test_a_manager_gives_a_lead_to_somebody_else(client, here):
    lead = here.wait()
    hand_over = reverse("routing:hand-over", args=[lead.pk])
    assert client.get(hand_over).status_code == 403
    client.force_login(here.manager)
    client.post(hand_over, {"rep_id": here.colleague.rep.pk})
    lead.refresh_from_db()
    assert lead.owner == here.colleague.rep
    assert timedelta(0) <= timezone.now() - lead.assignments.get().occurred_at < timedelta(minutes=5)
