"""A lead in a real browser: read why, act, take it back, lose a race, look at another time, down to a won deal."""

import re
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from funnel.inbox import Taken
from funnel.models import Lead
from routing.decisions import services
from scoring.engine import apply
from scoring.services import ship
from tests import factories as make
from tests.browser.entering import enter
from tests.browser.looks import SHAPES, looks_right, violations
from tests.routing.waiting_rooms import DAY, MINUTE, Room, room

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def here() -> Room:
    return room(timezone.now())


@pytest.fixture
def lea(here: Room) -> Lead:
    """An MQL with three weeks of touches, scored by the model that ships, and 38 minutes left."""
    ship(now=here.now - 90 * DAY)
    account = make.account(name="Brunner Automation AG", industry="Automation", employees=1850, tier=1, country="CH")
    lead = here.wait("Lea Vontobel", due=38 * MINUTE, cell="", account=account, title="VP Operations",
                     phone="+41 52 000 31 07")  # fmt: skip
    past = {
        20: "content_download",
        12: "pricing_visit",
        5: "webinar_attended",
        3: "price_calculator",
        2: "pricing_visit",
    }
    for days, kind in past.items():
        make.touch(person=lead.person, type=kind, occurred_at=here.now - days * DAY, recorded_at=here.now - days * DAY)
    with transaction.atomic():
        apply([Taken(lead.person_id, "rebuild", None)], now=here.now)
    return lead


def open_lead(page: Page, server: LiveServer, user, lead: Lead) -> None:
    enter(page, server, user, f"/leads/{lead.pk}/")
    expect(page.get_by_role("heading", level=1, name="Lea Vontobel")).to_be_visible()


def test_accept_by_key_and_take_it_back(
    page: Page,
    live_server: LiveServer,
    here: Room,
    lea: Lead,
    complaints: list[str],
) -> None:
    open_lead(page, live_server, here.sdr, lea)
    expect(page.locator(".dc-bar .tag.warn")).to_contain_text("to accept")
    page.keyboard.press("a")
    expect(page.get_by_text("Lea Vontobel is accepted.")).to_be_visible()
    expect(page.locator(".path [aria-current=step]")).to_contain_text("SAL")
    expect(page.locator("#timeline")).to_contain_text("Became SAL")
    expect(page.get_by_role("button", name="Book a meeting")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back: Lea Vontobel is as before.")).to_be_visible()
    expect(page.locator(".path [aria-current=step]")).to_contain_text("MQL")
    expect(page.get_by_role("button", name="Accept")).to_be_visible()


def test_an_act_is_answered_although_the_page_was_drawn_anew_meanwhile(
    page: Page,
    live_server: LiveServer,
    here: Room,
    lea: Lead,
    complaints: list[str],
) -> None:
    """As by the answer to an act before it: what asked has left the page when its own answer comes."""
    open_lead(page, live_server, here.sdr, lea)

    def answer_late(route: Route) -> None:
        answer = route.fetch()
        page.evaluate("htmx.ajax('GET', location.pathname, {target: '#main', select: '#main', swap: 'outerHTML'})")
        route.fulfill(response=answer)

    page.route("**/accept/", answer_late)
    page.keyboard.press("a")
    expect(page.locator("#toasts .toast-u")).to_have_text(re.compile("Lea Vontobel is accepted."))
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back: Lea Vontobel is as before.")).to_be_visible()


def test_a_key_pressed_before_the_scripts_are_there_counts(
    page: Page,
    live_server: LiveServer,
    here: Room,
    lea: Lead,
    complaints: list[str],
) -> None:
    """A slow network: the page is read and answered by key while its scripts are still on their way."""
    enter(page, live_server, here.sdr, "/queue/")
    held: list[Route] = []
    page.route("**/js/acts*.js", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks it
    page.goto(f"{live_server.url}/leads/{lea.pk}/", wait_until="commit")
    expect(page.get_by_role("heading", level=1, name="Lea Vontobel")).to_be_visible()
    page.keyboard.press("a")
    held[0].continue_()
    expect(page.get_by_text("Lea Vontobel is accepted.")).to_be_visible()


def test_the_loser_is_told_and_sees_what_happened(
    page: Page,
    live_server: LiveServer,
    here: Room,
    lea: Lead,
    complaints: list[str],
) -> None:
    open_lead(page, live_server, here.sdr, lea)
    services.accept(lea.pk, user=here.manager, now=timezone.now())
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("alert").get_by_text("Hanna Solberg accepted this lead")).to_be_visible()
    expect(page.locator(".path [aria-current=step]")).to_contain_text("SAL")


def test_why_this_score_now_and_at_another_time(
    page: Page,
    live_server: LiveServer,
    here: Room,
    lea: Lead,
    complaints: list[str],
) -> None:
    open_lead(page, live_server, here.sdr, lea)
    score = page.locator("#score")
    expect(score).to_contain_text("Falls below")
    now = score.locator(".prt.sum .v").first.inner_text()
    expect(page.locator(".fig[data-state=drawn]")).to_be_visible()
    score.get_by_role("button", name="At another time").click()
    then = page.evaluate(
        "new Date(Date.now() - 15 * 864e5 - new Date().getTimezoneOffset() * 6e4).toISOString().slice(0, 16)"
    )
    page.get_by_label("The score as it was known on").fill(then)
    page.get_by_role("button", name="Show it").click()
    expect(score.locator(".prt.sum .v").first).not_to_have_text(now)
    assert float(score.locator(".prt.sum .v").first.inner_text()) < float(now)


def test_from_accepted_to_won(
    page: Page,
    live_server: LiveServer,
    here: Room,
    lea: Lead,
    complaints: list[str],
) -> None:
    boss = make.user("Administrator", first_name="Tomasz", last_name="Wrona")
    open_lead(page, live_server, boss, lea)
    page.get_by_role("button", name="Accept").click()
    page.get_by_role("button", name="Book a meeting").click()
    earlier = page.evaluate(
        "new Date(Date.now() - 36e5 - new Date().getTimezoneOffset() * 6e4).toISOString().slice(0, 16)"
    )
    page.get_by_label("When").fill(earlier)
    page.get_by_role("dialog").get_by_role("button", name="Book").click()
    page.get_by_role("button", name="How did the meeting go?").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Held").check()
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".path [aria-current=step]")).to_contain_text("SQL")
    page.get_by_role("button", name="Make an opportunity").click()
    dialog.get_by_label("Amount").fill("64000")
    dialog.get_by_role("button", name="Make it").click()
    expect(page.locator(".path [aria-current=step]")).to_contain_text("Opportunity")
    page.get_by_role("button", name="Close the deal").click()
    dialog.get_by_label("Won").check()
    dialog.get_by_role("button", name="Close", exact=True).click()
    expect(page.locator(".path [aria-current=step]")).to_contain_text("Won")
    expect(page.get_by_text("€64,000").first).to_be_visible()


def test_the_page_is_accessible_wide_and_narrow(
    page: Page,
    live_server: LiveServer,
    here: Room,
    lea: Lead,
    complaints: list[str],
    screenshots: Path,
) -> None:
    open_lead(page, live_server, here.sdr, lea)
    expect(page.locator(".fig[data-state=drawn]")).to_be_visible()
    looks_right(page, screenshots, "lead-acts", shapes=SHAPES)
    page.get_by_role("button", name="Recycle").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
