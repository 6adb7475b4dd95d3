"""The queue in a real browser: triage by keyboard, undo, a missing reason, a race that is lost, a list that moves."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from funnel.models import Lead
from routing.decisions import services
from tests.browser.entering import enter
from tests.browser.looks import NARROW, SHAPES, looks_right
from tests.routing.waiting_rooms import HOUR, MINUTE, Room, busy

pytestmark = pytest.mark.django_db(transaction=True)
WHO = ".q-row.sel .p1"


@pytest.fixture
def here() -> Room:
    return busy(timezone.now())


def names(page: Page) -> list[str]:
    return page.locator("#queue-rows .p1 a").all_inner_texts()


def lead_of(here: Room, name: str) -> Lead:
    return next(lead for lead in here.leads if lead.person.name == name)


def test_triage_by_keyboard_with_undo(page: Page, live_server: LiveServer, here: Room, complaints: list[str]) -> None:
    enter(page, live_server, here.sdr, "/queue/")
    expect(page.locator(WHO)).to_contain_text("Ingrid Solheim-Dahl")
    expect(page.locator("#side")).to_contain_text("We run 9 yards")
    page.keyboard.press("j")
    expect(page.locator(WHO)).to_contain_text("Tomasz Wierzbicki")
    expect(page.locator("#side h2")).to_have_text("Tomasz Wierzbicki")
    page.keyboard.press("a")
    expect(page.get_by_text("Tomasz Wierzbicki is accepted.")).to_be_visible()
    expect(page.locator(WHO)).to_contain_text("Lea Vontobel")  # the next one, without another key
    expect(page.locator("#queue-rows > li")).to_have_count(9)
    expect(page.locator(".dc-top")).to_contain_text("Done today: 1 accepted")
    expect(page.locator(".seg .on")).to_have_text("Mine 9")
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back: Tomasz Wierzbicki is as before.")).to_be_visible()
    expect(page.locator("#queue-rows > li")).to_have_count(10)
    expect(page.locator(WHO)).to_contain_text("Lea Vontobel")  # who came back does not take the place
    lead = lead_of(here, "Tomasz Wierzbicki")
    lead.refresh_from_db()
    assert lead.stage == "mql"


def test_a_reject_asks_for_its_reason_and_a_recycle_for_its_day(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    enter(page, live_server, here.sdr, "/queue/?lead=" + str(lead_of(here, "Lea Vontobel").pk))
    expect(page.locator(WHO)).to_contain_text("Lea Vontobel")
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="Reject Lea Vontobel")
    dialog.get_by_label("In a sentence").fill("She is with a partner of ours.")
    dialog.get_by_role("button", name="Reject").click()
    expect(dialog.get_by_text("Pick a reason.")).to_be_visible()
    expect(dialog.get_by_label("In a sentence")).to_have_value("She is with a partner of ours.")
    dialog.get_by_label("Reason").select_option(index=1)
    dialog.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Lea Vontobel is rejected")).to_be_visible()
    expect(dialog).to_be_hidden()

    expect(page.locator(WHO)).to_contain_text("Katharina Seidl")
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="Recycle Dr. Katharina Seidl")
    dialog.get_by_label("Reason").select_option(label="Timing: project later")
    day = (timezone.localdate() + timedelta(days=90)).isoformat()
    expect(dialog.get_by_label("Look again on")).to_have_value(day)  # the reason's own
    dialog.get_by_role("button", name="Recycle").click()
    expect(page.get_by_text(f"looked at again on {day}")).to_be_visible()
    assert "Katharina Seidl" not in " ".join(names(page))


def test_the_loser_of_a_race_is_told_who_was_faster(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    enter(page, live_server, here.sdr, "/queue/")
    expect(page.locator(WHO)).to_contain_text("Ingrid")
    services.accept(lead_of(here, "Ingrid Solheim-Dahl").pk, user=here.manager, now=timezone.now())
    page.keyboard.press("a")
    expect(page.get_by_role("alert").get_by_text("Hanna Solberg accepted this lead")).to_be_visible()
    expect(page.locator("#queue-rows > li")).to_have_count(9)
    expect(page.locator(WHO)).to_contain_text("Tomasz Wierzbicki")


def test_a_refusal_that_changes_nothing_leaves_the_row(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    enter(page, live_server, here.sdr, "/queue/?tab=pool")
    expect(page.locator(WHO)).to_contain_text("Nora Bakke")
    here.sdr.rep.active = False
    here.sdr.rep.save()
    page.keyboard.press("a")
    expect(page.get_by_role("alert")).to_contain_text("your log-in is no rep")
    here.sdr.rep.active = True
    here.sdr.rep.save()
    expect(page.locator("#queue-rows")).to_contain_text("Nora Bakke")


def test_the_list_follows_without_losing_the_place(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    for number in range(20):
        here.wait(f"Extra {number}", due=20 * HOUR + number * MINUTE)
    enter(page, live_server, here.sdr, "/queue/")
    page.set_viewport_size({"width": 1440, "height": 640})
    target = page.locator(f"#lead-{lead_of(here, 'Extra 12').pk}")
    target.click(position={"x": 300, "y": 8})
    expect(page.locator("#side h2")).to_have_text("Extra 12")
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="Recycle Extra 12")
    dialog.get_by_label("In a sentence").fill("Half a sentence")
    before = target.bounding_box()
    here.wait("Newcomer Early", due=10 * MINUTE)
    services.accept(lead_of(here, "Lea Vontobel").pk, user=here.manager, now=timezone.now())
    services.accept(lead_of(here, "Tomasz Wierzbicki").pk, user=here.manager, now=timezone.now())
    expect(page.locator("#queue-rows", has_text="Newcomer Early")).to_be_visible(timeout=9000)
    expect(page.locator("#queue-rows", has_text="Lea Vontobel")).to_have_count(0)
    after = target.bounding_box()
    assert before and after and abs(before["y"] - after["y"]) <= 1
    expect(page.locator(WHO)).to_contain_text("Extra 12")
    expect(dialog.get_by_label("In a sentence")).to_have_value("Half a sentence")
    assert names(page).index("Newcomer Early") == 1  # behind the hot one


def test_claim_from_the_pool(page: Page, live_server: LiveServer, here: Room, complaints: list[str]) -> None:
    enter(page, live_server, here.sdr, "/queue/?tab=pool")
    expect(page.locator(WHO)).to_contain_text("Nora Bakke")
    page.keyboard.press("a")
    expect(page.get_by_text("Nora Bakke is yours.")).to_be_visible()
    expect(page.get_by_text("The pool is empty")).to_be_visible()
    page.get_by_role("link", name="Mine 11").click()
    expect(page.locator("#queue-rows")).to_contain_text("Nora Bakke")


def test_a_manager_gives_the_unrouted_to_a_rep(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    enter(page, live_server, here.manager, "/queue/?tab=unrouted")
    expect(page.locator("#queue-rows")).to_contain_text("Never routed")
    page.get_by_label("Tick Ivan Horvat").check()
    page.get_by_label("Give to").select_option(label="Jonas Petersen")
    page.get_by_role("button", name="Give").click()
    expect(page.get_by_text("Gave 1 lead to Jonas Petersen.")).to_be_visible()
    expect(page.get_by_text("Everything found somebody")).to_be_visible()


def test_enter_opens_and_the_way_back_keeps_the_lead(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    enter(page, live_server, here.sdr, "/queue/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Lea Vontobel")).to_be_visible()
    page.locator(".dc-top").get_by_role("link", name="Queue").click()
    expect(page.locator(WHO)).to_contain_text("Lea Vontobel")


def test_a_key_pressed_while_the_last_script_comes_counts_once(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    held: list[Route] = []

    def with_one_more_script(route: Route) -> None:
        answer = route.fetch()
        late = '<script src="/static/js/figures.js?late" defer></script></body>'
        route.fulfill(response=answer, body=answer.text().replace("</body>", late))

    enter(page, live_server, here.sdr, "/today/")
    page.route("**/queue/", with_one_more_script)
    page.route("**/figures.js?late", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks it
    page.goto(f"{live_server.url}/queue/", wait_until="commit")
    expect(page.locator(WHO)).to_contain_text("Ingrid Solheim-Dahl")  # the queue's own script is there
    page.keyboard.press("j")
    held[0].continue_()
    page.wait_for_load_state("load")
    expect(page.locator(WHO)).to_contain_text("Tomasz Wierzbicki")


def test_what_one_is_told_stands_behind_the_bell(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    lead = lead_of(here, "Lea Vontobel")
    lead_id = lead.pk
    here.sdr.notices.create(kind="assigned", lead=lead, cause="assignment:1", created_at=here.now)
    enter(page, live_server, here.sdr, "/queue/")
    expect(page.get_by_role("button", name="Notices, 1 unread")).to_be_visible()
    expect(page.locator(".dc-nav [data-waiting]")).to_have_text("10")
    page.locator("#bell").click()
    page.get_by_role("button", name="A lead for you").click()
    page.wait_for_url(f"**/leads/{lead_id}/")
    expect(page.get_by_role("button", name="Notices", exact=True)).to_be_visible()


def test_the_queue_is_accessible_wide_and_narrow(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str], screenshots: Path
) -> None:
    enter(page, live_server, here.sdr, "/queue/")
    expect(page.locator("#side h2")).to_have_text("Ingrid Solheim-Dahl")
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.get_by_text("is accepted.")).to_be_visible()
    looks_right(page, screenshots, "queue", shapes=SHAPES, full_page=False)
    page.set_viewport_size({"width": NARROW, "height": 844})
    page.goto(f"{live_server.url}/queue/")
    page.locator(".q-row.sel").get_by_role("button", name="Reject").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    looks_right(page, screenshots, "queue-reject", shapes=[("light", NARROW), ("dark", NARROW)], full_page=False)


def test_on_a_phone_a_card_carries_the_acts(
    page: Page, live_server: LiveServer, here: Room, complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    enter(page, live_server, here.sdr, "/queue/")
    card = page.locator(f"#lead-{lead_of(here, 'Lea Vontobel').pk}")
    card.click(position={"x": 200, "y": 60})
    accept = card.get_by_role("button", name="Accept")
    box = accept.bounding_box()
    assert box and box["height"] >= 44
    accept.click()
    expect(page.get_by_text("Lea Vontobel is accepted.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(card).to_be_visible()
