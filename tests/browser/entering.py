"""Coming in as somebody, without the log-in page."""

from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer


def enter(page: Page, server: LiveServer, user: Any, address: str) -> None:
    """Open the address as this user."""
    client = Client()
    client.force_login(get_user_model().objects.get(pk=user.pk))
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}])
    page.goto(f"{server.url}{address}")
