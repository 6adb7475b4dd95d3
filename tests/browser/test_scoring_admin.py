"""Scoring in a real browser: a rule by rows, its count, publishing and activating; told what cannot be; by keyboard."""

import json
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from demandcenter import pipeline
from funnel.access import Role
from funnel.models import Inbox
from scoring import services
from scoring.models import ScoringModel
from tests import factories as make
from tests.browser.entering import enter as come_in
from tests.browser.entering import has_keyboard
from tests.browser.looks import violations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shipped() -> ScoringModel:
    """The shipped model, active, and three people: one of chemicals, one of steel, one of whom nothing is known."""
    model = services.ship(now=timezone.now())
    for industry in ("Chemicals", "Steel"):
        make.person(account=make.account(industry=industry))
    make.person()
    return model


def enter(page: Page, server: LiveServer, address: str) -> None:
    come_in(page, server, make.user(Role.ADMINISTRATOR, username="hanna", is_staff=True), address)


def rules(page: Page) -> Locator:
    return page.locator("#rules-data .form-group:not(.empty-form)")


def add_rule(page: Page, name: str, kind: str, category: str, points: str) -> Locator:
    page.get_by_role("link", name="Rules", exact=True).click()
    count = rules(page).count()
    page.get_by_text("Add another rule").click()
    expect(rules(page)).to_have_count(count + 1)
    rule = rules(page).last
    assert has_keyboard(rule.locator("[name$=-name]"))
    rule.locator("[name$=-name]").fill(name)
    rule.locator("[name$=-kind]").select_option(label=kind)
    rule.locator("[name$=-category]").select_option(label=category)
    rule.locator("[name$=-points]").fill(points)
    return rule


def test_a_rule_is_made_by_rows_published_and_activated(
    page: Page, live_server: LiveServer, shipped: ScoringModel, complaints: list[str], screenshots: Path
) -> None:
    enter(page, live_server, f"/admin/scoring/scoringmodel/{shipped.pk}/change/")
    expect(page.get_by_text("This version makes MQLs.")).to_be_visible()
    page.get_by_role("link", name="New draft from this version").click()
    page.get_by_label("Name").fill("With chemistry")
    page.get_by_role("button", name="Make the draft").click()
    expect(page.get_by_text("Version 2 is a draft.")).to_be_visible()

    rule = add_rule(page, "Chemistry", "A person or account that matches", "Company", "12")
    rule.get_by_role("button", name="Add a comparison").click()
    rule.get_by_label("Field", exact=True).select_option(label="Industry")
    rule.get_by_label("Comparison", exact=True).select_option(label="is one of")
    value = rule.get_by_label("Add a value, then press Enter")
    value.fill("chem")
    expect(rule.locator("datalist option")).to_have_count(1)
    expect(rule.locator("datalist option")).to_have_attribute("value", "Chemicals")
    value.fill("chemicals")
    value.press("Enter")
    expect(rule.get_by_text("1 of 3 people match, 1 unknown.")).to_be_visible()
    expect(rule.get_by_text("Industry is “chemicals”.")).to_be_visible()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        rule.screenshot(path=screenshots / f"condition-builder-{theme}.png")
        assert violations(page, "#rules-data .form-group.last .cond") == []
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()

    page.get_by_role("link", name="Publish").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Say what changes and why")).to_be_visible()
    page.get_by_label("What this version changes, and why").fill("Chemistry buys most")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Scoring people")).to_be_visible()

    model = ScoringModel.objects.get(version=2)
    while services.fill(model) or Inbox.objects.exists():
        pipeline.drain()
    page.get_by_role("link", name="Activate").click()
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_text("Version 2 decides from now on.")).to_be_visible()
    model.refresh_from_db()
    assert model.active and model.why == "Chemistry buys most"
    assert model.rules.get(name="Chemistry").condition == {
        "field": "account.industry", "op": "in", "value": ["chemicals"],
    }  # fmt: skip


def test_an_impossible_condition_is_told_and_nothing_typed_is_lost(
    page: Page, live_server: LiveServer, shipped: ScoringModel, complaints: list[str]
) -> None:
    draft = services.draft(from_model=shipped, user=None, name="Draft")
    enter(page, live_server, f"/admin/scoring/scoringmodel/{draft.pk}/change/")
    rule = add_rule(page, "Neither", "A person or account that matches", "Company", "5")
    for word, bound in (("is more than", "500"), ("is less than", "many")):
        rule.get_by_role("button", name="Add a comparison").first.click()
        rule.get_by_label("Field", exact=True).last.select_option(label="Employees")
        rule.get_by_label("Comparison", exact=True).last.select_option(label=word)
        rule.get_by_label("Value", exact=True).last.fill(bound)
    expect(rule.get_by_text("Employees takes a number, not “many”.")).to_be_visible()
    rule.get_by_label("Value", exact=True).last.fill("100")
    never = "Employees is more than 500 and employees is less than 100: this can never hold."
    expect(rule.locator(".cond-problems")).to_have_text(never)

    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errorlist").get_by_text(never)).to_be_visible()
    rule = rules(page).last
    rule.scroll_into_view_if_needed()
    expect(rule.locator("[name$=-name]")).to_have_value("Neither")
    expect(rule.get_by_label("Value", exact=True).first).to_have_value("500")
    rule.get_by_label("Value", exact=True).last.fill("1000")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert len(draft.rules.get(name="Neither").condition["all"]) == 2


def test_groups_and_text_say_the_same_by_keyboard_alone(
    page: Page, live_server: LiveServer, shipped: ScoringModel, complaints: list[str]
) -> None:
    draft = services.draft(from_model=shipped, user=None, name="Draft")
    enter(page, live_server, f"/admin/scoring/scoringmodel/{draft.pk}/change/")
    page.get_by_role("link", name="Gates", exact=True).click()
    title = page.get_by_role("button", name="Must not hold: Competitor")
    title.focus()
    page.keyboard.press("Enter")
    gate = page.locator("#gates-data .form-group").filter(has=title)
    expect(title).to_have_attribute("aria-expanded", "true")
    gate.get_by_role("button", name="Add a group").focus()
    page.keyboard.press("Enter")
    assert has_keyboard(gate.get_by_label("Field", exact=True).last)
    page.keyboard.type("Tier")
    gate.get_by_label("Comparison", exact=True).last.focus()
    page.keyboard.press("Tab")
    page.keyboard.type("3")
    gate.get_by_label("How many of these must hold").last.select_option(label="None of these holds")
    expect(gate.get_by_text("Kind of account is competitor and not (tier is 3).")).to_be_visible()

    gate.get_by_role("button", name="Edit as JSON").click()
    text = gate.locator("textarea")
    tree = json.loads(text.input_value())
    assert tree["all"][1] == {"not": {"field": "account.tier", "op": "is", "value": 3}}
    text.fill('{"any": [')
    gate.get_by_role("button", name="Edit as rows").click()
    expect(gate.get_by_text("This cannot be shown as rows. Mend the JSON first.")).to_be_visible()
    text.fill(json.dumps({"any": tree["all"]}))
    gate.get_by_role("button", name="Edit as rows").click()
    expect(gate.get_by_label("How many of these must hold").first).to_have_value("any")
    gate.get_by_role("button", name="Remove this group").click()
    expect(gate.get_by_text("Kind of account is competitor.", exact=True)).to_be_visible()
