"""An experiment in a real browser: drafted, started, read and stopped; light and dark, wide and narrow."""

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
from tests.browser.entering import enter
from tests.browser.looks import looks_right

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


def test_from_a_guess_to_its_effect(
    page: Page, live_server: LiveServer, complaints: list[str], screenshots: Path
) -> None:
    ship(now=timezone.now() - DAY)
    enter(page, live_server, make.user(Role.MARKETING_OPS), "/experiments/")
    page.get_by_role("link", name="New experiment").first.click()
    looks_right(page, screenshots, "experiment-kind")
    page.get_by_role("link", name="Other points for one rule").click()
    page.get_by_label("Name", exact=True).fill("Do careers visits matter?")
    page.get_by_label("Hypothesis").fill("Taking ten points off keeps nobody who would have bought.")
    page.get_by_label("Rule", exact=True).select_option(index=1)
    page.get_by_label("Points in the changed version").fill("0")
    looks_right(page, screenshots, "experiment-new")
    page.get_by_role("button", name="Make the draft").click()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("has begun")).to_be_visible()
    _outcomes(Experiment.objects.get())
    page.reload()
    expect(page.get_by_text("Changed minus control")).to_be_visible()
    looks_right(page, screenshots, "experiment")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("is stopped")).to_be_visible()
    page.get_by_role("link", name="Experiments").first.click()
    looks_right(page, screenshots, "experiments")


def _outcomes(one: Experiment) -> None:
    at = timezone.now() - 40 * DAY
    for number in range(60):
        changed = number % 3 == 0
        stages = {"inquiry": at, "mql": at} | ({"sal": at + DAY} if number % 2 and not changed else {})
        ExperimentAssignment.objects.create(
            experiment=one, person=make.lead(stages=stages).person, changed=changed, probability=0.5, assigned_at=at
        )
