"""A day in a real browser, by keyboard alone: calls logged by one key, dates, snoozes, undo and redo; twenty leads."""

import time
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from funnel.models import Lead, Reason, StageEvent
from routing.day import work
from routing.day.work import Wanted
from routing.models import Attempt, Meeting, Snooze, Task
from tests import factories as make
from tests.browser.entering import enter, has_keyboard
from tests.browser.looks import NARROW, SHAPES, looks_right
from tests.routing.waiting_rooms import DAY, HOUR, MINUTE, Room, room

pytestmark = pytest.mark.django_db(transaction=True)
WHO = ".q-row.sel .p1"
THREE_MINUTES = 180  # seconds


@pytest.fixture
def here() -> Room:
    """A day with something in every section."""
    made = room(timezone.now())
    made.wait("Ingrid Solheim", due=7 * HOUR, hot=3 * MINUTE, cell="B3", phone="+47 55 00 01 42", title="Plant IT")
    made.wait("Lea Vontobel", due=None, cell="A2", phone="+41 44 000 00 00", title="VP Operations")
    for name, kind, ago in (("Tomas Wierzba", "reply", HOUR), ("Katharina Seidl", "next", 2 * HOUR)):
        lead = in_work(made, name)
        wanted = Wanted(lead_id=lead.pk, kind=kind, due_at=made.now - ago, cause="test:1")
        work.make([wanted], actor_id=None, now=made.now - ago)
    Meeting.objects.create(lead=in_work(made, "Ole Brekke"), booked_at=made.now - DAY, starts_at=made.now - HOUR)
    in_work(made, "Elena Popescu")
    return made


def in_work(here: Room, name: str) -> Lead:
    first, _blank, last = name.partition(" ")
    person = make.person(first_name=first, last_name=last, company="Carpatia Glass", phone="+40 21 000 00 00")
    lead = make.lead(person=person, stages={"mql": here.now - 2 * DAY, "sal": here.now - DAY}, owner=here.sdr.rep)
    here.leads.append(lead)
    return lead


def lead_of(here: Room, name: str) -> Lead:
    lead = next(lead for lead in here.leads if lead.person.name == name)
    lead.refresh_from_db()
    return lead


def pick(page: Page, place: int) -> None:
    """Of the list in focus, the option at this place after the first."""
    for _press in range(place):
        page.keyboard.press("ArrowDown")


def go_to(page: Page, name: str) -> None:
    """Press j until this lead is selected."""
    page.keyboard.press("k")
    for _press in range(30):
        if name in page.locator(WHO).inner_text():
            return
        page.keyboard.press("j")
    for _press in range(30):
        if name in page.locator(WHO).inner_text():
            return
        page.keyboard.press("k")
    raise AssertionError(f"{name} is not on the page")


@pytest.mark.parametrize("width", [1440, 390])
def test_a_day_by_keyboard_alone(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str], width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    enter(page, live_server, here.sdr, "/today/")
    headings = page.locator(".q-sec h2")
    titles = ["Replies 1", "New 2", "Due today 1", "Meetings without outcome 1", "Nothing planned 1"]
    expect(headings).to_have_text(titles)

    go_to(page, "Ingrid Solheim")  # a new lead: one key logs the call, and accepts it
    page.keyboard.press("2")
    expect(page.get_by_text("Logged for Ingrid Solheim: Call, voicemail. Accepted with it.")).to_be_visible()
    assert lead_of(here, "Ingrid Solheim").stage == "sal"
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back: Ingrid Solheim is as before.")).to_be_visible()
    assert lead_of(here, "Ingrid Solheim").stage == "mql"
    page.keyboard.press("Shift+Z")
    expect(page.get_by_text("Logged for Ingrid Solheim: Call, voicemail. Accepted with it.")).to_be_visible()
    assert lead_of(here, "Ingrid Solheim").stage == "sal"
    assert Attempt.objects.filter(taken_back_at=None).count() == 1

    go_to(page, "Tomas Wierzba")  # an answer that waits: a call with a note and the next date, typed
    page.keyboard.press("l")
    dialog = page.get_by_role("dialog", name="Log a call with Tomas Wierzba")
    assert has_keyboard(dialog.get_by_label("Connected"))
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("Wants a price for nine yards")
    page.keyboard.press("Tab")
    pick(page, 5)  # in a week
    dialog.get_by_role("button", name="Log it").press("Enter")
    expect(page.get_by_text("Logged for Tomas Wierzba: Call, connected. Next:")).to_be_visible()
    expect(headings.filter(has_text="Replies")).to_have_count(0)
    assert lead_of(here, "Tomas Wierzba").notes.get().text == "Wants a price for nine yards"

    go_to(page, "Katharina Seidl")  # a date that is due: done, taken back, put off
    page.keyboard.press("d")
    expect(page.get_by_text("Next date of Katharina Seidl: done.")).to_be_visible()
    expect(headings.filter(has_text="Due today")).to_have_count(0)
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back: Katharina Seidl is as before.")).to_be_visible()
    expect(headings.filter(has_text="Due today 1")).to_be_visible()
    go_to(page, "Katharina Seidl")
    page.keyboard.press("s")
    dialog = page.get_by_role("dialog", name="Put off: next date of Katharina Seidl")
    assert has_keyboard(dialog.get_by_label("Until"))
    pick(page, 4)  # in two days
    dialog.get_by_role("button", name="Put off").press("Enter")
    expect(page.get_by_text("Next date of Katharina Seidl waits until")).to_be_visible()
    assert Task.objects.get(lead=lead_of(here, "Katharina Seidl")).shown_at > here.now + DAY

    go_to(page, "Elena Popescu")  # nothing planned: a date
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name="Note and next date: Elena Popescu")
    assert has_keyboard(dialog.get_by_label("Note"))
    page.keyboard.press("Tab")
    pick(page, 3)  # next working day
    dialog.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_text("Elena Popescu comes up again")).to_be_visible()

    go_to(page, "Lea Vontobel")  # not today: snoozed
    page.keyboard.press("s")
    dialog = page.get_by_role("dialog", name="Snooze Lea Vontobel")
    assert has_keyboard(dialog.get_by_label("Until"))
    pick(page, 2)  # in three hours
    dialog.get_by_role("button", name="Snooze").press("Enter")
    expect(page.get_by_text("Lea Vontobel is out of sight until")).to_be_visible()
    assert Snooze.objects.get().lead == lead_of(here, "Lea Vontobel")
    expect(page.locator("#queue-rows")).not_to_contain_text("Lea Vontobel")


def test_today_is_accessible_wide_and_narrow(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str], screenshots: Path
) -> None:
    enter(page, live_server, here.sdr, "/today/")
    expect(page.locator("#side h2")).to_be_visible()
    page.keyboard.press("j")
    looks_right(page, screenshots, "today", shapes=SHAPES, full_page=False)
    page.keyboard.press("l")
    expect(page.get_by_role("dialog")).to_be_visible()
    looks_right(page, screenshots, "today-log", full_page=False)
    page.set_viewport_size({"width": NARROW, "height": 844})
    page.goto(f"{live_server.url}/today/where-you-stand/")
    heading, bell = (page.locator(f".dc-top {what}").bounding_box() for what in ("h1", ".bell"))
    assert heading and bell and abs(heading["y"] + heading["height"] / 2 - bell["y"] - bell["height"] / 2) < 4
    looks_right(page, screenshots, "where-you-stand", full_page=False)


def test_on_a_phone_the_selected_card_calls_and_logs(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    enter(page, live_server, here.sdr, "/today/")
    card = page.locator(f"#lead-{lead_of(here, 'Katharina Seidl').pk}")
    card.click(position={"x": 200, "y": 60})
    expect(card.get_by_role("link", name="Call Katharina Seidl")).to_have_attribute("href", "tel:+40 21 000 00 00")
    button = card.get_by_role("button", name="Log call")
    box = button.bounding_box()
    assert box and box["height"] >= 44
    button.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("No answer").check()
    dialog.get_by_role("button", name="Log it").click()
    expect(page.get_by_text("Logged for Katharina Seidl: Call, no answer.")).to_be_visible()


def test_one_key_logs_a_call_on_the_page_of_a_lead(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    lead = lead_of(here, "Lea Vontobel")
    enter(page, live_server, here.sdr, f"/leads/{lead.pk}/")
    page.keyboard.press("4")
    expect(page.get_by_text("Logged for Lea Vontobel: Call, wrong number. Accepted with it.")).to_be_visible()
    expect(page.locator("#timeline")).to_contain_text("wrong number")
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back: Lea Vontobel is as before.")).to_be_visible()
    page.keyboard.press("Shift+Z")
    expect(page.locator("#timeline .tag", has_text="taken back").first).to_be_visible()
    expect(page.get_by_text("Logged for Lea Vontobel: Call, wrong number. Accepted with it.")).to_be_visible()


def test_twenty_leads_are_triaged_in_three_minutes_each_undone_and_redone(
    page: Page, live_server: LiveServer, complaints: list[str]
) -> None:
    here = room(timezone.now())
    for kind, name in (("reject", "Not in the ideal profile"), ("recycle", "Timing: project later")):
        Reason.objects.create(kind=kind, stage="mql", name=name)
    leads = [here.wait(f"Lead Number{number:02}", due=HOUR + number * MINUTE) for number in range(20)]
    enter(page, live_server, here.sdr, "/queue/")
    expect(page.locator(WHO)).to_contain_text("Number00")
    began = time.monotonic()
    acts = {"a": "accepted", "2": "voicemail", "r": "rejected", "c": "recycled"}
    for number, lead in enumerate(leads):
        key = "a2rc"[number % 4]
        expect(page.locator(WHO)).to_contain_text(f"Number{number:02}")
        page.keyboard.press(key)
        if key in "rc":
            dialog = page.get_by_role("dialog")
            assert has_keyboard(dialog.get_by_label("Reason"))
            page.keyboard.press("ArrowDown")
            page.keyboard.press("Enter")
            if dialog.is_visible():  # a list takes Enter for itself
                dialog.get_by_role("button", name="Reject" if key == "r" else "Recycle").press("Enter")
        toast = page.locator("#toasts .toast-u", has_text=lead.person.name).last
        expect(toast).to_contain_text(acts[key])
        page.keyboard.press("z")
        expect(page.locator("#toasts .toast-u", has_text=lead.person.name).last).to_contain_text("Taken back")
        page.keyboard.press("Shift+Z")
        expect(page.locator("#toasts .toast-u", has_text=lead.person.name).last).to_contain_text(acts[key])
    took = time.monotonic() - began
    assert took < THREE_MINUTES, took
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    voids = StageEvent.objects.filter(kind="void").count()
    stages = sorted(Lead.objects.values_list("stage", "exit"))
    assert voids == 20
    assert stages == [("mql", "disqualified")] * 5 + [("mql", "recycled")] * 5 + [("sal", "")] * 10
    assert Attempt.objects.filter(taken_back_at=None).count() == 5
