"""Accounts in a real browser: from the list to one account and on to a lead of it; light, dark, narrow."""

import random
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from funnel.access import Role
from funnel.inbox import Taken
from funnel.models import Account
from scoring import accounts
from scoring.engine import apply
from scoring.services import ship
from tests import factories as make
from tests.browser.entering import enter
from tests.browser.looks import looks_right

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)
TITLES = ("Plant Manager", "Head of Automation", "Process Engineer", "Purchasing Manager", "Planner", "")
TYPES = ("page_visit", "pricing_visit", "content_download", "webinar_attended", "email_click", "demo_request")


@pytest.fixture
def brunner() -> Account:
    """The most engaged of a dozen."""
    now, dice = timezone.now().replace(microsecond=0), random.Random(4)
    ship(now=now - 120 * DAY)
    owner = make.rep(team=make.team(), name="Mara Lindqvist")
    whole = make.account(name="Brunner Group", tier=1)
    for number in range(12):
        name = "Brunner Automation AG" if number == 0 else f"Company {number}"
        about = {"tier": dice.choice([1, 2, None]), "industry": "Automation", "city": "Winterthur", "employees": 1850}
        account = make.account(name=name, owner=owner, parent=whole if number == 0 else None, **about)
        for title in TITLES[: 6 if number == 0 else dice.randrange(1, 4)]:
            pat = make.person(account=account, title=title, first_name="Lea", last_name=f"{title or 'Muster'}sen")
            for _ in range(12 if number == 0 else dice.randrange(1, 6)):
                at = now - dice.random() * 80 * DAY
                make.touch(person=pat, type=dice.choice(TYPES), occurred_at=at, recorded_at=at)
            with transaction.atomic():
                apply([Taken(pat.pk, "rebuild", None)], now=now)
            make.lead(person=pat, account=account, owner=owner, at=now - 80 * DAY)
    first = Account.objects.get(name="Brunner Automation AG")
    make.opportunity(account=first, name="Edge for two plants", amount="64000", owner=owner)
    accounts.score(now=now, limit=100)
    return first


def test_from_the_list_to_an_account_and_a_lead_of_it(
    page: Page, live_server: LiveServer, brunner: Account, complaints: list[str], screenshots: Path
) -> None:
    enter(page, live_server, make.user(Role.MARKETING_OPS), "/accounts/?engaged=over")
    page.get_by_role("link", name="Remove all filters").click()
    expect(page.locator("table.accounts tbody tr")).to_have_count(12)
    looks_right(page, screenshots, "accounts")
    page.get_by_role("link", name="Brunner Automation AG").click()
    expect(page.get_by_role("heading", level=1, name="Brunner Automation AG")).to_be_visible()
    expect(page.get_by_text("Engagement is")).to_be_visible()
    expect(page.locator(".fig .main-svg").first).to_be_visible()
    looks_right(page, screenshots, "account")
    page.get_by_role("region", name="People of the account").get_by_role("link").first.click()
    expect(page.get_by_text("known roles")).to_be_visible()
    page.screenshot(path=screenshots / "account-lead.png", full_page=True)
