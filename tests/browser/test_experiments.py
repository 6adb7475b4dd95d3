"""An experiment in a real browser: drafted, started, read and stopped; light and wide, dark and narrow."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from funnel.access import Role
from scoring.models import Experiment, ExperimentAssignment
from scoring.services import ship
from tests import factories as make
from tests.browser.accessibility import violations
from tests.browser.entering import enter

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_from_a_guess_to_its_effect(
    page: Page, live_server: LiveServer, complaints: list[str], screenshots: Path, scheme, width
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    ship(now=timezone.now() - DAY)
    enter(page, live_server, make.user(Role.MARKETING_OPS), "/experiments/")
    page.get_by_role("link", name="New experiment").first.click()
    fits(page, screenshots / f"experiment-kind-{scheme}-{width}.png")
    page.get_by_role("link", name="Other points for one rule").click()
    page.get_by_label("Name", exact=True).fill("Do careers visits matter?")
    page.get_by_label("Hypothesis").fill("Taking ten points off keeps nobody who would have bought.")
    page.get_by_label("Rule", exact=True).select_option(index=1)
    page.get_by_label("Points in the changed version").fill("0")
    fits(page, screenshots / f"experiment-new-{scheme}-{width}.png")
    page.get_by_role("button", name="Make the draft").click()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("has begun")).to_be_visible()
    _outcomes(Experiment.objects.get())
    page.reload()
    expect(page.get_by_text("Changed minus control")).to_be_visible()
    fits(page, screenshots / f"experiment-{scheme}-{width}.png")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("is stopped")).to_be_visible()
    page.get_by_role("link", name="Experiments").first.click()
    fits(page, screenshots / f"experiments-{scheme}-{width}.png")


def _outcomes(one: Experiment) -> None:
    at = timezone.now() - 40 * DAY
    for number in range(60):
        changed = number % 3 == 0
        stages = {"inquiry": at, "mql": at} | ({"sal": at + DAY} if number % 2 and not changed else {})
        ExperimentAssignment.objects.create(
            experiment=one, person=make.lead(stages=stages).person, changed=changed, probability=0.5, assigned_at=at
        )


def fits(page: Page, picture: Path) -> None:
    page.screenshot(path=picture, full_page=True)
    assert violations(page) == []
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, overflow
