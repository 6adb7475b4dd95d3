"""Importing a CSV in a real browser, brought in by a real worker: upload, map, look, run, fetch the error file."""

import csv
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from funnel.access import Role
from funnel.models import ImportRun, Lead
from tests import factories
from tests.browser.looks import NARROW, looks_right

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a-long-password"
ROWS = 3_000


@pytest.fixture
def worker(settings: Any, tmp_path: Path) -> Iterator[subprocess.Popen]:
    """A worker of the ingest queue on the test's database."""
    settings.MEDIA_ROOT = tmp_path / "media"
    said = connection.settings_dict
    database = f"postgresql://{said['USER']}:{said['PASSWORD']}@{said['HOST']}:{said['PORT']}/{said['NAME']}"
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "demandcenter", "worker", "-Q", "ingest", "--pool", "solo"],
        cwd=django_settings.BASE_DIR,
        env=os.environ
        | {"DATABASE_URL": database, "REDIS_URL": django_settings.REDIS_URL, "MEDIA_ROOT": str(tmp_path / "media")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield process
    process.terminate()
    process.wait(60)


@pytest.fixture
def contacts(tmp_path: Path) -> Path:
    """An export of a CRM, with two rows that cannot come in."""
    path = tmp_path / "contacts of spring.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file, delimiter=";")
        out.writerow(
            ["Lead ID", "Work email", "First name", "Company name", "Lead source", "Created", "Outcome", "Closed"]
        )
        for number in range(ROWS):
            day = f"{number % 28 + 1:02d}.{number % 12 + 1:02d}.2024 10:{number % 60:02d}"
            outcome = ("", "Lost", "", "Recycled", "Spam")[number % 5]
            closed = day if outcome in ("Lost", "Recycled") else ""
            source = ("Webinar", "Paid search", "Referral")[number % 3]
            out.writerow(
                [f"C-{number}", f"p{number}@company{number % 50}.example", "Pat", "Acme", source, day, outcome, closed]
            )
        out.writerow(["C-x", "no address", "=SUM(A1)", "Acme", "Webinar", "01.02.2024 10:00", "", ""])
        out.writerow(["C-y", "y@company.example", "Pat"])
    return path


@pytest.fixture
def enter(page: Page, live_server: LiveServer) -> Iterator[Page]:
    """Marketing operations, logged in, on the list of imports."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    factories.user(Role.MARKETING_OPS, username="elif", password=PASSWORD, first_name="Elif", last_name="Aydın")
    page.goto(f"{live_server.url}/login/")
    page.get_by_label("Username").fill("elif")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Imports").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Imports")
    yield page
    assert [said for said in complaints if "422" not in said] == []


def upload(page: Page, file: Path) -> None:
    page.get_by_role("link", name=re.compile("Import a file|New import")).first.click()
    page.wait_for_url("**/imports/new/", wait_until="load")  # by then the page's script listens for a chosen file
    page.locator("input[name=file]").set_input_files(file)
    expect(page.locator("[data-file-name]")).to_have_text(file.name)
    page.get_by_label("Source").fill("spring-crm")


def test_a_file_comes_in_from_upload_to_error_file(
    enter: Page, worker: subprocess.Popen, contacts: Path, screenshots: Path
) -> None:
    page = enter
    looks_right(page, screenshots, "import-empty")
    upload(page, contacts)
    looks_right(page, screenshots, "import-file")
    page.get_by_role("button", name="Continue").click()

    # The columns are guessed; a change is shown at once and kept without pressing anything.
    expect(page.locator("#from-email")).to_have_value("column:Work email")
    expect(page.locator("#line-inquiry_at")).to_contain_text("is read as 1 January 2024, 10:00")
    page.get_by_text("more fields could be filled").click()
    page.locator("#from-segment").select_option("constant")
    page.get_by_label("Segment of every row").fill("SMB")
    line = page.locator("#line-exit")
    expect(line.get_by_label("Lost means")).to_have_value("lost")
    looks_right(page, screenshots, "import-columns")
    line.get_by_label("Spam means").select_option("leave the row out")
    page.get_by_role("button", name="Keep for later").click()
    page.get_by_role("link", name=contacts.name).click()
    expect(line.get_by_label("Spam means")).to_have_value("skip")
    expect(page.get_by_label("Segment of every row")).to_have_value("SMB")
    expect(page.locator("#from-closed_at")).to_have_value("column:Closed")

    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="First rows", exact=True)).to_contain_text("p0@company0.example")
    expect(page.get_by_role("heading", name="What would happen")).to_be_visible()
    looks_right(page, screenshots, "import-preview")
    assert not Lead.objects.exists()

    page.get_by_role("button", name=re.compile("Import about 3,002 rows")).click()
    expect(page.get_by_text("done, some failed")).to_be_visible(timeout=60_000)
    expect(page.locator("#progress")).to_contain_text("3,002 rows read")
    looks_right(page, screenshots, "import-run")
    expect(page.get_by_role("region", name="Problems")).to_contain_text("e-mail")
    run = ImportRun.objects.get()
    assert (run.status, run.rows, run.skipped, run.errors) == ("done", ROWS + 2, ROWS // 5, 2)
    assert Lead.objects.filter(source="spring-crm", segment="SMB").count() == run.created == ROWS - ROWS // 5

    with page.expect_download() as download:
        page.get_by_role("link", name="Error file").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    lines = list(csv.DictReader(text.splitlines()))
    assert [line["Lead ID"] for line in lines] == ["C-x", "C-y"]
    assert lines[0]["First name"] == "'=SUM(A1)"

    # The next file of the source is mapped like this one.
    page.get_by_role("link", name="Import another file").click()
    page.locator("input[name=file]").set_input_files(contacts)
    page.get_by_label("Source").fill("spring-crm")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#line-exit").get_by_label("Spam means")).to_have_value("skip")

    page.set_viewport_size({"width": NARROW, "height": 900})
    page.get_by_role("button", name="More").click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Imports").click()
    expect(page.get_by_role("link", name=contacts.name).first).to_be_visible()
    looks_right(page, screenshots, "import-list")


def test_a_bad_file_and_a_bad_mapping_say_what_to_do(enter: Page, tmp_path: Path) -> None:
    page = enter
    bad = tmp_path / "sheet.csv"
    bad.write_bytes(b"PK\x03\x04 and so on")
    upload(page, bad)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Save the sheet as CSV")).to_be_visible()
    expect(page.get_by_label("Source")).to_have_value("spring-crm")

    good = tmp_path / "leads.csv"
    good.write_text("number,when\n1,2024-01-01\n")
    page.locator("input[name=file]").set_input_files(good)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Time zone of the dates").fill("Europe/Nowhere")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".note.bad")).to_contain_text("there is no time zone “Europe/Nowhere”")
    expect(page.locator("#line-external_id [role=alert]")).to_contain_text("needed for leads")
    expect(page.get_by_label("Time zone of the dates")).to_have_value("Europe/Nowhere")
