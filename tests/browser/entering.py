"""What every test of a browser begins with, and how it asks where the keyboard is."""

from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Locator, Page
from pytest_django.live_server_helper import LiveServer

from tests.waiting import wait_until


def enter(page: Page, server: LiveServer, user: Any, address: str) -> None:
    """Open the address as this user, without the log-in page."""
    client = Client()
    client.force_login(get_user_model().objects.get(pk=user.pk))
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}])
    page.goto(f"{server.url}{address}")


def has_keyboard(element: Locator) -> bool:
    """Whether keys go there, soon. Asked of the page: the window itself may lack the keyboard on a busy machine."""
    return wait_until(lambda: element.evaluate("element => element === document.activeElement"))
