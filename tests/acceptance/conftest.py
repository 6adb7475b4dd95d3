"""The four funnels, loaded once through `manage.py load` into a database of their own.

The data lies in DEMAND_ACCEPTANCE_DATA, by default `../shared/data` beside the project; nothing of it stands here.
"""

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

MAPPINGS = Path(__file__).parent / "mappings"
# (mapping, the file below the data folder), in the order in which they are loaded; the mapping says kind and source.
LOADS = (
    ("olist_leads", "leads", "olist/marketing_qualified_leads.csv"),
    ("olist_deals", "stage-events", "olist/closed_deals.csv"),
    ("bpi2012_leads", "leads", "bpi2012/stage_history.csv"),
    ("bpi2012_events", "stage-events", "bpi2012/stage_history.csv"),
    ("maven_accounts", "accounts", "maven_crm/accounts.csv"),
    ("maven_reps", "reps", "maven_crm/sales_teams.csv"),
    ("maven_deals", "opportunities", "maven_crm/sales_pipeline.csv"),
    ("xeducation_leads", "leads", "xeducation/leads.csv"),
)


def data_folder() -> Path:
    return Path(os.environ.get("DEMAND_ACCEPTANCE_DATA") or settings.BASE_DIR.parent / "shared" / "data")


def load(mapping: str, kind: str, file: str) -> dict[str, Any]:
    """Load one file as the command line does; returns what the command answered."""
    said = io.StringIO()
    arguments = [kind, str(data_folder() / file), "--mapping", str(MAPPINGS / f"{mapping}.yaml"), "--format", "json"]
    try:
        call_command("load", *arguments, stdout=said)
    except SystemExit as stopped:
        answer = json.loads(said.getvalue())
        error_file = answer["error_file"]
        shown = Path(error_file).read_text(encoding="utf-8-sig")[:3000] if error_file else ""
        pytest.fail(f"load {mapping} ended with status {stopped.code}: {answer}\n{shown}")
    return json.loads(said.getvalue())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.acceptance)
            item.add_marker(pytest.mark.xdist_group("acceptance"))  # loaded by one worker, once


@pytest.fixture(scope="session")
def expected() -> dict[str, Any]:
    """The reference figures."""
    file = data_folder() / "expected.json"
    if not file.exists():
        pytest.skip(f"No acceptance data: {file} is not there. Set DEMAND_ACCEPTANCE_DATA to its folder.")
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="package")
def funnels(
    expected: dict[str, Any], django_db_setup: None, django_db_blocker: Any
) -> Iterator[dict[str, dict[str, Any]]]:
    """The loaded funnels: what each load answered, by mapping.

    They live in a copy of the test database, so that no other test finds their rows.
    """
    with django_db_blocker.unblock():
        original = dict(connection.settings_dict)
        connection.close()
        connection.creation.clone_test_db(suffix="acceptance", verbosity=0)
        connection.settings_dict.update(connection.creation.get_test_db_clone_settings("acceptance"))
        try:
            yield {mapping: load(mapping, kind, file) for mapping, kind, file in LOADS}
        finally:
            connection.close()
            connection.settings_dict.update(original)
            connection.creation.destroy_test_db(suffix="acceptance", verbosity=0)
