"""The Overview in a real browser: narrow it, ask a number what it is, open the leads behind it."""

import random
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from funnel.access import Role
from funnel.models import Campaign, Channel, CostLine, Exit, Kind, Lead, Person, Reason, Region, Stage, StageEvent
from funnel.stages import refresh
from tests import factories
from tests.browser.entering import enter as come_in
from tests.browser.looks import drawn, looks_right, violations

pytestmark = pytest.mark.django_db(transaction=True)
CHANCES = {"inquiry": 0.35, "mql": 0.8, "sal": 0.5, "sql": 0.7, "opportunity": 0.3}
DELAYS = {"inquiry": 9, "mql": 0.4, "sal": 12, "sql": 3, "opportunity": 40}


@pytest.fixture
def funnel() -> None:
    """A year of two regions, the same each time but for today's date."""
    regions = [Region.objects.create(name=name) for name in ("DACH", "Nordics")]
    channels = [Channel.objects.create(name=name) for name in ("Webinar", "Paid search", "Referral")]
    campaigns = [Campaign.objects.create(name=f"{channel} 2026", channel=channel) for channel in channels]
    spent = timezone.now().date() - timedelta(days=40)
    CostLine.objects.create(campaign=campaigns[0], amount=4200, currency="EUR", incurred_on=spent)
    people = Person.objects.bulk_create(
        Person(email=f"p{number}@example.com", first_name="Pat", last_name=f"Doe {number}") for number in range(600)
    )
    now = timezone.now()
    leads = Lead.objects.bulk_create(
        Lead(
            person=person,
            number=1,
            stage_since=now,
            closed_at=now,
            exit=Exit.VOID,
            region=regions[index % 2],
            channel=channels[index % 3],
            campaign=campaigns[index % 3],
        )
        for index, person in enumerate(people)
    )
    reason = Reason.objects.create(kind="recycle", name="Not now")
    chance = random.Random(11)
    with transaction.atomic():
        StageEvent.objects.bulk_create(event for lead in leads for event in _life(lead, reason, chance, now))
        refresh([lead.pk for lead in leads])


def _life(lead: Lead, reason: Reason, chance: random.Random, now: datetime) -> Iterator[StageEvent]:
    """Stage after stage until luck or today ends it."""
    at = now - timedelta(days=chance.uniform(0.5, 400))
    for stage in Stage.values:
        kind = Kind.WON if stage == Stage.WON else Kind.ADVANCE
        yield StageEvent(lead=lead, kind=kind, to_stage=stage, occurred_at=at, cause=f"test:{stage}")
        at += timedelta(days=DELAYS.get(stage, 0) * chance.lognormvariate(0, 0.8))
        if at > now or stage == Stage.WON:
            return
        if chance.random() > CHANCES[stage]:
            yield StageEvent(lead=lead, kind=Kind.RECYCLE, occurred_at=at, reason=reason, cause="test:recycle")
            return


@pytest.fixture
def complaints(page: Page) -> list[str]:
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    return found


@pytest.fixture
def enter(page: Page, live_server: LiveServer, complaints: list[str]) -> Iterator["Enter"]:
    """Stand on the Overview."""

    def log_in() -> Page:
        come_in(page, live_server, factories.user(Role.MARKETING_OPS, first_name="Elif", last_name="Aydın"), "/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
        return page

    yield log_in
    assert complaints == []


Enter = Callable[[], Page]


def volume(page: Page, stage: str) -> int:
    words = page.locator(".stage").filter(has=page.get_by_role("heading", name=stage)).locator(".v button").inner_text()
    return int(words.replace(",", ""))


def test_narrow_ask_and_drill_down(funnel: None, enter: Enter, screenshots: Path) -> None:
    page = enter()
    everything = volume(page, "Inquiry")
    page.evaluate("window.stayed = true")

    page.get_by_role("button", name="Region").click()
    menu = page.locator("#m-region")
    expect(menu.get_by_label("Nordics")).to_be_visible()
    page.keyboard.type("dach")
    expect(menu.get_by_label("Nordics")).to_be_hidden()
    menu.get_by_label("DACH").check()
    menu.get_by_role("button", name="Show").click()
    page.wait_for_url("**/?region=DACH")
    expect(page.locator("#b-region")).to_have_text(re.compile("DACH"))
    assert 0 < volume(page, "Inquiry") < everything

    page.locator(".stage").nth(1).locator(".cv .r").first.click()
    popover = page.get_by_role("dialog", name=re.compile("MQL → SAL conversion, cohort, 14 days"))
    expect(popover).to_contain_text("every lead has had its 14 days")
    drawn(page)
    page.screenshot(path=screenshots / "overview-popover.png")
    link = popover.get_by_role("link", name=re.compile("Open the other"))
    behind = re.sub(r"\D", "", link.inner_text())
    assert page.evaluate("window.stayed")  # all of it without loading the page anew

    link.click()
    expect(page.locator(".note")).to_contain_text("were not accepted by sales (SAL) within 14 days; only region DACH.")
    expect(page.locator(".note")).to_contain_text(f"{behind} lead")
    assert page.locator("table.leads tbody tr").count() == int(behind)
    page.screenshot(path=screenshots / "overview-drill.png")
    page.go_back()
    expect(page.locator("#b-region")).to_have_text(re.compile("DACH"))


def test_a_menu_applies_when_it_is_left_and_not_when_it_is_escaped(funnel: None, enter: Enter) -> None:
    page = enter()
    page.get_by_role("button", name="Channel").click()
    page.locator("#m-channel").get_by_label("Webinar").check()
    page.keyboard.press("Escape")
    expect(page.locator("#m-channel")).to_be_hidden()
    assert "channel" not in page.url

    page.get_by_role("button", name="Channel").click()
    page.locator("#m-channel").get_by_label("Webinar").check()
    page.locator("#m-channel").get_by_label("Referral").check()
    page.get_by_role("heading", level=1).click()
    page.wait_for_url(re.compile("channel=Webinar"))
    expect(page.locator("#b-channel")).to_have_text(re.compile("2 chosen"))
    page.get_by_title("Clear all filters").click()
    page.wait_for_url(re.compile(r"/\??$"))


def test_the_basis_the_period_and_the_table_are_chosen_in_place(funnel: None, enter: Enter) -> None:
    page = enter()
    page.get_by_role("link", name="Period", exact=True).click()
    expect(page.locator(".stage").first).to_contain_text("arrivals in the period")
    expect(page.get_by_role("link", name="Period", exact=True)).to_have_attribute("aria-current", "true")
    page.locator("#b-period").click()
    page.get_by_role("link", name=re.compile("Last quarter")).click()
    page.wait_for_url(re.compile(r"period=last-quarter.*basis=period"))
    page.locator("#b-by").click()
    page.get_by_role("link", name="By campaign").click()
    expect(page.get_by_role("heading", name="By campaign")).to_be_visible()
    page.locator("#b-period").click()
    page.locator("#m-period").get_by_label("From").fill("2020-01-01")
    page.locator("#m-period").get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile(r"from=2020-01-01"))
    assert "by=campaign" in page.url and "basis=period" in page.url


def test_a_point_of_the_trend_opens_its_leads(funnel: None, enter: Enter) -> None:
    page = enter()
    drawn(page)
    plot = page.locator("[data-figure=f-trend] .nsewdrag").bounding_box()
    assert plot is not None
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2)
    page.mouse.click(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2)
    page.wait_for_url(re.compile(r"/drill/\?from=.+&to=.+&show=reached&stage="))
    expect(page.locator(".note")).to_contain_text(re.compile(r"\d+ leads?\."))


def test_the_pages_hold_in_both_themes_and_on_a_phone(
    funnel: None, enter: Enter, live_server: LiveServer, screenshots: Path
) -> None:
    page = enter()
    shown = {
        "overview": "/",
        "overview-period": "/?basis=period&period=quarter&region=DACH",
        "overview-blank": "/?region=Atlantis",
        "drill": "/drill/?show=reached&stage=mql",
        "campaigns": "/campaigns/",
        "glossary": "/glossary/",
    }
    for name, address in shown.items():
        page.goto(live_server.url + address)
        looks_right(page, screenshots, name)


def test_open_menus_and_numbers_are_accessible(funnel: None, enter: Enter) -> None:
    page = enter()
    drawn(page)
    for opener in ("#b-period", "#b-region", "#b-by", "[popovertarget=m-export]", ".stage .r"):
        page.locator(opener).first.click()
        page.wait_for_load_state("networkidle")
        assert violations(page, within=":popover-open") == [], opener
        page.keyboard.press("Escape")


def test_an_empty_installation_teaches(enter: Enter, screenshots: Path) -> None:
    page = enter()
    expect(page.locator(".empty .title")).to_have_text("No leads yet")
    page.screenshot(path=screenshots / "overview-empty.png")
    assert violations(page) == []
