"""Real funnels of other companies come in through `manage.py load`, whole and without a problem."""

import csv
from typing import Any

import pytest

from tests.acceptance.conftest import LOADS, data_folder, load


def rows_in(file: str) -> int:
    with (data_folder() / file).open(encoding="utf-8-sig", newline="") as lines:
        return sum(1 for cells in csv.reader(lines) if any(cells)) - 1


@pytest.mark.parametrize(("mapping", "kind", "file"), LOADS)
def test_every_row_of_a_file_is_accounted_for(
    mapping: str, kind: str, file: str, funnels: dict[str, dict[str, Any]], db: None
) -> None:
    answer = funnels[mapping]
    assert answer["errors"] == 0
    assert answer["rows"] == rows_in(file)
    assert answer["created"] + answer["updated"] + answer["unchanged"] + answer["skipped"] == answer["rows"]
    assert answer["created"] > 0


@pytest.mark.parametrize(("mapping", "kind", "file"), LOADS)
def test_the_same_file_again_changes_nothing(
    mapping: str, kind: str, file: str, funnels: dict[str, dict[str, Any]], db: None
) -> None:
    again = load(mapping, kind, file)
    assert again["created"] == again["updated"] == again["errors"] == 0
    assert again["skipped"] == funnels[mapping]["skipped"]
