"""The floor in a real browser: a lead is dragged to a rep, given by key, several at once; who is slower is told."""

from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from routing.decisions import services
from routing.models import Seat
from tests import factories as make
from tests.browser.entering import enter, has_keyboard
from tests.browser.looks import SHAPES, looks_right, violations
from tests.browser.test_handoff import tab_to
from tests.routing.waiting_rooms import Room, busy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def here() -> Room:
    made = busy(timezone.now())
    for user in (made.sdr, made.colleague):
        Seat.objects.create(rep=user.rep, capacity=12)
    return made


def item(page: Page, name: str):
    return page.locator("[data-item]", has_text=name).first


def row(page: Page, name: str):
    return page.locator("[data-drop]", has_text=name)


def owner_of(here: Room, name: str):
    lead = next(lead for lead in here.leads if lead.person.name == name)
    lead.refresh_from_db()
    return lead.owner


def test_a_lead_is_dragged_to_a_rep(page: Page, live_server: LiveServer, here: Room, complaints: list[str]) -> None:
    enter(page, live_server, here.manager, "/floor/")
    expect(row(page, "Jonas Petersen").locator("td").nth(1)).to_contain_text("1")
    item(page, "Tomasz Wierzbicki").drag_to(row(page, "Jonas Petersen"))
    expect(page.get_by_text("Gave 1 lead to Jonas Petersen.")).to_be_visible()
    expect(row(page, "Jonas Petersen").locator("td").nth(1)).to_contain_text("2")
    assert owner_of(here, "Tomasz Wierzbicki") == here.colleague.rep


def test_who_is_slower_is_told_and_nothing_moves(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    third = make.rep(name="Freja Lund", team=here.sdr.rep.team)
    enter(page, live_server, here.manager, "/floor/")
    lead = next(lead for lead in here.leads if lead.person.name == "Tomasz Wierzbicki")
    expect(item(page, "Tomasz Wierzbicki")).to_be_visible()
    services.reassign([lead.pk], rep_id=third.pk, user=here.manager, now=timezone.now())
    item(page, "Tomasz Wierzbicki").drag_to(row(page, "Jonas Petersen"))
    expect(page.get_by_role("alert").get_by_text("Tomasz Wierzbicki is with Freja Lund")).to_be_visible()
    assert owner_of(here, "Tomasz Wierzbicki") == third
    expect(item(page, "Tomasz Wierzbicki")).to_contain_text("Freja Lund")


@pytest.mark.parametrize("width", [1440, 390])
def test_the_same_by_keyboard_alone(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str], width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    enter(page, live_server, here.manager, "/floor/")
    expect(item(page, "Ivan Horvat")).to_be_visible()
    tab_to(page, '[aria-label="Give Ivan Horvat to somebody else"]', most=120)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Give Ivan Horvat to somebody else")
    assert has_keyboard(dialog.get_by_label("Give to"))
    page.keyboard.type("Mara")
    tab_to(page, "dialog button[type=submit]")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Ivan Horvat is with Mara Lindqvist now.")).to_be_visible()
    expect(page.get_by_text("0 unrouted, the oldest first")).to_be_visible()
    assert owner_of(here, "Ivan Horvat") == here.sdr.rep


def test_several_are_given_together_and_taken_back(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    names = ("Tomasz Wierzbicki", "Lea Vontobel")
    before = [owner_of(here, name) for name in names]
    enter(page, live_server, here.manager, "/floor/")
    for name in names:
        item(page, name).get_by_label(f"Pick {name}").check()
    bulk = page.locator("#bulk")
    expect(bulk).to_contain_text("2 picked")
    bulk.get_by_label("Give to").select_option(label="Jonas Petersen")
    bulk.get_by_role("button", name="Give").click()
    expect(page.get_by_text("Gave 2 leads to Jonas Petersen.")).to_be_visible()
    assert {owner_of(here, name) for name in names} == {here.colleague.rep}
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Taken back: 2 leads are with whom they were.")).to_be_visible()
    assert [owner_of(here, name) for name in names] == before


def test_the_leads_of_a_rep_open_and_one_is_dragged_from_there(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    enter(page, live_server, here.manager, "/floor/")
    page.get_by_role("button", name="Leads of Jonas Petersen").click()
    theirs = page.locator(f"#leads-{here.colleague.rep.pk}")
    expect(theirs).to_contain_text("Sofia Rinaldi")
    theirs.locator("[data-item]").drag_to(row(page, "Mara Lindqvist"))
    expect(page.get_by_text("Gave 1 lead to Mara Lindqvist.")).to_be_visible()
    expect(theirs).to_contain_text("Nothing in work.")  # and it is open still


def test_a_rep_leaves(page: Page, live_server: LiveServer, here: Room, complaints: list[str]) -> None:
    enter(page, live_server, here.manager, "/floor/")
    page.get_by_role("button", name="Leads of Mara Lindqvist").click()
    page.get_by_role("link", name="Mara Lindqvist leaves").click()
    expect(page.get_by_text("Mara Lindqvist has 10 open leads, 1 account.")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Everything goes to").select_option(label="Jonas Petersen")
    page.get_by_role("button", name="Mara Lindqvist leaves").click()
    expect(page.get_by_role("heading", level=1, name="Mara Lindqvist left")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("Taken back: Mara Lindqvist has what is still where it went.")).to_be_visible()
    assert owner_of(here, "Lea Vontobel") == here.sdr.rep


def test_the_page_is_accessible_wide_and_narrow(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str], screenshots: Path
) -> None:
    make.absence(here.colleague.rep, timezone.localdate(), cover=here.sdr.rep)
    enter(page, live_server, here.manager, "/floor/")
    page.get_by_role("button", name="Leads of Mara Lindqvist").click()
    expect(page.locator(f"#leads-{here.sdr.rep.pk}")).to_contain_text("Lea Vontobel")
    looks_right(page, screenshots, "floor", shapes=SHAPES)
