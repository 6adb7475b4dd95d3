"""A copy of the facts of its own for each test."""

import pytest
from django.db import connection

from reporting.facts import Copy


@pytest.fixture
def copy(db: None) -> Copy:
    return Copy(connection)
