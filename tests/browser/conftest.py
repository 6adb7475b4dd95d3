"""A real Chromium wherever one is found; where there is none, the run says so in capital letters."""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from playwright.sync_api import Page, Playwright, expect

from tests.waiting import wait_until

HERE = Path(__file__).parent
SCREENSHOTS = Path(__file__).resolve().parents[2] / "screenshots"

# Playwright keeps an event loop in the test's thread, which Django's guard takes for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
# Beside other tests a page takes its time; what is there at once is seen at once.
expect.set_options(timeout=30_000)


def find_chromium() -> str | None:
    """A Chromium of the system, else the one that `playwright install chromium` fetched."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    return next((str(found) for found in sorted(cache.glob("chromium-*/chrome-linux*/chrome"))), None)


CHROMIUM = os.environ.get("DEMAND_CHROMIUM") or find_chromium()
NOT_FOUND = "no Chromium found: install the package chromium, or run `.venv/bin/playwright install chromium`"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason=NOT_FOUND))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if CHROMIUM is None:
        terminalreporter.write_sep("=", "BROWSER TESTS DID NOT RUN", red=True, bold=True)
        terminalreporter.write_line(NOT_FOUND)


@pytest.fixture(scope="session")
def closed_before() -> None:
    connections.close_all()


@pytest.fixture(scope="session")
def playwright(closed_before: None, playwright: Playwright) -> Iterator[Playwright]:
    """While its event loop runs, Django takes the thread for another one and gives it other connections.

    Those of before would stay open, and processes that a later test forks would share them; so would those of now.
    """
    yield playwright
    connections.close_all()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    return browser_type_launch_args | {
        "executable_path": CHROMIUM,
        "args": ["--no-sandbox", "--disable-background-networking"],
    }


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """The folder for pictures that people look at after a run."""
    SCREENSHOTS.mkdir(exist_ok=True)
    return SCREENSHOTS


@pytest.fixture(autouse=True)
def answered_to_the_end(_django_db_helper: None) -> Iterator[None]:
    """Let the server finish what a closed page had asked before the tables are emptied: both want the same locks, and
    what is written afterwards would be there in the next test.
    """
    yield
    assert wait_until(lambda: not _requests()), f"still being answered: {_requests()}"


def _requests() -> list[str]:
    """The live server's threads; each ends with its connection to the browser."""
    return [thread.name for thread in threading.enumerate() if "process_request_thread" in thread.name]


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the page's scripts and its console complain of; a test that asks for it ends without any."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    yield found
    # The browser reports 422 and 409 as errors; they are how a form says what is missing, and how a race is lost.
    assert [text for text in found if "422" not in text and "409" not in text] == []
