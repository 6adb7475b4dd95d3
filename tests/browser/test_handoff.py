"""An account executive's day by keyboard alone, wide and on a phone: SQLs that were handed over, meetings, a return."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from funnel.access import Role
from funnel.models import Reason
from routing.models import HandOff, Meeting
from routing.sales import handoff
from tests import factories as make
from tests.browser.entering import enter, has_keyboard
from tests.browser.looks import looks_right
from tests.routing.test_handoff import named

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture
def seller():
    """An account executive with two SQLs that wait; a meeting of the first is just over."""
    now = timezone.now()
    sdr = named(make.user(Role.SDR, team=make.team(name="DACH"), username="mia"), "Mia Huber")
    user = named(
        make.user(Role.AE, team=make.team("ae", name="Sellers"), first_name="Olaf", username="olaf"), "Olaf Berg"
    )
    Reason.objects.get_or_create(kind="regress", stage="sql", name="Need not confirmed in the meeting")
    for place, (first, last, need) in enumerate(
        (("Lea", "Vontobel", "Loses two hours a week per crane"), ("Elena", "Popescu", "Wants a price list"))
    ):
        at = now - (9 - place) * DAY
        lead = make.lead(
            person=make.person(first_name=first, last_name=last, company="Brunner Automation"), owner=sdr.rep,
            stages={"inquiry": at, "mql": at, "sal": at + DAY, "sql": at + 2 * DAY},
        )  # fmt: skip
        make.touch(person=lead.person, type="webinar_attended", occurred_at=at)
        note = handoff.Note(need=need, next_step="Show it to the plant", unanswered="Is there a data centre in the EU?")
        handoff.offer(lead.pk, note=note, user=sdr, now=now - (3 - place) * timedelta(hours=1), rep_id=user.rep.pk)
    meeting = Meeting.objects.create(
        lead=HandOff.objects.earliest("pk").lead, rep=sdr.rep, starts_at=now - timedelta(hours=1), booked_at=now - DAY
    )
    meeting.attendees.create(person=meeting.lead.person)
    meeting.attendees.create(rep=user.rep)
    return user


def tab_to(page: Page, selector: str, *, most: int = 40) -> None:
    """Press Tab until the focus is there, as somebody without a mouse does."""
    for _ in range(most):
        if page.evaluate("(selector) => document.activeElement?.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {selector}")


@pytest.mark.parametrize(("width", "name"), [(1440, "wide"), (390, "narrow")])
def test_a_day_by_keyboard_alone(
    page: Page, live_server: LiveServer, seller, complaints: list[str], screenshots: Path, width: int, name: str
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    enter(page, live_server, seller, "/hand-offs/")
    expect(page.locator("[data-row]")).to_have_count(2)

    # The one that waits longest: read the note, take it over, take that back, take it over after all.
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Lea Vontobel")).to_be_visible()
    panel = page.locator("#hand-off")
    for words in (
        "Loses two hours a week per crane",
        "Show it to the plant",
        "data centre in the EU",
        "waits for Olaf",
    ):
        expect(panel).to_contain_text(words)
    page.keyboard.press("a")
    expect(page.get_by_text("Lea Vontobel is yours to sell.")).to_be_visible()
    expect(panel).to_contain_text("took it over")
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back: Lea Vontobel waits for your answer again.")).to_be_visible()
    expect(panel).to_contain_text("waits for Olaf")
    page.keyboard.press("a")
    expect(panel).to_contain_text("took it over")

    # The prospect did not come to the meeting: say so, and book the next one.
    page.keyboard.press("m")
    dialog = page.get_by_role("dialog", name="The meeting with Lea Vontobel")
    expect(dialog).to_be_visible()
    tab_to(page, "[name=outcome]")
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_label("The prospect did not come")).to_be_checked()
    tab_to(page, "[name=starts_at]")
    year = timezone.localdate().year + 1
    page.keyboard.type("0615")
    page.keyboard.type(str(year))
    page.keyboard.press("ArrowRight")
    page.keyboard.type("0930AM")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Noted: the prospect did not come. The next one is")).to_be_visible()
    expect(page.locator(".dc-bar")).to_contain_text("meeting")
    missed = Meeting.objects.get(outcome="no_show")
    assert Meeting.objects.get(outcome="").instead_of == missed
    assert missed.attendees.get(rep=seller.rep).came and not missed.attendees.get(person=missed.lead.person).came

    # The other one goes back, with its reason.
    page.goto(f"{live_server.url}/hand-offs/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Elena Popescu")).to_be_visible()
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="Return Elena Popescu to the SDR")
    assert has_keyboard(dialog.get_by_label("Reason"))
    page.keyboard.type("Need not")  # a list answers to what is typed
    tab_to(page, "[name=text]")
    page.keyboard.type("They only wanted a price list.")
    page.screenshot(path=screenshots / f"hand-off-return-{name}.png")
    tab_to(page, "button[type=submit]")
    page.keyboard.press("Enter")
    expect(
        page.get_by_text("Elena Popescu is returned to Mia Huber: Need not confirmed in the meeting.")
    ).to_be_visible()
    page.goto(f"{live_server.url}/hand-offs/?tab=returned")
    expect(page.locator("[data-row]")).to_have_count(1)


def test_an_sdr_hands_over_by_keyboard(page: Page, live_server: LiveServer, seller, complaints: list[str]) -> None:
    sdr = named(make.user(Role.SDR, team=make.team(), username="jon"), "Jon Doe")
    at = timezone.now() - 5 * DAY
    lead = make.lead(
        person=make.person(first_name="Nora", last_name="Bakke"), owner=sdr.rep,
        stages={"inquiry": at, "mql": at, "sal": at, "sql": at},
    )  # fmt: skip
    enter(page, live_server, sdr, f"/leads/{lead.pk}/")
    expect(page.get_by_role("heading", level=1, name="Nora Bakke")).to_be_visible()
    page.keyboard.press("h")
    dialog = page.get_by_role("dialog", name="Hand Nora Bakke to an account executive")
    expect(dialog).to_be_visible()
    tab_to(page, "[name=need]")
    page.keyboard.type("A second site goes live in May")
    page.keyboard.press("Tab")
    page.keyboard.type("Call with the site manager on Monday")
    tab_to(page, "[name=rep_id]")
    page.keyboard.type("Olaf")
    tab_to(page, "button[type=submit]")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nora Bakke is handed to Olaf Berg.")).to_be_visible()
    expect(page.locator("#hand-off")).to_contain_text("waits for Olaf Berg")
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back: Nora Bakke is not offered any more.")).to_be_visible()


def test_the_pages_are_accessible_wide_and_narrow(
    page: Page, live_server: LiveServer, seller, complaints: list[str], screenshots: Path
) -> None:
    lead = HandOff.objects.earliest("pk").lead
    for address, shown, picture in (
        ("/hand-offs/", "[data-row]", "hand-offs"),
        (f"/leads/{lead.pk}/", "#hand-off", "hand-off-lead"),
        ("/notices/settings/", "table.told", "notice-settings"),
    ):
        enter(page, live_server, seller, address)
        expect(page.locator(shown).first).to_be_visible()
        looks_right(page, screenshots, picture)


def test_the_browser_tells_what_it_was_asked_to(
    page: Page, live_server: LiveServer, seller, complaints: list[str]
) -> None:
    page.context.grant_permissions(["notifications"], origin=live_server.url)
    page.add_init_script(
        "window.shown = []; class Fake { constructor(title, options) { window.shown.push([title, options.body]);"
        " document.documentElement.dataset.shown = window.shown.length; }"
        " addEventListener() {} static permission = 'granted'; static requestPermission() {"
        " return Promise.resolve('granted'); } }; window.Notification = Fake;"
    )
    enter(page, live_server, seller, "/notices/settings/")
    expect(page.get_by_text("This browser tells you.")).to_be_visible()
    page.get_by_label("An SQL for you: By the browser").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("from now on you are told like this")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-shown", "2")
    assert {body for _title, body in page.evaluate("window.shown")} == {
        f"{name} is an SQL that is handed to you; take it over or return it."
        for name in ("Lea Vontobel", "Elena Popescu")
    }
    page.reload()
    expect(page.locator("#bell [data-unread]")).to_have_text("2")
    assert page.evaluate("window.shown") == []  # each is shown once
