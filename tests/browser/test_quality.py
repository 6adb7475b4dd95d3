"""Model quality in a real browser: read what to try, make a draft of it, settle a dispute; axe finds nothing."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from funnel.access import Role
from scoring.models import ScoringModel
from tests import factories
from tests.browser.entering import enter
from tests.browser.looks import looks_right
from tests.reporting.quality.cases import store
from tests.reporting.quality.oracle import Case
from tests.reporting.quality.simulated import scoring_model

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_suggestion_becomes_a_draft_and_a_dispute_is_settled(
    page: Page, live_server: LiveServer, screenshots: Path, complaints: list[str]
) -> None:
    at = timezone.now() - timedelta(days=30)
    many = [
        Case(
            mql_at=at, fate="accepted" if accepted else "rejected", reason="" if accepted else "Too small",
            points={rule: 45.0}, channel=channel,
        )
        for rule, good, channel in (("Webinar", 1, "Fair"), ("Price", 3, "Paid"))
        for accepted in [place < good for place in range(4)] * 12
    ]  # fmt: skip
    store(many, scoring_model("Webinar", "Price"))
    enter(page, live_server, factories.user(Role.MARKETING_OPS, is_staff=True), "/scoring/quality")
    tips = page.get_by_role("region", name="Suggestions")
    expect(tips.get_by_role("listitem").first).to_contain_text("Lower “Webinar” from 20")
    expect(page.locator("#calibration [data-state=drawn]")).to_be_visible()
    looks_right(page, screenshots, "quality")

    tips.get_by_label("Points").first.fill("9")
    tips.get_by_role("button", name="Make a draft and try it").first.click()
    expect(page.get_by_role("heading", name="Scoring lab")).to_be_visible()
    assert ScoringModel.objects.get(status="draft").rules.get(name="Webinar").points == 9

    page.goto(f"{live_server.url}/scoring/quality/dispute?channel=Fair")
    expect(page.get_by_text("Sales has a point about “channel Fair”")).to_be_visible()
    looks_right(page, screenshots, "dispute")
