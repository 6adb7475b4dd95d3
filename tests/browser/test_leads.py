"""Leads in a real browser: come in, narrow the list, open one, read its past, write a note; light, dark, narrow."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from demandcenter import demo
from funnel.models import Campaign, Channel, Lead, Note, Region, Solution
from tests import factories as make
from tests.browser.looks import NARROW, looks_right, violations

pytestmark = pytest.mark.django_db(transaction=True)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def lea(settings) -> Lead:
    """Somebody with a past, among sixty others, on a demo."""
    settings.DEMO = True
    users, now = demo.create_logins(), timezone.now().replace(microsecond=0)
    owner = make.rep(team=make.team(name="DACH"), user=users["mara"], name="Mara Lindqvist")
    channel, region = Channel.objects.create(name="Webinar"), Region.objects.create(name="DACH")
    spring, autumn = (Campaign.objects.create(name=name, channel=channel) for name in ("Spring", "Autumn"))
    for number in range(60):
        make.lead(owner=owner, campaign=autumn, channel=channel, region=region, at=now - (number + 1) * DAY)
    account = make.account(name="Brunner Automation AG", employees=1850, city="Winterthur", tier=1)
    person = make.person(
        first_name="Lea", last_name="Vontobel", title="VP Operations", account=account, email="lea@brunner.example",
        phone="+41 52 000 31 07", attributes={"plants": 14},
    )  # fmt: skip
    for number in range(50):
        make.touch(person=person, type="page_visit", channel=channel, occurred_at=now - number * 7 * HOUR)
    stages = {"inquiry": now - 20 * DAY, "mql": now - 2 * HOUR}
    return make.lead(
        person=person, account=account, owner=owner, campaign=spring, channel=channel, region=region, stages=stages,
        solution=Solution.objects.create(name="Edge monitoring"),
    )  # fmt: skip


def enter(page: Page, server: LiveServer, role: str, address: str) -> None:
    """Come in by the demo's one click, to the page that was asked for."""
    page.goto(f"{server.url}{address}")
    page.get_by_role("button", name=role, exact=False).first.click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def test_narrow_the_list_and_come_back(page: Page, live_server: LiveServer, lea: Lead, complaints: list[str]) -> None:
    enter(page, live_server, "SDR Mara", "/leads/")
    expect(page.locator("table.leads tbody tr")).to_have_count(50)
    expect(page.get_by_text("61 leads")).to_be_visible()
    page.get_by_role("link", name="Older").click()
    expect(page.locator("table.leads tbody tr")).to_have_count(11)
    page.get_by_role("link", name="Newer").click()
    expect(page.locator("table.leads tbody tr")).to_have_count(50)

    page.get_by_role("button", name="Campaign All").click()
    page.get_by_label("Find in Campaign").fill("spr")
    option = page.get_by_role("link", name="Spring")
    expect(option).to_be_visible()
    expect(page.get_by_role("link", name="Autumn")).to_have_count(0)
    option.click()
    expect(page.locator("table.leads tbody tr")).to_have_count(1)
    expect(page.get_by_role("button", name="Campaign Spring")).to_be_visible()
    assert "campaign=" in page.url

    page.get_by_role("link", name="Remove all filters").click()
    expect(page.locator("table.leads tbody tr")).to_have_count(50)
    page.keyboard.press("/")
    page.keyboard.type("brunner")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Lea Vontobel")).to_be_visible()
    expect(page.get_by_text("1 lead", exact=True)).to_be_visible()


def test_a_menu_works_by_keyboard_alone(page: Page, live_server: LiveServer, lea: Lead, complaints: list[str]) -> None:
    enter(page, live_server, "SDR Mara", "/leads/")
    page.get_by_role("button", name="Campaign All").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Spring")).to_be_visible()
    page.keyboard.press("ArrowUp")  # from the field to the last option
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Campaign Spring")).to_be_visible()


def test_read_a_lead_and_write_a_note(page: Page, live_server: LiveServer, lea: Lead, complaints: list[str]) -> None:
    enter(page, live_server, "SDR Mara", f"/leads/{lea.pk}/")
    expect(page.get_by_role("heading", level=1, name="Lea Vontobel")).to_be_visible()
    expect(page.locator(".path [aria-current=step]")).to_contain_text("MQL")
    timeline = page.locator("#timeline")
    shown = timeline.locator(".ev").count()
    timeline.get_by_role("link", name="Older").click()
    expect(timeline.locator(".ev")).to_have_count(52)
    assert shown == 40

    timeline.get_by_role("link", name="Stages").click()
    expect(timeline.locator(".ev")).to_have_count(2)
    timeline.get_by_label("Note").fill("   ")
    timeline.get_by_role("button", name="Save note").click()
    expect(timeline.get_by_text("Write something first")).to_be_visible()
    timeline.get_by_label("Note").fill("Wants a price by Friday.")
    timeline.get_by_role("button", name="Save note").click()
    expect(timeline.locator(".said")).to_have_text("Wants a price by Friday.")
    expect(page.get_by_text("Note saved.")).to_be_visible()
    assert Note.objects.get().text == "Wants a price by Friday."
    expect(timeline.locator(".ev time").first).to_have_attribute("title", re.compile(r"\d\d:\d\d:\d\d"))


def test_the_pages_are_accessible_and_keep_within_the_window(
    page: Page, live_server: LiveServer, lea: Lead, complaints: list[str], screenshots: Path
) -> None:
    enter(page, live_server, "SDR Mara", "/leads/")
    for what, address in (("leads", "/leads/?stage=mql"), ("lead", f"/leads/{lea.pk}/"), ("api", "/api/")):
        page.goto(f"{live_server.url}{address}")
        looks_right(page, screenshots, what, full_page=False)
    campaigns = page.get_by_role("navigation", name="Main").get_by_role("link", name="Campaigns")
    expect(campaigns).to_be_visible()
    page.set_viewport_size({"width": NARROW, "height": 900})
    expect(campaigns).to_be_hidden()
    page.get_by_role("button", name="More").click()
    looks_right(page, screenshots, "more", shapes=[("light", NARROW), ("dark", NARROW)], full_page=False)
    page.set_viewport_size({"width": NARROW, "height": 900})
    campaigns.click()
    expect(page).to_have_url(f"{live_server.url}/campaigns/")


def test_log_in_and_removal_of_the_demo_are_accessible(
    page: Page, live_server: LiveServer, lea: Lead, screenshots: Path
) -> None:
    page.goto(f"{live_server.url}/demo/remove/")
    page.screenshot(path=screenshots / "login-demo.png")
    assert violations(page) == []
    page.get_by_role("button", name="Administrator Tomasz").click()
    expect(page.get_by_role("heading", name="Remove the demo, start mine")).to_be_visible()
    page.screenshot(path=screenshots / "remove-demo.png")
    assert violations(page) == []
    page.get_by_label("Username").fill("petra")
    page.get_by_label("Password", exact=True).fill("pinetree-92-lake")
    page.get_by_label("Password confirmation").fill("pinetree-92-lake")
    page.get_by_role("button", name="Remove the demo").click()
    expect(page.get_by_text("The demo is gone.")).to_be_visible()
    assert not Lead.objects.exists()
