"""Promises, routing rules, a draft that is tried, who leaves, and a rep's own mail: read by everybody in a browser."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from funnel.access import Role
from reporting.agreements import reviews
from routing.assignment.engine import assign
from routing.cadences import own_mail
from routing.models import Attempt, MessageTemplate
from routing.overdue import ladder
from routing.sales import handoff
from routing.sla import clocks
from tests import factories as make
from tests.browser.entering import enter
from tests.browser.looks import looks_right, violations
from tests.reporting.agreeing import promise, signed
from tests.routing.waiting_rooms import Room, room
from tests.smtp import smtp_server

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture
def here() -> Room:
    """Leads that were dealt and decided about late, and a draft that would deal them in another way."""
    made = room(timezone.now())
    team = made.sdr.rep.team
    made.manager.is_staff = True
    made.manager.save()
    for user in (made.sdr, made.colleague):
        make.seat(user.rep)
    make.promises("accept", "follow_up")
    make.routing_policy({"team": team, "name": "Everybody in turn"})
    for name in ("Lea Vontobel", "Sofia Rinaldi", "Ivan Horvat", "Mikko Laaksonen"):
        first, _blank, last = name.partition(" ")
        account = make.account(name=f"{last} Maschinenbau und Verpackungstechnik GmbH & Co. KG", owner=made.sdr.rep)
        lead = make.mql(at=made.now - 5 * DAY, person=make.person(first_name=first, last_name=last), account=account)
        assign([lead.pk], now=made.now - 5 * DAY, causes={lead.pk: f"test:{lead.pk}"})
        clocks.follow([lead.events.latest("pk").pk], now=made.now - 5 * DAY)
        made.leads.append(lead)
    ladder.sweep(now=made.now, limit=100)
    executive = make.rep(team=make.team("ae", name="Account executives"), name="Magnus Lind")
    for name in ("Elena Popescu", "Nora Bakke"):
        first, _blank, last = name.partition(" ")
        sql = make.lead(
            at=made.now - DAY, owner=made.sdr.rep, person=make.person(first_name=first, last_name=last),
            stages=dict.fromkeys(("inquiry", "mql", "sal", "sql"), made.now - DAY),
        )  # fmt: skip
        note = handoff.Note(need="A forecast that holds for the whole of the year.", next_step="Show it to the board.")
        handoff.offer(sql.pk, note=note, rep_id=executive.pk, user=made.manager, now=made.now)
    make.routing_policy(
        {"team": team, "name": "Whoever owns the account", "method": "owner", "otherwise": "round_robin"},
        published=False,
    )
    return made


def agreed(here: Room) -> list[tuple[str, str]]:
    """An agreement in force with a review of it. Returns the pages to look at."""
    now, day = here.now, here.now.date()
    partner = make.user(Role.MARKETING_OPS, first_name="Elif", last_name="Aydın")
    signed(partner, here.manager, *(promise(measure, 0.7) for measure in ("quality:accepted", "kept:accept")), at=now)
    review = reviews.begin(
        held_on=day, starts_on=day - 80 * DAY, ends_on=day, attendees=[partner], user=partner, now=now
    )
    reviews.add_action(review, text="Bring every list below forty", owner=partner, due_on=day, user=None, now=now)
    return [
        ("agreement", reverse("reporting:agreement")),
        ("agreement-new", reverse("reporting:agreement-new")),
        ("review", reverse("reporting:review", args=[review.pk])),
    ]


def test_the_pages_are_accessible_wide_and_narrow(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str], screenshots: Path
) -> None:
    enter(page, live_server, here.manager, "/promises/")
    expect(page.get_by_role("table").first).to_contain_text("4")
    looks_right(page, screenshots, "promises")
    page.goto(f"{live_server.url}/routing/rules/")
    expect(page.get_by_role("region", name="What each rule came to")).to_contain_text("Everybody in turn")
    looks_right(page, screenshots, "rules")
    page.get_by_role("link", name="Try this draft").click()
    expect(page.get_by_role("heading", name="2 of 4 leads would go elsewhere")).to_be_visible()
    looks_right(page, screenshots, "rehearsal")
    for name, address in (
        *agreed(here),
        ("mailbox", reverse("routing:mailbox")),
        ("hand-offs", reverse("routing:hand-offs")),
        ("leave", reverse("routing:leave", args=[here.sdr.rep.pk])),
    ):
        page.goto(f"{live_server.url}{address}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        looks_right(page, screenshots, name)


def test_a_rep_enters_a_server_and_sends_a_mail_from_a_template(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str], settings
) -> None:
    settings.MAILBOXES_WITHIN = True
    lead = here.wait("Elena Popescu", company="Carpatia Glass")
    MessageTemplate.objects.create(name="Hello", medium="email", subject="For {company}", body="Hello {first_name}")
    library = f"{reverse('routing:library')}?lead={lead.pk}"
    with smtp_server() as server:
        enter(page, live_server, here.sdr, library)
        page.get_by_role("link", name="Send").click()
        expect(page.get_by_role("heading", level=1, name="Your mail")).to_be_visible()
        page.get_by_label("Your address").fill("mara@ours.example")
        page.get_by_label("Server").fill("127.0.0.1")
        page.get_by_label("Port").fill(str(server.port))
        page.get_by_label("Encryption").select_option("none")
        page.get_by_role("button", name="Save").click()
        page.get_by_role("button", name="Send a test mail to myself").click()
        expect(page.get_by_text("The test has left for mara@ours.example")).to_be_visible()
        page.goto(f"{live_server.url}{library}")
        page.get_by_role("link", name="Send").click()
        dialog = page.get_by_role("dialog", name="Write to Elena Popescu")
        expect(dialog.get_by_label("Subject")).to_have_value("For Carpatia Glass")
        assert violations(page, "dialog") == []
        dialog.get_by_role("button", name="Send").click()
        expect(page.get_by_text("Your mail to Elena Popescu is on its way")).to_be_visible()
        while own_mail.deliver(now=timezone.now()):
            pass
    assert [message["Subject"] for message in server.taken] == ["A test from Demand Center", "For Carpatia Glass"]
    assert Attempt.objects.get().lead == lead
