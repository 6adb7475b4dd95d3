"""The scoring lab in a real browser: draft, change the threshold, simulate, see, drill, publish with why."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from funnel.access import Role
from scoring import services, simulation
from scoring.models import ScoringModel, Status
from tests import factories as make
from tests.browser.entering import enter
from tests.browser.looks import looks_right
from tests.reporting.laboratory import inquiry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def warm() -> list[str]:
    """The shipped model, active, and two inquiries of its best fit: 52 points of interest, and 15."""
    model = services.ship(now=timezone.now())
    ScoringModel.objects.filter(pk=model.pk).update(active=True, filled_at=timezone.now())
    firm = make.account(name="Alpina", industry="Chemicals", employees=500, tier=1)
    at = timezone.now() - timedelta(days=100)
    names: list[str] = []
    for touches in (("webinar_attended", "event_attended", "content_download", "calculator"), ("webinar_attended",)):
        person = make.person(account=firm, title="Head of operations", email=f"p{len(names)}@alpina.example")
        names.append(person.name)
        inquiry(person, at=at, touches=touches)
    return names


def test_a_draft_is_tried_on_history_and_published(
    page: Page, live_server: LiveServer, warm: list[str], complaints: list[str], screenshots: Path
) -> None:
    elif_ = make.user(Role.MARKETING_OPS, username="elif", first_name="Elif", last_name="Aydın")
    page.set_viewport_size({"width": 1440, "height": 900})
    enter(page, live_server, elif_, "/scoring/lab")
    expect(page.get_by_role("link", name="Scoring lab")).to_have_attribute("aria-current", "page")
    expect(page.get_by_text("Nothing to compare yet")).to_be_visible()

    page.get_by_role("button", name="New draft").click()
    page.get_by_label("Threshold v1: 40").fill("too high")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("The threshold is a number of points from 0 on.")).to_be_visible()
    page.get_by_label("Threshold v1: 40").fill("60")
    page.get_by_role("button", name="Save and simulate").click()
    expect(page.get_by_text("Waiting for a worker. You can leave this page")).to_be_visible()

    simulation.work()  # as a worker does it; the page looks every second and shows what it came to
    tile = page.locator(".kpi", has_text="MQLs a week")
    expect(tile.get_by_text("1 → 0 in 26 weeks")).to_be_visible()
    expect(page.locator("[data-figure][data-state=drawn]")).to_have_count(2)
    changes = page.locator("#changes")
    expect(changes.get_by_text("Entry threshold")).to_be_visible()
    flips = page.locator("#flips")
    expect(flips.get_by_role("row", name=warm[0])).to_contain_text("Entry threshold 40 → 60")
    expect(flips.get_by_role("row", name=warm[1])).to_have_count(0)
    looks_right(page, screenshots, "lab")

    tile.get_by_role("button", name="0.0").first.click()
    page.get_by_role("link", name="Open 1", exact=True).first.click()
    expect(page.get_by_text("Leads that live v1 makes MQL")).to_be_visible()
    expect(page.get_by_role("link", name=warm[0])).to_be_visible()
    page.get_by_role("link", name="Back to the lab").click()

    page.get_by_role("button", name="Publish now").click()
    expect(page.get_by_text("Say what changes and why")).to_be_visible()
    page.get_by_label("Why (required, kept with the version)").fill("Forty was too low.")
    page.get_by_role("button", name="Publish now").click()
    expect(page.get_by_text("Version 2 is published.")).to_be_visible()
    expect(page.get_by_text("published on this")).to_be_visible()
    made = ScoringModel.objects.get(version=2)
    assert (made.status, made.threshold, made.why, made.published_by) == (
        Status.PUBLISHED, 60, "Forty was too low.", elif_,
    )  # fmt: skip
