"""`manage.py doctor` and the health check: what is sound, and plain words for what is not."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from demandcenter import diagnosis, health
from demandcenter.diagnosis import Finding
from demandcenter.server_process import free_port
from demandcenter.tasks import LAST_TICK, tick
from funnel.inbox import Backlog
from routing.messages import outbox
from tests.waiting import PATIENCE

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


def states(findings: list[Finding]) -> list[str]:
    return [finding.state for finding in findings]


@pytest.mark.django_db
def test_a_sound_database_and_redis_need_nothing(settings: Settings) -> None:
    findings = [*diagnosis.postgresql(), *diagnosis.migrations(), *diagnosis.redis_server(settings.REDIS_URL)]
    assert set(states(findings)) == {"ok"}, findings


def test_a_broken_installation_is_told_in_plain_words_and_by_the_exit_status(tmp_path: Path) -> None:
    nobody = free_port()
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=configured.BASE_DIR,
        env=os.environ
        | {
            "DATABASE_URL": f"postgresql://demand@127.0.0.1:{nobody}/demand",
            "REDIS_URL": f"redis://127.0.0.1:{nobody}/0",
            "REPORTING_ZONE": "Mars/Olympus",
            "DEMAND_DATA_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert "mend  PostgreSQL does not answer" in done.stdout
    assert "Start it, or correct DATABASE_URL." in done.stdout
    assert "mend  Redis does not answer" in done.stdout
    assert "mend  REPORTING_ZONE 'Mars/Olympus' is no time zone" in done.stdout
    assert done.stdout.rstrip().endswith("3 to mend.")


def test_missing_processes_are_to_mend_only_where_they_are_promised() -> None:
    cache.delete(LAST_TICK)
    assert states(list(diagnosis.processes(expected=True))) == ["mend", "mend"]
    tick()
    cache.set(LAST_TICK, timezone.now() - timedelta(minutes=2))
    assert states(list(diagnosis.processes(expected=False))) == ["note", "ok"]


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [
        (NOON, 0.0),
        (NOON + timedelta(seconds=1), 0.0),
        (NOON - timedelta(seconds=3), 3.0),
        (NOON + timedelta(seconds=9), 7.0),
    ],
)
def test_clocks_differ_by_no_more_than_the_question_took(clock: datetime, seconds: float) -> None:
    assert diagnosis.clock_difference(NOON, clock, NOON + timedelta(seconds=2)) == seconds


def test_packages_are_compared_with_the_compiled_requirements(tmp_path: Path) -> None:
    pinned = tmp_path / "base.txt"
    pinned.write_text(
        "django==1.0 \\\n    --hash=sha256:00\nno-such-package==1.0\nabsent==1.0 ; sys_platform == 'nowhere' \\\n"
    )
    (finding,) = diagnosis.packages(pinned)
    assert finding.state == "mend"
    assert finding.text.startswith("2 packages differ: django is ")
    assert "no-such-package is missing" in finding.text


def test_production_must_not_offer_the_demo_or_any_host(settings: Settings) -> None:
    settings.DEMO = True
    settings.DEBUG = True
    settings.ALLOWED_HOSTS = ["*"]
    to_mend = [finding.text for finding in diagnosis.production() if finding.state == "mend"]
    assert "DEMO offers log-ins to everybody" in to_mend
    assert "ALLOWED_HOSTS allows any name" in to_mend
    assert any("security.W018" in text for text in to_mend), "debug pages went unnoticed"
    settings.DEMO = False
    settings.DEBUG = False
    settings.SECRET_KEY = "a-key-of-fifty-characters-or-more-0123456789-abcdefghij"
    settings.ALLOWED_HOSTS = ["demand.example.com"]
    assert not [finding for finding in diagnosis.production() if finding.state == "mend"]


@pytest.mark.django_db
def test_anybody_may_ask_for_the_health(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@pytest.mark.django_db
def test_without_redis_the_product_still_serves(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded", "database": "ok", "redis": "unreachable"}


@pytest.mark.django_db
def test_without_a_database_it_does_not_and_keeps_the_reason_to_itself(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "database_problem", lambda: "connection to 10.0.0.5 refused")
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "down", "database": "unreachable", "redis": "ok"}


def of_pipeline(**more: object) -> list[Finding]:
    empty = {"rows": 0, "since": None, "people": 0, "problem": "", "failed_since": None}
    return list(diagnosis.pipeline(Backlog(**empty | more), now=NOON))


def test_the_backlog_is_to_mend_once_somebody_waits_too_long() -> None:
    assert of_pipeline() == [diagnosis.ok("No fact waits for the pipeline")]
    assert of_pipeline(rows=1200, since=NOON - timedelta(seconds=30)) == [
        diagnosis.ok("1,200 facts wait for the pipeline")
    ]
    (found,) = of_pipeline(rows=100_000, since=NOON - timedelta(minutes=5))
    assert (found.state, found.text) == ("mend", "more than 100,000 facts wait for the pipeline, the oldest for 5 min")
    assert "worker of `pipeline`" in found.remedy


def test_people_who_could_not_be_processed_are_told_with_the_first_problem() -> None:
    _backlog, found = of_pipeline(people=3, problem="ZeroDivisionError: by nought")
    assert found.state == "mend"
    assert found.text == "3 people could not be processed; first problem: ZeroDivisionError: by nought"
    assert of_pipeline(people=1)[1].text.startswith("1 person could not be processed")


def test_notices_that_do_not_leave_are_told() -> None:
    def found(**more: object) -> list[Finding]:
        return list(diagnosis.deliveries(outbox.Backlog(**{"late": 0, "aside": 0, "problem": ""} | more)))

    assert [finding.state for finding in found()] == ["ok"]
    (late,) = found(late=3)
    assert (late.state, "worker of `delivery`" in late.remedy) == ("mend", True)
    (aside,) = found(aside=2, problem="hooks.example.com answered 404.")
    assert aside.text == "2 notices could not be delivered; last problem: hooks.example.com answered 404."
