"""The Prediction page in a real browser: ask for a training, follow it, see what it left out, decide with a reason."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from funnel.access import Role
from scoring.models import PredictiveModel
from scoring.predictive import runs
from tests import factories as make
from tests.browser.entering import enter
from tests.browser.looks import looks_right
from tests.scoring.learnable import many

pytestmark = pytest.mark.django_db(transaction=True)


def test_learn_from_the_past_and_decide_about_a_field(
    page: Page, live_server: LiveServer, complaints: list[str], screenshots: Path
) -> None:
    many(700, at=timezone.now() - timedelta(days=300))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE funnel_person p SET attributes = attributes || jsonb_build_object('verdict',"
            " CASE WHEN l.sql_at IS NULL THEN 'Bad fit' ELSE 'Good fit' END) FROM funnel_lead l"
            " WHERE l.person_id = p.id"
        )
        cursor.execute("UPDATE funnel_lead SET recorded_at = now()")
    ops = make.user(Role.MARKETING_OPS, first_name="Elif", last_name="Aydın")
    enter(page, live_server, ops, reverse("reporting:prediction"))
    expect(page.get_by_text("Nothing was learnt yet")).to_be_visible()
    page.get_by_role("button", name="Train now").click()
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text("A training waits")).to_be_visible()
    runs.train_next(now=timezone.now())
    page.get_by_role("link", name="Show what came of it").click()

    out = page.get_by_role("region", name="Fields left out").get_by_role("row").filter(has_text="Verdict")
    expect(out).to_contain_text("alone tell the outcome")
    expect(page.locator("[data-state=drawn]")).to_have_count(1)
    looks_right(page, screenshots, "prediction")
    out.get_by_text("Use it").click()
    out.get_by_role("textbox").fill("Asked on the first form")
    out.get_by_role("button", name="Keep and train").click()
    expect(page.get_by_text("Kept with your reason")).to_be_visible()
    assert PredictiveModel.objects.get(status="waiting").overrides[0]["reason"] == "Asked on the first form"
